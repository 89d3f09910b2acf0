"""Refuses the negative controls that codebook, design or diagram do not allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from causal.controls import control_fault, exposure_control_fault
from causal.errors import IdentificationError, SpecError
from causal.planning import Plan, located
from causal.refuters import AnyRefuter
from causal.refuters.control_settings import ControlExposure, ControlOutcome
from causal.refuters.empirical_calibration import FEWEST, EmpiricalCalibration
from causal.roles import check_role


def check_controls(plan: Plan, refuter: AnyRefuter) -> None:
    """Refuse the negative controls of a refuter that may not be used.

    Raises
    ------
    SpecError
        A column that is unknown, is not numeric, measures something else or stands twice; or too
        few to calibrate by.
    IdentificationError
        The design or the diagram does not allow it.
    """
    for outcome in refuter.control_outcomes:
        _check_outcome(plan, outcome)
    for exposure in refuter.control_exposures:
        _check_exposure(plan, exposure)
    _refuse_repeated(list(_controls_of(plan, refuter)))
    if isinstance(refuter, EmpiricalCalibration):
        refuse_few(refuter)


def refuse_few(refuter: EmpiricalCalibration) -> None:
    """Refuse fewer columns than calibration is given up below, however well they can be estimated.

    At a run there may be fewer still: those that cannot be estimated drop out then.

    Raises
    ------
    SpecError
        Fewer than ten columns, a column at several moments counted once.
    """
    columns = {one.outcome for one in refuter.controls}
    if len(columns) < FEWEST:
        at = "" if len(columns) == len(refuter.controls) else " (at several moments one is one)"
        raise SpecError(
            f"{len(columns)} columns{at} are controls; empirical_calibration needs at least "
            f"{FEWEST}, since with fewer the distribution of systematic error is not known well "
            "enough to calibrate by. Add controls, or look at each by negative_control_outcome."
        )


def check_repeated(plan: Plan) -> None:
    """Refuse two refuters of one kind that look at one control, at its place.

    Raises
    ------
    SpecError
        At the second of them.
    """
    seen: list[tuple[str, str, str]] = []
    for number, refuter in enumerate(plan.analysis.refuters):
        with located(plan.specification.document, "refuters", number):
            if len(found := list(_controls_of(plan, refuter))) == 1:
                seen += [(refuter.kind, *one) for one in found]
                _refuse_repeated([one[1:] for one in seen if one[0] == refuter.kind])


def _controls_of(plan: Plan, refuter: AnyRefuter) -> Iterator[tuple[str, str]]:
    """Give the columns of a refuter's controls, each with the moment it is read at."""
    for outcome in refuter.control_outcomes:
        yield outcome.outcome, outcome.at or plan.analysis.design.outcome_name
    for exposure in refuter.control_exposures:
        yield exposure.exposure, exposure.at


def _refuse_repeated(controls: list[tuple[str, str]]) -> None:
    """Raise if one column is read twice at one moment."""
    for column, moment in controls:
        if controls.count((column, moment)) > 1:
            raise SpecError(
                f"the control '{column}' stands twice at one moment ({moment}); it can count only "
                "once. Take one of them away."
            )


def _check_outcome(plan: Plan, control: ControlOutcome) -> None:
    """Refuse a control outcome."""
    design, column = plan.analysis.design, control.outcome
    check_role(plan.info, column)
    if column == design.outcome and control.at in (None, design.outcome_name):
        raise IdentificationError(
            f"'{column}' is the outcome itself, which exposure may change. Name another column."
        )
    if column == design.exposure:
        raise IdentificationError(
            f"'{column}' is the exposure itself, so it cannot be an outcome that exposure does not "
            "change. Name another column."
        )
    if fault := control_fault(plan.dag, control.concept):
        _refuse(control.concept, fault)
    _refuse_other_concept(plan, column, control.concept)


def _check_exposure(plan: Plan, control: ControlExposure) -> None:
    """Refuse a control exposure."""
    design, column = plan.analysis.design, control.exposure
    check_role(plan.info, column)
    itself = control.at == "exposure_window" or control.concept == plan.dag.exposure
    if column == design.exposure and itself:
        raise IdentificationError(
            f"'{column}' is the exposure itself. Its later state may be a control: add a concept "
            f"for it to the diagram, such as '{plan.dag.exposure}_next', name that as concept, and "
            "read it 'at: after_outcome'. Or name another column."
        )
    if column == design.outcome and control.concept == plan.dag.outcome:
        raise IdentificationError(f"'{column}' is the outcome itself. Name another column.")
    if fault := exposure_control_fault(plan.dag, control.concept):
        _refuse(control.concept, fault)
    if column != design.exposure:
        _refuse_other_concept(plan, column, control.concept)


def _refuse_other_concept(plan: Plan, column: str, concept: str) -> None:
    """Raise if the codebook has columns for the concept, and this is none of them.

    A concept without columns is taken at the specification's word.
    """
    known = {one.column for one in plan.info.codebook.measurements if one.concept == concept}
    if known and column not in known:
        raise SpecError(
            f"'{column}' does not measure '{concept}' by the codebook; "
            f"{', '.join(sorted(known))} does. Name one of these, or the concept '{column}' "
            "measures."
        )


def _refuse(concept: str, fault: str) -> NoReturn:
    """Raise with the fault the diagram finds with a control."""
    raise IdentificationError(
        f"'{concept}' is no negative control: {fault}. Take it out, or mend the diagram with "
        "a reason."
    )
