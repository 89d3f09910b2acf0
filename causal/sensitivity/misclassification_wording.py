"""What draws from priors make of an estimate, in plain words."""

from __future__ import annotations

from causal.estimate import NotEstimable
from causal.findings import Row, amount
from causal.sensitivity.bias_settings import Errors


def is_told(errors: Errors, row: Row) -> bool:
    """Tell whether draws are put into words: the rung's, and the crude ones of exposure."""
    return row.subject.startswith("rung") or errors.exposure is not None


def say_drawn(errors: Errors, row: Row) -> str:
    """Say what draws from the priors make of an estimate."""
    title, what = row.subject.split(", ", 1)
    whose = "" if title == "rung" else "crude and "
    reports = ["outcome"] * (errors.outcome is not None)
    reports += ["exposure"] * (errors.exposure is not None and title == "crude")
    what = what.replace("reporting", f"reports of {' and '.join(reports)}").replace(", ", " and ")
    median, lo, hi = (
        next((one.value for one in row.numbers if one.name == name), NotEstimable("not given"))
        for name in ("median", "lo", "hi")
    )
    if isinstance(median, NotEstimable):
        return f"{whose}corrected for {what}: not given, since {median.reason}"
    if isinstance(lo, NotEstimable) or isinstance(hi, NotEstimable):
        return f"{whose}corrected for {what}: {amount(median)} by the median draw"
    return (
        f"{whose}corrected for {what} by draws from the priors, random error included: "
        f"{amount(median)} ({amount(lo)} to {amount(hi)})"
    )
