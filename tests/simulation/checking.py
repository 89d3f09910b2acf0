"""The two checks of a simulation: coverage in its band, and standard errors of the right size."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.limits import Limits
from benchmarks.mechanism import Design
from benchmarks.methods import Method
from benchmarks.performance import acceptance_band, measure
from benchmarks.replicates import estimate_all
from causal.inference import critical_value

SMALL_SAMPLE_ERROR = 0.06
"""Weights with ten covariates make standard errors up to 6 % too small at 1,000 to 2,000 rows."""
FAMILY = 0.01


def miscalibrated(
    design: Design, methods: Sequence[Method], limits: Limits, *, replicates: int, seed: int
) -> list[str]:
    """Name the methods whose coverage or standard error is off; none is as it should be."""
    results = estimate_all(design, methods, replicates=replicates, seed=seed)
    beyond = critical_value(1 - FAMILY / len(methods))
    said = []
    for column, method in enumerate(methods):
        found = measure(results[:, column], limits.of(method.limit_name))
        low, high = acceptance_band(found.fits, len(methods))
        if not low <= found.coverage <= high:
            said.append(f"{method.name} covers {found.coverage:.3f}, not {low:.3f} to {high:.3f}")
        if abs(found.ratio - 1) > SMALL_SAMPLE_ERROR + beyond * found.ratio_mc:
            said.append(f"{method.name}: standard error {found.ratio:.3f} of what it should be")
        if abs(found.bias) > beyond * found.bias_mc + SMALL_SAMPLE_ERROR * found.empirical:
            said.append(f"{method.name}: bias {found.bias:.4f} (MC error {found.bias_mc:.4f})")
    return said
