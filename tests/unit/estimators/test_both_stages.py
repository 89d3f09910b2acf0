"""Beside an effect through instruments: the coefficients of two regressions, and both jointly."""

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimators import FirstStage, InstrumentalVariables, IntentionToTreat, NuisanceStore
from causal.estimators.both_stages import both_stages, pool_stages


def drawn(instruments: int, *, seed: int = 3, clustered: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    n = 400
    z, x, u = rng.normal(size=(n, instruments)), rng.normal(size=(n, 2)), rng.normal(size=n)
    z[:, 0] = (z[:, 0] + 0.5 * x[:, 0] > 0).astype(float)
    a = 0.6 * z.sum(axis=1) + x[:, 0] + u + rng.normal(size=n)
    y = 0.4 * a - u + rng.normal(size=n)
    return Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x,
        terms=("x0", "x1"),
        concepts=("severity", "motivation"),
        outcome_kind="continuous",
        exposure_kind="dose",
        w=rng.uniform(0.5, 2.0, n),
        cluster=np.arange(n) // 4 if clustered else None,
        z=z,
        instruments=tuple(f"z{j}" for j in range(instruments)),
    )


def stages(sample, **variance):
    estimator = InstrumentalVariables(**({"variance": variance} if variance else {}))
    data = estimator.projected(sample)
    return both_stages(data, estimator.reduced(sample, data), sample.instruments)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "classical"])
@pytest.mark.parametrize("clustered", [False, True])
def test_with_one_instrument_they_are_the_rungs_itt_and_first_stage(kind, clustered):
    sample = drawn(1, clustered=clustered)
    found = stages(sample, kind=kind)
    for place, estimator in enumerate((IntentionToTreat, FirstStage)):
        rung = estimator(variance={"kind": kind}).fit(
            sample, NuisanceStore(), np.random.default_rng(0)
        )
        assert found.values[place] == pytest.approx(rung.values[0], rel=1e-8)
        assert found.covariance[place, place] == pytest.approx(rung.covariance[0, 0], rel=1e-8)
        assert found.df == rung.df


def test_with_several_each_is_beside_the_others_and_the_joint_f_a_regressions():
    import statsmodels.api as sm

    sample = drawn(3)
    found = stages(sample, kind="HC1")
    design = sm.add_constant(np.column_stack([sample.z, sample.x]))
    test = np.eye(6)[1:4]
    for outcome, response in ((True, sample.y), (False, sample.a)):
        fit = sm.WLS(response, design, weights=sample.w).fit(cov_type="HC1")
        place = slice(0, 3) if outcome else slice(3, 6)
        assert found.values[place] == pytest.approx(fit.params[1:4])
        assert np.sqrt(np.diag(found.covariance))[place] == pytest.approx(fit.bse[1:4])
        wald = fit.wald_test(test, use_f=False, scalar=True)
        assert 3 * found.joint_f(outcome=outcome) == pytest.approx(float(wald.statistic))
        assert found.joint_p(outcome=outcome) == pytest.approx(float(wald.pvalue), abs=1e-12)


def test_imputations_are_pooled_with_what_lies_between_them():
    every = [stages(drawn(2, seed=seed)) for seed in range(5)]
    found = pool_stages(every)
    values = np.array([one.values for one in every])
    within = np.mean([one.covariance for one in every], axis=0)
    assert found.values == pytest.approx(values.mean(axis=0))
    assert found.covariance == pytest.approx(within + 1.2 * np.cov(values, rowvar=False))
    assert np.isfinite(found.df)
