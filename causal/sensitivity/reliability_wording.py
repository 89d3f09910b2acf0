"""What a reliability sweep says in plain words: how far an estimate moves, and what that is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from causal.estimate import Effect, NotEstimable
from causal.findings import Number, amount, tell
from causal.sensitivity.error_correction import Simulated

Method: TypeAlias = Literal["regression_calibration", "simex"]
WORDS: dict[Method, str] = {
    "regression_calibration": "regression calibration",
    "simex": "simulation extrapolation",
}
FLAT = 0.01
"""A score of which exposure explains less than this (given the rest) moves the estimate little,
whatever its error: half of what Cohen (1988, p. 413) calls a small effect."""
CAVEAT = "reliability is not validity"


@dataclass(frozen=True, slots=True)
class Sweep:
    """A rung at a row of reliabilities.

    Attributes
    ----------
    null : the value that means no association on the scale of the analysis.
    steps : reliability and estimate, from 1 (as it stands) downwards.
    lowest : the reliability that all must exceed.
    by_exposure : the largest partial R2 of exposure with a score, given the other covariates.
    at_ceiling : the scores that sit at their ceiling.
    published : a reliability found elsewhere, and its ``source``.
    checks : by reliability, what simulation gave and how it did on the linear model.
    """

    terms: tuple[str, ...]
    method: Method
    null: int
    steps: tuple[tuple[float, Effect | NotEstimable], ...]
    lowest: float
    by_exposure: float
    at_ceiling: tuple[str, ...]
    published: float | None
    source: str
    checks: tuple[tuple[float, Simulated], ...] = ()

    @property
    def known(self) -> list[tuple[float, Effect]]:
        """Give the steps that have an estimate; the first is the rung as it stands."""
        return [(r, one) for r, one in self.steps if isinstance(one, Effect)]

    def overturned(self, of: Literal["estimate", "interval"]) -> Number:
        """Give the highest reliability at which estimate or interval meets or passes the null."""
        start = self.known[0][1].estimate
        for reliability, one in self.known:
            above = start > self.null
            end = one.estimate if of == "estimate" else (one.lo if above else one.hi)
            if end <= self.null if above else end >= self.null:
                return reliability
        return NotEstimable(
            f"at none of the reliabilities examined, down to {self.known[-1][0]:g}, does the "
            f"{of} meet {self.null}"
        )


def say_shortly(sweep: Sweep) -> str:
    """Say in one sentence how low the reliability must be."""
    names, at = _listed(sweep.terms), sweep.overturned("interval")
    first, (lowest, last) = sweep.known[0][1], sweep.known[-1]
    if at == 1:
        said = f"The interval includes {sweep.null} whatever the reliability of {names}"
    elif isinstance(at, NotEstimable):
        said = (
            f"Error in {names} would not bring the interval to {sweep.null} at any reliability "
            f"examined (at {lowest:g}, the lowest, the estimate is {amount(last.estimate)} "
            "instead of "
            f"{amount(first.estimate)})"
        )
    else:
        said = (
            f"At a reliability of {at:g} of {names}, the highest examined that does so, the "
            f"interval would include {sweep.null}"
        )
    return f"{said}; {CAVEAT}."


def say_sweep(sweep: Sweep) -> str:
    """Say how the estimate moves with the reliability, why, and what the sweep cannot see."""
    parts = [
        _say_range(sweep),
        _say_check(sweep),
        _say_overturned(sweep),
        _say_published(sweep),
        _say_flat(sweep),
        _say_lowest(sweep),
        "The error is taken as unrelated to what is measured, to exposure, to the outcome and to "
        "the other covariates, which have none themselves.",
        _say_ceiling(sweep),
        f"And {CAVEAT}: a score may repeat itself well and still miss what drives both exposure "
        "and outcome.",
    ]
    return " ".join(part for part in parts if part)


def _say_range(sweep: Sweep) -> str:
    """Say the estimate with and without error."""
    first, (lowest, last) = sweep.known[0][1], sweep.known[-1]
    return (
        f"Freed of classical error in {_listed(sweep.terms)} by {WORDS[sweep.method]}, the "
        f"estimate goes from {_written(first)} at a reliability of 1 to {_written(last)} at "
        f"{lowest:g}."
    )


def _say_check(sweep: Sweep) -> str:
    """Say how simulation does where the exact correction is known."""
    if not sweep.checks:
        return ""
    shares = [100 * one.check.share for _, one in sweep.checks if not one.check.missed]
    refused = [f"{r:g}" for r, one in sweep.checks if one.check.missed]
    said = []
    if shares:
        said.append(
            "On the linear model of the same rows, whose exact correction is known, the same "
            f"simulations find {min(shares):.0f} to {max(shares):.0f} % of it; that, their number "
            "and the choice of the extrapolating curve are in the intervals."
        )
    if refused:
        said.append(
            f"At {' and '.join(refused)} more than a tenth of it is missed, so nothing is given."
        )
    return " ".join(said)


def _say_overturned(sweep: Sweep) -> str:
    """Say at which reliability interval and estimate meet the null."""
    interval, estimate = sweep.overturned("interval"), sweep.overturned("estimate")
    if isinstance(interval, NotEstimable):
        return f"At none of the reliabilities examined does the interval meet {sweep.null}."
    if interval == 1:
        said = f"The interval includes {sweep.null} without any error"
    else:
        said = f"The interval meets {sweep.null} at a reliability of {interval:g}"
        at = dict(sweep.known)[interval].estimate
        if abs(at - sweep.null) >= abs(sweep.known[0][1].estimate - sweep.null):
            said += f", because it widens while the estimate moves away from {sweep.null}"
    if isinstance(estimate, NotEstimable):
        return f"{said}; the estimate does at none examined."
    return f"{said}; the estimate at {estimate:g}."


def _say_published(sweep: Sweep) -> str:
    """Say the estimate at the published reliability."""
    if sweep.published is None:
        return "No reliability published for such a score was given."
    found = dict(sweep.steps)[sweep.published]
    if isinstance(found, NotEstimable):
        return f"The published {sweep.published:g} ({sweep.source}) is impossible: {found.reason}."
    return f"At the published {sweep.published:g} ({sweep.source}) it is {_written(found)}."


def _say_flat(sweep: Sweep) -> str:
    """Say why error can do little, where exposure is hardly related to the scores."""
    if sweep.by_exposure >= FLAT:
        return ""
    what = "this score" if len(sweep.terms) == 1 else "any of these scores"
    return (
        f"Given the other covariates, exposure explains {tell(100 * sweep.by_exposure, digits=2)} "
        "% of "
        f"{what}, so that its error can move little: this says that the score hardly follows "
        "exposure, not that nothing is confounded."
    )


def _say_lowest(sweep: Sweep) -> str:
    """Say below which reliability the data contradict the error."""
    if len(sweep.terms) == 1:
        return (
            f"A reliability of {sweep.lowest:.3f} or less is impossible: exposure and the other "
            "covariates explain that much of the score."
        )
    return (
        f"At a common reliability of {sweep.lowest:.3f} or less, independent errors are "
        "impossible: what the scores measure would not have a positive definite covariance."
    )


def _say_ceiling(sweep: Sweep) -> str:
    """Say which scores sit at their ceiling."""
    if not sweep.at_ceiling:
        return ""
    verb = "sits at its" if len(sweep.at_ceiling) == 1 else "sit at their"
    return (
        f"{_listed(sweep.at_ceiling).capitalize()} {verb} ceiling, where error cannot be of that "
        "kind: it can only lower the score."
    )


def _written(one: Effect) -> str:
    """Write an estimate with its interval."""
    return (
        f"{amount(one.estimate)} ({100 * one.level:g} % interval {amount(one.lo)} to "
        f"{amount(one.hi)})"
    )


def _listed(terms: tuple[str, ...]) -> str:
    """Write the scores as a list."""
    names = [term.replace("_", " ") for term in terms]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
