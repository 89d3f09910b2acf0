"""Overlap of rungs that do not weigh: judged before estimates are read, whatever the estimator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causal.errors import Place
from causal.estimators import (
    AIPW,
    ArmContrasts,
    FirstStage,
    GComputation,
    GEstimation,
    Incremental,
    LinearDML,
    LinearProbability,
    MeanDifference,
    NuisanceStore,
    PropensityRegression,
)
from causal.estimators.nuisance import CrossFitting, ObservationModel, OutcomeModel, PropensityModel
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.overlap import judge_arms, judge_regression
from causal.pipeline import estimate
from causal.planning import plan_analysis
from causal.registry import describe, load_cohort
from causal.report.headline import headline
from causal.report.page import report_page
from causal.spec import load_analysis

LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)
EVERY = ("x0", "x1", "x2")
LEAST, ALLOWED = 0.02, 0.05
REGRESSIONS = [GComputation(), GComputation(target="ATT"), LinearProbability()]
OF_OVERLAP = [LinearDML(cross_fit=CrossFitting(folds=2)), PropensityRegression(), GEstimation()]


def rung(sample, estimator, terms=EVERY):
    place = Place("plan.yaml")
    tasks = [
        RungTask("crude", MeanDifference(), (), place),
        RungTask("rung", estimator, terms, place, sample.instruments[:1]),
    ]
    return fit_rungs(sample, tasks, LIMITS, 1)[1]


def judged(estimator, sample, allowed=ALLOWED, store=None):
    return judge_regression(estimator, sample, store or NuisanceStore(), LEAST, allowed)


def apart(sample):
    """Expose exactly those above the middle of a covariate."""
    return replace(sample, a=(sample.x[:, 0] > 0).astype(float))


@pytest.mark.parametrize("estimator", REGRESSIONS, ids=lambda one: f"{one.kind} {one.estimand}")
def test_a_regression_of_those_who_could_not_have_been_otherwise_fails(confounded, estimator):
    fitted = rung(apart(confounded()), estimator)
    (check,) = fitted.diagnostics
    assert (check.name, check.verdict, check.value) == ("common_support", "FAIL", None)
    assert check.reason.startswith("perfect separation: the covariates determine the exposure of")
    assert "It runs away along 'x0'." in check.reason
    assert check.threshold == ALLOWED
    assert fitted.propensity_counts is None


@pytest.mark.parametrize("estimator", REGRESSIONS, ids=lambda one: f"{one.kind} {one.estimand}")
def test_a_regression_with_overlap_passes(confounded, estimator):
    sample = confounded()
    fitted = rung(sample, estimator)
    (check,) = fitted.diagnostics
    assert (check.name, check.verdict) == ("common_support", "PASS")
    assert check.value == 0
    assert check.reason == "no row has a chance below 0.02 of any arm"
    assert [sum(counts) for counts in fitted.propensity_counts] == [
        int((sample.a == arm).sum()) for arm in (0, 1)
    ]


@pytest.mark.parametrize("estimator", OF_OVERLAP, ids=lambda one: one.kind)
def test_answers_about_those_who_could_have_been_otherwise_are_not_judged(confounded, estimator):
    (check,) = rung(confounded(strength=3.0), estimator).diagnostics
    assert (check.name, check.verdict) == ("common_support", "NOT_EVALUATED")
    assert check.value > ALLOWED
    assert check.reason.endswith("they count little")


def test_the_share_is_of_rows_with_hardly_any_chance_of_an_arm(confounded):
    sample = confounded(strength=3.0)
    e = NuisanceStore().propensity(sample, PropensityModel()).fitted
    (check,) = judged(GComputation(), sample).checks
    assert check.value == np.mean((e < LEAST) | (e > 1 - LEAST)) > ALLOWED
    assert check.verdict == "FAIL"
    (allowed,) = judged(GComputation(), sample, allowed=check.value).checks
    assert allowed.verdict == "PASS"


@pytest.mark.parametrize(("target", "arm"), [("ATT", 1), ("ATC", 0)])
def test_of_one_arm_only_the_chance_of_the_other_counts(confounded, target, arm):
    sample = confounded(strength=3.0)
    e = NuisanceStore().propensity(sample, PropensityModel()).fitted
    other = np.where(arm == 1, 1 - e, e)
    (check,) = judged(GComputation(target=target), sample).checks
    assert check.value == np.mean(other[sample.a == arm] < LEAST) > 0


@pytest.mark.parametrize(
    "estimator",
    [MeanDifference(), Incremental(odds=2), FirstStage()],
    ids=lambda one: one.kind,
)
def test_what_asks_for_no_overlap_has_no_such_check(confounded, estimator):
    sample = confounded()
    names = {
        one.name for one in rung(sample, estimator, EVERY[: 3 * estimator.adjusts]).diagnostics
    }
    assert "common_support" not in names


def test_a_regression_on_nothing_has_no_such_check(confounded):
    assert rung(confounded(), GComputation(), ()).diagnostics == ()


def test_the_propensity_is_that_of_rungs_that_weigh_and_fitted_once(confounded):
    sample, store = confounded(), NuisanceStore()
    AIPW().fit(sample, store, np.random.default_rng(0))
    before = dict(store._propensities)
    found = judged(GComputation(), sample, store=store)
    assert store._propensities == before
    assert found.counts is not None


def test_terms_of_follow_up_alone_are_not_those_of_exposure(confounded):
    sample = apart(confounded(missing=True))
    followed = GComputation(
        outcome=OutcomeModel(terms=("x1", "x2")), observation=ObservationModel(terms=EVERY)
    )
    (check,) = judged(followed, sample).checks
    assert check.verdict == "PASS"
    (check,) = judged(GComputation(), sample).checks
    assert check.verdict == "FAIL"


def test_two_named_arms_are_judged_as_two_arms_are(confounded):
    sample = confounded(strength=3.0)
    named = replace(sample, exposure_kind="arms", levels=("unexposed", "exposed"))
    (check,) = judged(GComputation(), sample).checks
    other = judge_arms(ArmContrasts(method="g_computation"), named, LEAST, ALLOWED)
    assert (other.value, other.verdict) == (check.value, check.verdict)


ROOT = Path(__file__).parents[2]
SPEC = f"""\
question: Is an effect claimed where nobody could have been exposed and unexposed?
dataset: simulated
options: {{n: 400, seed: 3}}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
dag: {ROOT}/analyses/dags/simulated.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: [severity], estimator: {{kind: g_computation}}}}
  - {{name: line, adjust: [severity], estimator: {{kind: linear_probability}}}}
headline: full
seed: 1
"""


def test_a_ladder_of_regressions_says_on_its_first_page_that_nobody_is_comparable(tmp_path):
    path = tmp_path / "apart.yaml"
    path.write_text(SPEC, encoding="utf-8")
    plan = plan_analysis(load_analysis(path), describe("simulated"))
    cohort = load_cohort("simulated", {"n": 400, "seed": 3})
    table = cohort.table.copy()
    first = table.groupby("person_id")["severity_score"].transform("first")
    seen = table["mhg_weekly"].notna()
    table.loc[seen, "mhg_weekly"] = (first > first.median())[seen].astype(float)
    result = estimate(plan, replace(cohort, table=table))
    assert [(one.rung, one.name, one.verdict) for one in result.diagnostics] == [
        ("full", "common_support", "FAIL"),
        ("line", "common_support", "FAIL"),
    ]
    assert "; a check of it is not passed, so do not lean on it." in headline(result)
    page = report_page(result, [])
    assert "**Checks not passed:** common support in `full`; common support in `line`." in page
    assert "perfect separation" in page
    assert "No check was run." not in page
    alike = estimate(plan, cohort)
    assert {one.verdict for one in alike.diagnostics} == {"PASS"}
    assert "Checks not passed" not in report_page(alike, [])
