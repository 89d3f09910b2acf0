"""Checks of rungs with instruments: strength, over-identification, and against least squares."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from causal.cohort import Sample
from causal.diagnostics import Diagnostic
from causal.estimate import Estimates, NotEstimable
from causal.estimators.first_stage import (
    classical_f,
    effective_f,
    effective_f_critical,
    tf_factor,
    wald_f,
)
from causal.estimators.glm import fit_glm
from causal.estimators.instrumental import InstrumentalVariables, Instrumented
from causal.estimators.iv_algebra import Projected, k_class, two_step
from causal.estimators.linear_probability import LinearProbability
from causal.estimators.nuisance import NuisanceStore, choose_terms
from causal.estimators.reduced_form import ReducedForm, ReducedForms
from causal.estimators.weak_sets import (
    anderson_rubin_f,
    anderson_rubin_p,
    conditional_ratio_p,
    typical_width,
)
from causal.findings import Curve, Point
from causal.inference import LEVEL, critical_value, two_sided_p

OF_INSTRUMENT = ("ITT", "first stage")
POINTS = 81
"""Effects at which a confidence curve is drawn."""


def judge_instruments(
    sample: Sample,
    estimator: Instrumented,
    threshold: float | Literal["critical"],
    forms: ReducedForms,
    estimates: Estimates,
) -> tuple[Diagnostic, ...]:
    """Judge the strength of the instruments, and describe what else can be said of them.

    Parameters
    ----------
    sample : the rung's rows, covariates and instruments.
    threshold : what the effective F is held against; ``critical`` for its own critical value.
    forms : the estimator's reduced forms of these rows.
    estimates : the estimator's fit to these rows.
    """
    form = forms.plain
    strength = judge_effective_f(form, threshold)
    if estimator.estimand in OF_INSTRUMENT:  # its own coefficient is right however weak it is
        strength = replace(strength, verdict="NOT_EVALUATED", reason="strength is no matter here")
    found = [strength, *_first_stage(form, classical=estimator.linear_stages)]
    found += _weak_tests(forms.weak)
    if estimator.estimand != "LATE":
        return tuple(found)
    if form.q == 1:
        found.append(_tf(form))
    else:
        found += _overidentified(sample, estimator, estimator.projected(sample))
    if estimator.linear_stages:
        found += _endogeneity(sample, estimator)
    found.append(_against_least_squares(sample, estimator, estimates))
    return tuple(found)


def judge_effective_f(form: ReducedForm, threshold: float | Literal["critical"]) -> Diagnostic:
    """Hold the effective F against its critical value, or a declared threshold."""
    value = effective_f(form)
    critical = effective_f_critical(form)
    limit = critical if threshold == "critical" else max(threshold, critical)
    verdict: Literal["PASS", "FAIL"] = "PASS" if value >= limit else "FAIL"
    if limit > critical:
        said = f"against the threshold the specification sets, above the critical {critical:.3g}"
    elif verdict == "PASS":
        said = "a bias above 10 % of the worst case is excluded at the 5 % level"
    else:
        said = "a bias above 10 % of the worst case is not excluded at the 5 % level"
    return Diagnostic("effective_f", value, limit, verdict, said)


def _told(name: str, value: float | None, reason: str) -> Diagnostic:
    """Give a number that is not judged."""
    return Diagnostic(name, value, None, "NOT_EVALUATED", reason)


def _first_stage(form: ReducedForm, *, classical: bool) -> Iterator[Diagnostic]:
    """Give the first-stage F statistics."""
    if classical:
        yield _told(
            "first_stage_f",
            classical_f(form),
            "instruments in the first stage, equal error variance",
        )
    yield _told(
        "first_stage_wald_f",
        wald_f(form),
        f"{'the same' if classical else 'instruments in the first stage,'} by the declared "
        "convention of the variance",
    )


def _weak_tests(form: ReducedForm) -> Iterator[Diagnostic]:
    """Give the p-values of no effect that hold however weak the instruments are."""
    zero = np.zeros(1)
    yield _told(
        "anderson_rubin_f",
        anderson_rubin_f(form, 0.0),
        f"Anderson-Rubin statistic of no effect, as F with {form.q} numerator df",
    )
    yield _told(
        "anderson_rubin_p",
        float(anderson_rubin_p(form, zero)[0]),
        "Anderson-Rubin p-value of no effect",
    )
    if form.q > 1 and form.joint:
        yield _told(
            "conditional_ratio_p",
            float(conditional_ratio_p(form, zero)[0]),
            "conditional likelihood-ratio p-value of no effect",
        )


def _tf(form: ReducedForm) -> Diagnostic:
    """Give the factor by which tF widens the 95 % interval, and that interval."""
    strength = wald_f(form)
    factor = tf_factor(strength)
    if math.isinf(factor):
        return _told("tf_factor", None, f"first-stage F {strength:.3g} is below 4: no tF interval")
    return _told(
        "tf_factor",
        factor,
        "Lee et al. (2022): what the standard error is multiplied with for a 95 % interval of "
        f"estimate plus or minus {factor * critical_value():.3g} standard errors",
    )


def _overidentified(
    sample: Sample, estimator: Instrumented, data: Projected
) -> tuple[Diagnostic, ...]:
    """Test whether the instruments agree with one another."""
    from scipy import special

    robust = not estimator.variance.classical
    name, said = ("hansen_j", "Hansen's J") if robust else ("sargan", "Sargan's statistic")
    if robust:
        found = two_step(data, estimator.groups(sample), estimator.drawn(sample))
    elif isinstance(estimator, InstrumentalVariables):
        found = estimator.structural(sample, data)
    else:
        found = k_class(data, 1.0)
    statistic = found.overidentification
    p = float(special.chdtrc(data.q - 1, statistic))
    return (
        _told(name, statistic, f"over-identification: {said}, on {data.q - 1} df"),
        _told(
            f"{name}_p",
            p,
            f"over-identification: {statistic:.3g} on {data.q - 1} df; a small p-value says that "
            "the instruments disagree, a large one not that they are valid",
        ),
    )


def _endogeneity(sample: Sample, estimator: Instrumented) -> tuple[Diagnostic, ...]:
    """Test the first stage's residual as a further covariate (Wu-Hausman)."""
    chosen = choose_terms(sample, estimator.terms)
    known = chosen if chosen.observed.all() else chosen.rows(chosen.observed)
    z = known.z if known.z is not None else np.empty((known.n, 0))
    first = fit_glm(np.column_stack([z, known.x]), known.a, known.w, "linear")
    residual = known.a - first.fitted
    linear = LinearProbability(variance=estimator.variance)
    turned = replace(
        known,
        a=residual,
        x=np.column_stack([known.a, known.x]),
        terms=("exposure", *known.terms),
        concepts=("exposure", *known.concepts),
        outcome_kind="continuous",
        exposure_kind="dose",
    )
    fitted = linear.estimate(turned, NuisanceStore(), np.random.default_rng(0))
    slope = float(fitted.values[0])
    z_value = slope / math.sqrt(float(fitted.covariance[0, 0]))
    what = "first stage's residual in the outcome's regression"
    return (
        _told("wu_hausman_coefficient", slope, f"{what}: its coefficient"),
        _told("wu_hausman_t", z_value, f"{what}: its t"),
        _told(
            "wu_hausman_p",
            two_sided_p(z_value, fitted.df),
            f"{what}: coefficient {slope:.3g}, t = {z_value:.3g}",
        ),
    )


def _against_least_squares(
    sample: Sample, estimator: Instrumented, instrumented: Estimates
) -> Diagnostic:
    """Compare with least squares on the same rows and covariates, paired by influence values."""
    rng, store = np.random.default_rng(0), NuisanceStore()
    linear = LinearProbability(variance=estimator.variance, terms=estimator.terms)
    plain = linear.estimate(sample, store, rng).contrast("mean_difference")
    if not isinstance(plain, Estimates) or isinstance(plain.influence, NotEstimable):
        return _told("hausman_p", None, "least squares gives no difference here")
    joint = instrumented.joint(plain)
    apart = float(joint.values[0] - joint.values[1])
    v = joint.covariance
    error = math.sqrt(max(float(v[0, 0] + v[1, 1] - 2 * v[0, 1]), 0.0))
    p = two_sided_p(apart / error, joint.df) if error > 0 else 1.0
    return _told(
        "hausman_p",
        p,
        f"least squares with the same covariates gives {float(plain.values[0]):.3g}, "
        f"{-apart:+.3g} (SE {error:.3g}) from here. A difference is confounding only if the "
        "instrument is valid and effects are alike; with weak instruments the test sees little",
    )


def confidence_curves(form: ReducedForm) -> tuple[Curve, ...]:
    """Give the p-value against every size of effect, by tests that heed no strength.

    References
    ----------
    Poole (1987), doi:10.2105/AJPH.77.2.195 (confidence curves).
    """
    centre, half = typical_width(form)
    x = np.linspace(centre - 4 * half, centre + 4 * half, POINTS)
    tests = {"Anderson-Rubin": anderson_rubin_p}
    if form.q > 1 and form.joint:
        tests["conditional likelihood ratio"] = conditional_ratio_p
    return tuple(
        Curve(
            name=name,
            x_name="difference",
            y_name="p-value",
            points=tuple(Point(float(u), float(p)) for u, p in zip(x, test(form, x), strict=True)),
            level_line=1 - LEVEL,
        )
        for name, test in tests.items()
    )
