"""A column that does not vary, or that others give, is named; a concept it empties is judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import TIME, Sample
from causal.errors import Place
from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearProbability,
    Matching,
    MeanDifference,
)
from causal.estimators.glm import fit_glm
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.held_terms import correlations, given_by, judge_terms
from causal.imputation.rungs import fit_all

N = 400
RNG = np.random.default_rng(5)
BASE = RNG.normal(size=(N, 3))


def made(x: np.ndarray, concepts: tuple[str, ...]) -> Sample:
    terms = tuple(f"x{i}" for i in range(x.shape[1]))
    a = (RNG.random(N) < 0.5).astype(float)
    y = (RNG.random(N) < 0.3 + 0.2 * a).astype(float)
    return Sample(
        unit=np.arange(N),
        y=y,
        a=a,
        x=x,
        terms=terms,
        concepts=concepts,
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(N),
        cluster=None,
    )


def test_distinct_terms_are_not_mentioned():
    near = np.column_stack([BASE, BASE[:, 0] + 1e-4 * BASE[:, 1] ** 2])
    assert judge_terms(made(near, ("a", "b", "c", "d"))) == ()
    assert judge_terms(made(BASE, ("a", "b", "c"))) == ()
    assert judge_terms(made(np.empty((N, 0)), ())) == ()


def test_two_columns_of_zeros_and_ones_may_be_alike_by_design():
    """A study of two sites in two regions is no column under two names."""
    site = (BASE[:, 2] > 0).astype(float)
    columns = np.column_stack([BASE[:, :2], site, site])
    (found,) = judge_terms(made(columns, ("a", "b", "site", "region")))
    assert found.verdict == "NOT_RESOLVABLE"
    assert "nothing is adjusted for site and region apart from the other concepts" in found.reason


@pytest.mark.parametrize("copy", [BASE[:, 0], 3 - 2 * BASE[:, 0], 1e6 + BASE[:, 0]])
def test_one_column_under_two_concepts_fails(copy):
    (found,) = judge_terms(made(np.column_stack([BASE, copy]), ("a", "b", "c", "d")))
    assert (found.verdict, found.value) == ("FAIL", 1)
    assert "'x3' holds the same as 'x0', so it is not adjusted for apart from it" in found.reason
    assert "a and d cannot be told apart; look for a column that stands under two" in found.reason


def test_a_copy_beside_other_columns_of_its_concept_is_told_for_information():
    x = np.column_stack([BASE, BASE[:, 0]])
    for concepts in (("a", "a", "c", "a"), ("a", "a", "d", "d")):
        (found,) = judge_terms(made(x, concepts))
        assert found.verdict == "NOT_EVALUATED"
        assert "'x3' holds the same as 'x0'" in found.reason


def test_a_concept_without_variation_is_not_resolvable_and_a_single_flat_column_is_told():
    x = np.column_stack([BASE, np.full(N, 2.718)])
    (found,) = judge_terms(made(x, ("a", "b", "c", "d")))
    assert found.verdict == "NOT_RESOLVABLE"
    assert found.reason.startswith("'x3' does not vary; everybody here is alike in d")
    (found,) = judge_terms(made(x, ("a", "b", "c", "c")))
    assert (found.verdict, found.reason) == ("NOT_EVALUATED", "'x3' does not vary")


def test_regions_that_sites_give_are_not_resolvable_and_no_fault():
    site = np.arange(N) % 4
    sites = np.column_stack([site == k for k in (1, 2, 3)]).astype(float)
    region = (site >= 2).astype(float)
    (found,) = judge_terms(made(np.column_stack([sites, region]), ("s", "s", "s", "r")))
    assert found.verdict == "NOT_RESOLVABLE"
    assert "'x3' is a linear combination of 'x1' and 'x2', so it is not adj" in found.reason
    assert "nothing is adjusted for r apart from" in found.reason


def test_the_designs_own_time_indicators_are_no_concept():
    waves = np.column_stack([np.arange(N) % 2, np.zeros(N)]).astype(float)
    (found,) = judge_terms(made(np.column_stack([waves, BASE]), (TIME, TIME, "a", "b", "c")))
    assert (found.verdict, found.reason) == ("NOT_EVALUATED", "'x1' does not vary")


def test_as_many_terms_are_given_as_the_rank_of_a_regression_lacks():
    x = np.column_stack([BASE, BASE @ [1.0, 2.0, -1.0], BASE[:, 1] * 1e-5, BASE[:, 2] ** 2 + 1e4])
    fit = fit_glm(x, BASE[:, 0] > 0, np.ones(N), "linear")
    assert fit.rank == 5
    assert [one.term for one in given_by(correlations(x))] == [3, 4]


ESTIMATORS = (
    GComputation(), LinearProbability(), InverseProbability(), AIPW(), Matching(),
)  # fmt: skip


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: one.kind)
def test_every_rung_tells_of_its_terms(estimator):
    sample = made(np.column_stack([BASE, BASE[:, 0]]), ("a", "b", "c", "d"))
    tasks = [
        RungTask("crude", MeanDifference(), (), Place()),
        RungTask("full", estimator, sample.terms, Place()),
        RungTask("some", estimator, sample.terms[:3], Place()),
    ]
    crude, full, some = fit_rungs(sample, tasks, Thresholds(50, 0.1, 0.1), 1)
    found = {one.name: one for one in full.diagnostics}
    assert found["distinct_terms"].verdict == "FAIL"
    for rung in (crude, some):
        assert "distinct_terms" not in {one.name for one in rung.diagnostics}


def test_what_one_imputation_alone_has_to_say_is_told_as_its_own():
    x = np.column_stack([BASE, BASE[:, 0]])
    one = made(np.column_stack([BASE, RNG.normal(size=N)]), ("a", "b", "c", "d"))
    other = replace(one, x=x)
    tasks = [
        RungTask("crude", MeanDifference(), (), Place()),
        RungTask("full", GComputation(), one.terms, Place()),
    ]
    full = fit_all([one, other, other], tasks, Thresholds(50, 0.1, 0.1), 1).pooled[1]
    told = next(d for d in full.diagnostics if d.name == "distinct_terms")
    assert told.verdict == "FAIL"
    assert told.reason.endswith("(imputation 2 of 3, the first of 2 with this verdict)")
