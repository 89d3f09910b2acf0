"""Reads a published trial: from printed numbers to first stage, ratio, its set, and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.errors import SpecError
from causal.estimate import NotEstimable
from causal.estimators.first_stage import critical_of
from causal.instrumental.bounds import InstrumentBounds
from causal.instrumental.cell_bounds import (
    cells_of,
    inequality,
    margin_bounds,
    sharp_bounds,
    wide_bounds,
)
from causal.instrumental.two_by_two import (
    Difference,
    TrialFindings,
    difference_from_interval,
    difference_from_p,
    read_differences,
    read_trial,
    share_overall,
    shares_by_exposure,
)
from causal.instrumental.validity import ValidityTest
from causal.seeding import generator
from causal.summary.settings import PublishedDifference, Summary
from causal.summary.specification import SummarySpecification


@dataclass(frozen=True, slots=True)
class AtCorrelation:
    """What the trial says under one correlation of exposure with outcome within arms.

    Attributes
    ----------
    correlation : or that the arms cross the two, so that nothing is assumed.
    """

    correlation: float | NotEstimable
    found: TrialFindings


@dataclass(frozen=True, slots=True)
class ReadBounds:
    """Bounds of the average effect, or why there are none.

    Attributes
    ----------
    correlation : within arms; or why none is assumed.
    """

    correlation: float | NotEstimable
    found: InstrumentBounds | NotEstimable


@dataclass(frozen=True, slots=True)
class Denominators:
    """What outcomes by exposure come to, on the denominators they may have.

    Attributes
    ----------
    exposed, outcome : shares of all arms together.
    implied : share with the outcome that the printed shares make, on the arms' denominator.
    turned : shares with the outcome among exposed and unexposed, were the printed numbers shares
        exposed and unexposed among those with the outcome; or why they cannot be.
    """

    exposed: float
    outcome: float
    implied: float
    turned: tuple[float, float] | NotEstimable


@dataclass(frozen=True, slots=True)
class Reading:
    """What a published trial says.

    Attributes
    ----------
    leading : place of the correlation that leads among ``by_correlation``.
    critical_f : the first-stage F below which no normal interval of the ratio is shown.
    bounds : of the average effect.
    inequality : the test of the instrumental inequality, or why there is none.
    further : the other first stages, in the order of the specification.
    """

    by_correlation: tuple[AtCorrelation, ...]
    leading: int
    critical_f: float
    bounds: tuple[ReadBounds, ...]
    inequality: ValidityTest | NotEstimable
    further: tuple[Difference, ...]
    denominators: Denominators | NotEstimable

    @property
    def chief(self) -> TrialFindings:
        """Give what the trial says under the leading correlation."""
        return self.by_correlation[self.leading].found


def read_summary(specification: SummarySpecification) -> Reading:
    """Compute all there is to say of a published trial.

    Raises
    ------
    SpecError
        With the place: a correlation that cannot be, or arms without sampling error.
    """
    summary = specification.summary
    correlations: list[float | NotEstimable] = [*summary.design.correlation]
    crossed = NotEstimable("the arms cross exposure with outcome, so none is assumed")
    by_correlation = tuple(
        AtCorrelation(one, _found(specification, one)) for one in correlations or [crossed]
    )
    order = np.argsort([0.0 if isinstance(one, NotEstimable) else one for one in correlations])
    leading = int(order[(len(order) - 1) // 2]) if correlations else 0
    bounds, tested = _bounds(summary, correlations)
    return Reading(
        by_correlation=by_correlation,
        leading=leading,
        critical_f=critical_of(np.eye(1)),
        bounds=bounds,
        inequality=tested,
        further=tuple(
            _difference(one, share=one.exposure.kind == "binary") for one in summary.first_stages
        ),
        denominators=_denominators(summary),
    )


def _found(specification: SummarySpecification, correlation: float | NotEstimable) -> TrialFindings:
    """Read the trial under one correlation."""
    summary, level = specification.summary, specification.summary.design.level
    given = None if isinstance(correlation, NotEstimable) else correlation
    try:
        if summary.differences is not None:
            return read_differences(
                _difference(summary.differences.exposure, summary.exposure.kind == "binary"),
                _difference(summary.differences.outcome, summary.outcome.kind == "binary"),
                correlation=given or 0.0,
                level=level,
            )
        arms = [summary.numbers(summary.arms[i]) for i in summary.pair]
        return read_trial(arms[0], arms[1], correlation=given, level=level)
    except SpecError as error:
        path = ("design", "correlation") if "correlation" in error.message else ("arms",)
        raise specification.document.error(path, error.message) from None


def _difference(printed: PublishedDifference, share: bool) -> Difference:
    """Give a printed difference with its standard error."""
    if printed.std_error is not None:
        return Difference(printed.value, printed.std_error, share)
    if printed.interval is not None:
        low, high = printed.interval
        return difference_from_interval(
            printed.value, low, high, level=printed.interval_level, share=share
        )
    return difference_from_p(printed.value, printed.p or 0.0, share=share)


def _bounds(
    summary: Summary, correlations: Sequence[float | NotEstimable]
) -> tuple[tuple[ReadBounds, ...], ValidityTest | NotEstimable]:
    """Give bounds of the average effect, and the test of the inequality where arms are crossed.

    Crossed arms have sharp and natural bounds. Of others there are sharp ones for each correlation
    declared, and those of the margins alone, whatever the correlation.
    """
    if not summary.arms:
        absent = NotEstimable("bounds need shares of both arms, and only differences are printed")
        return (ReadBounds(absent, absent),), absent
    encouraged, control = (summary.numbers(summary.arms[i]) for i in summary.pair)
    level, seed = summary.design.level, summary.seed
    if not correlations:
        crossed = NotEstimable("the arms cross exposure with outcome")
        cells = cells_of(encouraged, control, None)
        sharp = sharp_bounds(*cells, generator(seed, "summary", "sharp"), level)
        wide = wide_bounds(*cells, generator(seed, "summary", "natural"), level)
        test = inequality(*cells, generator(seed, "summary", "test"), level)
        return (ReadBounds(crossed, sharp), ReadBounds(crossed, wide)), test
    found = []
    for one in correlations:
        given = None if isinstance(one, NotEstimable) else one
        cells = cells_of(encouraged, control, given)
        stream = generator(seed, "summary", "sharp")
        found.append(ReadBounds(one, sharp_bounds(*cells, stream, level)))
    whatever = NotEstimable("whatever goes together within arms")
    found.append(ReadBounds(whatever, margin_bounds(encouraged, control, level)))
    return tuple(found), NotEstimable(
        "the instrumental inequality needs exposure crossed with outcome in both arms"
    )


def _denominators(summary: Summary) -> Denominators | NotEstimable:
    """Hold outcomes by exposure against the arms."""
    printed = summary.by_exposure
    if printed is None:
        return NotEstimable("no outcomes by exposure are printed")
    exposed, outcome = summary.pooled()
    implied = share_overall(exposed, printed.exposed, printed.unexposed)
    turned: tuple[float, float] | NotEstimable
    try:
        turned = shares_by_exposure(exposed, outcome, printed.exposed)
    except SpecError as error:
        turned = NotEstimable(error.message)
    if not isinstance(turned, NotEstimable) and not all(0 <= share <= 1 for share in turned):
        turned = NotEstimable("no shares between 0 and 1 would give the numbers printed")
    return Denominators(exposed, outcome, implied, turned)
