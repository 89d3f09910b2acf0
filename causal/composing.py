"""Puts plan, sample and fits into the result document, block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from causal import result as doc
from causal.arrays import Bools
from causal.cohort import TIME, Cohort
from causal.composing_checks import compose_beside, compose_curve, compose_parameters
from causal.composing_labels import counted_as_use, label_rung
from causal.composing_profiles import compose_profile
from causal.composing_terms import compose_restrictions, compose_terms
from causal.composing_weights import arm_mean
from causal.dag import digest
from causal.diagnostics import standardised_differences
from causal.errors import OutcomeError
from causal.estimate import DIFFERENCES, MEANS, Effect, Estimates, NotEstimable, Scale
from causal.fitting import FittedRung
from causal.identify import Availability
from causal.ladder import attenuate
from causal.planning import Plan, PlannedRung
from causal.sampling import Drawn
from causal.small_cells import without_small_counts
from causal.spec import Variant

STATUS: dict[Availability, doc.Status] = {
    Availability.MEASURED: "measured",
    Availability.PROXY: "proxy",
    Availability.AFTER_EXPOSURE: "after_exposure",
    Availability.UNMEASURED: "unmeasured",
}


def compose_dataset(
    plan: Plan, cohort: Cohort, options: dict[str, str | int | float | bool]
) -> doc.DatasetBlock:
    """Say which data were used."""
    info = plan.info
    return doc.DatasetBlock(
        name=info.name,
        title=info.title,
        access=info.access,
        licence=info.licence,
        citation=info.citation,
        options=options,
        sha256=cohort.digest,
        min_cell=cohort.min_cell,
    )


def compose_timing(plan: Plan) -> doc.LabelBlock:
    """Say whether the design allows causal wording."""
    reasons = list(plan.association)
    return doc.LabelBlock(label="association" if reasons else "effect", reasons=reasons)


def compose_dag(plan: Plan, cross_check: str) -> doc.DagBlock:
    """Write the diagram, and how each concept is measured."""
    dag, codebook = plan.dag, plan.info.codebook
    roles = {
        dag.exposure: plan.analysis.design.exposure,
        dag.outcome: plan.analysis.design.outcome,
    }
    concepts = [
        doc.ConceptBlock(
            name=name,
            description=concept.description,
            status="measured" if name in roles else STATUS[plan.available[name]],
            columns=[roles[name]]
            if name in roles
            else [one.column for one in codebook.measuring(name)],
            state_of=concept.state_of,
        )
        for name, concept in dag.concepts.items()
    ]
    edges = [
        doc.EdgeBlock(
            cause=edge.cause,
            effect=edge.effect,
            reason=" ".join(filter(None, (edge.reason, edge.primary_because))),
            source=edge.source,
            disputed=edge.disputed,
        )
        for edge in dag.edges
    ]
    return doc.DagBlock(
        name=dag.name,
        exposure=dag.exposure,
        outcome=dag.outcome,
        sha256=digest(dag),
        concepts=concepts,
        edges=edges,
        cross_check=cross_check,
        instruments=[one.reason for one in plan.instruments],
    )


def compose_estimand(planned: PlannedRung) -> doc.EstimandBlock:
    """Write what the diagram says of a rung."""
    facts = planned.estimand
    return doc.EstimandBlock(
        rung=planned.rung.name,
        adjusted=list(facts.adjusted),
        verdict=facts.verdict,
        proxied=list(facts.proxied),
        unmeasured=list(facts.unmeasured),
        omitted=list(facts.omitted + facts.needs_after_exposure),
        mediators=list(facts.mediators_adjusted),
        orientations=[
            doc.OrientationBlock(reversed=list(way.turned), sufficient=way.sufficient)
            for way in facts.orientations
        ],
        sentences=list(facts.sentences),
    )


def compose_attrition(drawn: Drawn, min_cell: int) -> list[doc.AttritionBlock]:
    """Write the attrition table."""
    return [
        doc.AttritionBlock(
            step=step.step,
            reason=step.reason,
            persons=doc.suppressed(step.persons, min_cell),
            rows=doc.suppressed(step.rows, min_cell),
        )
        for step in drawn.attrition
    ]


def compose_follow_up(plan: Plan, drawn: Drawn, min_cell: int) -> list[doc.FollowUpBlock]:
    """Count by arm whose outcome is known, and whose came a wave or more late.

    Strata are those of the 0/1 terms that a rung lets modify how exposure bears on follow-up.
    """
    sample = replace(drawn.sample, a=drawn.read.a, y=drawn.read.y)
    if sample.exposure_kind != "binary":
        return []
    named = [
        term
        for planned in plan.rungs
        if planned.rung.followed
        for term in planned.rung.followed.interactions
        if set(np.unique(sample.x_of(term))) <= {0.0, 1.0}
    ]
    strata = {"": np.ones(sample.n, dtype=bool)} | {
        f"{term} = {level}": sample.x_of(term) == level
        for term in dict.fromkeys(named)
        for level in (0, 1)
    }
    arms: dict[Literal["exposed", "unexposed", "not seen"], Bools] = {
        "exposed": sample.a == 1,
        "unexposed": sample.a == 0,
        "not seen": ~sample.entered,
    }
    return [
        doc.FollowUpBlock(
            stratum=stratum,
            arm=arm,
            rows=doc.suppressed(int(rows.sum()), min_cell),
            known=doc.suppressed(int((rows & sample.observed).sum()), min_cell),
            late=doc.suppressed(int((rows & sample.observed & drawn.late).sum()), min_cell),
        )
        for stratum, inside in strata.items()
        for arm, within in arms.items()
        if (rows := within & inside).any()
    ]


def compose_covariates(drawn: Drawn, min_cell: int) -> list[doc.CovariateBlock]:
    """Describe the adjustment columns by a 0/1 exposure; others have profiles instead."""
    sample = drawn.sample
    if sample.exposure_kind != "binary" or not sample.terms:
        return []
    blocks = []
    for j, (term, concept) in enumerate(zip(sample.terms, sample.concepts, strict=True)):
        known = ~np.isnan(sample.x[:, j])  # columns of bracket rungs only may be missing
        x, a, w = sample.x[known, j], sample.a[known], sample.w[known]
        block = doc.CovariateBlock(
            term=term,
            concept="time" if concept == TIME else concept,
            mean_unexposed=arm_mean(x, a == 0, sample, known),
            mean_exposed=arm_mean(x, a == 1, sample, known),
            smd=float(standardised_differences(x[:, None], a, w)[0]),
            filled=doc.suppressed(drawn.filled[term], min_cell),
        )
        blocks.append(block)
    return blocks


def compose_rung(
    plan: Plan,
    planned: PlannedRung,
    fitted: FittedRung,
    drawn: Drawn,
    min_cell: int,
) -> doc.RungBlock:
    """Write one rung: estimate, interval, label, and the share that remains."""
    rung, scale = planned.rung, plan.analysis.estimand.scale
    effect = fitted.estimates.effect(scale)
    if isinstance(effect, NotEstimable):
        raise _without_effect(plan, rung.name, effect)
    label, reason = label_rung(plan, planned, drawn)
    sample = drawn.sample
    clusters: doc.Count | None = fitted.n_clusters
    if fitted.n_clusters is not None and plan.analysis.design.grouping is None:  # they are persons
        clusters = doc.suppressed(fitted.n_clusters, min_cell)
    own = fitted.estimates
    means = own.values[list(own.pair)] if own.labels == MEANS or own.profile else None
    others: tuple[Scale, ...] = (
        ("risk_difference", "risk_ratio", "odds_ratio") if sample.in_risks else ()
    )
    return doc.RungBlock(
        name=rung.name,
        role=rung.role,
        estimator=rung.estimator.kind,
        settings=rung.estimator.model_dump_json(exclude_defaults=True, exclude={"kind"}),
        target=fitted.estimates.target,
        target_note=without_small_counts(fitted.estimates.target_note, min_cell),
        scale=scale,
        estimate=effect.estimate,
        std_error=effect.std_error,
        interval=None if fitted.estimates.interval_withheld else (effect.lo, effect.hi),
        region=_region(fitted.estimates, effect),
        level=effect.level,
        n=doc.suppressed(fitted.n, min_cell),
        n_clusters=clusters,
        label=label,
        label_reason=reason,
        adjusted=list(planned.concepts),
        missing=list(planned.estimand.unmeasured + planned.estimand.needs_after_exposure),
        means=None if means is None else (float(means[0]), float(means[1])),
        split_sd=fitted.estimates.split_sd,
        other_scales=[_other(fitted.estimates, one) for one in others if one != scale],
        remaining=_remaining(fitted, sample.in_risks, crude=planned is plan.rungs[0]),
        instruments=[one.column for one in planned.moving],
        assumed=list(planned.assumed),
        region_note=fitted.estimates.region_note if scale in DIFFERENCES else "",
        interval_withheld=fitted.estimates.interval_withheld,
        wald_interval=(effect.lo, effect.hi) if fitted.estimates.interval_withheld else None,
        beside=compose_beside(fitted.beside),
        curves=[compose_curve(one) for one in fitted.curves],
        divisions=fitted.estimates.divisions,
        parameters=compose_parameters(fitted.estimates.coefficients),
        profile=compose_profile(own, rung.name, plan.analysis.seed, min_cell),
        covariates=compose_terms(planned, fitted, drawn),
    )


def _without_effect(plan: Plan, rung: str, found: NotEstimable) -> OutcomeError:
    """Give the error that a rung has no contrast on the scale of the analysis, or no interval."""
    scale = plan.analysis.estimand.scale
    said = f"rung '{rung}' has no {scale}: {found.reason}."
    if scale not in DIFFERENCES:
        said += (
            " Set estimand.scale to risk_difference (ratios are reported beside it where they "
            "exist)."
        )
    return OutcomeError(said, plan.specification.document.place(("estimand", "scale")))


def _region(estimates: Estimates, effect: Effect) -> list[doc.Piece]:
    """Give the set to be printed: the estimator's own, or the interval."""
    own = estimates.region if effect.scale in DIFFERENCES else None
    return [(effect.lo, effect.hi)] if own is None else list(own.pieces)


def compose_variant(
    plan: Plan, variant: Variant, fits: Sequence[FittedRung], drawn: Drawn, min_cell: int
) -> doc.VariantBlock:
    """Write the rungs of a variant, on its own rows."""
    counted = counted_as_use(plan, drawn, min_cell)
    counted = counted and f" Missing outcomes counted as use: {counted}."
    return doc.VariantBlock(
        name=variant.name,
        reason=variant.reason + counted,
        verdicts=[_turned_verdict(planned) for planned in plan.rungs[1:] if variant.reverse],
        persons=doc.suppressed(drawn.attrition[-1].persons, min_cell),
        rungs=[
            compose_rung(plan, planned, fitted, drawn, min_cell)
            for planned, fitted in zip(plan.rungs, fits, strict=True)
        ],
        restrictions=compose_restrictions(variant),
    )


def _turned_verdict(planned: PlannedRung) -> str:
    """Say whether a rung's set suffices now that arrows are turned."""
    facts = planned.estimand
    granted = ", the unmeasured concepts granted" if facts.unmeasured else ""
    if facts.orientations[0].sufficient:
        return f"the set of {planned.rung.name} suffices{granted}."
    late, changed = ", ".join(facts.needs_after_exposure), ", ".join(facts.mediators_adjusted)
    lacking = f"; it lacks {late}, known only after exposure began" if late else ""
    harmful = f"; it holds {changed}, which exposure may have changed" if changed else ""
    return f"the set of {planned.rung.name} does not suffice{granted}{lacking}{harmful}."


def compose_covariance(
    named: Sequence[tuple[str, FittedRung]], scale: Scale
) -> doc.CovarianceBlock:
    """Write the covariance of the rungs' estimates, which pooling needs."""
    contrasts = [fitted.estimates.contrast(scale) for _, fitted in named]
    known = [one for one in contrasts if isinstance(one, Estimates)]
    matrix = np.empty((len(known), len(known)))
    for i, first in enumerate(known):
        for j, second in enumerate(known):
            joint = first.covariance if i == j else first.joint(second).covariance
            matrix[i, j] = joint[0, 0] if i == j else joint[0, 1]
    return doc.CovarianceBlock(rungs=[name for name, _ in named], matrix=matrix.tolist())


def _other(estimates: Estimates, scale: Scale) -> doc.ScaleBlock | doc.Reason:
    """Write the same fit on another scale."""
    effect = estimates.effect(scale)
    if isinstance(effect, NotEstimable):
        return doc.Reason(not_estimable=f"{scale}: {effect.reason}")
    return doc.ScaleBlock(
        scale=scale,
        estimate=effect.estimate,
        std_error=effect.std_error,
        interval=(effect.lo, effect.hi),
    )


def _remaining(fitted: FittedRung, binary: bool, *, crude: bool) -> doc.Remaining | doc.Reason:
    """Write the share that remains, on the difference whatever the headline's scale."""
    if crude:
        return doc.Reason(not_estimable="the crude rung is what the others are compared with")
    scale: Scale = "risk_difference" if binary else "mean_difference"
    share = attenuate(fitted.crude, fitted.estimates, scale)
    if isinstance(share, NotEstimable):
        return doc.Reason(not_estimable=share.reason)
    lo, hi = share.difference.pieces[0]
    if lo is None or hi is None or not math.isfinite(share.remaining):
        return doc.Reason(not_estimable="the crude difference is too close to 0 to divide by")
    return doc.Remaining(
        value=share.remaining,
        set=list(share.fieller.pieces),
        difference=(lo, hi),
        mixed=share.mixed_targets,
    )
