"""Omitted variables of an instrument: robustness values, and bounds by blocks of covariates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.estimate import NotEstimable
from causal.findings import Number, Row, numbers
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import Benchmarks, Multiples, find_blocks, listed, weakness
from causal.sensitivity.instrument_partial_r2 import (
    Robustness,
    adjusted_region,
    adjusted_threshold,
    benchmark_strength,
    bound_under,
    multiple_of,
    omitted_strength,
    robustness,
)
from causal.sensitivity.instrument_rung import (
    InstrumentRung,
    ends_of,
    open_rung,
    rung_row,
    set_note,
)
from causal.sensitivity.instrument_wording import (
    InstrumentBlock,
    InstrumentCompared,
    say_shortly,
    say_what_overturns,
)
from causal.sensitivity.partial_r2 import Strength
from causal.subject import Subject

NAME = "partial R2 with instrument and outcome that makes the Anderson-Rubin set include 0"
ANY = "any measured block"
DETERMINED = 0.999
"""A block the rung leaves out that explains more of the instrument than this is made of it."""


class InstrumentOmittedVariable(Sensitivity):
    """How strong an omitted variable of the instrument must be to overturn the Anderson-Rubin set.

    The variable goes with the instrument and with the outcome, be it their common cause or a way
    from the one to the other beside exposure. The set is overturned when it includes 0 or becomes
    unbounded. All values go by classical standard errors; the rung's own set stands beside.

    Attributes
    ----------
    benchmarks : concepts to compare with, several jointly as a list; all the rung adjusts for
        when left out, or if there are none all that other rungs of the ladder adjust for.
    k : ascending multiples of a benchmark to tabulate.
    level : of the set.

    Assumptions
    -----------
    Linear regressions of outcome and of exposure on the instrument. A bound holds if the variable
    is no more than k times as strong as the block, which no data can show. Clusters are left out
    of account.

    References
    ----------
    Cinelli & Hazlett (2025), doi:10.1093/biomet/asaf004; as in the authors' R package
    iv.sensemakr.
    """

    kind: Literal["instrument_omitted_variable"] = "instrument_omitted_variable"
    benchmarks: Benchmarks | None = None
    k: Multiples = (1, 2, 3)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    @property
    def benchmark_concepts(self) -> tuple[str, ...]:
        """Give the concepts the benchmarks name."""
        named = self.benchmarks or ()
        return tuple(c for one in named for c in ((one,) if isinstance(one, str) else one))

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give robustness values, bounds, and the smallest multiple that overturns the set."""
        opened = open_rung(subject, self.level)
        if isinstance(opened, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, opened)
        values = robustness(opened.stages, level=self.level)
        if isinstance(values, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, values)
        blocks, absent = measure_blocks(opened, self.benchmarks)
        found = InstrumentCompared(opened, values, blocks, absent)
        multiple, yardstick = _count(found)
        return SensitivityFinding(
            self.kind,
            subject.rung,
            NAME,
            0.0 if found.overturned else values.estimate_or_beyond.equal,
            (*_model_rows(found), *_block_rows(found, self.k)),
            say_what_overturns(found),
            say_shortly(found),
            multiple,
            yardstick,
        )


def measure_blocks(
    opened: InstrumentRung, benchmarks: Benchmarks | None
) -> tuple[tuple[InstrumentBlock, ...], tuple[str, ...]]:
    """Measure the benchmarks: those the rung adjusts for, then those other rungs do.

    Returns
    -------
    The blocks, and the names of those asked for that no rung of the ladder adjusts for.
    """
    sample, shared = opened.sample, opened.shared
    held, left = find_blocks(benchmarks, sample)
    blocks = [_measured(opened, name, sample.x, part, held=True) for name, part in held]
    if benchmarks is None:
        beside, _ = find_blocks(None, shared) if not held else ([], ())
    else:
        asked = tuple(one for one in benchmarks if _named(one) in left)
        beside, _ = find_blocks(asked, shared) if asked else ([], ())
    known = [one for one in beside if _is_beside(sample, shared, one[1])]
    for name, part in known:
        x = np.column_stack([sample.x, shared.x[:, part]])
        columns = np.arange(x.shape[1]) >= sample.x.shape[1]
        block = _measured(opened, name, x, columns, held=False)
        if block.strength.exposure <= DETERMINED:
            blocks.append(block)
    found = {one.name for one in blocks}
    return tuple(blocks), tuple(one for one in left if one not in found)


def _named(benchmark: str | tuple[str, ...]) -> str:
    """Name a benchmark as its block is named."""
    return benchmark if isinstance(benchmark, str) else " + ".join(benchmark)


def _is_beside(sample: Sample, shared: Sample, part: Bools) -> bool:
    """Tell whether a block's columns are known and none is among the rung's own."""
    terms = [term for term, one in zip(shared.terms, part, strict=True) if one]
    return not set(terms) & set(sample.terms) and not np.isnan(shared.x[:, part]).any()


def _measured(
    opened: InstrumentRung, name: str, x: Floats, part: Bools, *, held: bool
) -> InstrumentBlock:
    """Measure one block, and find the multiple of it that overturns the set."""
    one, stages = opened.sample, opened.stages
    z = np.empty(one.n) if one.z is None else one.z[:, 0]
    strength = benchmark_strength(one.y, one.a, z, x, one.w, part)
    multiple = multiple_of(stages, strength, opened.level, held=held)
    at: Strength | NotEstimable = NotEstimable("no multiple does")
    if not isinstance(multiple, NotEstimable):
        at = omitted_strength(strength, multiple, held=held)
    weak = weakness(strength, x[:, part], stages.df)
    return InstrumentBlock(
        name,
        strength,
        int(part.sum()) / stages.df,
        multiple,
        at,
        held,
        weak.replace("of exposure", "of the instrument"),
    )


def _count(found: InstrumentCompared) -> tuple[Number, str]:
    """Count what overturns the set in blocks: how many, of which."""
    if found.overturned:
        return 0.0, ANY
    if not found.blocks:
        return NotEstimable("no rung of the ladder adjusts for a block to compare with"), ""
    smallest = found.smallest
    if smallest is None:
        # weak blocks that are not enough reassure of nothing
        if all(one.weak for one in found.blocks):
            return NotEstimable("every block it could be compared with is a weak benchmark"), ""
        return math.inf, ANY
    weak = ", a weak benchmark" if smallest.weak else ""
    return smallest.multiple, f"{listed([smallest.name])}{weak}"


def _model_rows(found: InstrumentCompared) -> Iterator[Row]:
    """Write the rung, its classical set, and the robustness values."""
    opened, values = found.opened, found.values
    stages = opened.stages
    threshold = adjusted_threshold(Strength(0.0, 0.0), stages.df, opened.level)
    region = adjusted_region(stages, threshold, opened.level)
    yield rung_row(opened)
    note = "; ".join(("classical standard errors, rows independent", set_note(region))).rstrip("; ")
    yield Row("classical_set", numbers(ends_of(region)), note=note)
    for label, estimate, place, given in (
        ("reduced_form", stages.reduced, 0, values.reduced_form),
        ("first_stage", stages.first, 1, values.first_stage),
    ):
        t = estimate / math.sqrt(float(stages.classical[place, place]))
        measured: dict[str, Number] = {"estimate": estimate, "t": t, **_values(given)}
        yield Row(label, numbers(measured), opened.instrument, "classical t")
    yield Row("estimate", numbers(_values(values.estimate)), note="for the set to include 0")
    yield Row(
        "estimate_or_beyond",
        numbers(_values(values.estimate_or_beyond)),
        note="for the set to include 0 or become unbounded",
    )


def _values(given: Robustness) -> dict[str, Number]:
    """Name both robustness values."""
    return {"robustness_value": given.equal, "extreme_robustness_value": given.extreme}


def _block_rows(found: InstrumentCompared, ks: tuple[float, ...]) -> Iterator[Row]:
    """Write the benchmarks, the bounds at each multiple, and the smallest multiple."""
    for block in found.blocks:
        strength = block.strength
        values = dict(
            r2_instrument=strength.exposure,
            r2_outcome=strength.outcome,
            r2_instrument_by_chance=block.chance,
            multiple=block.multiple,
        )
        notes = [f"weak benchmark: {block.weak}"] if block.weak else []
        notes += [] if block.held else ["not adjusted for by this rung"]
        yield Row("benchmark", numbers(values), block.name, "; ".join(notes))
        for k in ks:
            yield _bound_row(found.opened, block, k)
    smallest = found.smallest
    if found.overturned:
        yield Row("smallest_multiple", numbers(dict(multiple=0.0)), note="without any variable")
    elif smallest is not None and isinstance(smallest.at, Strength):
        values = dict(
            multiple=smallest.multiple,
            r2_instrument=smallest.at.exposure,
            r2_outcome=smallest.at.outcome,
        )
        yield Row("smallest_multiple", numbers(values), smallest.name)


def _bound_row(opened: InstrumentRung, block: InstrumentBlock, k: float) -> Row:
    """Write the set that allows for a variable k times as strong as a block."""
    omitted = omitted_strength(block.strength, k, held=block.held)
    bound = bound_under(opened.stages, omitted, opened.level)
    if isinstance(bound, NotEstimable):
        return Row("bound", numbers(dict(k=k, threshold=bound)), block.name)
    values = {
        "k": k,
        "r2_instrument": bound.instrument,
        "r2_outcome": bound.outcome,
        "threshold": bound.threshold,
        **ends_of(bound.region),
    }
    return Row("bound", numbers(values), block.name, set_note(bound.region))
