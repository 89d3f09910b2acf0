"""Whom an instrument tells of: those it moves, and within what bounds everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import field_validator

from causal.estimate import NotEstimable
from causal.findings import Named, Row, numbers
from causal.instrumental.base import Found, Instrument, InstrumentCheck, does_not_apply, refused
from causal.instrumental.bounds import InstrumentBounds, balke_pearl_bounds, natural_bounds
from causal.instrumental.compliers import Quantity, describe_compliers


class ComplierTable(InstrumentCheck):
    """What share of persons the instrument moves, and what they are like beside everybody.

    Assumptions
    -----------
    The instrument is random given what the rung adjusts for (by a logit), and moves exposure in
    one direction only.

    References
    ----------
    Abadie (2003), doi:10.1016/S0304-4076(02)00201-4.
    """

    kind: Literal["compliers"] = "compliers"

    cannot_see: ClassVar[str] = "who they are one by one, and what they are like otherwise"

    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Estimate shares of types, and means among those moved."""
        if not one.two_arms:
            return does_not_apply(f"it needs an instrument of two values, and {one.name} has more")
        if one.exposure_kind != "binary":
            return does_not_apply("it needs an exposure of two values, and this is a dose")
        found = describe_compliers(
            one.a, one.z, one.x, one.terms, one.given, one.w, one.cluster, strata=one.strata
        )
        shares = {
            "moved by the instrument": found.compliers,
            "exposed either way": found.always,
            "unexposed either way": found.never,
        }
        rows = [Row("share", _of(share), name) for name, share in shares.items()]
        way = "keeps from" if found.turned else "brings to"
        said = (
            f"The instrument {way} exposure {100 * found.compliers.value:.1f} % of persons; the "
            "estimate is about them."
        )
        if isinstance(found.profiles, NotEstimable):
            said = f"{said} What they are like is not shown: {found.profiles.reason}."
            return Found("NOT_EVALUATED", said, tuple(rows))
        rows += [
            Row(
                "covariate",
                (
                    *_of(profile.compliers, "among_moved"),
                    *_of(profile.everybody, "everybody"),
                    *_of(profile.difference, "difference"),
                ),
                profile.name,
            )
            for profile in found.profiles
        ]
        return Found("NOT_EVALUATED", said, tuple(rows))


class InstrumentBounding(InstrumentCheck):
    """Within what bounds the average effect in everybody lies, if the instrument is valid.

    Attributes
    ----------
    outcome_range : the lowest and highest outcome there could be; 0 and 1 for a 0/1 outcome.

    Assumptions
    -----------
    The instrument is drawn at random for everybody and reaches the outcome through exposure only;
    nothing is assumed of who is moved.

    References
    ----------
    Balke & Pearl (1997), doi:10.1080/01621459.1997.10474074; Manski (1990), Am Econ Rev 80(2):319.
    """

    kind: Literal["instrument_bounds"] = "instrument_bounds"
    outcome_range: tuple[float, float] | None = None

    cannot_see: ClassVar[str] = "where within the bounds the effect lies"

    @field_validator("outcome_range")
    @classmethod
    def _is_range(cls, given: tuple[float, float] | None) -> tuple[float, float] | None:
        if given is not None and not given[0] < given[1]:
            raise ValueError(f"runs from {given[0]:g} to {given[1]:g}; write the lowest first")
        return given

    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Give sharp bounds for a 0/1 outcome, natural bounds for any with a range."""
        problem = refused(one)
        if problem is not None:
            return problem
        arrays = one.y, one.a, one.z, one.w, one.cluster
        first, second = rng.spawn(2)
        binary = one.outcome_kind == "binary"
        span = (0.0, 1.0) if binary else self.outcome_range
        if span is None:
            return does_not_apply(
                "the outcome is no share, so bounds need its outcome_range in the specification"
            )
        found: dict[str, InstrumentBounds | NotEstimable] = {}
        if binary:
            found["Balke-Pearl"] = balke_pearl_bounds(*arrays, first, strata=one.strata)
        found["natural bounds"] = natural_bounds(*arrays, span, second, strata=one.strata)
        return _judge_bounds(found)


def _judge_bounds(found: Mapping[str, InstrumentBounds | NotEstimable]) -> Found:
    """Say within what the effect in everybody lies, or that there is no room for one."""
    made = {name: one for name, one in found.items() if isinstance(one, InstrumentBounds)}
    rows = tuple(
        Row(
            "bounds",
            numbers(
                {
                    "lower": one.lower,
                    "upper": one.upper,
                    "interval_from": one.lo,
                    "interval_to": one.hi,
                }
            ),
            name,
        )
        for name, one in made.items()
    )
    for one in found.values():
        if isinstance(one, NotEstimable):
            return Found("FAIL", f"There are no bounds: {one.reason}.", rows)
    sharp = next(iter(made.values()))
    said = (
        f"The average effect in everybody lies between {sharp.lower:.3f} and {sharp.upper:.3f} "
        f"(95 % interval of the bounds {sharp.lo:.3f} to {sharp.hi:.3f}), if the instrument is "
        "valid; nothing is assumed of those it does not move."
    )
    return Found("NOT_EVALUATED", said, rows)


def _of(found: Quantity, name: str = "value") -> tuple[Named, ...]:
    """Name a number with its interval."""
    return numbers({name: found.value, f"{name}_lo": found.lo, f"{name}_hi": found.hi})
