"""Balance, effective size and common support of several arms, or of doses that are shifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from causal import diagnostics
from causal.arrays import Floats
from causal.cohort import Sample
from causal.diagnostics import Diagnostic, Verdict

WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "NOT_RESOLVABLE", "NOT_EVALUATED", "PASS")


def judge_common_support(
    e: Floats, levels: Sequence[str], least: float, allowed: float, *, overlap: bool
) -> Diagnostic:
    """Judge the share of rows that could hardly have been in some arm.

    Parameters
    ----------
    e : (n, K) floats, chances of the arms.
    least : a chance below this is called hardly any.
    allowed : the largest share of such rows.
    overlap : the rung is about those who could have been in any arm, so that others count little
        anyhow; the share is then given and not judged.
    """
    scarce = e < least
    value = float(scarce.any(axis=1).mean())
    rarest = levels[int(scarce.mean(axis=0).argmax())]
    said = (
        f"{100 * round(value, 3):.1f} % of rows have a chance below {least:g} of some arm, most "
        f"often '{rarest}'"
    )
    if value == 0:
        said = f"no row has a chance below {least:g} of any arm"
    if overlap:
        said = f"{said}; they count little" if value else said
        return Diagnostic("common_support", value, None, "NOT_EVALUATED", said)
    return Diagnostic(
        "common_support", value, allowed, "PASS" if value <= allowed else "FAIL", said
    )


def judge_arm_weights(
    sample: Sample, w: Floats, effective_size: float, weight_share: float, smd: float
) -> tuple[Diagnostic, ...]:
    """Judge effective size and largest weight by arm, and balance of every pair of arms.

    Parameters
    ----------
    w : (n,) floats, weights, the rows' own included.
    effective_size, weight_share, smd : the thresholds.
    """
    arms = [sample.a == arm for arm in range(len(sample.levels))]
    sizes = [float(w[rows].sum() ** 2 / (w[rows] ** 2).sum()) for rows in arms]
    shares = [float(w[rows].max() / w[rows].sum()) for rows in arms]
    told = ", ".join(
        f"{size:.0f} of {int(rows.sum())} in {name}"
        for size, rows, name in zip(sizes, arms, sample.levels, strict=True)
    )
    return (
        Diagnostic(
            "effective_sample_size",
            min(sizes),
            effective_size,
            "PASS" if min(sizes) >= effective_size else "FAIL",
            f"after weighting, rows' worth of information: {told}",
        ),
        Diagnostic(
            "max_weight_share",
            max(shares),
            weight_share,
            "PASS" if max(shares) <= weight_share else "FAIL",
            f"one row carries {100 * max(shares):.1f} % of the arm "
            f"'{sample.levels[int(np.argmax(shares))]}'",
        ),
        _worst_balance(sample, w, smd),
    )


def judge_shift(
    w: Floats, effective_size: float, weight_share: float, of: str = "those shifted"
) -> tuple[Diagnostic, Diagnostic]:
    """Judge effective size and largest weight of the rows that stand for those shifted.

    Parameters
    ----------
    w : (n,) floats, ratios of the chance of a dose after the shift to that before, times weights.
    of : whom the rows stand for, in words.
    """
    size, share = float(w.sum() ** 2 / (w**2).sum()), float(w.max() / w.sum())
    return (
        Diagnostic(
            "effective_sample_size",
            size,
            effective_size,
            "PASS" if size >= effective_size else "FAIL",
            f"rows' worth of information on {of}, out of {len(w)}",
        ),
        Diagnostic(
            "max_weight_share",
            share,
            weight_share,
            "PASS" if share <= weight_share else "FAIL",
            f"one row carries {100 * share:.1f} % of what is known of {of}",
        ),
    )


def judge_dose_weights(
    sample: Sample, w: Floats, effective_size: float, weight_share: float
) -> tuple[Diagnostic, ...]:
    """Judge weights by a density of the dose: effective size, largest weight, what ties remain.

    Parameters
    ----------
    w : (n,) floats, weights, the rows' own included.

    References
    ----------
    Zhu, Coffman & Ghosh (2015), doi:10.1515/jci-2014-0022, section 3: weighted correlations.
    """
    judged = judge_shift(w, effective_size, weight_share, "the curve")
    if not sample.terms:
        return judged
    x = sample.x - np.average(sample.x, axis=0, weights=w)
    a = sample.a - np.average(sample.a, weights=w)
    size = np.sqrt((w @ x**2) * (w @ a**2))
    tie = np.abs((w * a) @ x) / np.where(size > 0, size, 1.0)
    worst = int(tie.argmax())
    said = f"largest weighted correlation of dose and covariate, with '{sample.terms[worst]}'"
    return (
        *judged,
        Diagnostic(
            "dose_correlation",
            float(tie[worst]),
            None,
            "NOT_EVALUATED",
            f"{said}; up to .1 is usually called balance",
        ),
    )


def pair_of_arms(sample: Sample, w: Floats, first: int, second: int) -> tuple[Sample, Floats]:
    """Give the rows of two arms, the second as the exposed, with their weights."""
    rows = np.asarray((sample.a == first) | (sample.a == second))
    two = sample.rows(rows)
    return replace(two, a=(two.a == second).astype(np.float64), exposure_kind="binary"), w[rows]


def _worst_balance(sample: Sample, w: Floats, smd: float) -> Diagnostic:
    """Judge every pair of arms, and give the worst."""
    found = []
    for first, second in combinations(range(len(sample.levels)), 2):
        two, own = pair_of_arms(sample, w, first, second)
        one = diagnostics.judge_balance(two.x, two.a, own, two.terms, smd, two.cluster)
        named = f"{sample.levels[second]} against {sample.levels[first]}: {one.reason}"
        found.append(replace(one, reason=named))
    return min(found, key=lambda one: (WORST_FIRST.index(one.verdict), -(one.value or 0.0)))
