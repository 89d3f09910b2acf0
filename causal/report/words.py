"""The first page in words: every sentence follows from fields of the result by a rule."""

from __future__ import annotations

from itertools import pairwise

from causal.report.attrition import followed
from causal.report.beside import beside_sentence
from causal.report.markdown import code, joined, plain, sentence, words
from causal.report.numbers import (
    POINTS,
    RATIOS,
    Measure,
    covers,
    measure_for,
    measure_of,
    percent,
    within,
)
from causal.report.reading import (
    added_by,
    adjusted_rungs,
    averaged_over,
    brackets,
    by_question,
    chief,
    described,
    estimand_of,
    few_clusters_of,
    few_rows_of,
    interval_of,
    label_of,
    led_by_manner,
    left_out,
    phrase,
    proxied,
    same_question,
    same_set,
    stands_for_more,
    surveyed,
    truth_of,
    unmeasured,
)
from causal.report.shares import share_sentences
from causal.report.vanishing import fate_words
from causal.result import AttritionBlock, Result, RungBlock

NAMED = 4
"""Rungs of one set and target that a sentence lists one by one; of more it gives the range."""
CHOSEN = {
    "before_estimates": "The design was chosen before any estimate was seen.",
    "after_estimates": "The design was chosen after estimates had been seen.",
}


def first_page(result: Result) -> tuple[tuple[str, str], ...]:
    """Give the paragraphs of the first page, each with its name; empty ones are left out."""
    paragraphs = (
        ("Wording", label_sentences(result)),
        ("Who", who_sentences(result)),
        ("Crude and adjusted", estimate_sentences(result)),
        ("With what came after exposure began", bracket_sentences(result)),
        ("The share that remains", share_sentences(result)),
        ("What is not measured", identification_sentences(result)),
        ("Checks", check_sentences(result)),
        ("How it was chosen", chosen_sentences(result)),
        ("Against the truth", truth_sentences(result)),
    )
    return tuple((name, " ".join(said)) for name, said in paragraphs if said)


def label_sentences(result: Result) -> list[str]:
    """Say why causal wording is dropped, or what it rests on."""
    if result.timing.label == "association":
        return [sentence(plain(reason)) for reason in result.timing.reasons]
    rung = chief(result)
    return [sentence(plain(rung.label_reason))] if rung and rung.label_reason else []


def _outcome(result: Result) -> str:
    """Name the outcome; for a time to an event, the risk that is compared."""
    design = result.design
    named = f"{code(design.outcome.column)} ({plain(design.outcome.description).rstrip('.')})"
    return f"the risk of {plain(design.risk_of)}, from {named}" if design.risk_of else named


def who_sentences(result: Result) -> list[str]:
    """Say whom the numbers are about, and how many were lost on the way."""
    steps, unit = result.attrition, result.design.unit
    said = [
        f"The exposure is {code(result.design.exposure.column)} "
        f"({plain(result.design.exposure.description).rstrip('.')}); "
        f"the outcome is {_outcome(result)}."
    ]
    if not steps:
        return said
    first = next((one for one in steps if one.step.startswith("population ")), steps[0])
    whom = first.reason if first is not steps[0] else first.step
    last, many = steps[-1], f"Of {first.persons} persons ({plain(whom).rstrip('.')}), "
    if unit == "intervals":
        said.append(f"{many}{last.persons} contributed {last.rows} intervals.")
    else:
        said.append(f"{many}{last.persons} are analysed.")
    if surveyed(result):
        said.append("Survey weights make them stand for the population they were drawn from.")
    said += unfollowed(result)
    return said + _loss_sentences(result, steps[steps.index(first) :])


def estimate_sentences(result: Result) -> list[str]:
    """Say what the crude and the adjusted difference are, each with its interval."""
    measure, crude, rung = measure_of(result), result.crude, chief(result)
    said = [_crude_sentence(result, measure)]
    if rung is None:
        return said
    word = led_by_manner(rung, "effect" if label_of(result) == "effect" else _contrast(rung))
    pair = interval_of(rung)
    said.append(
        f"{word}, {averaged_over(result, rung.target)}, rung {code(rung.name)}: "
        f"{with_interval(rung, measure)}."
    )
    if pair is not None and measure.silent(pair):
        said.append(
            f"Inconclusive: neither no difference nor any from {measure.span(pair)} "
            f"{_unit(measure)}is excluded."
        )
    elif pair is not None:
        said.append(f"The {percent(rung.level)} interval excludes {measure.null:g}.")
    elif within(rung.region, measure.null):
        said.append("Inconclusive: the set holds no difference, and has no two ends.")
    said += _instrument_sentences(rung)
    said += [one for one in (beside_sentence(result, rung),) if one]
    if rung.n != crude.n:
        standing = "stands for" if stands_for_more(rung, crude) else "rests on"
        said.append(f"It {standing} {rung.n} rows; the crude difference rests on {crude.n}.")
    few = (few_rows_of(result, rung), few_clusters_of(result, rung))
    said += [one for one in few if one]
    return said + _other_questions(result, rung)


def _instrument_sentences(rung: RungBlock) -> list[str]:
    """Say what a rung with instruments assumes against the diagram, and what its set is."""
    said = [plain(one) for one in rung.assumed]
    if rung.instruments:
        said.append(f"Instrument: {joined([code(one) for one in rung.instruments])}.")
    if rung.region_note:
        said.append(f"The set printed is the {plain(rung.region_note)}.")
    if rung.interval_withheld:
        said.append(f"No other interval is given: {plain(rung.interval_withheld)}.")
    return said


def unfollowed(result: Result) -> list[str]:
    """Say how many rows have no outcome, or no exposure; nothing where all have both."""
    count = followed(result)
    if count is None or count.known == count.rows:
        return []
    unseen = count.unseen
    never = f"{unseen} were never seen at the exposure interview, and " if unseen else ""
    return [f"Of these rows {never}{count.known} have a known outcome."]


def bracket_sentences(result: Result) -> list[str]:
    """Say what is left once things measured after exposure began are adjusted for."""
    rungs, base = brackets(result), chief(result)
    if not rungs or base is None:
        return []
    said = []
    for rung in rungs:
        what = joined([described(result, name) for name in added_by(rung, base)])
        unit, fate = measure_for(result, rung), fate_words(result, rung, base)
        tail = f"; {fate}" if fate else ""
        if rung.target != base.target:
            tail = f"{tail}; {averaged_over(result, rung.target)}"
        if rung.assumed:
            tail = f"{tail}; it assumes, against the diagram, that its instrument is one"
        lead = f"{code(rung.name)}, adding {what}" if what else code(rung.name)
        said.append(f"{lead}: {with_interval(rung, unit)}{tail}.")
    said.append(
        "These rungs adjust for something measured after exposure began, which may lie on the way "
        "from exposure to outcome: they bracket, they do not correct."
    )
    if any(
        one.state_of == result.dag.outcome and one.status == "after_exposure"
        for one in result.dag.concepts
    ):
        said.append(
            "Exposure changing the outcome, and the outcome's own state changing exposure within "
            "the same window, cannot be separated."
        )
    return said


def identification_sentences(result: Result) -> list[str]:
    """Say what is unmeasured, what is measured by proxy, and what the diagram says of the set."""
    rung = chief(result)
    missing, weak, said = unmeasured(result), proxied(result), []
    if rung is not None and rung.instruments:
        said.append(
            "With an instrument, what drives both exposure and outcome need not be measured; what "
            "drives instrument and outcome must be, and that is judged by the diagram alone."
        )
    elif rung is not None and rung.target == "within persons":
        said.append(
            "Each person is compared with themselves, so what does not change in a person drops "
            "out, measured or not; what changes between their intervals does not."
        )
    else:
        said.append(
            f"Not measured here, and assumed to matter: {phrase(missing)}."
            if missing
            else "The diagram names no concept that matters and is unmeasured."
        )
    if weak:
        said.append(f"Measured by proxy only: {phrase(weak)}.")
    out = left_out(result)
    if out and not (rung is not None and rung.target == "within persons"):
        said.append(f"Needed besides, and not adjusted for: {phrase(out)}.")
    estimand = estimand_of(result, rung) if rung else None
    if estimand is not None and len(estimand.orientations) > 1:
        k = sum(one.sufficient for one in estimand.orientations)
        granted = ", were the unmeasured concepts granted," if missing else ""
        said.append(
            f"Some arrows are disputed: the adjustment set of {code(estimand.rung)}{granted} "
            f"suffices in {k} of the {len(estimand.orientations)} ways of turning them."
        )
    if not result.dag.instruments:
        said.append("The diagram offers no valid instrument.")
    return said


def check_sentences(result: Result) -> list[str]:
    """Name the checks that could not be resolved; those that failed are stamped on the page."""
    named = [
        f"{words(one.name)} in {code(one.rung)}"
        for one in result.diagnostics
        if one.verdict == "NOT_RESOLVABLE"
    ]
    return [f"Not resolvable with these numbers: {joined(named)}."] if named else []


def chosen_sentences(result: Result) -> list[str]:
    """Say when the design was chosen, and what must be read beside it."""
    chosen = result.design.chosen
    said = [CHOSEN.get(chosen, sentence(f"On the choice of design: {words(chosen)}"))]
    if result.companions:
        links = [f"[{plain(name)}](../{name}/report.md)" for name in result.companions]
        said.append(f"To be read beside it: {joined(links)}.")
    return said


def truth_sentences(result: Result) -> list[str]:
    """Say how far from the truth of its own target each rung is, where the data are simulated."""
    measure, said = measure_of(result), []
    for rung in result.rungs:
        truth, pair = truth_of(result, rung), interval_of(rung)
        if truth is None:
            continue
        where = "" if pair is None else f", {'inside' if covers(pair, truth) else 'outside'}"
        off = measure.amount(rung.estimate - truth)
        said.append(f"{code(rung.name)} {off} ({rung.target}: {measure.bare(truth)}{where})")
    if not said:
        return []
    return [
        "Estimate − truth, in brackets the truth of the rung's own target and whether it lies "
        f"inside the interval: {joined(said)}."
    ]


def with_interval(rung: RungBlock, measure: Measure) -> str:
    """Write an estimate with its interval and level, for a sentence."""
    pair = interval_of(rung)
    if pair is None:
        held = measure.region(rung.region)
        return f"{measure.amount(rung.estimate)} ({percent(rung.level)} set: {held})"
    return f"{measure.amount(rung.estimate)} ({percent(rung.level)} CI {measure.span(pair)})"


def _crude_sentence(result: Result, measure: Measure) -> str:
    """Say the outcome in both arms where there are two, and the crude difference."""
    crude = result.crude
    zero = interval_of(crude)
    tail = f", not distinguishable from {measure.null:g}" if zero and measure.silent(zero) else ""
    if crude.means is None:
        return f"Crude {_contrast(crude)}: {with_interval(crude, measure)}{tail}."
    arms = POINTS if crude.scale in RATIOS else measure
    mean = "Outcome" if arms.points else "Mean outcome"
    first, second = _compared(crude)
    return (
        f"{mean}: {arms.mean(crude.means[1])} {second}, {arms.mean(crude.means[0])} {first}; "
        f"crude {_contrast(crude)} "
        f"{with_interval(crude, measure)}{tail}."
    )


def _compared(crude: RungBlock) -> tuple[str, str]:
    """Name the two the crude rung compares, for a sentence."""
    profile = crude.profile
    if profile is None or profile.kind == "survival":
        return "without", "with the exposure"
    if profile.kind == "arms":
        return f"in {code(profile.compared[0])}", f"in {code(profile.compared[1])}"
    if not profile.unit:
        return f"at {plain(profile.compared[0])}", f"at {plain(profile.compared[1])}"
    low, high = (plain(name.removeprefix("dose ")) for name in profile.compared)
    return f"at {low} {plain(profile.unit)}", f"at {high} {plain(profile.unit)}"


def _other_questions(result: Result, rung: RungBlock) -> list[str]:
    """Give the other rungs that adjust for as much, apart by question, the headline's first."""
    groups = by_question(
        [one for one in adjusted_rungs(result) if one is not rung and same_set(result, one, rung)]
    )
    groups.sort(key=lambda group: not same_question(group[0], rung))
    return [f"{question_words(group[0], rung)}: {_together(result, group)}." for group in groups]


def question_words(one: RungBlock, other: RungBlock) -> str:
    """Say in what the question of a rung with the same set differs from that of another."""
    lead = "Same set and target" if one.target == other.target else f"Target {plain(one.target)}"
    if one.instruments and set(one.instruments) != set(other.instruments):
        lead += f", by {joined([code(name) for name in one.instruments])}"
    return lead if one.n == other.n else f"{lead}, for {one.n} rows"


def _together(result: Result, rungs: list[RungBlock]) -> str:
    """Name every rung with its interval, or of many the two farthest apart."""
    listed = [f"{code(one.name)} {with_interval(one, measure_for(result, one))}" for one in rungs]
    pairs = [pair for one in rungs if (pair := interval_of(one)) is not None]
    if len(rungs) <= NAMED or len(pairs) < len(rungs):
        return joined(listed)
    ends = sorted(range(len(rungs)), key=lambda i: rungs[i].estimate)
    null = measure_for(result, rungs[0]).null
    silent = [code(one.name) for one, pair in zip(rungs, pairs, strict=True) if covers(pair, null)]
    held = {0: "none of their intervals", len(rungs): "all of their intervals"}.get(
        len(silent), f"the interval of {joined(silent)}"
    )
    return (
        f"{len(rungs)} more rungs, from {listed[ends[0]]} to {listed[ends[-1]]}; {null:g} is "
        f"inside {held}"
    )


def _loss_sentences(result: Result, steps: list[AttritionBlock]) -> list[str]:
    """Say where most persons are lost: at a step, or after the last one, for want of an outcome."""
    loss, count, said, lost = _largest_loss(steps), followed(result), "", 0
    if loss is not None:
        (before, after), lost = loss
        said = f"“{plain(after.step)}”: {before.persons} to {after.persons}."
    unknown = 0 if count is None else count.rows - count.known
    if count is not None and result.design.unit == "persons" and unknown > lost:
        most = f"The largest loss is of outcomes: {unknown} of {count.rows} persons have none known"
        return [f"{most}; the largest at a step is at {said}" if said else f"{most}."]
    return [f"The largest loss of persons is at the step {said}"] if said else []


def _largest_loss(
    steps: list[AttritionBlock],
) -> tuple[tuple[AttritionBlock, AttritionBlock], int] | None:
    """Find the step that loses most persons, and how many; none where a count is suppressed."""
    best: tuple[AttritionBlock, AttritionBlock] | None = None
    most = 0
    for before, after in pairwise(steps):
        if isinstance(before.persons, int) and isinstance(after.persons, int):
            lost = before.persons - after.persons
            if lost > most:
                best, most = (before, after), lost
    return None if best is None else (best, most)


def _contrast(rung: RungBlock) -> str:
    """Name what is compared: a difference or a ratio."""
    return words(rung.scale) if rung.scale in RATIOS else "difference"


def _unit(measure: Measure) -> str:
    """Give the unit with a space behind it, where there is one."""
    return f"{measure.unit} " if measure.unit else ""
