"""Every table of the report as a data file, with all digits the document holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from causal.report.covariates import covariate_rows
from causal.report.heterogeneity import heterogeneity_rows
from causal.report.numbers import exact
from causal.report.reading import estimand_of, rung_label, truth_of
from causal.result import (
    ContrastBlock,
    DifferenceBlock,
    InteractionTestBlock,
    Pair,
    Piece,
    Reason,
    Remaining,
    Result,
    ScaleBlock,
    TableRow,
)

Cell: TypeAlias = str | int | float | None

NUMBERED = ("label", "subject", "number", "value", "not_estimable")


def tables(result: Result) -> dict[str, bytes]:
    """Give the content of every table that has rows, by file name."""
    built = {name: build(result) for name, build in _BUILDERS.items()}
    listed = {name: (header, list(rows)) for name, (header, rows) in built.items()}
    return {name: _written(header, rows) for name, (header, rows) in listed.items() if rows}


def _ladder(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung; ``pointer`` is where its numbers stand in results.json."""
    header = (
        "rung", "role", "estimator", "settings", "target", "target_note", "scale", "estimate",
        "std_error", "level", "lo", "hi", "region", "n", "n_clusters", "mean_unexposed",
        "mean_exposed", "remaining", "remaining_set", "remaining_mixed", "difference_lo",
        "difference_hi", "not_estimable", "label", "adjusted", "missing", "split_sd",
        "divisions", "truth", "pointer",
    )  # fmt: skip
    rows = []
    for index, rung in enumerate(result.rungs):
        kept = rung.remaining
        given: tuple[Cell, ...] = (None, None, None, None, None, "")
        if isinstance(kept, Remaining):
            given = (kept.value, _pieces(kept.set), str(kept.mixed).lower(), *kept.difference, "")
        else:
            given = (*given[:-1], kept.not_estimable)
        rows.append(
            (
                rung.name, rung.role, rung.estimator, rung.settings, rung.target,
                rung.target_note, rung.scale, rung.estimate, rung.std_error, rung.level,
                *_ends(rung.interval), _pieces(rung.region), rung.n, rung.n_clusters,
                *_ends(rung.means), *given, rung_label(result, rung), " ".join(rung.adjusted),
                " ".join(rung.missing), rung.split_sd, rung.divisions,
                truth_of(result, rung), f"/rungs/{index}",
            )
        )  # fmt: skip
    return header, rows


def _other_scales(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung and further scale."""
    header = ("rung", "scale", "estimate", "std_error_log", "lo", "hi", "not_estimable")
    rows: list[Sequence[Cell]] = []
    for rung in result.rungs:
        for one in rung.other_scales:
            if isinstance(one, ScaleBlock):
                row = (rung.name, one.scale, one.estimate, one.std_error, *one.interval, "")
                rows.append(row)
            else:
                rows.append((rung.name, "", None, None, None, None, one.not_estimable))
    return header, rows


def _concepts(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a concept."""
    rows = (
        (one.name, one.description, one.status, " ".join(one.columns), one.state_of or "")
        for one in result.dag.concepts
    )
    return ("concept", "description", "status", "columns", "state_of"), rows


def _edges(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row an arrow."""
    rows = (
        (one.cause, one.effect, str(one.disputed).lower(), one.reason, one.source)
        for one in result.dag.edges
    )
    return ("from", "to", "disputed", "reason", "source"), rows


def _identification(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung and orientation of the disputed arrows."""
    header = (
        "rung", "verdict", "adjusted", "proxied", "unmeasured", "omitted", "mediators",
        "reversed", "sufficient",
    )  # fmt: skip
    rows: list[Sequence[Cell]] = []
    for rung in result.rungs:
        one = estimand_of(result, rung)
        if one is None:
            continue
        lists = (one.adjusted, one.proxied, one.unmeasured, one.omitted, one.mediators)
        head = (one.rung, one.verdict, *(" ".join(names) for names in lists))
        rows += [
            (*head, "; ".join(turn.reversed), str(turn.sufficient).lower())
            for turn in one.orientations
        ] or [(*head, "", "")]
    return header, rows


def _attrition(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a step."""
    rows = ((one.step, one.reason, one.persons, one.rows) for one in result.attrition)
    return ("step", "reason", "persons", "rows"), rows


def _follow_up(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row an arm and stratum."""
    rows = ((one.stratum, one.arm, one.rows, one.known, one.late) for one in result.follow_up)
    return ("stratum", "arm", "rows", "known", "late"), rows


def _diagnostics(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a check."""
    rows = (
        (one.name, one.rung, one.value, one.threshold, one.verdict, one.reason)
        for one in result.diagnostics
    )
    return ("name", "rung", "value", "threshold", "verdict", "reason"), rows


def _balance(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung and covariate."""
    rows = ((one.rung, one.term, one.concept, one.crude, one.weighted) for one in result.balance)
    return ("rung", "term", "concept", "smd_crude", "smd_weighted"), rows


def _overlap(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung and bin of the propensity; empty cells are suppressed."""
    rows: list[Sequence[Cell]] = []
    for one in result.overlap:
        bins = len(one.exposed)
        rows += [
            (one.rung, index / bins, (index + 1) / bins, *shares)
            for index, shares in enumerate(zip(one.exposed, one.unexposed, strict=True))
        ]
    return ("rung", "lo", "hi", "share_exposed", "share_unexposed"), rows


def _weights(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung and factor of its weights."""
    header = (
        "rung", "weight", "rows", "mean", "lowest", "highest", "variation", "effective",
        "design_effect",
    )  # fmt: skip
    return header, [
        (
            block.rung, one.name, one.rows, one.mean, one.lowest, one.highest, one.variation,
            one.effective, one.design_effect,
        )
        for block in result.weights
        for one in block.factors
    ]  # fmt: skip


def _covariance(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give the covariance of the rungs, as a matrix."""
    block = result.covariance
    rows: list[Sequence[Cell]] = [
        (name, *row) for name, row in zip(block.rungs, block.matrix, strict=True)
    ]
    return ("rung", *block.rungs), rows


def _truth(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give the true values of simulated data; none for others."""
    return ("what", "value"), result.truth.items()


def _variants(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a variant and rung."""
    header = ("variant", "rung", "estimate", "std_error", "lo", "hi", "n", "persons", "reason")
    return header, [
        (
            one.name, rung.name, rung.estimate, rung.std_error, *_ends(rung.interval), rung.n,
            one.persons, one.reason,
        )
        for one in result.variants
        for rung in one.rungs
    ]  # fmt: skip


def _subgroups(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a subgroup, rung and level; each row has the test of its subgroup."""
    numbers = ("estimate", "std_error", "lo", "hi", "not_estimable")
    header = (
        "column", "at", "rung", "level", "values", "n", "n_clusters", "exposed", "unexposed",
        *(f"{what}_{name}" for what in ("crude", "adjusted", "interaction") for name in numbers),
        "interaction_p_value", "interaction_p_holm", "reference", "wald", "df", "df_residual",
        "p_value", "p_holm", "not_tested", "terms", "dropped", "narrowed", "failed", "outside",
        "smallest_arm", "reason",
    )  # fmt: skip
    return header, [
        (
            block.column, block.at, block.rung, one.name, one.values, one.n, one.n_clusters,
            one.exposed, one.unexposed, *_difference(one.crude), *_difference(one.adjusted),
            *_difference(one.interaction), *_p_values(one.interaction), block.reference,
            *_tested(block.test), one.terms, " ".join(one.dropped), one.narrowed,
            " ".join(one.failed), block.outside, block.smallest_arm, block.reason,
        )
        for block in result.subgroups
        for one in block.levels
    ]  # fmt: skip


def _profiles(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung and mean, for rungs with more than two."""
    header = (
        "rung", "kind", "axis", "unit", "series", "x", "name", "rows", "estimate", "std_error",
        "lo", "hi", "band_lo", "band_hi",
    )  # fmt: skip
    return header, [
        (
            rung.name, rung.profile.kind, rung.profile.axis, rung.profile.unit, one.series, one.x,
            one.name, one.rows, one.estimate, one.std_error, *_ends(one.interval), *_ends(one.band),
        )
        for rung in result.rungs
        if rung.profile is not None
        for one in (*rung.profile.points, *rung.profile.beside)
    ]  # fmt: skip


def _profile_contrasts(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a rung and contrast of its means."""
    header = (
        "rung", "family", "contrast", "unit", "estimate", "std_error", "lo", "hi", "band_lo",
        "band_hi", "p_value", "p_joint", "p_holm",
    )  # fmt: skip
    return header, [
        (
            rung.name, one.family, one.name, one.unit, one.estimate, one.std_error,
            *_ends(one.interval), *_ends(one.band), one.p_value, one.p_joint, one.p_holm,
        )
        for rung in result.rungs
        if rung.profile is not None
        for one in rung.profile.contrasts
    ]  # fmt: skip


def _difference(found: DifferenceBlock | Reason) -> tuple[Cell, ...]:
    """Give the cells of a difference, or why there is none."""
    if isinstance(found, Reason):
        return (None, None, None, None, found.not_estimable)
    return (found.estimate, found.std_error, *found.interval, "")


def _p_values(found: ContrastBlock | Reason) -> tuple[Cell, Cell]:
    """Give the p-values of a contrast, as they are and corrected."""
    return (None, None) if isinstance(found, Reason) else (found.p_value, found.p_holm)


def _tested(found: InteractionTestBlock | Reason) -> tuple[Cell, ...]:
    """Give the cells of a test between levels, or why there is none."""
    if isinstance(found, Reason):
        return (None, None, None, None, None, found.not_estimable)
    return (found.statistic, found.df, found.df_residual, found.p_value, found.p_holm, "")


def _refutations(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a refuter."""
    header = (
        "kind", "subject", "rung", "verdict", "expected", "mean", "lo", "hi", "p_value", "draws",
        "detectable", "reason", "sees", "cannot_see",
    )  # fmt: skip
    return header, [
        (
            one.kind, one.subject, one.rung, one.verdict, one.expected, one.mean,
            *_ends(one.interval), one.p_value, one.draws,
            None if isinstance(one.power, Reason) else one.power, one.reason, one.sees,
            one.cannot_see,
        )
        for one in result.refutations
    ]  # fmt: skip


def _instruments(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a number."""
    header = ("kind", "rung", "instrument", *NUMBERED)
    rows: list[Sequence[Cell]] = []
    for one in result.instruments:
        rows += [(one.kind, one.rung, one.instrument, *cells) for cells in _numbered(one.rows)]
    return header, rows


def _sensitivity(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a number."""
    header = ("kind", "rung", *NUMBERED)
    rows: list[Sequence[Cell]] = []
    for one in result.sensitivity:
        rows += [(one.kind, one.rung, *cells) for cells in _numbered(one.rows)]
    return header, rows


def _numbered(rows: Iterable[TableRow]) -> Iterable[Sequence[Cell]]:
    """Give one line a number of the rows, under the names of ``NUMBERED``."""
    for row in rows:
        for item in row.numbers:
            given: tuple[Cell, Cell] = (
                (None, item.value.not_estimable)
                if isinstance(item.value, Reason)
                else (item.value, "")
            )
            yield (row.label, row.subject, item.name, *given)


_BUILDERS: dict[str, Callable[[Result], tuple[Sequence[str], Iterable[Sequence[Cell]]]]] = {
    "ladder.csv": _ladder,
    "other_scales.csv": _other_scales,
    "concepts.csv": _concepts,
    "edges.csv": _edges,
    "identification.csv": _identification,
    "attrition.csv": _attrition,
    "follow_up.csv": _follow_up,
    "covariates.csv": covariate_rows,
    "diagnostics.csv": _diagnostics,
    "balance.csv": _balance,
    "overlap.csv": _overlap,
    "weights.csv": _weights,
    "covariance.csv": _covariance,
    "truth.csv": _truth,
    "variants.csv": _variants,
    "subgroups.csv": _subgroups,
    "heterogeneity.csv": heterogeneity_rows,
    "profiles.csv": _profiles,
    "profile_contrasts.csv": _profile_contrasts,
    "refutations.csv": _refutations,
    "sensitivity.csv": _sensitivity,
    "instruments.csv": _instruments,
}


TABLES = tuple(_BUILDERS)


def _written(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write rows as CSV with Unix line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_cell(cell) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8")


def _cell(cell: Cell) -> str:
    """Write one cell; nothing for a number that is not given."""
    if cell is None:
        return ""
    return exact(cell) if isinstance(cell, float) else str(cell)


def _ends(pair: Pair | None) -> tuple[Cell, Cell]:
    """Give two cells for a pair that may be missing."""
    return (None, None) if pair is None else pair


def _pieces(pieces: list[Piece]) -> str:
    """Write a set with its infinities."""
    return " ".join(
        f"[{'-inf' if lo is None else exact(lo)}, {'inf' if hi is None else exact(hi)}]"
        for lo, hi in pieces
    )
