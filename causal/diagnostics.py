"""Balance, overlap and effective sample size: numbers, and verdicts against declared thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.errors import PositivityError
from causal.estimators.base import Limited
from causal.findings import tell
from causal.inference import cluster_sums, critical_value

Verdict: TypeAlias = Literal["PASS", "FAIL", "NOT_RESOLVABLE", "NOT_EVALUATED"]

BINS = 20
"""Bins of the overlap histogram, each .05 wide."""
EXACT = 1e-8
"""Below this an imbalance is rounding, and which column has the largest is an accident."""
ROUNDING = 1e-12
"""A column whose values lie closer than this share of the largest does not vary: they differ by the
rounding of what it was computed from, which is near 1e-16 of them."""
FAMILY_ERROR = 0.05
"""Family-wise error of the test that decides whether an imbalance is more than chance."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One check: a value, the threshold set beforehand, and a verdict with its reason."""

    name: str
    value: float | None
    threshold: float | None
    verdict: Verdict
    reason: str


def varies(x: Floats) -> Bools:
    """Tell of (n, p) columns which vary by more than rounding; nothing is said of missing values.

    Means and variances of a constant are off by rounding, by its size; its smallest and largest
    values are not.
    """
    if not len(x):
        return np.zeros(x.shape[1], dtype=bool)
    low, high = x.min(axis=0), x.max(axis=0)
    return np.asarray(high - low > ROUNDING * np.maximum(np.abs(low), np.abs(high)))


def standardised_differences(x: Floats, a: Floats, w: Floats) -> Floats:
    """Give the (p,) standardised mean differences, exposed minus unexposed.

    The denominator is the unweighted pooled standard deviation, so that weighting cannot improve
    balance by changing it. Columns that do not vary at all give 0; those that vary in neither arm,
    but between them, infinity.

    References
    ----------
    Austin & Stuart (2015), doi:10.1002/sim.6607, section 3.1.
    """
    spread = _pooled_spread(x, a)
    difference = np.where(_vary_in_arms(x, a), _mean_differences(x, a, w), 0.0)
    flat = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    return np.where(spread > 0, difference / np.where(spread > 0, spread, 1.0), flat)


def _vary_in_arms(x: Floats, a: Floats) -> Bools:
    """Tell of (p,) columns which vary among the rows of both arms, taken together."""
    return varies(x[(a == 0) | (a == 1)])


def _pooled_spread(x: Floats, a: Floats) -> Floats:
    """Give (p,) standard deviations, the two arms' variances averaged; 0 where neither varies."""
    arms = [x[a == arm] for arm in (0, 1)]
    variances = [np.where(varies(rows), rows.var(axis=0, ddof=1), 0.0) for rows in arms]
    return np.asarray(np.sqrt((variances[0] + variances[1]) / 2))


def _mean_differences(x: Floats, a: Floats, w: Floats) -> Floats:
    """Give (p,) weighted mean differences, exposed minus unexposed."""
    means = [np.average(x[a == arm], axis=0, weights=w[a == arm]) for arm in (0, 1)]
    return np.asarray(means[1] - means[0])


def effective_sizes(a: Floats, w: Floats) -> tuple[float, float]:
    """Give Kish's effective sample size of the unexposed and of the exposed."""
    sizes = [float(w[a == arm].sum() ** 2 / (w[a == arm] ** 2).sum()) for arm in (0, 1)]
    return sizes[0], sizes[1]


def propensity_shares(e: Floats, a: Floats) -> tuple[list[int], list[int]]:
    """Count unexposed and exposed rows in equal bins of the propensity."""
    edges = np.linspace(0, 1, BINS + 1)
    counts = [np.histogram(e[a == arm], bins=edges)[0].tolist() for arm in (0, 1)]
    return counts[0], counts[1]


def judge_effective_size(a: Floats, w: Floats, threshold: float) -> Diagnostic:
    """Judge the smaller effective sample size of the two arms."""
    unexposed, exposed = effective_sizes(a, w)
    value = min(unexposed, exposed)
    return Diagnostic(
        "effective_sample_size",
        value,
        threshold,
        "PASS" if value >= threshold else "FAIL",
        f"after weighting, {unexposed:.0f} unexposed and {exposed:.0f} exposed rows' worth of "
        f"information out of {int((a == 0).sum())} and {int((a == 1).sum())}",
    )


def judge_largest_weight(a: Floats, w: Floats, threshold: float) -> Diagnostic:
    """Judge the largest share of an arm's weight that one row carries."""
    value = max(float(w[a == arm].max() / w[a == arm].sum()) for arm in (0, 1))
    return Diagnostic(
        "max_weight_share",
        value,
        threshold,
        "PASS" if value <= threshold else "FAIL",
        f"the largest weight is {tell(float(w.max()))}; one row carries {100 * value:.1f} % of its "
        "arm",
    )


def judge_balance(
    x: Floats,
    a: Floats,
    w: Floats,
    names: tuple[str, ...],
    threshold: float,
    cluster: Ints | None = None,
) -> Diagnostic:
    """Judge the largest standardised difference after weighting, allowing for chance.

    Under perfect randomisation small cohorts exceed any fixed threshold most of the time, so an
    excess is a failure only if some column exceeds what chance gives at a family-wise 5 %
    (Bonferroni); otherwise it is not resolvable at this size. Columns that do not vary are left
    out, as regressions leave them out, and named.

    Raises
    ------
    PositivityError
        A column varies in neither arm, but between them: it determines exposure.
    """
    if x.shape[1] == 0:
        return Diagnostic("smd", None, threshold, "NOT_EVALUATED", "the rung adjusts for nothing")
    kept = _vary_in_arms(x, a)
    flat = _named_flat(names, kept)
    if not kept.any():
        return Diagnostic("smd", None, threshold, "NOT_EVALUATED", flat)
    found = _judge_balance(
        x[:, kept], a, w, tuple(np.asarray(names)[kept].tolist()), threshold, cluster
    )
    return replace(found, reason=f"{found.reason}; {flat}") if flat else found


def _named_flat(names: tuple[str, ...], kept: Bools) -> str:
    """Name the columns that do not vary; nothing where all do."""
    flat = [f"'{name}'" for name, one in zip(names, kept, strict=True) if not one]
    return f"{', '.join(flat)} {'does' if len(flat) == 1 else 'do'} not vary" if flat else ""


def _judge_balance(
    x: Floats, a: Floats, w: Floats, names: tuple[str, ...], threshold: float, cluster: Ints | None
) -> Diagnostic:
    """Judge the largest standardised difference of columns that vary."""
    smd = np.abs(standardised_differences(x, a, w))
    apart = [f"'{name}'" for name, one in zip(names, np.isinf(smd), strict=True) if one]
    if apart:
        raise PositivityError(
            f"{', '.join(apart)} {'has' if len(apart) == 1 else 'have'} one value among the "
            "exposed and another among the unexposed, so nobody has anybody alike to be compared "
            "with. Do not adjust for them, or choose a population in which they vary in an arm."
        )
    worst = int(smd.argmax())
    value = float(smd[worst])
    chance = critical_value(1 - FAMILY_ERROR / len(smd)) * _chance_spread(x, a, w, cluster)
    if value < EXACT:
        return Diagnostic("smd", value, threshold, "PASS", "means are balanced exactly")
    if value <= threshold:
        return Diagnostic("smd", value, threshold, "PASS", f"largest for '{names[worst]}'")
    if np.any((smd > threshold) & (smd > chance)):
        return Diagnostic("smd", value, threshold, "FAIL", f"largest for '{names[worst]}'")
    said = f"largest for '{names[worst]}'; at this size chance alone reaches {chance[worst]:.2f}"
    return Diagnostic("smd", value, threshold, "NOT_RESOLVABLE", said)


def _chance_spread(x: Floats, a: Floats, w: Floats, cluster: Ints | None) -> Floats:
    """Give (p,) standard errors of the standardised differences, clustered as the design is."""
    centred = [
        (w * (a == arm))[:, None]
        * (x - np.average(x[a == arm], axis=0, weights=w[a == arm]))
        / (w * (a == arm)).mean()
        for arm in (0, 1)
    ]
    influence = centred[1] - centred[0]
    summed = influence if cluster is None else cluster_sums(influence, cluster)
    spread = _pooled_spread(x, a)
    error = np.sqrt((summed**2).sum(axis=0)) / len(a)
    return np.asarray(error / np.where(spread > 0, spread, 1.0))


def describe_propensity(e: Floats, a: Floats) -> tuple[Diagnostic, ...]:
    """Give range and means of the propensity; no threshold, since none is right for all."""
    low, high = float(e.min()), float(e.max())
    means = [float(e[a == arm].mean()) for arm in (0, 1)]
    facts = (
        ("propensity_min", low, "smallest fitted propensity"),
        ("propensity_max", high, "largest fitted propensity"),
        ("propensity_mean_unexposed", means[0], "mean fitted propensity of the unexposed"),
        ("propensity_mean_exposed", means[1], "mean fitted propensity of the exposed"),
    )
    return tuple(
        Diagnostic(name, value, None, "NOT_EVALUATED", said) for name, value, said in facts
    )


def describe_weights(w: Floats) -> tuple[Diagnostic, ...]:
    """Give mean, standard deviation and range of the weights."""
    facts = (
        ("weight_mean", float(w.mean()), "mean weight"),
        ("weight_sd", float(w.std(ddof=1)), "standard deviation of the weights"),
        ("weight_min", float(w.min()), "smallest weight"),
        ("weight_max", float(w.max()), "largest weight"),
    )
    return tuple(
        Diagnostic(name, value, None, "NOT_EVALUATED", said) for name, value, said in facts
    )


def count_bounded(number: int | None) -> tuple[Diagnostic, ...]:
    """Count the rows whose predicted outcome was set to the bounds of its range."""
    if number is None:
        return ()
    said = "rows whose predicted outcome was moved inside the bounds before targeting"
    return (Diagnostic("bounded", float(number), None, "NOT_EVALUATED", said),)


def describe_limited(limited: Sequence[Limited]) -> tuple[Diagnostic, ...]:
    """Give the number of rows whose weight was held back, by clipping or otherwise."""
    return tuple(
        Diagnostic(one.name, float(one.rows), None, "NOT_EVALUATED", one.said) for one in limited
    )
