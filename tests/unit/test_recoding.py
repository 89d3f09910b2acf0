"""What is said of a risk difference must not depend on which outcome, or exposure, is coded 1."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from causal.estimate import NotEstimable
from causal.estimators import (
    AIPW,
    GComputation,
    InstrumentalVariables,
    MeanDifference,
    NuisanceStore,
)
from causal.refuters import (
    AnyRefuter,
    Auxiliary,
    Bootstrap,
    DataSubset,
    DoWhySecondOpinion,
    DummyOutcome,
    EmpiricalCalibration,
    GraphFalsification,
    NegativeControlExposure,
    NegativeControlOutcome,
    PlaceboExposure,
    RandomCommonCause,
    SimulatedConfounder,
    SimulatedOutcome,
)
from causal.refuters.independence import ConceptColumns, Implied, ImpliedIndependences
from causal.seeding import generator
from causal.sensitivity import (
    AnySensitivity,
    Austen,
    Bounding,
    EValue,
    InstrumentOmittedVariable,
    Misclassification,
    NonparametricOmittedVariable,
    OmittedVariable,
    Oster,
    PlausiblyExogenous,
    Proximal,
    Reliability,
    Rosenbaum,
    SelectionBias,
    TippingPoint,
)
from causal.subject import Subject

SAME = 1e-7
"""Newton's method stops at 1e-10, and a quotient of small bias factors magnifies what it leaves."""

CONTROLS = tuple(f"control_{number}" for number in range(10))
REFUTERS = (
    PlaceboExposure(draws=30),
    RandomCommonCause(draws=30),
    DataSubset(draws=30),
    Bootstrap(draws=50),
    DummyOutcome(draws=30),
    SimulatedOutcome(draws=30, effect=(0.0, "estimate")),
    NegativeControlOutcome(
        outcome="control_0", concept="prior_outcome", rationale="measured before exposure"
    ),
    NegativeControlExposure(
        exposure="other", concept="other_exposure", rationale="a coin changes nothing"
    ),
    SimulatedConfounder(draws=2, k=(0.5, 1.0)),
    GraphFalsification(permutations=20),
    DoWhySecondOpinion(draws=20),
)
BY_RATIO = (EmpiricalCalibration,)
"""Refuters that are of the log risk ratio by their very definition, not of the difference."""
OF_THE_UNEXPOSED = (SimulatedOutcome, SimulatedConfounder)
"""Refuters whose draws begin from those without exposure, so that which arm is called that is part
of what they do; which outcome is called 1 is not."""

SENSITIVITY = (
    Austen(),
    Bounding(),
    EValue(),
    EValue(through="odds_ratio", rare=False),
    EValue(against_difference=0.03),
    SelectionBias(),
    SelectionBias(risk_among_followed="increased"),
    OmittedVariable(),
    NonparametricOmittedVariable(),
    Oster(),
    Rosenbaum(),
    Rosenbaum(statistic="fisher"),
    Rosenbaum(statistic="two_by_two"),
    TippingPoint(),
    Reliability(terms=["x1"], reliabilities=[0.9, 0.7]),
    Reliability(terms=["x1"], reliabilities=[0.9, 0.7], method="simex", draws=10),
    Proximal(
        confounder="motivation",
        exposure_proxy=["x1"],
        outcome_proxy=["x0"],
        rationale="two proxies",
    ),
    Misclassification(),
    InstrumentOmittedVariable(),
    PlausiblyExogenous(),
)


def outcome_turned(sample):
    """Code the outcome the other way round: use becomes abstinence."""
    return replace(sample, y=1 - sample.y)


def exposure_turned(sample):
    """Code the exposure the other way round: attenders become non-attenders."""
    return replace(sample, a=1 - sample.a)


TURNS = pytest.mark.parametrize("turn", [outcome_turned, exposure_turned])


def restated(settings, turn):
    """Say the same of the recoded sample: what settings state in one coding is turned with it."""
    changed = {}
    if getattr(settings, "against_difference", None) is not None:
        changed["against_difference"] = -settings.against_difference
    if turn is outcome_turned:
        if isinstance(settings, Misclassification):
            changed["event"] = 1 - settings.event
        if getattr(settings, "risk_among_followed", "any") == "increased":
            changed["risk_among_followed"] = "decreased"
    return settings.model_copy(update=changed)


def subject_of(sample, estimator):
    fit, crude = (
        one.fit(rows, NuisanceStore(), np.random.default_rng(0))
        for one, rows in ((estimator, sample), (MeanDifference(), sample.with_terms(())))
    )
    return Subject(
        "full", estimator, sample, fit, crude, sample, "risk_difference", unfollowed=sample
    )


# --- refuters


def implications(sample):
    named = {"mhg": sample.a, **dict(zip(sample.concepts, sample.x.T, strict=True))}
    return ImpliedIndependences(
        concepts=tuple(ConceptColumns(k, v[:, None], (k,), (False,)) for k, v in named.items()),
        always=np.empty((sample.n, 0)),
        w=sample.w,
        cluster=sample.cluster,
        implied=(Implied("severity", "motivation", ()), Implied("mhg", "demographics", ())),
    )


def refuted(refuter, sample, turn):
    """Refute a rung on a sample as it is, and on it recoded, controls with it."""
    coins = np.random.default_rng(13).integers(0, 2, sample.n).astype(float)
    luck = np.random.default_rng(12)
    controls = {name: replace(sample, y=luck.permutation(sample.y)) for name in CONTROLS}
    both = []
    for change in (lambda one: one, turn):
        auxiliary = Auxiliary(
            outcomes={name: change(one) for name, one in controls.items()},
            exposures={"other": change(sample.with_exposure(coins))},
            implications=implications(change(sample)),
        )
        stream = generator(3, "refuter", refuter.kind)
        both.append(refuter.refute(subject_of(change(sample), GComputation()), stream, auxiliary))
    return both


def test_every_refuter_is_tried_or_is_of_a_ratio():
    union = set(get_args(get_args(AnyRefuter)[0]))
    assert {type(one) for one in REFUTERS} | set(BY_RATIO) == union


@pytest.mark.parametrize(
    ("refuter", "turn"),
    [
        pytest.param(one, turn, id=f"{one.kind}-{turn.__name__}")
        for one in REFUTERS
        for turn in (outcome_turned, exposure_turned)
        if turn is outcome_turned or not isinstance(one, OF_THE_UNEXPOSED)
    ],
)
def test_a_recoded_risk_difference_is_refuted_alike(confounded, refuter, turn):
    one, other = refuted(refuter, confounded(n=300, clustered=True), turn)
    assert one.verdict == other.verdict != "NOT_EVALUATED"
    # the diagram says nothing of the outcome here, so that recoding it changes nothing
    sign = 1 if isinstance(refuter, GraphFalsification) and turn is outcome_turned else -1
    assert other.mean == pytest.approx(sign * one.mean, abs=SAME)
    assert other.draws == pytest.approx(sign * one.draws, abs=SAME)
    ends = one.interval if sign == 1 else (-one.interval[1], -one.interval[0])
    assert other.interval == pytest.approx(ends, abs=SAME)
    assert (one.p_value is None) == (other.p_value is None)
    if one.p_value is not None:
        assert other.p_value == pytest.approx(one.p_value, abs=SAME)
    if not isinstance(one.power, NotEstimable):
        assert other.power.detectable == pytest.approx(one.power.detectable, abs=SAME)


# --- sensitivity


def analysed(settings, confounded, encouraged, turn):
    """Analyse a rung on a sample as it is, and on it recoded."""
    if isinstance(settings, InstrumentOmittedVariable | PlausiblyExogenous):
        sample, estimator = encouraged(1500), InstrumentalVariables()
    elif isinstance(settings, Austen | NonparametricOmittedVariable):
        sample, estimator = confounded(n=800, strength=0.5), AIPW()
    else:
        lossy = isinstance(settings, SelectionBias | TippingPoint | Bounding)
        sample, estimator = confounded(n=800, strength=0.5, missing=lossy), GComputation()
    both = []
    for rows, asked in ((sample, settings), (turn(sample), restated(settings, turn))):
        both.append(asked.analyse(subject_of(rows, estimator), np.random.default_rng(5)))
    return both


def canonical(name, value, *, of_ratio):
    """Give what of a number does not change when an outcome, or exposure, is recoded."""
    if "ratio" in name or (of_ratio and name in ("lo", "hi")):
        return abs(np.log(value))
    if name != "risk_difference" and name.startswith(("risk", "mean_", "share")):
        return min(value, 1 - value)
    return abs(value)


def held(finding, label):
    """Give the numbers of rows of one kind, in ascending order."""
    found = []
    for row in finding.labelled(label):
        known = {
            one.name: one.value for one in row.numbers if not isinstance(one.value, NotEstimable)
        }
        of_ratio = "risk_ratio" in known
        found += [canonical(name, value, of_ratio=of_ratio) for name, value in known.items()]
    return sorted(found)


def test_every_sensitivity_analysis_is_tried():
    assert {type(one) for one in SENSITIVITY} == set(get_args(get_args(AnySensitivity)[0]))


@TURNS
@pytest.mark.parametrize("settings", SENSITIVITY, ids=lambda one: one.kind)
def test_a_recoded_risk_difference_takes_as_much_to_overturn(
    confounded, encouraged, settings, turn
):
    one, other = analysed(settings, confounded, encouraged, turn)
    for name in ("headline", "multiple"):
        first, second = getattr(one, name), getattr(other, name)
        assert isinstance(first, NotEstimable) == isinstance(second, NotEstimable)
        if not isinstance(first, NotEstimable):
            assert abs(second) == pytest.approx(abs(first), rel=SAME), name
    assert one.yardstick == other.yardstick
    labels = list(dict.fromkeys(row.label for row in one.rows))
    assert labels == list(dict.fromkeys(row.label for row in other.rows))
    for label in labels:
        assert held(other, label) == pytest.approx(held(one, label), abs=SAME), label


@TURNS
@pytest.mark.parametrize(
    "settings",
    [one for one in SENSITIVITY if isinstance(one, Austen | NonparametricOmittedVariable)]
    + [OmittedVariable(), TippingPoint()],
    ids=lambda one: one.kind,
)
def test_contours_change_their_sign_and_nothing_else(confounded, encouraged, settings, turn):
    one, other = analysed(settings, confounded, encouraged, turn)
    assert one.contours
    for first, second in zip(one.contours, other.contours, strict=True):
        heights = np.array(second.height, dtype=float)
        if isinstance(settings, TippingPoint):  # its axes are arms, in log odds of the outcome
            heights = heights[::-1, ::-1] if turn is outcome_turned else heights.T
        assert -heights == pytest.approx(np.array(first.height, dtype=float), abs=SAME, nan_ok=True)
        assert second.level_line == first.level_line == 0
        assert [mark.name for mark in second.marks] == [mark.name for mark in first.marks]
