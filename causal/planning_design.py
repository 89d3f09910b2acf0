"""What a design and the choice of rows come to on schedule and codebook, told before any data."""

from __future__ import annotations

from causal.codebook import Codebook, Variable
from causal.dataset_info import DatasetInfo
from causal.design import Baseline
from causal.documents import Document
from causal.errors import SpecError, did_you_mean, range_words
from causal.expressions import Comparison, Expression
from causal.spec import Analysis, Restriction


def check_schedule(analysis: Analysis, info: DatasetInfo, document: Document) -> None:
    """Refuse an exposure that is the outcome, and waves that are not there or have none after.

    Raises
    ------
    SpecError
        At the key, with the waves there are.
    """
    design, waves = analysis.design, info.waves
    if design.outcome == design.exposure:
        raise document.error(
            ("design", "outcome"),
            f"exposure and outcome are both '{design.exposure}'. Name two columns.",
        )
    listed = f"waves are {', '.join(map(str, waves))}."
    later = "" if design.outcome_at == "same_interview" else " and a later one for the outcome"
    if not isinstance(design, Baseline):
        if len(waves) < 2 + bool(later):
            raise document.error(
                ("design", "kind"),
                f"lagged_intervals needs a wave before the exposure's{later}; {listed} "
                "Say kind: baseline, or choose another data set.",
            )
        return
    if design.exposure_wave not in waves:
        raise document.error(
            ("design", "exposure_wave"), f"there is no wave {design.exposure_wave}; {listed}"
        )
    if design.outcome_wave is not None and design.outcome_wave not in waves:
        raise document.error(
            ("design", "outcome_wave"), f"there is no wave {design.outcome_wave}; {listed}"
        )
    if design.outcome_wave is None and later and design.exposure_wave == waves[-1]:
        raise document.error(
            ("design", "exposure_wave"),
            f"wave {design.exposure_wave} is the last one, so no later interview gives the "
            f"outcome; {listed} Choose an earlier wave, or outcome_at: same_interview (an "
            "association).",
        )


def check_kept(analysis: Analysis, info: DatasetInfo, document: Document) -> None:
    """Refuse to keep persons never seen where the design has none, or drops them for the outcome.

    Raises
    ------
    SpecError
        At ``missing.exposure``.
    """
    design, missing = analysis.design, analysis.missing
    if missing.exposure != "keep":
        return
    if not isinstance(design, Baseline) or design.exposure_wave == info.waves[0]:
        raise document.error(
            ("missing", "exposure"),
            "missing.exposure: keep needs the design 'baseline' with an exposure wave after the "
            "first, so that there are people who were never seen at it.",
        )
    if missing.outcome != "keep":
        raise document.error(
            ("missing", "exposure"),
            "missing.exposure: keep needs missing.outcome: keep, since who has no exposure "
            "interview has no outcome either.",
        )


def check_restrictions(analysis: Analysis, info: DatasetInfo, document: Document) -> None:
    """Refuse a range that the codebook, or the schedule, lets no value lie in.

    Raises
    ------
    SpecError
        At the restriction.
    """
    for number, one in enumerate(analysis.restrict):
        why = _nothing_inside(one, info)
        if why:
            raise document.error(("restrict", number), f"{why} Mend low and high.")


def check_query(query: Expression, codebook: Codebook) -> None:
    """Refuse a text that is none of a column's levels, and a query no row can meet.

    A number a column never has may be compared with, such as a code of missing values that is
    left out to be safe, unless every row chosen would need it.

    Raises
    ------
    SpecError
        Naming the value, with those there are.
    """
    for comparison in query.comparisons:
        _check_comparison(comparison, codebook[comparison.column], query.text)
    for comparison in query.required:
        _check_required(comparison, codebook[comparison.column], query.text)


def _nothing_inside(restriction: Restriction, info: DatasetInfo) -> str:
    """Say why no row with a value lies in a restriction's range; empty where one may."""
    low, high = restriction.low, restriction.high
    told = range_words(low, high)
    if restriction.column == "wave":
        if any((low is None or low <= w) and (high is None or w <= high) for w in info.waves):
            return ""
        return f"no wave is {told}; waves are {', '.join(map(str, info.waves))}."
    variable = info.codebook[restriction.column]
    if not variable.numeric:
        return f"'{variable.column}' is {variable.kind}, and has no range."
    if restriction.missing == "keep" or variable.allows(low, high):
        return ""
    return f"'{variable.column}' is never {told}: by the codebook it is {variable.allowed}."


def _check_comparison(comparison: Comparison, variable: Variable, text: str) -> None:
    """Refuse constants of another type than the column's, and texts that are none of its levels."""
    texts = isinstance(comparison.constants[0], str)
    if variable.kind != "id" and variable.numeric == texts:
        held, asked = ("numbers", "a text") if texts else ("text", "a number")
        raise SpecError(
            f"column '{variable.column}' holds {held}, but '{text}' compares it with {asked}."
        )
    for constant in comparison.constants:
        if isinstance(constant, str) and variable.levels and constant not in variable.levels:
            raise SpecError(
                f"'{variable.column}' is never '{constant}', which '{text}' compares it with. "
                f"{did_you_mean(constant, variable.levels)}"
            )


def _check_required(comparison: Comparison, variable: Variable, text: str) -> None:
    """Refuse a comparison every row must meet, and none can by the codebook."""
    numbers = [one for one in comparison.constants if not isinstance(one, str)]
    if not numbers or not variable.numeric or comparison.operator in ("!=", "not in"):
        return
    upwards = comparison.operator in (">", ">=")
    ends = [
        (one, one)
        if comparison.operator in ("==", "in")
        else (one, None)
        if upwards
        else (None, one)
        for one in numbers
    ]
    if not any(variable.allows(low, high) for low, high in ends):
        told = " or ".join(
            f"{low:g}" if low is not None and low == high else range_words(low, high)
            for low, high in ends
        )
        raise SpecError(
            f"'{variable.column}' is never {told}, which '{text}' asks of every row: by the "
            f"codebook it is {variable.allowed}. Mend the query."
        )
