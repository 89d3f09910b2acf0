"""The page of the study of instruments: which intervals cover when instruments are weak."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.instruments import (
    CLUSTERS,
    CORRECTIONS,
    REPLICATES,
    ROWS,
    SHAPED,
    SHAPES,
    STRENGTHS,
    Found,
    World,
    correct_all,
    try_world,
)
from benchmarks.performance import FAMILY_WISE_ERROR, acceptance_band
from causal.arrays import Floats
from causal.inference import LEVEL

WORLDS = tuple(
    World(strength, clusters, instruments)
    for instruments in (1, 3)
    for clusters in CLUSTERS
    for strength in STRENGTHS
)
FEW = tuple(
    World(10.0, clusters, instruments, within=spread, uneven=spread)
    for clusters in (50, 20, 10)
    for instruments in (1, 3)
    for spread in (False, True)
)
SETS = {1: ("rubin",), 3: ("rubin", "ratio")}
NAMES = {"rubin": "AR set", "ratio": "CLR set", "tsls": "2SLS ± 1.96 SE", "liml": "LIML ± 1.96 SE"}
OPENING = f"""# Instruments: weak ones, and few clusters

{ROWS} rows, an exposure with a constant effect of .4, error correlation .95 between exposure and
outcome, so least squares is far off. One instrument, or three alike. `Effective F` is what the
first stage is made for (1 is no relevance at all); the median of its estimates stands beside it.
With clusters the instruments vary between clusters only, and clusters share half of the errors'
variance. Everything is what the library computes: standard errors HC1 or CR1; the Anderson-Rubin
(AR) and conditional likelihood-ratio (CLR) sets under HC1, with clusters under the jackknife over
clusters and Hotelling's distribution; tF as published, for one instrument (5 % level). Coverage is
that of the true effect: empty sets do not cover, unbounded ones may.
"""
NOTE = (
    "Studies of fits that take under 5 ms are meant to have 4,000 samples a row. Here a sample is "
    "fitted by several estimators, and its set by up to four conventions in 36 worlds, so the "
    "study makes do with 2,000: errors above that are 1.4 times as large."
)


def study_instruments(*, scale: float, seed: int, jobs: int) -> str:
    """Run the study; give its page."""
    replicates, shapes = max(20, round(scale * REPLICATES)), max(10, round(scale * SHAPES))
    found = [
        try_world(world, replicates=replicates, shapes=shapes, seed=seed, jobs=jobs)
        for world in WORLDS
    ]
    few = correct_all(FEW, replicates=replicates, seed=seed, jobs=jobs)
    return write_page(found, few, replicates, shapes)


def write_page(found: Sequence[Found], few: Sequence[Floats], replicates: int, shapes: int) -> str:
    """Write the page."""
    judged = sum(len(SETS[one.world.instruments]) for one in found)
    band = acceptance_band(replicates, judged)
    error = math.sqrt(LEVEL * (1 - LEVEL) / replicates)
    lines = [
        OPENING,
        f"{replicates:,} samples a row; Monte-Carlo error of a coverage near .95: {error:.4f}, of "
        f"one near .5: {math.sqrt(0.25 / replicates):.4f}. Band of the sets: {band[0]:.3f} to "
        f"{band[1]:.3f} (binomial, family-wise error {100 * FAMILY_WISE_ERROR:g} % over the "
        f"{judged} coverages of sets here); outside it they are set in bold. Shapes of sets: the "
        f"first {shapes} samples.",
        "",
        NOTE,
        "",
    ]
    for instruments, title in ((1, "One instrument"), (3, "Three instruments")):
        some = [one for one in found if one.world.instruments == instruments]
        lines += [f"## {title}", "", *_table(some, band), ""]
    lines += [*_read(found, band), *_few(few, band)]
    return "\n".join(lines)


def _table(found: Sequence[Found], band: tuple[float, float]) -> list[str]:
    """Write coverages, shapes of sets and bias."""
    sets = SETS[found[0].world.instruments]
    others = ("tsls", "tf") if len(sets) == 1 else ("tsls", "liml")
    head = ["rows", "effective F", "median of its estimates"]
    head += [f"{NAMES[one]} covers" for one in sets]
    head += [{"tf": "2SLS, tF, covers"}.get(one) or f"{NAMES[one]} covers" for one in others]
    head += [f"{NAMES[one]}: " + " / ".join(SHAPED) for one in sets]
    head.append("median bias of 2SLS over that of least squares")
    body = [head, ["---"] * len(head)]
    for one in found:
        shares = one.shapes.mean(axis=0)
        cells = [one.world.rows, f"{one.world.strength:g}", f"{one.median('strength'):.1f}"]
        cells += [_covers(one.share(name), band) for name in sets]
        cells += [f"{one.share(name):.3f}" for name in others]
        cells += [" / ".join(f"{v:.2f}" for v in shares[place]) for place, _ in enumerate(sets)]
        cells.append(f"{one.median('error_tsls') / one.median('error_least'):+.2f}")
        body.append(cells)
    return ["| " + " | ".join(row) + " |" for row in body]


def _covers(share: float, band: tuple[float, float]) -> str:
    """Write a coverage, in bold outside the band."""
    return f"{share:.3f}" if band[0] <= share <= band[1] else f"**{share:.3f}**"


def _span(found: Sequence[Found], column: str) -> str:
    """Write the lowest and the highest coverage of some worlds."""
    shares = [one.share(column) for one in found]
    return f"{min(shares):.3f} to {max(shares):.3f}"


def _at(found: Sequence[Found], strength: float) -> list[Found]:
    """Give the worlds of one strength."""
    return [one for one in found if one.world.strength == strength]


def _unbounded(found: Sequence[Found], place: int) -> float:
    """Give the share of unbounded AR (0) or CLR (1) sets with several instruments."""
    several = [one for one in found if one.world.instruments > 1]
    return max(float(one.shapes[:, place, 0].mean()) for one in several)


def _read(found: Sequence[Found], band: tuple[float, float]) -> list[str]:
    """Say what the tables show, in numbers taken from them."""
    lines = ["## What they show", ""]
    for clusters in CLUSTERS:
        some = [one for one in found if one.world.clusters == clusters]
        of_three = [one for one in some if one.world.instruments > 1]
        missed = [
            f"{NAMES[name]}, {one.world.instruments} instrument"
            f"{'s' if one.world.instruments > 1 else ''}, F {one.world.strength:g}: "
            f"{one.share(name):.3f}"
            for one in some
            for name in SETS[one.world.instruments]
            if not band[0] <= one.share(name) <= band[1]
        ]
        lines.append(
            f"* **{some[0].world.rows.capitalize()}.** AR covers {_span(some, 'rubin')}, CLR with "
            f"three instruments {_span(of_three, 'ratio')}. "
            + (f"Outside the band: {'; '.join(missed)}." if missed else "All are in the band.")
        )
    least = min(c for c in CLUSTERS if c)
    weak, strong = _at(found, 1), _at(found, 50)
    few = [one for one in strong if one.world.clusters == least]
    single = [one for one in found if one.world.instruments == 1]
    several = [one for one in found if one.world.instruments > 1]
    lines += [
        f"* **2SLS ± 1.96 SE fails** where instruments are weak: {_span(weak, 'tsls')} at an "
        f"effective F of 1, where its median bias is that of least squares. At 50 it covers "
        f"{_span([one for one in strong if one not in few], 'tsls')} with independent rows or 50 "
        f"clusters, and {_span(few, 'tsls')} with {least} clusters: CR1 and the normal "
        "distribution are too narrow there however strong the instruments.",
        "* **tF** is for weakness, not for few clusters: it takes the standard error as given, and "
        f"covers {_span([one for one in single if one.world.clusters is None], 'tf')} with "
        f"independent rows, {_span([one for one in single if one.world.clusters == least], 'tf')} "
        f"with {least} clusters.",
        f"* **LIML ± 1.96 SE** with three instruments covers {_span(_at(several, 1), 'liml')} at "
        f"an effective F of 1, {_span(_at(several, 10), 'liml')} at 10.",
        f"* **Few clusters cost power besides.** With {least} clusters and three strong "
        f"instruments (effective F 50) CLR sets are unbounded in {_unbounded(few, 1):.1%} of "
        f"samples, AR sets in {_unbounded(few, 0):.1%}: what CLR conditions on is a covariance of "
        f"six coefficients from {least} clusters. Read the AR set there too.",
        "* Sets that heed no strength say so by their shape: unbounded where instruments carry "
        "nothing. With several, AR sets are now and then empty although all instruments are valid.",
        "",
    ]
    return lines


def _few(few: Sequence[Floats], band: tuple[float, float]) -> list[str]:
    """Write the table of corrections for few clusters, and which of them is nearest."""
    head = ["clusters", "instruments", "they vary", "set", *CORRECTIONS]
    body = [head, ["---"] * len(head)]
    off = [0.0] * len(CORRECTIONS)
    for world, shares in zip(FEW, few, strict=True):
        how = "within too, sizes 1 to 7" if world.within else "between only, sizes alike"
        for name, row in zip(SETS[world.instruments], shares, strict=False):
            cells = [f"{world.clusters}", f"{world.instruments}", how, NAMES[name]]
            body.append([*cells, *(_covers(float(v), band) for v in row)])
            off = [max(was, abs(float(v) - LEVEL)) for was, v in zip(off, row, strict=True)]
    worst = "; ".join(f"{name} {value:.3f}" for name, value in zip(CORRECTIONS, off, strict=True))
    return [
        "## Few clusters: which correction",
        "",
        "The same sets at an effective F of 10, by four conventions (the AR test of the truth does "
        "not depend on strength). CR1 multiplies sums over clusters by a factor; the jackknife "
        "leaves clusters out one by one (CR3), and so heeds leverage. Hotelling's distribution, F "
        "with q and G − q degrees of freedom, stands for chi-squared, in CLR inside its "
        "conditional distribution; with one instrument it is Student's t with G − 1.",
        "",
        *("| " + " | ".join(row) + " |" for row in body),
        "",
        f"Largest distance from .95: {worst}. The library takes the last. First-stage F and "
        "standard errors keep CR1, as software and published tables have it.",
        "",
    ]
