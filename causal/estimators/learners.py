"""Regressions by name, from logistic regression to a super learner: fitted, ready to predict."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, TypeAlias, get_args

import numpy as np
from pydantic import Field, field_validator, model_validator

from causal.arrays import Floats
from causal.documents import Settings
from causal.errors import OutcomeError, did_you_mean
from causal.estimators.learner_members import (
    MEMBERS,
    Predictor,
    Training,
    fit_imported,
    single_threaded,
)

MemberName: TypeAlias = Literal["glm", "lasso", "spline_glm", "gradient_boosting", "random_forest"]
LearnerName: TypeAlias = MemberName | Literal["super_learner"]
ImportPath: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]

NAMES: tuple[str, ...] = (*get_args(MemberName), "super_learner")
LIBRARY: tuple[MemberName, ...] = ("glm", "lasso", "spline_glm", "gradient_boosting")
GRAIN = 10
"""Decimals kept of standardised columns, six fewer than their numbers have."""


class Learned(Settings):
    """A nuisance regression, and what it is learned with.

    Attributes
    ----------
    learner : ``glm`` (unpenalised, the default), ``lasso``, ``spline_glm`` (cubic splines with a
        ridge penalty), ``gradient_boosting``, ``random_forest``, ``super_learner``, or
        ``package.module:name`` of a scikit-learn estimator, or of a function that gives one when
        called without arguments.
    library : what a super learner combines.
    allow_import : a path of your own is imported only with this, since a specification would
        otherwise run code that its reader does not see.
    """

    learner: LearnerName | ImportPath = "glm"
    library: tuple[MemberName, ...] = LIBRARY
    allow_import: bool = False

    @field_validator("learner", mode="before")
    @classmethod
    def _is_known(cls, name: object) -> object:
        """Refuse a misspelt learner with the choices."""
        if isinstance(name, str) and ":" not in name and name not in NAMES:
            raise ValueError(
                f"there is no learner '{name}'. {did_you_mean(name, NAMES)} A scikit-learn "
                "estimator of your own is given as package.module:name, with allow_import: true."
            )
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> Learned:
        """Refuse an import nobody allowed, and a library that nothing uses or that is empty."""
        if self.imported and not self.allow_import:
            raise ValueError(
                f"learner '{self.learner}' would import and run code that this specification does "
                "not show. Add allow_import: true beside it if you know that code, or choose one "
                f"of {', '.join(NAMES)}."
            )
        if self.allow_import and not self.imported:
            raise ValueError(f"allow_import has nothing to import: learner is '{self.learner}'.")
        if self.library != LIBRARY and self.learner != "super_learner":
            raise ValueError("library is what a super_learner combines; set learner to that.")
        if len(set(self.library)) != len(self.library) or len(self.library) < 2:
            raise ValueError("library needs two or more learners, each named once.")
        return self

    @property
    def imported(self) -> bool:
        """Tell whether the learner is the user's own."""
        return ":" in self.learner

    @property
    def learns(self) -> bool:
        """Tell whether it is more than an unpenalised regression on the terms."""
        return self.learner != "glm"


def learn(model: Learned, rows: Training) -> Predictor:
    """Fit a learner, on one thread, and give the function that predicts means.

    Parameters
    ----------
    model : which learner.
    rows : what to fit on.

    Returns
    -------
    A function from (m, q) columns to (m,) means.

    Raises
    ------
    OutcomeError
        The response does not vary in these rows, or a regression in a library has no fit.
    SpecError
        The user's own learner cannot be imported or does not predict.
    """
    if not rows.x.shape[1]:
        mean = float(np.average(rows.y, weights=rows.w))
        return lambda x: np.full(len(x), mean)
    if rows.binary and (len(np.unique(rows.y)) < 2 or _starved(rows)):
        raise OutcomeError(
            f"{len(rows.y)} rows to learn from, {int(rows.y.sum())} of them 1: too few of one "
            f"kind for '{model.learner}' to be tuned. Use fewer folds, or learner: glm."
        )
    turn = orient(rows.x)
    turned = replace(rows, x=turn(rows.x))
    with single_threaded():
        if model.learner == "super_learner":
            predict = _super_learner(model.library, turned)
        elif model.imported:
            predict = fit_imported(model.learner, turned)
        else:
            predict = MEMBERS[model.learner](turned)

    def means(x: Floats) -> Floats:
        with single_threaded():
            return predict(turn(x))

    return means


def orient(x: Floats) -> Predictor:
    """Give what centres and scales columns and turns their longer tail to the right.

    Trees break ties from the left and keep single precision: without this, units, and whether
    use or abstinence is coded 1, would change what they find. Columns are rounded, since the last
    digit of a logarithm is another on another processor, and would decide ties too.

    Parameters
    ----------
    x : (n, q) floats, the rows a learner is fitted on.
    """
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    spread = np.where(((x - centre) ** 3).mean(axis=0) < 0, -spread, spread)
    return lambda columns: np.round((columns - centre) / spread, GRAIN)


def _starved(rows: Training) -> bool:
    """Tell whether some inner fold leaves one kind of response only."""
    return any(len(np.unique(rows.y[fitted])) < 2 for fitted, _ in rows.splits)


def stacking_weights(predictions: Floats, y: Floats, w: Floats) -> Floats:
    """Give non-negative weights that sum to one, best in weighted squared error.

    Parameters
    ----------
    predictions : (n, k) floats, of each learner for rows it was not fitted on.
    y, w : (n,) floats, response and weights.

    References
    ----------
    Breiman (1996), doi:10.1007/BF00117832; van der Laan, Polley & Hubbard (2007),
    doi:10.2202/1544-6115.1309.
    """
    from scipy.optimize import nnls

    root = np.sqrt(w)
    found, _ = nnls(predictions * root[:, None], y * root)
    total = found.sum()
    return np.asarray(found / total if total > 0 else np.full(len(found), 1 / len(found)))


def _super_learner(library: tuple[MemberName, ...], rows: Training) -> Predictor:
    """Combine learners by how well each predicts persons it has not seen."""
    held_out = np.empty((len(rows.y), len(library)))
    for fitted, left in rows.splits:
        part = np.zeros(len(rows.y), dtype=bool)
        part[fitted] = True
        for column, name in enumerate(library):
            held_out[left, column] = MEMBERS[name](rows.rows(part))(rows.x[left])
    weights = stacking_weights(held_out, rows.y, rows.w)
    used = [
        (weight, MEMBERS[name](rows))
        for weight, name in zip(weights, library, strict=True)
        if weight
    ]

    def predict(x: Floats) -> Floats:
        return np.asarray(sum(weight * one(x) for weight, one in used))

    return predict
