"""Covariates by exposure: means of two arms, of several, or beside a dose."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from causal.report.blocks import Block, Paragraph, Table
from causal.report.markdown import code, words
from causal.report.numbers import any_size
from causal.result import Count, CovariateBlock, CovariateProfileBlock, Result

CAPTION = "Covariates by exposure, before adjustment"


def covariates(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show the covariates by exposure."""
    table = covariate_table(result)
    if not table.rows:
        adjusting = any(rung.adjusted for rung in result.rungs)
        yield Paragraph(
            "The covariates are not tabulated in this document."
            if adjusting
            else "No covariate is adjusted for."
        )
        return
    yield Paragraph(_reading(result))
    yield table
    if "tables/covariates.csv" in parts:
        yield Paragraph("Data: [covariates.csv](tables/covariates.csv).")


def covariate_table(result: Result) -> Table:
    """Give means by exposure: of two arms with their standardised difference, or by arm or dose."""
    if not result.covariate_profiles:
        header: tuple[str, ...] = (
            "Term", "Concept", "Mean, unexposed", "Mean, exposed", "SMD", "Filled in",
        )  # fmt: skip
        rows = [_of_two(one) for one in result.covariates]
        return Table(header, rows, "llrrrr", CAPTION)
    arms = result.design.arms
    named = [f"Mean, {code(arm)}" for arm in arms] or ["Mean", "Correlation with the dose"]
    header = ("Term", "Concept", *named, "Filled in")
    several = [_of_several(one, dose=not arms) for one in result.covariate_profiles]
    return Table(header, several, f"ll{'r' * len(named)}r", CAPTION)


def covariate_rows(
    result: Result,
) -> tuple[Sequence[str], Iterable[Sequence[str | int | float | None]]]:
    """Give one row an adjustment column, for the data file."""
    if not result.covariate_profiles:
        header = ("term", "concept", "mean_unexposed", "mean_exposed", "smd", "filled")
        return header, (
            (one.term, one.concept, one.mean_unexposed, one.mean_exposed, one.smd, one.filled)
            for one in result.covariates
        )
    means = [f"mean_{arm}" for arm in result.design.arms] or ["mean"]
    return ("term", "concept", *means, "correlation", "filled"), (
        (one.term, one.concept, *one.means, one.correlation, one.filled)
        for one in result.covariate_profiles
    )


def filled_terms(result: Result) -> list[tuple[str, Count]]:
    """Name the adjustment columns some of whose values were filled in, and how many."""
    filled = [(one.term, one.filled) for one in result.covariates]
    filled += [(one.term, one.filled) for one in result.covariate_profiles]
    return [(term, many) for term, many in filled if many != 0]


def _reading(result: Result) -> str:
    """Say how the table is read."""
    if not result.covariate_profiles:
        return "SMD is the standardised mean difference, exposed − unexposed, before adjustment."
    if result.design.arms:
        hidden = any(None in one.means for one in result.covariate_profiles)
        dash = f" A dash: fewer than {max(result.dataset.min_cell, 1)} rows." if hidden else ""
        return f"Means of each arm, before adjustment; that of a 0/1 column is a share.{dash}"
    return (
        "The exposure is a dose, so there are no arms to compare: means of all rows (of a 0/1 "
        "column, a share), and the correlation with the dose, before adjustment."
    )


def _of_two(one: CovariateBlock) -> tuple[str, ...]:
    """Write the line of one column where there are two arms."""
    shown = map(any_size, (one.mean_unexposed, one.mean_exposed, one.smd))
    return code(one.term), words(one.concept), *shown, str(one.filled)


def _of_several(one: CovariateProfileBlock, *, dose: bool) -> tuple[str, ...]:
    """Write the line of one column by arm, or beside a dose."""
    numbers = [*one.means, one.correlation] if dose else one.means
    shown = map(any_size, numbers)
    return code(one.term), words(one.concept), *shown, str(one.filled)
