"""Placebos: an exposure, or an outcome, that by construction has nothing to do with the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.errors import PositivityError
from causal.estimators.glm import SeparationFoundError
from causal.findings import tell
from causal.inference import LEVEL
from causal.refuters.base import (
    Examined,
    Refutation,
    Refuter,
    central,
    judge_null,
    tell_failures,
)
from causal.refuters.changes import Change, NewExposure, NewOutcome
from causal.refuters.drawing import Draws, refit
from causal.refuters.permuting import fit_tendency, shuffle_by_tendency

MOST_KEPT = 0.05
"""Share of the estimate a placebo may keep: with more, a draw is no longer without effect."""


class PlaceboExposure(Refuter):
    """Exposure permuted within strata of its estimated propensity, everything fitted again.

    The placebo keeps the dependence of exposure on the covariates (between strata) and loses any
    dependence on the outcome beyond them, so an estimator that adjusts for the covariates must
    give 0 on average, and one that does not is found out. Where exposure is constant within
    clusters, clusters are permuted; otherwise rows are, across persons: a permutation among the
    rows of one person would keep the person's total exposure and with it part of the association.

    Attributes
    ----------
    draws : permutations.
    strata : groups of equal size by propensity. Within one, exposures land where they tend to, so
        that the placebo's propensity is the fitted one and not a step function of it. A placebo
        keeps strata over n of the estimate, which the test allows for; NOT_RESOLVABLE instead of
        PASS when that is more than a twentieth.
    """

    kind: Literal["placebo_exposure"] = "placebo_exposure"
    draws: int = Field(default=500, ge=20, le=100_000)
    strata: int = Field(default=5, ge=1, le=1000)

    sees: ClassVar[str] = (
        "an estimator that gives an effect where there is none: covariates that are not adjusted "
        "for although they drive exposure, a wrong sign, a leak, a regression that overfits"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding, reverse causation, errors of measurement: the permutation "
        "removes them together with the effect"
    )
    not_of_instruments: ClassVar[str] = (
        "an exposure at random is not moved by the instrument, so there is nothing to estimate from"
    )

    def examine(self, examined: Examined) -> Refutation:
        """Permute, refit, and test the mean against 0."""
        sample = examined.sample
        blocks, first = exposure_blocks(sample)
        tendency = np.bincount(blocks, _tendency(sample, "exposure")) / np.bincount(blocks)
        shuffle = shuffle_by_tendency(sample.a[first], tendency, self.strata)
        if not shuffle.moves:
            return self.decline(examined.rung, "no stratum holds both exposures, none can move")

        def change(rng: np.random.Generator) -> Change:
            drawn = shuffle.draw(rng)
            return NewExposure(drawn if len(first) == sample.n else drawn[blocks])

        found = _permuted(examined, self.draws, change)
        what = f"Exposure permuted within {self.strata} strata of the propensity"
        return _conclude_null(self, examined, found, what, self.strata / len(first))


class DummyOutcome(Refuter):
    """Outcome permuted within strata of its prediction from the covariates, without exposure.

    The dummy keeps the dependence of the outcome on the covariates (between strata) and loses any
    on the exposure beyond them: an estimator that adjusts must give 0 on average.

    Attributes
    ----------
    draws : permutations.
    strata : groups of equal size by predicted outcome; what they keep is judged as for
        ``PlaceboExposure``.
    """

    kind: Literal["dummy_outcome"] = "dummy_outcome"
    draws: int = Field(default=500, ge=20, le=100_000)
    strata: int = Field(default=5, ge=1, le=1000)

    sees: ClassVar[str] = (
        "an estimator that finds an effect on an outcome exposure cannot have changed: measured "
        "confounding left in, a wrong sign, a leak of the exposure"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding, reverse causation, errors of measurement: the permutation "
        "removes them together with the effect"
    )

    def examine(self, examined: Examined) -> Refutation:
        """Permute, refit, and test the mean against 0."""
        if examined.estimator.estimand == "first stage":
            return self.decline(
                examined.rung, "the rung is about the exposure, and looks at no outcome"
            )
        known = examined.sample.observed
        tendency = _tendency(examined.sample, "outcome")[known]
        y = examined.sample.y
        shuffle = shuffle_by_tendency(y[known], tendency, self.strata)

        def change(rng: np.random.Generator) -> Change:
            changed = np.array(y)
            changed[known] = shuffle.draw(rng)
            return NewOutcome(changed)

        found = _permuted(examined, self.draws, change)
        what = f"Outcome permuted within {self.strata} strata of its prediction"
        return _conclude_null(self, examined, found, what, self.strata / int(known.sum()))


def exposure_blocks(sample: Sample) -> tuple[Ints, Ints]:
    """Find what is permuted as one: clusters where exposure is constant within each, else rows.

    Returns
    -------
    (n,) ints, the block of each row, and (b,) ints, the first row of each block.
    """
    rows = np.arange(sample.n)
    if sample.cluster is None:
        return rows, rows
    _, first, block = np.unique(sample.cluster, return_index=True, return_inverse=True)
    if np.array_equal(sample.a[first][block], sample.a):
        return block.astype(np.int64), first.astype(np.int64)
    return rows, rows


def _tendency(sample: Sample, what: Literal["exposure", "outcome"]) -> Floats:
    """Give how exposure or outcome of each row tends, given its covariates alone."""
    values, kind, rows = (
        (sample.a, sample.exposure_kind, np.ones(sample.n, dtype=bool))
        if what == "exposure"
        else (sample.y, sample.outcome_kind, sample.observed)
    )
    try:
        return fit_tendency(sample.x, values, sample.w, kind, rows)
    except SeparationFoundError as found:
        raise PositivityError(
            f"the covariates determine the {what} of {found.rows} rows, so no permutation within "
            "strata can move them"
        ) from None


def _permuted(
    examined: Examined, draws: int, change: Callable[[np.random.Generator], Change]
) -> Draws:
    """Fit on changed samples; each draw has a stream of its own."""
    changed = ((change(rng), rng) for rng in examined.rng.spawn(draws))
    return refit(changed, examined.estimator, examined.sample, examined.scale, same_rows=True)


def _conclude_null(
    refuter: Refuter, examined: Examined, found: Draws, what: str, kept: float
) -> Refutation:
    """Judge draws that should be about no effect.

    ``kept`` is strata over units permuted: a permutation keeps the totals of the strata, and with
    them that share of the estimate.
    """
    values = found.values
    detectable, p_value = judge_null(found, examined.sample.cluster, kept * abs(examined.value))
    verdict: Verdict = "FAIL" if p_value < 1 - LEVEL else "PASS"
    doubt = ""
    if kept > MOST_KEPT and verdict == "PASS":
        verdict = "NOT_RESOLVABLE"
        doubt = (
            f"; with so many strata a placebo keeps {100 * kept:.0f} % of the estimate by "
            "construction, so "
            f"0 is not to be expected: take fewer strata (at most one for each "
            f"{1 / MOST_KEPT:.0f} units permuted)"
        )
    mean, null = examined.natural(float(values.mean())), examined.natural(0.0)
    low, high = (tell(examined.natural(one), examined.std_error) for one in central(values))
    beyond = float(np.mean(np.abs(values) < abs(examined.value)))
    said = (
        f"{what}, the estimator gives {tell(mean, examined.std_error)} on average over "
        f"{len(values)} draws (95 % of them {low} to {high}), where {null:g} is expected"
        f"{': more than chance explains' if verdict == 'FAIL' else ''} (p = {p_value:.2g}"
        f"{f', {100 * kept:.0f} % of the estimate allowed for' if doubt else ''}); the "
        f"estimate of {tell(examined.natural(examined.value))} is farther out than "
        f"{100 * beyond:.0f} % "
        f"of the draws{doubt}{tell_failures(found)}."
    )
    return refuter.conclude(
        examined,
        expected=0.0,
        draws=values,
        p_value=p_value,
        verdict=verdict,
        reason=said,
        detectable=detectable,
    )
