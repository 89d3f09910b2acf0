"""Matching without replacement: the nearest first, or the least total distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.errors import SpecError

Method: TypeAlias = Literal["nearest", "optimal"]

LARGEST_TABLE = 36_000_000
"""Distances between exposed and unexposed held at once: 300 MB, and about a minute of matching."""
GRAIN = 1e-5
"""Distances are counted in 1e-5 standard deviations, so that sums of their squares are
exact and ties are ties whatever the order of the rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Rivals:
    """Rows to be matched and rows to be given away, each at most once, in an order of their own.

    Attributes
    ----------
    points : (n, d) floats whose Euclidean distance, in standard deviations, is to be small.
    logit : (n,) floats, which the caliper is about.
    label : (n,) ints; rows of different labels are never matched.
    width : largest difference in ``logit``.
    targets, donors : (t,) and (d,) ints, rows. Where two are equally good the first is taken, so
        their order must not be that of the rows in the sample.
    """

    points: Floats
    logit: Floats
    label: Ints
    width: float
    targets: Ints
    donors: Ints

    def far(self, target: Ints) -> Bools:
        """Tell of (t, d) pairs whether they are outside the caliper or of different labels."""
        gaps = np.abs(self.logit[target][:, None] - self.logit[self.donors][None, :])
        other = self.label[target][:, None] != self.label[self.donors][None, :]
        return np.asarray((gaps > self.width) | other)

    def grains(self, target: Ints) -> Floats:
        """Give (t, d) distances, whole numbers of ``GRAIN``."""
        from scipy.spatial import distance

        apart = distance.cdist(self.points[target], self.points[self.donors])
        return np.asarray(np.rint(apart / GRAIN))


def give_nearest(rivals: Rivals, ratio: int) -> tuple[Ints, Ints]:
    """Let each target in turn take the nearest donor left; as many rounds as matches are wanted.

    Returns
    -------
    (q,) ints, targets and the donors given to them.
    """
    left = np.ones(len(rivals.donors), dtype=bool)
    pairs: list[tuple[int, int]] = []
    for _ in range(ratio):
        for target in rivals.targets:
            one = np.array([target])
            apart = np.where(left & ~rivals.far(one)[0], rivals.grains(one)[0], np.inf)
            best = int(apart.argmin()) if len(apart) else 0
            if len(apart) and np.isfinite(apart[best]):
                left[best] = False
                pairs.append((int(target), int(rivals.donors[best])))
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def give_optimally(rivals: Rivals, ratio: int) -> tuple[Ints, Ints]:
    """Give as many donors as the caliper allows, with the least sum of squared distances.

    Where donors are scarce no target gets a second one while another that could have it has none;
    that costs no pair, since any targets that can have a donor each can be in a largest matching.

    Raises
    ------
    SpecError
        There are more distances than can be held.

    References
    ----------
    Rosenbaum (1989), doi:10.1080/01621459.1989.10478868.
    """
    number = ratio * len(rivals.targets) * len(rivals.donors)
    if number > LARGEST_TABLE:
        raise SpecError(
            f"{len(rivals.targets)} rows to be matched with {ratio} of {len(rivals.donors)} are "
            f"too many for optimal matching (at most {LARGEST_TABLE} distances). Set method to "
            "nearest."
        )
    far = np.repeat(rivals.far(rivals.targets), ratio, axis=0)
    cost = np.repeat(rivals.grains(rivals.targets) ** 2, ratio, axis=0)
    i, j = assign(cost, far, np.arange(len(cost)) % ratio == 0)
    return np.repeat(rivals.targets, ratio)[i], rivals.donors[j]


def assign(cost: Floats, far: Bools, first: Bools | None = None) -> tuple[Ints, Ints]:
    """Pair rows with columns: as many pairs as may be, and of these sets the one that costs least.

    Parameters
    ----------
    cost : (t, d) floats, not negative; squared distances, since plain ones on a line leave many
        sets equally good.
    far : (t, d) booleans, pairs that may not be.
    first : (t,) booleans, rows to be paired rather than others; none when None.
    """
    from scipy import optimize

    # one pair too wide costs more than all others together: first as many pairs as can be
    most = (cost[~far].max(initial=0.0) + 1.0) * (min(cost.shape) + 1)
    if first is not None:
        most = np.where(first, 2.0, 1.0)[:, None] * most
    i, j = optimize.linear_sum_assignment(np.where(far, most, cost))
    near = ~far[i, j]
    return np.asarray(i[near]), np.asarray(j[near])
