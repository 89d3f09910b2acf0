"""A panel in which attendance does nothing: relapse stops attendance, and use persists.

The reverse-only world. It shows what a lag-adjusted association looks like when all of it is
relapse inside the interval, matched to what detox cohorts show: concurrent difference in use by
attendance -.21, persistence of use .41.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from causal.arrays import Floats
from causal.simulate import bernoulli, expit

WAVES = (0, 6, 12, 18, 24)


@dataclass(frozen=True, slots=True)
class ReverseOnly:
    """The parameters of the panel; a pair is for use 0 and 1 at the wave before.

    Attributes
    ----------
    use_at_start, attended_at_start : probabilities before the first wave, a detox stay.
    use_after_detox : probability of use at the second wave; detox loosens the tie with the past.
    use_later : probability of use at every later wave.
    attendance : log odds of frequent attendance of an abstinent person who did not attend before.
    attendance_persistence : log odds ratio of attendance for attendance in the interval before.
    relapse_to_attendance : log odds ratio of attendance in an interval for use at its end.
    """

    use_at_start: float = 0.79
    attended_at_start: float = 0.38
    use_after_detox: tuple[float, float] = (0.26, 0.43)
    use_later: tuple[float, float] = (0.22, 0.63)
    attendance: float = 0.20
    attendance_persistence: float = 1.15
    relapse_to_attendance: float = -0.92

    def use_given(self, before: Floats, wave: int) -> Floats:
        """Give the probability of use at a wave (counted from 0); attendance has no part in it."""
        abstinent, using = self.use_after_detox if wave == 1 else self.use_later
        return np.where(before == 1, using, abstinent)

    def attendance_given(self, before: Floats, use: Floats) -> Floats:
        """Give the probability of attendance, given attendance before and use at the end."""
        return expit(
            self.attendance
            + self.attendance_persistence * before
            + self.relapse_to_attendance * use
        )


def simulate_panel(world: ReverseOnly, n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw a panel of five waves.

    Returns
    -------
    ``drug_use`` and ``mhg_weekly`` (attendance since the wave before), each (n, 5) floats of 0/1.
    """
    use = np.empty((n, len(WAVES)))
    attended = np.empty((n, len(WAVES)))
    use[:, 0] = bernoulli(world.use_at_start, rng, n)
    attended[:, 0] = bernoulli(world.attended_at_start, rng, n)
    for t in range(1, len(WAVES)):
        use[:, t] = bernoulli(world.use_given(use[:, t - 1], t), rng)
        attended[:, t] = bernoulli(world.attendance_given(attended[:, t - 1], use[:, t]), rng)
    return {"drug_use": use, "mhg_weekly": attended}


def panel_truth(world: ReverseOnly) -> Mapping[str, float]:
    """Give the true values, all 0, and the limits of the analyses that do not find them.

    Computed without error, by adding up the probabilities of all histories of the pooled
    intervals (s, t, u). Differences are in the risk of use at u by attendance in (s, t].

    Returns
    -------
    ``ate``, ``att``, ``ato`` of any attendance on later use; ``limit_crude``;
    ``limit_lag_adjusted`` (given use and attendance at s and the interval, standardised);
    ``limit_use_adjusted`` (given use at t as well); ``concurrent`` (use at t by attendance) and
    ``persistence`` (use at u by use at t).
    """
    cells = np.array(list(_histories(world)))
    p, s, use_s, att_s, use_t, att_t, use_u = cells.T
    lagged = (s, use_s, att_s)
    return {
        "ate": 0.0,
        "att": 0.0,
        "ato": 0.0,
        "limit_crude": _standardised(p, att_t, use_u, ()),
        "limit_lag_adjusted": _standardised(p, att_t, use_u, lagged),
        "limit_use_adjusted": _standardised(p, att_t, use_u, (*lagged, use_t)),
        "concurrent": _standardised(p, att_t, use_t, ()),
        "persistence": _standardised(p, use_t, use_u, ()),
    }


def _histories(world: ReverseOnly) -> list[tuple[float, ...]]:
    """List (probability, s, use at s, attendance by s, use at t, attendance by t, use at u)."""
    start = {
        (use, att): _chance(use, world.use_at_start) * _chance(att, world.attended_at_start)
        for use, att in product((0.0, 1.0), repeat=2)
    }
    histories: list[tuple[float, ...]] = []
    for s in range(len(WAVES) - 2):
        after = dict.fromkeys(start, 0.0)
        for (use, att), p in start.items():
            for use_t, att_t in product((0.0, 1.0), repeat=2):
                q = p * _chance(use_t, float(world.use_given(np.array(use), s + 1)))
                q *= _chance(att_t, float(world.attendance_given(np.array(att), np.array(use_t))))
                after[use_t, att_t] += q
                to_use = float(world.use_given(np.array(use_t), s + 2))
                histories += [
                    (q * _chance(use_u, to_use), s, use, att, use_t, att_t, use_u)
                    for use_u in (0.0, 1.0)
                ]
        start = after
    return histories


def _chance(value: float, probability: float) -> float:
    """Give the probability of a 0/1 value."""
    return probability if value == 1 else 1 - probability


def _standardised(p: Floats, a: Floats, y: Floats, given: tuple[Floats, ...]) -> float:
    """Average the difference in mean ``y`` between ``a`` = 1 and 0 over the strata ``given``."""
    strata = np.column_stack([*given, np.zeros_like(a)])
    total = 0.0
    for stratum in np.unique(strata, axis=0):
        here = (strata == stratum).all(axis=1)
        one, zero = here & (a == 1), here & (a == 0)
        difference = np.average(y[one], weights=p[one]) - np.average(y[zero], weights=p[zero])
        total += float(p[here].sum() * difference)
    return total / float(p.sum())
