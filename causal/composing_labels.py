"""Whether a rung may be called an effect: by design, diagram, and who is left in its rows."""

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
