"""The whole story on one page: specification, cohort, sample, rungs, result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from causal import composing
from causal import composing_checks as checks
from causal.assailing import check_assaults, find_sensitivity, inspect_rung, refute_headline
from causal.cohort import TIME, Cohort, Sample
from causal.composing_design import compose_design
from causal.composing_heterogeneity import explore_all
from causal.composing_subgroups import divide
from causal.composing_terms import compose_ceilings, compose_covariate_profiles
from causal.composing_truth import compose_truth
from causal.composing_weights import compose_weights
from causal.dowhy_door import dowhy_agrees
from causal.errors import CausalError
from causal.estimators import AnyEstimator, WeighsFollowUp
from causal.estimators.nuisance import EntryModel, ObservationModel
from causal.fitting import FittedRung, RungTask, Thresholds
from causal.identify import Availability
from causal.imputation.rungs import COSTS, fit_all
from causal.instrumental import InstrumentFinding
from causal.planning import Plan, PlannedRung, plan_analysis, plan_variant, rung_terms
from causal.provenance import source_digest, versions
from causal.refuters import Refutation
from causal.registry import chosen_options, describe, load_cohort
from causal.result import DiagnosticBlock, Provenance, Result, SubgroupBlock, VariantBlock
from causal.sampling import Drawn, draw_sample
from causal.sensitivity import SensitivityFinding
from causal.spec import Specification, Variant


class Progress(Protocol):
    """Told what is being done, one call a stage."""

    def __call__(self, stage: str) -> None:
        """Take note of a stage."""


def silent(stage: str) -> None:
    """Take no note."""


def run(
    specification: Specification,
    *,
    data: Path | None = None,
    jobs: int = 1,
    progress: Progress = silent,
) -> Result:
    """Run an analysis.

    Parameters
    ----------
    specification : what to do.
    data : the user's own file or folder, instead of the installed data.
    jobs : processes; the result does not depend on it.

    Raises
    ------
    CausalError
        With the place and the remedy; nothing is written here.
    """
    progress("plan")
    analysis = specification.analysis
    plan = plan_analysis(specification, describe(analysis.dataset))
    progress("data")
    options = chosen_options(plan.info, analysis.options)
    cohort = load_cohort(analysis.dataset, options, data)
    return estimate(plan, cohort, jobs=jobs, progress=progress)


def estimate(plan: Plan, cohort: Cohort, *, jobs: int = 1, progress: Progress = silent) -> Result:
    """Run a plan on a cohort that is already loaded.

    Raises
    ------
    CausalError
        With the place of the rung and the remedy.
    """
    check_assaults(plan)
    drawn = draw_sample(cohort, plan, every_imputation=True)
    tasks = _tasks(plan, drawn.sample)
    gates = Thresholds(**plan.analysis.gates.model_dump())
    progress("rungs")
    fits = fit_all(drawn.samples, tasks, gates, plan.analysis.seed, jobs=jobs)
    one = fits.first  # what looks at persons anew looks at one imputation
    progress("instruments")
    inspected = inspect_rung(plan, tasks, one, drawn.sample, jobs=jobs)
    progress("attempts to refute")
    refutations = refute_headline(plan, cohort, tasks, one, drawn.sample, jobs=jobs)
    progress("sensitivity")
    findings = find_sensitivity(plan, cohort, tasks, one, drawn.sample, jobs=jobs)
    progress("variants")
    varied = [_vary(plan, variant, cohort) for variant in plan.analysis.variants]
    divided = divide(plan, drawn, tasks, cohort.min_cell)
    explored = explore_all(plan, drawn, tasks, cohort.min_cell)
    if len(drawn.samples) > 1:
        note = f"Looked at the first of {len(drawn.samples)} imputations."
        refutations = [replace(found, reason=f"{found.reason} {note}") for found in refutations]
        findings = [replace(found, sentence=f"{found.sentence} {note}") for found in findings]
    return _result(
        plan, cohort, drawn, fits.pooled, inspected, refutations, findings, varied, divided
    ).model_copy(update={"heterogeneity": explored})


def _result(
    plan: Plan,
    cohort: Cohort,
    drawn: Drawn,
    fits: Sequence[FittedRung],
    inspected: Sequence[InstrumentFinding],
    refutations: Sequence[Refutation],
    findings: Sequence[SensitivityFinding],
    varied: Sequence[tuple[VariantBlock, list[DiagnosticBlock]]],
    subgroups: list[SubgroupBlock],
) -> Result:
    """Put everything that was found into the result document."""
    analysis, specification, cell = plan.analysis, plan.specification, cohort.min_cell
    options = chosen_options(plan.info, analysis.options)
    named = list(zip([planned.rung.name for planned in plan.rungs], fits, strict=True))
    return Result(
        name=specification.name,
        question=analysis.question,
        specification=specification.document.text,
        specification_sha256=specification.sha256,
        dataset=composing.compose_dataset(plan, cohort, options),
        design=compose_design(plan, drawn, cell),
        timing=composing.compose_timing(plan),
        dag=composing.compose_dag(plan, _second_opinion(plan)),
        estimands=[composing.compose_estimand(planned) for planned in plan.rungs],
        attrition=composing.compose_attrition(drawn, cell),
        follow_up=composing.compose_follow_up(plan, drawn, cell),
        covariates=composing.compose_covariates(drawn, cell),
        covariate_profiles=compose_covariate_profiles(drawn, cell),
        rungs=[
            composing.compose_rung(plan, planned, fitted, drawn, cell)
            for planned, fitted in zip(plan.rungs, fits, strict=True)
        ],
        headline=analysis.headline_rung,
        variants=[block for block, _ in varied],
        subgroups=subgroups,
        instruments=[checks.compose_instrument(found, cell) for found in inspected],
        refutations=[
            checks.compose_refutation(found, refuter.subject)
            for refuter, found in zip(analysis.refuters, refutations, strict=True)
        ],
        sensitivity=[checks.compose_sensitivity(found) for found in findings],
        covariance=composing.compose_covariance(named, analysis.estimand.scale),
        diagnostics=[
            *checks.compose_judged(plan, named, cell),
            *(one for _, told in varied for one in told),
        ],
        balance=[b for n, f in named for b in checks.compose_balance(n, f, drawn)],
        overlap=[b for n, f in named for b in checks.compose_overlap(n, f, cell)],
        ceilings=compose_ceilings(plan, drawn, cell),
        weights=compose_weights(named, cell),
        truth=compose_truth(plan, options),
        companions=list(analysis.companions),
        provenance=Provenance(
            seed=analysis.seed,
            versions=versions(),
            source_sha256=source_digest(plan.info.folder),
        ),
    )


def _vary(
    plan: Plan, variant: Variant, cohort: Cohort
) -> tuple[VariantBlock, list[DiagnosticBlock]]:
    """Run the rungs of a variant on its own sample, and say what imputing cost them."""
    varied = plan_variant(plan, variant)
    gates = Thresholds(**varied.analysis.gates.model_dump())
    try:
        drawn = draw_sample(cohort, varied, every_imputation=True)
        tasks = _tasks(varied, drawn.sample)
        fits = fit_all(drawn.samples, tasks, gates, varied.analysis.seed).pooled
    except CausalError as error:  # the same rungs could be fitted without the variant
        number = plan.analysis.variants.index(variant)
        error.place = plan.specification.document.place(("variants", number))
        raise
    told = [
        one
        for task, fitted in zip(tasks, fits, strict=True)
        for one in checks.compose_diagnostics(
            f"{variant.name}: {task.name}", fitted, cohort.min_cell
        )
        if one.name in COSTS
    ]
    return composing.compose_variant(varied, variant, fits, drawn, cohort.min_cell), told


def _tasks(plan: Plan, sample: Sample) -> list[RungTask]:
    """Say what numerics need of each rung; all but the crude one adjust for the design's time."""
    time = tuple(t for t, c in zip(sample.terms, sample.concepts, strict=True) if c == TIME)
    document = plan.specification.document
    tasks = []
    for number, planned in enumerate(plan.rungs):
        adjusted = rung_terms(plan, planned.measurements) + (time if number else ())
        followed = rung_terms(plan, planned.followed) + (time if planned.followed else ())
        entered = rung_terms(plan, planned.entered)
        task = RungTask(
            name=planned.rung.name,
            estimator=_with_follow_up(planned, adjusted, followed, entered),
            terms=tuple(dict.fromkeys(adjusted + followed + entered)),
            place=document.place(("ladder", number, "name")),
            instruments=rung_terms(plan, planned.moving),
        )
        tasks.append(task)
    return tasks


def _with_follow_up(
    planned: PlannedRung,
    adjusted: tuple[str, ...],
    followed: tuple[str, ...],
    entered: tuple[str, ...],
) -> AnyEstimator:
    """Tell an estimator which terms are for exposure, and which for being seen and followed up."""
    rung = planned.rung
    if rung.followed is None or not isinstance(rung.estimator, WeighsFollowUp):
        return rung.estimator
    observation = ObservationModel(
        terms=followed,
        interactions=rung.followed.interactions,
        stabilised=rung.followed.stabilised,
    )
    entry = EntryModel(terms=entered) if rung.entered else None
    return rung.estimator.with_follow_up(adjusted, observation, entry)


def _second_opinion(plan: Plan) -> str:
    """Ask DoWhy whether a measured set identifies the effect; both must agree."""
    kinds = plan.available
    observed = [name for name, kind in kinds.items() if kind is Availability.MEASURED]
    return dowhy_agrees(plan.dag, observed).reason
