"""Instrumental variables beside linearmodels, live: coefficients, standard errors, statistics.

Where the conventions differ the difference is a formula, and the formula is tested. Its
``anderson_rubin`` is a test of over-identification (Anderson & Rubin 1950) and no set for weak
instruments, so it is held against LIML's k and not against our set; those sets are held against
the package ivmodels (``test_ivmodels.py``).
"""

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS, IVGMM, IVLIML

from causal.cohort import Sample
from causal.estimators import ControlFunction, InstrumentalVariables, NuisanceStore
from causal.estimators.base import Variance
from causal.estimators.first_stage import classical_f, wald_f
from causal.estimators.iv_algebra import k_class, liml_k, two_step

pytestmark = pytest.mark.reference

SAME = 1e-9  # the same closed form by another factorisation, relative
KINDS = {
    "classical": ("unadjusted", True),
    "HC0": ("robust", False),
    "HC1": ("robust", True),
    "CR0": ("clustered", False),
    "CR1": ("clustered", True),
}
"""Our conventions in linearmodels' words: cov_type, debiased."""
FULLER = 4.0


def drawn(n=400, q=3, p=2, *, weighted=False, binary=False, seed=0):
    """Draw a confounded, heteroskedastic cohort of 40 correlated clusters."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 40
    shared = rng.normal(size=40)[group]
    z, x, u = rng.normal(size=(n, q)), rng.normal(size=(n, p)), rng.normal(size=n) + shared
    a = 0.4 * z.sum(axis=1) + 0.5 * x.sum(axis=1) + u + rng.normal(size=n)
    a = (a > 0).astype(float) if binary else a
    y = 0.5 * a - u + x.sum(axis=1) + rng.normal(size=n) * (1 + 0.7 * np.abs(z[:, 0]))
    return Sample(
        unit=np.arange(n),
        y=(y > 0).astype(float) if binary else y,
        a=a,
        x=x,
        terms=tuple(f"x{j}" for j in range(p)),
        concepts=("severity",) * p,
        outcome_kind="binary" if binary else "continuous",
        exposure_kind="binary" if binary else "dose",
        w=rng.uniform(0.4, 2.5, n) if weighted else np.ones(n),
        cluster=group,
        z=z,
        instruments=tuple(f"z{j}" for j in range(q)),
    )


SAMPLES = {
    "one instrument": {"q": 1},
    "one instrument, no covariates": {"q": 1, "p": 0},
    "three instruments": {},
    "three instruments, weighted": {"weighted": True},
    "three instruments, 0/1 exposure and outcome": {"binary": True},
    "three instruments, weighted, five covariates": {"weighted": True, "p": 5, "seed": 3},
}
samples = pytest.mark.parametrize("drawing", SAMPLES.values(), ids=SAMPLES.keys())
kinds = pytest.mark.parametrize("kind", KINDS)


def theirs(model, sample, **settings):
    """Give linearmodels' model of the sample; a constant is its only covariate besides x."""
    exogenous = np.column_stack([np.ones(sample.n), sample.x])
    frames = [pd.DataFrame(v, copy=True) for v in (sample.y, exogenous, sample.a, sample.z)]
    for frame, letter in zip(frames, "yxaz", strict=True):
        frame.columns = [f"{letter}{j}" for j in range(frame.shape[1])]
    return model(*frames, weights=pd.Series(sample.w), **settings)


def their_fit(model, sample, kind, **settings):
    cov_type, debiased = KINDS[kind]
    clusters = {"clusters": sample.cluster} if cov_type == "clustered" else {}
    return theirs(model, sample, **settings).fit(cov_type=cov_type, debiased=debiased, **clusters)


def our_variance(kind):
    return Variance(kind=kind.replace("CR", "HC"), clustered=kind.startswith("CR"))


def ours(estimator, sample):
    fitted = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    return float(fitted.values[0]), float(np.sqrt(fitted.covariance[0, 0]))


def cluster_total(values, sample, kind):
    """Give the sum of squares of row values, within clusters first where the kind says so."""
    if kind.startswith("CR"):
        values = np.bincount(sample.cluster, weights=values)
    return float(values @ values)


def small_sample(sample, kind):
    """Give the declared factor: n/(n-k), or G/(G-1) (n-1)/(n-k); 1 for HC0 and CR0."""
    n, k, groups = sample.n, sample.x.shape[1] + 2, len(np.unique(sample.cluster))
    if kind.endswith("0"):
        return 1.0
    return n / (n - k) if kind == "HC1" else groups / (groups - 1) * (n - 1) / (n - k)


@samples
@kinds
@pytest.mark.parametrize("estimator", [InstrumentalVariables, ControlFunction])
def test_two_stage_least_squares(drawing, kind, estimator):
    sample = drawn(**drawing)
    wanted = their_fit(IV2SLS, sample, kind)
    value, error = ours(estimator(variance=our_variance(kind)), sample)
    assert value == pytest.approx(wanted.params["a0"], rel=SAME)
    assert error == pytest.approx(wanted.std_errors["a0"], rel=SAME)


@samples
@pytest.mark.parametrize(
    ("method", "settings"),
    [("liml", {}), ("fuller", {"fuller": 1.0}), ("fuller", {"fuller": FULLER})],
)
def test_liml_and_fuller_with_the_classical_error(drawing, method, settings):
    sample = drawn(**drawing)
    estimator = InstrumentalVariables(
        method=method, variance=Variance(kind="classical"), **settings
    )
    wanted = their_fit(IVLIML, sample, "classical", **settings)
    value, error = ours(estimator, sample)
    assert value == pytest.approx(wanted.params["a0"], rel=SAME)
    assert error == pytest.approx(wanted.std_errors["a0"], rel=SAME)
    found = estimator.structural(sample, estimator.projected(sample))
    assert found.k == pytest.approx(wanted.kappa, rel=SAME)


@samples
@pytest.mark.parametrize("kind", ["HC0", "HC1", "CR0", "CR1"])
@pytest.mark.parametrize(
    ("method", "settings"), [("liml", {}), ("fuller", {"fuller": FULLER})], ids=["liml", "fuller"]
)
def test_sandwich_of_liml_differs_by_what_stands_for_exposure_in_the_scores(
    drawing, kind, method, settings
):
    """Ours has the scores of the equation solved, (I - k M) a; theirs those of 2SLS, P a.

    The two agree at k = 1, that is with one instrument under LIML.
    """
    sample = drawn(**drawing)
    estimator = InstrumentalVariables(method=method, variance=our_variance(kind), **settings)
    wanted = their_fit(IVLIML, sample, kind, **settings)
    value, error = ours(estimator, sample)
    assert value == pytest.approx(wanted.params["a0"], rel=SAME)
    data = estimator.projected(sample)
    found = estimator.structural(sample, data)
    moved = data.z @ data.gram[2:, 1]
    denominator = (1 - found.k) * data.a @ data.a + found.k * moved @ moved
    factor = small_sample(sample, kind)

    def error_with(scores):
        return np.sqrt(factor * cluster_total(scores * found.residual, sample, kind)) / denominator

    assert error == pytest.approx(error_with((1 - found.k) * data.a + found.k * moved), rel=SAME)
    assert wanted.std_errors["a0"] == pytest.approx(error_with(moved), rel=SAME)
    if data.q == 1 and method == "liml":
        assert error == pytest.approx(wanted.std_errors["a0"], rel=SAME)


@samples
@pytest.mark.parametrize("kind", ["HC0", "HC1", "CR0", "CR1"])
def test_two_step_gmm(drawing, kind):
    """Coefficient and J are the same; the error by the residuals of either coefficient vector.

    Concentrating covariates out leaves the criterion as it is, so beta and J agree. Ours takes
    residuals orthogonal to the covariates; theirs those at its own covariate coefficients, which
    GMM lets stray where moments of covariates and instruments correlate: r + x d with
    d = (x'x)^-1 S_xz S_zz^-1 m_z, S of the first step and m_z the instruments' moments at beta.
    """
    sample = drawn(**drawing)
    clustered = kind.startswith("CR")
    weighing = (
        {"weight_type": "clustered", "clusters": sample.cluster}
        if clustered
        else {"weight_type": "robust"}
    )
    wanted = their_fit(IVGMM, sample, kind, **weighing)
    estimator = InstrumentalVariables(method="gmm", variance=our_variance(kind))
    value, error = ours(estimator, sample)
    assert value == pytest.approx(wanted.params["a0"], rel=SAME)
    data = estimator.projected(sample)
    found = two_step(data, sample.cluster if clustered else None)
    if data.q > 1:
        assert found.overidentification == pytest.approx(wanted.j_stat.stat, rel=SAME)
    first = k_class(data, 1.0).residual
    root = np.sqrt(sample.w)[:, None]
    x = root * np.column_stack([np.ones(sample.n), sample.x])

    def summed(moments):
        if not clustered:
            return moments
        return np.stack([np.bincount(sample.cluster, weights=m) for m in moments.T], axis=1)

    of_x, of_z = summed(x * first[:, None]), summed(data.z * first[:, None])
    weight = np.linalg.inv(of_z.T @ of_z)
    moments = of_x.T @ of_z @ weight @ (data.z.T @ found.residual)
    strayed = found.residual + x @ np.linalg.solve(x.T @ x, moments)
    to_a = data.gram[2:, 1]
    scores = data.z @ (weight @ to_a) / (to_a @ weight @ to_a)
    factor = small_sample(sample, kind)

    def error_with(residual):
        return np.sqrt(factor * cluster_total(scores * residual, sample, kind))

    assert error == pytest.approx(error_with(found.residual), rel=SAME)
    assert wanted.std_errors["a0"] == pytest.approx(error_with(strayed), rel=SAME)
    assert error == pytest.approx(wanted.std_errors["a0"], rel=0.02)


@pytest.mark.parametrize("weighted", [False, True])
def test_sargans_statistic_and_that_of_liml(weighted):
    """n log k is Anderson & Rubin's (1950) statistic of over-identification, k that of LIML."""
    sample = drawn(weighted=weighted)
    data = InstrumentalVariables().projected(sample)
    fitted = their_fit(IV2SLS, sample, "HC0")
    assert k_class(data, 1.0).overidentification == pytest.approx(fitted.sargan.stat, rel=SAME)
    assert data.n * np.log(liml_k(data)) == pytest.approx(
        their_fit(IVLIML, sample, "HC0").anderson_rubin.stat, rel=SAME
    )


@samples
@kinds
def test_the_first_stage(drawing, kind):
    """Theirs divides by q under equal error variance only; elsewhere it is chi-squared, q F."""
    sample = drawn(**drawing)
    wanted = their_fit(IV2SLS, sample, kind).first_stage.diagnostics["f.stat"].iloc[0]
    estimator = InstrumentalVariables(variance=our_variance(kind))
    form = estimator.reduced(sample, estimator.projected(sample))
    shown = wald_f(form) * (1 if kind == "classical" else form.q)
    assert shown == pytest.approx(wanted, rel=SAME)
    if kind == "classical":
        assert classical_f(form) == pytest.approx(wanted, rel=SAME)
