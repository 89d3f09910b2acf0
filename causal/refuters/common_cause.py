"""An added covariate of pure noise must leave the estimate where it was."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.documents import Settings
from causal.estimators import Estimator
from causal.refuters.base import DETECTABLE, Examined, Refutation, Refuter, tell_failures
from causal.refuters.drawing import fit_start, refit

NOISE = "(noise)"


class RandomCommonCause(Refuter):
    """An independent standard normal covariate added to every regression.

    A sound estimator moves by about its standard error over the root of n. The typical move (root
    mean square over draws) is compared with the standard error; cross-fitting keeps its folds.

    Attributes
    ----------
    draws : added covariates, one at a time.
    tolerance : typical move, in standard errors, above which the estimate is called unstable.
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

    def examine(self, examined: Examined) -> Refutation:
        """Add noise, refit, and compare the typical move with the standard error."""
        sample, estimator = examined.sample, examined.estimator
        if not estimator.adjusts:
            return self.decline(examined.rung, f"{estimator.kind} adjusts for nothing")
        using = naming(estimator, NOISE)
        folds = int(examined.rng.spawn(1)[0].integers(2**62))
        _, expected = fit_start(estimator, sample, examined.scale, np.random.default_rng(folds))
        wider = with_noise(sample, examined.rng.spawn(1)[0])
        streams = examined.rng.spawn(self.draws)
        start, _ = fit_start(using, wider, examined.scale, np.random.default_rng(folds))
        changed = ((with_noise(sample, rng), np.random.default_rng(folds)) for rng in streams)
        found = refit(changed, using, examined.scale, start, same_rows=True)
        moves = found.values - expected
        typical = math.sqrt(float(np.mean(moves**2)))
        if typical == 0:
            return self.decline(examined.rung, "the estimator does not use the added covariate")
        size = typical / examined.std_error if examined.std_error else math.inf
        error = size / math.sqrt(2 * len(moves))
        verdict: Verdict = (
            "FAIL" if size - inference.critical_value() * error > self.tolerance else "PASS"
        )
        said = (
            f"A covariate of noise moves the estimate of {examined.natural(expected):.3g} by "
            f"{size:.2g} standard errors typically, over {len(moves)} draws (mean "
            f"{examined.natural(float(found.values.mean())):.3g}); up to {self.tolerance:g} is "
            f"called stable{tell_failures(found)}."
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


def with_noise(sample: Sample, rng: np.random.Generator) -> Sample:
    """Add one covariate of noise."""
    return replace(
        sample,
        x=np.column_stack([sample.x, rng.standard_normal(sample.n)]),
        terms=(*sample.terms, NOISE),
        concepts=(*sample.concepts, NOISE),
    )


def naming(estimator: Estimator, term: str) -> Estimator:
    """Give the estimator with a term added wherever its settings list the terms to use.

    Otherwise a regression that lists its terms would ignore the new one, and the refuter would
    pass without having tried anything.
    """
    changed: dict[str, object] = {}
    for name, value in estimator:
        if name == "terms" and isinstance(value, tuple):
            changed[name] = (*value, term)
        elif isinstance(value, Settings) and isinstance(getattr(value, "terms", None), tuple):
            terms = (*getattr(value, "terms"), term)  # noqa: B009
            changed[name] = value.model_copy(update={"terms": terms})
    return estimator.model_copy(update=changed)
