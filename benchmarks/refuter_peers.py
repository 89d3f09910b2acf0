"""DoWhy's refuters on its linear regression and its propensity weighting, each refit a real one.

DoWhy's propensity estimators write their scores into the frame they are given and reuse scores they
find there. So the estimate is made on one frame and refuted on another that never held any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from benchmarks.peers import LOOSEST, as_frame, estimand_of
from causal.cohort import Sample
from causal.silence import quiet

Model: TypeAlias = Literal["linear", "weighting"]
Kind: TypeAlias = Literal["placebo", "common cause", "subset", "bootstrap"]

SHARE = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """An estimate of DoWhy, ready to be refuted."""

    estimand: object
    estimate: object


def estimate(sample: Sample, model: Model) -> Estimated:
    """Estimate with DoWhy, on a frame of its own."""
    with quiet():
        from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator
        from dowhy.causal_estimators.propensity_score_weighting_estimator import (
            PropensityScoreWeightingEstimator,
        )

        frame = as_frame(sample)
        estimand = estimand_of(frame)
        estimator = (
            LinearRegressionEstimator(estimand)
            if model == "linear"
            else PropensityScoreWeightingEstimator(
                estimand, min_ps_score=LOOSEST, max_ps_score=1 - LOOSEST
            )
        )
        found = estimator.fit(frame).estimate_effect(
            frame, control_value=0, treatment_value=1, target_units="ate"
        )
        found.add_params(target_estimand=estimand)
        return Estimated(estimand, found)


def refute(known: Estimated, sample: Sample, kind: Kind, draws: int, seed: int) -> float:
    """Refute with DoWhy on a fresh frame; give the mean of the draws."""
    with quiet():
        import dowhy.causal_refuters as refuters

        frame = as_frame(sample)
        first = (frame, known.estimand, known.estimate)
        state = np.random.RandomState(seed)  # an integer would repeat one draw
        common = {"num_simulations": draws, "random_state": state}
        if kind == "placebo":
            permute = refuters.placebo_treatment_refuter.PlaceboType.PERMUTE
            found = refuters.refute_placebo_treatment(
                *first, ["exposure"], placebo_type=permute, **common
            )
        elif kind == "common cause":
            found = refuters.refute_random_common_cause(*first, **common)
        elif kind == "subset":
            found = refuters.refute_data_subset(*first, subset_fraction=SHARE, **common)
        else:  # its bootstrap adds noise to covariates: to one of them here, the least it can
            noisy = [frame.columns[0]]
            found = refuters.refute_bootstrap(*first, required_variables=noisy, **common)
        return float(np.mean(found.new_effect))
