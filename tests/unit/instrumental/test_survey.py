"""Checks of an instrument in rows that a survey drew: errors are those within its strata."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from causal import inference
from causal.estimators import InstrumentalVariables, NuisanceStore
from causal.estimators.iv_algebra import k_class
from causal.estimators.reduced_form import reduced_form
from causal.estimators.weak_sets import anderson_rubin_p, weak_set
from causal.instrument_checks import judge_instruments
from causal.instrumental import (
    ByInstrument,
    ComplierTable,
    FirstStageByGroup,
    ImpossibleRatio,
    InstrumentalInequalities,
    InstrumentBalance,
    InstrumentBounding,
)
from causal.strata import Strata
from causal.subject import Subject

EXACT = 1e-9
UNITS, STRATA = 60, 5
ALL_BUT_A_QUARTER = (
    0.75  # of the units drawn, so that errors are half as large as from an endless population
)


def surveyed(sample, fraction=0.0):
    """Say that rows are of 60 units, drawn from 5 strata along severity."""
    order = np.argsort(np.argsort(sample.x[:, 0], kind="stable"))
    unit = (order * UNITS // sample.n).astype(np.int64)
    code = unit * STRATA // UNITS
    drawn = np.full(sample.n, UNITS / STRATA)
    return replace(sample, cluster=unit, strata=Strata(code, drawn, np.full(sample.n, fraction)))


@pytest.fixture
def offered(encouraged):
    return replace(encouraged(1200, weighted=True), w=np.ones(1200))


def examine(check, sample):
    free, estimator = sample.with_terms(()), InstrumentalVariables()
    fitted = estimator.fit(free, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("tsls", estimator, free, fitted, fitted, sample, "risk_difference")
    return check.examine(subject, "offered_help", np.random.default_rng(1))


def values(found, label):
    rows = found.labelled(label)
    return {row.subject: {one.name: one.value for one in row.numbers} for row in rows}


def halved(check, offered, label, name):
    """Give numbers without and with most of the population drawn, one a row."""
    ends = [
        values(examine(check, surveyed(offered, fraction)), label)
        for fraction in (0.0, ALL_BUT_A_QUARTER)
    ]
    assert list(ends[0]) == list(ends[1])
    return [np.array([row[name] for row in one.values()]) for one in ends]


def with_coin(sample):
    """Add a 0/1 covariate that has nothing to do with anything."""
    coin = np.random.default_rng(5).integers(0, 2, sample.n).astype(float)
    return replace(
        sample,
        x=np.column_stack([sample.x, coin]),
        terms=(*sample.terms, "coin"),
        concepts=(*sample.concepts, "coin"),
    )


@pytest.mark.parametrize(
    ("check", "label", "name"),
    [
        (ByInstrument(), "level", "exposure_std_error"),
        (ByInstrument(), "level", "outcome_std_error"),
        (InstrumentBalance(), "covariate", "std_error"),
        (FirstStageByGroup(), "group", "std_error"),
    ],
    ids=["exposure by instrument", "outcome by instrument", "balance", "first stage by group"],
)
def test_errors_know_what_share_of_a_stratum_was_drawn(offered, check, label, name):
    whole, most = halved(check, with_coin(offered), label, name)
    assert (whole > 0).all()
    np.testing.assert_allclose(most, whole / 2, rtol=EXACT)


def test_the_first_stage_knows_it_too(offered):
    whole, most = halved(ImpossibleRatio(), offered, "ratio", "f")
    np.testing.assert_allclose(most, 4 * whole, rtol=EXACT)


def test_intervals_of_compliers_have_the_degrees_of_freedom_of_the_survey(offered):
    for label, name in (("share", "value"), ("covariate", "difference")):
        ends = [halved(ComplierTable(), offered, label, f"{name}_{end}") for end in ("lo", "hi")]
        whole, most = (high - low for low, high in zip(*ends, strict=True))
        np.testing.assert_allclose(most, whole / 2, rtol=EXACT)
    sample = surveyed(offered)
    z, a = sample.z[:, 0], sample.a
    psi = np.where(z == 1, (a - a[z == 1].mean()) / z.mean(), 0.0)
    psi -= np.where(z == 0, (a - a[z == 0].mean()) / (1 - z).mean(), 0.0)
    variance = inference.covariance(psi[:, None], sample.cluster, sample.strata)[0, 0]
    half = stats.t.ppf(0.975, UNITS - STRATA) * np.sqrt(variance)
    moved = values(examine(ComplierTable(), sample), "share")["moved by the instrument"]
    assert moved["value_hi"] - moved["value"] == pytest.approx(half, rel=1e-6)


def test_bounds_are_less_wide_the_more_was_drawn(offered):
    lower = halved(InstrumentBounding(), offered, "bounds", "lower")
    np.testing.assert_array_equal(*lower)
    outside = [
        end - lower[0] for end in halved(InstrumentBounding(), offered, "bounds", "interval_from")
    ]
    assert (outside[0] < 0).all()
    assert (outside[1] > 0.7 * outside[0]).all()  # half, and less as other candidates come in


def test_inequalities_are_tested_within_strata_and_none_by_copies_of_rows(offered):
    plain = values(examine(InstrumentalInequalities(), offered), "test")
    assert set(plain) == {"instrumental inequality", "Kitagawa", "Huber-Mellace"}
    whole, most = halved(InstrumentalInequalities(), offered, "test", "statistic")
    assert len(whole) == 2
    np.testing.assert_allclose(most, 2 * whole, rtol=EXACT)


def test_strata_along_what_drives_the_outcome_make_its_errors_smaller(offered):
    sample = surveyed(offered)
    units = replace(sample, strata=None)
    within, across = (values(examine(ByInstrument(), one), "level") for one in (sample, units))
    for level, found in within.items():
        assert found["outcome_std_error"] < 0.9 * across[level]["outcome_std_error"]


def two_instruments(offered, fraction=0.0):
    noise = np.random.default_rng(2).normal(size=offered.n)
    z = np.column_stack([offered.z[:, 0], offered.a + 2 * noise])
    return surveyed(replace(offered, z=z, instruments=("offered_help", "other")), fraction)


def checked(sample):
    estimator, rng = InstrumentalVariables(), np.random.default_rng(0)
    forms = estimator.forms(sample, rng)
    fit = estimator.fit(sample, NuisanceStore(), rng)
    found = judge_instruments(sample, estimator, "critical", forms, fit)
    return {one.name: one.value for one in found}


def test_hansens_j_weighs_moments_by_their_covariance_within_strata(offered):
    sample = two_instruments(offered)
    data = InstrumentalVariables().projected(sample)
    moments = data.n * data.z * k_class(data, 1.0).residual[:, None]
    weight = np.linalg.inv(inference.covariance(moments, sample.cluster, sample.strata))
    to_y, to_a = data.gram[2:, 0], data.gram[2:, 1]
    left = to_y - to_a * (to_a @ weight @ to_y) / (to_a @ weight @ to_a)
    assert checked(sample)["hansen_j"] == pytest.approx(left @ weight @ left, rel=EXACT)
    most = checked(two_instruments(offered, ALL_BUT_A_QUARTER))
    assert most["hansen_j"] == pytest.approx(4 * left @ weight @ left, rel=EXACT)


def test_several_moments_are_tested_with_what_units_and_strata_leave_free(offered):
    """The adjusted Wald test of Korn and Graubard (1990)."""
    sample, estimator = two_instruments(offered), InstrumentalVariables(variance={"kind": "HC0"})
    form = estimator.forms(sample, np.random.default_rng(0)).weak
    assert form.groups == UNITS - STRATA + 1
    wald = form.outcome @ np.linalg.solve(form.covariance[:2, :2], form.outcome)
    free = UNITS - STRATA
    f = (free - 1) / (2 * free) * wald
    expected = stats.f.sf(f, 2, free - 1)
    assert anderson_rubin_p(form, np.zeros(1))[0] == pytest.approx(expected, rel=EXACT)


def test_the_set_of_several_instruments_ends_where_its_test_does(offered):
    sample = two_instruments(offered)
    data = InstrumentalVariables().projected(sample)
    form = reduced_form(data, "HC0", sample.cluster, sample.strata)
    ((low, high),) = weak_set(form, "anderson_rubin").pieces
    np.testing.assert_allclose(anderson_rubin_p(form, np.array([low, high])), 0.05, rtol=1e-6)
