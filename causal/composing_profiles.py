"""Puts a fit of many parameters into the result document: its points, bands and contrasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from causal import bands, inference
from causal.arrays import Floats
from causal.bands import Largest, largest_deviation
from causal.estimate import Estimates
from causal.instrumental.balance import holm
from causal.profiles import Profile, ProfileContrast, ProfilePoint
from causal.result_parts import Count, Pair
from causal.result_profiles import ProfileBlock, ProfileContrastBlock, ProfilePointBlock
from causal.seeding import generator

OF_FIRST = "Rows are those of the first imputation"
NO_BAND = (
    "There is no band of {of}: the one with the fewest degrees of freedom has {df}, and several "
    f"together need {bands.LEAST_DF:g}. More clusters (or rows), or fewer values to impute, give "
    "more"
)
NO_INTERVAL = (
    "Where an interval is missing, there are fewer degrees of freedom than the "
    f"{inference.LEAST_DF:g} it needs"
)


def compose_profile(
    estimates: Estimates, rung: str, seed: int, min_cell: int, level: float = inference.LEVEL
) -> ProfileBlock | None:
    """Write all parameters of a fit; None where it has no more than the ladder compares.

    Parameters
    ----------
    rung, seed : name the stream that the largest deviations are drawn from.
    min_cell : counts below it are hidden, with whatever would give them away.
    """
    profile = estimates.profile
    if profile is None:
        return None
    at = [point.at for point in profile.points]
    own = np.asarray(estimates.covariance)[np.ix_(at, at)]
    dfs = estimates.own_df()
    band = largest_deviation(own, generator(seed, "band", rung), float(dfs[at].min()))
    critical = None if band is None else band.critical(level)
    shown = _publishable(profile, min_cell)
    counts = _counts(shown, profile.kind, min_cell)
    points = [
        _point(estimates, dfs, one, count, level, critical)
        for one, count in zip(shown, counts, strict=True)
    ]
    beside = [_point(estimates, dfs, one, None, level, None) for one in profile.beside]
    contrasts, notes = _contrasts(estimates, profile, rung, seed, level)
    if band is None:
        notes.insert(0, _no_band("the means", dfs[at]))
    intervals = [one.interval for one in (*points, *beside)] + [one.interval for one in contrasts]
    if None in intervals:
        notes.append(NO_INTERVAL)
    return ProfileBlock(
        kind=profile.kind,
        axis=profile.axis,
        unit=profile.unit,
        level=level,
        critical=critical,
        compared=(estimates.labels[estimates.pair[0]], estimates.labels[estimates.pair[1]]),
        points=points,
        beside=beside,
        contrasts=contrasts,
        notes=[*profile.notes, *([OF_FIRST] if estimates.imputed else []), *notes],
    )


def _point(
    estimates: Estimates,
    dfs: Floats,
    point: ProfilePoint,
    rows: Count | None,
    level: float,
    critical: float | None,
) -> ProfilePointBlock:
    """Write one parameter."""
    value = float(estimates.values[point.at])
    error = math.sqrt(float(estimates.covariance[point.at, point.at]))
    return ProfilePointBlock(
        name=point.name,
        series=point.series,
        x=point.x,
        rows=rows,
        estimate=value,
        std_error=error,
        interval=_interval(value, error, level, float(dfs[point.at])),
        band=None if critical is None else _around(value, critical * error),
        listed=point.listed,
    )


def _contrasts(
    estimates: Estimates, profile: Profile, rung: str, seed: int, level: float
) -> tuple[list[ProfileContrastBlock], list[str]]:
    """Write the differences, each family corrected for its own number; and what has no band."""
    blocks: list[ProfileContrastBlock] = []
    notes: list[str] = []
    for family in dict.fromkeys(one.family for one in profile.contrasts):
        chosen = [one for one in profile.contrasts if one.family == family]
        fit = estimates.linear(
            _matrix(chosen, len(estimates.values)), tuple(c.name for c in chosen)
        )
        dfs = fit.own_df()
        largest = largest_deviation(
            np.asarray(fit.covariance), generator(seed, "band", rung, family), float(dfs.min())
        )
        if largest is None:
            notes.append(_no_band(f"contrasts ({family})" if family else "contrasts", dfs))
        blocks += _family(fit, chosen, largest, level)
    return blocks, notes


def _no_band(of: str, dfs: Floats) -> str:
    """Say why there is no band; the number is rounded down, so that it stays below the limit."""
    return NO_BAND.format(of=of, df=f"{math.floor(100 * dfs.min()) / 100:g}")


def _matrix(chosen: Sequence[ProfileContrast], k: int) -> Floats:
    """Give the (m, k) matrix that takes the differences."""
    matrix = np.zeros((len(chosen), k))
    for row, one in enumerate(chosen):
        matrix[row, one.plus] += 1.0
        matrix[row, one.minus] -= 1.0
    return matrix


def _family(
    fit: Estimates, chosen: Sequence[ProfileContrast], largest: Largest | None, level: float
) -> list[ProfileContrastBlock]:
    """Write the contrasts of one family."""
    errors = np.sqrt(np.diag(fit.covariance))
    statistics = [
        float(value / error) if error > 0 else math.copysign(math.inf, value) if value else 0.0
        for value, error in zip(fit.values, errors, strict=True)
    ]
    dfs = fit.own_df().tolist()
    p = {
        at: inference.two_sided_p(z, df) if math.isfinite(z) else 0.0
        for at, (z, df) in enumerate(zip(statistics, dfs, strict=True))
        if df >= inference.LEAST_DF
    }
    corrected = dict(zip(p, holm(np.array(list(p.values()))).tolist(), strict=True))
    return [
        ProfileContrastBlock(
            name=one.name,
            family=one.family,
            unit=one.unit,
            estimate=float(value),
            std_error=float(error),
            interval=_interval(float(value), float(error), level, dfs[at]),
            band=None
            if largest is None
            else _around(float(value), largest.critical(level) * float(error)),
            p_value=p.get(at),
            p_joint=None if largest is None else largest.p_value(statistics[at]),
            p_holm=corrected.get(at),
        )
        for at, (one, value, error) in enumerate(zip(chosen, fit.values, errors, strict=True))
    ]


def _interval(value: float, error: float, level: float, df: float) -> Pair | None:
    """Give the interval of one number, where it has the degrees of freedom for it."""
    return None if df < inference.LEAST_DF else inference.interval(value, error, level, df)


def _around(value: float, half: float) -> Pair:
    """Give a value plus and minus."""
    return value - half, value + half


def _publishable(profile: Profile, min_cell: int) -> list[ProfilePoint]:
    """Leave out points of curves in restricted data between which fewer persons left than a cell.

    A curve read at every step tells when single persons had the event. Points that are listed
    were asked for, and stay.
    """
    if min_cell == 0 or profile.kind != "survival":
        return list(profile.points)
    kept: list[ProfilePoint] = []
    for series in dict.fromkeys(one.series for one in profile.points):
        own = [one for one in profile.points if one.series == series]
        shown = [one.rows or 0 for one in own if one.listed]
        for one in own:
            rows = one.rows or 0
            if one.listed:
                kept.append(one)
            elif rows >= min_cell and all(abs(rows - other) >= min_cell for other in shown):
                shown.append(rows)
                kept.append(replace(one, rows=None))
    return kept


def _counts(points: Sequence[ProfilePoint], kind: str, min_cell: int) -> list[Count | None]:
    """Write the rows of points: all, or none of them where some cell is too small to publish.

    A single number left out would follow from the others; rows on either side of cuts, and those
    left at later times, also give cells by their differences.
    """
    cells = [one.rows for one in points if one.rows is not None]
    if kind in ("survival", "threshold"):
        for series in dict.fromkeys(one.series for one in points):
            own = [one.rows for one in points if one.series == series and one.rows is not None]
            cells += [abs(later - earlier) for earlier, later in pairwise(own)]
    if not any(0 < cell < min_cell for cell in cells):
        return [one.rows for one in points]
    return [
        None if one.rows is None else f"<{min_cell}" if one.rows < min_cell else f">={min_cell}"
        for one in points
    ]
