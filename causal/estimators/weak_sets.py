"""Confidence sets that hold however weak the instruments: Anderson-Rubin and conditional ratio."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Floats
from causal.errors import InstrumentError
from causal.estimate import Region
from causal.estimators.reduced_form import ReducedForm
from causal.inference import LEVEL, Piece

WeakTest: TypeAlias = Literal["anderson_rubin", "conditional_ratio"]
"""Tests of one value of the structural coefficient that are right whatever the first stage."""

GRID = 400
"""Angles at which a p-value is looked at, on each of three scales of the coefficient."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)
"""Gauss-Legendre nodes on each of the pieces of the conditional distribution's integral."""
FLAT = 1e-6
"""Neighbouring p-values that differ by less are on a plateau, far from a crossing."""
TINY = 1e-12
"""Statistics below this are as good as 0; keeps the bend of the integrand finite."""
BENDS = np.array([0.0, 1.0, 4.0, 16.0, 1e100])
"""Where the pieces end, counted in the angle at which the integrand bends; the last is beyond."""


def anderson_rubin_p(form: ReducedForm, points: Floats) -> Floats:
    """Give the (k,) p-values of the Anderson-Rubin test at k values of the coefficient.

    Against the F distribution with q and ``df`` degrees of freedom where the error variance is
    estimated as one number; against Hotelling's with G clusters, F with q and G - q (of a survey
    G - 1 are sampling units less strata); else against chi-squared with q. Right for any strength
    of the instruments; with clusters, as far as so many let their covariance be known, for which
    ``reduced_form.jackknifed`` is made.

    References
    ----------
    Anderson & Rubin (1949), doi:10.1214/aoms/1177730090; under heteroskedasticity or clustering in
    the minimum-distance form of Andrews, Stock & Sun (2019),
    doi:10.1146/annurev-economics-080218-025643, section 5; of a survey: Korn & Graubard (1990),
    doi:10.1080/00031305.1990.10475737.
    """
    return _ar_p(form, *_directions(np.arctan(points)))


def anderson_rubin_f(form: ReducedForm, point: float) -> float:
    """Give the Anderson-Rubin F statistic at one value of the coefficient.

    What its p-value compares with: F on q and ``df`` degrees of freedom; with G clusters
    Hotelling's as F on q and G - q; else the statistic over q, about F on q and infinitely many.
    """
    statistic = _ar_statistic(form, *_directions(np.arctan(np.array([point]))))
    if form.groups is not None:
        return float(_hotelling(statistic, form.q, form.groups)[0])
    return float(statistic[0]) / form.q


def conditional_ratio_p(form: ReducedForm, points: Floats) -> Floats:
    """Give the (k,) p-values of the conditional quasi-likelihood-ratio test at k values.

    Kleibergen's statistic with the covariance of the reduced form, compared with its distribution
    given the rank statistic. Under equal error variance it is Moreira's conditional likelihood
    ratio; with one instrument it is Anderson-Rubin. With clusters Hotelling's distribution takes
    the place of chi-squared in it, as it does for Anderson-Rubin.

    Raises
    ------
    InstrumentError
        There are several instruments, and no more clusters than twice as many.

    References
    ----------
    Moreira (2003), doi:10.1111/1468-0262.00438; Kleibergen (2005),
    doi:10.1111/j.1468-0262.2005.00610.x, section 5.1; the distribution: Andrews, Moreira & Stock
    (2006), doi:10.1111/j.1468-0262.2006.00680.x, equation 2.12 and their supplement's integral.
    """
    return _ratio_p(form, *_directions(np.arctan(points)))


def weak_set(form: ReducedForm, test: WeakTest, level: float = LEVEL) -> Region:
    """Give all values of the coefficient a test does not reject.

    An interval, the outside of one, the whole line, several pieces, or nothing: the last only with
    several instruments that contradict one another. With one instrument, or with equal error
    variance under Anderson-Rubin, a quadratic is solved; otherwise the p-value is followed round
    the whole projective line, infinity included, and its crossings are found by bisection.

    Returns
    -------
    Pieces in ascending order; ``None`` stands for minus or plus infinity.
    """
    one = form.q == 1
    alike = math.isfinite(form.df) and form.groups is None
    if one or (test == "anderson_rubin" and alike):
        return Region(_quadratic_set(form, level), level)
    p_value = _ar_p if test == "anderson_rubin" else _ratio_p
    centre, scales = _scales(form)
    return Region(_followed_set(form, p_value, centre, scales, 1 - level), level)


def typical_width(form: ReducedForm) -> tuple[float, float]:
    """Give the coefficient the data fit best, and about its standard error."""
    centre, scales = _scales(form)
    return centre, scales[0]


def _directions(angles: Floats) -> tuple[Floats, Floats]:
    """Give cosine and sine of angles whose tangent is the coefficient."""
    return np.cos(angles), np.sin(angles)


def _moments(form: ReducedForm, c: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """Give moments c y - s a, (k, q), their covariance, and that with s y + c a, (k, q, q).

    Nothing here breaks at an infinite coefficient, where c is 0.
    """
    q = form.q
    yy, ya = form.covariance[:q, :q], form.covariance[:q, q:]
    aa = form.covariance[q:, q:]
    moment = c[:, None] * form.outcome - s[:, None] * form.exposure
    c2, s2, cs = (v[:, None, None] for v in (c * c, s * s, c * s))
    own = c2 * yy - cs * (ya + ya.T) + s2 * aa
    cross = cs * (yy - aa) + c2 * ya - s2 * ya.T
    return moment, own, cross


def _ar_statistic(form: ReducedForm, c: Floats, s: Floats) -> Floats:
    """Give (k,) Anderson-Rubin statistics, about chi-squared with q degrees of freedom."""
    moment, own, _ = _moments(form, c, s)
    solved = np.linalg.solve(own, moment[:, :, None])[:, :, 0]
    return np.asarray(np.sum(moment * solved, axis=1))


def _ar_p(form: ReducedForm, c: Floats, s: Floats) -> Floats:
    """Give p-values of Anderson-Rubin statistics."""
    from scipy import special

    statistic = _ar_statistic(form, c, s)
    if form.groups is not None:
        f = _hotelling(statistic, form.q, form.groups)
        return np.asarray(special.fdtrc(form.q, form.groups - form.q, f))
    if math.isfinite(form.df):
        return np.asarray(special.fdtrc(form.q, form.df, statistic / form.q))
    return np.asarray(special.chdtrc(form.q, statistic))


def _hotelling(statistic: Floats, q: int, groups: int) -> Floats:
    """Give F statistics, on q and G - q degrees of freedom, from Hotelling's of G cluster sums.

    References
    ----------
    Hotelling (1931), doi:10.1214/aoms/1177732979.
    """
    return np.asarray(statistic * (groups - q) / (q * (groups - 1)))


def _ratio_p(form: ReducedForm, c: Floats, s: Floats) -> Floats:
    """Give p-values of the conditional quasi-likelihood-ratio test."""
    if form.q == 1:
        return _ar_p(form, c, s)
    if not form.joint:
        raise InstrumentError(
            f"{form.groups} clusters give no joint covariance of the {2 * form.q} coefficients of "
            f"outcome and exposure on {form.q} instruments. Use fewer instruments, or the "
            "Anderson-Rubin set."
        )
    q = form.q
    yy, ya, aa = form.covariance[:q, :q], form.covariance[:q, q:], form.covariance[q:, q:]
    moment, own, cross = _moments(form, c, s)
    c2, s2, cs = (v[:, None, None] for v in (c * c, s * s, c * s))
    beside = s[:, None] * form.outcome + c[:, None] * form.exposure
    spread = s2 * yy + cs * (ya + ya.T) + c2 * aa
    by_cross = np.linalg.solve(own, cross)
    by_moment = np.linalg.solve(own, moment[:, :, None])[:, :, 0]
    turned = np.swapaxes(cross, 1, 2)
    rank = beside - (turned @ by_moment[:, :, None])[:, :, 0]
    rank_spread = spread - turned @ by_cross
    rank_statistic = np.sum(rank * np.linalg.solve(rank_spread, rank[:, :, None])[:, :, 0], axis=1)
    whole = np.sum(moment * by_moment, axis=1)
    by_rank = np.linalg.solve(own, rank[:, :, None])[:, :, 0]
    score = np.sum(rank * by_moment, axis=1) ** 2 / np.sum(rank * by_rank, axis=1)
    rest = np.maximum(whole - score, 0.0)
    inner = np.maximum((whole + rank_statistic) ** 2 - 4 * rest * rank_statistic, 0.0)
    root = np.sqrt(inner)
    # the smaller root, written without subtracting nearly equal numbers when rank is large
    large = rank_statistic > whole
    below = np.where(large, root + rank_statistic - whole, 1.0)
    ratio = np.where(large, 2 * rank_statistic * score / below, (whole - rank_statistic + root) / 2)
    return _conditional_p(ratio, rank_statistic, q, form.groups)


def _conditional_p(ratio: Floats, rank: Floats, q: int, groups: int | None = None) -> Floats:
    r"""Give P(LR > ratio | rank) for q instruments, (k,) each.

    .. math:: 1 - 2K \int_0^1 P\left(\chi^2_q < \frac{r + m}{1 + r s^2 / m}\right)
        (1 - s^2)^{(q-3)/2}\, ds, \quad K = \frac{\Gamma(q/2)}{\sqrt\pi\,\Gamma((q-1)/2)}

    with s the sine of an angle, which leaves no singularity, and the angle cut where the integrand
    bends. With clusters Hotelling's distribution stands for chi-squared: the length of the
    moments is then measured with an estimated covariance, their direction still taken as uniform.
    """
    from scipy import special

    m, r = np.maximum(ratio, TINY), np.maximum(rank, TINY)
    bend = np.sqrt(m / r)[:, None] * BENDS
    cuts = np.minimum(bend, math.pi / 2)[:, :, None]
    middle, half = (cuts[:, 1:] + cuts[:, :-1]) / 2, (cuts[:, 1:] - cuts[:, :-1]) / 2
    angle = middle + half * NODES
    s2 = np.sin(angle) ** 2
    m, r = m[:, None, None], r[:, None, None]
    length = (r + m) / (1 + r * s2 / m)
    if groups is None:
        below = special.chdtr(q, length)
    else:
        below = special.fdtr(q, groups - q, _hotelling(length, q, groups))
    integral = np.sum(half * WEIGHTS * below * np.cos(angle) ** (q - 2), axis=(1, 2))
    constant = math.exp(special.gammaln(q / 2) - special.gammaln((q - 1) / 2)) / math.sqrt(math.pi)
    return np.where(ratio > 0, np.clip(1 - 2 * constant * integral, 0.0, 1.0), 1.0)


def _quadratic_set(form: ReducedForm, level: float) -> tuple[Piece, ...]:
    """Solve the Anderson-Rubin inequality where it is quadratic in the coefficient.

    With one instrument it is Fieller's; with several and equal error variance, the covariance is
    the same for all of them.
    """
    from scipy import special

    q = form.q
    if form.groups is not None:  # one instrument: Student's t with a degree for each cluster
        bound = float(special.fdtri(1, form.groups - 1, level))
    elif math.isfinite(form.df):
        bound = q * float(special.fdtri(q, form.df, level))
    else:
        bound = float(special.chdtri(q, 1 - level))
    yy, ya, aa = form.covariance[0, 0], form.covariance[0, q], form.covariance[q, q]
    a = float(form.exposure @ form.exposure - bound * aa)
    b = float(-2 * (form.outcome @ form.exposure - bound * ya))
    c = float(form.outcome @ form.outcome - bound * yy)
    scale = max(float(form.exposure @ form.exposure), bound * float(aa))
    if abs(a) <= np.finfo(float).eps * scale:
        return _half_line(b, c)
    discriminant = b * b - 4 * a * c
    if discriminant <= 4 * np.finfo(float).eps * b * b:
        if a < 0:
            return ((None, None),)
        return () if discriminant < 0 and q > 1 else ((-b / (2 * a), -b / (2 * a)),)
    root = math.sqrt(discriminant)
    pivot = -(b + math.copysign(root, b)) / 2  # avoids subtracting nearly equal numbers
    first, second = sorted((pivot / a, c / pivot))
    return ((first, second),) if a > 0 else ((None, first), (second, None))


def _half_line(b: float, c: float) -> tuple[Piece, ...]:
    """Solve b t + c <= 0."""
    if b == 0:
        return ((None, None),) if c <= 0 else ()
    return ((None, -c / b),) if b > 0 else ((-c / b, None),)


def _scales(form: ReducedForm) -> tuple[float, tuple[float, ...]]:
    """Give the coefficient the data fit best, and scales on which its set may be that wide."""
    error = form.error
    free = float(form.free)
    explained = np.array(
        [
            [form.outcome @ form.outcome, form.outcome @ form.exposure],
            [form.outcome @ form.exposure, form.exposure @ form.exposure],
        ]
    )
    values, vectors = np.linalg.eig(np.linalg.solve(error * free, explained))
    b = np.real(vectors[:, int(np.argmin(np.real(values)))])
    typical = math.sqrt(error[0, 0] / error[1, 1])
    centre = float(-b[1] / b[0]) if abs(b[0]) * 1e6 * typical > abs(b[1]) else 0.0
    left = error[0, 0] - 2 * centre * error[0, 1] + centre**2 * error[1, 1]
    strength = max(float(form.exposure @ form.exposure), float(error[1, 1]))
    narrow = math.sqrt(left / strength)
    wide = math.sqrt(left / error[1, 1])
    return centre, (narrow, wide, max(typical, abs(centre)))


def _followed_set(
    form: ReducedForm,
    p_value: Callable[[ReducedForm, Floats, Floats], Floats],
    centre: float,
    scales: tuple[float, ...],
    alpha: float,
) -> tuple[Piece, ...]:
    """Follow a p-value round the line and find where it crosses ``alpha``."""
    scale = scales[0]
    moved = form.moved(centre, scale)

    def excess(angle: float) -> float:
        c, s = _directions(np.array([angle]))
        return float(p_value(moved, c, s)[0]) - alpha

    even = (np.arange(GRID) + 0.5) / GRID * math.pi - math.pi / 2
    angles = np.unique(np.concatenate([np.arctan(np.tan(even) * w / scale) for w in scales]))
    heights = p_value(moved, *_directions(angles)) - alpha
    angles, heights = _with_extremes(angles, heights, excess)
    ends = np.append(angles, angles[0] + math.pi)
    next_heights = np.append(heights[1:], heights[0])
    crossings = [
        _bisected(excess, float(ends[i]), float(ends[i + 1]), float(heights[i]))
        for i in range(len(angles))
        if (heights[i] >= 0) != (next_heights[i] >= 0)
    ]
    if not crossings:
        return ((None, None),) if heights[0] >= 0 else ()
    return _pieces(crossings, excess(math.pi / 2) >= 0, centre, scale)


def _with_extremes(
    angles: Floats, heights: Floats, excess: Callable[[float], float]
) -> tuple[Floats, Floats]:
    """Add peaks below the line and dips above it that may cross it between two angles."""
    from scipy.optimize import minimize_scalar

    before = np.append(heights[-1], heights[:-1])
    after = np.append(heights[1:], heights[0])
    near = np.maximum(np.abs(heights - before), np.abs(heights - after)) > FLAT
    peaks = near & (heights < 0) & (heights >= before) & (heights >= after)
    dips = near & (heights >= 0) & (heights <= before) & (heights <= after)
    added = []
    for i in np.flatnonzero(peaks | dips):
        sign = -1.0 if peaks[i] else 1.0
        low = angles[i - 1] if i else angles[-1] - math.pi
        high = angles[i + 1] if i + 1 < len(angles) else angles[0] + math.pi
        found = minimize_scalar(
            lambda u, turn=sign: turn * excess(u), bounds=(low, high), method="bounded"
        )
        if float(found.fun) < 0:
            turned = (float(found.x) + math.pi / 2) % math.pi - math.pi / 2
            added.append((turned, sign * float(found.fun)))
    if not added:
        return angles, heights
    every = np.append(angles, [one for one, _ in added])
    order = np.argsort(every)
    return every[order], np.append(heights, [two for _, two in added])[order]


def _bisected(excess: Callable[[float], float], low: float, high: float, at_low: float) -> float:
    """Find the angle at which the p-value crosses, by bisection to the last digits."""
    inside = at_low >= 0
    for _ in range(60):
        middle = (low + high) / 2
        if (excess(middle) >= 0) == inside:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _pieces(
    crossings: list[float], unbounded: bool, centre: float, scale: float
) -> tuple[Piece, ...]:
    """Turn crossings into pieces of the line, in ascending order."""
    half = math.pi / 2
    turned = sorted((angle + half) % math.pi - half for angle in crossings)
    ends: list[float | None] = [centre + scale * math.tan(angle) for angle in turned]
    if unbounded:
        ends = [None, *ends, None]
    return tuple((ends[i], ends[i + 1]) for i in range(0, len(ends), 2))
