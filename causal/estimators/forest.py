"""EconML's causal forest, averaged by our own doubly robust scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.errors import OutcomeError
from causal.estimators.cross_fitting import (
    SEEDS,
    canonical_order,
    predict_others,
)
from causal.estimators.doubly_robust import DoublyRobust
from causal.estimators.learner_members import single_threaded
from causal.estimators.learners import orient
from causal.estimators.nuisance import (
    CrossFitting,
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
    folds_by_unit,
)
from causal.estimators.weighting import ClipBounds

RESIDUAL_FOLDS = 2
"""Within the persons a forest is grown on, for its own residuals: EconML's default."""


class CausalForest(DoublyRobust):
    r"""Average of a causal forest's effects, corrected by weighted residuals.

    Of each person held out, the forest fitted on the others predicts the effect
    :math:`\hat\tau`, and learners the propensity :math:`\hat e` and the outcome without regard to
    exposure :math:`\hat m`. With :math:`\hat\mu_1 = \hat m + (1 - \hat e)\hat\tau` and
    :math:`\hat\mu_0 = \hat m - \hat e \hat\tau` the scores are those of ``aipw``. EconML grows
    the forest; its own standard error, which knows no clusters, is not used.

    Attributes
    ----------
    target : ``ATE``, ``ATT`` or ``ATC``.
    propensity, outcome : what :math:`\hat e` and :math:`\hat m` are learned with.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : persons are divided once for all three.
    trees : size of the forest, a multiple of 4 (trees are grown in fours).
    min_leaf : smallest number of rows in a leaf.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity and consistency; the errors of
    propensity and outcome vanish fast enough that their product is below one over the root of n.

    References
    ----------
    Athey, Tibshirani & Wager (2019), doi:10.1214/18-AOS1709; Athey & Wager (2019),
    doi:10.1353/obs.2019.0001, section 2.1 (average effect with clusters).
    """

    kind: Literal["causal_forest"] = "causal_forest"
    propensity: PropensityModel = PropensityModel(learner="random_forest")
    outcome: OutcomeModel = OutcomeModel(learner="random_forest")
    clip: ClipBounds | None = (0.01, 0.99)
    cross_fit: CrossFitting | None = CrossFitting()
    trees: int = Field(default=200, ge=20, le=10_000, multiple_of=4)
    min_leaf: int = Field(default=5, ge=2)

    @model_validator(mode="after")
    def _is_honest(self) -> CausalForest:
        if self.cross_fit is None:
            raise ValueError("causal_forest needs cross_fit, such as {folds: 5, repeats: 5}.")
        if not self.outcome.learns or not self.propensity.learns or self.outcome.arms != "pooled":
            raise ValueError(
                "causal_forest learns propensity and outcome, the latter without exposure: give "
                "both a learner other than glm, and leave arms at pooled."
            )
        return self

    def predict(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> tuple[Floats, Floats, Floats]:
        """Give propensity and both predicted outcomes of each row, from other persons."""
        if not sample.x.shape[1]:
            raise OutcomeError(
                "causal_forest has no covariates to grow trees on. Adjust for some, or take aipw."
            )
        folds = 0 if self.cross_fit is None else self.cross_fit.folds
        binary = sample.outcome_kind == "binary"
        turned = binary and float(np.average(sample.y, weights=sample.w)) > 0.5
        if turned:  # trees break ties by value: which of the two is coded 1 must not matter
            sample = replace(sample, y=1 - sample.y)
        recoded = float(np.average(sample.a, weights=sample.w)) > 0.5
        if recoded:  # likewise of exposure
            sample = replace(sample, a=1 - sample.a)
        fold = folds_by_unit(sample.unit, folds, rng)
        seeds = rng.integers(SEEDS, size=(folds, 3)).tolist()
        e, m, tau = (np.empty(sample.n) for _ in range(3))
        a_x, y_x = (
            sample.x if model.terms is None else sample.with_terms(model.terms).x
            for model in (self.propensity, self.outcome)
        )
        for held_out, (first, second, third) in enumerate(seeds):
            here = fold == held_out
            e[here] = predict_others(
                sample, self.propensity, a_x, sample.a, here, first, binary=True
            )
            m[here] = predict_others(
                sample, self.outcome, y_x, sample.y, here, second, binary=binary
            )
            tau[here] = forest_effects(sample, here, self.trees, self.min_leaf, third)
        mu0, mu1 = m - e * tau, m + (1 - e) * tau
        if turned:
            mu0, mu1 = 1 - mu0, 1 - mu1
        return (1 - e, mu1, mu0) if recoded else (e, mu0, mu1)


def forest_effects(sample: Sample, here: Bools, trees: int, min_leaf: int, seed: int) -> Floats:
    """Predict the effect for the rows held out, by EconML's forest on all others.

    Its own residuals come from random forests cross-fitted by person.

    Parameters
    ----------
    here : (n,) booleans, the rows held out.
    seed : for EconML and its learners.
    """
    from econml.dml import CausalForestDML
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    order = canonical_order(sample)
    order = order[~here[order]]
    fold = folds_by_unit(sample.unit[order], RESIDUAL_FOLDS, np.random.default_rng(seed))
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
    forest = CausalForestDML(
        model_y=RandomForestRegressor(
            n_estimators=100, min_samples_leaf=5, n_jobs=1, random_state=seed
        ),
        model_t=RandomForestClassifier(
            n_estimators=100, min_samples_leaf=5, n_jobs=1, random_state=seed
        ),
        discrete_treatment=True,
        cv=splits,
        n_estimators=trees,
        min_samples_leaf=min_leaf,
        inference=False,
        n_jobs=1,
        random_state=seed,
    )
    turn = orient(sample.x[order])
    with single_threaded():
        forest.fit(
            sample.y[order],
            sample.a[order],
            X=turn(sample.x[order]),
            sample_weight=sample.w[order] / sample.w[order].mean(),
        )
        return np.asarray(forest.effect(turn(sample.x[here])), dtype=float).ravel()
