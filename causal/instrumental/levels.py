"""Mean exposure and outcome at every value of an instrument: what its two stages look like."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats, Ints
from causal.findings import Curve, Point, Row, numbers
from causal.instrumental.base import Found, Instrument, InstrumentCheck
from causal.strata import Strata


class ByInstrument(InstrumentCheck):
    """Mean exposure and outcome at every value of the instrument, or in groups of it.

    Attributes
    ----------
    groups : an instrument of more values than this is cut into as many groups of like size.

    Assumptions
    -----------
    None: means with normal intervals (of a survey, Student's), nothing adjusted for.
    """

    kind: Literal["by_instrument"] = "by_instrument"
    groups: int = Field(default=5, ge=2, le=50)

    cannot_see: ClassVar[str] = "whether the instrument is valid: this is a picture, not a test"

    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Average exposure and outcome by value of the instrument."""
        group = level_of(one.z, self.groups)
        drawn = one.cluster, one.strata
        place, _ = group_means(one.z, group, one.w, *drawn)
        rows: list[Row] = []
        curves = []
        sizes = np.bincount(group)
        found = {
            "exposure": group_means(one.a, group, one.w, *drawn),
            "outcome": group_means(one.y, group, one.w, *drawn),
        }
        half = inference.critical_value(df=one.df)
        for name, (means, errors) in found.items():
            points = tuple(
                Point(float(x), float(mean), float(mean - half * se), float(mean + half * se))
                for x, mean, se in zip(place, means, errors, strict=True)
            )
            curves.append(Curve(f"mean {name}", one.name, f"mean {name}", points))
        for number, at in enumerate(place):
            values: dict[str, float] = {"rows": float(sizes[number])}
            for name, (means, errors) in found.items():
                values[name] = float(means[number])
                values[f"{name}_std_error"] = float(errors[number])
            rows.append(Row("level", numbers(values), f"{at:.6g}"))
        kept = "value" if len(place) == len(np.unique(one.z)) else "group of like size"
        sentence = f"Mean exposure and outcome at every {kept} of {one.name}, nothing adjusted for."
        return Found("NOT_EVALUATED", sentence, tuple(rows), tuple(curves))


def level_of(z: Floats, groups: int) -> Ints:
    """Count the values of an instrument from the lowest, or groups of like size.

    Parameters
    ----------
    z : (n,) floats.
    groups : how many groups are made where there are more values.

    Returns
    -------
    (n,) ints from 0; fewer groups where many rows share a value.
    """
    values, number = np.unique(z, return_inverse=True)
    if len(values) <= groups:
        return np.asarray(number, dtype=np.int64)
    cuts = np.unique(np.quantile(z, np.arange(1, groups) / groups))
    found = np.searchsorted(cuts, z, side="right")
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)


def group_means(
    values: Floats,
    group: Ints,
    w: Floats,
    cluster: Ints | None,
    strata: Strata | None = None,
) -> tuple[Floats, Floats]:
    """Give the weighted mean of every group, and its standard error.

    Parameters
    ----------
    values, w : (n,) floats.
    group : (n,) ints from 0, none of them left out.
    cluster : (n,) ints or None.
    strata : of the rows, or None.
    """
    inside = w[:, None] * (group[:, None] == np.arange(group.max() + 1))
    means = inside.T @ values / inside.sum(axis=0)
    influence = inside * (values[:, None] - means) / inside.mean(axis=0)
    return means, np.sqrt(np.diag(inference.covariance(influence, cluster, strata)))
