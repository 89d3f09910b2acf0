"""The report as a list of blocks, which Markdown and HTML are both written from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from causal.report import (
    beside,
    challenges,
    covariates,
    diagram,
    heterogeneity,
    instruments,
    overturning,
    parameters,
    profiles,
    sections,
    subgroups,
    weights,
)
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
    Verbatim,
)
from causal.report.caveats import caveats
from causal.report.headline import headline
from causal.report.markdown import code, page_title, plain
from causal.report.markdown_page import markdown_page
from causal.report.numbers import difference_measure, measure_of, of_difference, percent
from causal.report.reading import chief, interval_of, manner, remaining_of
from causal.report.shares import share_cell
from causal.report.short import BY_SUBGROUP, short_page
from causal.report.subgroup_summary import summary_table
from causal.report.words import first_page
from causal.result import Result, RungBlock


def report_page(
    result: Result, parts: Collection[str], beside: Mapping[str, Result] = MappingProxyType({})
) -> str:
    """Write the page as Markdown.

    Parameters
    ----------
    parts : paths of the tables and figures there are, which the page may link.
    beside : results of companions that are at hand, whose headline stands beside this one.
    """
    return markdown_page(compose_page(result, parts, beside))


def compose_page(
    result: Result, parts: Collection[str], beside: Mapping[str, Result] = MappingProxyType({})
) -> Page:
    """Put the page together; nothing is said twice, in Markdown one way and in HTML another."""
    about = result.dataset
    built = (
        ("In short", _short(result, parts, beside)),
        ("1. The ladder", _ladder(result, parts)),
        ("2. The diagram and what it says", _diagram(result, parts)),
        ("3. Design and attrition", _design(result, parts)),
        ("4. Missing data", _missing(result)),
        ("5. Balance, overlap and other checks", _checks(result, parts)),
        ("6. Covariates by exposure", covariates.covariates(result, parts)),
        ("7. The same question under other choices", _choices(result, parts)),
        ("8. Attempts to refute the headline", challenges.refutations(result)),
        ("9. What could overturn it", overturning.overturning(result, parts)),
        ("10. What this cannot tell", iter((Bullets(tuple(caveats(result))),))),
        ("11. Where the numbers come from", _origin(result)),
    )
    return Page(
        title=page_title(about.title or about.name, result.name),
        question=plain(result.question),
        stamp=sections.stamp(result, instruments.contradicted(result)),
        sections=tuple(Section(name, tuple(blocks)) for name, blocks in built),
    )


def _short(result: Result, parts: Collection[str], beside: Mapping[str, Result]) -> Iterator[Block]:
    """Say what was found in few words, then draw it, then say it at length."""
    yield Lead(headline(result))
    yield KeyNumbers(tuple(_key_numbers(result)))
    yield from _points(result, beside)
    alt = "The ladder: differences with intervals, and the share that remains; headline in bold"
    yield from _figure("ladder.svg", alt, parts)
    yield Fold("The same at length", (_at_length(result),))


def _points(result: Result, beside: Mapping[str, Result]) -> Iterator[Block]:
    """Give the points of the first page, the tests of subgroups in a table after their point."""
    points = short_page(result, beside)
    table = summary_table(result)
    cut = next((at for at, (name, _) in enumerate(points, 1) if name == BY_SUBGROUP), 0)
    if cut and table.rows:
        yield Points(points[:cut])
        yield table
    yield Points(points[cut:])


def _at_length(result: Result) -> Points:
    """Say everything the first page leaves out."""
    return Points(
        (
            *first_page(result),
            *(
                (name, " ".join(said))
                for name, said in (
                    ("The instrument", instruments.instrument_sentences(result)),
                    ("Attempts to refute", challenges.challenge_sentences(result)),
                    ("What could overturn it", overturning.overturning_sentences(result)),
                )
                if said
            ),
        )
    )


def _ladder(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show every rung."""
    yield Paragraph(
        f"{sections.shared_rows(result)} Adjusted rungs are compared with each other only at the "
        "same target.\nThe share that remains is adjusted over crude; its set is Fieller's, from "
        f"the paired covariance,\nprinted as it is.{_on_difference(result)} "
        f"{_links('ladder.csv', 'covariance.csv', parts=parts)[:-1]};\n"
        "its column `pointer` says where a number stands in `results.json`."
    )
    yield sections.ladder_table(result)
    yield from beside.beside(result)
    yield from parameters.parameter_blocks(result)
    alt = "p-value of every supposed effect, by instrumental-variable rung"
    for figure in _figure("confidence.svg", alt, parts):
        yield figure
        yield Paragraph(
            "Effects whose curve lies above the orange line are in the rung's set. Where a curve "
            "stays above it on one side, the data exclude no effect on that side."
        )
    yield from profiles.profiles(result, parts)
    scales = sections.scale_table(result)
    if scales.rows:
        yield Section(
            "Other scales",
            (
                Paragraph(
                    "From the same fits; the odds ratio is not collapsible, so no share is formed "
                    f"on it.\n{_links('other_scales.csv', parts=parts)}"
                ),
                Fold(sections.scale_kinds(result), (scales,)),
            ),
        )
    truths = sections.truth_table(result)
    if truths.rows:
        yield Section("Truth of the simulated world", (truths, _data("truth.csv", parts=parts)))


def _on_difference(result: Result) -> str:
    """Say on which scale the last columns of the ladder are, where that is not the headline's."""
    of = of_difference(result).removeprefix(", ")
    return f" Share and crude − adjusted are {of}." if of else ""


def _diagram(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show the diagram, what it says of each rung, its concepts and arrows."""
    yield Paragraph(" ".join(diagram.dag_sentences(result)))
    drawn = tuple(_figure("dag.svg", "The causal diagram assumed", parts))
    if drawn:
        yield from drawn
        yield Paragraph(
            "Arrows run downwards. Long arrows to the same concept share one line; disputed ones "
            "keep their own."
        )
    yield from diagram.identification(result)
    yield _data("identification.csv", parts=parts)
    arrows = (diagram.edge_table(result), _data("edges.csv", "concepts.csv", parts=parts))
    summary = f"The {len(result.dag.edges)} arrows, with reasons and sources"
    yield Section("Concepts", (diagram.concept_table(result), Fold(summary, arrows)))


def _design(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Say how units were made, and who was left out on the way."""
    yield Bullets(tuple(sections.design_sentences(result)))
    alt = "Persons left after each step, and who is lost, not eligible, or kept without an outcome"
    drawn = tuple(_figure("attrition.svg", alt, parts))
    yield from drawn
    flow = sections.attrition_flow(result)
    yield flow.table if drawn else flow
    yield _data("attrition.csv", parts=parts)
    follow_up = sections.follow_up_table(result)
    if follow_up.rows:
        yield Paragraph(
            "Whose outcome is known, and whose came later than the wave that was due, by "
            "exposure. Where the arms differ, the outcome's moment or its being known at all is "
            "no accident."
        )
        yield follow_up
        yield _data("follow_up.csv", parts=parts)


def _missing(result: Result) -> Iterator[Block]:
    """Say what is done about missing values."""
    said = sections.missing_sentences(result)
    yield Bullets(tuple(said)) if said else Paragraph("Nothing is said of missing data.")


def _checks(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show the checks, balance and overlap."""
    judged, facts = (sections.diagnostic_table(result, judged=one) for one in (True, False))
    if judged.rows:
        yield Paragraph(
            "Thresholds come from the specification or are defaults; a check that fails is stamped "
            "on the page."
        )
        yield judged
    elif facts.rows:
        yield Paragraph("Nothing here is judged by a threshold.")
    else:
        yield Paragraph("No check was run.")
    if facts.rows:
        yield Fold(f"{facts.caption}, for information", (facts,))
    if judged.rows or facts.rows:
        yield _data("diagnostics.csv", parts=parts)
    yield from instruments.instruments(result, parts)
    alt = "Standardised mean differences before and after weighting"
    for figure in _figure("balance.svg", alt, parts):
        yield figure
        links = _links("balance.csv", parts=parts)
        yield Paragraph(f"The lines at ±0.1 are a habit, not a test. {links}")
    for figure in _figure("overlap.svg", "Propensity of exposed and unexposed", parts):
        yield figure
        yield _data("overlap.csv", parts=parts)
    yield from weights.weights(result)
    if result.weights:
        yield _data("weights.csv", parts=parts)


def _choices(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show variants, the levels of subgroups, and what was explored."""
    if result.variants or not result.subgroups:
        yield from challenges.variants(result)
    yield from subgroups.by_subgroup(result, parts)
    yield from heterogeneity.for_whom(result, parts)


def _origin(result: Result) -> Iterator[Block]:
    """Say what the numbers depend on, and how to make and check them."""
    name = result.name
    yield sections.provenance_table(result)
    yield Verbatim(
        f"causal run analyses/{name}.yaml     # needs the data: results.json, then this report\n"
        f"causal verify reports/{name}        # needs the data: re-runs, compares field by field\n"
        f"causal render reports/{name}        # needs no data: this report from results.json",
        "sh",
    )
    yield Fold("The specification, verbatim", (Verbatim(result.specification, "yaml"),))
    yield Paragraph(
        "Every number above is a field of `results.json`, or the difference of two, rounded for "
        "reading."
    )


def _key_numbers(result: Result) -> Iterator[tuple[str, Number, str]]:
    """Give crude and adjusted with intervals, and the share with its set and the difference."""
    crude, rung = result.crude, chief(result)
    for name, one in (("Crude", crude), (manner(rung) if rung else "", rung)):
        if one is not None:
            yield (f"{name}, {code(one.name)}", *_key_number(result, one))
    kept = remaining_of(rung) if rung else None
    if rung is not None and kept is not None:
        share, _, rest = share_cell(rung).partition(" ")
        moved = difference_measure(result)
        yield (
            f"Share that remains{of_difference(result)}",
            Number(share.rstrip(";"), f"/rungs/{result.rungs.index(rung)}/remaining/value"),
            f"{percent(rung.level)} Fieller set: {rest}; crude − {manner(rung).lower()}: "
            f"{moved.span(kept.difference)} {moved.unit}".rstrip(),
        )


def _key_number(result: Result, rung: RungBlock) -> tuple[Number, str]:
    """Give an estimate, and its interval beside it."""
    measure, pair = measure_of(result), interval_of(rung)
    beside = (
        f"{percent(rung.level)} set: {measure.region(rung.region)}"
        if pair is None
        else f"{percent(rung.level)} CI {measure.span(pair)}"
    )
    pointer = f"/rungs/{result.rungs.index(rung)}/estimate"
    return Number(measure.amount(rung.estimate), pointer), beside


def _figure(name: str, alt: str, parts: Collection[str]) -> Iterator[Figure]:
    """Give a figure if there is one."""
    if f"figures/{name}" in parts:
        yield Figure(f"figures/{name}", alt)


def _data(*names: str, parts: Collection[str]) -> Paragraph:
    """Link the data files there are; an empty paragraph is left out of the page."""
    return Paragraph(_links(*names, parts=parts))


def _links(*names: str, parts: Collection[str]) -> str:
    """Link the data files there are, in a sentence."""
    there = [f"[{name}](tables/{name})" for name in names if f"tables/{name}" in parts]
    return f"Data: {', '.join(there)}." if there else ""
