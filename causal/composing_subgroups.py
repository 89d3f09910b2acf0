"""Estimates the subgroups of a plan, and puts them into the result document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causal import inference
from causal.estimate import Effect, Estimates, NotEstimable, Scale
from causal.fitting import RungTask, Thresholds
from causal.instrumental.balance import holm
from causal.planning import Plan
from causal.planning_subgroups import subgroup_rungs
from causal.result_parts import Count, Reason
from causal.result_subgroups import (
    DifferenceBlock,
    InteractionTestBlock,
    LevelBlock,
    SubgroupBlock,
)
from causal.sampling import Drawn
from causal.subgroup_settings import Subgroup
from causal.subgroups import LevelFit, SubgroupFinding, SubgroupTask, fit_subgroup


def divide(
    plan: Plan, drawn: Drawn, tasks: Sequence[RungTask], min_cell: int
) -> list[SubgroupBlock]:
    """Estimate every declared subgroup under its rungs.

    Parameters
    ----------
    tasks : one a rung of the plan, in its order.
    min_cell : counts below it are hidden, and levels with an arm below it are not estimated.
    """
    found: list[tuple[Subgroup, str, SubgroupFinding, int]] = []
    thresholds = Thresholds(**plan.analysis.gates.model_dump())
    by_name = {task.name: task for task in tasks}
    for subgroup, level in zip(plan.analysis.subgroups, drawn.levels, strict=True):
        smallest = max(subgroup.smallest_arm, min_cell)
        for name in subgroup_rungs(plan.analysis, subgroup):
            task = SubgroupTask(subgroup.names, level, tasks[0], by_name[name], smallest)
            finding = fit_subgroup(drawn.sample, task, thresholds, plan.analysis.seed)
            found.append((subgroup, name, finding, int((level < 0).sum())))
    corrected = _corrected([(name, finding) for _, name, finding, _ in found])
    scale: Scale = "risk_difference" if drawn.sample.outcome_kind == "binary" else "mean_difference"
    return [
        SubgroupBlock(
            column=subgroup.column,
            description=plan.info.codebook[subgroup.column].description,
            at=subgroup.at,
            reason=subgroup.reason,
            rung=name,
            scale=scale,
            level=inference.LEVEL,
            smallest_arm=max(subgroup.smallest_arm, min_cell),
            outside=hidden([outside], _any_small(finding, outside, min_cell), min_cell)[0],
            reference=finding.reference,
            levels=_levels(subgroup, finding, outside, min_cell),
            test=corrected[at],
        )
        for at, (subgroup, name, finding, outside) in enumerate(found)
    ]


def _levels(
    subgroup: Subgroup, finding: SubgroupFinding, outside: int, min_cell: int
) -> list[LevelBlock]:
    """Write the levels of one subgroup."""
    small = _any_small(finding, outside, min_cell)
    blocks = []
    for fit, interaction in zip(finding.levels, finding.interactions, strict=True):
        n, *rest = hidden([fit.n, *(fit.arms or ())], small, min_cell)
        persons = None if fit.n_clusters is None else hidden([fit.n_clusters], small, min_cell)[0]
        block = LevelBlock(
            name=fit.name,
            values=subgroup.said(fit.name),
            n=n,
            n_clusters=persons,
            unexposed=rest[0] if rest else None,
            exposed=rest[1] if rest else None,
            crude=_written(fit.crude),
            adjusted=_written(fit.adjusted),
            interaction=_written(interaction),
            terms=fit.terms,
            dropped=list(fit.dropped),
        )
        blocks.append(block)
    return blocks


def _counts(fit: LevelFit) -> list[int]:
    """Give every count of a level, and the rows without an outcome, which follow from them."""
    counts = [fit.n, *(fit.arms or ())]
    if fit.n_clusters is not None:
        counts.append(fit.n_clusters)
    return [*counts, fit.n - sum(fit.arms)] if fit.arms else counts


def _any_small(finding: SubgroupFinding, outside: int, min_cell: int) -> bool:
    """Tell whether some count is too small to print; others would then give it by subtraction."""
    counts = [outside, *(count for fit in finding.levels for count in _counts(fit))]
    return any(0 < count < min_cell for count in counts)


def hidden(counts: Sequence[int], small: bool, min_cell: int) -> list[Count]:
    """Print counts, or only on which side of the smallest cell they are."""
    if not small:
        return list(counts)
    return [f"<{min_cell}" if count < min_cell else f">={min_cell}" for count in counts]


def _written(found: Estimates | Effect | NotEstimable) -> DifferenceBlock | Reason:
    """Write a difference, or why there is none."""
    if isinstance(found, NotEstimable):
        return Reason(not_estimable=found.reason)
    if isinstance(found, Effect):
        interval = (found.lo, found.hi)
        return DifferenceBlock(
            estimate=found.estimate, std_error=found.std_error, interval=interval
        )
    value, std_error = float(found.values[0]), float(np.sqrt(found.covariance[0, 0]))
    return DifferenceBlock(
        estimate=value,
        std_error=std_error,
        interval=inference.interval(value, std_error, df=found.df),
    )


def _corrected(found: Sequence[tuple[str, SubgroupFinding]]) -> list[InteractionTestBlock | Reason]:
    """Write the tests, corrected for their number within each rung."""
    p_holm: dict[int, tuple[float, int]] = {}
    for rung in dict.fromkeys(name for name, _ in found):
        p_values = {
            at: finding.test.p_value
            for at, (name, finding) in enumerate(found)
            if name == rung and not isinstance(finding.test, NotEstimable)
        }
        corrected = holm(np.array(list(p_values.values())))
        p_holm |= {at: (float(p), len(p_values)) for at, p in zip(p_values, corrected, strict=True)}
    blocks: list[InteractionTestBlock | Reason] = []
    for at, (_, finding) in enumerate(found):
        test = finding.test
        if isinstance(test, NotEstimable):
            blocks.append(Reason(not_estimable=test.reason))
            continue
        block = InteractionTestBlock(
            statistic=test.statistic,
            df=test.df,
            df_residual=None if np.isinf(test.df_residual) else test.df_residual,
            p_value=test.p_value,
            p_holm=p_holm[at][0],
            tests=p_holm[at][1],
        )
        blocks.append(block)
    return blocks
