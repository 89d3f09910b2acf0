"""Checks of an instrument against covariates: is it balanced, does it move all groups alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal.estimate import NotEstimable
from causal.findings import Row, numbers
from causal.instrumental.balance import FAMILY_ERROR, check_balance
from causal.instrumental.base import Found, Instrument, InstrumentCheck, does_not_apply
from causal.instrumental.subgroup_stages import StageBySubgroup, stage_by_subgroup


class InstrumentBalance(InstrumentCheck):
    """Whether covariates are alike whatever the instrument, as they would be by random draw.

    FAIL when some differ beyond chance and by more than the margin may be, PASS when all are shown
    to be alike within the margin, NOT_RESOLVABLE otherwise. Covariates the rung adjusts for are
    not looked at; others are compared given them.

    Attributes
    ----------
    margin : standardised difference that still counts as alike.

    Assumptions
    -----------
    The covariates were what they are before the instrument acted.

    References
    ----------
    Schuirmann (1987), doi:10.1007/BF01068419; Hartman & Hidalgo (2018), doi:10.1111/ajps.12387.
    """

    kind: Literal["instrument_balance"] = "instrument_balance"
    margin: float = Field(default=0.1, gt=0, le=2)

    cannot_see: ClassVar[str] = "what is not measured, and anything that happened afterwards"

    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Compare every covariate that the rung leaves free."""
        free = np.array(one.free, dtype=bool)
        if not free.any():
            return does_not_apply("no rung of the ladder adjusts for a covariate this one leaves")
        names = [term for term, kept in zip(one.terms, one.free, strict=True) if kept]
        given = one.given if one.conditional else None
        found = check_balance(
            one.z,
            one.x[:, free],
            names,
            one.w,
            one.cluster,
            self.margin,
            given=given,
            strata=one.strata,
        )
        verdicts = {row.verdict for row in found.rows}
        rows = tuple(
            Row(
                "covariate",
                numbers(
                    {
                        "smd": row.smd,
                        "std_error": row.std_error,
                        "p_different": row.p_different,
                        "p_alike": row.p_alike,
                    }
                ),
                row.name,
                row.verdict,
            )
            for row in found.rows
        )
        if "different" in verdicts:
            return Found("FAIL", found.sentence, rows)
        resolved = "not resolved" not in verdicts
        return Found("PASS" if resolved else "NOT_RESOLVABLE", found.sentence, rows)


class FirstStageByGroup(InstrumentCheck):
    """Whether the instrument moves exposure the same way in every group of persons.

    FAIL when it is shown to move a group against the overall direction (Holm within a covariate,
    Bonferroni over covariates) and that direction is itself shown; PASS when every group is shown
    to be moved in that direction; NOT_RESOLVABLE otherwise. Groups too small to be judged are left
    out, and named.

    Assumptions
    -----------
    Groups were formed before the instrument acted: all 0/1 covariates of the ladder make two each.

    References
    ----------
    Imbens & Angrist (1994), doi:10.2307/2951620 (monotonicity); Holm (1979), Scand J Stat 6:65.
    """

    kind: Literal["first_stage_by_group"] = "first_stage_by_group"

    cannot_see: ClassVar[str] = "persons moved opposite ways within a group"

    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Fit the first stage in both groups of every 0/1 covariate."""
        binary = [j for j in range(len(one.terms)) if set(np.unique(one.x[:, j])) == {0.0, 1.0}]
        if not binary:
            return does_not_apply("no covariate of the ladder has two values")
        given = one.given if one.conditional else None
        found: list[tuple[str, StageBySubgroup]] = []
        for j in binary:
            group = one.x[:, j].astype(np.int64)
            names = (f"{one.terms[j]}: no", f"{one.terms[j]}: yes")
            stage = stage_by_subgroup(
                one.a, one.z, group, names, one.w, one.cluster, given=given, strata=one.strata
            )
            if not isinstance(stage, NotEstimable):
                found.append((one.terms[j], stage))
        small = [one.terms[j] for j in binary if one.terms[j] not in {name for name, _ in found}]
        if not found:
            return does_not_apply(
                "no covariate has two groups in which the instrument varies among enough rows "
                f"({', '.join(small)})"
            )
        return judge_groups(found, small)


def judge_groups(found: list[tuple[str, StageBySubgroup]], small: Sequence[str] = ()) -> Found:
    """Put the first stages of all covariates together.

    Parameters
    ----------
    found : names of covariates with their first stages; at least one.
    small : names of covariates of which fewer than two groups are large enough.
    """
    many, overall = len(found), found[0][1].overall
    stages = [stage for _, groups in found for stage in groups.stages]
    against = [one.name for one in stages if many * one.p_opposite < FAMILY_ERROR]
    known = min([many * one.p_along for one in stages] + [found[0][1].p_overall]) < FAMILY_ERROR
    rows = tuple(_group_rows(found))
    left_out = f" Too few rows to judge: {', '.join(small)}." if small else ""
    if against and known:
        return Found(
            "FAIL",
            f"The instrument moves exposure against the overall direction in: {', '.join(against)}."
            " It is not monotone, so the ratio is no average effect among those it moves."
            f"{left_out}",
            rows,
        )
    toward = [one.p_above if overall >= 0 else one.p_below for one in stages]
    shown = [p < FAMILY_ERROR / 2 for p in toward]
    apart = [name for name, groups in found if many * groups.p < FAMILY_ERROR]
    differ = f"; it differs by {', '.join(apart)}" if apart else ""
    if all(shown):
        said = f"In all {len(stages)} groups the first stage has the overall direction{differ}."
        return Found("PASS", said + left_out, rows)
    none = "in none the opposite one" if not against else "and the overall direction is not shown"
    said = (
        f"In {sum(shown)} of {len(stages)} groups the first stage is shown to have the overall "
        f"direction, {none}{differ}."
    )
    return Found("NOT_RESOLVABLE", said + left_out, rows)


def _group_rows(found: list[tuple[str, StageBySubgroup]]) -> Iterator[Row]:
    """Give every number: groups, those left out with the reason, and whether groups differ."""
    many = len(found)
    for _, groups in found:
        for stage in groups.stages:
            yield Row(
                "group",
                numbers(
                    {
                        "rows": float(stage.rows),
                        "first_stage": stage.value,
                        "std_error": stage.std_error,
                        "p_opposite": min(many * stage.p_opposite, 1.0),
                    }
                ),
                stage.name,
            )
    for _, groups in found:
        for one in groups.left_out:
            yield Row("left_out", numbers({"rows": float(one.rows)}), one.name, one.reason)
    for name, groups in found:
        if groups.df:
            p = min(many * groups.p, 1.0)
            yield Row("difference", numbers({"f": groups.f, "p": p}), name)
