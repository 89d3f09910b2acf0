"""Declared features: named transforms of columns in place of formulas, never evaluated code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from pydantic import Field

from causal.arrays import Floats
from causal.codebook import Variable
from causal.documents import Settings
from causal.errors import SpecError, did_you_mean
from causal.splines import Knots, restricted_cubic

if TYPE_CHECKING:
    import pandas as pd

Named: TypeAlias = Literal["identity", "square", "cube", "log1p", "factor"]


class Indicator(Settings):
    """1 where the column has one of the levels, else 0."""

    indicator: tuple[str | int | float, ...] = Field(min_length=1)


class CutPoint(Settings):
    """1 from a value on, 0 below it: a cut point, such as of the price an instrument is made of."""

    at_least: float


class Product(Settings):
    """The column times another numeric column."""

    product: str


class Spline(Settings):
    """Restricted cubic spline with these knots, so that a value means the same at every wave.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, section 2.4.5.
    """

    spline: Knots


Form: TypeAlias = Named | Indicator | CutPoint | Product | Spline
Features: TypeAlias = Mapping[str, Form | tuple[Form, ...]]


def forms_of(variable: Variable, features: Features) -> tuple[Form, ...]:
    """Give the forms a column enters in: those declared, else as it is or as a factor."""
    declared = features.get(variable.column)
    if declared is None:
        return ("factor",) if variable.kind == "categorical" else ("identity",)
    return declared if isinstance(declared, tuple) else (declared,)


def term_names(variable: Variable, name: str, features: Features) -> tuple[str, ...]:
    """Name the terms a column gives, without data.

    Parameters
    ----------
    name : the column, with its moment where that matters (``drug_use@start``).

    Raises
    ------
    SpecError
        A form does not suit the column.
    """
    names: list[str] = []
    for form in forms_of(variable, features):
        _refuse_misfit(variable, form)
        if form == "factor":
            names += [f"{name}={level}" for level in list(variable.levels)[1:]]
        elif isinstance(form, Spline):
            names += [f"{name}[spline {k}]" for k in range(1, len(form.spline))]
        elif isinstance(form, Indicator):
            names.append(f"{name} in {'|'.join(map(str, form.indicator))}")
        elif isinstance(form, CutPoint):
            names.append(f"{name}>={form.at_least:g}")
        elif isinstance(form, Product):
            names.append(f"{name}:{form.product}")
        else:
            names.append({"identity": "{}", "square": "{}^2", "cube": "{}^3",
                          "log1p": "log1p({})"}[form].format(name))  # fmt: skip
    return tuple(names)


def expand(
    variable: Variable,
    values: pd.Series[float] | pd.Series[str],
    features: Features,
    partners: Mapping[str, Floats],
) -> tuple[Floats, ...]:
    """Give the columns of the terms of ``term_names``, in that order.

    Parameters
    ----------
    values : (n,) values of the column; missing stays missing (NaN).
    partners : (n,) floats of the columns products refer to.
    """
    missing = values.isna().to_numpy()
    columns: list[Floats] = []
    for form in forms_of(variable, features):
        if form == "factor":
            for level in list(variable.levels)[1:]:
                columns.append(_matches(values, (level,)))
        elif isinstance(form, Indicator):
            columns.append(_matches(values, form.indicator))
        elif isinstance(form, CutPoint):
            columns.append((_floats(values) >= form.at_least).astype(np.float64))
        elif isinstance(form, Spline):
            columns += restricted_cubic(_floats(values), form.spline)
        elif isinstance(form, Product):
            columns.append(_floats(values) * partners[form.product])
        else:
            columns.append(_transformed(_floats(values), form))
    return tuple(np.where(missing, np.nan, column) for column in columns)


def check_features(features: Features, columns: Mapping[str, Variable]) -> None:
    """Refuse features of unknown columns and products with unknown or non-numeric columns."""
    for column, declared in features.items():
        if column not in columns:
            raise SpecError(f"there is no column '{column}'. {did_you_mean(column, columns)}")
        for form in declared if isinstance(declared, tuple) else (declared,):
            _refuse_misfit(columns[column], form)
            if isinstance(form, Product) and form.product not in columns:
                raise SpecError(
                    f"there is no column '{form.product}'. {did_you_mean(form.product, columns)}"
                )
            if isinstance(form, Product) and not columns[form.product].numeric:
                raise SpecError(
                    f"'{form.product}' is {columns[form.product].kind}; a product needs a numeric "
                    "column."
                )


def needed_partners(columns: Sequence[Variable], features: Features) -> tuple[str, ...]:
    """Name the columns that products refer to."""
    return tuple(
        dict.fromkeys(
            form.product
            for variable in columns
            for form in forms_of(variable, features)
            if isinstance(form, Product)
        )
    )


def _matches(
    values: pd.Series[float] | pd.Series[str], levels: Sequence[str | int | float]
) -> Floats:
    """Tell where values are among levels, whether these are written as text or numbers."""
    if values.dtype.kind in "fiub":
        return np.isin(_floats(values), [float(v) for v in levels]).astype(np.float64)
    return np.asarray(values.isin([str(v) for v in levels]), dtype=np.float64)


def _floats(values: pd.Series[float] | pd.Series[str]) -> Floats:
    """Take numbers out of pandas."""
    return np.asarray(values, dtype=np.float64)


def _transformed(x: Floats, form: Named) -> Floats:
    """Apply a one-column transform."""
    if form == "square":
        return x**2
    if form == "cube":
        return x**3
    if form == "log1p":
        return np.log1p(x)
    return x


def _refuse_misfit(variable: Variable, form: Form) -> None:
    """Refuse a form that makes no sense for a column."""
    if form == "factor" and not variable.levels:
        raise SpecError(f"'{variable.column}' has no levels in the codebook, so it is no factor.")
    if isinstance(form, Indicator) and variable.levels:
        for level in form.indicator:
            if str(level) not in variable.levels:
                raise SpecError(
                    f"'{variable.column}' has no level '{level}'. "
                    f"{did_you_mean(str(level), variable.levels)}"
                )
    if not variable.numeric and form != "factor" and not isinstance(form, Indicator):
        raise SpecError(
            f"'{variable.column}' is {variable.kind}; it can only be a factor or an indicator."
        )
    if form == "log1p" and not (variable.low is not None and variable.low >= 0):
        bound = "no lower bound" if variable.low is None else f"the lower bound {variable.low:g}"
        raise SpecError(
            f"log1p needs a column that is never negative; the codebook gives '{variable.column}' "
            f"{bound}."
        )
