"""What estimators share that choose weights by the balance they give, and how they refuse."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from causal.arrays import Bools, Floats, read_only
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, from_influence
from causal.estimators.nuisance import NuisanceStore, choose_terms
from causal.estimators.regression import AverageTarget, over_target
from causal.estimators.weighted_means import WeightFit, weighted_means

CONSTANT = 1e-12
"""Spread over size below which a column counts as constant (as for regressions)."""
ATTAINED = 1e-7
"""Imbalance in standard deviations that the linear programme's own error reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is balanced: an intercept, then columns standardised over all rows.

    Attributes
    ----------
    names : p names, of the columns behind the intercept.
    design : (n, 1 + p) floats.
    """

    names: tuple[str, ...]
    design: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ArmFit:
    """The weights of one arm; 0 in the other.

    Attributes
    ----------
    weights, slopes : (n,) floats, as in ``WeightFit``.
    influence : (n, 1 + p) floats, of the coefficients of the weights.
    """

    weights: Floats
    slopes: Floats
    influence: Floats


class Balancing(Estimator):
    """What estimators share that weight each arm to the means of the target.

    Attributes
    ----------
    target : ``ATE`` (both arms are weighted to everybody), ``ATT`` (the unexposed to the
        exposed), or ``ATC``.
    terms : which of the rung's terms to balance; all when None.
    moments : 1 balances means, 2 squares too, 3 also cubes, of terms with more than two values.
    """

    target: AverageTarget = "ATE"
    terms: tuple[str, ...] | None = None
    moments: Literal[1, 2, 3] = 1

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.terms or ()

    @abstractmethod
    def balance_arm(self, columns: Columns, sample: Sample, arm: int, over: Floats) -> ArmFit:
        """Weight one arm to the means of the target.

        Parameters
        ----------
        over : (n,) floats, 1 for rows of the target.
        """

    def fit_weights(self, sample: Sample) -> WeightFit:
        """Weight each arm that is not the target itself."""
        columns = standardised_columns(choose_terms(sample, self.terms), self.moments)
        over = over_target(sample.a, self.target)
        fits = [
            _as_it_is(columns, sample.a == arm)
            if _is_target(self.target, arm)
            else self.balance_arm(columns, sample, arm, over)
            for arm in (0, 1)
        ]
        return WeightFit(
            fits[0].weights + fits[1].weights,
            fits[0].slopes + fits[1].slopes,
            columns.design,
            (fits[0].influence, fits[1].influence),
        )

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both weighted means."""
        values, influence = weighted_means(sample, self.fit_weights(sample))
        return from_influence(values, influence, sample, self.variance, self.estimand)

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights, which sum to the size of the target in each arm."""
        return self.fit_weights(sample).weights


def standardised_columns(sample: Sample, moments: int) -> Columns:
    """Give the columns to balance, centred and scaled over all rows; constants are left out.

    Parameters
    ----------
    moments : the highest power of terms with more than two values; powers of standardised terms.
    """
    names: list[str] = []
    columns = [np.ones(sample.n)]
    for name, column in zip(sample.terms, sample.x.T, strict=True):
        base = _standardised(column, sample.w)
        if base is None:
            continue
        powers = moments if len(np.unique(column)) > 2 else 1
        for power in range(1, powers + 1):
            one = base if power == 1 else _standardised(base**power, sample.w)
            if one is not None:
                names.append(name if power == 1 else f"{name}^{power}")
                columns.append(one)
    return Columns(tuple(names), np.column_stack(columns))


def refuse_imbalance(
    columns: Columns, sample: Sample, arm: int, over: Floats, tolerance: float
) -> PositivityError:
    """Give the error that says which terms no weights of an arm can balance, and by how much.

    Parameters
    ----------
    tolerance : in standard deviations, within which a mean counts as balanced.
    """
    rows = (sample.a == arm) & (sample.w > 0)
    points = columns.design[rows, 1:]
    aim = np.average(columns.design[:, 1:], axis=0, weights=sample.w * over)
    left = least_imbalance(points, aim, tolerance)
    worst = [i for i in np.argsort(-left, kind="stable") if left[i] > ATTAINED][:3]
    arm_name = "exposed" if arm else "unexposed"
    few = (
        f" There are {int(rows.sum())} {arm_name} rows for {len(columns.names)} columns."
        if rows.sum() <= len(columns.names)
        else ""
    )
    wanted = "exactly" if tolerance == 0 else f"within {tolerance:g} standard deviations"
    if worst:
        said = ", ".join(f"'{columns.names[i]}' off by {left[i]:.2g} SD" for i in worst)
        found = f"at best they leave {said}"
    else:
        found = "only weights of 0 for some rows would, at the edge of what the arm covers"
    return PositivityError(
        f"no weights of the {arm_name} give the means of the target {wanted}: {found}.{few} "
        "Drop or coarsen these terms, narrow the population, or use overlap (or stable_balancing "
        "with a larger tolerance)."
    )


def least_imbalance(points: Floats, aim: Floats, tolerance: float) -> Floats:
    """Give what the best weights of an arm leave of each mean's distance to its aim.

    The linear programme: weights that are not negative, sum to one, and leave the smallest sum
    of distances beyond the tolerance.

    Parameters
    ----------
    points : (m, p) floats.
    aim : (p,) floats.
    """
    from scipy import optimize, sparse

    m, p = points.shape
    slack = sparse.identity(p)
    shifted = sparse.csr_array((points - aim).T)
    found = optimize.linprog(
        np.concatenate([np.zeros(m), np.ones(p)]),
        A_ub=sparse.vstack([sparse.hstack([shifted, -slack]), sparse.hstack([-shifted, -slack])]),
        b_ub=np.full(2 * p, tolerance),
        A_eq=sparse.csr_array(np.concatenate([np.ones(m), np.zeros(p)])[None]),
        b_eq=[1.0],
        method="highs",
    )
    return np.asarray(found.x[m:], dtype=np.float64)


def _standardised(column: Floats, w: Floats) -> Floats | None:
    """Centre and scale a column; None where it does not vary."""
    centre = float(np.average(column, weights=w))
    spread = float(np.sqrt(np.average((column - centre) ** 2, weights=w)))
    if spread <= CONSTANT * max(1.0, abs(centre)):
        return None
    return np.asarray((column - centre) / spread)


def _is_target(target: AverageTarget, arm: int) -> bool:
    """Tell whether an arm is whom the target is about, so that it stands as it is."""
    return (target, arm) in (("ATT", 1), ("ATC", 0))


def _as_it_is(columns: Columns, rows: Bools) -> ArmFit:
    """Weight every row of an arm by one."""
    weights = read_only(rows.astype(np.float64))
    nothing = np.zeros_like(columns.design)
    return ArmFit(weights, np.zeros(len(weights)), nothing)
