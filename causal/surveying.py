"""Who a survey drew: each row's weight, sampling unit and stratum, counted in the whole data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import Cohort
from causal.dataset_info import DatasetInfo
from causal.errors import SpecError
from causal.roles import check_amount, check_cluster, value_a_person
from causal.strata import Strata
from causal.survey_settings import SurveyDesign

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """What a survey says of the rows of a sample.

    Attributes
    ----------
    weight : (n,) floats, inverse probabilities of being drawn up to a factor.
    cluster : (n,) ints, sampling units, or None where they are the persons.
    strata : of the rows.
    """

    weight: Floats
    cluster: Ints | None
    strata: Strata


def check_survey(info: DatasetInfo, survey: SurveyDesign | None) -> None:
    """Refuse columns of a survey that are unknown, or not what they must be."""
    if survey is None:
        return
    check_amount(info, survey.weight, "weight")
    check_amount(info, survey.population_size, "population_size")
    check_cluster(info, survey.strata, "strata")
    check_cluster(info, survey.cluster, "cluster")


def survey_rows(cohort: Cohort, survey: SurveyDesign, persons: pd.Series[str]) -> Surveyed:
    """Find weight, sampling unit and stratum of each row.

    How many units were drawn in a stratum is counted among everybody in the data, so that a
    population taken out of them keeps the design they were drawn by.

    Parameters
    ----------
    persons : (n,) person identifiers, those analysed.

    Raises
    ------
    SpecError
        A value is missing or not one a person, a weight is not above 0, a stratum has one unit
        and nothing says what to do with it, or a population is smaller than what was drawn.
    """
    weight = _weights(cohort, survey.weight, persons)
    everybody = cohort.table.groupby("person_id", sort=False).head(1).set_index("person_id")
    stratum = _labels(cohort, survey.strata, persons, "strata")
    units = _labels(cohort, survey.cluster, persons, "cluster")
    drawn = _count_drawn(everybody, survey)
    sizes = np.array([drawn[one] for one in stratum], dtype=np.float64)
    _refuse_lonely(survey, stratum, sizes)
    names, code = np.unique(stratum, return_inverse=True)
    strata = Strata(
        code=code.astype(np.int64),
        drawn=sizes,
        fraction=_fractions(cohort, survey, persons, names[code], sizes),
        certain=survey.lonely == "certainty",
    )
    if survey.cluster is None:
        return Surveyed(weight, None, strata)
    pairs = np.char.add(np.char.add(names[code], "\x1f"), units)  # numbered within strata, or not
    return Surveyed(weight, np.unique(pairs, return_inverse=True)[1].astype(np.int64), strata)


def _weights(cohort: Cohort, column: str | None, persons: pd.Series[str]) -> Floats:
    """Give the (n,) weights; ones where there is no column."""
    if column is None:
        return np.ones(len(persons))
    weight: Floats = np.asarray(value_a_person(cohort, column, persons, "weight"), np.float64)
    _refuse_weightless(column, weight, persons)
    return weight


def _labels(
    cohort: Cohort, column: str | None, persons: pd.Series[str], role: str
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Give the (n,) names of a column's values; one name for all where there is no column."""
    if column is None:
        return np.full(len(persons), "all")
    return np.asarray(value_a_person(cohort, column, persons, role).to_numpy(dtype=str))


def _count_drawn(everybody: pd.DataFrame, survey: SurveyDesign) -> dict[str, int]:
    """Count the sampling units of each stratum among everybody in the data."""
    stratum = (
        np.full(len(everybody), "all")
        if survey.strata is None
        else everybody[survey.strata].to_numpy(dtype=str)
    )
    units = (
        everybody.index.to_numpy(dtype=str)
        if survey.cluster is None
        else everybody[survey.cluster].to_numpy(dtype=str)
    )
    pairs = np.unique(np.column_stack([stratum, units]), axis=0)
    names, counts = np.unique(pairs[:, 0], return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _refuse_weightless(column: str, weight: Floats, persons: pd.Series[str]) -> None:
    """Refuse a weight that is not above 0."""
    bad = ~(weight > 0) | np.isinf(weight)
    if bad.any():
        raise SpecError(
            f"the weight '{column}' is {weight[bad][0]:g} for person {persons.to_numpy()[bad][0]} "
            f"and not above 0 in {int(bad.sum())} of {len(weight)} rows. Who stands for nobody "
            "belongs outside the population: leave them out there."
        )


def _refuse_lonely(
    survey: SurveyDesign, stratum: np.ndarray[tuple[int], np.dtype[np.str_]], sizes: Floats
) -> None:
    """Refuse a stratum with one unit, unless the survey says what it stands for."""
    lonely = sorted({str(one) for one in stratum[sizes < 2]})
    if not lonely or survey.lonely != "refuse":
        return
    named = f"the stratum '{lonely[0]}'" if survey.strata else "the survey"
    more = f" (and {len(lonely) - 1} others)" if len(lonely) > 1 else ""
    raise SpecError(
        f"{named} has one sampling unit{more}, so its variance is unknown. Merge it with a "
        "stratum like it, or say lonely: certainty (it was bound to be drawn, and adds nothing) "
        "or lonely: centred (it is held against the mean of all units)."
    )


def _fractions(
    cohort: Cohort,
    survey: SurveyDesign,
    persons: pd.Series[str],
    stratum: np.ndarray[tuple[int], np.dtype[np.str_]],
    sizes: Floats,
) -> Floats:
    """Give the share of each row's stratum that was drawn; 0 without a population size."""
    column = survey.population_size
    if column is None:
        return np.zeros(len(sizes))
    there = value_a_person(cohort, column, persons, "population_size").to_numpy(dtype=np.float64)
    for name in np.unique(stratum):
        here = there[stratum == name]
        if np.ptp(here) > 0:
            raise SpecError(
                f"the population_size '{column}' must have one value a stratum, but goes from "
                f"{here.min():g} to {here.max():g} in the stratum '{name}'. It counts the sampling "
                "units there are."
            )
    short = there < sizes
    if short.any():
        raise SpecError(
            f"the stratum '{stratum[short][0]}' has a population_size of {there[short][0]:g}, and "
            f"{sizes[short][0]:g} sampling units were drawn from it. '{column}' must count "
            f"{'the ' + survey.cluster if survey.cluster else 'persons'} in the population."
        )
    return np.asarray(sizes / there)
