"""Semi-synthetic cohorts: a user's own covariates, with a confounder of known strength put in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import TIME, Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import DIFFERENCES, NotEstimable, Scale, Target
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.refuters.calibration import (
    ExposureCalibration,
    Projection,
    calibrate_exposure,
    calibrate_outcome,
    expit,
    latent_correlation,
    pair_correlation,
    project,
    shift_mean,
)
from causal.sensitivity.benchmarks import weakness
from causal.sensitivity.partial_r2 import Strength, block_strength

Confounder: TypeAlias = Literal["clusters", "rows"]

HIGHEST_R2 = 0.5
"""Of exposure or outcome, given everything else: no study of selection into mutual help has found
a single trait that explains more than half, and 0/1 values hardly allow it."""
EDGE = 0.005
"""Probabilities of a linear model are cut off here and at 1 less this."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A block of covariates a confounder's strength is counted in, and why it is weak, if it is."""

    name: str
    strength: Strength
    weak: str

    @property
    def bias(self) -> float:
        """Give the square of the bias it would make if left out, in residual variances."""
        exposure = self.strength.exposure
        return self.strength.outcome * exposure / (1 - exposure)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of a world before it is drawn from.

    Attributes
    ----------
    effect : of exposure, ratios as logs; None makes an outcome exposure has nothing to do with.
    scale, target : of that effect.
    strength : wanted partial R2 of the confounder.
    confounder : whether it is one value a cluster (else a person), or one a row.
    sign : of the confounder's slope with the outcome; that of the effect when None, so that it
        exaggerates, as one that could explain the effect away does.
    """

    effect: float | None
    scale: Scale
    target: Target
    strength: Strength
    confounder: Confounder = "clusters"
    sign: Literal[-1, 1] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """How exposure or outcome is drawn anew.

    Attributes
    ----------
    predictor : (n,) floats, linear predictor at no exposure and a confounder of 0.
    exposed, slope : per unit of exposure, and per SD of the confounder.
    spread : residual standard deviation; None for 0/1 values.
    logistic : whether 0/1 values have a logistic mean, or a linear one cut off at ``EDGE``.
    shared : correlation, within a cluster or person, of the normals behind the values.
    r2 : partial R2 of the confounder.
    """

    predictor: Floats
    exposed: float
    slope: float
    spread: float | None
    logistic: bool
    shared: float
    r2: float


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A mechanism cohorts are drawn from.

    Exposure given the covariates follows its fitted regression plus the confounder, the outcome
    its own plus a known effect. Kept: covariates, weights, persons, clusters, which outcomes are
    missing, the exposed share, the risk without exposure, and a correlation within clusters of
    what the regressions leave (one normal a cluster, matched by moments at the mean share). Lost:
    effects that differ between persons, dependence in time within a person, any dependence of
    missing outcomes on outcome or confounder, bounds and skewness of continuous values, and any
    confounding the user's data already have. Whatever the regressions have wrong becomes true
    here, so misspecification is invisible.

    Attributes
    ----------
    effect : the known one, ratios as logs.
    group : (n,) ints from 0 on, cluster or person.
    """

    sample: Sample
    effect: float
    group: Ints
    confounder: Confounder
    exposure: Response
    outcome: Response


def find_benchmark(sample: Sample, concept: str | None = None) -> Benchmark | NotEstimable:
    """Give a concept's strength; of the one that confounds most when none is named.

    That is the one whose columns would bias the estimate most were they left out: the largest
    product of odds of exposure's partial R2 and outcome's partial R2 (Cinelli & Hazlett 2020,
    doi:10.1111/rssb.12348, section 4.1).
    """
    known = sample.rows(sample.observed)
    held = tuple(dict.fromkeys(one for one in known.concepts if one != TIME))
    if not held:
        return NotEstimable(
            "the rung adjusts for no concept, so there is none to count a confounder's strength in"
        )
    if concept is not None and concept not in held:
        return NotEstimable(
            f"the rung does not adjust for '{concept}', in which strengths are to be counted"
        )
    found = []
    for one in held if concept is None else (concept,):
        columns = np.array([name == one for name in known.concepts])
        strength = block_strength(known.y, known.a, known.x, known.w, columns)
        weak = weakness(strength, known.x[:, columns], known.n - known.x.shape[1] - 2)
        found.append(Benchmark(one, strength, weak))
    return max(found, key=lambda one: one.bias)


def build_world(sample: Sample, known: Known) -> World:
    """Fit both regressions and put the confounder in.

    Raises
    ------
    PositivityError
        The covariates determine exposure.
    OutcomeError
        The covariates determine the outcome, or the effect is impossible.
    """
    group = np.unique(
        sample.unit if sample.cluster is None else sample.cluster, return_inverse=True
    )[1].astype(np.int64)
    rows = project(sample.x, sample.w)
    exposure, calibrated = _exposure(sample, known.strength.exposure, rows, group)
    outcome = (
        _linear_outcome(sample, known, exposure.r2, group)
        if calibrated is None or sample.outcome_kind != "binary"
        else _logistic_outcome(sample, known, calibrated, rows, group)
    )
    level: Confounder = "clusters" if exposure.shared == 1 else known.confounder
    effect = 0.0 if known.effect is None else known.effect
    return World(sample, effect, group, level, exposure, outcome)


def draw_cohort(world: World, rng: np.random.Generator) -> Sample:
    """Draw confounder, exposure and outcome anew; the confounder is then forgotten."""
    u, a = draw_exposure(world, rng)
    y = draw_response(world.outcome, a, u, world.group, rng)
    return replace(world.sample, a=a, y=np.where(world.sample.observed, y, np.nan))


def draw_exposure(world: World, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw (n,) values of the confounder, and the (n,) exposures it bears on."""
    groups = int(world.group.max()) + 1
    if world.confounder == "clusters":
        u = rng.standard_normal(groups)[world.group]
    else:
        u = rng.standard_normal(world.sample.n)
    nobody = np.zeros(world.sample.n)
    return u, draw_response(world.exposure, nobody, u, world.group, rng)


def draw_response(
    response: Response, a: Floats, u: Floats, group: Ints, rng: np.random.Generator
) -> Floats:
    """Draw one response, given the exposure and the confounder of each row."""
    from scipy import special

    shared, own = rng.standard_normal(int(group.max()) + 1), rng.standard_normal(len(group))
    luck = math.sqrt(response.shared) * shared[group] + math.sqrt(1 - response.shared) * own
    predictor = response.predictor + response.exposed * a + response.slope * u
    if response.spread is not None:
        return np.asarray(predictor + response.spread * luck)
    mean = expit(predictor) if response.logistic else np.clip(predictor, EDGE, 1 - EDGE)
    return np.asarray(special.ndtr(luck) < mean, dtype=np.float64)


def _exposure(
    sample: Sample, wanted: float, rows: Projection, group: Ints
) -> tuple[Response, ExposureCalibration | None]:
    """Fit exposure on the covariates and put the confounder in."""
    first = np.unique(group, return_index=True)[1]
    whole = len(first) < sample.n and np.array_equal(sample.a[first][group], sample.a)
    if sample.exposure_kind != "binary":
        fit = fit_glm(sample.x, sample.a, sample.w, "linear")
        spread = _residual_sd(sample.a - fit.fitted, sample.w, fit.rank)
        left = np.full(sample.n, spread)
        shared = 1.0 if whole else pair_correlation(sample.a - fit.fitted, left, group)
        predictor = _by_group(fit.fitted, group) if whole else fit.fitted
        slope, spread = spread * math.sqrt(wanted), spread * math.sqrt(1 - wanted)
        return Response(predictor, 0.0, slope, spread, False, shared, wanted), None
    try:
        fit = fit_glm(sample.x, sample.a, sample.w, "logit")
    except SeparationFoundError as found:
        raise PositivityError(
            f"the covariates determine the exposure of {found.rows} rows, so it cannot be drawn "
            "anew. Drop or coarsen them."
        ) from None
    predictor = fit.design(sample.x) @ fit.coefficients
    predictor = _by_group(predictor, group) if whole else predictor
    share = rows.mean(sample.a)
    calibrated = calibrate_exposure(predictor, share, wanted, rows)
    left = np.sqrt(fit.fitted * (1 - fit.fitted))
    correlation = pair_correlation(sample.a - fit.fitted, left, group)
    shared = 1.0 if whole else latent_correlation(correlation, share)
    predictor = predictor + calibrated.intercept
    response = Response(predictor, 0.0, calibrated.slope, None, True, shared, calibrated.r2)
    return response, calibrated


def _logistic_outcome(
    sample: Sample, known: Known, exposure: ExposureCalibration, rows: Projection, group: Ints
) -> Response:
    """Fit a 0/1 outcome, and put effect and confounder in."""
    columns = _columns(sample, known)
    try:
        fit = fit_glm(columns, sample.y, sample.w, "logit", sample.observed)
    except SeparationFoundError as found:
        raise OutcomeError(
            f"the covariates determine the outcome of {found.rows} rows, so it cannot be drawn "
            "anew. Drop or coarsen them."
        ) from None
    predictor = fit.design(_unexposed(columns, known)) @ fit.coefficients
    over = _over(known.target, exposure.chance)
    calibrated = calibrate_outcome(
        predictor,
        rows.mean(expit(predictor)),
        known.effect or 0.0,
        known.scale,
        known.strength.outcome,
        exposure,
        over,
        rows,
        _sign(known),
    )
    seen = sample.observed
    left = np.sqrt(fit.fitted * (1 - fit.fitted))[seen]
    correlation = pair_correlation(sample.y[seen] - fit.fitted[seen], left, group[seen])
    shared = latent_correlation(correlation, float(sample.y[seen].mean()))
    return Response(
        predictor + calibrated.intercept,
        calibrated.exposed,
        calibrated.slope,
        None,
        True,
        shared,
        calibrated.r2,
    )


def _linear_outcome(sample: Sample, known: Known, r2_exposure: float, group: Ints) -> Response:
    """Fit an outcome by least squares, and put effect and confounder in.

    Used for continuous outcomes, and for 0/1 outcomes of a dose, whose means are then cut off.
    """
    columns = _columns(sample, known)
    fit = fit_glm(columns, sample.y, sample.w, "linear", sample.observed)
    predictor = fit.predict(_unexposed(columns, known))
    effect = known.effect or 0.0
    if known.scale not in DIFFERENCES and effect:
        mean = float(np.average(predictor, weights=sample.w))
        if known.scale == "odds_ratio" or mean <= 0:
            raise OutcomeError("a ratio has no meaning for this outcome.")
        effect = mean * (math.exp(effect) - 1)
    elif sample.outcome_kind == "binary" and sample.exposure_kind == "binary":
        shift_mean(float(np.average(predictor, weights=sample.w)), effect, known.scale)
    seen = sample.observed
    residual = (sample.y - fit.fitted)[seen]
    spread = _residual_sd(residual, sample.w[seen], fit.rank)
    correlation = pair_correlation(residual, np.full(len(residual), spread), group[seen])
    wanted = known.strength.outcome
    slope = _sign(known) * spread * math.sqrt(wanted / (1 - r2_exposure))
    if sample.outcome_kind == "binary":
        shared = latent_correlation(correlation, float(sample.y[seen].mean()))
        return Response(predictor, effect, slope, None, False, shared, wanted)
    left = spread * math.sqrt(1 - wanted)
    return Response(predictor, effect, slope, left, False, correlation, wanted)


def _columns(sample: Sample, known: Known) -> Floats:
    """Give what the outcome is regressed on: without exposure where it has no effect."""
    return sample.x if known.effect is None else np.column_stack([sample.a, sample.x])


def _unexposed(columns: Floats, known: Known) -> Floats:
    """Set exposure to none."""
    if known.effect is None:
        return columns
    return np.column_stack([np.zeros(len(columns)), columns[:, 1:]])


def _sign(known: Known) -> float:
    """Give the sign of the confounder's slope with the outcome."""
    if known.sign is not None:
        return known.sign
    return -1.0 if known.effect is not None and known.effect < 0 else 1.0


def _over(target: Target, chance: Floats) -> Floats:
    """Give the weights of a target; those without one of their own answer for everybody."""
    if target in ("ATT", "ATC"):
        return chance if target == "ATT" else 1 - chance
    if target == "ATM":
        return np.minimum(chance, 1 - chance)
    return chance * (1 - chance) if target == "ATO" else np.ones_like(chance)


def _by_group(values: Floats, group: Ints) -> Floats:
    """Give each row its group's mean."""
    return np.asarray((np.bincount(group, values) / np.bincount(group))[group])


def _residual_sd(residual: Floats, w: Floats, rank: int) -> float:
    """Give the residual standard deviation of least squares."""
    freedom = 1 - rank / len(residual)
    return math.sqrt(float(np.average(residual**2, weights=w)) / max(freedom, 1e-9))
