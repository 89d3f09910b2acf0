"""Proximal inference: the rung with two proxies in the place of what was measured badly or not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from causal import inference
from causal.arrays import Floats
from causal.errors import SpecError, did_you_mean
from causal.estimate import DIFFERENCES, NotEstimable
from causal.findings import Named, Number, Row, amount, numbers, tell
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.proximal_bridge import (
    Coefficients,
    Rows,
    fit_bridge,
    fit_measured,
    relevance,
)
from causal.subject import Subject

SMALLEST_F = 10.0
"""Staiger & Stock (1997), doi:10.2307/2171753, page 557: below it two-stage least squares is
biased and its intervals too short. With one proxy of each kind and the clustered F, 23.1 would be
asked for to keep the bias within a tenth (Montiel Olea & Pflueger 2013,
doi:10.1080/00401706.2013.806694, table 1): a pass at 10 is no more than not hopeless."""
NAME = "difference with the confounder adjusted for through two proxies"

Terms = Annotated[tuple[str, ...], Field(min_length=1)]


class Proximal(Sensitivity):
    """The exposure coefficient were an unmeasured confounder adjusted for through two proxies.

    Two-stage least squares: outcome proxies are predicted from exposure, exposure proxies and the
    rung's other covariates, and the outcome is regressed on exposure, these predictions and the
    covariates. Proxies are taken from the columns of all rungs and leave the covariates. Refused
    where exposure proxies hardly predict outcome proxies. The outcome is linear whatever its
    kind: on the logit scale the equations need not have a solution for a binary outcome proxy.

    Attributes
    ----------
    confounder : the concept that is measured badly or not at all.
    exposure_proxy : terms that may follow from it and may drive exposure (Z).
    outcome_proxy : terms that may follow from it and may drive the outcome (W); no more than Z.
    rationale : why these are such proxies.
    smallest_f : of the first stage, below which nothing is given.
    level : of the interval.

    Assumptions
    -----------
    Given the confounder and the other covariates, Z has to do with the outcome only through
    exposure, and W has to do neither with exposure nor with Z (so no error in common). Both follow
    the confounder. The outcome's mean is linear in exposure, confounder and covariates, without
    products, and so is that of W.

    References
    ----------
    Tchetgen Tchetgen, Ying, Cui, Shi & Miao (2020), doi:10.48550/arXiv.2009.10982; Miao, Geng &
    Tchetgen Tchetgen (2018), doi:10.1093/biomet/asy038.
    """

    kind: Literal["proximal"] = "proximal"
    confounder: str
    exposure_proxy: Terms
    outcome_proxy: Terms
    rationale: Annotated[str, Field(min_length=1)]
    smallest_f: float = Field(default=SMALLEST_F, ge=1, allow_inf_nan=False)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    @model_validator(mode="after")
    def _two_kinds(self) -> Proximal:
        both = [t for t in self.exposure_proxy if t in self.outcome_proxy]
        if both:
            raise ValueError(f"{', '.join(both)} cannot be both exposure_proxy and outcome_proxy")
        if len(self.outcome_proxy) > len(self.exposure_proxy):
            raise ValueError(
                f"{len(self.outcome_proxy)} outcome proxies need as many exposure proxies; "
                f"found {len(self.exposure_proxy)}"
            )
        return self

    @property
    def named_concepts(self) -> tuple[str, ...]:
        """Give the confounder."""
        return (self.confounder,)

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the proxies."""
        return self.exposure_proxy + self.outcome_proxy

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the estimate through the proxies, beside the one with them as covariates."""
        rows = self._rows(subject)
        strength = relevance(rows)
        if isinstance(strength, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, strength)
        if strength.min() < self.smallest_f:
            return self._refuse(subject, strength)
        bridge, measured = fit_bridge(rows), fit_measured(rows)
        if isinstance(bridge, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, bridge)
        if isinstance(measured, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, measured)
        paired = (bridge.influence - measured.influence)[:, :1]
        spread = math.sqrt(float(inference.covariance(paired, rows.cluster)[0, 0]))
        found = _Found(self, bridge, measured, strength, spread)
        return SensitivityFinding(
            self.kind,
            subject.rung,
            NAME,
            float(bridge.values[0]),
            _rows(found),
            _sentence(found, subject),
            _short(found),
            0.0 if found.meets_zero else math.inf,
        )

    def _rows(self, subject: Subject) -> Rows:
        """Gather the rows with an outcome, proxies taken out of the covariates."""
        sample, shared = subject.sample, subject.shared
        for term in (*self.exposure_proxy, *self.outcome_proxy):
            if term not in shared.terms:
                raise SpecError(
                    f"there is no term '{term}' among the columns the rungs of the ladder share. "
                    f"{did_you_mean(term, shared.terms)} A rung that adjusts for a column brings "
                    "it in."
                )
        taken = {*self.exposure_proxy, *self.outcome_proxy}
        kept, seen = [t not in taken for t in sample.terms], sample.observed
        return Rows(
            y=sample.y[seen],
            a=sample.a[seen],
            x=sample.x[seen][:, kept],
            z=np.column_stack([shared.x_of(t) for t in self.exposure_proxy])[seen],
            proxies=np.column_stack([shared.x_of(t) for t in self.outcome_proxy])[seen],
            w=sample.w[seen],
            cluster=None if sample.cluster is None else sample.cluster[seen],
        )

    def _refuse(self, subject: Subject, strength: Floats) -> SensitivityFinding:
        """Say that the proxies are too weak, with the F."""
        why = NotEstimable(
            f"given exposure and the other covariates, {_listed(self.exposure_proxy)} predicts "
            f"{_listed(self.outcome_proxy)} too weakly to stand in for "
            f"{_listed((self.confounder,))}: F = {tell(strength.min(), digits=2)}, at least "
            f"{self.smallest_f:g} needed"
        )
        finding = finding_without_number(self.kind, subject.rung, NAME, why)
        return replace(finding, rows=tuple(_strength_rows(self, strength)))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What came of the bridge.

    Attributes
    ----------
    strength : (m,) floats, first-stage F of each outcome proxy.
    paired_error : standard error of the bridge's estimate minus the one measured.
    """

    settings: Proximal
    bridge: Coefficients
    measured: Coefficients
    strength: Floats
    paired_error: float

    @property
    def meets_zero(self) -> bool:
        """Tell whether the interval meets 0, or lies on the other side of it than measured."""
        lo, hi = self.interval(self.bridge)
        return lo <= 0 if self.measured.values[0] > 0 else hi >= 0

    def interval(self, one: Coefficients) -> tuple[float, float]:
        """Give the interval of the exposure coefficient."""
        return inference.interval(
            float(one.values[0]), float(one.std_errors[0]), self.settings.level
        )

    def written(self, one: Coefficients) -> str:
        """Write the exposure coefficient with its interval."""
        lo, hi = self.interval(one)
        return (
            f"{amount(one.values[0])} ({100 * self.settings.level:g} % interval {amount(lo)} to "
            f"{amount(hi)})"
        )


def _rows(found: _Found) -> tuple[Row, ...]:
    """Write both estimates, their paired difference, the bridge and the first stage."""
    difference = float(found.bridge.values[0] - found.measured.values[0])
    lo, hi = inference.interval(difference, found.paired_error, found.settings.level)
    moved: dict[str, Number] = dict(estimate=difference, std_error=found.paired_error, lo=lo, hi=hi)
    return (
        Row("proximal", _numbers(found, found.bridge), note="through the proxies"),
        Row("measured", _numbers(found, found.measured), note="proxies as ordinary covariates"),
        Row("difference", numbers(moved), note="proximal minus measured, on the same rows"),
        *(
            Row("bridge", numbers(dict(coefficient=float(b), std_error=float(e))), term)
            for term, b, e in zip(
                found.settings.outcome_proxy,
                found.bridge.values[1:],
                found.bridge.std_errors[1:],
                strict=True,
            )
        ),
        *_strength_rows(found.settings, found.strength),
    )


def _numbers(found: _Found, one: Coefficients) -> tuple[Named, ...]:
    """Write one exposure coefficient."""
    lo, hi = found.interval(one)
    value, std_error = float(one.values[0]), float(one.std_errors[0])
    return numbers(dict(estimate=value, std_error=std_error, lo=lo, hi=hi))


def _strength_rows(settings: Proximal, strength: Floats) -> list[Row]:
    """Write the first stage of each outcome proxy."""
    return [
        Row("first_stage", numbers(dict(f=value, needed=settings.smallest_f)), term)
        for term, value in zip(settings.outcome_proxy, strength.tolist(), strict=True)
    ]


def _short(found: _Found) -> str:
    """Say in one sentence what the proxies make of the estimate."""
    settings = found.settings
    verdict = "meets" if found.meets_zero else "does not meet"
    both = f"{_listed(settings.exposure_proxy)} and {_listed(settings.outcome_proxy)}"
    return (
        f"With {_listed((settings.confounder,))} adjusted for through {both}, the difference is "
        f"{amount(found.bridge.values[0])} instead of {amount(found.measured.values[0])}, and its "
        "interval "
        f"{verdict} 0, if both are such proxies as this needs."
    )


def _sentence(found: _Found, subject: Subject) -> str:
    """Say both estimates, what the proxies are taken for, and what that assumes."""
    settings = found.settings
    z, w = _listed(settings.exposure_proxy), _listed(settings.outcome_proxy)
    confounder = _listed((settings.confounder,))
    said = (
        f"Adjusting for {confounder} through two proxies, {z} (of what drives exposure) and {w} "
        f"(of what drives the outcome), two-stage least squares gives "
        f"{found.written(found.bridge)}; with both as ordinary covariates, "
        f"{found.written(found.measured)}. First stage F = {tell(found.strength.min())}. "
        f"This holds only if, given {confounder} and the other covariates, {z} has to do with the "
        f"outcome only through exposure, {w} is not changed by exposure and shares no error with "
        f"{z}, and one effect on the difference scale fits all: none of it can be tested here. "
        f"Reason given: {settings.rationale.rstrip('.')}."
    )
    if subject.scale not in DIFFERENCES:
        said += f" All this is on the difference, not on the {subject.scale.replace('_', ' ')}."
    return said


def _listed(terms: tuple[str, ...]) -> str:
    """Write terms as a list."""
    return ", ".join(term.replace("_", " ") for term in terms)
