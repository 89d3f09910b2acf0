"""Bounds on the average effect of exposure that an instrument gives without further assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints
from causal.errors import OutcomeError
from causal.estimate import NotEstimable
from causal.estimators.regression import arm_means
from causal.instrumental.stages import check_two_arms
from causal.strata import Strata

Bounding: TypeAlias = Literal["Balke-Pearl", "natural", "margins"]

DRAWS = 20_000
"""Draws of the largest of correlated normals: the error of its 97.5 % quantile is about .02."""
TOLERANCE = 1e-9
"""Sample shares that break an inequality by less than this are rounding."""

# Each row gives one bound as a constant and coefficients of p(y, a | z), in the order of CELLS.
CELLS = tuple((z, y, a) for z in (0, 1) for y in (0, 1) for a in (0, 1))
_LOWER_TERMS = (
    (-1, "+111 +000"),
    (-1, "+110 +001"),
    (0, "+110 -111 -101 -010 -100"),
    (0, "+111 -110 -100 -011 -101"),
    (0, "-011 -101"),
    (0, "-010 -100"),
    (0, "+001 -011 -101 -010 -000"),
    (0, "+000 -010 -100 -011 -001"),
)
"""The eight lower bounds of Balke & Pearl (1997); ``+yaz`` stands for adding p(y, a | z)."""


@dataclass(frozen=True, slots=True)
class InstrumentBounds:
    """What the data allow the average effect to be, given a valid instrument.

    Attributes
    ----------
    lower, upper : the estimated bounds.
    lo, hi : a confidence interval for the whole set between the bounds.
    level : of that interval.
    assuming : which bounds these are.
    """

    lower: float
    upper: float
    lo: float
    hi: float
    level: float
    assuming: Bounding


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Linear functions of cell means of which the largest is the lower bound (or minus the upper).

    Attributes
    ----------
    values : (m,) floats.
    covariance : (m, m) floats.
    """

    values: Floats
    covariance: Floats


def balke_pearl_bounds(
    y: Floats,
    a: Floats,
    z: Floats,
    w: Floats,
    cluster: Ints | None,
    rng: np.random.Generator,
    level: float = inference.LEVEL,
    *,
    strata: Strata | None = None,
) -> InstrumentBounds | NotEstimable:
    r"""Give the sharp bounds on the average effect for 0/1 instrument, exposure and outcome.

    The instrument is independent of what persons would do and of their potential outcomes, and
    reaches the outcome through exposure only; monotonicity is not used.

    Parameters
    ----------
    y, a, z : (n,) floats, 0/1.
    w : (n,) floats.
    cluster : (n,) ints or None.
    rng : for the critical value of the interval.
    strata : of the rows, or None.

    Returns
    -------
    The bounds; or, where the sample breaks the instrumental inequality, that there are none.

    References
    ----------
    Balke & Pearl (1997), doi:10.1080/01621459.1997.10474074, the bounds on the average
    effect; the inequality: Pearl (1995), Proc. UAI 11. The interval is that of intersection
    bounds: Chernozhukov, Lee & Rosen (2013), doi:10.3982/ECTA8718, without selecting among the
    bounds, which makes it wider.
    """
    for values, what in ((y, "outcome"), (a, "exposure"), (z, "instrument")):
        check_two_arms(values, what)
    cells = [((y == j) & (a == k)).astype(np.float64) for j in (0, 1) for k in (0, 1)]
    means, influence = _cell_means(cells, z, w)
    return balke_pearl_of(means, inference.covariance(influence, cluster, strata), rng, level)


def balke_pearl_of(
    means: Floats, covariance: Floats, rng: np.random.Generator, level: float = inference.LEVEL
) -> InstrumentBounds | NotEstimable:
    """Give the same bounds from the shares p(y, a | z) themselves.

    Parameters
    ----------
    means : (8,) floats, in the order of ``CELLS``.
    covariance : (8, 8) floats of them.
    """
    excess = _inequality_excess(means)
    if excess > TOLERANCE:
        return _empty(f"breaks the instrumental inequality by {excess:.3f}")
    constant, lower = balke_pearl_lower()
    turned_constant, turned = _upper_from_lower()
    return _interval(
        _Candidates(constant + lower @ means, lower @ covariance @ lower.T),
        _Candidates(turned_constant + turned @ means, turned @ covariance @ turned.T),
        rng,
        level,
        "Balke-Pearl",
    )


def natural_bounds(
    y: Floats,
    a: Floats,
    z: Floats,
    w: Floats,
    cluster: Ints | None,
    outcome_range: tuple[float, float],
    rng: np.random.Generator,
    level: float = inference.LEVEL,
    *,
    strata: Strata | None = None,
) -> InstrumentBounds | NotEstimable:
    """Give the bounds that only use that mean potential outcomes are alike in both arms of z.

    For each arm the mean had everybody been exposed lies between filling the outcomes of the
    unexposed with the lowest and with the highest value; both arms bound the same mean.

    Parameters
    ----------
    y : (n,) floats, within ``outcome_range``.
    a, z : (n,) floats, 0/1.
    w, cluster, rng, strata : as in ``balke_pearl_bounds``.
    outcome_range : the lowest and highest outcome there could be.

    Raises
    ------
    OutcomeError
        An outcome lies outside the range.

    References
    ----------
    Robins (1989), in Health Service Research Methodology: A Focus on AIDS, 113; Manski (1990),
    Am Econ Rev 80(2):319; both as "natural bounds" in Balke & Pearl (1997).
    Interval as in ``balke_pearl_bounds``.
    """
    check_two_arms(a, "exposure")
    check_two_arms(z, "instrument")
    low, high = outcome_range
    if y.min() < low or y.max() > high:
        raise OutcomeError(
            f"outcomes from {y.min():g} to {y.max():g} lie outside the declared range {low:g} to "
            f"{high:g}. Declare the range the outcome can have."
        )
    filled = [
        np.where(a == 1, y, low),
        np.where(a == 1, y, high),
        np.where(a == 0, y, low),
        np.where(a == 0, y, high),
    ]
    means, influence = _cell_means(filled, z, w)
    covariance = inference.covariance(influence, cluster, strata)
    return natural_of(means, covariance, high - low, rng, level)


def natural_of(
    means: Floats,
    covariance: Floats,
    width: float,
    rng: np.random.Generator,
    level: float = inference.LEVEL,
) -> InstrumentBounds | NotEstimable:
    """Give the same bounds from the eight means of filled outcomes.

    Parameters
    ----------
    means : (8,) floats; in either arm of z the mean outcome had all been exposed, the unexposed
        at the lowest and at the highest value, then likewise had none been.
    covariance : (8, 8) floats of them.
    width : of the outcome's range.
    """
    by_arm = means.reshape(2, 4)
    excess = max(
        float(by_arm[:, 0].max() - by_arm[:, 1].min()),
        float(by_arm[:, 2].max() - by_arm[:, 3].min()),
    )
    if excess > TOLERANCE * width:
        return _empty(f"bounds one mean from its two arms with a gap of {excess:.3g} between")
    pairs = [(i, j) for i in (0, 1) for j in (0, 1)]
    lower, upper = np.zeros((4, 8)), np.zeros((4, 8))
    for row, (i, j) in enumerate(pairs):
        lower[row, 4 * i], lower[row, 4 * j + 3] = 1.0, -1.0
        upper[row, 4 * i + 1], upper[row, 4 * j + 2] = -1.0, 1.0
    return _interval(
        _Candidates(lower @ means, lower @ covariance @ lower.T),
        _Candidates(upper @ means, upper @ covariance @ upper.T),
        rng,
        level,
        "natural",
    )


def balke_pearl_lower() -> tuple[Floats, Floats]:
    """Give (8,) constants and (8, 8) coefficients on ``CELLS`` whose largest is the lower bound."""
    constants = np.array([float(constant) for constant, _ in _LOWER_TERMS])
    coefficients = np.zeros((8, 8))
    for row, (_, terms) in enumerate(_LOWER_TERMS):
        for term in terms.split():
            outcome, exposure, arm = (int(digit) for digit in term[1:])
            coefficients[row, CELLS.index((arm, outcome, exposure))] += int(f"{term[0]}1")
    return constants, coefficients


def _upper_from_lower() -> tuple[Floats, Floats]:
    """Give what the largest of is minus the upper bound.

    Recoding the outcome turns the effect round, so that minus the upper bound is the lower bound
    of the recoded outcome.
    """
    constants, coefficients = balke_pearl_lower()
    recoded = [CELLS.index((z, 1 - y, a)) for z, y, a in CELLS]
    return constants, coefficients[:, recoded]


def _cell_means(columns: list[Floats], z: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Give the means of columns in each arm of z, arm by arm, with their influence values."""
    parts = [arm_means(column, z, w) for column in columns]
    means = np.concatenate([[part[0][arm] for part in parts] for arm in (0, 1)])
    influence = np.column_stack([part[1][:, arm] for arm in (0, 1) for part in parts])
    return means, influence


def _inequality_excess(means: Floats) -> float:
    """Give by how much the largest sum of p(y, a | z) over y, each at its best z, is above 1."""
    by_cell = means.reshape(2, 2, 2)  # z, y, a
    return float((by_cell.max(axis=0).sum(axis=0) - 1).max())


def _empty(what: str) -> NotEstimable:
    return NotEstimable(
        f"the sample {what}: no effect at all agrees with a valid instrument. Chance, or the "
        "instrument is not valid; the tests of validity say how far chance goes"
    )


def _interval(
    lower: _Candidates,
    upper: _Candidates,
    rng: np.random.Generator,
    level: float,
    assuming: Bounding,
) -> InstrumentBounds:
    """Take the largest candidates, and the largest after each is lowered by its own error."""
    ends = []
    for candidates in (lower, upper):
        covariance = candidates.covariance
        errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        c = _largest_quantile(covariance, 0.5 + level / 2, rng)
        ends.append((float(candidates.values.max()), float((candidates.values - c * errors).max())))
    (low, lo), (minus_high, minus_hi) = ends
    return InstrumentBounds(low, -minus_high, lo, -minus_hi, level, assuming)


def _largest_quantile(covariance: Floats, share: float, rng: np.random.Generator) -> float:
    """Give a quantile of the largest of standardised, correlated normals."""
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    known = errors > TOLERANCE
    if not known.any():
        return 0.0
    correlation = covariance[np.ix_(known, known)] / np.outer(errors[known], errors[known])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    largest = (rng.standard_normal((DRAWS, len(root))) @ root.T).max(axis=1)
    return float(np.quantile(largest, share))
