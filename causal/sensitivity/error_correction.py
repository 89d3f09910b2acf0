"""Refits a rung with its scores freed of classical error: by calibration, or by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from causal import inference
from causal.arrays import Floats, read_only
from causal.cohort import Sample
from causal.errors import CausalError
from causal.estimate import DIFFERENCES, MEANS, SLOPE, Effect, Estimates, NotEstimable
from causal.estimators import AnyEstimator, GComputation, LinearProbability, NuisanceStore
from causal.estimators.base import from_influence
from causal.estimators.glm import Link, fit_glm
from causal.estimators.nuisance import choose_terms
from causal.estimators.regression import AverageTarget, over_target
from causal.estimators.variance import Variance
from causal.sensitivity.measurement_error import (
    Proxies,
    calibrated_means,
    raw_coefficients,
    regress_proxies,
    shift_by_error,
)
from causal.sensitivity.simex import (
    LAMBDAS,
    Extrapolant,
    LinearCheck,
    check_linear,
    draw_error,
    extrapolate,
    find_poles,
)
from causal.subject import Subject

Calibrated = GComputation | LinearProbability


def find_proxies(sample: Sample, terms: Sequence[str]) -> Proxies | NotEstimable:
    """Regress scores on exposure and the sample's other columns.

    Parameters
    ----------
    terms : the scores, by name; all of them columns of the sample.
    """
    others = sample.with_terms([t for t in sample.terms if t not in terms])
    scores = np.column_stack([sample.x_of(t) for t in terms])
    return regress_proxies(scores, sample.a, others.x, sample.w, sample.observed)


def calibrate(
    subject: Subject, terms: Sequence[str], reliability: float, level: float
) -> Effect | NotEstimable:
    """Refit an outcome regression with what the scores measure in their place.

    A classical standard error is not to be had; HC1 stands in for it.

    Parameters
    ----------
    terms : the scores, all adjusted for by the rung.
    reliability : of each; one the data allow.
    """
    estimator = subject.estimator
    refused = why_not_calibrated(estimator)
    if refused is not None or not isinstance(estimator, Calibrated):
        return refused or NotEstimable("no outcome regression")
    sample = choose_terms(subject.sample, _terms_of(estimator))
    absent = [t for t in terms if t not in sample.terms]
    if absent:
        return NotEstimable(f"the outcome regression leaves {', '.join(absent)} out")
    proxies = find_proxies(sample, terms)
    if isinstance(proxies, NotEstimable):
        return proxies
    columns = np.column_stack([sample.a, sample.x])
    fit = fit_glm(columns, sample.y, sample.w, _link(estimator, sample), sample.observed)
    scores = raw_coefficients(fit, [1 + sample.terms.index(t) for t in terms])
    if isinstance(scores, NotEstimable):
        return scores
    shift = shift_by_error(proxies, *scores, reliability)
    none, one = (fit.design(np.column_stack([np.full(sample.n, v), sample.x])) for v in (0.0, 1.0))
    target: AverageTarget = estimator.target if isinstance(estimator, GComputation) else "ATE"
    over = sample.w * over_target(sample.a, target)
    values, influence = calibrated_means(fit, (none, one), sample.a, over, shift)
    return _effect(subject, estimator, sample, values, influence, fit.rank, level)


def why_not_calibrated(estimator: AnyEstimator) -> NotEstimable | None:
    """Say why a rung has no regression calibration; None where it has one."""
    if not isinstance(estimator, Calibrated):
        return NotEstimable(
            f"regression calibration needs g_computation or linear_probability, not "
            f"{estimator.kind}; set method to simex, which takes any estimator"
        )
    if isinstance(estimator, GComputation) and estimator.observation is not None:
        return NotEstimable(
            "regression calibration is of an outcome regression without weights for "
            "follow-up; set method to simex, which takes any estimator"
        )
    model = estimator.outcome if isinstance(estimator, GComputation) else estimator
    separate = isinstance(estimator, GComputation) and estimator.outcome.arms == "separate"
    if model.interactions or separate:
        return NotEstimable(
            "regression calibration is of one outcome regression without products; set "
            "method to simex, which takes any estimator"
        )
    return None


@dataclass(frozen=True, slots=True)
class Simulated:
    """What simulation extrapolation gives, and how it does where the truth is known.

    Attributes
    ----------
    effect : its interval counts sampling, the number of simulations and the extrapolant's choice.
    choice : how far another extrapolant lies away, on the scale of the standard error.
    check : the same on the linear model.
    """

    effect: Effect | NotEstimable
    choice: float
    check: LinearCheck


def simulate_back(
    subject: Subject,
    proxies: Proxies,
    terms: Sequence[str],
    reliability: float,
    errors: Sequence[tuple[Floats, int]],
    level: float,
    extrapolant: Extrapolant = "rational",
) -> Simulated | NotEstimable:
    """Add error to the scores, refit the rung's own estimator, and extrapolate to no error.

    Refused where the same simulation misses the exact correction of the linear model.

    Parameters
    ----------
    proxies : the scores, regressed on exposure and the other covariates.
    terms : the scores, all adjusted for by the rung.
    errors : one (n, m) array of standard normal errors a simulation, and the seed of the
        estimator's own stream, the same at every lambda and reliability.
    """
    poles, drawn = find_poles(proxies, reliability), [error for error, _ in errors]
    check = check_linear(subject.sample, terms, reliability, drawn, poles, extrapolant)
    if check.missed:
        return Simulated(NotEstimable(_missed(check)), 0.0, check)
    found = _add_errors(subject, terms, reliability, errors)
    if isinstance(found, NotEstimable):
        return found
    seen, values, influence = found
    back = extrapolate(values, influence, poles, extrapolant)
    implied = float(
        inference.covariance(np.asarray(seen.influence), seen.cluster, seen.strata)[0, 0]
    )
    factor = float(seen.covariance[0, 0]) / implied  # the declared small-sample factor
    own = factor * float(inference.covariance(back.influence, seen.cluster, seen.strata)[0, 0])
    std_error = math.sqrt(own + back.monte_carlo + back.choice**2)
    lo, hi = inference.interval(back.value, std_error, level, seen.df)
    turn = float if subject.scale in DIFFERENCES else math.exp
    effect = Effect(subject.scale, turn(back.value), std_error, turn(lo), turn(hi), level)
    return Simulated(effect, back.choice, check)


def _missed(check: LinearCheck) -> str:
    """Say that simulation does not find a correction that is known."""
    return (
        f"on these rows simulation extrapolation finds {100 * check.share:.0f} % of the exact "
        f"correction of the linear model ({check.simulated:.3f} where {check.exact:.3f} is right, "
        f"from {check.uncorrected:.3f}), so it is not to be trusted for this rung either"
    )


def _add_errors(
    subject: Subject,
    terms: Sequence[str],
    reliability: float,
    errors: Sequence[tuple[Floats, int]],
) -> tuple[Estimates, Floats, Floats] | NotEstimable:
    """Refit under every multiple of the error; give the rung's own fit, estimates and influence."""
    sample, places = subject.sample, [subject.sample.terms.index(t) for t in terms]
    scores, known = sample.x[:, places], sample.w * sample.observed
    mean = np.average(scores, axis=0, weights=known)
    spread = np.sqrt(np.average((scores - mean) ** 2, axis=0, weights=known))
    start = NuisanceStore()
    seen = _contrast(subject, sample, start, errors[0][1])
    if isinstance(seen, NotEstimable):
        return seen
    values = np.full((len(errors), len(LAMBDAS)), seen.values[0])
    influence = np.zeros((sample.n, len(LAMBDAS)))
    influence[:, 0] = np.asarray(seen.influence)[:, 0]
    for draw, (error, seed) in enumerate(errors):
        for column, multiple in enumerate(LAMBDAS[1:], start=1):
            x = sample.x.copy()
            x[:, places] += math.sqrt(multiple * (1 - reliability)) * spread * error
            noisy, store = replace(sample, x=read_only(x)), NuisanceStore(start=start)
            one = _contrast(subject, noisy, store, seed)
            if isinstance(one, NotEstimable):
                return one
            values[draw, column] = one.values[0]
            influence[:, column] += np.asarray(one.influence)[:, 0] / len(errors)
    return seen, values, influence


def draw_errors(
    sample: Sample, terms: Sequence[str], draws: int, rng: np.random.Generator
) -> list[tuple[Floats, int]]:
    """Draw what ``simulate_back`` adds, each simulation from a child of the stream."""
    scores = np.column_stack([sample.x_of(t) for t in terms])
    return [
        (draw_error(scores, sample.unit, own), int(own.integers(2**32))) for own in rng.spawn(draws)
    ]


def _contrast(
    subject: Subject, sample: Sample, store: NuisanceStore, seed: int
) -> Estimates | NotEstimable:
    """Fit the rung's own estimator, and give the contrast of the analysis."""
    try:
        fit = subject.estimator.fit(sample, store, np.random.default_rng(seed))
    except CausalError as problem:
        return NotEstimable(f"a simulation could not be fitted: {problem.message.rstrip('.')}")
    one = fit.contrast(subject.scale)
    if not isinstance(one, NotEstimable) and isinstance(one.influence, NotEstimable):
        return one.influence
    return one


def _effect(
    subject: Subject,
    estimator: Calibrated,
    sample: Sample,
    values: Floats,
    influence: Floats,
    rank: int,
    level: float,
) -> Effect | NotEstimable:
    """Give the contrast of corrected means by the rung's variance convention."""
    slope, variance = sample.exposure_kind != "binary", estimator.variance
    if variance.classical:
        variance = Variance(kind="HC1", clustered=variance.clustered)
    return from_influence(
        np.diff(values) if slope else values,
        np.diff(influence, axis=1) if slope else influence,
        sample,
        variance,
        estimator.estimand,
        labels=SLOPE if slope else MEANS,
        n_coefficients=rank,
    ).effect(subject.scale, level)


def _terms_of(estimator: Calibrated) -> tuple[str, ...] | None:
    """Give the terms of the outcome regression; None for all."""
    return estimator.terms if isinstance(estimator, LinearProbability) else estimator.outcome.terms


def _link(estimator: Calibrated, sample: Sample) -> Link:
    """Give the link of the outcome regression."""
    if isinstance(estimator, LinearProbability):
        return "linear"
    return estimator.outcome.link or ("logit" if sample.outcome_kind == "binary" else "linear")
