"""The index of the simulation studies: one line a page, from the last run of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.cells import Cell
from benchmarks.limits import BATCHES, PERSONS
from benchmarks.pages import TITLES, table
from benchmarks.performance import FAMILY_WISE_ERROR

RECORD = "verdicts.json"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one page says of its coverages.

    Attributes
    ----------
    cells, inside, reason, none : coverages judged; inside the band; outside with a reason, and
        without one.
    scale : share of the full study's samples that were drawn.
    """

    cells: int
    inside: int
    reason: int
    none: int
    scale: float


def verdict(cells: Sequence[Cell], *, scale: float) -> Verdict:
    """Count the verdicts of a page."""
    return Verdict(
        cells=len(cells),
        inside=sum(one.side == "inside" for one in cells),
        reason=sum(bool(one.reason) for one in cells),
        none=sum(one.unexplained for one in cells),
        scale=scale,
    )


def record(folder: Path, name: str, found: Verdict) -> None:
    """Write down what a page found, and the index of all pages anew."""
    file = folder / RECORD
    known = json.loads(file.read_text()) if file.is_file() else {}
    known[name] = asdict(found)
    verdicts = {one: Verdict(**known[one]) for one in TITLES if one in known}
    kept = {one: asdict(value) for one, value in verdicts.items()}
    file.write_text(json.dumps(kept, indent=1) + "\n")
    (folder / "index.md").write_text(index_page(verdicts))


def index_page(verdicts: Mapping[str, Verdict]) -> str:
    """Write what was studied and how, with a verdict a page."""
    body = [
        (
            f"[{TITLES[name]}]({name}.md)",
            "all" if one.scale == 1 else f"{100 * one.scale:g} %",
            str(one.cells),
            str(one.inside),
            str(one.reason),
            str(one.none),
        )
        for name, one in verdicts.items()
    ]
    head = (
        "page",
        "samples drawn",
        "cells",
        "inside the band",
        "miss it, reason given",
        "miss it, no reason given",
    )
    return "\n".join(
        [
            "# Simulation studies",
            "",
            "Written by `python -m benchmarks.simulations` (`make simulations`); laid out after "
            "Morris, White & Crowther (2019), doi:10.1002/sim.8086.",
            "",
            "* **Aim.** Do the intervals of every estimator, and the set for the share that "
            "remains, cover as often as they say?",
            "* **Mechanism.** The structural model of `causal/simulate.py`, scenario `no_sites`: "
            "motivation raises attendance and abstinence, severity raises attendance and lowers "
            "abstinence; 30 % attend, 35 % are abstinent. Coefficients are tuned to published "
            "ranges, not estimated. Arms, doses, times, surveys and g-estimation have worlds of "
            "their own.",
            "* **Estimand.** The large-sample limit of that estimator, from "
            f"{BATCHES} × {PERSONS:,} persons with probabilities in place of drawn exposures and "
            "outcomes (fewer batches where a solver is slow); its Monte-Carlo error is the spread "
            "between the batches.",
            "* **Methods.** Every estimator of the ladder; all see the same samples.",
            "* **Performance.** Bias, empirical standard error, mean over empirical standard "
            "error, coverage of 95 % intervals; Monte-Carlo errors in parentheses.",
            f"* **Band.** Binomial, family-wise error {100 * FAMILY_WISE_ERROR:g} % over the cells "
            "of a page (Bonferroni). An estimator that misses it stays in the table.",
            "",
            *table(head, body),
            "",
            "Beside them stand the study of [size and power of the refuters](refuters.md), which "
            "has no intervals, that of [weak instruments and few clusters](instruments.md), which "
            "has a mechanism of its own, and that of [intervals calibrated by negative "
            "controls](systematic_error.md).",
            "",
            "Reasons are rules in `benchmarks/explanations.py`, or belong to lines that are meant "
            "to miss. Those for fitted weights and few persons were written after pilot runs of "
            "1,000 samples had shown the misses: that they fade with n is measured, that "
            "second-order error is the cause is inferred. They excuse weighting and AIPW below "
            "the band at any n up to 1,000 persons, so a zero in the last column says little "
            "there: read the coverages.",
            "",
            "Every page ends with its seed, run time and versions.",
            "",
        ]
    )
