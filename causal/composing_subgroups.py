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
    ContrastBlock,
    DifferenceBlock,
    InteractionTestBlock,
    LevelBlock,
    SubgroupBlock,
)
from causal.sampling import Drawn
from causal.small_cells import without_small_counts
from causal.subgroup_settings import Subgroup
from causal.subgroups import LevelFit, SubgroupFinding, SubgroupTask, fit_subgroup

UNCOUNTED = "among part of the level's rows (too few here to print counts)"
"""What is said of a narrowed level whose counts are hidden."""


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
    named = [(name, finding) for _, name, finding, _ in found]
    corrected, contrasts = _corrected(named), _contrasts(named)
    scale: Scale = "risk_difference" if drawn.sample.in_risks else "mean_difference"
    return [
        SubgroupBlock(
            column=subgroup.title,
            description="; ".join(
                plan.info.codebook[column].description for column, _ in subgroup.parts
            ),
            at=subgroup.at,
            reason=subgroup.reason,
            rung=name,
            scale=scale,
            level=inference.LEVEL,
            smallest_arm=max(subgroup.smallest_arm, min_cell),
            outside=hidden([outside], _any_small(finding, outside, min_cell), min_cell)[0],
            reference=finding.reference,
            levels=_levels(subgroup, finding, contrasts[at], outside, min_cell),
            test=corrected[at],
        )
        for at, (subgroup, name, finding, outside) in enumerate(found)
    ]


def _levels(
    subgroup: Subgroup,
    finding: SubgroupFinding,
    contrasts: Sequence[ContrastBlock | Reason],
    outside: int,
    min_cell: int,
) -> list[LevelBlock]:
    """Write the levels of one subgroup."""
    small = _any_small(finding, outside, min_cell)
    blocks = []
    for fit, interaction in zip(finding.levels, contrasts, strict=True):
        n, *rest = hidden([fit.n, *(fit.arms or ())], small, min_cell)
        persons = None if fit.n_clusters is None else hidden([fit.n_clusters], small, min_cell)[0]
        block = LevelBlock(
            name=fit.name,
            values=subgroup.said(fit.name),
            n=n,
            n_clusters=persons,
            unexposed=rest[0] if rest else None,
            exposed=rest[1] if rest else None,
            crude=_written(fit.crude, min_cell),
            adjusted=_written(fit.adjusted, min_cell),
            interaction=interaction,
            terms=fit.terms,
            dropped=list(fit.dropped),
            narrowed=UNCOUNTED
            if fit.narrowed and small
            else without_small_counts(fit.narrowed, min_cell),
            failed=[one.name if min_cell else one.reason for one in fit.failed],
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


def _written(found: Estimates | NotEstimable, min_cell: int) -> DifferenceBlock | Reason:
    """Write a difference, or why there is none."""
    if isinstance(found, NotEstimable):
        return Reason(not_estimable=without_small_counts(found.reason, min_cell))
    value, std_error = float(found.values[0]), float(np.sqrt(found.covariance[0, 0]))
    return DifferenceBlock(
        estimate=value,
        std_error=std_error,
        interval=inference.interval(value, std_error, df=found.df),
    )


def _contrasts(
    found: Sequence[tuple[str, SubgroupFinding]],
) -> list[list[ContrastBlock | Reason]]:
    """Write the contrasts with the reference, corrected for their number within each rung."""
    p_values = {
        (at, place): _p_value(one, finding)
        for at, (_, finding) in enumerate(found)
        for place, one in enumerate(finding.interactions)
        if isinstance(one, Effect)
    }
    p_holm: dict[tuple[int, int], float] = {}
    family: dict[str, int] = {}
    for rung in dict.fromkeys(name for name, _ in found):
        own = {key: p for key, p in p_values.items() if found[key[0]][0] == rung}
        family[rung] = len(own)
        corrected = holm(np.array(list(own.values()))).tolist()
        p_holm |= dict(zip(own, corrected, strict=True))
    return [
        [
            ContrastBlock(
                estimate=one.estimate,
                std_error=one.std_error,
                interval=(one.lo, one.hi),
                p_value=p_values[at, place],
                p_holm=p_holm[at, place],
                contrasts=family[rung],
            )
            if isinstance(one, Effect)
            else Reason(not_estimable=one.reason)
            for place, one in enumerate(finding.interactions)
        ]
        for at, (rung, finding) in enumerate(found)
    ]


def _p_value(one: Effect, finding: SubgroupFinding) -> float:
    """Give the p-value of a contrast, by the reference its interval was formed with."""
    df = min(fit.adjusted.df for fit in finding.levels if isinstance(fit.adjusted, Estimates))
    return inference.two_sided_p(one.estimate / one.std_error, df)


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
