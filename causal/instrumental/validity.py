"""Tests of what a valid, monotone instrument implies for the data: functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints
from causal.estimate import NotEstimable
from causal.estimators.regression import arm_means
from causal.instrumental.stages import check_two_arms
from causal.instrumental.unit_pool import UnitPool, pool_units
from causal.sensitivity.partial_identification import top_mean
from causal.strata import Strata

TRIM = 0.07
"""Floor of a standard deviation that is at most .5: intervals with less than about .5 % of the rows
are held down."""
CUTS = 20
"""Quantiles between which intervals of a continuous outcome are formed: 210 intervals an exposure
level. More would add intervals of few rows, which the trimming holds down anyway."""
FEWEST_TAKERS = 10
"""With fewer rows of a type that is seen alone, a normal interval for its mean says nothing."""
BATCH = 100
"""Draws made at once, so that memory stays with the data."""
DRAWS = 1000
"""Bootstrap draws; a p-value of .05 then has a Monte-Carlo error of .007."""
ALL_THREE = "independence, exclusion or monotonicity"
NO_SPREAD = 1e-9
"""A constraint whose standard error is below this, in units of the outcome's spread, is exact."""


@dataclass(frozen=True, slots=True)
class ValidityTest:
    """One test of an instrument.

    Attributes
    ----------
    name : of the test.
    statistic : the largest standardised violation; negative where no constraint is violated.
    p : of what the test looks at being as a valid instrument implies.
    constraints : how many inequalities were looked at.
    worst : the inequality violated most, in words.
    sentence : what that says, and what it cannot say.
    """

    name: str
    statistic: float
    p: float
    constraints: int
    worst: str
    sentence: str


def pearl_test(
    y: Floats,
    a: Floats,
    z: Floats,
    w: Floats,
    cluster: Ints | None,
    rng: np.random.Generator,
    level: float = inference.LEVEL,
    *,
    strata: Strata | None = None,
) -> ValidityTest:
    """Test the instrumental inequality for 0/1 variables, which needs no monotonicity.

    Parameters
    ----------
    y, a, z : (n,) floats, 0/1.
    w : (n,) floats.
    cluster : (n,) ints or None.
    rng : for the p-value.
    strata : of the rows, or None.

    References
    ----------
    Pearl (1995), "On the testability of causal models with latent and instrumental variables",
    Proc. UAI 11 (the instrumental inequality); that it is all 0/1 variables imply: Bonet (2001),
    "Instrumentality tests revisited", Proc. UAI 17.
    """
    for values, what in ((y, "outcome"), (a, "exposure"), (z, "instrument")):
        check_two_arms(values, what)
    parts = [arm_means(((y == j) & (a == k)).astype(float), z, w) for j in (0, 1) for k in (0, 1)]
    means = np.concatenate([[part[0][arm] for part in parts] for arm in (0, 1)])
    influence = np.column_stack([part[1][:, arm] for arm in (0, 1) for part in parts])
    return pearl_of(means, inference.covariance(influence, cluster, strata), rng, level)


def pearl_of(
    means: Floats, covariance: Floats, rng: np.random.Generator, level: float = inference.LEVEL
) -> ValidityTest:
    """Test the instrumental inequality from the shares p(y, a | z) themselves.

    Parameters
    ----------
    means, covariance : (8,) floats in the order of ``bounds.CELLS``, and theirs, (8, 8).
    """
    rows, words = [], []
    for exposure in (0, 1):
        for first in (0, 1):
            row = np.zeros(8)
            row[[2 * first + exposure, 4 + 2 * (1 - first) + exposure]] = 1.0
            rows.append(row)
            words.append(
                f"outcome {first} at instrument 0 and outcome {1 - first} at instrument 1, both at "
                f"exposure {exposure}"
            )
    turn = np.array(rows)
    return _largest(
        "instrumental inequality",
        turn @ means - 1,
        turn @ covariance @ turn.T,
        tuple(words),
        rng,
        level,
        "independence or exclusion",
    )


def kitagawa_test(
    y: Floats,
    a: Floats,
    z: Floats,
    w: Floats,
    cluster: Ints | None,
    rng: np.random.Generator,
    *,
    raises: bool | None = None,
    trim: float = TRIM,
    draws: int = DRAWS,
    level: float = inference.LEVEL,
) -> ValidityTest | NotEstimable:
    r"""Test that no interval of outcomes holds fewer compliers than none.

    With a valid instrument that moves exposure in one direction, for every interval B,
    :math:`P(Y \in B, A = 1 | Z = 1) \ge P(Y \in B, A = 1 | Z = 0)`, and the reverse for A = 0:
    the differences are the compliers. The statistic is the largest violation over its standard
    error (clustered where rows are), which is not taken below ``trim``. The bootstrap draws both
    arms from the pooled rows (or clusters), which puts all differences at zero, the least
    favourable case, and knows how seldom a small arm has rows in a small interval.

    Parameters
    ----------
    y : (n,) floats, 0/1 or any number.
    a, z : (n,) floats, 0/1.
    w, cluster, rng : as in ``pearl_test``.
    raises : whether the instrument raises exposure or lowers it, as known from the design; None
        takes the direction seen, which makes the test careful where there are few compliers.
    trim : floor of the standard deviation, on the scale of a share of one pooled row.
    draws : of the bootstrap.

    Returns
    -------
    The test; or that the instrument varies within clusters, so that no arms can be drawn.

    References
    ----------
    Kitagawa (2015), doi:10.3982/ECTA11974: the inequalities are its testable implication, the
    statistic its variance-weighted one.
    """
    check_two_arms(a, "exposure")
    check_two_arms(z, "instrument")
    z, turned = _oriented(a, z, w, raises)
    cell, spans = _intervals(y)
    cells = cell.max() + 1
    inside = np.zeros((2 * cells, 2 * len(spans)))  # exposure and outcome by interval
    for number, (first, last, _) in enumerate(spans):
        inside[cells + first : cells + last + 1, number] = 1.0
        inside[first : last + 1, len(spans) + number] = 1.0
    pool = pool_units((a * cells + cell).astype(np.int64), 2 * cells, z, w, cluster)
    if isinstance(pool, NotEstimable):
        return pool
    sign = np.repeat([-1.0, 1.0], len(spans))
    ratios = _violations(pool, pool.seen[None], inside, sign, trim)[0]
    largest = np.concatenate(
        [
            _violations(pool, pool.draw(rng, size), inside, sign, trim).max(axis=1)
            for size in np.diff(np.append(np.arange(0, draws, BATCH), draws))
        ]
    )
    words = [f"outcome {name} at exposure {level_}" for level_ in (1, 0) for *_, name in spans]
    reached = int((largest >= ratios.max()).sum())
    p, worst = (1 + reached) / (1 + draws), words[int(ratios.argmax())]
    return _worded("Kitagawa", float(ratios.max()), p, len(words), worst + turned, level, ALL_THREE)


def huber_mellace_test(
    y: Floats,
    a: Floats,
    z: Floats,
    w: Floats,
    cluster: Ints | None,
    rng: np.random.Generator,
    *,
    raises: bool | None = None,
    level: float = inference.LEVEL,
    strata: Strata | None = None,
) -> ValidityTest | NotEstimable:
    r"""Test that always and never takers could have the same mean in both arms of the instrument.

    Those exposed without encouragement are always takers. Those exposed with it are always takers
    and compliers, the former a known share q; their mean must lie between the means of the lowest
    and of the highest share q of outcomes there. Likewise never takers among the unexposed. The
    p-value is that of the largest of the four standardised differences when all four bind, from
    their joint influence values; the paper's own procedures differ in that step.

    Parameters
    ----------
    y, a, z, w, cluster, rng, raises : as in ``kitagawa_test``.
    strata : of the rows, or None.

    Returns
    -------
    The test; or that next to everybody complies, so that there is nothing to compare.

    References
    ----------
    Huber & Mellace (2015), doi:10.1162/REST_a_00450, the four mean constraints.
    """
    check_two_arms(a, "exposure")
    check_two_arms(z, "instrument")
    z, turned = _oriented(a, z, w, raises)
    spread = float(y.std())
    excesses, columns, words = [], [], []
    for exposure, alone in ((1, 0), (0, 1)):  # takers alone are seen in arm `alone`
        taken = (a == exposure).astype(float)
        shares, moves = arm_means(taken, z, w)
        if ((z == alone) & (a == exposure)).sum() < FEWEST_TAKERS:
            continue  # nobody of this type, so nothing is mixed; or too few to tell
        mixed = 1 - alone
        kept = min(float(shares[alone] / shares[mixed]), 1.0)
        kept_moves = kept * (moves[:, alone] / shares[alone] - moves[:, mixed] / shares[mixed])
        mean, mean_moves = _mean_of(y, w * taken * (z == alone))
        type_ = "always" if exposure == 1 else "never"
        for sign, end in ((1.0, "highest"), (-1.0, "lowest")):
            top, top_moves = top_mean(sign * y, w * taken * (z == mixed), kept, kept_moves)
            excesses.append(sign * mean - top)
            columns.append(sign * mean_moves - top_moves)
            words.append(f"{type_} takers beyond the {end} outcomes of the arm they are mixed in")
    if not excesses:
        return NotEstimable(
            f"fewer than {FEWEST_TAKERS} persons of any type are seen alone, so no mean can be "
            "compared between the arms"
        )
    influence = np.column_stack(columns)
    covariance = inference.covariance(influence, cluster, strata)
    errors = np.sqrt(np.diag(covariance))
    free = errors > NO_SPREAD * max(spread, np.finfo(float).tiny)
    if not free.any():
        return NotEstimable("the outcome does not vary among always and never takers")
    return _largest(
        "Huber-Mellace",
        np.array(excesses)[free],
        covariance[np.ix_(free, free)],
        tuple(word + turned for word, one in zip(words, free, strict=True) if one),
        rng,
        level,
        ALL_THREE,
    )


def _oriented(a: Floats, z: Floats, w: Floats, raises: bool | None) -> tuple[Floats, str]:
    """Turn the instrument so that it raises exposure, and say so."""
    if raises is None:
        means, _ = arm_means(a, z, w)
        raises = bool(means[1] >= means[0])
    return (z, "") if raises else (1 - z, " (instrument turned round)")


def _mean_of(y: Floats, w: Floats) -> tuple[float, Floats]:
    """Give a weighted mean with its influence values; rows outside have weight 0."""
    mean = float(np.average(y, weights=w))
    return mean, w * (y - mean) / w.mean()


def _intervals(y: Floats) -> tuple[Ints, list[tuple[int, int, str]]]:
    """Cut outcomes into cells, and name every run of neighbouring cells."""
    values = np.unique(y)
    if len(values) <= CUTS:
        cell = np.searchsorted(values, y)
        names = [(f"{value:g}", f"{value:g}") for value in values]
    else:
        cuts = np.unique(np.quantile(y, np.linspace(0, 1, CUTS + 1)[1:-1]))
        cell = np.searchsorted(cuts, y, side="right")
        ends = [values[0], *cuts, values[-1]]
        names = [(f"{low:.3g}", f"{high:.3g}") for low, high in pairwise(ends)]
    spans = []
    for first in range(len(names)):
        for last in range(first, len(names)):
            low, high = names[first][0], names[last][1]
            spans.append((first, last, low if low == high else f"{low} to {high}"))
    return cell.astype(np.int64), spans


def _violations(
    pool: UnitPool, counts: Floats, inside: Floats, sign: Floats, trim: float
) -> Floats:
    """Give the standardised violations of every interval, one row a draw.

    Parameters
    ----------
    counts : (d, 2, units) floats, how often a unit stands in either arm.
    inside : (cells, m) floats, 0/1, which cells an interval holds.
    sign : (m,) floats, which arm is to hold more.
    """
    sums = pool.totals @ inside
    means, spreads = [], []
    for arm in (0, 1):
        drawn = counts[:, arm]
        weight = (drawn @ pool.weight)[:, None]
        share = drawn @ sums / weight
        crossed = drawn @ (sums * pool.weight[:, None])
        square = drawn @ sums**2 - 2 * share * crossed
        square += share**2 * (drawn @ pool.weight**2)[:, None]
        means.append(share)
        spreads.append(np.maximum(square, 0.0) / weight**2)
    rows = pool.rows
    per_row = np.sqrt(rows[0] * rows[1] / sum(rows))
    error = per_row * np.sqrt(spreads[0] + spreads[1])
    found: Floats = per_row * sign * (means[1] - means[0]) / np.maximum(error, trim)
    return found


def _largest(
    name: str,
    excesses: Floats,
    covariance: Floats,
    words: tuple[str, ...],
    rng: np.random.Generator,
    level: float,
    assumed: str,
) -> ValidityTest:
    """Test that no excess is above zero, by the largest over its standard error."""
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    safe = np.where(errors > 0, errors, 1.0)
    # an inequality known without error is broken for sure, or not at all
    ratios = np.where(errors > 0, excesses / safe, np.where(excesses > 0, np.inf, -np.inf))
    values, vectors = np.linalg.eigh(covariance / np.outer(safe, safe))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    largest = (rng.standard_normal((20 * DRAWS, len(root))) @ root.T).max(axis=1)
    statistic = float(ratios.max())
    p = float((1 + (largest >= statistic).sum()) / (1 + len(largest)))
    worst = words[int(ratios.argmax())]
    return _worded(name, statistic, p, len(words), worst, level, assumed)


def _worded(
    name: str, statistic: float, p: float, constraints: int, worst: str, level: float, assumed: str
) -> ValidityTest:
    """Say what a p-value means for the instrument."""
    what = f"{name}: the largest of {constraints} standardised violations is {statistic:.2f}"
    if p < 1 - level:
        said = f"the data contradict {assumed} ({worst})"
    elif statistic <= 0:
        said = "no inequality is broken; that does not show the instrument to be valid"
    else:
        said = "no more than chance; that does not show the instrument to be valid"
    return ValidityTest(name, statistic, p, constraints, worst, f"{what} (p = {p:.2g}): {said}.")
