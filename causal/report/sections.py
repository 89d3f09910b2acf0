"""The tables and lists of the report's sections, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from causal.report.markdown import code, joined, plain, sentence, table, words
from causal.report.numbers import (
    PROPORTION_DECIMALS,
    RATIOS,
    SHARE_DECIMALS,
    difference_measure,
    measure_of,
    number,
    percent,
)
from causal.report.reading import (
    TARGETS,
    adjusted_rungs,
    brackets,
    by_target,
    interval_of,
    rung_label,
    truth_of,
)
from causal.report.shares import share_cell
from causal.result import (
    DiagnosticBlock,
    Reason,
    Remaining,
    Result,
    RungBlock,
    ScaleBlock,
)

VERDICTS = {
    "PASS": "passed",
    "FAIL": "**not passed**",
    "NOT_RESOLVABLE": "not resolvable",
    "NOT_EVALUATED": "not evaluated",
}


def stamp(result: Result) -> str:
    """Say above everything else that a check failed; nothing when none did."""
    failed: dict[str, list[str]] = {}
    for one in result.diagnostics:
        if one.verdict == "FAIL":
            failed.setdefault(one.rung, []).append(words(one.name))
    if not failed:
        return ""
    listed = "; ".join(f"{joined(checks)} in {code(rung)}" for rung, checks in failed.items())
    return f"**Checks not passed:** {listed}. Do not lean on these rungs (section 5)."


def ladder_tables(result: Result) -> list[tuple[str, str]]:
    """Give a heading and a table for the crude rung, each target, and the brackets."""
    groups = [("Crude", [result.crude])]
    for target, rungs in by_target(adjusted_rungs(result)).items():
        groups.append((f"Adjusted, {TARGETS.get(target, plain(target))}", rungs))
    if brackets(result):
        groups.append(
            (
                "Brackets: also adjusted for what was measured after exposure began",
                brackets(result),
            )
        )
    return [(heading, _ladder_table(result, rungs)) for heading, rungs in groups]


def scale_table(result: Result) -> str:
    """Give the other scales; the reason in place of a number that is not given."""
    rows = [
        (code(rung.name), *_scale_cells(one)) for rung in result.rungs for one in rung.other_scales
    ]
    header = ("Rung", "Scale", "Estimate", f"{percent(result.crude.level)} interval")
    return table(header, rows, "llrl") if rows else ""


def design_sentences(result: Result) -> list[str]:
    """Describe the design: population, exposure, outcome, units."""
    design = result.design
    columns = [
        f"{role} {code(one.column)}: {plain(one.description).rstrip('.')} ({plain(one.kind)}"
        f"{', ' + plain(one.unit) if one.unit else ''})."
        for role, one in (("Exposure", design.exposure), ("Outcome", design.outcome))
    ]
    return [
        f"Design {code(design.kind)}; the analysis unit is "
        f"{'a person' if design.unit == 'persons' else 'a person-interval'}; the outcome is taken "
        f"at {code(design.outcome_at)}.",
        f"Population {code(design.population)}: {sentence(plain(design.population_reason))}",
        *columns,
        *(sentence(plain(one)) for one in design.sentences),
    ]


def attrition_table(result: Result) -> str:
    """Give the steps from everybody in the data to the rows analysed."""
    rows = [
        (plain(one.step), plain(one.reason), str(one.persons), str(one.rows))
        for one in result.attrition
    ]
    return table(("Step", "Why", "Persons", "Rows"), rows, "llrr")


def missing_sentences(result: Result) -> list[str]:
    """Say what is done where values are missing, and for how many."""
    said = [
        f"{words(what).capitalize()}: {words(how)}." for what, how in result.design.missing.items()
    ]
    filled = [one for one in result.covariates if one.filled != 0]
    if filled:
        listed = ", ".join(f"{code(one.term)} {one.filled}" for one in filled)
        said.append(f"Values filled in: {listed}.")
    return said


def diagnostic_table(result: Result, *, judged: bool) -> str:
    """Give every check that is judged, or the numbers given for information."""
    rows = [
        (words(one.name), code(one.rung), _value(one.value), _value(one.threshold),
         _verdict(one), plain(one.reason))
        for one in result.diagnostics
        if (one.threshold is not None or one.value is None) == judged
    ]  # fmt: skip
    header = ("Check", "Rung", "Value", "Threshold", "Verdict", "Why")
    return table(header, rows, "llrrll") if rows else ""


def covariate_table(result: Result) -> str:
    """Give means by exposure and standardised differences."""
    rows = [
        (code(one.term), words(one.concept), _value(one.mean_unexposed), _value(one.mean_exposed),
         _value(one.smd), str(one.filled))
        for one in result.covariates
    ]  # fmt: skip
    header = ("Term", "Concept", "Mean, unexposed", "Mean, exposed", "SMD", "Filled in")
    return table(header, rows, "llrrrr") if rows else ""


def truth_table(result: Result) -> str:
    """Give every true value that is known of simulated data."""
    rows = [(words(name), _value(value)) for name, value in result.truth.items()]
    return table(("What", "True value"), rows, "lr") if rows else ""


def provenance_table(result: Result) -> str:
    """Give what the numbers depend on."""
    data, origin = result.dataset, result.provenance
    options = ", ".join(f"{key} = {value}" for key, value in data.options.items())
    rows = [
        ("Data set", f"{code(data.name)}: {plain(data.title)}"),
        ("Options", plain(options) or "–"),
        ("Access, licence", f"{plain(data.access)}; {plain(data.licence)}"),
        ("Citation", plain(data.citation)),
        ("Data, sha256", code(data.sha256)),
        ("Smallest count shown", str(data.min_cell) if data.min_cell else "any (public data)"),
        ("Specification, sha256", code(result.specification_sha256)),
        ("Diagram, sha256", code(result.dag.sha256)),
        ("Source code, sha256", code(origin.source_sha256)),
        ("Seed", code(str(origin.seed))),
        ("Versions", ", ".join(f"{plain(a)} {plain(b)}" for a, b in origin.versions.items())),
        ("Schema of results.json", str(result.schema_version)),
    ]
    return table(("What", "Which"), rows)


def _ladder_table(result: Result, rungs: Sequence[RungBlock]) -> str:
    """Give one row a rung."""
    level, clustered = percent(rungs[0].level), any(one.n_clusters is not None for one in rungs)
    header = [
        "Rung", "Estimator", "n (persons)" if clustered else "n", "Estimate", f"{level} interval",
        "Share that remains, set", f"Crude − adjusted, {level}", "Wording",
    ]  # fmt: skip
    rows = [_ladder_row(result, rung) for rung in rungs]
    if result.truth:
        header.append("Truth")
        measure = measure_of(result)
        truths = [truth_of(result, rung) for rung in rungs]
        rows = [
            [*row, "–" if truth is None else measure.cell(truth)]
            for row, truth in zip(rows, truths, strict=True)
        ]
    return table(header, rows, "llrr")


def _ladder_row(result: Result, rung: RungBlock) -> list[str]:
    """Give the cells of one rung."""
    measure, pair = measure_of(result), interval_of(rung)
    shares = difference_measure(result)
    persons = "" if rung.n_clusters is None else f" ({rung.n_clusters})"
    settings = rung.settings.strip()
    how = code(rung.estimator) + (f" {code(settings)}" if settings not in ("", "{}") else "")
    kept = rung.remaining
    beside = shares.cells(kept.difference) if isinstance(kept, Remaining) else "–"
    note = f" ({plain(rung.target_note)})" if rung.target_note else ""
    return [
        code(rung.name) + note,
        how,
        f"{rung.n}{persons}",
        measure.cell(rung.estimate),
        measure.cells(pair) if pair is not None else "no interval with two ends",
        "–" if rung is result.crude else share_cell(rung),
        beside,
        rung_label(result, rung),
    ]


def _scale_cells(one: ScaleBlock | Reason) -> tuple[str, str, str]:
    """Give scale, estimate and interval; or the reason why there are none."""
    if isinstance(one, Reason):
        return "–", "–", f"not estimable: {plain(one.not_estimable)}"
    lo, hi = one.interval
    d = SHARE_DECIMALS if one.scale in RATIOS else PROPORTION_DECIMALS
    return words(one.scale), number(one.estimate, d), f"{number(lo, d)} to {number(hi, d)}"


def _verdict(one: DiagnosticBlock) -> str:
    """Write a verdict; a number that is given without a threshold is not judged."""
    if one.verdict == "NOT_EVALUATED" and one.value is not None and one.threshold is None:
        return "for information"
    return VERDICTS[one.verdict]


def _value(value: float | None) -> str:
    """Write a number of any size for a table; a dash when it is not given."""
    if value is None:
        return "–"
    return number(value, 3 if abs(value) < 10 else 1)
