"""A confounder made to measure: its strength counted in measured blocks, and its values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.estimate import NotEstimable
from causal.sensitivity.benchmarks import Benchmark, find_blocks, weakness
from causal.sensitivity.partial_r2 import NOTHING, Strength, block_strength, times_as_strong


@dataclass(frozen=True, slots=True)
class Unit:
    """What a multiple counts.

    Attributes
    ----------
    name : in words; empty for a strength given as such.
    strength : of the block, or the one given.
    weak : why the block is a weak benchmark; empty if it is not.
    """

    name: str
    strength: Strength
    weak: str = ""

    def times(self, k: float) -> Strength | NotEstimable:
        """Give the partial R2 of a confounder k times as strong, or why there can be none."""
        if k == 0:
            return Strength(0.0, 0.0)
        if self.name:
            return times_as_strong(self.strength, k)
        grown = Strength(k * self.strength.exposure, k * self.strength.outcome)
        if grown.exposure >= 1 or grown.outcome >= 1:
            return NotEstimable(
                f"a confounder {k:g} times as strong would explain more than is left"
            )
        return grown


def measured_unit(sample: Sample, df: float, benchmark: Benchmark | None) -> Unit | NotEstimable:
    """Measure a block of covariates, or find the strongest.

    The strongest is the one whose like would change a linear estimate most.

    Parameters
    ----------
    sample : rows with known outcomes.
    df : residual degrees of freedom of the linear model.
    benchmark : the block; the strongest when None.
    """
    blocks, absent = find_blocks(None if benchmark is None else (benchmark,), sample)
    if absent:
        return NotEstimable(f"the rung does not adjust for {absent[0]}")
    best: Unit | None = None
    for name, part in blocks:
        strength = block_strength(sample.y, sample.a, sample.x, sample.w, part)
        if best is None or _pull(strength) > _pull(best.strength):
            best = Unit(name, strength, weakness(strength, sample.x[:, part], df))
    return best or NotEstimable("the rung adjusts for no block a confounder could be compared with")


def _pull(strength: Strength) -> float:
    """Give what the bias of a linear estimate goes with: Cinelli & Hazlett (2020), section 4.1."""
    return strength.outcome * strength.exposure / (1 - strength.exposure)


def make_confounder(
    sample: Sample, strength: Strength, sign: float, rng: np.random.Generator
) -> Floats:
    r"""Make a covariate with exactly these partial R2 in the linear model.

    .. math:: u = \sqrt{r_A}\,\hat a + \sqrt{1 - r_A}\,(\pm\sqrt{r_Y}\,\hat y +
        \sqrt{1 - r_Y}\,\hat\epsilon)

    where :math:`\hat a` is what covariates leave of exposure, :math:`\hat y` what exposure and
    covariates leave of the outcome, and :math:`\hat\epsilon` noise without the three, each of
    length 1. In rows whose outcome is not known noise stands for the last two.

    Parameters
    ----------
    strength : partial R2 with exposure given covariates, and with outcome given both.
    sign : of the association with the outcome that goes with a positive one with exposure; that
        of the estimate, if adjusting is to take it towards 0.

    Returns
    -------
    (n,) floats, uncorrelated with the covariates.

    References
    ----------
    Frisch & Waugh (1933), doi:10.2307/1907330, for residuals in place of covariates.
    """
    seen, noise = sample.observed & (sample.w > 0), rng.standard_normal(sample.n)
    constant = np.ones(sample.n)
    x = np.column_stack([constant, sample.x])
    exposure = _leftover(sample.a, x, sample.w, seen)
    outcome = _leftover(sample.y, np.column_stack([x, sample.a]), sample.w, seen)
    y = np.where(seen, sample.y, 0.0)
    error = _leftover(noise, np.column_stack([x, sample.a, y]), sample.w, seen)
    with_exposure, without = math.sqrt(strength.exposure), math.sqrt(1 - strength.exposure)
    with_outcome, alone = math.sqrt(strength.outcome), math.sqrt(max(1 - strength.outcome, 0.0))
    rest = math.copysign(with_outcome, sign) * outcome + alone * error
    return np.asarray(with_exposure * exposure + without * np.where(seen, rest, noise))


def _leftover(target: Floats, columns: Floats, w: Floats, rows: Bools) -> Floats:
    """Give what a projection leaves of a target, with a weighted mean square of 1 on the rows."""
    root = np.sqrt(w[rows])
    scale = np.sqrt((columns[rows] ** 2).mean(axis=0))
    scaled = columns / np.where(scale > NOTHING, scale, 1.0)
    coefficients, *_ = np.linalg.lstsq(scaled[rows] * root[:, None], target[rows] * root)
    left = target - scaled @ coefficients
    return np.asarray(left / math.sqrt(float(np.average(left[rows] ** 2, weights=w[rows]))))
