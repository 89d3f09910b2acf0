"""What every sensitivity analysis is: settings that say what could overturn a rung, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from causal.cohort import Sample
from causal.documents import Settings
from causal.estimate import Estimates, NotEstimable, Scale

Number: TypeAlias = float | NotEstimable


@dataclass(frozen=True, slots=True)
class Named:
    """One number under its name, or why it is not given."""

    name: str
    value: Number


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers that belong together, one line of a table.

    Attributes
    ----------
    label : what the line is, such as ``bound``; unique together with ``subject`` and ``k``.
    numbers : the numbers, each under its name.
    subject : what is compared with, such as a concept; empty where that makes no sense.
    note : what the reader has to know of this line; empty where there is nothing.
    """

    label: str
    numbers: tuple[Named, ...]
    subject: str = ""
    note: str = ""

    def number(self, name: str) -> Number:
        """Give a number by name."""
        return next(one.value for one in self.numbers if one.name == name)


@dataclass(frozen=True, slots=True)
class SensitivityFinding:
    """What one sensitivity analysis says of one rung.

    Attributes
    ----------
    kind, rung : which analysis, of which rung.
    headline_name : what the headline number is, in words.
    headline : the one number to print where there is room for one.
    rows : every number.
    sentence : what could overturn the rung, in plain words; it names against what.
    """

    kind: str
    rung: str
    headline_name: str
    headline: Number
    rows: tuple[Row, ...]
    sentence: str

    def labelled(self, label: str) -> tuple[Row, ...]:
        """Give the rows of a label."""
        return tuple(row for row in self.rows if row.label == label)

    def row(self, label: str, subject: str = "") -> Row:
        """Give the first row of a label and subject."""
        return next(row for row in self.labelled(label) if row.subject == subject)


class Sensitivity(Settings, ABC):
    """Settings of one sensitivity analysis; ``analyse`` orchestrates, numbers are pure functions.

    Attributes
    ----------
    kind : the name in the specification.
    """

    kind: str

    @property
    def named_concepts(self) -> tuple[str, ...]:
        """Give the concepts the settings name, so that a misspelt one is found before any data."""
        return ()

    @abstractmethod
    def analyse(
        self, rung: str, estimates: Estimates, sample: Sample, scale: Scale
    ) -> SensitivityFinding:
        """Say what could overturn a rung.

        Parameters
        ----------
        rung : its name.
        estimates : its fit.
        sample : the rows all rungs share, with the terms this rung adjusts for.
        scale : the scale of the analysis's headline.

        Returns
        -------
        The finding; what cannot be given is ``NotEstimable`` in it, with the reason.
        """


def numbers(values: Mapping[str, Number]) -> tuple[Named, ...]:
    """Name numbers, in the order given."""
    return tuple(Named(name, value) for name, value in values.items())


def finding_without_number(
    kind: str, rung: str, headline_name: str, why: NotEstimable
) -> SensitivityFinding:
    """Make the finding that there is nothing to give, and why."""
    return SensitivityFinding(
        kind, rung, headline_name, why, (), f"This analysis does not apply: {why.reason}."
    )
