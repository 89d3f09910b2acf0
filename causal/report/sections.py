"""The tables and lists of the report's sections."""

from __future__ import annotations

from collections.abc import Sequence

from causal.report.attrition import flow_steps
from causal.report.blocks import Cell, Flow, GroupedTable, Number, Step, Table
from causal.report.covariates import filled_terms
from causal.report.markdown import as_specified, code, joined, plain, sentence, words
from causal.report.numbers import (
    PROPORTION_DECIMALS,
    RATIOS,
    SHARE_DECIMALS,
    any_size,
    difference_measure,
    measure_of,
    number,
    percent,
    spread,
)
from causal.report.reading import (
    adjusted_rungs,
    averaged_over,
    brackets,
    by_target,
    interval_of,
    rung_label,
    stands_for_more,
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

AMONG = "among the "
"""How a note on the target begins that counts whom trimming or a caliper keeps."""
KEPT = (
    "Rows are those a rung was fitted on; what trimming or a caliper keeps of them stands beside "
    "its target, and the share is over the crude difference of them all."
)


def stamp(result: Result, contradicted: Sequence[tuple[str, str]] = ()) -> str:
    """Say above everything else that a check failed; nothing when none did.

    Parameters
    ----------
    contradicted : rung and words of checks of instruments that failed.
    """
    failed: dict[str, list[str]] = {}
    for one in result.diagnostics:
        if one.verdict == "FAIL":
            failed.setdefault(one.rung, []).append(words(one.name))
    for rung, said in contradicted:
        failed.setdefault(rung, []).append(said)
    if not failed:
        return ""
    listed = "; ".join(f"{joined(checks)} in {code(rung)}" for rung, checks in failed.items())
    return f"**Checks not passed:** {listed}. Do not lean on these rungs (section 5)."


def ladder_table(result: Result) -> GroupedTable:
    """Give the crude rung, each target, and the brackets, each under a heading."""
    groups = [("Crude", [result.crude])]
    for target, rungs in by_target(adjusted_rungs(result)).items():
        groups.append((f"Adjusted, {averaged_over(result, target)}", rungs))
    if brackets(result):
        groups.append(
            (
                "Brackets: also adjusted for what was measured after exposure began",
                brackets(result),
            )
        )
    clustered = any(one.n_clusters is not None for one in result.rungs)
    several = "clusters" if result.design.cluster else "persons"
    header = (
        "Rung", "Estimator", f"n ({several})" if clustered else "n", "Estimate",
        f"{percent(result.crude.level)} interval", *(["Fold noise"] if _divided(result) else []),
        "Share that remains, set", f"Crude − adjusted, {percent(result.crude.level)}", "Wording",
        *(["Truth"] if result.truth else []),
    )  # fmt: skip
    rows = tuple(
        (heading, [_ladder_row(result, rung) for rung in rungs]) for heading, rungs in groups
    )
    return GroupedTable(header, rows, "llrr", "The ladder: crude and adjusted, rung by rung")


def shared_rows(result: Result) -> str:
    """Say which rungs use the same rows, which stand for more, and which brackets use fewer."""
    narrowed = [rung for rung in result.rungs if rung.target_note.startswith(AMONG)]
    return " ".join([*_shared(result), *([KEPT] if narrowed else [])])


def _shared(result: Result) -> list[str]:
    """Say which rungs have the crude rung's rows, and what the others have."""
    others = [rung for rung in result.rungs if rung.n != result.crude.n]
    standing = [rung for rung in others if stands_for_more(rung, result.crude)]
    fewer = [rung for rung in others if rung not in standing]
    if not others:
        return ["All rungs use the same rows."]
    said = [f"Rungs use the same {result.crude.n} rows."]
    if fewer:
        named = joined([f"{code(rung.name)} {rung.n}" for rung in fewer])
        said.append(
            f"Some lack a column in a few: {named}; their shares are over the crude difference of "
            "these rows."
        )
    for n in dict.fromkeys(rung.n for rung in standing):
        alike = [rung for rung in standing if rung.n == n]
        named, verb = (
            joined([code(rung.name) for rung in alike]),
            "lets" if len(alike) == 1 else "let",
        )
        said.append(f"{named} {verb} them stand for all {n}, {_lost(result, alike[0])} among them.")
    if standing:
        said.append("The share is over the crude difference of those with an outcome.")
    return said


def _lost(result: Result, rung: RungBlock) -> str:
    """Name those a rung stands for who are not in the crude contrast."""
    whole = [one for one in result.follow_up if not one.stratum]
    entered = [one.rows for one in whole if one.arm != "not seen"]
    if len(entered) == len(whole):
        return "those without an outcome"
    known = [rows for rows in entered if isinstance(rows, int)]
    if len(known) < len(entered):  # too few to be printed
        return "those without an outcome or never seen at the exposure interview"
    if isinstance(rung.n, int) and rung.n > sum(known):
        return "those never seen at the exposure interview"
    return "those without an outcome"


def scale_table(result: Result) -> Table:
    """Give the other scales; the reason in place of a number that is not given."""
    rows = [
        (code(rung.name), *_scale_cells(one)) for rung in result.rungs for one in rung.other_scales
    ]
    header = ("Rung", "Scale", "Estimate", f"{percent(result.crude.level)} interval")
    return Table(header, rows, "llrl", "The same fits on other scales")


def scale_kinds(result: Result) -> str:
    """Name what the other scales are: ratios, differences, or both."""
    given = [one for rung in result.rungs for one in rung.other_scales]
    ratio = [one.scale in RATIOS for one in given if isinstance(one, ScaleBlock)]
    if all(ratio):
        return "Ratios"
    return "Differences and ratios" if any(ratio) else "Differences"


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


def attrition_flow(result: Result) -> Flow:
    """Give the steps from everybody in the data to the outcome."""
    given = flow_steps(result)
    rows = [
        (plain(one.name), plain(one.why), "–" if one.persons is None else str(one.persons),
         str(one.rows))
        for one in given
    ]  # fmt: skip
    steps = tuple(Step(*row, one.change, one.lost) for row, one in zip(rows, given, strict=True))
    header = ("Step", "Why", "Persons", "Rows")
    return Flow(steps, Table(header, rows, "llrr", "From everybody in the data to those analysed"))


def follow_up_table(result: Result) -> Table:
    """Show by arm whose outcome is known, and whose came late."""
    header = ("Among", "Exposure", "Rows", "Outcome known", "Read later than the wave due")
    rows = [
        (
            code(one.stratum) if one.stratum else "all",
            one.arm,
            Number(str(one.rows), f"/follow_up/{index}/rows"),
            Number(_of(one.known, one.rows), f"/follow_up/{index}/known"),
            Number(_of(one.late, one.known), f"/follow_up/{index}/late"),
        )
        for index, one in enumerate(result.follow_up)
    ]
    return Table(header, rows, "llrrr", "Follow-up by exposure")


def _of(part: int | str, whole: int | str) -> str:
    """Write a count with its share, where neither is hidden."""
    if isinstance(part, int) and isinstance(whole, int) and whole:
        return f"{part} ({number(100 * part / whole, 0)} %)"
    return str(part)


def missing_sentences(result: Result) -> list[str]:
    """Say what is done where values are missing, and for how many."""
    said = [
        f"{words(what).capitalize()}: {words(how)}." for what, how in result.design.missing.items()
    ]
    filled = filled_terms(result)
    if filled:
        listed = ", ".join(f"{code(term)} {many}" for term, many in filled)
        said.append(f"Values filled in: {listed}.")
    return said


def diagnostic_table(result: Result, *, judged: bool) -> Table:
    """Give every check that is judged, or the numbers given for information."""
    rows = [
        (words(one.name), code(one.rung), any_size(one.value), any_size(one.threshold),
         _verdict(one), plain(one.reason))
        for one in result.diagnostics
        if (one.threshold is not None or one.value is None) == judged
    ]  # fmt: skip
    header = ("Check", "Rung", "Value", "Threshold", "Verdict", "Why")
    imputed = "imputation" in result.design.missing
    facts = "Propensities, weights and imputations" if imputed else "Propensities and weights"
    return Table(header, rows, "llrrll", "Checks" if judged else facts)


def truth_table(result: Result) -> Table:
    """Give every true value that is known of simulated data."""
    rows = [(words(name), any_size(value)) for name, value in result.truth.items()]
    return Table(("What", "True value"), rows, "lr", "Truth of the simulated world")


def provenance_table(result: Result) -> Table:
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
    return Table(("What", "Which"), rows, "", "What the numbers depend on")


def _ladder_row(result: Result, rung: RungBlock) -> Sequence[Cell]:
    """Give the cells of one rung, numbers with their addresses."""
    measure, pair = measure_of(result), interval_of(rung)
    at = f"/rungs/{result.rungs.index(rung)}"
    shares = difference_measure(result)
    clusters = "" if rung.n_clusters is None else f" ({rung.n_clusters})"
    settings = as_specified(rung.settings)
    how = code(rung.estimator) + (f" with {code(settings)}" if settings else "")
    kept = rung.remaining
    beside = shares.cells(kept.difference) if isinstance(kept, Remaining) else "–"
    note = f" ({plain(rung.target_note)})" if rung.target_note else ""
    given = measure.cells(pair) if pair is not None else measure.region_cells(rung.region)
    own = "region" if rung.region_note or rung.interval is None else "interval"
    cells: list[Cell] = [
        code(rung.name) + note,
        how,
        Number(f"{rung.n}{clusters}", f"{at}/n"),
        Number(measure.cell(rung.estimate), f"{at}/estimate"),
        Number(given, f"{at}/{own}"),
        *([_fold_noise(result, rung, at)] if _divided(result) else []),
        Number("–" if rung is result.crude else share_cell(rung), f"{at}/remaining"),
        Number(beside, f"{at}/remaining/difference") if isinstance(kept, Remaining) else beside,
        rung_label(result, rung),
    ]
    if result.truth:
        truth = truth_of(result, rung)
        cells.append("–" if truth is None else measure.cell(truth))
    return cells


def _divided(result: Result) -> bool:
    """Tell whether some rung rests on random divisions of the sample."""
    return any(rung.divisions is not None for rung in result.rungs)


def _fold_noise(result: Result, rung: RungBlock, at: str) -> Cell:
    """Write how much an estimate differs between random divisions, and how many there were."""
    if rung.divisions is None:
        return "–"
    if rung.split_sd is None:
        return Number("not known, 1 division", f"{at}/divisions")
    return Number(f"SD {spread(rung.split_sd)}, {rung.divisions} divisions", f"{at}/split_sd")


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
