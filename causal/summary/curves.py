"""What a published trial's figures draw: p-values of every effect, and intervals of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from causal import inference
from causal.estimate import NotEstimable
from causal.findings import Curve, Point
from causal.instrumental.two_by_two import TrialFindings

POINTS = 161
HALF = 4.0
"""Standard errors of the ratio drawn to either side."""
FAR = 5.0
"""A weak first stage has a ratio of any size: no more is drawn than this many times it, or 1."""


def confidence_curve(found: TrialFindings, ends: tuple[float, float]) -> Curve:
    r"""Give the Anderson-Rubin p-value against every size of effect.

    .. math:: p(\theta) = 2 \Phi\left(-\frac{|r - \theta f|}
        {\sqrt{V_{rr} - 2 \theta V_{rf} + \theta^2 V_{ff}}}\right)

    for the differences r in the outcome and f in exposure.

    Parameters
    ----------
    ends : the least and the largest effect to be drawn, as ``drawn_range`` gives them.

    References
    ----------
    Anderson & Rubin (1949), doi:10.1214/aoms/1177730090; Poole (1987), doi:10.2105/AJPH.77.2.195.
    """
    from scipy import special

    first, reduced = found.first_stage, found.reduced_form
    x = np.linspace(*ends, POINTS)
    variance = reduced.std_error**2 - 2 * x * found.covariance + (x * first.std_error) ** 2
    away = np.abs(reduced.value - x * first.value)
    p = 2 * special.ndtr(-away / np.sqrt(np.maximum(variance, np.finfo(float).tiny)))
    points = tuple(Point(float(u), float(v)) for u, v in zip(x, p, strict=True))
    return Curve("Anderson-Rubin", "effect", "p-value", points, 1 - found.region.level)


def drawn_range(every: Sequence[TrialFindings]) -> tuple[float, float]:
    """Give the least and the largest effect to be drawn, the same under every correlation."""
    ranges = [_range(one) for one in every]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def wilson(share: float, n: float, level: float) -> tuple[float, float]:
    """Give Wilson's interval of a share of n persons.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953.
    """
    z2 = inference.critical_value(level) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _range(found: TrialFindings) -> tuple[float, float]:
    """Give the effects drawn: about the ratio, and of shares all there can be."""
    shares = found.first_stage.share and found.reduced_form.share
    interval = found.normal_interval()
    if isinstance(interval, NotEstimable) or isinstance(found.wald, NotEstimable):
        return (-1.5, 1.5) if shares else (-1.0, 1.0)
    spread = (interval[1] - interval[0]) / 2 / inference.critical_value(found.region.level)
    strong = found.first_stage.f > 1 / (1 - found.region.level)
    reach = HALF * spread if strong else min(HALF * spread, FAR * max(abs(found.wald), spread))
    low, high = found.wald - reach, found.wald + reach
    return (min(low, -1.0), max(high, 1.0)) if shares and not strong else (low, high)
