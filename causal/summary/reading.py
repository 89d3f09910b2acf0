"""Reads a published trial: from printed numbers to first stage, ratio, its set, and bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.errors import PositivityError, SpecError
from causal.estimate import NotEstimable
from causal.estimators.first_stage import critical_of
from causal.instrumental.bounds import InstrumentBounds, balke_pearl_bounds, natural_bounds
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
from causal.instrumental.validity import ValidityTest, pearl_test
from causal.seeding import generator
from causal.summary.settings import Cells, PublishedDifference, Summary
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
    bounds : of the average effect, sharp and natural; or why not.
    inequality : the test of the instrumental inequality, or why there is none.
    further : the other first stages, in the order of the specification.
    """

    by_correlation: tuple[AtCorrelation, ...]
    leading: int
    critical_f: float
    bounds: tuple[InstrumentBounds | NotEstimable, ...]
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
    bounds, inequality = _from_counts(summary)
    return Reading(
        by_correlation=by_correlation,
        leading=leading,
        critical_f=critical_of(np.eye(1)),
        bounds=bounds,
        inequality=inequality,
        further=tuple(
            _difference(one, share=one.exposure.kind == "binary") for one in summary.first_stages
        ),
        denominators=_denominators(summary),
    )


def rows_of(cells: Cells) -> tuple[Floats, Floats]:
    """Give exposure and outcome of an arm's persons from its counts: (n,) and (n,) floats, 0/1."""
    sizes = (cells.both, cells.exposed_only, cells.outcome_only, cells.neither)
    exposure, outcome = np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])
    return np.repeat(exposure, sizes), np.repeat(outcome, sizes)


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


def _from_counts(
    summary: Summary,
) -> tuple[tuple[InstrumentBounds | NotEstimable, ...], ValidityTest | NotEstimable]:
    """Give what needs exposure crossed with outcome in both arms: bounds, and the inequality."""
    if summary.form != "counts":
        absent = NotEstimable(
            "bounds need the counts of exposure crossed with outcome in both arms"
        )
        return (absent,), absent
    encouraged, control = (summary.arms[i].cells for i in summary.pair)
    if encouraged is None or control is None:
        return (), NotEstimable("there are no counts")
    sides = [rows_of(encouraged), rows_of(control)]
    a, y = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    z = np.repeat([1.0, 0.0], [len(sides[0][0]), len(sides[1][0])])
    w, level = np.ones(len(a)), summary.design.level
    streams = [generator(summary.seed, "summary", name) for name in ("sharp", "natural", "test")]
    try:
        return (
            balke_pearl_bounds(y, a, z, w, None, streams[0], level),
            natural_bounds(y, a, z, w, None, (0.0, 1.0), streams[1], level),
        ), pearl_test(y, a, z, w, None, streams[2], level)
    except PositivityError as error:
        absent = NotEstimable(error.message)
        return (absent,), absent


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
