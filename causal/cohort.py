"""The two tables of the library: the cohort (person by wave) and the sample all rungs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.clock import Clock
from causal.codebook import Codebook, Variable
from causal.dose_grid import DoseGrid
from causal.errors import (
    CodebookViolationError,
    Place,
    PositivityError,
    SpecError,
    did_you_mean,
)
from causal.strata import Strata

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("person_id", "wave")
TIME = "(time)"
"""The concept of the indicators a design adds for its own time; adjusted for by every rung."""
HELD = "(exposure)"
"""Term and concept of the exposure itself, held while another exposure is looked at."""

ExposureKind: TypeAlias = Literal["binary", "dose", "arms"]
"""0/1; a number; or one of several named arms, coded 0, 1, 2 …"""
OutcomeKind: TypeAlias = Literal["binary", "continuous", "survival"]
"""0/1; a number; or the time to an event, which may be censored."""


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """A checked person-by-wave table.

    Attributes
    ----------
    name : the data set.
    table : one row a person and wave, sorted by both; ``person_id`` (text), ``wave`` (int) and
        the columns of the codebook. Missing values are NaN; numbers are float.
    codebook : what the columns are.
    waves : the scheduled waves, ascending.
    wave_days : length of one unit of ``wave`` in days.
    digest : sha256 of keys and values, the same whatever file format they came from.
    min_cell : counts below this are suppressed in results (0 for public data).
    """

    name: str
    table: pd.DataFrame
    codebook: Codebook
    waves: tuple[int, ...]
    wave_days: float
    digest: str
    min_cell: int = 0

    def columns_at(self, columns: Sequence[str]) -> pd.DataFrame:
        """Give keys and columns, refusing unknown names with the choices."""
        known = [*KEYS, *self.codebook.variables]
        for column in columns:
            if column not in known:
                raise SpecError(
                    f"data set '{self.name}' has no column '{column}'. "
                    f"{did_you_mean(column, known)}"
                )
        return self.table[list(dict.fromkeys([*KEYS, *columns]))]


@dataclass(frozen=True, slots=True)
class AttritionStep:
    """One row of the attrition table: what was required, and who was left."""

    step: str
    reason: str
    persons: int
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The arrays all rungs share: row i is the same unit everywhere.

    Attributes
    ----------
    unit : (n,) ints, person; folds and permutations are keyed by it.
    y : (n,) floats, outcome; NaN where not observed.
    a : (n,) floats, exposure: 0/1, a dose, or the number of an arm; NaN for persons kept only to be
        weighed for, who were not seen at the exposure interview.
    x : (n, p) floats, adjustment columns after declared features.
    terms : p names of the columns of ``x``.
    concepts : p concepts, one a column of ``x``; ``(time)`` for a design's own indicators.
    outcome_kind, exposure_kind : what ``y`` and ``a`` are.
    w : (n,) floats, survey weights (1 without survey design).
    cluster : (n,) ints or None, groups whose rows are dependent.
    strata : from what part of the population each row was drawn; None without survey design.
    z : (n, q) floats, instruments; None where nothing uses any. NaN only where a bracket rung
        alone uses one.
    instruments : q names of the columns of ``z``.
    levels : names of the arms by their number in ``a``; empty unless ``exposure_kind`` is arms.
    doses : where curves over doses are read; None where no design says.
    event : (n,) ints, what ended the time in ``y``: 0 censored, 1 the event, 2 and above competing
        ones; None unless ``outcome_kind`` is survival.
    clock : when risks of the event are read off; None likewise.
    """

    unit: Ints
    y: Floats
    a: Floats
    x: Floats
    terms: tuple[str, ...]
    concepts: tuple[str, ...]
    outcome_kind: OutcomeKind
    exposure_kind: ExposureKind
    w: Floats
    cluster: Ints | None = None
    z: Floats | None = None
    instruments: tuple[str, ...] = ()
    strata: Strata | None = None
    levels: tuple[str, ...] = ()
    doses: DoseGrid | None = None
    event: Ints | None = None
    clock: Clock | None = None

    @property
    def n(self) -> int:
        """Give the number of rows."""
        return len(self.y)

    @property
    def in_risks(self) -> bool:
        """Tell whether contrasts are of risks: of a 0/1 outcome, or of an event by some time."""
        return self.outcome_kind != "continuous"

    @property
    def observed(self) -> Bools:
        """Give (n,) booleans, whether the outcome is known."""
        return ~np.isnan(self.y)

    @property
    def entered(self) -> Bools:
        """Give (n,) booleans, whether the exposure is known."""
        return ~np.isnan(self.a)

    @property
    def n_clusters(self) -> int | None:
        """Give the number of clusters, or None for independent rows."""
        return None if self.cluster is None else len(np.unique(self.cluster))

    def adjusting_for(self, concepts: Sequence[str]) -> Sample:
        """Keep the columns of these concepts and the design's own time indicators."""
        return self._taking([i for i, c in enumerate(self.concepts) if c in concepts or c == TIME])

    def with_terms(self, terms: Sequence[str]) -> Sample:
        """Keep these columns, by name; raise with the choices when one is unknown."""
        for term in terms:
            if term not in self.terms:
                raise SpecError(f"there is no term '{term}'. {did_you_mean(term, self.terms)}")
        return self._taking([i for i, t in enumerate(self.terms) if t in terms])

    def with_instruments(self, names: Sequence[str]) -> Sample:
        """Keep these instruments, by name; raise with the choices when one is unknown."""
        for name in names:
            if name not in self.instruments:
                raise SpecError(
                    f"there is no instrument '{name}'. {did_you_mean(name, self.instruments)}"
                )
        if not names or self.z is None:
            return replace(self, z=None, instruments=())
        kept = [i for i, one in enumerate(self.instruments) if one in names]
        return replace(
            self,
            z=np.ascontiguousarray(self.z[:, kept]),
            instruments=tuple(self.instruments[i] for i in kept),
        )

    def x_of(self, term: str) -> Floats:
        """Give the (n,) column of a term."""
        column: Floats = self.x[:, self.terms.index(term)]
        return column

    def rows(self, kept: Bools) -> Sample:
        """Keep these rows; (n,) booleans."""
        return replace(
            self,
            unit=self.unit[kept],
            y=self.y[kept],
            a=self.a[kept],
            x=np.ascontiguousarray(self.x[kept]),
            w=self.w[kept],
            cluster=None if self.cluster is None else self.cluster[kept],
            z=None if self.z is None else np.ascontiguousarray(self.z[kept]),
            strata=None if self.strata is None else self.strata.rows(kept),
            event=None if self.event is None else self.event[kept],
        )

    def with_exposure(self, a: Floats) -> Sample:
        """Replace the exposure, as placebo refuters do."""
        return replace(self, a=a)

    def _taking(self, columns: Sequence[int]) -> Sample:
        return replace(
            self,
            x=np.ascontiguousarray(self.x[:, list(columns)]),
            terms=tuple(self.terms[i] for i in columns),
            concepts=tuple(self.concepts[i] for i in columns),
        )


def check_outcomes(sample: Sample) -> None:
    """Refuse an arm, of two or of several, in which everybody has the same outcome.

    It is asked of the rows a rung is estimated on, not of resamples and permutations of them: these
    are looked at for their estimate alone, and leaving some out would move what they show.

    Raises
    ------
    PositivityError
        Naming the arm.
    """
    if sample.exposure_kind == "dose":
        return
    instead = "Choose another outcome, exposure or population."
    if sample.levels:
        instead = "Leave this arm out (design.arms.others), or choose another outcome."
    for arm in range(len(sample.levels) or 2):
        name = f"'{sample.levels[arm]}'" if sample.levels else f"{arm}"
        refuse_same_outcome(sample, arm, f"exposure {name}", instead)


def refuse_same_outcome(sample: Sample, value: float, said: str, instead: str) -> None:
    """Refuse an exposure at which everybody has the same outcome, whose mean has no standard error.

    That from influence values would be 0, and an interval as short as if that mean were known. What
    is said of times to an event is said where curves are made.

    Parameters
    ----------
    value, said : the exposure, and how it is named.
    instead : what to do.

    Raises
    ------
    PositivityError
        Naming the exposure.
    """
    if sample.outcome_kind == "survival":
        return
    known = sample.y[sample.observed & (sample.a == value)]
    if len(known) > 1 and np.ptp(known) == 0:  # of fewer, check_arms speaks
        raise PositivityError(
            f"everybody with {said} has the same outcome, so its mean has no standard error. "
            f"{instead}"
        )


def check_arms(sample: Sample, min_cell: int = 0) -> None:
    """Refuse an exposure that has an empty arm or does not vary.

    Parameters
    ----------
    min_cell : the smallest arm that may be published, its mean giving away its members.

    Raises
    ------
    PositivityError
        Naming the arm, and how many rows there are.
    """
    known = sample.a if sample.entered.all() else sample.a[sample.entered]
    values = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    if values[0] == values[1]:
        arm = f"everyone has exposure {values[0]:g}" if len(known) else "there are no rows"
        raise PositivityError(
            f"{arm} (n = {sample.n}), so there is nobody to compare with. "
            "Choose another exposure, population or wave."
        )
    if sample.exposure_kind == "dose":
        return
    arms = range(len(sample.levels)) if sample.levels else values
    for value in arms:
        rows = int((sample.observed & (sample.a == value)).sum())
        name = f"'{sample.levels[int(value)]}'" if sample.levels else f"{value:g}"
        if rows < 2:
            raise PositivityError(
                f"only {rows} row{'' if rows == 1 else 's'} with exposure {name} and a known "
                "outcome; at least 2 are needed for a standard error. Choose another exposure, "
                "population or wave."
            )
        if rows < min_cell:
            raise PositivityError(
                f"fewer than {min_cell} rows have exposure {name} and a known outcome, too few to "
                "publish anything of them (min_cell in dataset.toml). Choose another exposure, "
                "population or wave."
            )
    if sample.levels:  # no resample of several arms is ever fitted, so every fit may ask
        check_outcomes(sample)


def check_table(table: pd.DataFrame, codebook: Codebook) -> None:
    """Refuse a table that contradicts its codebook.

    Raises
    ------
    CodebookViolationError
        A key is missing or repeated, a column is missing or undocumented, a value is outside
        its range or levels; the message names column, value, how many, and a person.
    """
    for key in KEYS:
        if key not in table.columns:
            raise _violation(codebook, key, "the key column is missing. build() must return it.")
        if table[key].isna().any():
            number, first = int(table[key].isna().sum()), int(table[key].isna().argmax()) + 1
            raise _violation(
                codebook,
                key,
                f"{number} {'row has' if number == 1 else 'rows have'} no value, first row {first} "
                "of the table build() returns. Give every row its own, or leave out in build() the "
                "rows that belong to nobody.",
            )
    repeated = table.duplicated(list(KEYS))
    if repeated.any():
        row = table.loc[repeated, list(KEYS)].iloc[0]
        raise _violation(
            codebook,
            "person_id, wave",
            f"{int(repeated.sum())} rows repeat a person and wave, first person "
            f"{row['person_id']} at wave {row['wave']}. Keep one row a person and wave.",
        )
    documented = [*KEYS, *codebook.variables]
    for column in table.columns:
        if column not in documented:
            raise _violation(
                codebook, column, "is not in the codebook. Add a row, or leave the column out."
            )
    for variable in codebook:
        if variable.column in KEYS:
            continue
        if variable.column not in table.columns:
            raise _violation(codebook, variable.column, "is in the codebook but not in the data.")
        _check_values(table, variable, codebook)


def _check_values(table: pd.DataFrame, variable: Variable, codebook: Codebook) -> None:
    """Refuse values outside the range or the levels of a variable."""
    values = table[variable.column].dropna()
    if not variable.numeric:
        known = set(variable.levels) or set(values)
        bad = values[~values.isin(list(known))]
        expected = f"one of {', '.join(variable.levels)}"
    else:
        if values.dtype.kind not in "fiub":
            raise _violation(
                codebook,
                variable.column,
                f"holds {values.dtype}, first {_first_text(values, table)}; a {variable.kind} "
                "holds numbers. Turn texts into numbers or missing values in build().",
            )
        low = -np.inf if variable.low is None else variable.low
        high = np.inf if variable.high is None else variable.high
        outside = (values < low) | (values > high) | np.isinf(values)
        codes = list(variable.codes)
        bad = values[~values.isin(codes)] if codes else values[outside]
        expected = variable.allowed
    if len(bad):
        person = table.loc[bad.index[0], "person_id"]
        raise _violation(
            codebook,
            variable.column,
            f"{len(bad)} values are outside the codebook, first {_shown(bad.iloc[0])} of person "
            f"{person}; expected {expected}. Mend the recode in build(), or the codebook.",
        )


def _first_text(values: pd.Series[float], table: pd.DataFrame) -> str:
    """Show the first value that is no number, not even in writing, or else the first, and whose."""
    import pandas as pd

    bad = values[pd.to_numeric(values, errors="coerce").isna()]
    first = (bad if len(bad) else values).index[0]
    return f"{_shown(values[first])} of person {table.loc[first, 'person_id']}"


def _shown(value: object) -> str:
    """Write a value of the table as a reader would: names in quotes, numbers without their type."""
    return repr(value) if isinstance(value, str) else f"{value}".removesuffix(".0")


def _violation(codebook: Codebook, column: str, message: str) -> CodebookViolationError:
    return CodebookViolationError(message, Place(f"data set {codebook.dataset}", key=column))
