"""Discrete hazards by pooled logistic regression, and the doubly robust scores built on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.clock import Clock
from causal.estimators.glm import NuisanceFit, SeparationFoundError, fit_glm

DEGREE = 3
"""Most powers of time in a hazard."""
TIME_TERMS = ("time", "time squared", "time cubed", "the first step")
"""What stands after the covariates in a hazard."""
EVENTS_PER_POWER = 10
"""Events asked for each power, so that rare causes keep a finite fit: as for events per variable,
Peduzzi et al. (1996), doi:10.1016/S0895-4356(96)00236-3."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Times as whole steps, and what happened in each.

    Attributes
    ----------
    step : (n,) ints, the last step anybody is at risk in, or in which the event fell: 0 for who
        left before the middle of the first; one more than ``last``, and event-free, beyond it.
    cause : (n,) ints, 0 censored, 1 the event, 2 competing.
    width : length of a step.
    last : number of steps.
    """

    step: Ints
    cause: Ints
    width: float
    last: int

    @property
    def ends(self) -> Floats:
        """Give (last,) ends of the steps, in units of time."""
        return np.asarray(self.width * np.arange(1, self.last + 1), dtype=np.float64)


def put_on_grid(time: Floats, event: Ints, tau: float, width: float) -> Grid:
    r"""Give the step in which each time ends: the first at whose end it is over.

    Who is censored within a step leaves at its nearer end, also in the first step, whose start
    they then leave at. Counted as at risk throughout, all of them would thin out the events of the
    step, and risks come out low. Where hazards of the event and of leaving are constant within a
    step, and :math:`h` and :math:`g` are these times its width, the chance of an event in the step
    among those counted as at risk is that without censoring times :math:`1 + g(g - h)/24`, up to
    third powers.
    """
    last = round(tau / width)
    ended = np.floor(time / width + 0.5)
    ended = np.where(event > 0, np.maximum(np.ceil(time / width - 1e-9), 1), ended)
    step = ended.astype(np.int64)
    beyond = step > last
    return Grid(
        np.where(beyond, last + 1, step),
        np.where(beyond, 0, np.minimum(event, 2)).astype(np.int64),
        width,
        last,
    )


def fit_hazards(grid: Grid, x: Floats, w: Floats, rows: Bools, cause: int) -> Floats:
    """Fit the hazard of one cause on covariates and powers of time.

    Up to ``DEGREE`` powers, one for each ``EVENTS_PER_POWER`` events. Cause 0 is leaving: its
    hazard in a step is that of leaving just before it, so from the middle of the step before to
    the middle of this one. Before the first step that is half as long, and some may never have
    been followed: it has a term of its own.

    Parameters
    ----------
    x : (n, p) floats, covariates.
    w : (n,) floats, weights.
    rows : (n,) booleans, whom to fit on.

    Returns
    -------
    (n, last) floats, the hazard of every row in every step, also of rows not fitted on; all zero
    where nobody has this cause.

    Raises
    ------
    SeparationFoundError
        The logistic likelihood has no maximum.
    """
    fitted = np.flatnonzero(rows)
    reached, ended = _counted(grid, fitted, cause)
    early = cause == 0 and bool(ended[:, 0].any())
    if cause == 0 and not early:  # the first half step is nobody's: the rest says nothing of it
        reached[:, 0] = False
    person, step = np.nonzero(reached)
    happened = ended[person, step]
    if not happened.any():
        return np.zeros((len(x), grid.last))
    when = _powers(grid.last, _degree(int(happened.sum()), grid.last - early))
    if early:
        when = np.hstack([when, np.arange(grid.last)[:, None] == 0])
    columns = np.hstack([x[fitted][person], when[step]])
    fit = _named_fit(columns, happened, w[fitted][person], x.shape[1], first=early)
    hazards = np.zeros((len(x), grid.last))
    for at in range(grid.last):
        own = np.hstack([x, np.broadcast_to(when[at], (len(x), when.shape[1]))])
        hazards[:, at] = fit.predict(own)
    if cause == 0 and not early:
        hazards[:, 0] = 0.0
    return hazards


def _named_fit(
    columns: Floats, happened: Bools, w: Floats, covariates: int, *, first: bool
) -> NuisanceFit:
    """Fit a hazard; a refusal counts the column of the first step as the last of TIME_TERMS."""
    try:
        return fit_glm(columns, happened.astype(np.float64), w, "logit")
    except SeparationFoundError as found:
        place = [*range(columns.shape[1] - first), covariates + DEGREE]
        raise SeparationFoundError(tuple(place[i] for i in found.columns), found.rows) from None


def _counted(grid: Grid, rows: Ints, cause: int) -> tuple[Bools, Bools]:
    """Tell in which steps each row is at risk of a cause, and in which it has it.

    At risk of leaving before a step are those who came up to it without an event.
    """
    step, own = grid.step[rows][:, None], grid.cause[rows][:, None] == cause
    at = np.arange(1, grid.last + 1)[None, :]
    if cause > 0:
        return at <= step, (at == step) & own
    over = (grid.cause[rows] > 0)[:, None]
    return at <= np.where(over, step, step + 1), (at == step + 1) & own


def _powers(last: int, degree: int) -> Floats:
    """Give (last, degree) powers of time, scaled to [0, 1]."""
    scaled = np.arange(last) / max(last - 1, 1)
    return scaled[:, None] ** np.arange(1, degree + 1)


def _degree(events: int, steps: int) -> int:
    """Give how many powers of time so many events in so many steps allow."""
    return max(min(DEGREE, events // EVENTS_PER_POWER, steps - 1), 0)


def gains_by_step(grid: Grid, clock: Clock) -> Floats:
    """Give (last, m) floats: what an event in each step adds to each functional.

    As ``survival_curves.gains_by_time``, events of a step being spread evenly over it: risks rise
    in a straight line within a step, and events fall in its middle for the mean time lost. With a
    constant hazard h of ending within a step, events fall earlier, by :math:`h / 12` times the
    squared width: what the mean time lost is short of, for each of them.
    """
    ends = grid.ends
    by = np.clip((np.array(clock.times)[None, :] - ends[:, None]) / grid.width + 1, 0.0, 1.0)
    lost = np.clip(clock.tau - (ends - grid.width / 2), 0.0, None)
    return np.column_stack([by, lost])


def predicted_curves(hazard: Floats, competing: Floats, gains: Floats) -> Floats:
    """Give (n, m) predicted functionals of every row."""
    before = _before(hazard, competing)
    return np.asarray((before * hazard) @ gains)


def augmented_curves(
    grid: Grid,
    gains: Floats,
    hazards: tuple[Floats, Floats, Floats],
    weight: Floats,
) -> tuple[Floats, Floats]:
    r"""Give the two parts of doubly robust scores of the functionals in one arm.

    Their sum is

    .. math:: \hat V(x) + \omega \sum_k \frac{1\{T \ge k\}}{\hat G_k(x)}
        \{(dN_{1k} - \hat\lambda_{1k})(g_k - R_k) - (dN_{2k} - \hat\lambda_{2k}) R_k\}

    with :math:`R_k = \sum_{l>k} g_l S_{l-1} \lambda_{1l} / S_k`, :math:`G_k` the chance of not
    having left before step k, and :math:`\omega` the inverse probability of the exposure had;
    right on average when the hazards are, or when propensity and censoring are.

    Parameters
    ----------
    gains : (last, m) floats.
    hazards : three (n, last) arrays, of the event, of competing events, of leaving before a step.
    weight : (n,) floats, inverse probability of the arm for its own rows, 0 for others.

    Returns
    -------
    (n, m) floats each: what the hazards predict, and the residuals with their weight.

    References
    ----------
    Robins & Rotnitzky (1992); Zhang & Schaubel (2012), doi:10.1002/sim.5466 (one event);
    Ozenne, Scheike, Stærk & Gerds (2020), doi:10.1002/bimj.201800298, equation 11 (competing).
    """
    hazard, competing, censoring = hazards
    n, last = hazard.shape
    before = _before(hazard, competing)
    after = before * np.clip(1 - hazard - competing, 0.0, None)
    present = np.cumprod(np.clip(1 - censoring, 0.0, None), axis=1)
    predicted = predicted_curves(hazard, competing, gains)
    later = np.zeros((n, gains.shape[1]))
    residual = np.zeros((n, gains.shape[1]))
    used = np.flatnonzero(weight)
    for k in range(last - 1, -1, -1):
        safe = np.where(after[:, k] > 0, after[:, k], 1.0)
        ahead = np.where((after[:, k] > 0)[:, None], later / safe[:, None], 0.0)
        here = used[grid.step[used] >= k + 1]
        ends = grid.step[here] == k + 1
        first = (ends & (grid.cause[here] == 1)) - hazard[here, k]
        second = (ends & (grid.cause[here] == 2)) - competing[here, k]
        moved = first[:, None] * (gains[k] - ahead[here]) - second[:, None] * ahead[here]
        residual[here] += moved / present[here, k][:, None]
        later += gains[k] * (before[:, k] * hazard[:, k])[:, None]
    return predicted, np.asarray(weight[:, None] * residual)


def _before(hazard: Floats, competing: Floats) -> Floats:
    """Give (n, last) chances of being event-free at the start of each step."""
    left = np.cumprod(np.clip(1 - hazard - competing, 0.0, None), axis=1)
    return np.hstack([np.ones((len(left), 1)), left[:, :-1]])
