"""Which estimators take which outcome: found before any data, and said with the choices."""

from __future__ import annotations

from causal.codebook import Codebook
from causal.cohort import OutcomeKind
from causal.design import AnyDesign
from causal.errors import SpecError
from causal.estimators import AnyEstimator

OF_TIMES = "kaplan_meier (crude), ipw_kaplan_meier or survival_aipw"


def check_outcome(estimator: AnyEstimator, design: AnyDesign, codebook: Codebook) -> None:
    """Refuse an estimator that does not take the outcome the design declares.

    Raises
    ------
    SpecError
        Naming what the outcome is, and the estimators that take it.
    """
    kind = outcome_kind(design, codebook)
    if kind in estimator.outcomes:
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
