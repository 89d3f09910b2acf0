"""What a named learner is: regressions, penalised or of trees, all from scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.errors import OutcomeError, SpecError
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.silence import quiet

Predictor: TypeAlias = Callable[[Floats], Floats]
T = TypeVar("T")

PENALTIES = np.logspace(-3, 2, 8)
"""Inverse penalties tried, of standardised columns: from none left to practically unpenalised."""
KNOTS = 4
"""Quantile knots of a spline: two bends inside the range, what some hundred persons can carry."""
DISTINCT = 10
"""A column with fewer values is a code or a short scale, and stays linear."""
INTERCEPT_SCALING = 100.0
"""liblinear penalises the intercept; divided by this, the penalty no longer matters."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """Rows to learn a mean from.

    Attributes
    ----------
    x : (n, q) floats, columns.
    y : (n,) floats, response, 0/1 where ``binary``.
    w : (n,) floats, weights.
    fold : (n,) ints, inner folds for tuning; all rows of a person share one.
    binary : whether the mean is a probability.
    seed : for learners that draw.
    """

    x: Floats
    y: Floats
    w: Floats
    fold: Ints
    binary: bool
    seed: int

    def rows(self, kept: Bools) -> Training:
        """Keep these rows; (n,) booleans."""
        return replace(self, x=self.x[kept], y=self.y[kept], w=self.w[kept], fold=self.fold[kept])

    @property
    def splits(self) -> list[tuple[Ints, Ints]]:
        """Give (fitted, held out) positions of each inner fold."""
        return [
            (np.flatnonzero(self.fold != one), np.flatnonzero(self.fold == one))
            for one in np.unique(self.fold)
        ]


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep scikit-learn quiet and on one thread, in fitting and in predicting.

    Sums are then added in one order, and small tasks do not wait for each other's threads.
    """
    import sklearn.utils  # noqa: F401  # loads the OpenMP that is to be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), quiet():
        yield


def _glm(rows: Training) -> Predictor:
    """Fit unpenalised maximum likelihood."""
    try:
        return fit_glm(rows.x, rows.y, rows.w, "logit" if rows.binary else "linear").predict
    except SeparationFoundError as found:
        raise OutcomeError(
            f"perfect separation: glm, a member of the library, has no finite fit on "
            f"{found.rows} rows of a fold. Leave glm out of library, or drop covariates."
        ) from None


def _lasso(rows: Training) -> Predictor:
    """Fit a lasso on standardised columns, its penalty by cross-validation."""
    from sklearn.linear_model import LassoCV, LogisticRegressionCV

    if not rows.binary:
        return _fitted(LassoCV(cv=rows.splits), rows)
    chosen = LogisticRegressionCV(
        Cs=PENALTIES,
        penalty="l1",
        solver="liblinear",
        intercept_scaling=INTERCEPT_SCALING,
        tol=1e-7,
        max_iter=1000,
        cv=rows.splits,
        scoring=_log_likelihood,
        random_state=rows.seed,
    )
    return _fitted(chosen, rows)


def _spline_glm(rows: Training) -> Predictor:
    """Fit cubic splines of columns with many values under a ridge penalty by cross-validation."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    many = [j for j, column in enumerate(rows.x.T) if len(np.unique(column)) >= DISTINCT]
    splines = SplineTransformer(n_knots=KNOTS, knots="quantile", extrapolation="linear")
    columns = make_column_transformer((splines, many), remainder="passthrough")
    ridge = (
        LogisticRegressionCV(
            Cs=PENALTIES,
            solver="newton-cholesky",
            cv=rows.splits,
            scoring=_log_likelihood,
            tol=1e-7,
        )
        if rows.binary
        else RidgeCV(alphas=1 / PENALTIES, cv=rows.splits)
    )
    return _fitted(make_pipeline(columns, StandardScaler(), ridge), rows)


def _gradient_boosting(rows: Training) -> Predictor:
    """Fit shallow boosted trees with a small step; nothing is tuned or held back."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if rows.binary else HistGradientBoostingRegressor
    trees = kind(
        learning_rate=0.05,
        max_iter=100,
        max_leaf_nodes=8,
        min_samples_leaf=20,
        early_stopping=False,
        random_state=rows.seed,
    )
    return _fitted(trees, rows)


def _random_forest(rows: Training) -> Predictor:
    """Fit a probability or regression forest, leaves of five rows or more."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if rows.binary else RandomForestRegressor
    trees = kind(
        n_estimators=100,
        min_samples_leaf=5,
        max_features="sqrt",
        n_jobs=1,
        random_state=rows.seed,
    )
    return _fitted(trees, rows)


MEMBERS: dict[str, Callable[[Training], Predictor]] = {
    "glm": _glm,
    "lasso": _lasso,
    "spline_glm": _spline_glm,
    "gradient_boosting": _gradient_boosting,
    "random_forest": _random_forest,
}


def fit_imported(path: str, rows: Training) -> Predictor:
    """Import the user's own learner and fit it.

    Parameters
    ----------
    path : ``package.module:name`` of what gives an estimator when called without arguments.

    Raises
    ------
    SpecError
        There is no such thing, or it does not predict what is needed.
    """
    from importlib import import_module

    module, _, name = path.partition(":")
    try:
        estimator = getattr(import_module(module), name)()
    except (ImportError, AttributeError, TypeError) as problem:
        raise SpecError(
            f"learner '{path}' cannot be made: {problem}. Give package.module:name of a "
            "scikit-learn estimator, or of a function that gives one without arguments."
        ) from None
    needed = "predict_proba" if rows.binary else "predict"
    if not hasattr(estimator, needed) or not hasattr(estimator, "get_params"):
        raise SpecError(
            f"learner '{path}' is no scikit-learn estimator with {needed}, which a "
            f"{'0/1' if rows.binary else 'continuous'} response needs."
        )
    if "random_state" in estimator.get_params(deep=False):
        estimator.set_params(random_state=rows.seed)
    predict = _guarded(lambda: _fitted(estimator, rows), path, "fit")
    return lambda x: _guarded(lambda: predict(x), path, "predict")


def _guarded(call: Callable[[], T], path: str, doing: str) -> T:
    """Do what may raise anything, since it is the user's own code, and say whose fault it is."""
    try:
        return call()
    except Exception as problem:
        raise SpecError(
            f"learner '{path}' raised {type(problem).__name__} in {doing}: {problem}. Rows are "
            "given as arrays, with sample_weight where weights differ: choose a learner that "
            "takes these, or wrap it in a function of your own that gives one."
        ) from problem


def _fitted(estimator: object, rows: Training) -> Predictor:
    """Fit a scikit-learn estimator, with weights where they differ, and give what predicts means.

    Equal weights are left out: trees would sort columns by weight, at five times the cost.
    """
    from sklearn.pipeline import Pipeline

    weights = {}
    if np.ptp(rows.w) > 0:
        last = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
        weights = {f"{last}sample_weight": rows.w / rows.w.mean()}
    estimator.fit(rows.x, rows.y, **weights)  # type: ignore[attr-defined]

    def predict(x: Floats) -> Floats:
        if rows.binary:
            return np.asarray(estimator.predict_proba(x)[:, 1])  # type: ignore[attr-defined]
        return np.asarray(estimator.predict(x))  # type: ignore[attr-defined]

    return predict


def _log_likelihood(
    model: object, x: Floats, y: Floats, sample_weight: Floats | None = None
) -> float:
    """Score a logistic regression; unlike scikit-learn's, also where a fold holds one class."""
    eta = model.decision_function(x)  # type: ignore[attr-defined]
    return -float(np.average(np.logaddexp(0, np.where(y == 1, -eta, eta)), weights=sample_weight))
