"""Exploratory heterogeneity as a key of a specification: a learner, modifiers, and why."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from causal.documents import Settings
from causal.estimators.learners import LearnerName
from causal.subgroup_settings import SMALLEST_ARM


class DRLearner(Settings):
    """Effects as a function of modifiers, learned from doubly robust scores; exploratory.

    Attributes
    ----------
    rung : whose covariates, propensity and outcome regression are used; the headline when left out.
    modifiers : columns known before exposure, all adjusted for by the rung.
    groups : persons are put into so many equal groups by the effect predicted for them.
    folds : parts of the persons; regressions of each are fitted on the others.
    divisions : how often persons are halved, one half to learn and one to look at; an odd number,
        so that there is a median.
    learner : what effects are predicted with, from the modifiers; ``glm`` is a straight line.
    smallest_arm : rows each arm of a group must have; a group with fewer is not shown.
    reason : why one would look.
    """

    kind: Literal["dr_learner"] = "dr_learner"
    rung: str | None = None
    modifiers: tuple[str, ...] = Field(min_length=1)
    groups: int = Field(default=4, ge=2, le=10)
    folds: int = Field(default=5, ge=2, le=50)
    divisions: int = Field(default=21, ge=1, le=501)
    learner: LearnerName = "glm"
    smallest_arm: int = Field(default=SMALLEST_ARM, ge=2)
    reason: str

    @field_validator("divisions")
    @classmethod
    def _have_a_median(cls, divisions: int) -> int:
        if divisions % 2 == 0:
            raise ValueError(f"{divisions} divisions have no median; take an odd number")
        return divisions

    @field_validator("modifiers")
    @classmethod
    def _are_named_once(cls, modifiers: tuple[str, ...]) -> tuple[str, ...]:
        twice = [one for one in modifiers if modifiers.count(one) > 1]
        if twice:
            raise ValueError(f"the modifier '{twice[0]}' stands twice; name each once")
        return modifiers
