"""The page on size and power of the refuters: curves, the H6 world, worlds with known faults."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.refuter_curves import (
    BASES,
    ENDS,
    Base,
    Curve,
    Group,
    bias_line,
    curve_lines,
    curves_svg,
    trace,
)
from benchmarks.refuter_power import (
    BLIND,
    CALIBRATION,
    COHORTS,
    CONTROL_EXPOSURE,
    DOWHY,
    DRAWS,
    FALSIFICATION,
    HIDDEN_MOTIVATION,
    MANY_DRAWS,
    MOTIVATION_TO_CONTROL,
    NEGATIVE_CONTROL,
    NOMINAL,
    SECOND_OPINIONS,
    SIZES,
    SOUND,
    WORLDS,
    Rate,
    draw_with_controls,
    largest_size,
    measure_rates,
)
from causal.estimators import NuisanceStore
from causal.refuters import PlaceboExposure
from causal.seeding import generator
from causal.subject import Subject

ESTABLISHING = 400
"""Cohorts of the H6 world: a rate of .05 is then known to .011."""
H6 = (PlaceboExposure(draws=DRAWS), NEGATIVE_CONTROL, CONTROL_EXPOSURE)
GROUPS = (
    Group(BLIND[:5], {500: 400, 2000: 200}),
    Group((NEGATIVE_CONTROL,), {500: 400, 2000: 400}),
    Group((CONTROL_EXPOSURE,), {500: 400, 2000: 400}),
    Group((CALIBRATION,), {500: 96, 2000: 48}),
    Group((FALSIFICATION,), {500: 200, 2000: 96}),
    Group((BLIND[5],), {500: 96, 2000: 48}, ENDS),
    Group((DOWHY,), {500: 48}, ENDS),
)


def study_refuters(*, scale: float, seed: int, jobs: int) -> tuple[str, bytes]:
    """Run the study; give its page, and the figure of the curves."""
    rates: list[Rate] = []
    for world in WORLDS:
        for n in world.sizes:
            cohorts = max(20, round(scale * COHORTS[n]))
            rates += measure_rates(world, n, world.refuters, cohorts=cohorts, seed=seed, jobs=jobs)
    for world in WORLDS[:2]:
        rates += measure_rates(
            world, SIZES[0], (DOWHY,), cohorts=SECOND_OPINIONS, seed=seed, jobs=jobs
        )
    h6: list[Rate] = []
    for n in SIZES:
        cohorts = max(20, round(scale * ESTABLISHING))
        h6 += measure_rates(HIDDEN_MOTIVATION, n, H6, cohorts=cohorts, seed=seed + 1, jobs=jobs)
    bases = {n: [_base(n, seed, number) for number in range(BASES)] for n in SIZES}
    curves = trace(GROUPS, bases, seed=seed, scale=scale, jobs=jobs)
    return refuters_page(rates, h6, curves), curves_svg(curves)


def _base(n: int, seed: int, number: int) -> Base:
    """Draw a cohort whose covariates the curves keep, and fit the rung."""
    sample, controls, _ = draw_with_controls(SOUND, n, generator(seed, "refuter curves", n, number))
    fitted = SOUND.estimator.fit(sample, NuisanceStore(), generator(seed, "curve fit", n, number))
    subject = Subject("rung", SOUND.estimator, sample, fitted, fitted, sample, "risk_difference")
    return Base(subject, controls)


def refuters_page(rates: Sequence[Rate], h6: Sequence[Rate], curves: Sequence[Curve]) -> str:
    """Write the curves, the H6 world, and the table of sizes and powers."""
    return "\n".join([*_curve_section(curves), *_h6_section(h6), _worlds_section(rates)])


def _curve_section(curves: Sequence[Curve]) -> list[str]:
    """Write size and power against the strength of the confounder."""
    return [
        "# Size and power of the refuters",
        "",
        "## As an unmeasured confounder grows",
        "",
        "How often each refuter fails (Monte-Carlo error) when a confounder whose partial R2 with "
        "exposure, and with the outcome, is 0, ½, 1, 2 or 3 times that of the strongest measured "
        "block (motivation) is put in and left unmeasured. At 0 the rate is the size. Cohorts are "
        f"those of `power` in a specification: the covariates of {BASES} cohorts of the "
        "structural model of `causal/simulate.py` are kept, exposure and outcome are drawn anew "
        "with no effect of exposure, and so are the negative controls and the columns of the "
        "diagram, all by the same confounder. The rung is g-computation with every covariate. "
        "Refuters make 20 draws a cohort. R differs with what a cohort costs and stands in the "
        "table; the simulated confounder is a sweep and has no power.",
        "",
        "![Share of cohorts each refuter fails in, by strength of the confounder](refuters.svg)",
        "",
        *curve_lines(curves),
        "",
        bias_line(curves),
        "",
    ]


def _h6_section(rates: Sequence[Rate]) -> list[str]:
    """Write what the world of HAZARDS H6 shows, with errors small enough to establish it."""
    told = []
    for one in rates:
        low, high = one.rejected - 1.96 * one.error, one.rejected + 1.96 * one.error
        told.append(
            f"| {one.refuter} | {one.n:,} | {one.cohorts} | {one.rejected:.3f} ({one.error:.3f}) | "
            f"{max(low, 0):.3f} to {min(high, 1):.3f} | {_established(one, low, high)} |"
        )
    bias = {one.n: one.bias for one in rates}
    wrong = ", ".join(f"{value:+.3f} at n = {n:,}" for n, value in bias.items())
    return [
        "## The world of H6: an estimate that is nothing but hidden motivation",
        "",
        f"{HIDDEN_MOTIVATION.what[0].upper()}{HIDDEN_MOTIVATION.what[1:]}; cohorts drawn afresh from the structural model. "
        f"The estimate is wrong by {wrong}. The placebo is to fail in under 10 % of cohorts, the "
        "negative controls in over 80 %.",
        "",
        "| refuter | n | cohorts | fails (Monte-Carlo error) | 95 % interval | wanted |",
        "| --- | --- | --- | --- | --- | --- |",
        *told,
        "",
    ]


def _established(one: Rate, low: float, high: float) -> str:
    """Say whether the interval establishes what is wanted."""
    if one.refuter == H6[0].kind:
        return "< .10, established" if high < 0.10 else "< .10, **not established**"
    return "> .8, established" if low > 0.8 else "> .8, **not established**"


def _worlds_section(rates: Sequence[Rate]) -> str:
    """Write the table of sizes and powers in worlds with known faults."""
    lines = [
        "## In worlds whose fault is known",
        "",
        "How often each refuter fails (Monte-Carlo error) in cohorts drawn "
        "from the structural model of `causal/simulate.py`. A refuter with power against a fault "
        "fails often in its column; one that is blind to it fails there no more often than in the "
        f"sound world. Refuters make {DRAWS} draws each, {MANY_DRAWS} for subset and bootstrap "
        f"where clusters are ignored, and {DOWHY.draws} for DoWhy's, which is asked about "
        f"{SECOND_OPINIONS} cohorts. The negative control is drawn from motivation (log odds "
        f"ratio {MOTIVATION_TO_CONTROL:g} per SD) and severity, without exposure; so are the "
        f"{len(CALIBRATION.controls)} of the calibration, from half to all of that, and the "
        "control exposure. The diagram held against the data is one of severity and three marks of "
        "motivation; where motivation is hidden it leaves out an arrow. The simulated confounder "
        "is no test of a fault. It fails where the interval excludes no effect, but would include "
        "it were there one more confounder as strong as the strongest measured block. In the sound "
        "world that block is motivation, which accounts for more of the crude difference than "
        "exposure does: its like overturns every estimate that excludes no effect, so the refuter "
        "fails in all large cohorts, and in small ones where the interval excludes no effect at "
        "all (elsewhere it is not resolvable). Where motivation is hidden, the strongest block is "
        "a weaker one, and the confounded estimate withstands its like: it passes. A rate near 1 "
        "in the sound world is no false alarm, nor a rate near 0 in the other a sign of soundness.",
        "",
        *(f"* **{world.name}**: {world.what}." for world in WORLDS),
        "",
    ]
    for n in dict.fromkeys(one.n for one in rates):
        lines += _table([one for one in rates if one.n == n])
    return "\n".join([*lines, *_verdicts(rates)])


def _table(rates: Sequence[Rate]) -> list[str]:
    """Write one line a refuter, one column a world."""
    cells = {(one.refuter, one.world.name): one for one in rates}
    worlds = [world for world in WORLDS if rates[0].n in world.sizes]
    names = [world.name for world in worlds]
    rows = [
        [kind, *(_cell(cells.get((kind, name))) for name in names)]
        for kind in dict.fromkeys(one.refuter for one in rates)
    ]
    bias = [next(o.bias for o in rates if o.world is world and o.cohorts) for world in worlds]
    head = ["refuter", *names]
    return [
        f"### n = {rates[0].n:,} persons",
        "",
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        f"| *bias of the estimate* | {' | '.join(map(_signed, bias))} |",
        "",
        f"{max(one.cohorts for one in rates)} cohorts a world.",
        "",
    ]


def _signed(value: float) -> str:
    """Write a bias; nothing where the effect on the persons drawn is not known."""
    return "–" if np.isnan(value) else f"{value:+.3f}"


def _cell(rate: Rate | None) -> str:
    """Write one rate."""
    if rate is None:
        return "–"
    if not rate.cohorts:
        return "not evaluated"
    few = f", {rate.cohorts} cohorts" if rate.refuter == DOWHY.kind else ""
    return f"{rate.rejected:.3f} ({rate.error:.3f}{few})"


def _verdicts(rates: Sequence[Rate]) -> list[str]:
    """Say which sizes are too large, and who sees hidden motivation."""
    rates = [one for one in rates if one.refuter != "simulated_confounder"]  # tests no fault
    sizes = [one for one in rates if one.world is SOUND and one.cohorts]
    above = [one for one in sizes if one.rejected > largest_size(one.cohorts, len(sizes))]
    said = "; ".join(f"{one.refuter} (n = {one.n:,}: {one.rejected:.3f})" for one in above)
    hidden = [one for one in rates if one.world is HIDDEN_MOTIVATION and one.cohorts]
    sees = sorted({one.refuter for one in hidden if one.rejected > 0.8})
    blind = sorted({one.refuter for one in hidden if one.rejected < 0.1} - set(sees))
    return [
        "### What follows",
        "",
        f"* Sizes above the binomial band of {NOMINAL:g} (family-wise error 1 %): "
        f"{said or 'none'}. Refuters that tolerate a departure fail less often than {NOMINAL:g}.",
        f"* Fail in over 80 % of cohorts with hidden motivation: {', '.join(sees) or 'none'}.",
        f"* Fail in under 10 % of them, however wrong the estimate: {', '.join(blind) or 'none'}.",
        "",
    ]
