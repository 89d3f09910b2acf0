"""What the parameters of a fit are where there are more than two: arms, doses, or times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ProfileKind: TypeAlias = Literal["arms", "dose", "threshold", "shift", "survival"]


@dataclass(frozen=True, slots=True)
class ProfilePoint:
    """One parameter of a fit, as a point of a profile.

    Attributes
    ----------
    at : which parameter, counted from 0.
    name : what it is, such as ``12-step`` or ``risk by day 90, exposed``.
    series : the line it belongs to, such as an arm; empty where there is one line only.
    x : where on the axis it stands; None for arms, which have no order.
    rows : rows that stand at this point; None where that means nothing.
    listed : whether tables show it; a curve is drawn from more points than are read.
    """

    at: int
    name: str
    series: str = ""
    x: float | None = None
    rows: int | None = None
    listed: bool = True


@dataclass(frozen=True, slots=True)
class ProfileContrast:
    """A difference of two parameters, the first minus the second.

    Attributes
    ----------
    family : contrasts of one family share the correction for their number.
    unit : of the difference, where it is not the outcome's own, such as ``days``.
    """

    name: str
    plus: int
    minus: int
    family: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """How to read a fit of many parameters.

    Attributes
    ----------
    kind : what varies along the profile.
    axis, unit : what ``x`` is, and its unit.
    points : parameters on the outcome's scale, to be listed and drawn, with one simultaneous band.
    contrasts : differences to be listed.
    beside : parameters on another scale (restricted mean times, say), listed but not drawn.
    notes : what else is to be said of it, one sentence each.
    """

    kind: ProfileKind
    axis: str
    unit: str
    points: tuple[ProfilePoint, ...]
    contrasts: tuple[ProfileContrast, ...] = ()
    beside: tuple[ProfilePoint, ...] = ()
    notes: tuple[str, ...] = ()
