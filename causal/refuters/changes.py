"""What a draw changes in a sample: its exposure, its outcome, its covariates, or its rows."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeAlias

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.documents import Settings
from causal.estimators import Estimator


@dataclass(frozen=True, slots=True, eq=False)
class NewExposure:
    """Another exposure: (n,) floats."""

    a: Floats

    def apply(self, sample: Sample) -> Sample:
        """Give the changed sample."""
        return sample.with_exposure(self.a)


@dataclass(frozen=True, slots=True, eq=False)
class NewOutcome:
    """Another outcome: (n,) floats, NaN where the outcome was not observed."""

    y: Floats

    def apply(self, sample: Sample) -> Sample:
        """Give the changed sample."""
        return replace(sample, y=self.y)


@dataclass(frozen=True, slots=True, eq=False)
class AddedCovariate:
    """One more covariate: its (n,) floats and its name."""

    column: Floats
    term: str

    def apply(self, sample: Sample) -> Sample:
        """Give the changed sample."""
        return replace(
            sample,
            x=np.column_stack([sample.x, self.column]),
            terms=(*sample.terms, self.term),
            concepts=(*sample.concepts, self.term),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Resample:
    """Rows left out or repeated: (n,) ints, how often each is there."""

    counts: Ints

    def apply(self, sample: Sample) -> Sample:
        """Give the changed sample."""
        return take_rows(sample, np.repeat(np.arange(sample.n), self.counts))


Change: TypeAlias = NewExposure | NewOutcome | AddedCovariate | Resample


def take_rows(sample: Sample, rows: Ints) -> Sample:
    """Take rows of a sample, possibly repeated.

    Persons keep their label, so that copies of one never end up in different folds.
    """
    arrays = {
        one.name: getattr(sample, one.name)[rows]
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    return replace(sample, **arrays)


def naming(estimator: Estimator, term: str) -> Estimator:
    """Give the estimator with a term added wherever its settings list the terms to use.

    Otherwise a regression that lists its terms would ignore the new one, and the refuter would
    pass without having tried anything.
    """
    changed: dict[str, object] = {}
    for name, value in estimator:
        if name == "terms" and isinstance(value, tuple):
            changed[name] = (*value, term)
        elif isinstance(value, Settings) and isinstance(getattr(value, "terms", None), tuple):
            terms = (*getattr(value, "terms"), term)  # noqa: B009
            changed[name] = value.model_copy(update={"terms": terms})
    return estimator.model_copy(update=changed)
