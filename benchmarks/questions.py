"""Worlds, estimators and quantities of the study of arms, doses, times, surveys, g-estimation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from benchmarks import worlds
from benchmarks.limits import Limit
from causal.cohort import Sample
from causal.composing_profiles import compose_profile
from causal.estimate import Estimates, NotEstimable
from causal.estimators import (
    AIPW,
    ArmContrasts,
    ArmMeans,
    DoseMeans,
    DoseResponse,
    Estimator,
    GComputation,
    GEstimation,
    Incremental,
    InverseProbability,
    KaplanMeier,
    NuisanceStore,
    Shift,
    SurvivalAIPW,
    ThresholdScan,
    WeightedKaplanMeier,
)
from causal.estimators.dose_forms import DoseForm, DoseSpline
from causal.estimators.nuisance import OutcomeModel
from causal.inference import interval
from causal.result_profiles import ProfileBlock
from causal.seeding import generator
from causal.simulate_survey import SURVEYS, survey_truth
from causal.simulate_times import HORIZON, TAU, times_truth
from causal.simulate_times import WORLDS as TIMES

Reading: TypeAlias = tuple[float, float, bool]
"""Estimate, standard error, and whether the interval holds the limit; NaN twice of joint bands."""
Read: TypeAlias = Callable[[Estimates, Sequence[float]], list[Reading]]

TOGETHER = "all of them at once, by the joint band"
CUTS = (1.0, 2.0, 3.0)
FITTED_AT_ONCE = 1_000_000
"""Persons whose fit stands for the limit of a threshold scan, which has no closed form."""
CONFOUNDED = "crude, and so confounded: it is meant to miss"
STRAIGHT = "a straight line where the curve bends: it is meant to miss"
UNWEIGHTED = "weights of the survey left out: it is meant to miss"
INDEPENDENT = "patients of one clinic taken as independent: it is meant to miss"
FEW_CLINICS = (
    "40 clinics of unequal weight: squared standard errors spread as with {0.freedom:.0f} degrees "
    "of freedom (2 over their squared coefficient of variation), where the rule of units less "
    "strata gives 32"
)
RMST = f"mean days lost by day {TAU:g}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One estimator in one world, and what is read off its fit.

    Attributes
    ----------
    name : how tables call it.
    quantities : what is read, with its limit; a joint band, which has none, comes last.
    read : gives one reading a quantity.
    prepare : makes of the world's sample what the estimator is given.
    reason : why it misses, on purpose or not; empty where it should not. ``{0.name}`` in it stands
        for what was measured of that name.
    """

    name: str
    estimator: Estimator
    quantities: tuple[tuple[str, Limit | None], ...]
    read: Read
    prepare: Callable[[Sample], Sample] = lambda sample: sample
    reason: str = ""

    def readings(self, sample: Sample, rng: np.random.Generator) -> list[Reading]:
        """Fit a sample and read every quantity."""
        fit = self.estimator.fit(self.prepare(sample), NuisanceStore(), rng)
        return self.read(fit, [one.value for _, one in self.quantities if one is not None])


@dataclass(frozen=True, slots=True)
class World:
    """One mechanism, and everything that is tried on each of its samples."""

    name: str
    draw: Callable[[np.random.Generator], Sample]
    attempts: tuple[Attempt, ...]
    replicates: int


def every_world(many: int, slower: int) -> tuple[World, ...]:
    """Give the worlds of the study.

    Parameters
    ----------
    many, slower : samples where fits take milliseconds, and where they take longer.
    """
    return (
        _kinds(slower),
        _meetings(slower),
        *(_first_use(name, slower) for name in ("base", "null", "independent_censoring")),
        _clinics(many),
        *_tilts(many),
    )


def difference(fit: Estimates, limits: Sequence[float]) -> list[Reading]:
    """Read the difference that the ladder compares."""
    found = fit.effect("mean_difference")
    if isinstance(found, NotEstimable):
        raise TypeError(found.reason)
    return [(found.estimate, found.std_error, found.lo <= limits[0] <= found.hi)]


def contrasts(fit: Estimates, limits: Sequence[float]) -> list[Reading]:
    """Read every contrast of a profile, and whether the joint band holds all."""
    rows = _profile(fit).contrasts
    return _with_joint([(r.estimate, r.std_error, r.interval, r.band) for r in rows], limits)


def points(fit: Estimates, limits: Sequence[float]) -> list[Reading]:
    """Read the listed points of a curve, and whether the joint band holds all."""
    rows = [one for one in _profile(fit).points if one.listed]
    return _with_joint(
        [(r.estimate, r.std_error, r.interval, r.band or r.interval) for r in rows], limits
    )


def risk_and_mean(fit: Estimates, limits: Sequence[float]) -> list[Reading]:
    """Read the difference in risk that is compared, and that in mean time lost."""
    compared = next(one for one in _profile(fit).contrasts if f" {HORIZON:g} " in one.name)
    lost = next(one for one in _profile(fit).contrasts if one.family == "mean time")
    return [
        (one.estimate, one.std_error, one.interval[0] <= limit <= one.interval[1])
        for one, limit in zip((compared, lost), limits, strict=True)
    ]


def parameters(fit: Estimates, limits: Sequence[float]) -> list[Reading]:
    """Read the parameters of the model of the effect."""
    model = fit.coefficients
    if model is None:
        raise TypeError("this fit has no coefficients")
    readings = []
    for at, limit in enumerate(limits):
        value, error = float(model.values[at]), float(np.sqrt(model.covariance[at, at]))
        low, high = interval(value, error, df=model.df)
        readings.append((value, error, low <= limit <= high))
    return readings


def region(fit: Estimates, limits: Sequence[float]) -> list[Reading]:
    """Read the difference, and whether the set by test inversion holds the limit."""
    ((value, error, _),) = difference(fit, limits)
    return [(value, error, fit.region is not None and fit.region.holds(limits[0]))]


def _profile(fit: Estimates) -> ProfileBlock:
    """Give the block a result document would have."""
    block = compose_profile(fit, "study", 0, 0)
    if block is None:
        raise TypeError("this fit has two parameters only")
    return block


def _with_joint(
    rows: Sequence[tuple[float, float, tuple[float, float], tuple[float, float]]],
    limits: Sequence[float],
) -> list[Reading]:
    """Hold every row against its limit, and all of them at once."""
    pairs = list(zip(rows, limits, strict=True))
    own = [(value, error, lo <= at <= hi) for (value, error, (lo, hi), _), at in pairs]
    together = all(lo <= at <= hi for (_, _, _, (lo, hi)), at in pairs)
    return [*own, (np.nan, np.nan, together)]


def _named(names: Sequence[str], values: Sequence[float]) -> tuple[tuple[str, Limit | None], ...]:
    """Give quantities with limits that are known, and the joint band."""
    known = [(name, Limit(value, 0.0)) for name, value in zip(names, values, strict=True)]
    return (*known, (TOGETHER, None))


def _one(name: str, value: float) -> tuple[tuple[str, Limit | None], ...]:
    """Give the one quantity of an attempt, whose limit is known."""
    return ((name, Limit(value, 0.0)),)


def _kinds(replicates: int) -> World:
    """Give the world of several arms."""
    quantities = _named(
        ("twelve-step − neither", "SMART − neither", "SMART − twelve-step"),
        worlds.arm_differences(),
    )
    adjusted = tuple(
        Attempt(f"arm_contrasts, {method}", ArmContrasts(method=method), quantities, contrasts)
        for method in ("g_computation", "ipw", "aipw")
    )
    crude = Attempt("arm_means", ArmMeans(), quantities, contrasts, reason=CONFOUNDED)
    draw = partial(worlds.arms, 3000, terms=("motivation", "severity", "religiosity"))
    return World("Several arms, n = 3,000", draw, (*adjusted, crude), replicates)


def _meetings(replicates: int) -> World:
    """Give the world of doses."""
    names = [f"risk at {dose:g} meetings a week" for dose in worlds.GRID]
    risks = _named(names, worlds.dose_risks())
    curves: tuple[tuple[DoseForm, str, bool], ...] = (
        (DoseSpline(spline=(0, 1, 2, 4)), "g_computation", False),
        ("levels", "g_computation", True),
        ("levels", "doubly_robust", True),
    )
    attempts = [
        Attempt(
            f"dose_response, {'levels' if form == 'levels' else 'spline'}, {method}",
            DoseResponse.model_validate({"form": form, "method": method}),
            risks,
            points,
            _capped if capped else lambda sample: sample,
        )
        for form, method, capped in curves
    ]
    weekly = worlds.dose_risks()[1] - worlds.dose_risks()[0]
    scan = ThresholdScan(cuts=CUTS, compare=1.0)
    attempts += [
        Attempt("threshold_scan", scan, _scanned(scan), contrasts),
        Attempt(
            "shift, 1 step", Shift(steps=1), _one("mean difference", worlds.shift_truth()),
            difference, _capped,
        ),
        Attempt(
            f"incremental, odds × {worlds.ODDS:g}", Incremental(odds=worlds.ODDS),
            _one("mean difference", worlds.incremental_truth()), difference, _any_meeting,
        ),
        Attempt(
            "dose_means, levels", DoseMeans(form="levels"), _one("1 − 0 meetings", weekly),
            difference, _capped, CONFOUNDED,
        ),
        Attempt(
            "dose_response, linear", DoseResponse(form="linear"), _one("1 − 0 meetings", weekly),
            difference, _capped, STRAIGHT,
        ),
    ]  # fmt: skip
    return World("Doses, n = 3,000", partial(worlds.doses, 3000), tuple(attempts), replicates)


def _scanned(scan: ThresholdScan) -> tuple[tuple[str, Limit | None], ...]:
    """Give the limits of a threshold scan: what it finds in very many persons."""
    rng = generator(0, "questions", "threshold")
    fit = scan.fit(worlds.doses(FITTED_AT_ONCE, rng), NuisanceStore(), rng)
    rows = _profile(fit).contrasts
    return (*((one.name, Limit(one.estimate, one.std_error)) for one in rows), (TOGETHER, None))


def _capped(sample: Sample) -> Sample:
    """Take the rarer doses together."""
    return replace(sample, a=np.minimum(sample.a, worlds.TOP))


def _any_meeting(sample: Sample) -> Sample:
    """Ask only whether there was a meeting."""
    return replace(sample, a=(sample.a > 0).astype(float), exposure_kind="binary", doses=None)


def _first_use(name: str, replicates: int) -> World:
    """Give a world of times to first use, with death competing."""
    truth = times_truth(TIMES[name])
    quantities: tuple[tuple[str, Limit | None], ...] = (
        (f"risk by day {HORIZON:g}", Limit(truth["ate"], 0.0)),
        (RMST, Limit(truth[f"mean days lost to use by day {TAU:g}, exposed - unexposed"], 0.0)),
    )
    attempts = [
        Attempt("survival_aipw, weeks", SurvivalAIPW(width=7), quantities, risk_and_mean),
        Attempt("kaplan_meier", KaplanMeier(), quantities, risk_and_mean, reason=CONFOUNDED),
    ]
    if name == "independent_censoring":  # the weighted curve takes leaving as random in each arm
        weighted = WeightedKaplanMeier()
        attempts[1:1] = [Attempt("ipw_kaplan_meier", weighted, quantities, risk_and_mean)]
    draw = partial(worlds.times, TIMES[name], 1500)
    shown = name.replace("_", " ")
    return World(f"Times to first use ({shown}), n = 1,500", draw, tuple(attempts), replicates)


def _clinics(replicates: int) -> World:
    """Give the world of a survey that draws unequally, in strata and clusters."""
    effect = _one("difference in the population", survey_truth(SURVEYS["base"])["ate"])
    outcome = OutcomeModel(arms="separate")
    attempts = (
        *(
            Attempt(name, estimator, effect, difference, reason=FEW_CLINICS)
            for name, estimator in (
                ("g_computation, ATE", GComputation(outcome=outcome)),
                ("ipw, ATE", InverseProbability()),
                ("aipw, ATE", AIPW(outcome=outcome)),
            )
        ),
        Attempt(
            "ipw, units left out", InverseProbability(), effect, difference,
            lambda sample: replace(sample, cluster=None, strata=None), INDEPENDENT,
        ),
        Attempt(
            "ipw, weights left out", InverseProbability(), effect, difference,
            lambda sample: replace(sample, w=np.ones(sample.n)), UNWEIGHTED,
        ),
    )  # fmt: skip
    name = "A survey: 2,000 persons of 40 clinics in 8 regions"
    return World(name, partial(worlds.survey, 2000), attempts, replicates)


def _tilts(replicates: int) -> tuple[World, World]:
    """Give the worlds of one effect for all, and of one that moves with a covariate."""
    constant = Attempt(
        "g_estimation, test inversion",
        GEstimation(interval="test_inversion"),
        _one("effect", worlds.EFFECT),
        region,
    )
    model = Attempt(
        "g_estimation, one modifier",
        GEstimation(modifiers=("x0",)),
        _named(("effect at 0", "slope"), (worlds.EFFECT, worlds.SLOPE))[:2],
        parameters,
    )
    plain = replace(constant, name="g_estimation", estimator=GEstimation(), read=difference)
    n = 3000
    return (
        World(
            "G-estimation, one effect, outcomes missing, n = 3,000",
            partial(worlds.tilted, n, slope=0.0), (plain, constant), replicates,
        ),
        World(
            "G-estimation, an effect that moves with a covariate, n = 3,000",
            partial(worlds.tilted, n, slope=worlds.SLOPE), (model,), replicates,
        ),
    )  # fmt: skip
