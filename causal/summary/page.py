"""The report of a published trial as blocks, and its files: Markdown, and HTML beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from causal.report.blocks import (
    Block,
    Bullets,
    Figure,
    Fold,
    KeyNumbers,
    Lead,
    Number,
    Page,
    Paragraph,
    Points,
    Section,
    Table,
    Verbatim,
)
from causal.report.html_page import html_page
from causal.report.markdown import code, page_title, plain, sentence, table
from causal.report.markdown_page import markdown_page
from causal.report.numbers import Measure, decimals_for, number, percent
from causal.result_parts import Reason
from causal.summary import words
from causal.summary.association_table import association_table
from causal.summary.document import SetBlock, StageBlock, SummaryResult
from causal.summary.figures import CONFIDENCE, STAGES, confidence_words, summary_figures
from causal.summary.leading import lead, short_verdict
from causal.summary.measures import (
    exposure_measure,
    measure_of,
    outcome_measure,
    ratio_measure,
)

INDEX_HEADER = ("Trial", "Question", "First-stage F", "Assignment on outcome", "Ratio, with set",
                "In short")  # fmt: skip

BOUNDS = {
    "Balke-Pearl": "sharp (Balke & Pearl 1997)",
    "natural": "natural (Robins 1989)",
    "margins": "by the shares alone, whatever goes together within arms (Fréchet 1951)",
}
"""What the bounds are called."""


def rendered_summary(result: SummaryResult) -> dict[str, bytes]:
    """Give the content of every committed file of the report, by path within its folder."""
    drawn = {f"figures/{name}": body for name, body in summary_figures(result).items()}
    return {"report.md": markdown_page(compose_summary(result)).encode("utf-8"), **drawn}


def rendered_summary_html(
    result: SummaryResult, committed: Mapping[str, bytes] | None = None
) -> bytes:
    """Give the content of ``report.html``.

    Parameters
    ----------
    committed : what ``rendered_summary`` gave, where it is at hand, so that nothing is drawn twice.
    """
    parts = rendered_summary(result) if committed is None else committed
    drawn = {path: body for path, body in parts.items() if path.startswith("figures/")}
    return html_page(compose_summary(result), None, drawn).encode("utf-8")


def compose_summary(result: SummaryResult) -> Page:
    """Put the page together."""
    told = result.associations
    numbered = (
        ("What the paper prints", _printed(result)),
        ("First stage", _first_stage(result)),
        ("The ratio and its set", _ratio(result)),
        ("Bounds that need no ratio", _bounds(result)),
        *((("What could make the associations", association_table(told, result.level)),)
          if told else ()),
        ("What this can and cannot tell", iter((Bullets(tuple(words.limits(result))),))),
        ("Where the numbers come from", _origin(result)),
    )  # fmt: skip
    built = [("In short", _short(result))]
    built += [(f"{i}. {name}", blocks) for i, (name, blocks) in enumerate(numbered, start=1)]
    return Page(
        title=page_title(result.source.split(",")[0], result.name),
        question=plain(result.question),
        stamp=_stamp(result),
        sections=tuple(Section(name, tuple(blocks)) for name, blocks in built),
    )


def index_rows(results: Sequence[SummaryResult]) -> str:
    """Give the table of published trials for the page that lists all reports; empty without any."""
    if not results:
        return ""
    rows = []
    for one in sorted(results, key=lambda one: one.name):
        outcome = outcome_measure(one)
        rows.append(
            (
                f"[{plain(one.name)}]({one.name}/report.md)",
                plain(one.question),
                words.f_of(one.first_stage.f),
                f"{outcome.amount(one.itt.value)} ({percent(one.level)} CI "
                f"{outcome.span(one.itt.interval)})",
                f"{_wald(one)} ({percent(one.level)} set: "
                f"{ratio_measure(one).region(one.chief.region)})",
                short_verdict(one),
            )
        )
    return table(INDEX_HEADER, rows)


def _stamp(result: SummaryResult) -> str:
    """Say above everything else which checks failed."""
    failed = [one for one in result.diagnostics if one.verdict == "FAIL"]
    said = " ".join(sentence(plain(one.reason)) for one in failed)
    return f"**Checks not passed:** {said}" if failed else ""


def _short(result: SummaryResult) -> Iterator[Block]:
    """Say what was found."""
    yield Lead(lead(result))
    yield KeyNumbers(tuple(_key_numbers(result)))
    alarm = words.alarm_sentence(result)
    yield Points(
        (
            ("What was randomised", words.randomised_sentences(result)),
            (f"What {words.offer(result)} did", words.facilitation_sentences(result)),
            (f"What it says of {plain(result.exposure.name)}", words.ratio_sentences(result)),
            *((("An impossible ratio", alarm),) if alarm else ()),
        )
    )


def _key_numbers(result: SummaryResult) -> Iterator[tuple[str, Number, str]]:
    """Give the three numbers all others follow from."""
    level = percent(result.level)
    first, itt = exposure_measure(result), outcome_measure(result)
    yield (
        "Assignment on exposure",
        Number(first.amount(result.first_stage.value), "/first_stage/value"),
        f"{level} CI {first.span(result.first_stage.interval)}; "
        f"F {words.f_of(result.first_stage.f)}",
    )
    yield (
        "Assignment on outcome",
        Number(itt.amount(result.itt.value), "/itt/value"),
        f"{level} CI {itt.span(result.itt.interval)}",
    )
    ratio = ratio_measure(result)
    yield (
        "Ratio of the two",
        Number(_wald(result), "/wald"),
        f"{level} set: {ratio.region(result.chief.region)}",
    )


def _printed(result: SummaryResult) -> Iterator[Block]:
    """Show what was typed from the paper, and what had to be assumed."""
    yield Paragraph(plain(result.source) + ".")
    if result.arms:
        decimals = [
            exposure_measure(result).decimals,
            outcome_measure(result).decimals,
        ]
        rows = [
            (
                plain(arm.name),
                Number(f"{arm.n:.5g}", f"/arms/{i}/n"),
                Number(number(arm.exposed, decimals[0]), f"/arms/{i}/exposed"),
                Number(number(arm.outcome, decimals[1]), f"/arms/{i}/outcome"),
                Number(_or_dash(arm.both, max(decimals)), f"/arms/{i}/both"),
            )
            for i, arm in enumerate(result.arms)
        ]
        names = plain(result.exposure.name), plain(result.outcome.name)
        caption = f"Arms, shares {words.taken_as(result)}{words.OF[result.design.of]}"
        persons = "Persons, assumed" if "arm_sizes" in result.design.assumed else "Persons"
        yield Table(("Arm", persons, *names, "both"), rows, " rrrr", caption)
        if any(isinstance(arm.both, Reason) for arm in result.arms):
            yield Paragraph("A dash: not printed.")
    else:
        first, itt = exposure_measure(result), outcome_measure(result)
        printed = (
            ("first_stage", result.exposure, first, result.first_stage),
            ("itt", result.outcome, itt, result.itt),
        )
        differences = [
            (
                plain(variable.name),
                Number(measure.amount(block.value), f"/{at}/value"),
                Number(measure.span(block.interval), f"/{at}/interval"),
            )
            for at, variable, measure, block in printed
        ]
        header = ("What", "Difference", f"{percent(result.level)} interval")
        one, other = (plain(name) for name in result.design.contrast)
        yield Table(header, differences, " r", f"Differences, {one} minus {other}")
    if result.notes:
        yield Section(
            "Taken for granted in reading it", (Bullets(tuple(map(plain, result.notes))),)
        )
    yield from _denominator(result)


def _denominator(result: SummaryResult) -> Iterator[Block]:
    """Hold outcomes by exposure against the arms."""
    found = result.by_exposure
    if isinstance(found, Reason):
        return
    title = "A missing denominator" if found.of == "unsaid" else "Outcomes by exposure"
    yield Section(title, (Paragraph(words.denominator_sentences(result, found)),))


def _first_stage(result: SummaryResult) -> Iterator[Block]:
    """Show how strongly assignment moves exposure, by every number printed."""
    stages = [("/first_stage", result.first_stage)]
    stages += [(f"/further/{i}", one) for i, one in enumerate(result.further)]
    header = ("Exposure", "Read from", "Difference", f"{percent(result.level)} interval", "F")
    rows = [_stage_row(at, one) for at, one in stages]
    yield Table(header, rows, "  r r", "First stages: what assignment did to exposure")
    alt = "Exposure and outcome by arm" if result.arms else "The two differences printed"
    yield Figure(f"figures/{STAGES}", alt)
    if result.arms:
        yield Paragraph(
            f"Shares with {percent(result.level)} intervals (Wilson's); the line joins the arms "
            "compared. On the left is the first stage, on the right what assignment does in all."
        )
    needed = words.f_of(result.diagnostics[0].threshold or 0.0)
    yield Paragraph(
        f"{needed} is needed for the bias of a ratio to stay below a tenth of its worst "
        f"({words.BIBLIOGRAPHY['critical']}); the older rule asks for 10 "
        f"({words.BIBLIOGRAPHY['ten']}). The first row is the one the ratio is formed with."
    )


def _stage_row(at: str, one: StageBlock) -> tuple[str | Number, ...]:
    measure = measure_of(one.exposure, one.std_error)
    return (
        plain(one.exposure.name),
        plain(one.read_from),
        Number(measure.amount(one.value), f"{at}/value"),
        Number(measure.span(one.interval), f"{at}/interval"),
        Number(words.f_of(one.f), f"{at}/f"),
    )


def _ratio(result: SummaryResult) -> Iterator[Block]:
    """Show the ratio, its set under each correlation, and how an impossible one can be read."""
    yield Paragraph(f"{words.set_sentence(result)} {words.range_sentences(result)}".strip())
    measure = ratio_measure(result)
    shares = not isinstance(result.chief.possible, Reason)
    header = ("Correlation within arms", "Ratio", f"Anderson-Rubin {percent(result.level)} set",
              *(("of it, between −1 and 1",) if shares else ()), "Normal interval")  # fmt: skip
    rows = [_set_row(result, i, one, measure) for i, one in enumerate(result.sets)]
    yield Table(header, rows, " r", "The ratio and its set, by correlation within arms")
    yield Figure(f"figures/{CONFIDENCE}", "p-value of every supposed effect")
    yield Paragraph(confidence_words(result))
    yield Paragraph(
        f"The set holds every effect the two differences do not reject "
        f"({words.BIBLIOGRAPHY['set']})."
        + (
            ""
            if isinstance(result.chief.correlation, Reason)
            else " The paper does not cross exposure with outcome within arms; the set needs their "
            "correlation, so each one tried is shown; the one that leads is quoted above."
        )
    )
    alarm = words.alarm_sentence(result)
    if alarm:
        at = result.leading
        readings = tuple(plain(one) for one in result.sets[at].readings)
        yield Section("An impossible ratio", (Paragraph(alarm), Bullets(readings)))


def _set_row(
    result: SummaryResult, i: int, one: SetBlock, measure: Measure
) -> tuple[str | Number, ...]:
    known = not isinstance(one.correlation, Reason)
    leads = " (leads)" if known and i == result.leading and len(result.sets) > 1 else ""
    possible = one.possible
    return (
        _or_dash(one.correlation, 2) + leads if known else "from the arms",
        Number(_wald(result), "/wald"),
        Number(measure.region(one.region), f"/sets/{i}/region"),
        *(
            ()
            if isinstance(possible, Reason)
            else (Number(measure.region(possible), f"/sets/{i}/possible"),)
        ),
        Number(
            "none: F is low" if isinstance(one.interval, Reason) else measure.span(one.interval),
            f"/sets/{i}/interval",
        ),
    )


def _bounds(result: SummaryResult) -> Iterator[Block]:
    """Show the bounds of the average effect in everybody, and the test of the inequality."""
    rows: list[tuple[str | Number, ...]] = []
    spread = result.itt.std_error
    measure = Measure(points=False, unit="", decimals=max(decimals_for(spread), 2))
    for i, one in enumerate(result.bounds):
        if isinstance(one, Reason):
            yield Paragraph(f"None: {plain(one.not_estimable).rstrip('.')}.")
            continue
        under = (
            ""
            if isinstance(one.correlation, Reason)
            else f", at a correlation of {number(one.correlation, 2)} within arms"
        )
        rows.append(
            (
                f"{BOUNDS.get(one.assuming, plain(one.assuming))}{under}",
                Number(measure.span(one.bounds), f"/bounds/{i}/bounds"),
                Number(measure.span(one.interval), f"/bounds/{i}/interval"),
            )
        )
    if rows:
        yield Paragraph(
            "What the arms allow the average effect in everybody to be, by randomisation and "
            "exclusion alone, without monotonicity."
            + (
                ""
                if words.crossed(result)
                else " The paper does not cross exposure with outcome within arms: the bounds at a "
                "correlation hold only under it, those by the shares alone under any."
            )
        )
        header = ("Bounds", "From, to", f"{percent(result.level)} interval of the whole")
        yield Table(header, rows, "", "Bounds of the average effect")
    if not isinstance(result.inequality, Reason):
        yield Paragraph(sentence(plain(result.inequality.sentence)))


def _origin(result: SummaryResult) -> Iterator[Block]:
    """Say what the numbers depend on, and how to make and check them."""
    name, origin = result.name, result.provenance
    rows = [
        ("Source", plain(result.source)),
        ("Data", "none: printed numbers only, in the specification below"),
        ("Specification, sha256", code(result.specification_sha256)),
        ("Source code, sha256", code(origin.source_sha256)),
        ("Seed", code(str(origin.seed))),
        ("Versions", ", ".join(f"{plain(a)} {plain(b)}" for a, b in origin.versions.items())),
        ("Schema of results.json", str(result.schema_version)),
    ]
    yield Table(("What", "Which"), rows, "", "What the numbers depend on")
    yield Verbatim(
        f"causal run analyses/{name}.yaml     # results.json, then this report\n"
        f"causal verify reports/{name}        # computes again, compares field by field\n"
        f"causal render reports/{name}        # this report from results.json",
        "sh",
    )
    yield Fold("The specification, verbatim", (Verbatim(result.specification, "yaml"),))
    yield Paragraph(
        f"Outside references, fixed limits ({number(-1, 0)}, 1 and 10) and the specification, "
        "every number above is a field of `results.json`, rounded for reading."
    )


def _wald(result: SummaryResult) -> str:
    """Write the ratio, or that there is none."""
    if isinstance(result.wald, Reason):
        return "none"
    return ratio_measure(result).amount(result.wald)


def _or_dash(value: float | Reason, decimals: int) -> str:
    return "–" if isinstance(value, Reason) else number(value, decimals)
