"""What columns are in rungs and variants: terms by concept, ceilings of proxies, ranges kept."""

from __future__ import annotations

import numpy as np

from causal import result as doc
from causal.cohort import TIME
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
