"""Store DoubleML's interactive and partially linear models on the fixture's own folds.

``pip install --require-hashes -r constraints.txt -r constraints-peers.txt`` in an environment of
its own, then, from the root, ``PYTHONPATH=tests/reference python -m peers.doubleml``.
"""

from __future__ import annotations

import warnings

import numpy as np
from doubleml import DoubleMLData, DoubleMLIRM, DoubleMLPLR
from peers.regressions import COVARIATES, linear, logistic, splits
from peers.storing import fixture, store

NOTES = {
    "irm": "DoubleMLIRM, one outcome regression an arm, five folds as in fixture.csv; propensities "
    "lie within its bounds of .01 and .99, so that none is clipped. y: logistic outcome "
    "regressions, v: linear ones.",
    "plr": "DoubleMLPLR, score partialling out, linear regression of the outcome, logistic of the "
    "exposure.",
    "se": "the root of the mean squared score over n, no small-sample factor.",
}


def main() -> None:
    """Fit everything and store it."""
    data = fixture()
    x = np.column_stack([data[name] for name in COVARIATES])
    says: dict = {}
    for outcome in ("y", "v"):
        made = DoubleMLData.from_arrays(x, data[outcome], data["a"])
        learner = logistic() if outcome == "y" else linear()
        for score in ("ATE", "ATTE"):
            model = DoubleMLIRM(made, learner, logistic(), n_folds=5, score=score)
            says[f"irm/{outcome}/{score}"] = fitted(model, data["fold"])
        model = DoubleMLPLR(made, linear(), logistic(), n_folds=5)
        says[f"plr/{outcome}"] = fitted(model, data["fold"])
    store("doubleml", ("doubleml", "scikit-learn", "numpy"), says, NOTES)


def fitted(model, fold: np.ndarray) -> dict:
    """Fit on the given folds; give coefficient and standard error."""
    model.set_sample_splitting([splits(fold)])
    model.fit()
    return {"value": model.coef[0], "se": model.se[0]}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
