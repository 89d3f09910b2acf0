"""How an outcome may bend with dose: by level, in a straight line, or along a spline."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field, field_validator

from causal.arrays import Floats
from causal.cohort import Sample, refuse_same_outcome
from causal.documents import Settings
from causal.errors import PositivityError
from causal.splines import restricted_cubic

MOST_LEVELS = 12
"""Doses beyond this many are no levels but a scale."""
FEWEST_ROWS = 10
"""Rows asked of each dose that is a level of its own; a habit from events per variable."""


class DoseSpline(Settings):
    """Restricted cubic spline of the dose with these knots."""

    spline: tuple[float, ...] = Field(min_length=3, max_length=7)

    @field_validator("spline")
    @classmethod
    def _ascends(cls, knots: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in pairwise(knots)):
            raise ValueError("knots must ascend, such as [0, 1, 4]")
        return knots


DoseForm: TypeAlias = Literal["levels", "linear"] | DoseSpline


def observed_doses(sample: Sample) -> Floats:
    """Give the distinct doses of the rows, ascending."""
    return np.asarray(np.unique(sample.a[sample.entered]), dtype=np.float64)


def dose_basis(dose: Floats, form: DoseForm, doses: Floats) -> Floats:
    """Give the (n, b) columns a dose enters regressions by, none of them constant.

    Parameters
    ----------
    doses : distinct doses observed, the first of which is left out as a level.
    """
    if form == "levels":
        return np.asarray(dose[:, None] == doses[None, 1:], dtype=np.float64)
    if form == "linear":
        return np.asarray(dose[:, None], dtype=np.float64)
    return np.column_stack(restricted_cubic(dose, form.spline))


def refuse_misfit(sample: Sample, form: DoseForm, grid: tuple[float, ...]) -> None:
    """Refuse doses that a form cannot follow, and a grid beyond what was observed.

    Raises
    ------
    PositivityError
        Naming the doses, and what to do.
    """
    doses = observed_doses(sample)
    if len(doses) < 3:
        shown = ", ".join(f"{dose:g}" for dose in doses)
        raise PositivityError(
            f"there are {len(doses)} distinct doses ({shown}); a curve needs three. Use a 0/1 "
            "exposure, or another column."
        )
    outside = [dose for dose in grid if dose < doses[0] or dose > doses[-1]]
    if outside:
        raise PositivityError(
            f"the dose {outside[0]:g} of the grid is outside what was observed, {doses[0]:g} to "
            f"{doses[-1]:g}. Take it out of grid."
        )
    if isinstance(form, DoseSpline):
        beyond = [knot for knot in form.spline if knot < doses[0] or knot > doses[-1]]
        if beyond:
            raise PositivityError(
                f"the knot {beyond[0]:g} is outside the doses observed, {doses[0]:g} to "
                f"{doses[-1]:g}. Move it inside."
            )
    if form == "levels":
        refuse_rare_levels(sample)
        strange = [dose for dose in grid if dose not in doses]
        if strange:
            raise PositivityError(
                f"nobody has the dose {strange[0]:g} of the grid; with form: levels it may hold "
                f"{', '.join(f'{dose:g}' for dose in doses)}. Take it out, or choose a spline."
            )


def refuse_rare_levels(sample: Sample) -> None:
    """Refuse more levels than can be told apart, or one with hardly any rows.

    Raises
    ------
    PositivityError
        Naming the dose, and how many rows have it.
    """
    doses = observed_doses(sample)
    if len(doses) > MOST_LEVELS:
        raise PositivityError(
            f"there are {len(doses)} distinct doses, and each would be a level of its own; at most "
            f"{MOST_LEVELS} are. Choose a spline for form (dose_response: with method "
            "g_computation), or fewer doses (design.dose.values)."
        )
    for dose in doses:
        here = sample.observed & (sample.a == dose)
        rows = int(here.sum())
        if rows < FEWEST_ROWS:
            raise PositivityError(
                f"only {rows} rows have the dose {dose:g}; a level needs {FEWEST_ROWS}. Let it "
                "share a dose with another code (design.dose.values), or choose a "
                "spline for form (dose_response: with method g_computation)."
            )
        instead = "Let it share a dose with another code (design.dose.values)."
        refuse_same_outcome(sample, float(dose), f"the dose {dose:g}", instead)
