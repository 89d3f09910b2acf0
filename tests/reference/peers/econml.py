"""Store EconML's partially linear and doubly robust learners on the fixture's own folds.

``pip install --require-hashes -r constraints.txt``, then, from the root,
``PYTHONPATH=tests/reference python -m peers.econml``.
"""

from __future__ import annotations

import warnings

import numpy as np
from econml.dml import LinearDML
from econml.dr import DRLearner, LinearDRLearner
from peers.regressions import COVARIATES, linear, logistic, splits
from peers.storing import fixture, store

NOTES = {
    "linear_dml": "no effect modifiers, logistic regression of exposure, least squares of the "
    "outcome. Its standard error is of a regression through the origin with a constant, by its "
    "own degrees of freedom.",
    "linear_dr": "LinearDRLearner, one outcome regression on exposure and covariates.",
    "dr": "DRLearner with a constant final model: the mean of the same scores.",
    "causal_forest": "left out: CausalForestDML grows trees on residuals, and no setting makes two "
    "implementations of forests agree; tests/unit/estimators/test_forest.py compares with EconML "
    "itself.",
}


def main() -> None:
    """Fit everything and store it."""
    data = fixture()
    x = np.column_stack([data[name] for name in COVARIATES])
    folds, says = splits(data["fold"]), {}
    for outcome in ("y", "v"):
        binary, y, a = outcome == "y", data[outcome], data["a"]
        model = LinearDML(
            model_y=linear(), model_t=logistic(), discrete_treatment=True, cv=folds, random_state=0
        )
        model.fit(y, a, X=None, W=x)
        says[f"linear_dml/{outcome}"] = constant(model.intercept__inference())
        outcome_model = logistic() if binary else linear()
        model = LinearDRLearner(
            model_propensity=logistic(),
            model_regression=outcome_model,
            discrete_outcome=binary,
            min_propensity=1e-6,
            cv=folds,
            random_state=0,
        )
        model.fit(y, a, X=None, W=x)
        says[f"linear_dr/{outcome}"] = constant(model.intercept__inference(T=1))
        model = DRLearner(
            model_propensity=logistic(),
            model_regression=outcome_model,
            model_final=linear(),
            discrete_outcome=binary,
            min_propensity=1e-6,
            cv=folds,
            random_state=0,
        )
        model.fit(y, a, X=np.zeros((len(y), 1)), W=x)
        says[f"dr/{outcome}"] = {"value": np.ravel(model.ate(np.zeros((1, 1))))[0]}
    store("econml", ("econml", "scikit-learn", "numpy"), says, NOTES)


def constant(found) -> dict:
    """Give the constant of a final model and its standard error."""
    return {"value": np.ravel(found.point_estimate)[0], "se": np.ravel(found.stderr)[0]}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
