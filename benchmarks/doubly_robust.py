"""Time cross-fitted AIPW beside DoubleML and causalis, growth with rows, and learners.

``python -m benchmarks.doubly_robust`` writes ``docs/benchmarks-doubly-robust.md``;
``--n 100000 --largest 1000000 --out FILE`` for a quick look. Peers are optional
(``constraints-peers.txt``): one that is not installed is left out, and the page says so.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import math
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import peers
from benchmarks.ladder import COVARIATES, SEED, draw
from benchmarks.machine import load, processor, versions
from causal.cohort import Sample
from causal.estimators import AIPW, Estimator, GComputation, InverseProbability, NuisanceStore
from causal.estimators.nuisance import CrossFitting
from causal.seeding import generator

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-doubly-robust.md"
ASKED = {"doubleml": 8, "causalis": 4}
"""How many times faster than each peer cross-fitted AIPW is to be."""
STEEPEST = 1.1
"""Largest slope of log CPU seconds on log rows, from 100,000 rows on."""
SMALLEST, FROM = 10_000, 100_000
LEARNERS = ("glm", "lasso", "spline_glm", "gradient_boosting", "random_forest", "super_learner")
LEARNED_ON = 2_000
MEGABYTE = 1e6
FIVE = CrossFitting(folds=5)
OURS = {
    "one outcome regression an arm, as peers do": AIPW(
        outcome={"arms": "separate"}, cross_fit=FIVE
    ),
    "one outcome regression (default)": AIPW(cross_fit=FIVE),
}
LADDER: dict[str, Estimator] = {
    "g_computation": GComputation(),
    "ipw": InverseProbability(),
    "aipw, 5 folds": AIPW(cross_fit=FIVE),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU seconds of each run, peak of extra memory in MB, and the answer."""

    seconds: tuple[float, ...]
    megabytes: float
    answer: peers.Answer

    @property
    def best(self) -> float:
        """Give the fastest run."""
        return min(self.seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--largest", type=int, default=10_000_000)
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        page = [
            *_beside_peers(chosen.n, chosen.runs),
            *_growth(chosen.largest),
            *_learners(),
            f"{versions()}{_peer_versions()}. {processor()}.{load()}",
            "",
        ]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text("\n".join(page))
    return 0


def installed() -> dict[str, Callable[[Sample], peers.Answer]]:
    """Give the peers that are installed; say of the others why they are left out."""
    found: dict[str, Callable[[Sample], peers.Answer]] = {}
    for name, call in (("doubleml", doubleml_irm), ("causalis", causalis_irm)):
        if importlib.util.find_spec(name) is None:
            sys.stdout.write(f"{name} is not installed and is left out; {HOW}\n")
        else:
            found[name] = call
    return found


HOW = "`.venv/bin/pip install --require-hashes -r constraints.txt -r constraints-peers.txt`"


def doubleml_irm(sample: Sample) -> peers.Answer:
    """Fit DoubleML's interactive regression model, five folds, unpenalised regressions."""
    from doubleml import DoubleMLData, DoubleMLIRM

    data = DoubleMLData.from_arrays(sample.x, sample.y, sample.a)
    model = DoubleMLIRM(data, _logistic(), _logistic(), n_folds=5)
    model.fit(store_predictions=False)
    return float(model.coef[0]), float(model.se[0])


def causalis_irm(sample: Sample) -> peers.Answer:
    """Fit causalis' interactive regression model, five folds, nothing kept for diagnostics."""
    from causalis.data_contracts import CausalData
    from causalis.scenarios.unconfoundedness.model import IRM

    frame = peers.as_frame(sample).astype({"outcome": int})
    data = CausalData(
        df=frame, treatment="exposure", outcome="outcome", confounders=list(sample.terms)
    )
    model = IRM(
        data,
        ml_g=_logistic(),
        ml_m=_logistic(),
        n_folds=5,
        random_state=0,
        store_diagnostics=False,
    )
    found = model.fit().estimate(score="ATE")
    return float(found.value), float(np.ravel(model.se)[0])


def _logistic() -> object:
    """Give scikit-learn's unpenalised logistic regression with the solver that is fastest here."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=np.inf, max_iter=1000)


def ours(estimator: Estimator, sample: Sample) -> peers.Answer:
    """Fit one of our estimators, standard error included."""
    fitted = estimator.fit(sample, NuisanceStore(), generator(SEED, "folds"))
    one = fitted.effect("risk_difference")
    return one.estimate, one.std_error


def measure(
    calls: dict[str, Callable[[Sample], peers.Answer]], sample: Sample, runs: int
) -> dict[str, Measured]:
    """Time calls in turns, after one warm-up each on few rows; then see what memory they take."""
    for call in calls.values():
        peers.quietly(call, draw(SMALLEST))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            gc.collect()
            start = time.process_time()
            peers.quietly(call, sample)
            seconds[name].append(time.process_time() - start)
    found = {}
    for name, call in calls.items():
        gc.collect()
        tracemalloc.start()
        answer = peers.quietly(call, sample)
        megabytes = tracemalloc.get_traced_memory()[1] / MEGABYTE
        tracemalloc.stop()
        found[name] = Measured(tuple(seconds[name]), megabytes, answer)
    return found


def _beside_peers(n: int, runs: int) -> list[str]:
    """Time AIPW beside its peers."""
    others, sample = installed(), draw(n)
    own = {name: (lambda s, e=one: ours(e, s)) for name, one in OURS.items()}
    measured = measure({**own, **others}, sample, runs)
    size = sample.x.nbytes / MEGABYTE
    lines = [
        "# Benchmarks: cross-fitted AIPW",
        "",
        "Written by `python -m benchmarks.doubly_robust` (`make benchmark`). A figure counts only "
        "beside its peer in the same run; on a machine that others share, read ratios and not "
        f"seconds. Peers are optional: {HOW}.",
        "",
        f"## Five folds of logistic regressions, n = {n:,}, {COVARIATES} covariates",
        "",
        f"CPU seconds, minimum (median) of {runs} runs in turns (ours, theirs, ours, theirs) after "
        "a warm-up on few rows, one BLAS thread, standard errors included. Extra memory is the "
        f"peak of what Python allocates during a further run, beside covariates of {size:.0f} MB. "
        "Peers fit scikit-learn's unpenalised logistic regression with its default solver, which "
        "is the faster of its two for both and stops at a looser tolerance than ours; causalis "
        "keeps nothing for diagnostics.",
        "",
        "| | CPU s | extra memory, MB | of the data | estimate (SE) |"
        + "".join(f" {name} / this |" for name in others),
        "| --- | --- | --- | --- | --- |" + " --- |" * len(others),
    ]
    for name, one in measured.items():
        ratios = "".join(
            f" {measured[other].best / one.best:.1f} |" if name in own else " |" for other in others
        )
        estimate, error = one.answer
        lines.append(
            f"| {name} | {one.best:.2f} ({median(one.seconds):.2f}) | {one.megabytes:.0f} | "
            f"{one.megabytes / size:.2f} | {estimate:.5f} ({error:.5f}) |{ratios}"
        )
    lines += ["", *_verdicts(measured, others, size), ""]
    return lines


def _verdicts(measured: dict[str, Measured], others: Sequence[str], size: float) -> list[str]:
    """Say which of what was asked for is reached."""
    said = []
    for name, own in ((name, measured[name]) for name in OURS):
        for other in ASKED:
            if other not in others:
                said.append(f"- {other}: not installed here, so not timed.")
                continue
            ratio = measured[other].best / own.best
            reached = "reached" if ratio >= ASKED[other] else "**not reached**"
            said.append(f"- {name}: {ratio:.1f} times {other}, asked {ASKED[other]}: {reached}.")
        reached = "reached" if own.megabytes <= size else "**not reached**"
        said.append(f"- {name}: extra memory at most the data: {reached}.")
    return list(dict.fromkeys(said))


def _growth(largest: int) -> list[str]:
    """Time the ladder from few rows to many."""
    sizes = [SMALLEST * 10**k for k in range(int(math.log10(largest / SMALLEST)) + 1)]
    seconds: dict[str, list[float]] = {name: [] for name in LADDER}
    memory: dict[str, list[float]] = {name: [] for name in LADDER}
    for n in sizes:
        sample = draw(n)
        for name, estimator in LADDER.items():
            runs = [_timed(estimator, sample) for _ in range(3 if n <= FROM else 1)]
            seconds[name].append(min(spent for spent, _ in runs))
            memory[name].append(runs[0][1])
        del sample
    lines = [
        "## Growth with the number of rows",
        "",
        f"CPU seconds (peak extra memory in MB), {COVARIATES} covariates of 0/1 exposure and "
        "outcome, each rung with regressions of its own; the best of three runs up to "
        f"{FROM:,} rows, one run beyond. Slope: of log seconds on log rows from {FROM:,} rows.",
        "",
        "| rung |" + "".join(f" {n:,} |" for n in sizes) + " slope | bytes a row, last |",
        "| --- |" + " --- |" * (len(sizes) + 2),
    ]
    for name in LADDER:
        cells = "".join(
            f" {s:.3g} ({m:.0f}) |" for s, m in zip(seconds[name], memory[name], strict=True)
        )
        slope = _slope(sizes, seconds[name])
        said = f"{slope:.2f}" + ("" if slope <= STEEPEST else f", **above {STEEPEST}**")
        lines.append(f"| {name} |{cells} {said} | {memory[name][-1] * MEGABYTE / sizes[-1]:.0f} |")
    return [*lines, ""]


def _timed(estimator: Estimator, sample: Sample) -> tuple[float, float]:
    """Give CPU seconds and peak MB of one fit."""
    gc.collect()
    tracemalloc.start()
    start = time.process_time()
    ours(estimator, sample)
    spent = time.process_time() - start
    megabytes = tracemalloc.get_traced_memory()[1] / MEGABYTE
    tracemalloc.stop()
    return spent, megabytes


def _slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Give the slope of log seconds on log rows, from ``FROM`` rows on."""
    kept = [(math.log(n), math.log(s)) for n, s in zip(sizes, seconds, strict=True) if n >= FROM]
    return float(np.polyfit(*zip(*kept, strict=True), 1)[0]) if len(kept) > 1 else math.nan


def _learners() -> list[str]:
    """Time AIPW with each learner."""
    sample = draw(LEARNED_ON)
    lines = [
        f"## What learners cost, n = {LEARNED_ON:,}, {COVARIATES} covariates",
        "",
        "CPU seconds of AIPW with five folds, propensity and outcome learned alike, one run after "
        "a warm-up with `glm`; one repeat (reports take five, at five times the cost).",
        "",
        "| learner | CPU s | estimate (SE) |",
        "| --- | --- | --- |",
    ]
    ours(AIPW(cross_fit=FIVE), sample)
    for name in LEARNERS:
        estimator = AIPW(propensity={"learner": name}, outcome={"learner": name}, cross_fit=FIVE)
        start = time.process_time()
        estimate, error = ours(estimator, sample)
        spent = time.process_time() - start
        lines.append(f"| {name} | {spent:.3g} | {estimate:.3f} ({error:.3f}) |")
    return [*lines, ""]


def _peer_versions() -> str:
    """Give the versions of the peers installed."""
    found = [f"{name} {version(name)}" for name in ASKED if importlib.util.find_spec(name)]
    return "".join(f", {one}" for one in found)


if __name__ == "__main__":
    sys.exit(main())
