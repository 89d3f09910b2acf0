"""An added covariate of pure noise must leave the estimate where it was."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.diagnostics import Verdict
from causal.estimate import NotEstimable
from causal.estimators import NuisanceStore
from causal.findings import tell
from causal.refuters.base import DETECTABLE, Examined, Refutation, Refuter, tell_failures
from causal.refuters.changes import AddedCovariate
from causal.refuters.drawing import refit

NOISE = "(noise)"
WIDTH = math.sqrt(12)
"""Of a uniform variable with variance 1: as good as a normal one, at a fifth of its cost."""
SAME = 1e-6
"""Of a standard error: a refit that differs by more had other random divisions."""


class RandomCommonCause(Refuter):
    """An independent covariate of noise, uniform with variance 1, added to every regression.

    A sound estimator moves by about its standard error over the root of n. The typical move (root
    mean square over draws) is compared with the standard error; cross-fitting keeps its folds.

    Attributes
    ----------
    draws : added covariates, one at a time.
    tolerance : typical move, in standard errors, above which the estimate is called unstable:
        FAIL beyond Monte-Carlo error, NOT_RESOLVABLE within it.
    """

    kind: Literal["random_common_cause"] = "random_common_cause"
    draws: int = Field(default=500, ge=20, le=100_000)
    tolerance: float = Field(default=0.25, gt=0)

    sees: ClassVar[str] = (
        "an estimate that hangs on the exact list of covariates: too many of them for the rows, "
        "extreme weights, an outcome regression that overfits"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding: a real confounder is related to exposure and outcome, noise to "
        "neither"
    )
    counts_in_errors: ClassVar[bool] = True

    def examine(self, examined: Examined) -> Refutation:
        """Add noise, refit, and compare the typical move with the standard error."""
        sample, estimator = examined.sample, examined.estimator
        if not estimator.adjusts:
            return self.decline(examined.rung, f"{estimator.kind} adjusts for nothing")
        folds = int(examined.rng.spawn(1)[0].integers(2**62))
        original = estimator.fit(sample, NuisanceStore(), np.random.default_rng(folds))
        known = original.contrast(examined.scale)
        if isinstance(known, NotEstimable):
            return self.decline(examined.rung, known.reason)
        expected = float(known.values[0])
        changed = (
            (
                AddedCovariate(WIDTH * (rng.random(sample.n) - 0.5), NOISE),
                np.random.default_rng(folds),
            )
            for rng in examined.rng.spawn(self.draws)
        )
        found = refit(changed, estimator, sample, examined.scale, same_rows=False)
        moves = found.values - expected
        typical = math.sqrt(float(np.mean(moves**2)))
        if typical == 0:
            return self.decline(examined.rung, "the estimator does not use the added covariate")
        size = typical / examined.std_error if examined.std_error else math.inf
        error = size / math.sqrt(2 * len(moves))
        verdict: Verdict = "PASS"
        doubt = ""
        if size - inference.critical_value() * error > self.tolerance:
            verdict, doubt = "FAIL", "; this is more, beyond Monte-Carlo error"
        elif size > self.tolerance:
            verdict = "NOT_RESOLVABLE"
            doubt = "; this is more, but not beyond Monte-Carlo error: take more draws"
        again = ""
        if abs(expected - examined.value) > SAME * examined.std_error:
            again = (
                f"; refitted without the noise it is {tell(examined.natural(expected))} (other "
                "random divisions), from which moves are counted"
            )
        said = (
            f"A covariate of noise moves the estimate of {tell(examined.natural(examined.value))} "
            f"by {tell(size)} standard errors typically, over {len(moves)} draws (mean "
            f"{tell(examined.natural(float(found.values.mean())))}{again}); up to "
            f"{self.tolerance:g} is called stable{doubt}{tell_failures(found)}."
        )
        return self.conclude(
            examined,
            expected=expected,
            draws=found.values,
            p_value=None,
            verdict=verdict,
            reason=said,
            detectable=(self.tolerance + DETECTABLE * error) * examined.std_error,
        )
