"""Which estimators take which exposure and outcome: found before any data, with the choices."""

from __future__ import annotations

import math

from causal.codebook import Codebook
from causal.cohort import ExposureKind, OutcomeKind
from causal.design import AnyDesign
from causal.dose_settings import Dose
from causal.errors import SpecError
from causal.estimators import AnyEstimator, DoseMeans, DoseResponse, SurvivalAIPW
from causal.spec import Specification

OF_DOSES = "dose_means (crude), dose_response, threshold_scan, shift or linear_probability"
OF_ARMS = "arm_means (crude) or arm_contrasts"
OF_INSTRUMENT = ("ITT", "first stage")
"""What a unit of an instrument does; it compares no doses."""
OF_TIMES = "kaplan_meier (crude), ipw_kaplan_meier or survival_aipw"


def check_dose(specification: Specification, codebook: Codebook) -> None:
    """Refuse doses that do not fit the exposure's codes, or stand beside arms.

    Raises
    ------
    SpecError
        With the place.
    """
    design, document = specification.analysis.design, specification.document
    if design.dose is None:
        return
    if design.arms is not None:
        raise document.error(("design", "dose"), "arms have no doses; take dose away, or arms.")
    try:
        design.dose.check(codebook[design.exposure])
    except SpecError as error:
        error.place = document.place(("design", "dose"))
        raise


def check_exposure(estimator: AnyEstimator, design: AnyDesign, codebook: Codebook) -> None:
    """Refuse an estimator that does not take the exposure the design declares.

    Raises
    ------
    SpecError
        Naming what the exposure is, and the estimators that take it; a curve over doses that the
        design does not say where to read; or the effect of one unit where the design compares
        doses further apart.
    """
    kind = exposure_kind(design, codebook)
    if kind in estimator.exposures:
        if isinstance(estimator, DoseMeans | DoseResponse) and design.dose is None:
            raise SpecError(
                f"{estimator.kind} needs doses to be read at. Say dose in the design, such as "
                "{grid: [0, 1, 2.5], compare: [0, 1]}."
            )
        _check_unit(estimator, design.dose)
        return
    column = codebook[design.exposure]
    if kind == "arms":
        raise SpecError(
            f"{estimator.kind} compares two arms; '{column.column}' has several (design.arms). Use "
            f"{OF_ARMS}, or a 0/1 column."
        )
    if estimator.exposures == ("arms",):
        raise SpecError(
            f"{estimator.kind} takes several named arms; '{column.column}' is {column.kind}. Say "
            "arms in the design (of a categorical column), or choose another estimator."
        )
    if estimator.exposures == ("dose",):
        raise SpecError(
            f"{estimator.kind} takes a dose; '{column.column}' is {column.kind}. Use an ordinal, "
            "count or continuous column, or another estimator."
        )
    raise SpecError(
        f"{estimator.kind} takes a 0/1 exposure; '{column.column}' is {column.kind}. Use a binary "
        f"column, or for a dose {OF_DOSES}."
    )


def _check_unit(estimator: AnyEstimator, dose: Dose | None) -> None:
    """Refuse a coefficient, which is of one unit of dose, beside doses further apart."""
    if dose is None or "binary" not in estimator.exposures:  # those of doses alone know the grid
        return
    low, high = dose.compare
    if estimator.estimand in OF_INSTRUMENT or math.isclose(high - low, 1):
        return
    raise SpecError(
        f"{estimator.kind} gives the difference of one unit of dose, and design.dose compares "
        f"{high:g} with {low:g}, {high - low:g} units. Compare doses one unit apart (such as "
        f"grid: [{low:g}, {low + 1:g}], compare: [{low:g}, {low + 1:g}]), use dose_response "
        "(crude: dose_means) with form: linear, or take dose away where no rung reads a curve."
    )


def exposure_kind(design: AnyDesign, codebook: Codebook, column: str | None = None) -> ExposureKind:
    """Tell what an exposure is, by design and codebook.

    Parameters
    ----------
    column : another exposure that is looked at in the place of the design's, if any.
    """
    if design.arms is not None and column in (None, design.exposure):
        return "arms"
    return "binary" if codebook[column or design.exposure].kind == "binary" else "dose"


def check_outcome(estimator: AnyEstimator, design: AnyDesign, codebook: Codebook) -> None:
    """Refuse an estimator that does not take the outcome the design declares.

    Raises
    ------
    SpecError
        Naming what the outcome is, and the estimators that take it; or steps of time that miss a
        horizon.
    """
    kind = outcome_kind(design, codebook)
    if kind in estimator.outcomes:
        if isinstance(estimator, SurvivalAIPW) and design.time_to_event is not None:
            estimator.check_steps(design.time_to_event.clock(codebook, design.outcome))
        return
    if kind == "survival":
        raise SpecError(
            f"{estimator.kind} takes an outcome known in full; '{design.outcome}' is a time to an "
            f"event (design.time_to_event). Use {OF_TIMES}."
        )
    raise SpecError(
        f"{estimator.kind} takes a time to an event; '{design.outcome}' is {kind}. Say "
        "time_to_event in the design (event and horizons), or choose another estimator."
    )


def outcome_kind(design: AnyDesign, codebook: Codebook) -> OutcomeKind:
    """Tell what the outcome is, by design and codebook."""
    if design.time_to_event is not None:
        return "survival"
    return "binary" if codebook[design.outcome].kind == "binary" else "continuous"
