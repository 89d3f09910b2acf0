"""What a valid specification asks for in vain, as far as that is known before any data."""

from __future__ import annotations

from collections.abc import Iterator

from causal.documents import KeyPath
from causal.examining import why_not_analysed
from causal.planning import Plan
from causal.planning_roles import exposure_kind, outcome_kind
from causal.subject import Compared


def remarks(plan: Plan) -> tuple[str, ...]:
    """Say what cannot be evaluated, or may turn out so, each with its place; nothing is refused."""
    document = plan.specification.document
    said = (*_beyond(plan), *_unknown_levels(plan))
    return tuple(f"{document.place(path)}: {sentence}" for path, sentence in said)


def _beyond(plan: Plan) -> Iterator[tuple[KeyPath, str]]:
    """Name the refuters and analyses that rungs of the headline's kind give nothing to look at."""
    analysis, headline = plan.analysis, plan.analysis.headline_rung
    compared = _compared(plan)
    asked: list[tuple[str, str, str]] = [
        ("refuters", one.kind, one.why_not(compared)) for one in analysis.refuters
    ]
    asked += [
        ("sensitivity", one.kind, why_not_analysed(one, compared)) for one in analysis.sensitivity
    ]
    for reason in dict.fromkeys(why for _, _, why in asked if why):
        found = [(key, kind) for key, kind, why in asked if why == reason]
        kinds = ", ".join(dict.fromkeys(kind for _, kind in found))
        yield (
            (found[0][0],),
            f"{len(found)} of {len(asked)} refuters and sensitivity analyses ({kinds}) cannot be "
            f"evaluated for the headline '{headline}': {reason}. The report will list "
            "them as not evaluated.",
        )


def _compared(plan: Plan) -> Compared:
    """Give what the headline rung compares."""
    design, codebook = plan.analysis.design, plan.info.codebook
    name = plan.analysis.headline_rung
    estimator = next(one.estimator for one in plan.analysis.ladder if one.name == name)
    arms = 0 if design.arms is None else len(design.arms.levels(codebook[design.exposure]))
    return Compared(
        estimator, exposure_kind(design, codebook), arms, outcome_kind(design, codebook)
    )


def _unknown_levels(plan: Plan) -> Iterator[tuple[KeyPath, str]]:
    """Name subgroups by outcome or exposure that the codebook does not give a moment before."""
    design = plan.analysis.design
    for number, subgroup in enumerate(plan.analysis.subgroups):
        for column, _ in subgroup.parts:
            role = {design.outcome: "outcome", design.exposure: "exposure"}.get(column, "")
            if role and not plan.info.codebook[column].measures:
                yield (
                    ("subgroups", number),
                    f"'{column}' is the {role}, and the codebook does not say that it is asked "
                    f"before exposure too: the run stops if it is known at {subgroup.at} of "
                    "nobody. Choose another column, or give it a concept and a moment in "
                    "codebook.csv.",
                )
