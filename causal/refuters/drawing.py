"""Repeats a fit on changed samples, in blocks where that gives the same, else one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.errors import InstrumentError, OutcomeError, PositivityError
from causal.estimate import NotEstimable, Scale
from causal.estimators import Estimator, NuisanceStore
from causal.refuters.batches import Batch, block_width
from causal.refuters.changes import AddedCovariate, Change, naming
from causal.refuters.refits import find_batch

MOST_FAILED = 0.1
"""With more draws than this unfit, those left are no longer a fair selection."""

Draw: TypeAlias = tuple[Change, np.random.Generator]
"""A change, and the stream the fit on the changed sample may use."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Estimates from repeated fits.

    Attributes
    ----------
    values : (k,) floats, ratios as logs.
    kept : (k,) ints, the numbers of the draws that could be fitted.
    influence : (n,) floats, each row's influence averaged over draws; None without such.
    failed : draws that could not be fitted.
    std_errors, half_widths : (k,) floats, of each estimate and of its 95 % interval; empty where
        draws were fitted in blocks.
    """

    values: Floats
    kept: Ints
    influence: Floats | None
    failed: int
    std_errors: Floats
    half_widths: Floats


def refit(
    draws: Iterable[Draw],
    estimator: Estimator,
    sample: Sample,
    scale: Scale,
    *,
    same_rows: bool,
    batched: bool = True,
) -> Draws:
    """Fit an estimator, nuisances anew, on one changed sample after another.

    Parameters
    ----------
    sample : what is changed.
    same_rows : row i is the same unit in every draw, so that influence can be averaged.
    batched : fit in blocks where there is a way that gives the same numbers; these have no standard
        errors of their own.

    Raises
    ------
    PositivityError
        More than a tenth of the draws could not be fitted.
    """
    batch = find_batch(estimator, sample, scale) if batched else None
    tally = _Tally(estimator, sample, scale, same_rows)
    width = 1 if batch is None else block_width(sample.n)
    for block in _blocks(draws, width):
        if batch is None:
            tally.fit_alone(*block[0])
        else:
            tally.fit_block(batch, block)
    return tally.close()


@dataclass(slots=True, eq=False)
class _Tally:
    """Fits draws and keeps account of them."""

    estimator: Estimator
    sample: Sample
    scale: Scale
    same_rows: bool
    values: list[float] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    halves: list[float] = field(default_factory=list)
    total: Floats | None = None
    failed: int = 0
    said: str = ""
    first: NuisanceStore | None = None

    def fit_block(self, batch: Batch, block: list[Draw]) -> None:
        """Fit a block of draws, and those on their own that it leaves."""
        changes, rngs = zip(*block, strict=True)
        states = [rng.bit_generator.state for rng in rngs]
        # what a draw without a solution divides by is of no account: it is fitted on its own
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = batch.fit(changes, rngs, with_influence=self.same_rows)
        if found.influence is not None:
            self._add(found.influence)
        for place, (change, rng) in enumerate(block):
            if found.known[place]:
                self.kept.append(self.failed + len(self.values))
                self.values.append(float(found.values[place]))
            else:
                rng.bit_generator.state = states[place]
                self.fit_alone(change, rng)

    def fit_alone(self, change: Change, rng: np.random.Generator) -> None:
        """Fit one draw; regressions begin at the solutions of the first that could be fitted."""
        using = self.estimator
        if isinstance(change, AddedCovariate):
            using = naming(using, change.term)
        store = NuisanceStore(start=self.first)
        try:
            fitted = using.fit(change.apply(self.sample), store, rng).contrast(self.scale)
        except (PositivityError, OutcomeError, InstrumentError) as problem:
            fitted = NotEstimable(problem.message)
        if isinstance(fitted, NotEstimable):
            self.failed, self.said = self.failed + 1, self.said or fitted.reason
            return
        self.first = self.first or store
        self.kept.append(self.failed + len(self.values))
        self.values.append(float(fitted.values[0]))
        self.errors.append(math.sqrt(float(fitted.covariance[0, 0])))
        self.halves.append(inference.critical_value(df=fitted.df) * self.errors[-1])
        if self.same_rows and not isinstance(fitted.influence, NotEstimable):
            self._add(fitted.influence[:, 0])

    def close(self) -> Draws:
        """Give what was found, unless too many draws could not be fitted."""
        number = self.failed + len(self.values)
        if self.failed > MOST_FAILED * number:
            raise PositivityError(
                f"{self.failed} of {number} draws could not be fitted ({self.said.rstrip('.')})."
            )
        averaged = None if self.total is None else self.total / len(self.values)
        kept = np.array(self.kept, dtype=np.int64)
        every = len(self.errors) == len(self.values)
        return Draws(
            values=np.array(self.values),
            kept=kept,
            influence=averaged,
            failed=self.failed,
            std_errors=np.array(self.errors if every else []),
            half_widths=np.array(self.halves if every else []),
        )

    def _add(self, influence: Floats) -> None:
        """Add influence values of one or more draws."""
        self.total = influence.copy() if self.total is None else self.total + influence


def _blocks(draws: Iterable[Draw], width: int) -> Iterator[list[Draw]]:
    """Cut draws into blocks; the last may be shorter."""
    remaining = iter(draws)
    while block := list(islice(remaining, width)):
        yield block
