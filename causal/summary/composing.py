"""From the reading of a published trial to its result document."""

from __future__ import annotations

import math

from causal import inference
from causal.composing_checks import compose_curve
from causal.estimate import NotEstimable
from causal.instrumental.two_by_two import Difference, TrialFindings
from causal.instrumental.validity import ValidityTest
from causal.provenance import source_digest, versions
from causal.result import DiagnosticBlock, Provenance
from causal.result_parts import Pair, Piece, Reason
from causal.summary.associations import (
    AssociationBlock,
    association_of_counts,
    read_association,
)
from causal.summary.curves import confidence_curve, drawn_range, wilson
from causal.summary.document import (
    ArmBlock,
    BoundsBlock,
    ByExposureBlock,
    DifferenceBlock,
    InequalityBlock,
    PrintedBlock,
    SetBlock,
    StageBlock,
    SummaryResult,
    VariableBlock,
)
from causal.summary.reading import AtCorrelation, Denominators, ReadBounds, Reading, read_summary
from causal.summary.settings import PublishedDifference, Summary, Variable
from causal.summary.specification import SummarySpecification

ALL_COMPLY = "everybody complied in both arms, so the first stage has no sampling error"
RATIO = "ratio"
"""What checks are about, in the place of a rung."""


def run_summary(specification: SummarySpecification) -> SummaryResult:
    """Read a published trial.

    Raises
    ------
    SpecError
        With file, line and key.
    """
    summary = specification.summary
    reading, level = read_summary(specification), summary.design.level
    chief = reading.chief
    ends = drawn_range([one.found for one in reading.by_correlation])
    return SummaryResult(
        name=specification.name,
        question=summary.question,
        specification=specification.document.text,
        specification_sha256=specification.sha256,
        source=summary.source,
        design=_printed(summary),
        exposure=_variable(summary.exposure),
        outcome=_variable(summary.outcome),
        level=level,
        arms=_arms(summary),
        first_stage=_first_stage(summary, chief.first_stage),
        itt=_itt(summary, chief.reduced_form),
        wald=_or_reason(chief.wald),
        sets=[_set(one, reading.critical_f, ends) for one in reading.by_correlation],
        leading=reading.leading,
        whatever=union([one.found.region.pieces for one in reading.by_correlation]),
        bounds=[_bounds(one) for one in reading.bounds],
        inequality=_inequality(reading.inequality),
        further=[
            _stage(found, printed.exposure, printed, printed_error(printed), level)
            for found, printed in zip(reading.further, summary.first_stages, strict=True)
        ],
        by_exposure=_by_exposure(summary, reading.denominators),
        associations=_associations(summary),
        diagnostics=_diagnostics(reading, level),
        notes=list(summary.notes),
        provenance=Provenance(
            seed=summary.seed, versions=versions(), source_sha256=source_digest(None)
        ),
    )


def union(sets: list[tuple[Piece, ...]]) -> list[Piece]:
    """Join sets of closed pieces into one; ``None`` stands for minus or plus infinity."""
    pieces = sorted(
        (-float("inf") if low is None else low, float("inf") if high is None else high)
        for one in sets
        for low, high in one
    )
    joined: list[tuple[float, float]] = []
    for low, high in pieces:
        if joined and low <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    ends = float("inf")
    return [(None if low == -ends else low, None if high == ends else high) for low, high in joined]


def within_range(pieces: tuple[Piece, ...], low: float, high: float) -> list[Piece]:
    """Give the part of a set that lies in a range."""
    cut = [
        (low if one is None else max(one, low), high if other is None else min(other, high))
        for one, other in pieces
    ]
    return [(one, other) for one, other in cut if one <= other]


def nearest_to_zero(pieces: tuple[Piece, ...]) -> float:
    """Give the least size of what a set holds; infinity of an empty one."""
    sizes = [
        max(0.0, -float("inf") if low is None else low, -float("inf") if high is None else -high)
        for low, high in pieces
    ]
    return min(sizes, default=float("inf"))


def printed_error(printed: PublishedDifference) -> str:
    """Say what a standard error was read off."""
    if printed.interval is not None:
        low, high = printed.interval
        return f"{100 * printed.interval_level:g} % CI {low:g} to {high:g}"
    if printed.std_error is not None:
        return f"standard error {printed.std_error:g}"
    return f"p = {printed.p:g}"


def _printed(summary: Summary) -> PrintedBlock:
    of = summary.denominator(summary.arms[0]) if summary.arms else summary.design.of
    return PrintedBlock(
        kind="summary",
        form=summary.form,
        of=of or "unsaid",
        share_followed=summary.design.share_followed,
        assumed=list(summary.design.assumed),
        contrast=summary.compared,
    )


def _variable(variable: Variable) -> VariableBlock:
    return VariableBlock(name=variable.name, kind=variable.kind, unit=variable.unit)


def _arms(summary: Summary) -> list[ArmBlock]:
    found = [(arm.name, summary.numbers(arm)) for arm in summary.arms]
    return [
        ArmBlock(
            name=name,
            n=arm.n,
            exposed=arm.exposed,
            outcome=arm.outcome,
            both=_or_reason(arm.both),
            exposed_interval=wilson(arm.exposed, arm.n, summary.design.level),
            outcome_interval=wilson(arm.outcome, arm.n, summary.design.level),
        )
        for name, arm in found
    ]


def _first_stage(summary: Summary, found: Difference) -> StageBlock:
    """Give the chief first stage, and say what it was read off."""
    level = summary.design.level
    if summary.differences is not None:
        printed = summary.differences.exposure
        return _stage(found, summary.exposure, printed, printed_error(printed), level)
    one, other = (summary.numbers(summary.arms[i]).exposed for i in summary.pair)
    said = f"{100 * one:.3g} v {100 * other:.3g} %"
    return _stage(found, summary.exposure, None, said, level)


def _itt(summary: Summary, found: Difference) -> DifferenceBlock:
    printed = None if summary.differences is None else summary.differences.outcome
    interval = _interval(found, printed, summary.design.level)
    return DifferenceBlock(value=found.value, std_error=found.std_error, interval=interval)


def _interval(found: Difference, printed: PublishedDifference | None, level: float) -> Pair:
    """Give the interval as printed where it is of the level wanted, else from the error."""
    if printed is not None and printed.interval is not None and printed.interval_level == level:
        return printed.interval
    return inference.interval(found.value, found.std_error, level)


def _stage(
    found: Difference,
    exposure: Variable,
    printed: PublishedDifference | None,
    read_from: str,
    level: float,
) -> StageBlock:
    return StageBlock(
        exposure=_variable(exposure),
        read_from=read_from,
        value=found.value,
        std_error=found.std_error,
        interval=_interval(found, printed, level),
        f=found.f if math.isfinite(found.f) else Reason(not_estimable=ALL_COMPLY),
    )


def _set(one: AtCorrelation, critical: float, ends: tuple[float, float]) -> SetBlock:
    """Give the set under one correlation, and the normal interval where F allows it."""
    found = one.found
    both = found.first_stage.share and found.reduced_form.share
    beyond = Reason(not_estimable="the ratio is no effect on a probability, and has no ends")
    return SetBlock(
        correlation=_or_reason(one.correlation),
        region=list(found.region.pieces),
        possible=within_range(found.region.pieces, -1.0, 1.0) if both else beyond,
        interval=_normal(found, critical),
        chance=_or_reason(found.chance),
        readings=list(found.readings),
        curve=compose_curve(confidence_curve(found, ends)),
    )


def _normal(found: TrialFindings, critical: float) -> Pair | Reason:
    f = found.first_stage.f
    if f < critical:
        return Reason(
            not_estimable=f"the first-stage F is {f:.1f}, below {critical:.1f}, so that the ratio "
            "plus or minus standard errors is no interval"
        )
    interval = found.normal_interval()
    return Reason(not_estimable=interval.reason) if isinstance(interval, NotEstimable) else interval


def _bounds(one: ReadBounds) -> BoundsBlock | Reason:
    found = one.found
    if isinstance(found, NotEstimable):
        if isinstance(one.correlation, NotEstimable):
            return Reason(not_estimable=found.reason)
        return Reason(
            not_estimable=f"at a correlation of {one.correlation:g} within arms the shares would "
            "break the instrumental inequality, so that no valid instrument gives them"
        )
    return BoundsBlock(
        assuming=found.assuming,
        correlation=_or_reason(one.correlation),
        bounds=(found.lower, found.upper),
        interval=(found.lo, found.hi),
    )


def _inequality(found: ValidityTest | NotEstimable) -> InequalityBlock | Reason:
    if isinstance(found, NotEstimable):
        return Reason(not_estimable=found.reason)
    return InequalityBlock(statistic=found.statistic, p=found.p, sentence=found.sentence)


def _by_exposure(summary: Summary, found: Denominators | NotEstimable) -> ByExposureBlock | Reason:
    printed, share = summary.by_exposure, summary.design.share_followed
    if isinstance(found, NotEstimable) or printed is None:
        return Reason(not_estimable="no outcomes by exposure are printed")
    lost: float | Reason = Reason(not_estimable="the paper does not say how many were followed")
    if share is not None and found.outcome <= share:
        lost = found.outcome / share
    turned, differences = _turned(found, printed.exposed - printed.unexposed)
    return ByExposureBlock(
        printed=(printed.exposed, printed.unexposed),
        of=printed.of,
        exposed=found.exposed,
        outcome=found.outcome,
        implied=found.implied,
        lost_as_none=lost,
        turned=turned,
        differences=differences,
    )


def _turned(found: Denominators, printed: float) -> tuple[Pair | Reason, Pair | Reason]:
    if isinstance(found.turned, NotEstimable):
        reason = Reason(not_estimable=found.turned.reason)
        return reason, reason
    return found.turned, (printed, found.turned[0] - found.turned[1])


def _diagnostics(reading: Reading, level: float) -> list[DiagnosticBlock]:
    """Judge the strength of the instrument, and what its validity implies.

    The first is the strength: words look for it there.
    """
    f, critical = reading.chief.first_stage.f, reading.critical_f
    weak = f < critical
    found = [
        DiagnosticBlock(
            name="first_stage_f",
            rung=RATIO,
            value=f if math.isfinite(f) else None,
            threshold=critical,
            verdict="FAIL" if weak else "PASS",
            reason=f"the first-stage F is {f:.1f}, and a normal interval of the ratio needs "
            f"{critical:.1f}"
            if math.isfinite(f)
            else ALL_COMPLY,
        )
    ]
    test = reading.inequality
    if isinstance(test, ValidityTest):
        found.append(
            DiagnosticBlock(
                name="instrumental_inequality",
                rung=RATIO,
                value=test.p,
                threshold=1 - level,
                verdict="FAIL" if test.p < 1 - level else "PASS",
                reason=test.sentence,
            )
        )
    chief = reading.chief
    if chief.first_stage.share and chief.reduced_form.share:
        found.append(_impossible(chief, level))
    return found


def _impossible(chief: TrialFindings, level: float) -> DiagnosticBlock:
    """Judge whether the set holds any effect there can be on a probability."""
    nearest = nearest_to_zero(chief.region.pieces)
    held = nearest <= 1
    said = "holds effects" if held else "holds no effect"
    tail = "" if held else ": the numbers contradict the instrument"
    return DiagnosticBlock(
        name="impossible_ratio",
        rung=RATIO,
        value=nearest if math.isfinite(nearest) else None,
        threshold=1.0,
        verdict="PASS" if held else "FAIL",
        reason=f"the {100 * level:g} % set {said} there can be on a probability{tail}",
    )


def _associations(summary: Summary) -> list[AssociationBlock]:
    """Give the associations printed, after that of crossed counts where there are some."""
    found = [read_association(one) for one in summary.associations]
    if summary.form != "counts":
        return found
    cells = [cells for cells in (summary.arms[i].cells for i in summary.pair) if cells is not None]
    both, only, without, neither = (
        sum(getattr(one, name) for one in cells)
        for name in ("both", "exposed_only", "outcome_only", "neither")
    )
    if not both + only or not without + neither:
        return found
    own = association_of_counts(
        (both, both + only), (without, without + neither), summary.design.level
    )
    return found if isinstance(own, Reason) else [own, *found]


def _or_reason(value: float | NotEstimable) -> float | Reason:
    return Reason(not_estimable=value.reason) if isinstance(value, NotEstimable) else value
