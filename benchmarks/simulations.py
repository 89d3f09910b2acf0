"""Run the simulation studies and write ``docs/simulations/*.md``.

``python -m benchmarks.simulations --jobs 2``; ``--scale .05 --out FOLDER`` for a quick look,
``--only refuters`` for one page (the index keeps what the last runs of the others found).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.cells import Cell, cell
from benchmarks.index import record, verdict
from benchmarks.instruments_page import study_instruments
from benchmarks.limits import Limits, compute_limits
from benchmarks.machine import processor, versions
from benchmarks.mechanism import LATENT, Design
from benchmarks.methods import CRUDE, JUDGES, LEARNERS, SINGLE_FIT
from benchmarks.pages import calibration_page, reliability_page, shares_page
from benchmarks.performance import measure
from benchmarks.questions_study import study_questions
from benchmarks.refuter_page import study_refuters
from benchmarks.replicates import estimate_all
from benchmarks.shares import cover_shares
from benchmarks.studies import (
    CALIBRATION,
    FAMILIES,
    FAST,
    RELIABILITY_PARTS,
    SHARE_PARTS,
    SLOWER,
    Part,
)
from benchmarks.systematic_error import study_systematic_error
from causal.arrays import Floats
from causal.simulate import Scenario, truth

SEED = 20260101
FEWER_BATCHES = 4
"""Batches of persons behind the limits of the families: a solver takes seconds for each."""
OUT = Path(__file__).resolve().parents[1] / "docs" / "simulations"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every study; 1 when a coverage misses its band without a known reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the samples to draw")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", help="write this page alone")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    run = Runner(chosen.seed, chosen.jobs, chosen.scale, chosen.out)
    studies: dict[str, Callable[[], tuple[str, list[Cell]]]] = {
        name: lambda name=name: run.calibrate(name) for name in CALIBRATION
    } | {"shares": run.share, "reliability": run.reliability, "refuters": run.refute}
    studies |= {name: lambda name=name: run.families(name) for name in FAMILIES}
    studies |= {"instruments": run.instrument}
    studies |= {"questions": run.questions, "systematic_error": run.calibrate_by_controls}
    if chosen.only and chosen.only not in studies:
        parser.error(f"there is no study '{chosen.only}'; choose among {', '.join(studies)}")
    unexplained: list[Cell] = []
    for name, study in studies.items():
        if chosen.only not in (None, name):
            continue
        start = time.perf_counter()
        page, cells = study()
        seconds = time.perf_counter() - start
        unexplained += [one for one in cells if one.unexplained]
        note = run_note(run, seconds)
        (chosen.out / f"{name}.md").write_text(f"{page}\n{note}\n")
        if cells:
            record(chosen.out, name, verdict(cells, scale=run.scale))
    for one in unexplained:
        sys.stderr.write(f"{one.heading}: {one.name}: {one.coverage:.4f}\n")
    return 1 if unexplained else 0


def run_note(run: Runner, seconds: float) -> str:
    """Say what a page was run with."""
    share = "" if run.scale == 1 else f" of {run.scale:g} of the samples"
    return (
        f"Seed {run.seed}; run{share} in {seconds:.0f} s with {run.jobs} jobs, one BLAS thread "
        f"each. {versions()}. {processor()}."
    )


class Runner:
    """The settings of one run, and the limits already computed in it."""

    def __init__(self, seed: int, jobs: int, scale: float, out: Path = OUT) -> None:
        self.seed, self.jobs, self.scale, self.out = seed, jobs, scale, out
        self._limits: dict[tuple[Scenario, tuple[str, ...]], Limits] = {}

    def calibrate(self, study: str) -> tuple[str, list[Cell]]:
        """Run one calibration study; give its page and cells."""
        parts = CALIBRATION[study]
        count = sum(len(part.methods) for part in parts)
        cells: list[Cell] = []
        for part in parts:
            cells += self.judged(part, self.limits(part), count)
        return calibration_page(study, cells), cells

    def judged(self, part: Part, limits: Limits, count: int) -> list[Cell]:
        """Give the cells of a part, each one of ``count`` on its page."""
        results, cells = self.estimates(part), []
        for column, method in enumerate(part.methods):
            found = measure(results[:, column], limits.of(method.limit_name))
            cells.append(cell(part.design, method, found.coverage, found.fits, count, found))
        return cells

    def families(self, study: str) -> tuple[str, list[Cell]]:
        """Run a study of balancing, matching and TMLE, or of learners; give its page and cells."""
        parts = FAMILIES[study]
        count = sum(len(part.methods) for part in parts)
        own = [one for part in parts for one in part.methods if one.limit_name == one.name]
        limits = compute_limits(
            parts[0].design, (*JUDGES, *own), seed=self.seed, jobs=self.jobs, batches=FEWER_BATCHES
        )
        cells = [one for part in parts for one in self.judged(part, limits, count)]
        return calibration_page(study, cells), cells

    def questions(self) -> tuple[str, list[Cell]]:
        """Run the study of arms, doses, times, surveys and g-estimation."""
        cells = study_questions(
            many=self.scaled(FAST), slower=self.scaled(SLOWER), seed=self.seed, jobs=self.jobs
        )
        return calibration_page("questions", cells), cells

    def share(self) -> tuple[str, list[Cell]]:
        """Run the study of the share that remains."""
        count = sum(len(part.methods) for part in SHARE_PARTS)
        cells: list[Cell] = []
        z: dict[str, tuple[float, float, float]] = {}
        for part in SHARE_PARTS:
            rows, crude = cover_shares(
                part.design,
                part.methods,
                self.limits(part),
                replicates=self.replicates(part),
                seed=self.seed,
                jobs=self.jobs,
            )
            low, middle, high = np.percentile(crude, [5, 50, 95])
            z[part.design.name] = (float(low), float(middle), float(high))
            cells += [
                cell(part.design, method, row.fieller, row.fits, count, row)
                for method, row in zip(part.methods, rows, strict=True)
            ]
        return shares_page(cells, z), cells

    def reliability(self) -> tuple[str, list[Cell]]:
        """Measure what adjusting for scores with error leaves."""
        count = sum(len(part.methods) for part in RELIABILITY_PARTS)
        cells: list[Cell] = []
        rows: list[tuple[Cell, float, float, float]] = []
        for part in RELIABILITY_PARTS:
            limits, results = self.limits(part), self.estimates(part)
            actual, crude = truth(part.design.scenario)["ate"], limits.of(CRUDE.name).value
            for column, method in enumerate(part.methods):
                own = measure(results[:, column], limits.of(method.limit_name))
                of_truth = measure(results[:, column], replace(own.limit, value=actual))
                cells.append(cell(part.design, method, own.coverage, own.fits, count, own))
                rows.append((cells[-1], actual, crude, of_truth.coverage))
        return reliability_page(rows), cells

    def refute(self) -> tuple[str, list[Cell]]:
        """Measure size and power of the refuters; no intervals, so no cells."""
        page, figure = study_refuters(scale=self.scale, seed=self.seed, jobs=self.jobs)
        (self.out / "refuters.svg").write_bytes(figure)
        return page, []

    def instrument(self) -> tuple[str, list[Cell]]:
        """Measure coverage with weak instruments and few clusters, on a page that judges itself."""
        return study_instruments(scale=self.scale, seed=self.seed, jobs=self.jobs), []

    def calibrate_by_controls(self) -> tuple[str, list[Cell]]:
        """Measure coverage calibrated by negative controls, on a page that judges itself."""
        return study_systematic_error(scale=self.scale, seed=self.seed, jobs=self.jobs), []

    def limits(self, part: Part) -> Limits:
        """Compute the limits of one mechanism, once for all sample sizes."""
        key = (part.design.scenario, part.design.terms)
        if key not in self._limits:
            methods = (*SINGLE_FIT, *LEARNERS) if key[1] == LATENT else (CRUDE, *part.methods)
            world = Design(f"{key[0]} {key[1]}", key[0], part.design.n, key[1])
            self._limits[key] = compute_limits(world, methods, seed=self.seed, jobs=self.jobs)
        return self._limits[key]

    def estimates(self, part: Part) -> Floats:
        """Fit the methods of a part to all its samples."""
        return estimate_all(
            part.design,
            part.methods,
            replicates=self.replicates(part),
            seed=self.seed,
            jobs=self.jobs,
        )

    def replicates(self, part: Part) -> int:
        """Give the number of samples, scaled down on request."""
        return self.scaled(part.replicates)

    def scaled(self, replicates: int) -> int:
        """Scale a number of samples down, to no less than 20."""
        return max(20, round(self.scale * replicates))


if __name__ == "__main__":
    sys.exit(main())
