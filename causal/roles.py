"""Columns with a role in a design: what the codebook must say of them, and who shares a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causal.arm_settings import Arms
from causal.arrays import Ints
from causal.codebook import Variable
from causal.cohort import KEYS, Cohort
from causal.dataset_info import DatasetInfo
from causal.errors import PositivityError, SpecError
from causal.spec import Analysis

if TYPE_CHECKING:
    import pandas as pd

REMEDY = "Choose another column, or take {role} away."


def check_role(info: DatasetInfo, column: str, arms: Arms | None = None) -> None:
    """Refuse an exposure or outcome that is unknown, left out on purpose, or no number.

    Parameters
    ----------
    arms : of an exposure that is one of several named arms.
    """
    variable = _carried(info, column)
    if arms is not None:
        arms.levels(variable)
        return
    if variable.kind == "categorical":
        raise SpecError(
            f"'{column}' is categorical. As an exposure it needs arms in the design (reference and "
            f"compared, of {', '.join(variable.levels)}); an outcome must be binary or numeric."
        )
    if not variable.numeric:
        raise SpecError(
            f"'{column}' is {variable.kind}; exposures and outcomes must be binary or numeric."
        )


def check_cluster(info: DatasetInfo, column: str | None, role: str = "cluster") -> None:
    """Refuse a cluster that is unknown, no name of a group, or first known after baseline.

    Parameters
    ----------
    role : what the column is to be: cluster, or strata.
    """
    if column is None:
        return
    remedy = REMEDY.format(role=role)
    if column in KEYS:
        raise SpecError(
            f"'{column}' is a key; rows of one person are kept together without being told. "
            f"{remedy}"
        )
    variable = _carried(info, column)
    if variable.kind not in ("categorical", "id"):
        raise SpecError(
            f"'{column}' is {variable.kind}; a {role} must be categorical or id. {remedy}"
        )
    if variable.measures and not any(one.when == "baseline" for one in variable.measures):
        raise SpecError(
            f"'{column}' is not measured at baseline, so exposure may change it. {remedy}"
        )


def check_as_use(info: DatasetInfo, analysis: Analysis) -> None:
    """Refuse to count missing outcomes as use where the outcome, or what else is asked, forbids it.

    Raises
    ------
    SpecError
        The outcome is not 0/1; or a refuter or sensitivity analysis looks at another outcome, or
        at what the missing outcomes might have been.
    """
    if analysis.missing.outcome != "as_use":
        return
    outcome = info.codebook[analysis.design.outcome]
    if analysis.design.time_to_event is not None:
        raise SpecError(
            "outcome: as_use is not for times to an event, where those lost are censored when "
            "they were last seen. Take it away."
        )
    if outcome.kind != "binary":
        raise SpecError(
            f"outcome: as_use is for 0/1 outcomes, and '{outcome.column}' is {outcome.kind}. Say "
            "complete_case, keep or multiple_imputation, or choose a 0/1 outcome."
        )
    beside: list[str] = [
        one.kind for one in analysis.refuters if one.kind.startswith("negative_control")
    ]
    beside += [one.kind for one in analysis.sensitivity if one.needs_unfollowed]
    if beside:
        raise SpecError(
            f"outcome: as_use leaves no outcome open, which {beside[0]} would look at. Say as_use "
            "in a variant, beside which attempts and analyses stay those of the main rows."
        )


def check_amount(info: DatasetInfo, column: str | None, role: str) -> None:
    """Refuse a weight or a size that is unknown or no number."""
    if column is None:
        return
    remedy = REMEDY.format(role=role)
    if column in KEYS:
        raise SpecError(f"'{column}' is a key, no {role}. {remedy}")
    variable = _carried(info, column)
    if not variable.numeric:
        raise SpecError(f"'{column}' is {variable.kind}; a {role} must be numeric. {remedy}")


def clusters_of(cohort: Cohort, column: str, persons: pd.Series[str]) -> Ints:
    """Give the cluster of each row: the person's value at the first wave.

    Parameters
    ----------
    persons : (n,) person identifiers, those analysed.

    Returns
    -------
    (n,) ints from 0, in the order of the sorted values.

    Raises
    ------
    SpecError
        A person has no value at the first wave, or another one later.
    PositivityError
        All persons have one value.
    """
    values = value_a_person(cohort, column, persons, "cluster").to_numpy(dtype=str)
    labels, codes = np.unique(values, return_inverse=True)
    if len(labels) < 2:
        raise PositivityError(
            f"everybody analysed has one '{column}' ({labels[0]}), so the spread between clusters "
            "is unknown. Widen the population, or take cluster away."
        )
    return codes.astype(np.int64)


def value_a_person(
    cohort: Cohort, column: str, persons: pd.Series[str], role: str
) -> pd.Series[float]:
    """Give the one value of each row's person: that at the first wave.

    Parameters
    ----------
    persons : (n,) person identifiers, those analysed.
    role : what the column is: cluster, weight, strata.

    Raises
    ------
    SpecError
        A person has no value at the first wave, or another one later.
    """
    table = cohort.table[cohort.table["person_id"].isin(persons)]
    by_person = table.groupby("person_id", sort=False)[column]
    first = table.groupby("person_id", sort=False).head(1).set_index("person_id")[column]
    missing = first.index[first.isna()]
    if len(missing):
        raise SpecError(
            f"the {role} '{column}' is missing at the first wave of {len(missing)} of "
            f"{len(first)} persons, first person {missing[0]}. Leave them out by population, or "
            "mend the data."
        )
    numbers = by_person.nunique()
    varying = numbers.index[numbers > 1]
    if len(varying):
        values = ", ".join(map(str, table.loc[table["person_id"] == varying[0], column].unique()))
        raise SpecError(
            f"the {role} '{column}' must have one value a person, but varies in {len(varying)} "
            f"of {len(first)}, first person {varying[0]} ({values}). {REMEDY.format(role=role)}"
        )
    return persons.map(first)


def _carried(info: DatasetInfo, column: str) -> Variable:
    """Find a column, or say why the data set left it out, or what there is."""
    if column not in info.codebook.variables and (why := info.why_refused(column)):
        raise SpecError(f"column '{column}' is not carried: {why}")
    return info.codebook[column]
