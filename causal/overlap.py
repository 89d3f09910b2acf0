"""Overlap where nothing is weighted: whether rows of a regression could have been in either arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causal.arm_diagnostics import judge_common_support
from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.diagnostics import Diagnostic, propensity_shares
from causal.errors import PositivityError
from causal.estimate import Target
from causal.estimators import ArmContrasts, Estimator, NuisanceStore, WeighsFollowUp
from causal.estimators.nuisance import PropensityModel

ARMS = ("unexposed", "exposed")
COUNT_LITTLE: Mapping[Target, bool] = {
    "ATE": False,
    "ATT": False,
    "ATC": False,
    "linear projection": False,
    "conditional": False,
    "ATO": True,
    "partially linear": True,
}
"""Targets that need both arms at every value of the covariates: whether those who could hardly
have been in one of them count little anyhow. Others ask for no such thing (a nudge), or ask it of
the instrument or of persons."""


@dataclass(frozen=True, slots=True)
class Support:
    """What is known of common support: checks, and rows in bins of the propensity by arm."""

    checks: tuple[Diagnostic, ...] = ()
    counts: tuple[list[int], list[int]] | None = None


def judge_regression(
    estimator: Estimator, sample: Sample, nuisances: NuisanceStore, least: float, allowed: float
) -> Support:
    """Judge whether a rung without weights has both arms at the values of its covariates.

    A regression predicts where there is nobody, so its estimate does not show it. The propensity is
    a logistic regression on the rung's covariates, from the store, where rungs with weights find it
    too. That it has no finite fit, since covariates determine exposure, is the answer; it is no
    reason to refuse the rung, which may be read as what its functional form says.

    Parameters
    ----------
    least : a chance below this is called hardly any.
    allowed : the largest share of such rows, among those the target averages over.
    """
    held = estimator.balancing(sample) if isinstance(estimator, WeighsFollowUp) else sample
    little = COUNT_LITTLE.get(estimator.estimand)
    if little is None or sample.exposure_kind != "binary" or not held.terms:
        return Support()
    try:
        e = nuisances.propensity(held, PropensityModel()).fitted
    except PositivityError as error:
        return Support((_unsupported(allowed, error),))
    chances, over = _chances(e, sample.a, estimator.estimand)
    check = judge_common_support(chances[over], ARMS, least, allowed, overlap=little)
    return Support((check,), propensity_shares(e, sample.a))


def judge_arms(estimator: ArmContrasts, sample: Sample, least: float, allowed: float) -> Diagnostic:
    """Judge common support of several arms, by the same rule.

    Raises
    ------
    PositivityError
        As ``fit_arms``, for a rung with weights, which cannot be had then.
    """
    try:
        e = estimator.chances(sample).e
    except PositivityError as error:
        if estimator.weighs:
            raise
        return _unsupported(allowed, error)
    overlap = estimator.method == "overlap"
    return judge_common_support(e, sample.levels, least, allowed, overlap=overlap)


def _unsupported(allowed: float, error: PositivityError) -> Diagnostic:
    """Say that there is no common support, since chances of 0 and 1 are fitted."""
    return Diagnostic("common_support", None, allowed, "FAIL", error.message)


def _chances(e: Floats, a: Floats, target: Target) -> tuple[Floats, Bools]:
    """Give (n, 2) chances of both arms, and the rows averaged over; what is not needed is 1.

    Averaged over the exposed, only the chance of having been unexposed is needed.
    """
    chances = np.column_stack([1 - e, e])
    if target not in ("ATT", "ATC"):
        return chances, np.ones(len(e), dtype=bool)
    own = 1 if target == "ATT" else 0
    chances[:, own] = 1.0
    return chances, np.asarray(a == own)
