"""The estimators under study, and the limit each of them is judged by."""

from __future__ import annotations

from dataclasses import dataclass

from causal.estimators import (
    AIPW,
    TMLE,
    CausalForest,
    CovariateBalancingPropensity,
    EntropyBalancing,
    Estimator,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    Matching,
    MeanDifference,
    Overlap,
    PropensityRegression,
    StableBalancing,
    Subclassification,
)
from causal.estimators.base import Variance
from causal.estimators.learners import LearnerName
from causal.estimators.nuisance import CrossFitting, OutcomeModel, PropensityModel


@dataclass(frozen=True, slots=True)
class Method:
    """One row of a table.

    Attributes
    ----------
    name : how tables call it.
    estimator : its settings.
    limit : the method whose large-sample limit it shares; its own when empty.
    independent : leave the clusters out of its standard error, to show what that does.
    """

    name: str
    estimator: Estimator
    limit: str = ""
    independent: bool = False

    @property
    def limit_name(self) -> str:
        """Give the name under which its limit is filed."""
        return self.limit or self.name


def _learned(learner: LearnerName) -> Method:
    """Give cross-fitted AIPW whose regressions are learned by name."""
    return Method(
        f"aipw, {learner}, 5 folds",
        AIPW(
            propensity=PropensityModel(learner=learner),
            outcome=OutcomeModel(learner=learner),
            cross_fit=CrossFitting(folds=5),
        ),
        limit=AIPW_ATE.name,
    )


CRUDE = Method("mean_difference", MeanDifference())
G_ATE = Method("g_computation, ATE", GComputation())
G_ATT = Method("g_computation, ATT", GComputation(target="ATT"))
G_LINEAR = Method("g_computation, linear", GComputation(outcome=OutcomeModel(link="linear")))
LINEAR = Method("linear_probability", LinearProbability())
IPW_ATE = Method("ipw, ATE", InverseProbability())
IPW_ATT = Method("ipw, ATT", InverseProbability(target="ATT"))
IPW_CLIP = Method("ipw, clipped to [.05, .95]", InverseProbability(clip=(0.05, 0.95)))
IPW_TRIM = Method("ipw, trimmed at .05", InverseProbability(trim=0.05))
IPW_KNOWN = Method(
    "ipw, ATE, weights_known", InverseProbability(weights_known=True), limit=IPW_ATE.name
)
OVERLAP = Method("overlap", Overlap())
PROPENSITY_REGRESSION = Method("propensity_regression", PropensityRegression(), limit=OVERLAP.name)
AIPW_ATE = Method("aipw, ATE", AIPW())
AIPW_ATT = Method("aipw, ATT", AIPW(target="ATT"))
AIPW_CROSS = Method(
    "aipw, ATE, 5 folds", AIPW(cross_fit=CrossFitting(folds=5)), limit=AIPW_ATE.name
)
DML = Method("linear_dml, 5 folds", LinearDML())

ENTROPY = EntropyBalancing
BALANCED = (
    Method("entropy_balancing, ATE", ENTROPY(target="ATE")),
    Method("entropy_balancing, ATT", ENTROPY(target="ATT"), limit=IPW_ATT.name),
    Method("cbps, ATE", CovariateBalancingPropensity(target="ATE"), limit=IPW_ATE.name),
    Method("subclassification, ATE", Subclassification()),
    Method("tmle, ATE", TMLE(), limit=AIPW_ATE.name),
    Method("tmle, ATT", TMLE(target="ATT"), limit=AIPW_ATT.name),
    Method("tmle, ATE, 5 folds", TMLE(cross_fit=CrossFitting(folds=5)), limit=AIPW_ATE.name),
    Method("ipw, ATC", InverseProbability(target="ATC")),
    Method("aipw, ATC", AIPW(target="ATC")),
    Method("overlap, ATM", Overlap(target="ATM")),
    PROPENSITY_REGRESSION,
    Method("matching, ATT", Matching(target="ATT"), limit=AIPW_ATT.name),
    Method("matching, ATE", Matching(target="ATE"), limit=AIPW_ATE.name),
    Method(
        "matching, ATE, bias-adjusted",
        Matching(target="ATE", bias_adjusted=True),
        limit=AIPW_ATE.name,
    ),
)
SOLVED = (
    Method(
        "cbps, ATE, over-identified",
        CovariateBalancingPropensity(target="ATE", method="over"),
        limit=IPW_ATE.name,
    ),
    Method("stable_balancing, ATE", StableBalancing(target="ATE")),
    Method("stable_balancing, ATT", StableBalancing(target="ATT")),
)
LEARNED = (
    *(
        _learned(learner)
        for learner in ("lasso", "spline_glm", "gradient_boosting", "random_forest")
    ),
    Method("causal_forest", CausalForest(), limit=AIPW_ATE.name),
)
STACKED = (_learned("super_learner"),)
JUDGES = (IPW_ATE, IPW_ATT, AIPW_ATE, AIPW_ATT, OVERLAP)
"""Whose limits those share that have none of their own above."""
SINGLE_FIT = (
    CRUDE,
    G_ATE,
    G_ATT,
    G_LINEAR,
    LINEAR,
    IPW_ATE,
    IPW_ATT,
    IPW_CLIP,
    IPW_TRIM,
    IPW_KNOWN,
    OVERLAP,
    AIPW_ATE,
    AIPW_ATT,
)
CROSS_FITTED = (AIPW_CROSS,)
LEARNERS = (DML,)
CLUSTERED = (CRUDE, G_ATE, G_ATT, LINEAR, IPW_ATE, IPW_ATT, OVERLAP, AIPW_ATE, AIPW_ATT)
CORRECTED = (
    Method("g_computation, ATE, HC1", GComputation(variance=Variance(kind="HC1")), G_ATE.name),
    Method("ipw, ATE, HC1", InverseProbability(variance=Variance(kind="HC1")), IPW_ATE.name),
    Method("aipw, ATE, HC1", AIPW(variance=Variance(kind="HC1")), AIPW_ATE.name),
)
UNCLUSTERED = tuple(
    Method(f"{one.name}, rows taken as independent", one.estimator, one.name, independent=True)
    for one in (CRUDE, G_ATE)
)
SHARES = (G_ATE, G_ATT, LINEAR, IPW_ATE, IPW_ATT, OVERLAP, AIPW_ATE)
