"""Runs the explorations of a plan, and puts them into the result document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causal import inference
from causal.composing_subgroups import hidden
from causal.estimate import NotEstimable
from causal.estimators.learners import Learned
from causal.fitting import RungTask
from causal.heterogeneity import CLIP, explore, small_groups
from causal.heterogeneity_findings import (
    Exploration,
    GroupFinding,
    HeterogeneityFinding,
    Median,
    Slope,
)
from causal.heterogeneity_settings import DRLearner
from causal.instrumental.balance import holm
from causal.planning import Plan, rung_terms
from causal.planning_heterogeneity import heterogeneity_rung, regressions_of
from causal.result_heterogeneity import (
    EffectGroupBlock,
    EqualityBlock,
    GroupMeanBlock,
    HeterogeneityBlock,
    MedianBlock,
    ModifierBlock,
    RefusedHeterogeneityBlock,
    SlopeBlock,
    TermSlopeBlock,
)
from causal.result_parts import Reason
from causal.sampling import Drawn
from causal.subgroups import Wald


def explore_all(
    plan: Plan, drawn: Drawn, tasks: Sequence[RungTask], min_cell: int
) -> list[HeterogeneityBlock | RefusedHeterogeneityBlock]:
    """Run every declared exploration.

    Parameters
    ----------
    tasks : one a rung of the plan, in its order.
    min_cell : counts below it are hidden, and groups with an arm below it are not shown.
    """
    blocks: list[HeterogeneityBlock | RefusedHeterogeneityBlock] = []
    for number, settings in enumerate(plan.analysis.heterogeneity):
        name = heterogeneity_rung(plan.analysis, settings)
        exploration = _exploration(plan, settings, name, tasks, number)
        found = explore(drawn.sample, exploration, plan.analysis.seed)
        if isinstance(found, NotEstimable):
            refused = RefusedHeterogeneityBlock(
                kind=settings.kind, rung=name, reason=settings.reason, not_estimable=found.reason
            )
            blocks.append(refused)
            continue
        binary = drawn.sample.outcome_kind == "binary"
        scale = "risk_difference" if binary else "mean_difference"
        blocks.append(_block(plan, settings, exploration, found, name, scale, min_cell))
    return blocks


def _exploration(
    plan: Plan, settings: DRLearner, name: str, tasks: Sequence[RungTask], number: int
) -> Exploration:
    """Say what numerics need: the rung's columns and regressions, and those of the modifiers."""
    planned = next(one for one in plan.rungs if one.rung.name == name)
    task = next(one for one in tasks if one.name == name)
    regressions = regressions_of(task.estimator)
    if regressions is None:  # excluded when the plan was made
        raise ValueError(f"the rung '{name}' has no propensity")
    modifiers = tuple(
        (column, rung_terms(plan, tuple(m for m in planned.measurements if m.column == column)))
        for column in settings.modifiers
    )
    return Exploration(
        terms=task.terms,
        modifiers=modifiers,
        propensity=regressions.propensity,
        outcome=regressions.outcome,
        clip=regressions.clip or CLIP,
        groups=settings.groups,
        folds=settings.folds,
        divisions=settings.divisions,
        learner=Learned(learner=settings.learner),
        stream=(name, str(number)),
    )


def _block(
    plan: Plan,
    settings: DRLearner,
    exploration: Exploration,
    found: HeterogeneityFinding,
    name: str,
    scale: str,
    min_cell: int,
) -> HeterogeneityBlock:
    """Write one exploration."""
    smallest = max(settings.smallest_arm, min_cell)
    groups = found.groups
    small = not isinstance(groups, NotEstimable) and bool(small_groups(groups, smallest).any())
    few = Reason(not_estimable=f"an arm of a group has fewer than {smallest} rows")
    return HeterogeneityBlock(
        kind=settings.kind,
        rung=name,
        reason=settings.reason,
        scale=scale,
        level=inference.LEVEL,
        folds=settings.folds,
        divisions=settings.divisions,
        learner=settings.learner,
        clip=exploration.clip,
        clipped=hidden([found.clipped], 0 < found.clipped < min_cell, min_cell)[0],
        smallest_arm=smallest,
        average=_slope(found.average),
        modifiers=_modifiers(plan, found),
        groups=Reason(not_estimable=groups.reason)
        if isinstance(groups, NotEstimable)
        else [_group(one, at, smallest, min_cell, groups) for at, one in enumerate(groups)],
        spread=few if small else _written(found.spread),
        groups_p=few if small else _chance(found.groups_p),
        calibration=_written(found.calibration),
    )


def _modifiers(plan: Plan, found: HeterogeneityFinding) -> list[ModifierBlock] | Reason:
    """Write the best linear projection, tests corrected for their number."""
    if isinstance(found.modifiers, NotEstimable):
        return Reason(not_estimable=found.modifiers.reason)
    tested = {one.name: one.test.p_value for one in found.modifiers if isinstance(one.test, Wald)}
    p_holm = dict(zip(tested, holm(np.array(list(tested.values()))).tolist(), strict=True))
    return [
        ModifierBlock(
            column=one.name,
            description=plan.info.codebook[one.name].description,
            terms=[
                TermSlopeBlock(term=term, **_slope(slope).model_dump())
                for term, slope in one.slopes
            ],
            test=_equality(one.test),
            p_holm=p_holm.get(one.name),
        )
        for one in found.modifiers
    ]


def _group(
    one: GroupFinding, at: int, smallest: int, min_cell: int, groups: Sequence[GroupFinding]
) -> EffectGroupBlock:
    """Write one group; counts are hidden in all where they are small in one."""
    hide = any(0 < each.smallest_arm < min_cell for each in groups)
    n, arm = hidden([one.rows, one.smallest_arm], hide, min_cell)
    shown = not small_groups([one], smallest)[0]
    return EffectGroupBlock(
        number=at + 1,
        n=n,
        arm=arm,
        predicted=one.predicted if shown else None,
        effect=_median(one.effect)
        if shown
        else Reason(not_estimable=f"an arm has fewer than {smallest} rows"),
        means=[GroupMeanBlock(term=term, mean=mean) for term, mean in one.means if shown],
    )


def _slope(found: Slope) -> SlopeBlock:
    """Write a number with its interval."""
    return SlopeBlock(
        estimate=found.value,
        std_error=found.std_error,
        interval=found.interval,
        p_value=found.p_value,
    )


def _median(found: Median) -> MedianBlock:
    """Write a number from several divisions."""
    return MedianBlock(
        estimate=found.value,
        interval=(found.lo, found.hi),
        p_value=found.p_value,
        split_sd=found.split_sd,
    )


def _written(found: Median | NotEstimable) -> MedianBlock | Reason:
    """Write a number, or why there is none."""
    return Reason(not_estimable=found.reason) if isinstance(found, NotEstimable) else _median(found)


def _chance(found: float | NotEstimable) -> float | Reason:
    """Write a p-value, or why there is none."""
    return Reason(not_estimable=found.reason) if isinstance(found, NotEstimable) else found


def _equality(found: Wald | NotEstimable) -> EqualityBlock | Reason:
    """Write a joint test, or why there is none."""
    if isinstance(found, NotEstimable):
        return Reason(not_estimable=found.reason)
    return EqualityBlock(statistic=found.statistic, df=found.df, p_value=found.p_value)
