"""What may be wrong with reports, selection and confounding: settings, and draws from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field

from causal.arrays import Floats
from causal.documents import Settings
from causal.sensitivity.bias_analysis import Biases, Pair
from causal.sensitivity.priors import Difference, Fixed, Prior, Probability, Ratio, draw_pair

TOGETHER = 0.8
"""Correlation of the errors in two groups: the same questionnaire, much the same reasons to hide
(Fox, Lash & Greenland 2005, doi:10.1093/ije/dyi184)."""
PERFECT = Fixed(value=1.0)
NONE = Fixed(value=0.0)

Correlation: TypeAlias = Annotated[float, Field(ge=0, lt=1)]


class ByArm(Settings):
    """A probability in either arm; ``correlation`` is that of the two when they are drawn."""

    unexposed: Probability = PERFECT
    exposed: Probability = PERFECT
    correlation: Correlation = TOGETHER

    @property
    def priors(self) -> tuple[Prior, Prior]:
        """Give both."""
        return self.unexposed, self.exposed


class ByEvent(Settings):
    """A probability among those without the event and those with it."""

    without_event: Probability = PERFECT
    with_event: Probability = PERFECT
    correlation: Correlation = TOGETHER

    @property
    def priors(self) -> tuple[Prior, Prior]:
        """Give both."""
        return self.without_event, self.with_event


class OutcomeReporting(Settings):
    """How the outcome is reported in either arm.

    Attributes
    ----------
    sensitivity : chance that an event that took place is reported.
    specificity : chance that none is reported where none took place.
    """

    sensitivity: ByArm = ByArm()
    specificity: ByArm = ByArm()


class ExposureReporting(Settings):
    """How exposure is reported, with and without the event.

    Attributes
    ----------
    sensitivity : chance that an exposure had is reported.
    specificity : chance that none is reported where there was none.
    """

    sensitivity: ByEvent = ByEvent()
    specificity: ByEvent = ByEvent()


class KnownDifference(Settings):
    """The part of the event's risk difference, exposed minus unexposed, that is confounding."""

    kind: Literal["difference"] = "difference"
    difference: Difference


class Confounder(Settings):
    """A 0/1 confounder not in the data: how common in either arm, and its risk ratio."""

    kind: Literal["confounder"] = "confounder"
    prevalence: ByArm
    risk_ratio: Ratio


Confounding: TypeAlias = Annotated[KnownDifference | Confounder, Field(discriminator="kind")]


class Selection(Settings):
    """Chance to be among the rows with the event over that without it, in either arm."""

    unexposed: Ratio = PERFECT
    exposed: Ratio = PERFECT
    correlation: Correlation = TOGETHER

    @property
    def priors(self) -> tuple[Prior, Prior]:
        """Give both."""
        return self.unexposed, self.exposed


class Plausible(Settings):
    """How fully the event was reported where it could be checked, to count by.

    Attributes
    ----------
    sensitivity : share reported of what was found by other means.
    source : where that was found.
    """

    sensitivity: float = Field(gt=0, lt=1)
    source: str = Field(min_length=1)


class Errors(Settings):
    """Everything that may be wrong at once; what is left out is not.

    Attributes
    ----------
    outcome, exposure : how each is reported.
    confounding, selection : further errors, beyond what a rung adjusts for.
    """

    outcome: OutcomeReporting | None = None
    exposure: ExposureReporting | None = None
    confounding: Confounding | None = None
    selection: Selection | None = None


def medians(errors: Errors, *, over_exposed: bool) -> Biases:
    """Give the medians of all priors."""
    return _fill(
        errors,
        lambda both: (np.array([both.priors[0].median]), np.array([both.priors[1].median])),
        lambda prior: np.array([prior.median]),
        over_exposed,
    )


def draw_biases(
    errors: Errors, draws: int, rng: np.random.Generator, *, over_exposed: bool
) -> Biases:
    """Draw from all priors; one left out keeps its place in the stream.

    Parameters
    ----------
    draws : how many.
    over_exposed : standardise a confounder to the exposed.
    """
    return _fill(
        errors,
        lambda both: draw_pair(*both.priors, both.correlation, draws, rng),
        lambda prior: prior.quantile(rng.random(draws)),
        over_exposed,
    )


def _fill(
    errors: Errors,
    pair: Callable[[ByArm | ByEvent | Selection], Pair],
    one: Callable[[Prior], Floats],
    over_exposed: bool,
) -> Biases:
    """Turn settings into biases by a way to take one prior, or two that go together."""
    outcome = errors.outcome or OutcomeReporting()
    exposure = errors.exposure or ExposureReporting()
    cause = errors.confounding
    confounder = cause if isinstance(cause, Confounder) else None
    return Biases(
        sensitivity=pair(outcome.sensitivity),
        specificity=pair(outcome.specificity),
        exposure_sensitivity=pair(exposure.sensitivity),
        exposure_specificity=pair(exposure.specificity),
        selection=pair(errors.selection or Selection()),
        difference=one(cause.difference if isinstance(cause, KnownDifference) else NONE),
        prevalence=pair(confounder.prevalence if confounder else ByArm()),
        ratio=one(confounder.risk_ratio if confounder else PERFECT),
        over_exposed=over_exposed,
    )
