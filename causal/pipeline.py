"""The whole story on one page: specification, cohort, sample, rungs, result."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from causal import composing
from causal.cohort import TIME, Cohort, Sample
from causal.dowhy_door import dowhy_agrees
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.identify import Availability
from causal.planning import Plan, plan_analysis, rung_terms
from causal.provenance import source_digest, versions
from causal.registry import chosen_options, describe, known_truth, load_cohort
from causal.result import Provenance, Result
from causal.sampling import draw_sample
from causal.spec import Specification


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
    progress("rungs")
    result = estimate(plan, cohort, jobs=jobs)
    progress("result")
    return result


def estimate(plan: Plan, cohort: Cohort, *, jobs: int = 1) -> Result:
    """Run a plan on a cohort that is already loaded.

    Raises
    ------
    CausalError
        With the place of the rung and the remedy.
    """
    analysis, specification = plan.analysis, plan.specification
    drawn = draw_sample(cohort, plan)
    tasks = _tasks(plan, drawn.sample)
    gates = Thresholds(**analysis.gates.model_dump())
    fits = fit_rungs(drawn.sample, tasks, gates, analysis.seed, jobs=jobs)
    names = [task.name for task in tasks]
    generated = plan.info.access == "generated"
    options = chosen_options(plan.info, analysis.options)
    return Result(
        name=specification.name,
        question=analysis.question,
        specification=specification.document.text,
        specification_sha256=specification.sha256,
        dataset=composing.compose_dataset(plan, cohort, options),
        design=composing.compose_design(plan),
        timing=composing.compose_timing(plan),
        dag=composing.compose_dag(plan, _second_opinion(plan)),
        estimands=[composing.compose_estimand(planned) for planned in plan.rungs],
        attrition=composing.compose_attrition(drawn, cohort.min_cell),
        covariates=composing.compose_covariates(drawn, cohort.min_cell),
        rungs=[
            composing.compose_rung(plan, planned, fitted, fits[0], drawn, cohort.min_cell)
            for planned, fitted in zip(plan.rungs, fits, strict=True)
        ],
        headline=analysis.headline_rung,
        covariance=composing.compose_covariance(names, fits, analysis.estimand.scale),
        diagnostics=[
            block
            for name, fitted in zip(names, fits, strict=True)
            for block in composing.compose_diagnostics(name, fitted, cohort.min_cell)
        ],
        balance=[
            block
            for name, fitted in zip(names, fits, strict=True)
            for block in composing.compose_balance(name, fitted, drawn)
        ],
        overlap=[
            block
            for name, fitted in zip(names, fits, strict=True)
            for block in composing.compose_overlap(name, fitted, cohort.min_cell)
        ],
        truth=dict(known_truth(analysis.dataset, options)) if generated else {},
        companions=list(analysis.companions),
        provenance=Provenance(
            seed=analysis.seed,
            versions=versions(),
            source_sha256=source_digest(plan.info.folder),
        ),
    )


def _tasks(plan: Plan, sample: Sample) -> list[RungTask]:
    """Say what numerics need of each rung; all but the crude one adjust for the design's time."""
    time = tuple(t for t, c in zip(sample.terms, sample.concepts, strict=True) if c == TIME)
    document = plan.specification.document
    return [
        RungTask(
            name=planned.rung.name,
            estimator=planned.rung.estimator,
            terms=rung_terms(plan, planned) + (time if number else ()),
            place=document.place(("ladder", number, "name")),
        )
        for number, planned in enumerate(plan.rungs)
    ]


def _second_opinion(plan: Plan) -> str:
    """Ask DoWhy whether a measured set identifies the effect; both must agree."""
    kinds = plan.available
    observed = [name for name, kind in kinds.items() if kind is Availability.MEASURED]
    return dowhy_agrees(plan.dag, observed).reason
