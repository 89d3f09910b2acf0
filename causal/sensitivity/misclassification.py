"""Misreported outcome and exposure: what would overturn a rung, and a probabilistic correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats, read_only
from causal.cohort import Sample
from causal.estimate import Estimates, NotEstimable
from causal.findings import Curve, Number, Point, Row, numbers, tell
from causal.sensitivity.base import (
    NO_YARDSTICK,
    Sensitivity,
    SensitivityFinding,
    finding_without_number,
)
from causal.sensitivity.bias_analysis import (
    ONE,
    Biases,
    Corrected,
    Measured,
    Spread,
    correct_contrast,
    measure,
    nulling_sensitivity,
    spread_of,
)
from causal.sensitivity.bias_settings import (
    Confounding,
    Errors,
    ExposureReporting,
    OutcomeReporting,
    Plausible,
    Selection,
    draw_biases,
    medians,
)
from causal.sensitivity.misclassification_wording import is_told, say_drawn
from causal.subject import Subject

NAME = "share of their {} the {} would have to report, the others all, for no difference"
ARMS = ("unexposed", "exposed")
POINTS = 41
"""Of a curve."""
ROOM = 0.8
"""A curve begins at this share of the sensitivity that leaves no difference, where it can."""
TAKEN = "reported exposure is taken as it is: only the crude table is corrected for errors in it"


class Misclassification(Sensitivity):
    """Differential misreporting of outcome and exposure, with confounding and selection beside.

    Without any prior it says how fully one arm would have to report for the arms not to differ.
    With priors it corrects the crude and the rung's risks, at the medians and by draws.

    Attributes
    ----------
    event : the value of the outcome that is the event (use, say); sensitivity is of reporting it.
    event_name : the same in a word, such as ``use``.
    outcome, exposure : how each is reported; left out, as it happened.
    confounding, selection : further errors, beyond what a rung adjusts for; left out, none.
    plausible : what to count misreporting by.
    draws : of the priors.
    most_impossible : share of draws with negative cells beyond which none are summarised.
    level : of the intervals, and the central share of draws.

    Assumptions
    -----------
    Reporting depends on arm and event only, given what happened: then adjusted risks are corrected
    as crude ones are. Errors of outcome and exposure are independent. Selection and confounding
    are undone in the risks of whole arms. Reported exposure is corrected in the crude table only.

    References
    ----------
    Lash, Fox & Fink (2009), doi:10.1007/978-0-387-87959-8; Lash et al. (2014),
    doi:10.1093/ije/dyu149.
    """

    kind: Literal["misclassification"] = "misclassification"
    event: Literal[0, 1] = 1
    event_name: str = Field(default="events", min_length=1)
    outcome: OutcomeReporting | None = None
    exposure: ExposureReporting | None = None
    confounding: Confounding | None = None
    selection: Selection | None = None
    plausible: Plausible | None = None
    draws: int = Field(default=20_000, ge=100, le=1_000_000)
    most_impossible: float = Field(default=0.1, ge=0, lt=1)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    @property
    def errors(self) -> Errors:
        """Give everything that may be wrong at once."""
        return Errors(
            outcome=self.outcome,
            exposure=self.exposure,
            confounding=self.confounding,
            selection=self.selection,
        )

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Say how fully an arm would have to report, and give corrected estimates."""
        found = self._measure(subject)
        rung = found["rung"]
        if isinstance(rung, NotEstimable):
            name = NAME.format(self.event_name, "exposed")
            return finding_without_number(self.kind, subject.rung, name, rung)
        over_exposed = subject.estimates.target == "ATT"
        middle = medians(self.errors, over_exposed=over_exposed)
        drawn = _Drawn(
            draw_biases(self.errors, self.draws, rng, over_exposed=over_exposed),
            rng.standard_normal(self.draws),
        )
        rows: list[Row] = []
        for title, measured in found.items():
            if not isinstance(measured, NotEstimable):
                rows += _reported_rows(self, title, measured)
                rows += _corrected_rows(self, title, measured, middle)
                rows += _drawn_rows(self, title, measured, drawn)
        needed, for_interval = nulling_sensitivity(rung, self.level)
        multiple, yardstick = _count(self, for_interval)
        short = _short(self, rung, (needed, for_interval), rows)
        return SensitivityFinding(
            self.kind,
            subject.rung,
            NAME.format(self.event_name, ARMS[rung.low_arm]),
            needed,
            tuple(rows),
            _sentence(self, _short(self, rung, (needed, for_interval), []), rows),
            short,
            multiple,
            yardstick,
            curves=tuple(
                _curve(self, title, measured)
                for title, measured in found.items()
                if not isinstance(measured, NotEstimable)
            ),
        )

    def _measure(self, subject: Subject) -> dict[str, Measured | NotEstimable]:
        """Read crude and adjusted risks, or why there are none."""
        sample = subject.sample
        if sample.outcome_kind != "binary":
            why = NotEstimable("misclassification is of outcomes that are 0 or 1")
            return {"crude": why, "rung": why}
        if sample.exposure_kind != "binary":
            why = NotEstimable("misclassification is of exposures that are 0 or 1")
            return {"crude": why, "rung": why}
        exposed = share_exposed(sample)
        return {
            title: measure(estimates, exposed, self.event, subject.scale)
            for title, estimates in (("crude", subject.crude), ("rung", subject.estimates))
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Draws of the biases, and standard normal ones of the same number for random error."""

    biases: Biases
    noise: Floats


def share_exposed(sample: Sample) -> Estimates:
    """Give the weighted share exposed among rows with an outcome."""
    w = sample.w * sample.observed
    share = float(np.sum(w * sample.a) / np.sum(w))
    influence = (w * (sample.a - share) / w.mean())[:, None]
    return Estimates(
        labels=("share exposed",),
        values=read_only(np.array([share])),
        influence=read_only(influence),
        covariance=read_only(inference.covariance(influence, sample.cluster, sample.strata)),
        target="crude",
        cluster=sample.cluster,
        strata=sample.strata,
    )


def _applied(biases: Biases, title: str) -> Biases:
    """Take from the biases what can be undone: for adjusted risks, not exposure."""
    return biases if title == "crude" else biases.without_exposure()


def _reported_rows(settings: Misclassification, title: str, measured: Measured) -> list[Row]:
    """Write what is reported, and how fully an arm would have to report for no difference."""
    needed, for_interval = nulling_sensitivity(measured, settings.level)
    values = dict(estimate=needed, interval=for_interval)
    as_reported = correct_contrast(measured, Biases())
    return [
        Row("reported", numbers(_contrast(settings, measured, as_reported)), title),
        Row(
            "needed_sensitivity",
            numbers(values),
            title,
            f"of the {ARMS[measured.low_arm]}, the others reporting all of their "
            f"{settings.event_name}",
        ),
    ]


def _corrected_rows(
    settings: Misclassification, title: str, measured: Measured, middle: Biases
) -> list[Row]:
    """Write the estimate corrected at the medians of the priors, for reporting and for all."""
    rows = []
    for name, biases in _steps(settings, title, middle):
        found = correct_contrast(measured, _applied(biases, title))
        subject, note = f"{title}, {name}", _note(settings, title)
        if not found.possible[0]:
            why = NotEstimable("at the medians of the priors a corrected cell is negative")
            rows.append(Row("corrected", numbers(dict(estimate=why)), subject, note))
            continue
        rows.append(Row("corrected", numbers(_contrast(settings, measured, found)), subject, note))
    return rows


def _drawn_rows(
    settings: Misclassification, title: str, measured: Measured, drawn: _Drawn
) -> list[Row]:
    """Write median and central share of the draws, for reporting and for all."""
    rows = []
    tail = (1 - settings.level) / 2
    for name, biases in _steps(settings, title, drawn.biases):
        found = correct_contrast(measured, _applied(biases, title))
        subject, note = f"{title}, {name}", _note(settings, title)
        impossible = 1 - float(np.mean(found.possible))
        if impossible > settings.most_impossible:
            why = NotEstimable(
                f"{100 * impossible:.0f} % of the draws give a negative cell, so the priors "
                "contradict the data; those left would be the data's choice. Narrow the priors"
            )
            values: dict[str, Number] = dict(median=why, impossible=impossible)
        else:
            values = _spread(spread_of(found, measured, tail, drawn.noise))
        rows.append(Row("distribution", numbers(values), subject, note))
    return rows


def _steps(settings: Misclassification, title: str, biases: Biases) -> list[tuple[str, Biases]]:
    """Give what is corrected: reporting alone, then with the rest."""
    reporting = settings.outcome is not None or (title == "crude" and settings.exposure is not None)
    rest = [
        name
        for name, given in (
            ("selection", settings.selection),
            ("confounding", settings.confounding),
        )
        if given is not None
    ]
    steps = [("reporting", biases.reporting_only())] if reporting else []
    if rest:
        name = ", ".join((["reporting"] if reporting else []) + rest)
        steps.append((name, biases))
    return steps


def _note(settings: Misclassification, title: str) -> str:
    """Say what was not corrected."""
    return TAKEN if title == "rung" and settings.exposure is not None else ""


def _contrast(
    settings: Misclassification, measured: Measured, found: Corrected
) -> dict[str, Number]:
    """Give one contrast with its interval, and the risks it is of."""
    value, error = float(found.values[0]), float(found.errors[0])
    ends = inference.interval(value, error, settings.level, measured.df)
    estimate, lo, hi = measured.back(np.array([value, *ends]))
    return dict(
        estimate=float(estimate),
        std_error=error,
        lo=float(lo),
        hi=float(hi),
        risk_unexposed=float(found.risks.risk0[0]),
        risk_exposed=float(found.risks.risk1[0]),
        share_exposed=float(found.risks.exposed[0]),
    )


def _spread(found: Spread) -> dict[str, Number]:
    """Name the numbers of a distribution."""
    return dict(
        median=found.median,
        lo=found.lo,
        hi=found.hi,
        systematic_lo=found.systematic_lo,
        systematic_hi=found.systematic_hi,
        at_or_beyond_no_difference=found.beyond,
        impossible=found.impossible,
    )


def _curve(settings: Misclassification, title: str, measured: Measured) -> Curve:
    """Draw the estimate against how fully the arm with fewer reports reports."""
    low = measured.low_arm
    needed, _ = nulling_sensitivity(measured, settings.level)
    start = max(ROOM * needed, 1.001 * float(measured.values[1 + low]))
    grid = np.linspace(start, 1.0, POINTS)
    found = correct_contrast(measured, Biases(sensitivity=(ONE, grid) if low else (grid, ONE)))
    critical = inference.critical_value(settings.level, measured.df)
    half = critical * found.errors
    middle, lo, hi = (
        measured.back(one) for one in (found.values, found.values - half, found.values + half)
    )
    points = tuple(
        Point(float(x), float(y), float(one), float(other))
        for x, y, one, other in zip(grid, middle, lo, hi, strict=True)
        if np.isfinite(y) and np.isfinite(one)
    )
    scale = measured.scale.replace("_", " ")
    return Curve(
        title,
        f"share of their {settings.event_name} the {ARMS[low]} report (the others all)",
        f"{scale} behind the reports",
        points,
        float(measured.back(np.zeros(1))[0]),
    )


def _count(settings: Misclassification, for_interval: float) -> tuple[Number, str]:
    """Count the misreporting that brings the interval to no difference in plausible ones."""
    if for_interval == 1:
        return 0.0, f"{settings.event_name} left unreported"
    if settings.plausible is None:
        return NO_YARDSTICK, ""
    hidden = 1 - settings.plausible.sensitivity
    return (1 - for_interval) / hidden, (
        f"the {tell(100 * hidden, digits=2)} % of {settings.event_name} left unreported in "
        f"{settings.plausible.source}, by one arm only"
    )


def _short(
    settings: Misclassification, rung: Measured, needed: tuple[float, float], rows: list[Row]
) -> str:
    """Say in one sentence what overturns the rung, and what the priors leave of it."""
    drawn = [one for one in rows if one.label == "distribution" and is_told(settings.errors, one)]
    last = f"; {say_drawn(settings.errors, drawn[-1])}" if drawn else ""
    estimate, interval = needed
    level = f"{100 * settings.level:g} % interval"
    arm = ARMS[rung.low_arm]
    said = (
        f"the adjusted difference is 0 if the {arm} report {100 * estimate:.0f} % of their "
        f"{settings.event_name} and the others all"
    )
    if interval == 1:
        return f"No misreporting is needed: the {level} includes 0 already; {said}{last}."
    known = f"its {level} includes 0 already at {100 * interval:.0f} %"
    return f"{said[0].upper()}{said[1:]}, and {known}{last}."


def _sentence(settings: Misclassification, short: str, rows: list[Row]) -> str:
    """Say what misreporting and the other errors do to the estimate."""
    parts = [short]
    crude = next(
        (one for one in rows if one.label == "needed_sensitivity" and one.subject == "crude"), None
    )
    if crude is not None:
        value = crude.number("estimate")
        if not isinstance(value, NotEstimable):
            parts.append(f"For the crude difference it is {100 * value:.0f} % ({crude.note}).")
    for row in rows:
        if row.label == "distribution" and is_told(settings.errors, row):
            found = say_drawn(settings.errors, row)
            parts.append(f"{found[0].upper()}{found[1:]}.")
    if settings.exposure is not None:
        parts.append(f"In the rung {TAKEN}.")
    parts.append(
        f"This holds if reporting depends on arm and event only; where only part is reported, "
        f"nobody is taken to report {settings.event_name} falsely unless the priors say so."
    )
    return " ".join(parts)
