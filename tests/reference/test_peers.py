"""What other packages say of a made-up fixture, and what this one says of it.

Each peer's script is tests/reference/peers/<peer>.py, and what it said, with its versions,
<peer>.json; none of them is needed here. Folds are those of the fixture, which this project draws
with the generator given. Standard errors that other packages divide by n - 1 are ours with
``variance.kind: HC1``.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from causal.clock import Clock
from causal.cohort import Sample
from causal.estimators import (
    AIPW,
    TMLE,
    Estimator,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    NuisanceStore,
)
from causal.estimators.follow_up import fit_observation
from causal.estimators.nuisance import ObservationModel, PropensityModel, folds_by_unit
from causal.estimators.survival_curves import product_limit

pytestmark = pytest.mark.reference

PEERS = Path(__file__).parent / "peers"
SAME = 1e-9  # the same sums, by regressions stopped at 1e-10 or less
STOPPED = 1e-8  # EconML's and statsmodels' solvers stop a little sooner
FLUCTUATED = 2e-5  # of a standard error: zEpid's scores do not quite add up to 0
ASIDE = 0.1  # standard errors; see where it is used
FOLD_SEED = 7
FOUR = ("x1", "x2", "x3", "x4")
FIVE_FOLDS = {"folds": 5}
BY_ARM = {"arms": "separate"}
N_LESS_ONE = {"kind": "HC1"}
HC0 = {"kind": "HC0"}
TARGETS = [("ATE", "ATE"), ("ATTE", "ATT")]


def read(peer: str) -> dict:
    return json.loads((PEERS / f"{peer}.json").read_text())["values"]


DATA = np.genfromtxt(PEERS / "fixture.csv", delimiter=",", names=True)
DOUBLEML, ECONML, CLEVERLY, ZEPID, STATSMODELS, LIFELINES = (
    read(peer) for peer in ("doubleml", "econml", "cleverly", "zepid", "statsmodels", "lifelines")
)


def sample(outcome: str, terms=FOUR, **changed) -> Sample:
    columns = {name: DATA[name] for name in FOUR} | {"x1:x3": DATA["x1"] * DATA["x3"]}
    given = {
        "unit": DATA["id"].astype(int),
        "y": DATA[outcome],
        "a": DATA["a"],
        "x": np.column_stack([columns[name] for name in terms]),
        "terms": terms,
        "concepts": terms,
        "outcome_kind": "binary" if outcome == "y" else "continuous",
        "exposure_kind": "binary",
        "w": np.ones(len(DATA)),
    }
    return Sample(**(given | changed))


def fitted(estimator: Estimator, rows: Sample) -> tuple[float, float]:
    rng = np.random.default_rng(FOLD_SEED)
    one = estimator.fit(rows, NuisanceStore(), rng).effect("risk_difference")
    return one.estimate, one.std_error


def assert_same(estimator: Estimator, rows: Sample, theirs: dict, within: float = SAME) -> None:
    assert fitted(estimator, rows) == pytest.approx((theirs["value"], theirs["se"]), abs=within)


def test_the_fixture_is_what_its_script_writes(tmp_path):
    spec = importlib.util.spec_from_file_location("fixture_script", PEERS / "fixture.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (PEERS / "fixture.csv").read_bytes()
    folds = folds_by_unit(DATA["id"].astype(int), 5, np.random.default_rng(FOLD_SEED))
    np.testing.assert_array_equal(folds, DATA["fold"])


NAMES = ("cleverly", "doubleml", "econml", "lifelines", "statsmodels", "zepid")


@pytest.mark.parametrize("peer", NAMES)
def test_what_a_peer_said_names_its_script_and_its_versions(peer):
    stored = json.loads((PEERS / f"{peer}.json").read_text())
    assert (PEERS / f"{peer}.py").is_file()
    assert stored["made_by"].endswith(f"peers.{peer}")
    assert set(stored["versions"]) >= {"python", "numpy", peer}


@pytest.mark.parametrize("outcome", ["y", "v"])
@pytest.mark.parametrize(("score", "target"), TARGETS)
def test_cross_fitted_aipw_is_doublemls_interactive_model(outcome, score, target):
    estimator = AIPW(target=target, outcome=BY_ARM, cross_fit=FIVE_FOLDS)
    assert_same(estimator, sample(outcome), DOUBLEML[f"irm/{outcome}/{score}"])


@pytest.mark.parametrize("outcome", ["y", "v"])
def test_linear_dml_is_doublemls_partially_linear_model(outcome):
    estimator = LinearDML(cross_fit=FIVE_FOLDS)
    assert_same(estimator, sample(outcome), DOUBLEML[f"plr/{outcome}"], STOPPED)


@pytest.mark.parametrize("outcome", ["y", "v"])
def test_linear_dml_and_aipw_are_econmls_learners(outcome):
    linear = LinearDML(cross_fit=FIVE_FOLDS, variance=N_LESS_ONE)
    assert_same(linear, sample(outcome), ECONML[f"linear_dml/{outcome}"], STOPPED)
    robust = AIPW(cross_fit=FIVE_FOLDS, variance=N_LESS_ONE)
    assert_same(robust, sample(outcome), ECONML[f"linear_dr/{outcome}"], STOPPED)
    constant = ECONML[f"dr/{outcome}"]["value"]
    assert fitted(robust, sample(outcome))[0] == pytest.approx(constant, abs=STOPPED)


def bounded(outcome: str, target: str, bound: float = 5e-4) -> TMLE:
    limits = None if outcome == "y" else (DATA["v"].min(), DATA["v"].max())
    return TMLE(target=target, range=limits, bound=bound, variance=N_LESS_ONE)


@pytest.mark.parametrize("outcome", ["y", "v"])
def test_tmle_is_cleverlys(outcome):
    assert_same(bounded(outcome, "ATE"), sample(outcome), CLEVERLY[f"tmle/{outcome}/ate"])


@pytest.mark.parametrize("outcome", ["y", "v"])
def test_tmle_of_the_exposed_is_near_cleverlys(outcome):
    """Both solve the same equation; cleverly also moves the propensity and the exposed mean."""
    theirs = CLEVERLY[f"tmle/{outcome}/att"]
    value, error = fitted(bounded(outcome, "ATT"), sample(outcome))
    assert abs(value - theirs["value"]) < ASIDE * error
    assert error == pytest.approx(theirs["se"], rel=0.01)


@pytest.mark.parametrize("outcome", ["y", "v"])
def test_aipw_is_zepids(outcome):
    assert_same(AIPW(variance=N_LESS_ONE), sample(outcome), ZEPID[f"aiptw/{outcome}"])


@pytest.mark.parametrize("outcome", ["y", "v"])
def test_tmle_is_zepids(outcome):
    """Which first brings outcomes themselves within a share .0005 of the ends of their range."""
    rows, theirs = sample(outcome), ZEPID[f"tmle/{outcome}"]
    if outcome == "v":
        low, high = rows.y.min(), rows.y.max()
        inner = 5e-4 * (high - low)
        rows = sample("v", y=np.clip(rows.y, low + inner, high - inner))
    value, error = fitted(bounded(outcome, "ATE"), rows)
    assert value == pytest.approx(theirs["value"], abs=STOPPED)
    assert error == pytest.approx(theirs["se"], rel=FLUCTUATED)


@pytest.mark.parametrize("outcome", ["y", "v"])
@pytest.mark.parametrize(("key", "target"), [("iptw", "ATE"), ("iptw_smr", "ATT")])
def test_weighting_with_weights_taken_as_known_is_zepids(outcome, key, target):
    estimator = InverseProbability(target=target, weights_known=True)
    assert_same(estimator, sample(outcome), ZEPID[f"{key}/{outcome}"])


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_our_propensities_give_zepids_mean_of_a_stochastic_exposure(share):
    rows = sample("y")
    e = NuisanceStore().propensity(rows, PropensityModel()).fitted
    weight = np.where(rows.a == 1, share / e, (1 - share) / (1 - e))
    mean = np.average(rows.y, weights=weight)
    assert mean == pytest.approx(ZEPID["stochastic/y"][str(share)], abs=SAME)


def test_weights_for_follow_up_are_zepids():
    rows = sample("y", y=np.where(DATA["seen"] == 1, DATA["y"], np.nan))
    seen, model = rows.observed, ObservationModel(terms=FOUR, interactions=("x1",))
    weight = 1 / fit_observation(rows, model).fit.fitted[seen]
    stored = ZEPID["ipmw"]
    assert seen.sum() == stored["rows"]
    assert weight.sum() == pytest.approx(stored["sum"], abs=1e-6)  # a sum of 485
    assert (weight**2).sum() == pytest.approx(stored["squares"], abs=1e-6)
    both = InverseProbability(observation=model, weights_known=True)
    assert_same(both, rows, ZEPID["iptw_ipmw/y"])


SIX = (*FOUR, "x1:x3")
OF_FOUR = {"terms": FOUR, "arms": "separate"}


@pytest.mark.parametrize(("suffix", "target"), [("", "ATE"), ("/att", "ATT")])
def test_weighting_and_standardisation_are_statsmodels_with_its_errors(suffix, target):
    rows = sample("v", SIX)
    weighting, standard = (
        InverseProbability(target=target),
        GComputation(outcome=OF_FOUR, target=target),
    )
    assert_same(weighting, rows, STATSMODELS[f"effects/ipw{suffix}"])
    assert_same(standard, rows, STATSMODELS[f"effects/ra{suffix}"])


def test_aipw_is_statsmodels_and_its_error_near_that_of_stacked_equations():
    """Statsmodels lets the error of both regressions in; ours takes both as correct."""
    theirs = STATSMODELS["effects/aipw"]
    value, error = fitted(AIPW(outcome=OF_FOUR), sample("v", SIX))
    assert value == pytest.approx(theirs["value"], abs=SAME)
    assert error == pytest.approx(theirs["se"], rel=0.02)


def test_regressions_weighted_and_clustered_are_statsmodels():
    weighted = {"w": DATA["w"]}
    plain, site = LinearProbability(variance=HC0), {"cluster": DATA["site"].astype(int)}
    assert_same(plain, sample("v", **weighted), STATSMODELS["wls/HC0"])
    assert_same(LinearProbability(), sample("v", **weighted), STATSMODELS["wls/HC1"])
    assert_same(plain, sample("v", **weighted, **site), STATSMODELS["wls/by_site"])
    assert_same(plain, sample("v", **site), STATSMODELS["gee"])


def test_the_curves_of_lifelines_are_those_of_statsmodels():
    """Two packages that stored the same curve: what survival analyses here are held to."""
    curve, other = LIFELINES["unweighted/any_event"]["all"], STATSMODELS["km"]
    for name, stored in (("survival", "survival"), ("greenwood_se", "se")):
        assert list(curve[name].values()) == pytest.approx(other[stored], abs=SAME)


CLOCK = Clock(horizons=(30, 90, 180), tau=180, compare=180, unit="days", event="use")
LIFELINES_STOPS = 1e-8  # lifelines exponentiates sums of logarithms, and integrates by steps


def curve(arm: str, time: str, event: np.ndarray, weights: str) -> tuple[np.ndarray, np.ndarray]:
    """Give risks at the three horizons and the mean time lost, with errors by influence."""
    here = np.ones(len(DATA), dtype=bool) if arm == "all" else DATA["a"] == int(arm[-1])
    w = DATA["w"] if weights == "weighted" else np.ones(len(DATA))
    fit = product_limit(DATA[time][here], event[here].astype(int), w[here], CLOCK)
    places = [CLOCK.times.index(t) for t in CLOCK.horizons] + [len(CLOCK.times)]
    errors = np.sqrt(((w[here, None] * fit.slopes / here.sum()) ** 2).sum(axis=0))
    return fit.values[places], errors[places]


@pytest.mark.parametrize("weights", ["unweighted", "weighted"])
@pytest.mark.parametrize("arm", ["a=0", "a=1", "all"])
def test_curves_and_restricted_means_are_lifelines(arm, weights):
    values, errors = curve(arm, "time", DATA["event"] > 0, weights)
    theirs = LIFELINES[f"{weights}/any_event"][arm]
    assert 1 - values[:3] == pytest.approx(list(theirs["survival"].values()), abs=LIFELINES_STOPS)
    assert 180 - values[3] == pytest.approx(theirs["rmst"], abs=1e-6)
    if weights == "unweighted":  # weighted, Greenwood's formula takes weights for persons
        greenwood = list(theirs["greenwood_se"].values())
        assert errors[:3] == pytest.approx(greenwood, abs=LIFELINES_STOPS)
        assert errors[3] == pytest.approx(theirs["rmst_se"], abs=1e-6)


@pytest.mark.parametrize("weights", ["unweighted", "weighted"])
@pytest.mark.parametrize("cause", [1, 2])
@pytest.mark.parametrize("arm", ["a=0", "a=1"])
def test_risks_with_competing_events_are_lifelines(arm, cause, weights):
    own = np.where(DATA["event"] == 0, 0, np.where(DATA["event"] == cause, 1, 2))
    values, errors = curve(arm, "untied", own, weights)
    theirs = LIFELINES[f"{weights}/competing"][arm][f"cause={cause}"]
    risks, stored = (list(theirs[name].values()) for name in ("incidence", "se"))
    assert values[:3] == pytest.approx(risks, abs=LIFELINES_STOPS)
    if weights == "unweighted":  # Collett's formula and ours agree but for terms of order 1 / n
        assert errors[:3] == pytest.approx(stored, rel=0.01)
