"""One confounder bears on a rung and on its controls, whose rows need not be the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import HELD, TIME
from causal.estimate import NotEstimable
from causal.refuters.control_worlds import build_exposure_control, build_many_outcomes, merge_rows
from causal.refuters.worlds import Known
from causal.sensitivity.partial_r2 import Strength

MANY = 20_000
CLOSE = 0.02
"""Of a share: four standard errors."""
STRONG = Known(0.0, "risk_difference", "ATE", Strength(0.2, 0.2))


def test_rows_of_samples_are_matched_by_person_exposure_and_covariates(confounded):
    whole = confounded(200, clustered=True)
    lost = np.random.default_rng(1).random(whole.n) < 0.2
    part = replace(whole.rows(~lost), y=np.zeros(int((~lost).sum())))
    everybody, (first, second) = merge_rows([whole, part])
    assert everybody.n == whole.n
    for sample, rows in ((whole, first), (part, second)):
        for name in ("unit", "a", "x", "w", "cluster"):
            np.testing.assert_array_equal(getattr(everybody, name)[rows], getattr(sample, name))
    assert len(np.unique(first)) == whole.n


def test_equal_rows_of_one_person_stay_apart(confounded):
    one = confounded(50)
    twice = replace(
        one,
        unit=np.repeat(one.unit, 2),
        y=np.repeat(one.y, 2),
        a=np.repeat(one.a, 2),
        x=np.repeat(one.x, 2, axis=0),
        w=np.repeat(one.w, 2),
        z=None,
        instruments=(),
    )
    everybody, (rows,) = merge_rows([twice])
    assert everybody.n == 100
    assert len(np.unique(rows)) == 100


def test_a_control_without_a_column_is_refused_but_for_a_time_it_has_no_row_of(confounded):
    sample = confounded(80)
    found = merge_rows([sample, sample.with_terms(sample.terms[:2])])
    assert isinstance(found, NotEstimable)
    assert f"no column '{sample.terms[2]}'" in found.reason
    timed = replace(sample, concepts=(*sample.concepts[:2], TIME))
    at_0 = timed.rows(timed.x[:, 2] == 0)
    everybody, (_, rows) = merge_rows([timed, at_0.with_terms(timed.terms[:2])])
    assert everybody.n == 80
    np.testing.assert_array_equal(everybody.unit[rows], at_0.unit)


def test_many_outcomes_share_exposure_and_confounder(confounded):
    sample = confounded(MANY)
    lost = np.arange(MANY) % 10 == 0
    other = replace(sample, y=np.random.default_rng(2).permutation(sample.y)).rows(~lost)
    none = replace(STRONG, effect=None)
    world = build_many_outcomes({"": sample, "other": other}, {"": STRONG, "other": none})
    drawn = world.draw(np.random.default_rng(3))
    np.testing.assert_array_equal(drawn["other"].a, drawn[""].a[~lost])
    left = []
    for one in (drawn[""].rows(~lost), drawn["other"]):
        design = np.column_stack([np.ones(one.n), one.a, one.x])
        left.append(one.y - design @ np.linalg.lstsq(design, one.y)[0])
    assert np.corrcoef(*left)[0, 1] > 0.05  # what they share is the confounder


def test_a_control_exposure_is_tied_to_the_outcome_by_the_confounder_alone(confounded):
    sample = confounded(MANY)
    chance = 1 / (1 + np.exp(-0.5 * sample.x[:, 0] - 0.4 * sample.a))
    control = replace(
        sample,
        a=(np.random.default_rng(4).random(MANY) < chance).astype(float),
        x=np.column_stack([sample.x, sample.a]),
        terms=(*sample.terms, HELD),
        concepts=(*sample.concepts, HELD),
    )

    def tied(k: float) -> float:
        known = replace(STRONG, strength=Strength(0.1 * k, 0.1 * k))
        world = build_exposure_control(control, "binary", known, 0.1 * k, "severity", k)
        one = world.draw(np.random.default_rng(5))
        np.testing.assert_array_equal(one.x[:, :-1], control.x[:, :-1])
        assert one.a.mean() == pytest.approx(control.a.mean(), abs=CLOSE)
        design = np.column_stack([np.ones(one.n), one.x])
        left = [v - design @ np.linalg.lstsq(design, v)[0] for v in (one.a, one.y)]
        return float(np.corrcoef(*left)[0, 1])

    assert abs(tied(0)) < 3 / np.sqrt(MANY)
    assert tied(2) > 0.03
