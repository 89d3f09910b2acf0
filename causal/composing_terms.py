"""Which columns and terms stand for each concept in one rung, whatever the other rungs use."""

from __future__ import annotations

from causal import result as doc
from causal.cohort import TIME
from causal.fitting import FittedRung
from causal.planning import PlannedRung
from causal.sampling import Drawn


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
