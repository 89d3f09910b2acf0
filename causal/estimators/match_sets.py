"""Matched sets with replacement: who is nearest to whom, all of the equally near taken together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats, Ints

TIE = 1e-9
"""Standard deviations; distances that differ by less are rounding, and count as equal."""
LARGEST_BLOCK = 4_000_000
"""Distances held at once: 32 MB."""
NOTHING = 1e-10
"""Directions of the covariates with a smaller share of the largest variance are aliased."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows of one arm that are alike in all that counts for matching, put together.

    Attributes
    ----------
    of : (n,) ints, the group of each row.
    first : (g,) ints, one row of each group; groups are in the order of their covariates, so
        that what is computed from these rows does not depend on the order of the rows.
    arm : (g,) floats, 0/1.
    size : (g,) ints, rows.
    label : (g,) ints, alike where all exact terms are.
    """

    of: Ints
    first: Ints
    arm: Floats
    size: Ints
    label: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Where groups lie, and how far apart a match may be.

    Attributes
    ----------
    points : (g, d) floats whose Euclidean distance is to be small; on a line where d is 1.
    logit : (g,) floats, logit of the propensity, which the caliper is about.
    width : largest difference in ``logit``; infinite without caliper.
    slack : distances that differ by less are equal.
    """

    points: Floats
    logit: Floats
    width: float
    slack: float


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Who is matched with whom: pairs of groups, or of rows where every row is its own group.

    Attributes
    ----------
    of : (n,) ints, the group of each row.
    targets, donors : (q,) ints, pairs of groups: all rows of a target group are matched with all
        rows of the donor groups it is paired with, in shares by survey weight.
    """

    of: Ints
    targets: Ints
    donors: Ints

    @property
    def matched(self) -> Bools:
        """Tell of each row whether it has a match."""
        has = np.zeros(int(self.of.max()) + 1, dtype=bool)
        has[self.targets] = True
        return np.asarray(has[self.of])

    def impute(self, y: Floats, w: Floats) -> Floats:
        """Give (n,) weighted means of ``y`` over each row's matches; 0 where it has none."""
        total = self._over(w)
        means = self._over(w * y) / np.where(total > 0, total, 1.0)
        return np.asarray(means[self.of])

    def counted(self) -> Ints:
        """Give (n,) numbers of matches of each row."""
        return np.rint(self._over(np.ones(len(self.of)))[self.of]).astype(np.int64)

    def given(self, own: Floats, w: Floats) -> tuple[Floats, Floats]:
        """Give what each row stands for as a match of others.

        Parameters
        ----------
        own : (n,) floats, weight of each row to be matched; 0 for others.
        w : (n,) floats, survey weights, by which matches share.

        Returns
        -------
        (n,) sums of the weights given to each row, and (n,) sums of their squares.
        """
        total = self._over(w)[self.targets]
        number = int(self.of.max()) + 1
        sums, squares = (
            np.bincount(self.of, weights=own**power, minlength=number)[self.targets] / total**power
            for power in (1, 2)
        )
        given = np.bincount(self.donors, weights=sums, minlength=number)[self.of]
        squared = np.bincount(self.donors, weights=squares, minlength=number)[self.of]
        return w * given, w**2 * squared

    def _over(self, values: Floats) -> Floats:
        """Add values of rows over the donors of each group."""
        number = int(self.of.max()) + 1
        sums = np.bincount(self.of, weights=values, minlength=number)
        return np.asarray(
            np.bincount(self.targets, weights=sums[self.donors], minlength=number), dtype=np.float64
        )


def group_rows(x: Floats, a: Floats, exact: Floats) -> Groups:
    """Put rows together that are alike in covariates, exact terms and arm.

    Parameters
    ----------
    x : (n, p) floats.
    a : (n,) floats, 0/1.
    exact : (n, k) floats, columns whose values must agree within a set.
    """
    columns = np.column_stack([x, exact, a])
    _, first, of, size = np.unique(
        columns, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    return Groups(of.ravel(), first, a[first], size, exact_labels(exact)[first])


def exact_labels(exact: Floats) -> Ints:
    """Give (n,) labels that are alike where all columns are; 0 for all where there are none."""
    if exact.shape[1] == 0:
        return np.zeros(len(exact), dtype=np.int64)
    return np.unique(exact, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def whiten(x: Floats, rows: Ints | None = None) -> Floats:
    """Turn covariates so that Euclidean distance is Mahalanobis distance.

    Parameters
    ----------
    x : (n, p) floats.
    rows : rows whose covariance is the metric, all when None; aliased directions do not count.
    """
    chosen = np.arange(len(x)) if rows is None else rows
    centred = x - x[chosen].mean(axis=0)
    spread = centred[chosen].std(axis=0)
    scaled = centred[:, spread > 0] / spread[spread > 0]
    values, vectors = np.linalg.eigh(scaled[chosen].T @ scaled[chosen] / len(chosen))
    good = values > NOTHING * values.max(initial=0.0)
    return np.asarray(scaled @ (vectors[:, good] / np.sqrt(values[good])))


def match_arms(space: Space, groups: Groups, arms: tuple[int, ...], m: int) -> Sets:
    """Match each row of some arms with its m nearest rows of the other arm, or more where tied.

    Ties with the m-th are all taken, in equal shares, so that neither the order of the rows nor
    chance decides.

    Parameters
    ----------
    arms : the arms whose rows are to be matched.

    References
    ----------
    Abadie & Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x, section 2.2.
    """
    return _collect(
        groups,
        [
            _nearest(space, groups, targets, donors, m)
            for arm in arms
            for targets, donors in _strata(groups, arm, 1 - arm)
        ],
    )


def match_own_arm(space: Space, groups: Groups, m: int) -> Sets:
    """Match each row with itself and its m nearest of the same arm, without caliper."""
    open_ = Space(space.points, space.logit, np.inf, space.slack)
    return _collect(
        groups,
        [
            _nearest(open_, groups, targets, targets, m + 1)
            for arm in (0, 1)
            for targets, _ in _strata(groups, arm, arm)
        ],
    )


def _strata(groups: Groups, arm: int, other: int) -> Iterator[tuple[Ints, Ints]]:
    """Give the groups of one arm, and of another, label by label; those with both only."""
    for label in np.unique(groups.label):
        here = groups.label == label
        targets = np.flatnonzero(here & (groups.arm == arm))
        donors = np.flatnonzero(here & (groups.arm == other))
        if len(targets) and len(donors):
            yield targets, donors


def _collect(groups: Groups, found: list[tuple[Ints, Ints]]) -> Sets:
    """Put pairs of several strata together."""
    none = np.empty(0, dtype=np.int64)
    targets = np.concatenate([none, *(one for one, _ in found)])
    return Sets(groups.of, targets, np.concatenate([none, *(other for _, other in found)]))


def _nearest(
    space: Space, groups: Groups, targets: Ints, donors: Ints, m: int
) -> tuple[Ints, Ints]:
    """Give pairs of target and donor groups."""
    if space.points.shape[1] == 1:
        return nearest_on_line(space, groups.size, targets, donors, m)
    return nearest_in_space(space, groups.size, targets, donors, m)


def nearest_on_line(
    space: Space, size: Ints, targets: Ints, donors: Ints, m: int
) -> tuple[Ints, Ints]:
    """Find the nearest donors in one dimension, by sorting.

    Parameters
    ----------
    size : (g,) ints, rows of each group; m counts rows.
    targets, donors : (t,) and (d,) ints, groups.

    Returns
    -------
    (q,) target and (q,) donor groups; a target without donors within the caliper has no pair.
    """
    points = space.points[:, 0]
    order = donors[np.argsort(points[donors], kind="stable")]
    near = points[order]
    rows = np.repeat(near, size[order])
    wanted = min(m, len(rows))
    at = points[targets]
    place = np.searchsorted(rows, at)
    radius = np.full(len(targets), np.inf)
    for shift in range(wanted + 1):  # the nearest rows are a run of the sorted ones
        start = np.clip(place - shift, 0, len(rows) - wanted)
        reach = np.maximum(at - rows[start], rows[start + wanted - 1] - at)
        radius = np.minimum(radius, reach)
    radius = np.minimum(radius, space.width) + space.slack
    low = np.searchsorted(near, at - radius, side="left")
    counts = np.searchsorted(near, at + radius, side="right") - low
    run = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(targets, counts), order[np.repeat(low, counts) + run]


def nearest_in_space(
    space: Space, size: Ints, targets: Ints, donors: Ints, m: int
) -> tuple[Ints, Ints]:
    """Find the nearest donors in several dimensions, a block of targets at a time.

    Parameters and returns are those of ``nearest_on_line``.
    """
    from scipy.spatial import distance

    found: list[tuple[Ints, Ints]] = []
    height = max(1, LARGEST_BLOCK // len(donors))
    few = min(m, len(donors))  # m groups hold at least m rows
    for begin in range(0, len(targets), height):
        some = targets[begin : begin + height]
        apart = distance.cdist(space.points[some], space.points[donors])
        gaps = np.abs(space.logit[some][:, None] - space.logit[donors][None, :])
        apart[gaps > space.width + space.slack] = np.inf
        first = np.argpartition(apart, few - 1, axis=1)[:, :few]
        reach = np.take_along_axis(apart, first, axis=1)
        ascending = np.argsort(reach, axis=1)
        reach = np.take_along_axis(reach, ascending, axis=1)
        rows = np.cumsum(size[donors[np.take_along_axis(first, ascending, axis=1)]], axis=1)
        enough = np.where((rows >= m).any(axis=1), (rows >= m).argmax(axis=1), few - 1)
        radius = reach[np.arange(len(some)), enough]
        i, j = np.nonzero(np.isfinite(apart) & (apart <= radius[:, None] + space.slack))
        found.append((some[i], donors[j]))
    return np.concatenate([i for i, _ in found]), np.concatenate([j for _, j in found])
