"""Cohorts in which one unmeasured confounder bears on the rung and on its negative controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Ints
from causal.cohort import HELD, TIME, ExposureKind, OutcomeKind, Sample
from causal.errors import OutcomeError
from causal.estimate import NotEstimable, Scale
from causal.estimators.glm import Link, SeparationFoundError, fit_glm
from causal.refuters.worlds import (
    HIGHEST_R2,
    Known,
    World,
    build_world,
    draw_exposure,
    draw_response,
    find_benchmark,
)
from causal.sensitivity.partial_r2 import Strength


@dataclass(frozen=True, slots=True, eq=False)
class ExposureControlWorld:
    """A world in which a negative control exposure is drawn too.

    The control follows its regression on covariates and exposure, plus the confounder; it has no
    part in the outcome. Exposure and outcome follow ``main``.

    Attributes
    ----------
    sample : of the control; its exposure is the control, which holds the real one as a covariate.
    main, control : worlds of the same rows and exposure, with the outcome and with the control in
        the place of the outcome.
    wanted : partial R2 of the confounder with the control, and with the outcome, before any cap.
    """

    sample: Sample
    main: World
    control: World
    wanted: Strength

    @property
    def reached(self) -> Strength:
        """Give the confounder's partial R2 with the control, and with the outcome."""
        return Strength(self.control.outcome.r2, self.main.outcome.r2)

    def draw(self, rng: np.random.Generator) -> Sample:
        """Draw confounder, exposure, control and outcome anew."""
        group = self.main.group
        u, a = draw_exposure(self.main, rng)
        z = draw_response(self.control.outcome, a, u, group, rng)
        y = draw_response(self.main.outcome, a, u, group, rng)
        x = self.sample.x.copy()
        x[:, self.sample.terms.index(HELD)] = a
        return replace(self.sample, a=z, x=x, y=np.where(self.sample.observed, y, np.nan))


def build_exposure_control(
    sample: Sample, kind: ExposureKind, known: Known, with_outcome: float, benchmark: str, k: float
) -> ExposureControlWorld | NotEstimable:
    """Put a confounder into exposure, outcome, and a negative control exposure.

    Parameters
    ----------
    sample : of the control, with the exposure itself among its covariates.
    kind : of the exposure itself.
    known : the effect of exposure on the outcome, and the confounder's strength with both.
    with_outcome : partial R2 of the confounder with the outcome that was asked for.
    benchmark : the concept strengths are counted in: the confounder's partial R2 with the control
        is k times what this concept's columns explain of the control, given all else.

    Raises
    ------
    PositivityError, OutcomeError
        The covariates determine exposure, control or outcome.
    """
    others = [term for term in sample.terms if term != HELD]
    base = replace(sample.with_terms(others), a=sample.x_of(HELD), exposure_kind=kind)
    turned: OutcomeKind = "binary" if sample.exposure_kind == "binary" else "continuous"
    instead = replace(base, y=sample.a, outcome_kind=turned)
    own = find_benchmark(instead, benchmark)
    if isinstance(own, NotEstimable):
        return own
    wanted = k * own.strength.outcome
    explained = Strength(known.strength.exposure, min(wanted, HIGHEST_R2))
    scale: Scale = "risk_difference" if turned == "binary" else "mean_difference"
    of_exposure = Known(_difference(instead), scale, "ATE", explained, known.confounder, sign=1)
    main, control = build_world(base, known), build_world(instead, of_exposure)
    return ExposureControlWorld(sample, main, control, Strength(wanted, with_outcome))


def _difference(sample: Sample) -> float:
    """Give the fitted mean difference a unit of exposure makes to what stands for the outcome."""
    both = sample.outcome_kind == sample.exposure_kind == "binary"
    link: Link = "logit" if both else "linear"
    columns = np.column_stack([sample.a, sample.x])
    try:
        fit = fit_glm(columns, sample.y, sample.w, link, sample.observed)
    except SeparationFoundError as found:
        raise OutcomeError(
            f"the covariates determine the control of {found.rows} rows, so it cannot be drawn anew"
        ) from None
    one, none = (np.column_stack([np.full(sample.n, arm), sample.x]) for arm in (1.0, 0.0))
    return float(np.average(fit.predict(one) - fit.predict(none), weights=sample.w))


@dataclass(frozen=True, slots=True, eq=False)
class ManyOutcomesWorld:
    """A world with several outcomes of one exposure, on rows that overlap.

    Attributes
    ----------
    worlds : by outcome; all of the same rows and exposure, in which an outcome that a row lacks is
        missing.
    rows : (m,) ints each, which rows of the worlds the samples have.
    samples : as they were.
    """

    worlds: Mapping[str, World]
    rows: Mapping[str, Ints]
    samples: Mapping[str, Sample]

    def draw(self, rng: np.random.Generator) -> dict[str, Sample]:
        """Draw confounder and exposure once, and each outcome from them."""
        first = next(iter(self.worlds.values()))
        u, a = draw_exposure(first, rng)
        drawn = {}
        for name, world in self.worlds.items():
            y, rows = draw_response(world.outcome, a, u, world.group, rng), self.rows[name]
            sample = self.samples[name]
            seen = np.where(sample.observed, y[rows], np.nan)
            drawn[name] = replace(sample, a=a[rows], y=seen)
        return drawn


def build_many_outcomes(
    samples: Mapping[str, Sample], known: Mapping[str, Known]
) -> ManyOutcomesWorld | NotEstimable:
    """Put one confounder into exposure and every outcome.

    Parameters
    ----------
    samples : of each outcome, the rung's own first: it gives the columns.
    known : of each outcome, with the confounder's strength with it.

    Returns
    -------
    The world, or why there is none; outcomes that the covariates determine are left out.

    Raises
    ------
    PositivityError, OutcomeError
        The covariates determine exposure, or the rung's own outcome.
    """
    merged = merge_rows(list(samples.values()))
    if isinstance(merged, NotEstimable):
        return merged
    everybody, places = merged
    rows = dict(zip(samples, places, strict=True))
    worlds: dict[str, World] = {}
    for name, sample in samples.items():
        y = np.full(everybody.n, np.nan)
        y[rows[name]] = sample.y
        whole = replace(everybody, y=y, outcome_kind=sample.outcome_kind)
        try:
            worlds[name] = build_world(whole, known[name])
        except OutcomeError:
            if not worlds:  # the rung's own
                raise
    return ManyOutcomesWorld(worlds, rows, samples)


def merge_rows(samples: Sequence[Sample]) -> tuple[Sample, list[Ints]] | NotEstimable:
    """Find the rows that samples share: same person, exposure and covariates.

    Parameters
    ----------
    samples : the first gives the columns; another may lack indicators of a time it has no row of.

    Returns
    -------
    All rows once, without outcomes, and the place of each sample's rows among them.
    """
    terms, columns = samples[0].terms, []
    for sample in samples:
        lost = [
            term
            for term, concept in zip(terms, samples[0].concepts, strict=True)
            if term not in sample.terms and concept != TIME
        ]
        if lost or (sample.cluster is None) != (samples[0].cluster is None):
            return NotEstimable(
                f"a control has no column '{lost[0]}', which the rung adjusts for"
                if lost
                else "some controls are clustered and others are not"
            )
        columns.append(
            np.column_stack(
                [sample.x_of(t) if t in sample.terms else np.zeros(sample.n) for t in terms]
            )
            if terms
            else np.empty((sample.n, 0))
        )
    keys = np.vstack(
        [np.column_stack([one.unit, one.a, x]) for one, x in zip(samples, columns, strict=True)]
    )
    kinds = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    sizes = [one.n for one in samples]
    parts = np.split(kinds, np.cumsum(sizes)[:-1])
    times = np.concatenate([_times_before(part) for part in parts])
    first, place = np.unique(
        np.column_stack([kinds, times]), axis=0, return_index=True, return_inverse=True
    )[1:]
    stacked = [
        np.concatenate([getattr(one, name) for one in samples]) for name in ("unit", "a", "w")
    ]
    cluster = samples[0].cluster
    if cluster is not None:
        cluster = np.concatenate([one.cluster for one in samples if one.cluster is not None])[first]
    everybody = replace(
        samples[0],
        unit=stacked[0][first],
        a=stacked[1][first],
        w=stacked[2][first],
        x=np.ascontiguousarray(np.vstack(columns)[first]),
        y=np.full(len(first), np.nan),
        cluster=cluster,
        z=None,
        instruments=(),
        strata=None,  # of the samples, which keep their own
    )
    return everybody, [
        one.astype(np.int64) for one in np.split(place.ravel(), np.cumsum(sizes)[:-1])
    ]


def _times_before(kinds: Ints) -> Ints:
    """Count, for each entry, how many equal ones stand before it."""
    order = np.argsort(kinds, kind="stable")
    ordered = kinds[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(ordered)])
    counted = np.empty(len(kinds), dtype=np.int64)
    counted[order] = np.arange(len(kinds)) - np.repeat(starts, sizes)
    return counted
