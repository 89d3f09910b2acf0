"""The first page in few words: what was found, and every reason to doubt it, by rule."""

from __future__ import annotations

from collections.abc import Mapping

from causal.report.instruments import instrument_sentences
from causal.report.markdown import code, joined, plain, sentence
from causal.report.numbers import (
    Measure,
    difference_measure,
    measure_for,
    measure_of,
    number,
    of_difference,
    percent,
    share,
    share_set,
    times,
    within,
)
from causal.report.overturning import ordered, uncounted, unevaluated
from causal.report.persons import WITHIN, within_sentences
from causal.report.reading import (
    added_by,
    adjusted_rungs,
    brackets,
    chief,
    estimand_of,
    few_clusters_of,
    few_rows_of,
    label_of,
    led_by_manner,
    left_out,
    manner,
    phrase,
    proxied,
    remaining_of,
    same_question,
    same_set,
    unmeasured,
)
from causal.report.subgroup_summary import subgroup_sentences
from causal.report.vanishing import fate_words
from causal.report.words import (
    CHOSEN,
    check_sentences,
    estimate_sentences,
    question_words,
    truth_sentences,
    unfollowed,
    with_interval,
)
from causal.result import Result, RungBlock, VariantBlock

FEW = 3
"""Unmeasured concepts named here; all are named at length."""
MOST = 0.5
"""From this share of rows near the top of a proxy on, it is said to be at its ceiling."""
KEPT = ("Inconclusive", "Instrument", "The set printed", "No other", "It rests", "It stands")
"""How the sentences on the headline begin that stay on the first page."""
BY_SUBGROUP = "By subgroup"
"""The point that a table follows."""
FOREMOST = "omitted_variable"
"""The analysis the first page leads with: counted in measured concepts, with absolute strength."""


def short_page(result: Result, beside: Mapping[str, Result]) -> tuple[tuple[str, str], ...]:
    """Give the points of the first page; what is left out here is said at length below.

    Parameters
    ----------
    beside : the results of companions that are at hand, by name.
    """
    points = (
        ("Who", _who(result)),
        ("Found", _found(result)),
        ("Within persons", within_sentences(result)),
        ("What came after exposure began", _brackets(result)),
        ("The share that remains", _share(result)),
        ("Not measured", _unmeasured(result)),
        ("Not adjusted for", _left_out(result)),
        (BY_SUBGROUP, subgroup_sentences(result)),
        ("The instrument", instrument_sentences(result)),
        ("Attempts to refute", [*_attempts(result), *unevaluated(result)]),
        ("What could overturn it", _overturn(result)),
        ("Checks", check_sentences(result)),
        ("Beside it", _beside(result, beside)),
        ("Against the truth", truth_sentences(result)),
    )
    return tuple((name, " ".join(said)) for name, said in points if said)


def _who(result: Result) -> list[str]:
    """Say whom the numbers are about, and what an estimate is an average over."""
    exposure, outcome, unit = result.design.exposure, result.design.outcome, result.design.unit
    risk, told = result.design.risk_of, plain(outcome.description).rstrip(".")
    said = [
        f"Exposure: {plain(exposure.description).rstrip('.')}. "
        f"Outcome: {f'risk of {plain(risk)}' if risk else told}"
        f"{', by self-report' if outcome.self_reported else ''}."
    ]
    steps = result.attrition
    if steps:
        first = next((one for one in steps if one.step.startswith("population ")), steps[0])
        last = steps[-1]
        rows = f" {last.rows} intervals" if unit == "intervals" else ""
        verb = "contributed" if rows else "are analysed"
        whom = "" if first is steps[0] else f" ({plain(first.reason).rstrip('.')})"
        said.append(f"Of {first.persons} persons{whom}, {last.persons} {verb}{rows}.")
        said += unfollowed(result)
    if unit == "intervals":
        weighed = (
            "persons weigh alike"
            if result.design.weights == "persons"
            else ("weighted by the intervals that were observed")
        )
        said.append(f"Differences are per interval, {weighed}.")
    return said


def _found(result: Result) -> list[str]:
    """Say the outcome in both arms, crude and adjusted, and the spread of the other estimators."""
    crude, *rest = estimate_sentences(result)
    rung, measure = chief(result), measure_of(result)
    if rung is None:
        return [crude]
    effect = label_of(result) == "effect"
    word = led_by_manner(rung, "effect") if effect else manner(rung)
    said = [
        crude,
        f"{word} ({code(rung.name)}, {plain(rung.target)}): {with_interval(rung, measure)}.",
    ]
    said += [one for one in rest if one.startswith(KEPT)]
    said += [plain(one) for one in rung.assumed]
    few = (few_rows_of(result, rung), few_clusters_of(result, rung))
    said += [one for one in few if one]
    return [*said, *_spread(result, rung)]


def _spread(result: Result, rung: RungBlock) -> list[str]:
    """Say how far other estimators of the same with the same set lie apart, and count the rest.

    Whatever has another target, or stands for other rows, answers another question: no range
    holds it, but what it says of no difference is told.
    """
    others = [
        one
        for one in adjusted_rungs(result)
        if one is not rung
        and same_set(result, one, rung)
        and one.target not in ("first stage", "between persons")
    ]
    measure = measure_of(result)
    alike = [one for one in others if same_question(one, rung)]
    rest = [one for one in others if one not in alike]
    said = []
    if len(alike) > 1:
        ends = (min(one.estimate for one in alike), max(one.estimate for one in alike))
        said.append(
            f"{len(alike)} other estimators with the same set and target: {measure.span(ends)}"
            f"{_silent(alike, measure)}."
        )
    if len(rest) > 1:
        said.append(f"{len(rest)} rungs have other estimands (section 1){_silent(rest, measure)}.")
    alone = [group[0] for group in (alike, rest) if len(group) == 1]
    return said + [
        f"{question_words(one, rung)}, {code(one.name)}: {with_interval(one, measure)}."
        for one in alone
    ]


def _silent(rungs: list[RungBlock], measure: Measure) -> str:
    """Name the rungs whose set holds no difference, as the end of a sentence."""
    held = [code(one.name) for one in rungs if within(one.region, measure.null)]
    if not held:
        return ""
    if len(held) == len(rungs):
        whose = "all their intervals cover"
    elif len(held) == 1:
        whose = f"the interval of {held[0]} covers"
    else:
        whose = f"the intervals of {joined(held)} cover"
    return f"; {whose} {measure.null:g}"


def _brackets(result: Result) -> list[str]:
    """Say what is left with things measured later, and by the outcome's state at that time."""
    base, said = chief(result), []
    if base is None:
        return []
    for rung in brackets(result):
        unit, fate = measure_for(result, rung), fate_words(result, rung, base)
        tail = f", {fate}" if fate else ""
        what = phrase(added_by(rung, base)) or rung.name.replace("_", " ")
        said.append(f"Also adjusting for {what}: {with_interval(rung, unit)}{tail}.")
    said += _strata(result)
    stated = any(
        one.state_of == result.dag.outcome and one.status == "after_exposure"
        for one in result.dag.concepts
    )
    if brackets(result) and stated:
        said.append(
            "Exposure changing the outcome, and the outcome's own state changing exposure, cannot "
            "be told apart."
        )
    return said


def _strata(result: Result) -> list[str]:
    """Give the crude difference by the outcome's own state when exposure ended."""
    measure = measure_of(result)
    told = [
        f"{with_interval(one.rungs[0], measure)} {_level(result, one)}"
        for one in result.variants
        if _stratum(result, one)
    ]
    return [f"Crude, at the end of exposure: {joined(told)}."] if told else []


def _stratum(result: Result, variant: VariantBlock) -> bool:
    """Tell whether a variant keeps to one state of the outcome at the end of exposure."""
    kept = variant.restrictions
    return len(kept) == 1 and kept[0].at == "end" and kept[0].column == result.design.outcome.column


def _level(result: Result, variant: VariantBlock) -> str:
    """Name a stratum: by the state of a 0/1 outcome, else by its own name."""
    only = variant.restrictions[0]
    if result.design.outcome.kind == "binary" and only.low == only.high and only.low is not None:
        return f"where {code(only.column)} was {only.low:g}"
    return f"in {code(variant.name)}"


def _share(result: Result) -> list[str]:
    """Give the share with its set, and what it is not."""
    rung = chief(result)
    if rung is None:
        return []
    kept = remaining_of(rung)
    if kept is None:
        return []
    moved = difference_measure(result)
    said = (
        f"{manner(rung)} over crude {share(kept.value)}{of_difference(result)} "
        f"({percent(rung.level)} Fieller set {share_set(kept.set)}; crude − "
        f"{manner(rung).lower()} {percent(rung.level)} CI {moved.span(kept.difference)}"
        f"{f' {moved.unit}' if of_difference(result) else ''})."
    )
    return [
        said,
        "A share remains even where exposure does nothing, so it is no evidence of an effect.",
    ]


def _unmeasured(result: Result) -> list[str]:
    """Say what is open: concepts, ceilings, disputed arrows, instruments."""
    rung, missing, said = chief(result), unmeasured(result), []
    alone = rung is not None and rung.target == WITHIN
    if alone:
        said.append(
            "What does not change in a person drops out, measured or not; what changes between "
            "their intervals does not."
        )
    elif missing:
        more = f" and {len(missing) - FEW} more" if len(missing) > FEW else ""
        named = (
            phrase(missing)
            if not more
            else ", ".join(one.replace("_", " ") for one in missing[:FEW])
        )
        said.append(f"{sentence(f'{named}{more}')}")
    own = {name for one in rung.covariates for name in one.columns} if rung else set()
    scored = [one for one in result.ceilings if one.column in own]
    top = {one.concept: one for one in scored if (one.share or 0) >= MOST}
    for concept in proxied(result):
        if (one := top.get(concept)) is not None and one.share is not None:
            said.append(
                f"{concept.replace('_', ' ').capitalize()} is measured by a proxy at its ceiling "
                f"({number(100 * one.share, 0)} % in the last tenth of {code(one.column)}), so "
                "that adjusting for it changes little and excludes little."
            )
    bare = [one for one in proxied(result) if one not in top]
    if bare:
        said.append(f"By proxy only: {phrase(bare)}.")
    estimand = estimand_of(result, rung) if rung else None
    if not alone and estimand is not None and len(estimand.orientations) > 1:
        k, m = sum(one.sufficient for one in estimand.orientations), len(estimand.orientations)
        said.append(f"Of {m} ways of turning disputed arrows, the set suffices in {k}.")
    if not result.dag.instruments:
        said.append("There is no valid instrument.")
    return said


def _left_out(result: Result) -> list[str]:
    """Name what is measured, needed, and not adjusted for by the headline."""
    rung, out = chief(result), left_out(result)
    if not out or (rung is not None and rung.target == WITHIN):
        return []
    return [sentence(f"{phrase(out)}: by the diagram a sufficient set holds these besides")]


def _attempts(result: Result) -> list[str]:
    """Count attempts by verdict, name those that failed, and say what a pass is worth."""
    words = (("FAIL", "failed"), ("PASS", "passed"), ("NOT_RESOLVABLE", "too imprecise to tell"))
    told = []
    for verdict, phrase_ in words:
        found = [one for one in result.refutations if one.verdict == verdict]
        if found:
            names = [one.kind.replace("_", " ") for one in found]
            which = f" ({joined(list(dict.fromkeys(names)))})" if verdict == "FAIL" else ""
            told.append(f"{len(found)} {phrase_}{which}")
    if not told:
        return []
    return [
        f"{sentence(', '.join(told))} Passing says nothing of confounding by what is not measured "
        "(section 8)."
    ]


def _overturn(result: Result) -> list[str]:
    """Say what it would take: the foremost analysis first, then the one that takes least."""
    counted = [one for _, one in ordered(result, [result.headline]) if not uncounted(one)]
    foremost = [one for one in counted if one.kind == FOREMOST]
    first = (foremost or counted)[:1]
    said = [sentence(plain(one.short)) for one in first]
    other = next((one for one in counted if one not in foremost + first), None)
    if other is None or not isinstance(other.multiple, float):
        return said
    least = f"Of the other analyses {other.kind.replace('_', ' ')} needs least: "
    if other.multiple == 0:
        least = f"By {other.kind.replace('_', ' ')} nothing is needed (section 9)."
    elif other.yardstick:
        least += f"{times(other.multiple)} × {plain(other.yardstick)} (section 9)."
    else:
        least += sentence(plain(other.short))
    return [*said, least]


def _beside(result: Result, beside: Mapping[str, Result]) -> list[str]:
    """Say how the design was chosen, and what the companions found."""
    said = [CHOSEN.get(result.design.chosen, "")]
    links = [_companion(result, name, beside.get(name)) for name in result.companions]
    if links:
        said.append(f"{'; '.join(links)}.")
    return [one for one in said if one]


def _companion(result: Result, name: str, found: Result | None) -> str:
    """Link a companion with its own headline, and its rung of the same target if that is another.

    Numbers stand there only where the companion's result is at hand.
    """
    link = f"[{plain(name)}](../{name}/report.md)"
    rung = None if found is None else chief(found)
    if found is None or rung is None:
        return link
    own, measure = chief(result), measure_of(found)
    same = [one for one in adjusted_rungs(found) if own is not None and one.target == own.target]
    more = ""
    if same and rung not in same:
        more = f"; {plain(same[0].target)} {with_interval(same[0], measure)}"
    return f"{link} {with_interval(rung, measure)}, n = {rung.n}{more}"
