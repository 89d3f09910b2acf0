"""Whether a rung may be called an effect, and what is said of those lost to follow-up."""

from __future__ import annotations

from causal import result as doc
from causal.planning import Plan, PlannedRung
from causal.sampling import Drawn


def label_rung(plan: Plan, planned: PlannedRung, drawn: Drawn) -> tuple[doc.Label, str]:
    """Say whether a rung may be called an effect, and why (not)."""
    if plan.association:
        return "association", plan.association[0]
    if planned.rung.role == "bracket":
        return "association", "it adjusts for something measured after exposure began."
    if planned.rung.estimator.estimand == "threshold":
        return "association", "each side of a cut mixes doses, which nobody could be given."
    verdict = planned.estimand.verdict
    if planned.assumed:
        return "association", "the diagram refutes its instrument; see what it assumes."
    if verdict != "identified":
        return "association", f"by the diagram, the effect is {verdict}, with this set."
    if planned.rung.estimator.estimand == "functional form":
        return (
            "association",
            "it is an effect by functional form only: the diagram identifies none in everybody, "
            "and two regressions of the right form would have to.",
        )
    selective = planned.estimand.selective
    if selective and drawn.attrition[-1].persons < drawn.attrition[1].persons:
        named = " and ".join(planned.rung.instrument)
        return (
            "association",
            f"{named} is an instrument only before conditioning on {', '.join(selective)}, and not "
            "everybody is in these rows.",
        )
    return "effect", "the diagram and the timing identify an effect with this set."


def stage_sentences(plan: Plan) -> list[str]:
    """Say why weights for follow-up have one stage where rows are intervals."""
    weighing = [planned.rung.name for planned in plan.rungs if planned.rung.followed]
    if not weighing or plan.analysis.design.unit_name != "intervals":
        return []
    return [
        "Weights for follow-up have one stage here: intervals with a known outcome stand for those "
        "without. An interval is made of two interviews; one that lacks either has no row, no "
        "exposure, and often no covariates at its start, so no chance of being seen can be "
        "modelled for it, and what it would have shown is left open. A design with one row a "
        "person weighs for those never seen too (entered)."
    ]


def counted_as_use(plan: Plan, drawn: Drawn, min_cell: int) -> str:
    """Count by arm the missing outcomes counted as use, in words; empty where that is not asked."""
    read = drawn.read
    if plan.analysis.missing.use_value is None:
        return ""
    if read.levels:
        names = [f"in {name}" for name in read.levels]
    else:
        names = ["unexposed", "exposed"] if read.exposure_kind == "binary" else []
    arms = [(name, read.a == arm) for arm, name in enumerate(names)]
    arms = [*reversed(arms), ("not seen", ~read.entered)] if arms else [("rows", read.entered)]
    return ", ".join(
        f"{doc.suppressed(int((here & ~read.observed).sum()), min_cell)} of "
        f"{doc.suppressed(int(here.sum()), min_cell)} {name}"
        for name, here in arms
        if here.any()
    )
