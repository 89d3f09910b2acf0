"""How often intervals calibrated by negative controls cover, where nominal ones do not.

``python -m benchmarks.simulations --only systematic_error`` runs it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.performance import FAMILY_WISE_ERROR, acceptance_band
from causal.arrays import Floats
from causal.execution import map_tasks
from causal.inference import critical_value
from causal.refuters.systematic_error import (
    calibrate,
    calibrate_plug_in,
    fit_null,
    null_posterior,
)
from causal.seeding import generator

CONTROLS = (5, 10, 20, 50)
"""Five are refused in an analysis; here they show why."""
WORLDS = 2000
CHUNK = 100
TRUTH, MEAN, SD = 0.3, 0.25, 0.25
"""Log risk ratio, and mean and standard deviation of the systematic error of any estimate."""
ERRORS = (0.05, 0.3)
"""Sampling errors are uniform between these."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some worlds with one number of controls."""

    controls: int
    first: int
    count: int
    seed: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of worlds in which an interval holds the truth."""

    controls: int
    worlds: int
    nominal: float
    plug_in: float
    calibrated: float


def study_systematic_error(*, scale: float, seed: int, jobs: int) -> str:
    """Run the study and write its page."""
    worlds = max(CHUNK, round(scale * WORLDS / CHUNK) * CHUNK)
    batches = [
        Batch(controls, first, CHUNK, seed)
        for controls in CONTROLS
        for first in range(0, worlds, CHUNK)
    ]
    found = map_tasks(cover, batches, jobs=jobs)
    rows = []
    for controls in CONTROLS:
        held = np.concatenate(
            [one for batch, one in zip(batches, found, strict=True) if batch.controls == controls]
        )
        rows.append(Coverage(controls, worlds, *(float(one) for one in held.mean(axis=0))))
    return coverage_page(rows)


def cover(batch: Batch) -> Floats:
    """Give (worlds, 3) 0/1: do the nominal, plug-in and calibrated intervals hold the truth."""
    held = np.empty((batch.count, 3))
    for row in range(batch.count):
        name = ("systematic error", batch.controls, batch.first + row)
        rng = generator(batch.seed, *name)
        s = rng.uniform(*ERRORS, batch.controls)
        x = rng.normal(MEAN, SD, batch.controls) + s * rng.standard_normal(batch.controls)
        error = float(rng.uniform(*ERRORS))
        estimate = TRUTH + float(rng.normal(MEAN, SD)) + error * float(rng.standard_normal())
        plug_in = calibrate_plug_in(estimate, error, fit_null(x, s))
        whole = calibrate(estimate, error, null_posterior(x, s))
        held[row] = (
            abs(estimate - TRUTH) < critical_value() * error,
            plug_in.lo < TRUTH < plug_in.hi,
            whole.lo < TRUTH < whole.hi,
        )
    return held


def coverage_page(rows: Sequence[Coverage]) -> str:
    """Write the table, and what follows from it."""
    low, high = acceptance_band(rows[0].worlds, len(rows))
    twenty = next(one for one in rows if one.controls == 20)
    said = "covers within its band"
    if twenty.calibrated > high:
        said = (
            f"covers more often than its band by {twenty.calibrated - high:.4f} (it is too wide "
            "rather than too short: the prior of the standard deviation weighs while controls are "
            "few)"
        )
    elif twenty.calibrated < low:
        said = "**covers too seldom**"
    return "\n".join(
        [
            "# Intervals calibrated by negative controls",
            "",
            f"{rows[0].worlds:,} worlds for each number of controls. The log risk ratio is "
            f"{TRUTH:g}; the estimate, and that of every control, has a systematic error drawn "
            f"from N({MEAN:g}, {SD:g}²), and a sampling error whose standard deviation is uniform "
            f"between {ERRORS[0]:g} and {ERRORS[1]:g}. *Nominal* is the interval of the estimate "
            "itself; *plug-in* takes the null distribution of the controls as known; *calibrated* "
            "is what `empirical_calibration` reports, with the uncertainty of that distribution in "
            "it. Coverages of 95 % intervals; Monte-Carlo errors in parentheses.",
            "",
            "| controls | nominal | plug-in | calibrated | band |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {one.controls} | {_share(one.nominal, one)} | {_share(one.plug_in, one)} | "
                f"{_share(one.calibrated, one)}{_side(one.calibrated, low, high)} | "
                f"{low:.4f} to {high:.4f} |"
                for one in rows
            ),
            "",
            f"The band is binomial, family-wise error {FAMILY_WISE_ERROR:.0%}. With 20 controls "
            f"the calibrated interval {said}, where the nominal one covers in "
            f"{twenty.nominal:.0%}. The world is the one the method assumes: the rung's systematic "
            "error is one more draw from that of the controls. Controls that share less of the "
            "confounding calibrate by less.",
            "",
        ]
    )


def _share(value: float, of: Coverage) -> str:
    """Write a coverage with its Monte-Carlo error."""
    return f"{value:.4f} ({np.sqrt(value * (1 - value) / of.worlds):.4f})"


def _side(value: float, low: float, high: float) -> str:
    """Say on which side of the band a coverage is."""
    return " below" if value < low else " above" if value > high else ""
