"""Time the ladder beside DoWhy and EconML in one run; writes ``docs/benchmarks.md``.

``python -m benchmarks.ladder``; ``--n 10000 --runs 3 --out FILE`` for a quick look.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import peers
from benchmarks.help_primary import WholeProcess, time_primary
from benchmarks.machine import load, processor, versions
from causal.cohort import Sample
from causal.estimate import NotEstimable
from causal.estimators import (
    AIPW,
    Estimator,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    NuisanceStore,
)
from causal.estimators.nuisance import CrossFitting
from causal.seeding import generator
from causal.simulate import bernoulli, expit

SEED = 20260101
OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
COVARIATES = 20


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung, and the peer that does the same."""

    name: str
    estimator: Estimator
    peer: str
    peer_call: Callable[..., peers.Answer]


RUNGS = (
    Rung(
        "g_computation, logistic",
        GComputation(),
        "DoWhy generalized linear model",
        peers.dowhy_logistic,
    ),
    Rung("linear_probability", LinearProbability(), "DoWhy linear regression", peers.dowhy_linear),
    Rung("ipw", InverseProbability(), "DoWhy propensity score weighting", peers.dowhy_weighting),
    Rung(
        "aipw, logistic, 5 folds",
        AIPW(cross_fit=CrossFitting(folds=5)),
        "EconML LinearDRLearner, logistic, 5 folds",
        peers.econml_doubly_robust,
    ),
    Rung(
        "linear_dml, 5 folds (EconML inside)",
        LinearDML(),
        "EconML LinearDML, 5 folds",
        peers.econml_partially_linear,
    ),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """CPU seconds of each run, and the answer."""

    seconds: tuple[float, ...]
    answer: peers.Answer

    @property
    def best(self) -> float:
        """Give the fastest run."""
        return min(self.seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--skip-help", action="store_true", help="leave the HELP analysis out")
    chosen = parser.parse_args(arguments)
    from threadpoolctl import threadpool_limits

    primary = NotEstimable("left out on request") if chosen.skip_help else time_primary(3)
    with threadpool_limits(limits=1):
        sample = draw(chosen.n)
        timed = [time_pair(rung, sample, chosen.runs) for rung in RUNGS]
        whole = time_ladder(sample, chosen.runs)
    page = write_page(primary, timed, whole, sample.n, chosen.runs)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(page)
    return 0


def draw(n: int) -> Sample:
    """Draw covariates, a 0/1 exposure and a 0/1 outcome, both logistic."""
    rng = generator(SEED, "benchmark")
    x = rng.standard_normal((n, COVARIATES))
    to_exposure, to_outcome = rng.normal(0, 0.15, (2, COVARIATES))
    a = bernoulli(expit(x @ to_exposure - 0.5), rng)
    y = bernoulli(expit(x @ to_outcome + 0.4 * a - 0.6), rng)
    terms = tuple(f"x{number}" for number in range(COVARIATES))
    return Sample(np.arange(n), y, a, x, terms, terms, "binary", "binary", np.ones(n))


def time_pair(rung: Rung, sample: Sample, runs: int) -> tuple[Timing, Timing]:
    """Time a rung and its peer in turns, after one warm-up each."""
    own, theirs = [], []
    for number in range(runs + 1):
        seconds, own_answer = _timed(lambda: _own(rung.estimator, sample, NuisanceStore()))
        frame = peers.as_frame(sample)  # fresh: DoWhy writes into it
        peer_seconds, answer = _timed(lambda f=frame: peers.quietly(rung.peer_call, f))
        if number:
            own.append(seconds)
            theirs.append(peer_seconds)
    return Timing(tuple(own), own_answer), Timing(tuple(theirs), answer)


def time_ladder(sample: Sample, runs: int) -> Timing:
    """Time all rungs together: they share nuisances and their standard errors are paired."""
    seconds = []
    for _ in range(runs):
        store = NuisanceStore()
        spent, answers = _timed(lambda s=store: [_own(r.estimator, sample, s) for r in RUNGS])
        seconds.append(spent)
    return Timing(tuple(seconds), answers[-1])


def _own(estimator: Estimator, sample: Sample, store: NuisanceStore) -> peers.Answer:
    """Fit one of our estimators, standard error included."""
    fitted = estimator.fit(sample, store, generator(SEED, "folds"))
    one = fitted.effect("risk_difference")
    return one.estimate, one.std_error


def _timed(call: Callable[[], object]) -> tuple[float, object]:
    """Give CPU seconds and answer of one call."""
    gc.collect()
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def write_page(
    primary: WholeProcess | NotEstimable,
    timed: Sequence[tuple[Timing, Timing]],
    whole: Timing,
    n: int,
    runs: int,
) -> str:
    """Write the page."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `python -m benchmarks.ladder` (`make benchmark`). A figure counts only beside "
        "its peer in the same run.",
        "",
        "## The primary HELP analysis, from command to report",
        "",
        *_primary(primary),
        "",
        f"## The ladder at n = {n:,}, {COVARIATES} covariates",
        "",
        f"CPU seconds, minimum (median) of {runs} runs after a warm-up, in turns with the peer, "
        "one BLAS thread. Ours include standard errors from influence values; DoWhy's logistic "
        "regression and weighting give none without a bootstrap. DoWhy is handed its adjustment "
        "set (its search does not finish at 20 covariates) and may not clip propensities. Peers "
        "fit logistic regressions with scikit-learn's default solver. Our `linear_dml` takes its "
        "residuals from EconML, so it cannot be faster.",
        "",
        "| rung | ours | peer's | ratio of minima | estimate (SE) ours | peer's | peer |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rung, (own, theirs) in zip(RUNGS, timed, strict=True):
        lines.append(
            f"| {rung.name} | {_seconds(own)} | {_seconds(theirs)} | "
            f"{theirs.best / own.best:.1f} | {_answer(own)} | {_answer(theirs)} | {rung.peer} |"
        )
    total = sum(theirs.best for _, theirs in timed)
    lines.append(
        f"| all five, sharing regressions | {_seconds(whole)} | {total:.3f} (sum of minima) | "
        f"{total / whole.best:.1f} | | | the five peers |"
    )
    four = [(own, theirs) for own, theirs in timed[:-1]]
    ours, others = (sum(pair[side].best for pair in four) for side in (0, 1))
    lines += [
        f"| the four without EconML inside | {ours:.3f} (sum of minima) | "
        f"{others:.3f} (sum of minima) | {others / ours:.1f} | | | their peers |",
        "",
        f"{versions()}. {processor()}.{load()}",
        "",
    ]
    return "\n".join(lines)


def _primary(primary: WholeProcess | NotEstimable) -> list[str]:
    """Write the HELP timing, or why there is none."""
    if isinstance(primary, NotEstimable):
        return [f"Not timed: {primary.reason}."]
    return [
        f"`causal run analyses/help_drug_use.yaml`, whole process, {len(primary.wall)} runs: wall "
        f"{min(primary.wall):.1f} s (median {median(primary.wall):.1f}), CPU "
        f"{min(primary.cpu):.1f} s (median {median(primary.cpu):.1f}); imports included.",
    ]


def _seconds(timing: Timing) -> str:
    """Write minimum and median."""
    return f"{timing.best:.3f} ({median(timing.seconds):.3f})"


def _answer(timing: Timing) -> str:
    """Write estimate and standard error."""
    estimate, error = timing.answer
    return f"{estimate:.5f}" + ("" if error is None else f" ({error:.5f})")


if __name__ == "__main__":
    sys.exit(main())
