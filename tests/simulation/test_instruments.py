"""Sets that do not heed strength cover at every strength; two-stage least squares does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.estimators.first_stage import effective_f
from causal.estimators.iv_algebra import Projected, k_class, project
from causal.estimators.reduced_form import ReducedForm, reduced_form
from causal.estimators.weak_sets import anderson_rubin_p, conditional_ratio_p
from causal.inference import critical_value

pytestmark = pytest.mark.simulation

TRUTH = 0.4
REPLICATES = 400
ROWS, CLUSTERS, INSTRUMENTS = 500, 50, 3
STRENGTHS = (1.0, 4.0, 10.0, 50.0)
COMPARISONS = 2 * 2 * len(STRENGTHS)


def draw(rng: np.random.Generator, strength: float, *, clustered: bool) -> tuple[Projected, object]:
    """Draw strongly confounded exposure with instruments of about the effective F asked for."""
    groups = np.arange(ROWS) % CLUSTERS if clustered else None
    z = rng.normal(size=(CLUSTERS if clustered else ROWS, INSTRUMENTS))
    u = rng.normal(size=(ROWS, 2)) @ np.linalg.cholesky([[1.0, 0.95], [0.95, 1.0]]).T
    if groups is not None:
        shared = rng.normal(size=(CLUSTERS, 2)) @ np.linalg.cholesky([[1, 0.95], [0.95, 1]]).T
        z, u = z[groups], (u + shared[groups]) / math.sqrt(2)
    units = CLUSTERS / 0.55 if clustered else ROWS  # rows' worth under the shared half of u
    slope = math.sqrt(max(strength - 1, 0.0) / units)
    a = slope * z.sum(axis=1) + u[:, 0]
    y = TRUTH * a + u[:, 1]
    names = tuple(f"z{j}" for j in range(INSTRUMENTS))
    return project(y, a, z, np.empty((ROWS, 0)), np.ones(ROWS), names), groups


def covered_by_standard_errors(data: Projected, form: ReducedForm, groups: object) -> bool:
    """Tell whether estimate plus or minus 1.96 standard errors covers."""
    found = k_class(data, 1.0)
    sums = found.influence
    if groups is not None:
        sums = np.bincount(np.asarray(groups), weights=sums)
    error = math.sqrt(float(sums @ sums)) / data.n
    return abs(found.coefficient - TRUTH) < critical_value() * error


@pytest.mark.parametrize("clustered", [False, True], ids=["iid", "clusters"])
@pytest.mark.parametrize("strength", STRENGTHS)
def test_weak_sets_cover_at_every_strength(strength: float, clustered: bool) -> None:
    rng = np.random.default_rng(int(10 * strength) + clustered)
    truth = np.array([TRUTH])
    ratio, rubin, plain, found = [], [], [], []
    for _ in range(REPLICATES):
        data, groups = draw(rng, strength, clustered=clustered)
        form = reduced_form(data, "HC1", groups)
        rubin.append(float(anderson_rubin_p(form, truth)[0]) > 0.05)
        ratio.append(float(conditional_ratio_p(form, truth)[0]) > 0.05)
        plain.append(covered_by_standard_errors(data, form, groups))
        found.append(effective_f(form))
    low, high = acceptance_band(REPLICATES, COMPARISONS)
    assert strength / 1.5 < np.mean(found) < 1.5 * strength
    assert low <= np.mean(rubin) <= high
    assert low <= np.mean(ratio) <= high
    if strength == 1.0:
        assert np.mean(plain) < 0.40  # the failure weak instruments are known for
    if strength == 50.0:
        assert np.mean(plain) > 0.85
