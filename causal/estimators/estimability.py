"""What a regression cannot predict: rows that lie outside of what it was fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causal.arrays import Bools, Floats
from causal.errors import PositivityError
from causal.estimators.glm import NuisanceFit

ALIASED = 1e-11
OUTSIDE = 1e-6
ROUNDING = 1e-9
"""Means of a constant are off by far less, and values that differ by no more are one."""
LEADING = 0.1


def complete(fit: NuisanceFit) -> bool:
    """Tell whether every column has a slope of its own, so that all predictions are estimable."""
    return bool(fit.kept.all()) and fit.rank == len(fit.coefficients)


def beyond(fit: NuisanceFit, seen: Bools, asked: Floats) -> tuple[int, ...]:
    """Name the columns along which predictions are not estimable.

    A prediction is, where its row of the design is a combination of the rows fitted on: a column
    that is constant there, or that others give there, has no slope of its own (Searle 1971,
    Linear Models, section 5.4).

    Parameters
    ----------
    fit : the regression.
    seen : (n,) booleans, the rows of ``fit.columns`` it was fitted on.
    asked : (m, q) floats, the columns it is to predict for.

    Returns
    -------
    The columns, empty when all predictions are estimable.
    """
    if complete(fit):
        return ()
    flat = np.flatnonzero(~fit.kept)
    if flat.size:
        value = fit.columns[seen][:, flat].mean(axis=0)
        size = np.maximum(np.abs(value), np.abs(asked[:, flat]))
        apart = np.abs(asked[:, flat] - value) > ROUNDING * size
        if apart.any():
            return tuple(flat[apart.any(axis=0)].tolist())
    if fit.rank == len(fit.coefficients):
        return ()
    design = fit.design(fit.columns[seen])
    values, vectors = np.linalg.eigh(design.T @ design)
    unseen = vectors[:, values <= ALIASED * values[-1]]
    rows = fit.design(asked)
    outside = np.abs(rows @ unseen) > OUTSIDE * np.linalg.norm(rows, axis=1)[:, None]
    size = np.abs(unseen[1:, outside.any(axis=0)]).max(axis=1, initial=0.0)
    leading = (size > LEADING * size.max(initial=0.0)) & (size > 0)
    return tuple(np.flatnonzero(fit.kept)[leading].tolist())


def refuse_beyond(
    fit: NuisanceFit, seen: Bools, asked: Floats, terms: Sequence[str], where: str, advice: str = ""
) -> None:
    """Refuse predictions that are not estimable.

    Parameters
    ----------
    fit, seen, asked : as ``beyond`` takes them.
    terms : the names of the columns.
    where : which rows were fitted on, after 'the rows'; empty for all whose outcome is known.
    advice : how the remedy begins; to drop the columns when empty.

    Raises
    ------
    PositivityError
        Names the columns.
    """
    columns = beyond(fit, seen, asked)
    if not columns:
        return
    named = " and ".join(f"'{terms[i]}'" for i in columns)
    do, they, them = ("does", "it does", "it") if len(columns) == 1 else ("do", "they do", "them")
    raise PositivityError(
        f"among the rows{where} whose outcome is known, {named} {do} not vary, or not apart from "
        f"other columns; elsewhere {they}, and a regression of those rows cannot predict there. "
        f"{advice or 'Drop'} or coarsen {them}, or narrow the population."
    )
