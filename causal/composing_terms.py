"""What columns are in rungs and variants: terms, arms and doses, ceilings, ranges kept."""

from __future__ import annotations

import numpy as np

from causal import result as doc
from causal.arrays import Bools, Floats
from causal.cohort import TIME, Sample
from causal.composing_weights import arm_mean
from causal.diagnostics import varies
from causal.fitting import FittedRung
from causal.planning import Plan, PlannedRung, measured_name
from causal.sampling import Drawn
from causal.spec import Variant

LAST = 0.1
"""Share of a scale's range, at its top, in which there is little left to tell persons apart."""


def compose_terms(
    planned: PlannedRung, fitted: FittedRung, drawn: Drawn
) -> list[doc.RungCovariateBlock]:
    """Write the rung's own covariates by concept, in the order of its terms; time comes last."""
    concept_of = dict(zip(drawn.sample.terms, drawn.sample.concepts, strict=True))
    concepts = list(dict.fromkeys(concept_of[term] for term in fitted.terms))
    concepts.sort(key=lambda one: one == TIME)
    return [
        doc.RungCovariateBlock(
            concept="time" if concept == TIME else concept,
            columns=list(
                dict.fromkeys(one.column for one in planned.used if one.concept == concept)
            ),
            terms=[term for term in fitted.terms if concept_of[term] == concept],
        )
        for concept in concepts
    ]


def compose_covariate_profiles(drawn: Drawn, min_cell: int) -> list[doc.CovariateProfileBlock]:
    """Describe the adjustment columns by arm, or with the dose; nothing for a 0/1 exposure."""
    sample = drawn.sample
    if sample.exposure_kind == "binary":
        return []
    blocks = []
    for j, (term, concept) in enumerate(zip(sample.terms, sample.concepts, strict=True)):
        known = ~np.isnan(sample.x[:, j]) & sample.entered
        x, a = sample.x[known, j], sample.a[known]
        groups = [a == arm for arm in range(len(sample.levels))] or [np.ones(len(a), dtype=bool)]
        block = doc.CovariateProfileBlock(
            term=term,
            concept="time" if concept == TIME else concept,
            means=[
                arm_mean(x, rows, sample, known) if rows.sum() >= max(min_cell, 1) else None
                for rows in groups
            ],
            correlation=None if sample.levels else _correlation(x, a, sample, known),
            filled=doc.suppressed(drawn.filled[term], min_cell),
        )
        blocks.append(block)
    return blocks


def _correlation(x: Floats, a: Floats, sample: Sample, known: Bools) -> float | None:
    """Correlate a column with the dose, weighted to a survey's population as means are.

    Parameters
    ----------
    x, a : of the rows where the column is known.
    known : (n,) booleans, which rows these are.
    """
    if len(x) < 2 or not varies(np.column_stack([x, a])).all():
        return None
    weights = np.ones(len(x)) if sample.strata is None else sample.w[known]
    joint = np.cov(x, a, aweights=weights)
    return float(joint[0, 1] / np.sqrt(joint[0, 0] * joint[1, 1]))


def compose_ceilings(plan: Plan, drawn: Drawn, min_cell: int) -> list[doc.CeilingBlock]:
    """Say how many rows score in the last tenth of each proxy, as it is and with a known range."""
    sample, blocks = drawn.sample, []
    for one in plan.measurements:
        term, top = measured_name(one), plan.info.codebook[one.column].high
        bottom = plan.info.codebook[one.column].low
        transformed = one.column in plan.analysis.features or term not in sample.terms
        if not one.proxy or transformed or top is None or bottom is None:
            continue
        x = sample.x_of(term)
        near = int((x >= top - LAST * (top - bottom)).sum())
        known = int((~np.isnan(x)).sum())
        hidden = 0 < min(near, known - near) < min_cell
        blocks.append(
            doc.CeilingBlock(
                concept=one.concept,
                column=one.column,
                highest=top,
                share=None if hidden or not known else near / known,
            )
        )
    return blocks


def compose_restrictions(variant: Variant) -> list[doc.RestrictionBlock]:
    """Write the ranges a variant keeps to."""
    return [
        doc.RestrictionBlock(column=one.column, at=one.at, low=one.low, high=one.high)
        for one in variant.restrict or ()
    ]
