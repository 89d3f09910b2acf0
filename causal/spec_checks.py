"""Refuses what a specification's keys say of each other wrongly, at the very key that says it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from causal.documents import Document
from causal.errors import SpecError, did_you_mean
from causal.rungs import Rung
from causal.spec import Analysis, Specification

TIME_TERMS = "interval ending at"
"""How the design's own indicators of time begin; which there are is known from the data only."""


def check_names(analysis: Analysis, document: Document) -> None:
    """Refuse a headline, rungs of variants and names of variants that cannot be meant.

    Raises
    ------
    SpecError
        At the key.
    """
    answering = analysis.answering
    if analysis.headline is not None and analysis.headline not in answering:
        raise document.error(
            ("headline",),
            f"headline '{analysis.headline}' is not a rung of the ladder with the target "
            f"'{analysis.estimand.target}'. {did_you_mean(analysis.headline, answering)}",
        )
    names = [rung.name for rung in analysis.ladder]
    earlier: list[str] = []
    for number, variant in enumerate(analysis.variants):
        if variant.name in earlier:
            raise document.error(
                ("variants", number, "name"),
                f"the variant name '{variant.name}' stands twice; give each its own.",
            )
        earlier.append(variant.name)
        for rung in variant.rungs:
            if rung not in names:
                raise document.error(
                    ("variants", number, "rungs"),
                    f"there is no rung '{rung}'. {did_you_mean(rung, names)}",
                )
        if not changes_something(analysis, number):
            raise document.error(
                ("variants", number),
                f"the variant '{variant.name}' changes nothing. Say with restrict, weights, "
                "exposure, outcome, outcome_at, missing or reverse what is other than in the "
                "analysis, or take it away.",
            )


def changes_something(analysis: Analysis, number: int) -> bool:
    """Tell whether a variant's rows, columns or diagram are other than the analysis's."""
    varied = analysis.varied(analysis.variants[number])
    return any(
        getattr(varied, key) != getattr(analysis, key)
        for key in ("design", "restrict", "weights", "missing", "reverse")
    )


def check_companions(specification: Specification) -> None:
    """Refuse companions that do not lie beside the specification, and one that is itself.

    Raises
    ------
    SpecError
        At the key, with the analyses there are.
    """
    document = specification.document
    folder = Path(document.file).parent
    for number, name in enumerate(specification.analysis.companions):
        if name == specification.name:
            raise document.error(
                ("companions", number), f"'{name}' is this very analysis. Take it out."
            )
        if not (folder / f"{name}.yaml").is_file():
            known = [one.stem for one in folder.glob("*.yaml") if one.stem != specification.name]
            raise document.error(
                ("companions", number),
                f"there is no analysis '{name}' beside this one ({name}.yaml). "
                f"{did_you_mean(name, known)}",
            )


def check_followed(rung: Rung, analysis: Analysis) -> None:
    """Refuse weights for loss where the rows that were lost are left out before.

    Raises
    ------
    SpecError
        Naming the key of ``missing`` that leaves them out.
    """
    missing = analysis.missing
    if rung.followed is not None and missing.outcome != "keep":
        raise SpecError(
            f"followed weighs for rows without an outcome, and missing.outcome is "
            f"'{missing.outcome}', so that there are none. Say missing: {{outcome: keep}}, or take "
            "followed away."
        )


def check_entered(rung: Rung, analysis: Analysis) -> None:
    """Refuse weights for those never seen where they are left out before.

    Raises
    ------
    SpecError
        Naming the key of ``missing`` that leaves them out.
    """
    missing = analysis.missing
    if rung.entered is not None and missing.exposure != "keep":
        raise SpecError(
            f"entered weighs for persons never seen, and missing.exposure is '{missing.exposure}', "
            "so that there are none. Say missing: {exposure: keep}, or take entered away."
        )


def check_interactions(rung: Rung, terms: Sequence[str]) -> None:
    """Refuse a term that is to be multiplied with exposure and is not in the censoring model.

    Parameters
    ----------
    terms : the terms of ``followed.adjust``, the design's indicators of time apart.

    Raises
    ------
    SpecError
        With the terms there are.
    """
    for named in rung.followed.interactions if rung.followed else ():
        if named not in terms and not named.startswith(TIME_TERMS):
            raise SpecError(
                f"followed.interactions names '{named}', which followed.adjust does not bring in. "
                f"{did_you_mean(named, terms)}"
            )
