"""Within-person and between-person contrasts of repeated exposures, for comparison only."""

from __future__ import annotations

from typing import Literal

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import SLOPE, Estimates, Target
from causal.estimators.base import Estimator, Limited, from_influence
from causal.estimators.glm import fit_glm
from causal.estimators.nuisance import NuisanceStore

SWITCHERS = "persons whose exposure changes between their rows; the contrast within is theirs"


class WithinPerson(Estimator):
    """Least squares on deviations from each person's mean (fixed effects), or Mundlak's contrast.

    Attributes
    ----------
    report : ``within`` compares a person's intervals with each other; ``contextual`` is the
        coefficient of the person's mean exposure beside exposure itself, what differs between
        persons over and above what differs within them.

    Assumptions
    -----------
    ``within``: nothing that varies over a person's intervals drives both exposure and outcome, and
    past outcomes do not drive exposure (strict exogeneity). Relapse that stops attendance breaks
    this, so the contrast is shown for comparison only.

    References
    ----------
    Mundlak (1978), doi:10.2307/1913646; Imai & Kim (2019), doi:10.1111/ajps.12417 (strict
    exogeneity).
    """

    kind: Literal["within_person"] = "within_person"
    report: Literal["within", "contextual"] = "within"

    @property
    def estimand(self) -> Target:
        """Give the target: two coefficients of one model, which answer different questions."""
        return "within persons" if self.report == "within" else "between persons"

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the persons whose exposure changes: nobody else is in a contrast within persons."""
        rows = sample.w > 0
        changing = count_switchers(sample.a[rows], sample.unit[rows])
        return (Limited("switchers", changing, SWITCHERS),)

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate one coefficient."""
        mean = person_means(sample.a[:, None], sample.unit, sample.w)
        seen = sample.w > 0
        if np.allclose(mean[seen, 0], sample.a[seen]):
            raise PositivityError(
                "nobody's exposure changes between their rows, so there is no contrast within "
                "persons. Use a design with repeated intervals."
            )
        columns = np.column_stack([sample.a, sample.x])
        y = sample.y
        if self.report == "within":
            y = y - person_means(y[:, None], sample.unit, sample.w)[:, 0]
            columns = columns - person_means(columns, sample.unit, sample.w)
        else:
            columns = np.column_stack([mean, columns])
        regression = fit_glm(columns, y, sample.w, "linear", sample.observed)
        moved = np.array([[0.0] * columns.shape[1], [1.0] + [0.0] * (columns.shape[1] - 1)])
        design = regression.design(moved)
        step = (design[1] - design[0])[None, :]
        return from_influence(
            step @ regression.coefficients,
            regression.influence @ step.T,
            sample,
            self.variance,
            self.estimand,
            labels=SLOPE,
            n_coefficients=regression.rank,
        )


def count_switchers(a: Floats, unit: Ints) -> int:
    """Count the persons whose exposure is not the same in all their rows.

    Parameters
    ----------
    a : (n,) floats, exposure.
    unit : (n,) ints, person of each row, numbered from 0.
    """
    lowest, highest = np.full(unit.max() + 1, np.inf), np.full(unit.max() + 1, -np.inf)
    np.minimum.at(lowest, unit, a)
    np.maximum.at(highest, unit, a)
    return int((highest > lowest).sum())


def person_means(columns: Floats, unit: Ints, w: Floats) -> Floats:
    """Give the weighted mean of each column over the person's rows, repeated on them.

    Parameters
    ----------
    columns : (n, p) floats.
    unit : (n,) ints, person of each row, numbered from 0.
    w : (n,) floats, weights; a person without weight, or without rows, has the mean 0.
    """
    total = np.bincount(unit, weights=w)
    total[total == 0] = 1.0  # their sums are 0 too
    means = [np.bincount(unit, weights=w * column) / total for column in columns.T]
    return np.column_stack(means)[unit]
