"""Public conformance checks: what a data set must keep to, whoever wrote it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from causal.codebook import Codebook
from causal.dataset_info import DatasetInfo, Fact
from causal.errors import DatasetError, Place, SpecError, did_you_mean
from causal.expressions import holds
from causal.registry import (
    canonicalise,
    describe,
    digest_table,
    find_build,
    find_generate,
    find_truth,
    known_datasets,
    known_truths,
    load_cohort,
)
from causal.sources import read_sources
from causal.truths import Truth

if TYPE_CHECKING:
    import pandas as pd

FILES = ("__init__.py", "adapter.py", "dataset.toml", "codebook.csv", "card.md")
CARD_WORDS = ("who", "when", "bias", "citation")
SLACK = 1e-9  # of facts without a tolerance, against the rounding of sums


def check_dataset(name: str, data: Path | None = None) -> tuple[str, ...]:
    """Check a data set from its folder to its published facts.

    A data set of another package is tested by calling this from that package's own tests.

    Parameters
    ----------
    data : the user's own CSV, or a folder of them, as for ``load_cohort``.

    Returns
    -------
    What was checked, one sentence each.

    Raises
    ------
    DatasetError, SpecError
        The first thing that does not hold.
    DataNotAvailableError
        The folder is in order, but the data are not on this machine.
    """
    info = check_folder(name)
    said = ["The folder is complete; its metadata, codebook and card are valid."]
    raw = {} if info.access == "generated" else read_sources(info.raw, data)
    cohort = load_cohort(name, data=data)
    said.append(f"The table keeps to its codebook: {len(cohort.table)} rows.")
    if info.access == "generated":
        check_generation(info)
        said.append("Every scenario is generated, alike for the same seed, with a finite truth.")
    else:
        check_build(info, raw)
        said.append("Building is deterministic, heeds no row order, changes and drops no rows.")
    for fact in info.facts:
        check_fact(info, fact, cohort.table if fact.table is None else raw[fact.table])
    said.append(f"{len(info.facts)} published facts are reproduced.")
    check_populations(info, cohort.table)
    said.append(f"{len(info.populations)} populations are not empty.")
    return tuple(said)


def check_folder(name: str) -> DatasetInfo:
    """Check what needs no data: files, metadata, codebook, card and the adapter's functions."""
    folder = known_datasets().get(name)
    for file in FILES if folder else ():
        if folder and not (folder / file).is_file():
            raise DatasetError(f"{file} is missing from {folder}. Add it.", _place(name, file))
    info = describe(name)
    _check_codebook(info)
    card = info.card.casefold()
    for word in CARD_WORDS:
        if word not in card:
            raise DatasetError(
                f"nothing is said of '{word}'; expected who, when, known biases and a citation.",
                _place(name, "card.md"),
            )
    if info.access in ("registration", "restricted") and info.min_cell == 0:
        raise DatasetError(
            "is 0 for data that are not public. Give the licence's smallest cell, or 10.",
            _place(name, "min_cell"),
        )
    if info.cohort_sha256 is None and any(file.path for file in info.sources.values()):
        raise DatasetError(
            "is missing, so a user's CSV of these data could not be recognised. Write the digest "
            "of load_cohort(name) into dataset.toml.",
            _place(name, "cohort_sha256"),
        )
    if info.access == "generated":
        find_generate(info)
        find_truth(info)
    else:
        find_build(info)
    return info


def check_build(info: DatasetInfo, raw: Mapping[str, pd.DataFrame]) -> None:
    """Check that ``build`` is a pure function of the rows, and that none is dropped."""
    before = {source: digest_table(table) for source, table in raw.items()}
    table = _built(info, raw)
    first = digest_table(table)
    if digest_table(_built(info, raw)) != first:
        raise _impure(info, "gives another table at the second call")
    for source, digest in before.items():
        if digest_table(raw[source]) != digest:
            raise _impure(info, f"changes its input '{source}'")
    turned = {source: rows.iloc[::-1].reset_index(drop=True) for source, rows in raw.items()}
    if digest_table(_built(info, turned)) != first:
        raise _impure(info, "gives another table when the rows of the file are in another order")
    longest = max((len(rows) for rows in raw.values()), default=0)
    if len(table) < longest:
        raise _impure(
            info,
            f"gives {len(table)} rows for a file of {longest}: rows are dropped. Keep them; "
            "populations and designs leave out, and count, who is left out",
        )
    _check_refused(info, raw)


def check_generation(info: DatasetInfo) -> None:
    """Check that each choice is generated alike for the same seed, and has a finite truth."""
    for option, setting in info.options.items():
        for choice in setting.choices or (setting.default,):
            options = {option: choice}
            digests = {load_cohort(info.name, options).digest for _ in range(2)}
            if len(digests) > 1:
                raise DatasetError(
                    f"generate() gives two tables for the same {option} = {choice!r}. "
                    "Draw from causal.seeding.generator(seed, ...).",
                    _place(info.name, "adapter.py"),
                )
            for truth in known_truths(info.name, options):
                check_truth(info, truth, f"at {option} = {choice!r}")


def check_truth(info: DatasetInfo, truth: Truth, where: str) -> None:
    """Check that true values are finite, and of columns and a population that there are."""
    asked, place = truth.question, _place(info.name, "adapter.py")
    named = (asked.exposure, asked.outcome, *asked.events, asked.weight, truth.instrument)
    for column in filter(None, named):
        if column not in info.codebook.variables:
            raise DatasetError(f"truth() is about '{column}' {where}, which is no column.", place)
    info.population(asked.population)
    for key, value in {**truth.values, **truth.of_instrument}.items():
        if not math.isfinite(value):
            raise DatasetError(f"truth() gives {value} for '{key}' {where}.", place)


def check_fact(info: DatasetInfo, fact: Fact, table: pd.DataFrame) -> None:
    """Recompute a published fact."""
    found = recompute(fact, table)
    if not abs(found - fact.value) <= fact.tolerance + SLACK * abs(fact.value):
        raise DatasetError(
            f"{fact.what}: found {found:.10g}; {fact.source} has {fact.value:.10g} "
            f"(tolerance {fact.tolerance:g}). Mend build(), or the fact.",
            _place(info.name, "facts"),
        )


def recompute(fact: Fact, table: pd.DataFrame) -> float:
    """Compute the statistic of a fact on the rows it is about."""
    rows = table[holds(fact.expression, table)]
    if fact.statistic == "rows":
        return float(len(rows))
    if fact.statistic == "persons":
        return float(rows["person_id"].nunique())
    if fact.column not in rows.columns:
        raise SpecError(
            f"the fact '{fact.what}' names the column '{fact.column}'. "
            f"{did_you_mean(str(fact.column), map(str, rows.columns))}"
        )
    values = rows[fact.column].dropna()
    if fact.statistic == "n":
        return float(len(values))
    return float(values.agg("std" if fact.statistic == "sd" else fact.statistic))


def check_populations(info: DatasetInfo, table: pd.DataFrame) -> None:
    """Check that each population has someone in it; queries are about a person's first row."""
    first = table.drop_duplicates("person_id")
    for name, population in info.populations.items():
        if not holds(population.expression, first).any():
            raise DatasetError(
                f"nobody fits '{population.where}'. Populations are asked of a person's first row.",
                _place(info.name, f"populations.{name}"),
            )


def _check_codebook(info: DatasetInfo) -> None:
    """Check that every column is described and that something measures a concept."""
    codebook: Codebook = info.codebook
    for variable in codebook:
        if not variable.description:
            raise DatasetError("has no description.", _place(info.name, variable.column))
        if variable.kind == "categorical" and not variable.levels:
            raise DatasetError("has no levels. List them.", _place(info.name, variable.column))
    if not codebook.measurements:
        raise DatasetError(
            "no column measures a concept, so no diagram can use the data. Fill the column "
            "'concept' or 'proxy_for'.",
            _place(info.name, "codebook.csv"),
        )
    for raw in info.refused:
        if raw in codebook.variables:
            raise DatasetError(
                "is refused and carried under the same name.", _place(info.name, raw)
            )


def _check_refused(info: DatasetInfo, raw: Mapping[str, pd.DataFrame]) -> None:
    """Check that what is refused exists, lest a misspelt name give no reason when asked for."""
    columns = [str(column) for table in raw.values() for column in table.columns]
    for column in info.refused if raw else ():
        if column not in columns:
            raise DatasetError(
                f"no source has a column '{column}'. {did_you_mean(column, columns)}"[:300],
                _place(info.name, "refused"),
            )


def _built(info: DatasetInfo, raw: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Build a table and bring it to its one form."""
    return canonicalise(find_build(info)(raw), info.codebook)


def _impure(info: DatasetInfo, what: str) -> DatasetError:
    return DatasetError(f"build() {what}.", _place(info.name, "adapter.py"))


def _place(name: str, key: str) -> Place:
    return Place(f"data set {name}", key=key)
