"""Reliability sweep: what would be left of a rung were its scores freed of classical error."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from causal import inference
from causal.errors import SpecError, did_you_mean
from causal.estimate import DIFFERENCES, Effect, NotEstimable
from causal.findings import Curve, Number, Point, Row, numbers, tell
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import sits_at_ceiling
from causal.sensitivity.error_correction import (
    Simulated,
    calibrate,
    draw_errors,
    find_proxies,
    simulate_back,
)
from causal.sensitivity.measurement_error import Proxies
from causal.sensitivity.reliability_wording import Method, Sweep, say_shortly, say_sweep
from causal.sensitivity.simex import Extrapolant
from causal.subject import Subject


def _a_reliability(found: float) -> float:
    """Refuse what is no share of a variance."""
    if not 0 < found <= 1:
        raise ValueError(
            f"found {found:g}; a reliability is the share of a score's variance that is what it "
            "measures, above 0 and at most 1. Write 0.8 for 80 %"
        )
    return found


def _with_error(found: float) -> float:
    """Refuse a published reliability that leaves no error to count in."""
    if _a_reliability(found) == 1:
        raise ValueError("found 1; a published reliability of 1 leaves no error to count in")
    return found


Share: TypeAlias = Annotated[float, AfterValidator(_a_reliability)]

GRID = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)
"""Down to one half, below which a score says more of its error than of what it measures."""
NAME = "highest reliability examined at which the interval meets {}"
YARDSTICK = "the error variance at the published reliability of {:g} ({})"


class Reliability(Sensitivity):
    """What is left of the estimate at each reliability of one or several scores.

    Each row fits the rung as it would be had the scores been measured without error: by
    ``regression_calibration`` of the outcome regression (g_computation and linear_probability
    with one regression and no products), or by ``simex``, which adds error and extrapolates back,
    with the rung's own estimator whatever it is. A reliability the data do not allow is refused.

    Attributes
    ----------
    terms : scores of the rung, all with the same reliability and independent errors.
    reliabilities : shares of the variance of a score, on the rows of this analysis, that are
        what it measures; above what exposure and the other covariates explain of it, up to 1,
        which is the rung as it stands.
    method : how the error is removed.
    draws : simulations of ``simex``.
    extrapolant : the curve by which ``simex`` goes back to no error: ``rational``, a hyperbola
        whose pole the scores' own regression gives, exact for a linear model, or ``quadratic``,
        which falls short at low reliability and is then refused.
    published_reliability : one found elsewhere, looked at too; what it takes is counted in its
        error variance. Needs ``source``.
    level : of the interval.

    Assumptions
    -----------
    Classical error: the score is what it measures plus error that depends neither on it nor on
    exposure, outcome or covariates. Exposure, outcome and the other covariates have none, and
    what is measured is linear in the score, exposure and covariates. ``simex`` takes a hyperbola
    in the error added as right for this rung, as it is for the linear model; on the same rows and
    with the same errors that is checked, and a reliability at which more than a tenth of the
    linear model's exact correction is missed is refused. How far a straight line beside the
    hyperbola would move the estimate is counted in the interval.

    References
    ----------
    Carroll, Ruppert, Stefanski & Crainiceanu (2006), Measurement Error in Nonlinear Models,
    chapters 4 and 5; Cook & Stefanski (1994), doi:10.1080/01621459.1994.10476871.
    """

    kind: Literal["reliability"] = "reliability"
    terms: Annotated[tuple[str, ...], Field(min_length=1)]
    reliabilities: Annotated[tuple[Share, ...], Field(min_length=1)] = GRID
    method: Method = "regression_calibration"
    draws: int = Field(default=50, ge=10, le=5000)
    extrapolant: Extrapolant = "rational"
    published_reliability: Annotated[float, AfterValidator(_with_error)] | None = None
    source: str = ""
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    @model_validator(mode="after")
    def _published_with_source(self) -> Reliability:
        if (self.published_reliability is None) != (not self.source):
            raise ValueError("published_reliability and source are given together or not at all")
        if len(set(self.terms)) < len(self.terms):
            raise ValueError(f"a term stands twice in terms: {', '.join(self.terms)}")
        return self

    @property
    def grid(self) -> tuple[float, ...]:
        """Give the reliabilities examined, the published one among them, from high to low."""
        published = self.published_reliability
        extra = () if published is None else (published,)
        return tuple(sorted({*self.reliabilities, *extra} - {1.0}, reverse=True))

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the scores."""
        return self.terms

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the estimate at each reliability, and the highest that overturns the rung."""
        null = 0 if subject.scale in DIFFERENCES else 1
        name = NAME.format(null)
        prepared = _prepare(self, subject)
        if isinstance(prepared, NotEstimable):
            return finding_without_number(self.kind, subject.rung, name, prepared)
        proxies, seen = prepared
        found, simulated = self._correct(subject, proxies, rng)
        if found and all(isinstance(one, NotEstimable) for one in found):
            why = next(one for one in found if isinstance(one, NotEstimable))
            return finding_without_number(self.kind, subject.rung, name, why)
        sweep = Sweep(
            terms=self.terms,
            method=self.method,
            null=null,
            steps=((1.0, seen), *zip(self.grid, found, strict=True)),
            lowest=proxies.lowest_reliability,
            by_exposure=float(proxies.explained_by_exposure.max()),
            at_ceiling=tuple(t for t in self.terms if sits_at_ceiling(subject.sample.x_of(t))),
            published=self.published_reliability,
            source=self.source,
            checks=tuple(simulated),
        )
        return SensitivityFinding(
            self.kind,
            subject.rung,
            name,
            sweep.overturned("interval"),
            (*_score_rows(self.terms, proxies), *_step_rows(sweep)),
            say_sweep(sweep),
            say_shortly(sweep),
            _multiple(sweep),
            YARDSTICK.format(self.published_reliability, self.source) if self.source else "",
            (_curve(sweep),),
        )

    def _correct(
        self, subject: Subject, proxies: Proxies, rng: np.random.Generator
    ) -> tuple[list[Effect | NotEstimable], list[tuple[float, Simulated]]]:
        """Correct the estimate at every reliability, or say why one cannot be."""
        found: list[Effect | NotEstimable] = []
        checks: list[tuple[float, Simulated]] = []
        simulated = self.method == "simex"
        errors = draw_errors(subject.sample, self.terms, self.draws, rng) if simulated else []
        for reliability in self.grid:
            if not proxies.allows(reliability):
                found.append(NotEstimable(_impossible(self.terms, proxies.lowest_reliability)))
            elif simulated:
                one = simulate_back(
                    subject, proxies, self.terms, reliability, errors, self.level, self.extrapolant
                )
                if isinstance(one, Simulated):
                    checks.append((reliability, one))
                found.append(one.effect if isinstance(one, Simulated) else one)
            else:
                found.append(calibrate(subject, self.terms, reliability, self.level))
        return found, checks


def _prepare(settings: Reliability, subject: Subject) -> tuple[Proxies, Effect] | NotEstimable:
    """Find the scores among the rung's columns, and the estimate as it stands."""
    sample = subject.sample
    for term in settings.terms:
        if term not in subject.shared.terms and term not in sample.terms:
            raise SpecError(f"there is no term '{term}'. {did_you_mean(term, sample.terms)}")
        if term not in sample.terms:
            return NotEstimable(f"the rung does not adjust for {term}")
    seen = subject.estimates.effect(subject.scale, settings.level)
    if isinstance(seen, NotEstimable):
        return seen
    proxies = find_proxies(sample, settings.terms)
    return proxies if isinstance(proxies, NotEstimable) else (proxies, seen)


def _impossible(terms: tuple[str, ...], lowest: float) -> str:
    """Say why the data do not allow a reliability."""
    if len(terms) == 1:
        return (
            f"exposure and the other covariates explain {tell(100 * lowest)} % of {terms[0]}, so "
            f"its reliability must be well above {lowest:.3f}"
        )
    return (
        f"with independent errors, what the {len(terms)} scores measure has a positive definite "
        f"covariance only at reliabilities well above {lowest:.3f}"
    )


def _score_rows(terms: tuple[str, ...], proxies: Proxies) -> list[Row]:
    """Write what is known of each score, and the reliability all must exceed."""
    rows = [
        Row(
            "score",
            numbers(dict(r2_with_exposure_and_covariates=total, partial_r2_of_exposure=own)),
            term,
        )
        for term, total, own in zip(
            terms, proxies.explained.tolist(), proxies.explained_by_exposure.tolist(), strict=True
        )
    ]
    lowest = numbers(dict(reliability=proxies.lowest_reliability))
    return [
        *rows,
        Row("must_exceed", lowest, note="at or below it the data contradict classical error"),
    ]


def _step_rows(sweep: Sweep) -> list[Row]:
    """Write the estimate at each reliability, and where it and its interval are overturned."""
    rows = []
    for reliability, one in sweep.steps:
        given: dict[str, Number] = dict(reliability=reliability)
        if isinstance(one, NotEstimable):
            given |= dict(estimate=one)
        else:
            given |= dict(estimate=one.estimate, std_error=one.std_error, lo=one.lo, hi=one.hi)
        note = "as it stands" if reliability == 1 else ""
        rows.append(Row("reliability", numbers(given), f"{reliability:g}", note))
    for reliability, tried in sweep.checks:
        known = dict(
            exact=tried.check.exact,
            simulated=tried.check.simulated,
            monte_carlo=tried.check.error,
            share_found=tried.check.share,
            extrapolant_moves=tried.choice,
        )
        note = "refused" if tried.check.missed else ""
        rows.append(Row("linear_check", numbers(known), f"{reliability:g}", note))
    overturned = dict(estimate=sweep.overturned("estimate"), interval=sweep.overturned("interval"))
    return [*rows, Row("overturned_at", numbers(overturned))]


def _multiple(sweep: Sweep) -> Number:
    """Count the error it takes in the error the score is published to have."""
    at = sweep.overturned("interval")
    if isinstance(at, NotEstimable):
        return math.inf
    if at == 1:
        return 0.0
    if sweep.published is None:
        return NotEstimable("no published reliability is given to compare with")
    return (1 - at) / (1 - sweep.published)


def _curve(sweep: Sweep) -> Curve:
    """Draw estimate and interval over the reliability."""
    points = [Point(r, one.estimate, one.lo, one.hi) for r, one in sweep.known]
    return Curve(
        name="estimate with classical error removed",
        x_name=f"reliability of {', '.join(sweep.terms)}",
        y_name=sweep.known[0][1].scale.replace("_", " "),
        points=tuple(sorted(points, key=lambda point: point.x)),
        level_line=float(sweep.null),
    )
