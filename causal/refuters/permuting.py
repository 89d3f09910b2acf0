"""Permutations within strata in which values land where they tend to: what a placebo is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.estimators.glm import fit_glm

SWEEPS = 20
"""Rounds of exchanges after a plain permutation: within a stratum the odds differ little, and each
round about halves what is left of the difference from their law."""
MENDING = 6
"""Rounds after Pareto sampling, whose inclusion probabilities begin within about .01."""
LARGE = 250.0
"""Expected variance of a stratum's count from which Pareto sampling needs no exchanges: inclusion
probabilities are then within 2e-4 of those of the permutation law (checked by enumeration)."""
NEAR_ONE = (0.8, 1.25)
"""Where to look first for the ratio of odds that separates ones from zeros."""
SCORE_DIGITS = 9
"""Decimals of a score that count: Newton's method stops at 1e-10, and rows alike in all covariates
must not be parted by what it leaves."""
EXTREME = 30.0
"""Logits beyond are set to it, so that odds neither overflow nor vanish."""


@dataclass(frozen=True, slots=True, eq=False)
class Shuffle:
    """A permutation within strata, prepared once and drawn many times.

    Attributes
    ----------
    values : (n,) floats, sorted by stratum like all else here.
    tendency : (n,) floats.
    rows : (n,) ints, the row each entry belongs to.
    starts, sizes : (s,) ints, where each stratum begins and how many rows it has.
    odds : (n,) floats, for 0/1 values the odds of a 1 that give each stratum the count it has;
        None for others.
    counts : (s,) ints, ones in each stratum; meaningless without ``odds``.
    sweeps : rounds of exchanges.
    turned : whether values and tendency stand the other way round than they came.
    binary : whether values are 0/1.
    """

    values: Floats
    tendency: Floats
    rows: Ints
    starts: Ints
    sizes: Ints
    odds: Floats | None
    counts: Ints
    sweeps: int
    turned: bool
    binary: bool

    @property
    def moves(self) -> bool:
        """Tell whether any stratum holds values that differ."""
        low = np.minimum.reduceat(self.values, self.starts)
        return bool((np.maximum.reduceat(self.values, self.starts) > low).any())

    def draw(self, rng: np.random.Generator) -> Floats:
        """Give the (n,) values permuted, in the order of the rows.

        A plain permutation would make the tendency a step function, which an estimator that models
        it smoothly could be found to miss. Values keep their law given the tendency, among
        permutations within strata: 0/1 values are drawn by their odds with the stratum's count
        held fixed, others permuted at random; then pairs are exchanged, or not, by the odds of the
        two ways round, unless strata are large.

        References
        ----------
        Berrett, Wang, Barber & Samworth (2020), doi:10.1111/rssb.12340, algorithm 1 (exchanges);
        Rosén (1997), doi:10.1016/S0378-3758(96)00186-3, and Bondesson, Traat & Lundqvist (2006),
        doi:10.1111/j.1467-9469.2006.00497.x (Pareto sampling, close to conditional Bernoulli).
        """
        if self.odds is None:
            mixed = self.values[self._random_order(rng)]
        else:
            mixed = self._sample(self.odds, rng)
        if self.sweeps:
            self._exchange(mixed, rng)
        shuffled = np.empty_like(mixed)
        shuffled[self.rows] = mixed
        return turn(shuffled, binary=self.binary) if self.turned else shuffled

    def _sample(self, odds: Floats, rng: np.random.Generator) -> Floats:
        """Draw 0/1 values with each stratum's count fixed: the smallest ratios of odds are 1."""
        luck = rng.random(len(odds))
        ratio = 1 - luck
        ratio *= odds
        np.divide(luck, ratio, out=ratio)
        drawn = np.zeros(len(odds))
        for start, size, count in zip(self.starts, self.sizes, self.counts, strict=True):
            if count:
                here = ratio[start : start + size]
                drawn[start : start + size] = here <= _smallest(here, int(count))
        return drawn

    def _random_order(self, rng: np.random.Generator) -> Ints:
        """Put the entries of each stratum into random order."""
        parts = [
            start + rng.permutation(size)
            for start, size in zip(self.starts, self.sizes, strict=True)
        ]
        return np.concatenate(parts)

    def _exchange(self, mixed: Floats, rng: np.random.Generator) -> None:
        """Exchange pairs of a stratum by the odds of the two ways round, in place.

        In a random order of k entries, entry i meets entry c - i (modulo k) with c drawn anew in
        each round: every pair may meet, and whom an entry meets does not depend on the values.
        """
        order = self._random_order(rng)
        stratum = np.repeat(np.arange(len(self.sizes)), self.sizes)
        place = np.arange(len(mixed)) - self.starts[stratum]
        size, start = self.sizes[stratum], self.starts[stratum]
        for _ in range(self.sweeps):
            turn = rng.integers(0, self.sizes)[stratum]
            partner = (turn - place) % size
            first = np.flatnonzero(place < partner)
            one, other = order[first], order[(start + partner)[first]]
            stay = (mixed[one] - mixed[other]) * (self.tendency[one] - self.tendency[other])
            exchange = rng.random(len(first)) < 0.5 * (1 - np.tanh(0.5 * stay))
            one, other = one[exchange], other[exchange]
            mixed[one], mixed[other] = mixed[other], mixed[one]


def _smallest(ratio: Floats, count: int) -> float:
    """Give the count-th smallest ratio, which is near 1 when the odds match the count."""
    low, high = NEAR_ONE
    near = ratio[(ratio >= low) & (ratio <= high)]
    place = count - 1 - int(np.count_nonzero(ratio < low))
    if not 0 <= place < len(near):
        near, place = ratio, count - 1
    return float(np.partition(near, place)[place])


def turn(values: Floats, *, binary: bool) -> Floats:
    """Code values the other way round: 0/1 exchanged, others with their sign changed."""
    return 1 - values if binary else -values


def shuffle_by_tendency(values: Floats, tendency: Floats, strata: int) -> Shuffle:
    """Prepare permutations within strata of about equal size by tendency, whatever the coding.

    Values are held with the first of them above their mean, so that the same stream on values
    coded the other way round gives the same permutation, coded the other way round.

    Parameters
    ----------
    values : (n,) floats.
    tendency : (n,) floats, as in ``prepare_shuffle``.
    strata : how many.
    """
    if values[0] >= values.mean():
        return prepare_shuffle(values, tendency, cut_into_strata(tendency, strata))
    other = turn(values, binary=_is_binary(values))
    prepared = prepare_shuffle(other, -tendency, cut_into_strata(-tendency, strata))
    return replace(prepared, turned=True)


def prepare_shuffle(values: Floats, tendency: Floats, strata: Ints) -> Shuffle:
    """Prepare permutations of values within strata.

    Parameters
    ----------
    values : (n,) floats.
    tendency : (n,) floats, natural parameter of each value: the logit for 0/1 values, the mean over
        the residual variance for others.
    strata : (n,) ints.
    """
    binary = _is_binary(values)
    rows = np.argsort(strata, kind="stable")
    _, starts, sizes = np.unique(strata[rows], return_index=True, return_counts=True)
    sorted_values, sorted_tendency = values[rows], tendency[rows]
    odds: Floats | None = None
    counts, sweeps = np.zeros(len(sizes), dtype=np.int64), SWEEPS
    if binary:
        counts = np.add.reduceat(sorted_values, starts).astype(np.int64)
        pieces, spread = [], []
        for start, size, count in zip(starts, sizes, counts, strict=True):
            logit = _match_count(sorted_tendency[start : start + size], int(count))
            pieces.append(np.exp(logit))
            if 0 < count < size:
                spread.append(float((0.25 / np.cosh(0.5 * logit) ** 2).sum()))
        odds = np.concatenate(pieces)
        sweeps = 0 if min(spread, default=LARGE) >= LARGE else MENDING
    return Shuffle(
        sorted_values,
        sorted_tendency,
        rows.astype(np.int64),
        starts.astype(np.int64),
        sizes.astype(np.int64),
        odds,
        counts,
        sweeps,
        turned=False,
        binary=binary,
    )


def _is_binary(values: Floats) -> bool:
    """Tell whether values are 0/1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _match_count(logit: Floats, count: int) -> Floats:
    """Shift logits so that their probabilities add up to a count: bisection, then clipping."""
    if not 0 < count < len(logit):
        return np.zeros(len(logit))
    low, high = -float(logit.max()) - EXTREME, -float(logit.min()) + EXTREME
    while high - low > 1e-6:
        middle = 0.5 * (low + high)
        total = float((0.5 * (1 + np.tanh(0.5 * (logit + middle)))).sum())
        low, high = (middle, high) if total < count else (low, middle)
    return np.asarray(np.clip(logit + low, -EXTREME, EXTREME))


def fit_tendency(x: Floats, values: Floats, w: Floats, kind: str, rows: Bools) -> Floats:
    """Give the natural parameter of each value given covariates: a logit, or mean over variance.

    Parameters
    ----------
    kind : ``binary``, or anything else for least squares with equal variance.
    rows : (n,) booleans, where the value is known.

    Raises
    ------
    SeparationFoundError
        The covariates determine a 0/1 value.
    """
    if kind == "binary":
        mean = fit_glm(x, values, w, "logit", rows).fitted
        return np.log(mean) - np.log1p(-mean)
    fitted = fit_glm(x, values, w, "linear", rows).fitted
    variance = float(np.average((values[rows] - fitted[rows]) ** 2, weights=w[rows]))
    return fitted / variance if variance > 0 else fitted


def cut_into_strata(score: Floats, strata: int) -> Ints:
    """Divide rows into strata of about equal size by quantiles of a score, up to its rounding."""
    score = np.round(score, SCORE_DIGITS)
    inner = np.quantile(score, np.arange(1, strata) / strata)
    return np.searchsorted(inner, score, side="right").astype(np.int64)
