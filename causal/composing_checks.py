"""Puts checks of the rungs, attempts to refute them and sensitivity into the result document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from causal import inference
from causal import result as doc
from causal.cohort import TIME
from causal.diagnostics import Diagnostic
from causal.estimate import Estimates, NotEstimable
from causal.estimators.both_stages import BothStages
from causal.findings import Contour, Curve, Row
from causal.fitting import FittedRung
from causal.instrumental import InstrumentFinding
from causal.planning import Plan
from causal.refuters import PowerCurve, Refutation
from causal.sampling import Drawn
from causal.sensitivity import SensitivityFinding
from causal.small_cells import without_small_counts

EXTREMES = ("propensity_min", "propensity_max", "weight_min", "weight_max")
DRAWN = 5
"""Significant digits of heights that are only drawn: no line is finer."""
WEIGHTLESS = "no rung has weights"
GATED = {
    "effective_sample_size": ("effective_sample_size", WEIGHTLESS),
    "smd": ("smd", WEIGHTLESS),
    "max_weight_share": ("max_weight_share", WEIGHTLESS),
    "least_chance": ("common_support", "no rung is judged by the chances of its arms"),
    "common_support": ("common_support", "no rung is judged by the chances of its arms"),
    "effective_f": ("effective_f", "no rung has an instrument whose strength is judged"),
}
"""Threshold of the specification -> the check it is for, and why there may be none."""
COUNTS = (
    "clipped",
    "trimmed",
    "truncated",
    "without_weight",
    "unused_exposed",
    "unused_unexposed",
    "bounded",
    "switchers",
)


def compose_diagnostics(name: str, fitted: FittedRung, min_cell: int) -> list[doc.DiagnosticBlock]:
    """Write the checks of a rung; what belongs to single persons is hidden in restricted data."""
    return [
        doc.DiagnosticBlock(
            name=one.name,
            rung=name,
            value=None if _hidden(one, min_cell) else one.value,
            threshold=one.threshold,
            verdict=one.verdict,
            reason=_said(one, min_cell),
        )
        for one in fitted.diagnostics
    ]


def compose_judged(
    plan: Plan, named: Sequence[tuple[str, FittedRung]], min_cell: int
) -> list[doc.DiagnosticBlock]:
    """Write the checks of every rung, and which thresholds of the specification judge none."""
    judged = [one for name, fitted in named for one in compose_diagnostics(name, fitted, min_cell)]
    gates, names = plan.analysis.gates, {one.name for one in judged}
    return judged + [
        doc.DiagnosticBlock(
            name=gate,
            rung=plan.analysis.headline_rung,
            value=None,
            threshold=value if isinstance(value := getattr(gates, gate), float) else None,
            verdict="NOT_EVALUATED",
            reason=f"the specification sets this threshold, and {why}, so it judges nothing",
        )
        for gate, (check, why) in GATED.items()
        if gate in gates.model_fields_set and check not in names
    ]


def compose_balance(name: str, fitted: FittedRung, drawn: Drawn) -> list[doc.BalanceBlock]:
    """Write the balance of a rung with weights."""
    if fitted.crude_smd is None or fitted.weighted_smd is None:
        return []
    concepts = dict(zip(drawn.sample.terms, drawn.sample.concepts, strict=True))
    rows = zip(fitted.terms, fitted.crude_smd, fitted.weighted_smd, strict=True)
    return [
        doc.BalanceBlock(
            rung=name,
            term=term,
            concept="time" if concepts[term] == TIME else concepts[term],
            crude=float(crude),
            weighted=float(weighted),
        )
        for term, crude, weighted in rows
    ]


def compose_overlap(name: str, fitted: FittedRung, min_cell: int) -> list[doc.OverlapBlock]:
    """Write the distribution of the propensity as shares, small bins hidden."""
    if fitted.propensity_counts is None:
        return []
    unexposed, exposed = (_shares(counts, min_cell) for counts in fitted.propensity_counts)
    return [doc.OverlapBlock(rung=name, exposed=exposed, unexposed=unexposed)]


def compose_refutation(found: Refutation, subject: str) -> doc.RefutationBlock:
    """Write what a refuter found."""
    power = found.power
    return doc.RefutationBlock(
        kind=found.kind,
        rung=found.rung,
        subject=subject,
        expected=found.expected,
        mean=found.mean,
        interval=found.interval,
        draws=len(found.draws),
        p_value=found.p_value,
        verdict=found.verdict,
        power=doc.Reason(not_estimable=power.reason)
        if isinstance(power, NotEstimable)
        else power.detectable,
        reason=found.reason,
        sees=found.sees,
        cannot_see=found.cannot_see,
        rows=[_row(one) for one in found.rows],
        curve=_power_curve(found.curve),
    )


def compose_instrument(found: InstrumentFinding, min_cell: int) -> doc.InstrumentBlock:
    """Write what a check of an instrument found; lines of few rows are hidden."""
    shown = [row for row in found.rows if not _is_small(row, min_cell)]
    drawn = found.curves if len(shown) == len(found.rows) else ()
    return doc.InstrumentBlock(
        kind=found.kind,
        rung=found.rung,
        instrument=found.instrument,
        verdict=found.verdict,
        sentence=found.sentence,
        cannot_see=found.cannot_see,
        rows=[_row(one) for one in shown],
        curves=[compose_curve(one) for one in drawn],
    )


def _is_small(row: Row, min_cell: int) -> bool:
    """Tell whether a line counts fewer rows than may be published."""
    counts = [one.value for one in row.numbers if one.name == "rows"]
    return any(isinstance(count, float) and 0 < count < min_cell for count in counts)


def compose_sensitivity(found: SensitivityFinding) -> doc.SensitivityBlock:
    """Write what could overturn a rung."""
    return doc.SensitivityBlock(
        kind=found.kind,
        rung=found.rung,
        headline=_number(found.headline_name, found.headline),
        multiple=_multiple(found.multiple),
        yardstick=found.yardstick,
        short=found.short,
        rows=[_row(one) for one in found.rows],
        sentence=found.sentence,
        curves=[compose_curve(one) for one in found.curves],
        contours=[_contour(one) for one in found.contours],
    )


def compose_beside(found: BothStages | None) -> doc.BothStagesBlock | None:
    """Write first stage and intention to treat of a rung's instruments."""
    if found is None:
        return None
    errors = np.sqrt(np.diag(found.covariance))
    both = [
        doc.DifferenceBlock(
            estimate=float(value),
            std_error=float(error),
            interval=inference.interval(float(value), float(error), df=found.df),
        )
        for value, error in zip(found.values, errors, strict=True)
    ]
    return doc.BothStagesBlock(
        instruments=[
            doc.InstrumentStagesBlock(instrument=name, first_stage=both[found.q + j], itt=both[j])
            for j, name in enumerate(found.names)
        ],
        df=found.q,
        first_stage_f=found.joint_f(outcome=False),
        first_stage_p=found.joint_p(outcome=False),
        itt_f=found.joint_f(outcome=True),
        itt_p=found.joint_p(outcome=True),
    )


def _said(one: Diagnostic, min_cell: int) -> str:
    """Give the reason of a check, without what is of single persons or of too few."""
    if _hidden(one, min_cell):
        return f"hidden: cells under {min_cell}"
    if min_cell and one.name == "max_weight_share" and one.value is not None:
        return f"one row carries {100 * one.value:.1f} % of its arm; its weight is hidden"
    return without_small_counts(one.reason, min_cell)


def _hidden(one: Diagnostic, min_cell: int) -> bool:
    """Tell whether a value is one person's, or a count too small to publish."""
    if min_cell == 0 or one.value is None:
        return False
    return one.name in EXTREMES or (one.name in COUNTS and 0 < one.value < min_cell)


def _shares(counts: Sequence[int], min_cell: int) -> list[float | None]:
    """Turn counts into shares of the arm; None where a count is too small to publish."""
    total = sum(counts)
    return [None if 0 < count < min_cell else count / total for count in counts]


def _multiple(value: float | NotEstimable) -> float | doc.Reason | None:
    """Write what it takes to overturn a rung; None where nothing examined does."""
    if isinstance(value, NotEstimable):
        return doc.Reason(not_estimable=value.reason)
    return float(value) if math.isfinite(value) else None


def _power_curve(
    curve: PowerCurve | NotEstimable | None,
) -> doc.PowerCurveBlock | doc.Reason | None:
    """Write how often a refuter fails as a confounder grows."""
    if curve is None:
        return None
    if isinstance(curve, NotEstimable):
        return doc.Reason(not_estimable=curve.reason)
    return doc.PowerCurveBlock(
        benchmark=curve.benchmark,
        cohorts=curve.cohorts,
        draws=curve.draws,
        points=[doc.PowerPointBlock(**asdict(one)) for one in curve.points],
        sentence=curve.sentence,
        note=curve.note,
    )


def _row(row: Row) -> doc.TableRow:
    """Write one line of a table."""
    return doc.TableRow(
        label=row.label,
        subject=row.subject,
        numbers=[_number(one.name, one.value) for one in row.numbers],
        note=row.note,
    )


def compose_parameters(found: Estimates | None) -> list[doc.ParameterBlock]:
    """Write the parameters of the model a contrast is taken from; none where there is none."""
    if found is None:
        return []
    errors = np.sqrt(np.diag(found.covariance))
    return [
        doc.ParameterBlock(
            name=name,
            estimate=float(value),
            std_error=float(error),
            interval=None
            if df < inference.LEAST_DF
            else inference.interval(float(value), float(error), df=df),
        )
        for name, value, error, df in zip(
            found.labels, found.values, errors, found.own_df().tolist(), strict=True
        )
    ]


def compose_curve(curve: Curve) -> doc.CurveBlock:
    """Write a line to be drawn."""
    return doc.CurveBlock(
        name=curve.name,
        x_name=curve.x_name,
        y_name=curve.y_name,
        points=[(one.x, one.y, one.lo, one.hi) for one in curve.points],
        level_line=curve.level_line,
    )


def _contour(contour: Contour) -> doc.ContourBlock:
    """Write a height over two assumptions."""
    return doc.ContourBlock(
        name=contour.name,
        x_name=contour.x_name,
        y_name=contour.y_name,
        x=list(contour.x),
        y=list(contour.y),
        height=[[_drawn(z) for z in row] for row in contour.height],
        level_line=contour.level_line,
        marks=[doc.MarkBlock(name=one.name, x=one.x, y=one.y) for one in contour.marks],
    )


def _drawn(height: float | None) -> float | None:
    """Round a height that is only drawn."""
    return None if height is None else float(f"{height:.{DRAWN}g}")


def _number(name: str, value: float | NotEstimable) -> doc.NumberBlock:
    """Write a number, or why there is none."""
    if isinstance(value, NotEstimable):
        return doc.NumberBlock(name=name, value=doc.Reason(not_estimable=value.reason))
    return doc.NumberBlock(name=name, value=float(value))
