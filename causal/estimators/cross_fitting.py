"""Nuisance means of each person predicted by regressions or learners that saw only others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.cohort import Sample
from causal.estimators.column_blocks import Columns
from causal.estimators.fold_regressions import Folds, fit_without_each, predict_left_out
from causal.estimators.follow_up import exposure_filled
from causal.estimators.learner_members import Training
from causal.estimators.learners import Learned, learn
from causal.estimators.nuisance import (
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
    choose_terms,
    folds_by_unit,
    interacting_columns,
)

INNER_FOLDS = 5
"""Folds a learner tunes or stacks itself with, within the persons it is fitted on."""
MANY = 5_000
"""Rows from which regressions without each fold are fitted all at once; fewer take no time."""
SEEDS = 2**31
"""scikit-learn takes seeds below this."""


def cross_fitted(
    sample: Sample,
    propensity: PropensityModel,
    outcome: OutcomeModel,
    folds: int,
    nuisances: NuisanceStore,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """Predict propensity and both outcomes of each row from other persons.

    Rows reach a learner in an order of their own (by person, then by values), so that forests,
    which draw row numbers, do not depend on how the data happen to be sorted.

    Returns
    -------
    (n,) floats each: propensity, mean outcome under no exposure, mean outcome under exposure.
    """
    parts = Folds(folds_by_unit(sample.unit, folds, rng), folds)
    return predicted_across(sample, propensity, outcome, parts, nuisances, rng)


def predicted_across(
    sample: Sample,
    propensity: PropensityModel,
    outcome: OutcomeModel,
    parts: Folds,
    nuisances: NuisanceStore,
    rng: np.random.Generator,
    weights: Sequence[Floats] = (),
) -> tuple[Floats, Floats, Floats]:
    """Predict the rows of each fold from the others; see ``cross_fitted``.

    Parameters
    ----------
    parts : the division of the sample.
    weights : a fold, (n,) weights its outcome regression is fitted with; the rows' own when empty.
    """
    fold, folds = parts.of, parts.count
    seen = exposure_filled(sample)
    exposed = None if propensity.learns else propensities_at_once(sample, propensity, parts)
    means = None if outcome.learns or weights else outcomes_at_once(seen, outcome, parts)
    if exposed is not None and means is not None:
        return exposed, *means
    seeds = rng.integers(SEEDS, size=(folds, 2)) if propensity.learns or outcome.learns else None
    e, mu0, mu1 = (np.empty(sample.n) for _ in range(3))
    for held_out in range(folds):
        here = fold == held_out
        rows, store = seen, nuisances
        if weights:
            rows, store = replace(seen, w=weights[held_out]), NuisanceStore()
        if means is not None:
            mu0[here], mu1[here] = means[0][here], means[1][here]
        elif seeds is not None and outcome.learns:
            mu0[here], mu1[here] = learned_outcome(rows, outcome, here, int(seeds[held_out, 1]))
        else:
            regression = store.outcome(rows, outcome, ~here)
            mu0[here], mu1[here] = regression.mu0[here], regression.mu1[here]
        if exposed is not None:
            e[here] = exposed[here]
        elif seeds is not None and propensity.learns:
            x, seed = choose_terms(sample, propensity.terms).x, int(seeds[held_out, 0])
            e[here] = predict_others(sample, propensity, x, sample.a, here, seed, binary=True)
        else:
            e[here] = nuisances.propensity(sample, propensity, ~here).fitted[here]
    return e, mu0, mu1


def propensities_at_once(sample: Sample, model: PropensityModel, folds: Folds) -> Floats | None:
    """Predict the propensity of each fold from all others; None where one by one is better."""
    if sample.n < MANY or not sample.entered.all():
        return None
    columns = Columns.of(choose_terms(sample, model.terms).x)
    found = fit_without_each(columns, sample.a, sample.w, folds, "logit")
    return None if found is None else predict_left_out(columns, found, folds, "logit")[0]


def outcomes_at_once(
    sample: Sample, model: OutcomeModel, folds: Folds
) -> tuple[Floats, Floats] | None:
    """Predict both outcomes of each fold from all others; None where one by one is better."""
    link = model.link or ("logit" if sample.outcome_kind == "binary" else "linear")
    if sample.n < MANY or (link == "logit" and sample.outcome_kind != "binary"):
        return None
    chosen = choose_terms(sample, model.terms)
    y, used = np.where(sample.observed, sample.y, 0.0), sample.w * sample.observed
    if model.arms == "pooled":
        products = interacting_columns(chosen, model.interactions)
        columns = Columns.of(chosen.x, sample.a, products)
        found = fit_without_each(columns, y, used, folds, link)
        return None if found is None else predict_left_out(columns, found, folds, link)
    columns, means = Columns.of(chosen.x), []
    for level in (0.0, 1.0):
        found = fit_without_each(columns, y, used * (sample.a == level), folds, link)
        if found is None:
            return None
        means.append(predict_left_out(columns, found, folds, link)[0])
    return means[0], means[1]


def learned_outcome(
    sample: Sample, model: OutcomeModel, here: Bools, seed: int
) -> tuple[Floats, Floats]:
    """Predict both outcomes of the rows held out, from one learner or from one an arm."""
    x, binary = choose_terms(sample, model.terms).x, sample.outcome_kind == "binary"
    if model.arms == "pooled":
        both = np.column_stack([sample.a, x])
        predict = learn(model, training(sample, ~here, both, sample.y, seed, binary=binary))
        first, second = (
            predict(np.column_stack([np.full(int(here.sum()), level), x[here]]))
            for level in (0.0, 1.0)
        )
        return first, second
    first, second = (
        learn(
            model,
            training(sample, ~here & (sample.a == level), x, sample.y, seed, binary=binary),
        )(x[here])
        for level in (0.0, 1.0)
    )
    return first, second


def predict_others(
    sample: Sample, model: Learned, x: Floats, y: Floats, here: Bools, seed: int, *, binary: bool
) -> Floats:
    """Predict a mean of the rows held out by a learner fitted on the others.

    Parameters
    ----------
    x : (n, q) floats, columns to learn from.
    y : (n,) floats, response.
    here : (n,) booleans, the rows held out.
    """
    return learn(model, training(sample, ~here, x, y, seed, binary=binary))(x[here])


def training(
    sample: Sample, used: Bools, x: Floats, y: Floats, seed: int, *, binary: bool
) -> Training:
    """Give the rows a learner is fitted on, in canonical order, with inner folds by person.

    Rows whose response is not known are left out.
    """
    order = canonical_order(sample)
    order = order[(used & ~np.isnan(y))[order]]
    fold = folds_by_unit(sample.unit[order], INNER_FOLDS, np.random.default_rng(seed))
    return Training(x[order], y[order], sample.w[order], fold, binary, seed)


def canonical_order(sample: Sample) -> Ints:
    """Give the order of rows by person, then by values; equal rows are interchangeable."""
    keys = (sample.w, sample.y, sample.a, *sample.x.T, sample.unit)
    return np.asarray(np.lexsort(keys))
