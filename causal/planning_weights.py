"""Which weights the rungs multiply, and whether their product was declared."""

from __future__ import annotations

from causal.rungs import Rung
from causal.spec import Analysis, Specification, WeightFactor

ORDER: tuple[WeightFactor, ...] = ("persons", "survey", "attrition", "exposure")


def factors_used(analysis: Analysis, rung: Rung) -> tuple[WeightFactor, ...]:
    """Name what a rung weighs by."""
    survey = analysis.design.survey
    used = {
        "persons": analysis.unit_weights == "persons",
        "survey": survey is not None and survey.weight is not None,
        "attrition": rung.followed is not None or rung.entered is not None,
        "exposure": rung.estimator.weighs_exposure,
    }
    return tuple(one for one in ORDER if used[one])


def check_weights(specification: Specification) -> None:
    """Refuse a declared product that rungs do not use, and one with a survey that is undeclared.

    Raises
    ------
    SpecError
        Saying which rung multiplies what, and what to write.
    """
    analysis, document = specification.analysis, specification.document
    by_rung = {rung.name: factors_used(analysis, rung) for rung in analysis.ladder}
    together = tuple(one for one in ORDER if any(one in used for used in by_rung.values()))
    listed = f"weights: [{', '.join(together)}]"
    if isinstance(analysis.weights, tuple):
        declared = analysis.weights
        if len(set(declared)) < len(declared) or set(declared) != set(together):
            used = ", ".join(together) or "nothing"
            raise document.error(
                ("weights",),
                f"the factors declared are {', '.join(declared) or 'none'}, and the rungs weigh by "
                f"{used}. Write {listed}, or change the rungs.",
            )
        return
    name, most = max(by_rung.items(), key=lambda one: len(one[1]))
    if "survey" in together and len(most) > 1:
        raise document.error(
            ("weights",),
            f"rung '{name}' multiplies weights ({' x '.join(most)}), which with a survey must be "
            f"declared once. Write {listed}.",
        )
