"""What every sensitivity analysis is: settings that say what could overturn a rung, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from causal.documents import Settings
from causal.estimate import NotEstimable
from causal.findings import Contour, Curve, Number, Row
from causal.subject import Subject

NO_YARDSTICK = NotEstimable("nothing measured here is of the same kind to compare with")


@dataclass(frozen=True, slots=True)
class SensitivityFinding:
    """What one sensitivity analysis says of one rung.

    Attributes
    ----------
    kind, rung : which analysis, of which rung.
    headline_name : what the headline number is, in words.
    headline : the one number to print where there is room for one: what it takes to overturn.
    rows : every number.
    sentence : what could overturn the rung, in plain words; it names against what.
    short : the same in one sentence with its number, for the table of all analyses.
    multiple : what it takes as a multiple of the yardstick, so that analyses can be put in order:
        0 when nothing is needed, infinite when nothing examined overturns the rung.
    yardstick : what ``multiple`` counts, in words, such as ``severity, the strongest block``.
    curves, contours : what is to be drawn.
    """

    kind: str
    rung: str
    headline_name: str
    headline: Number
    rows: tuple[Row, ...]
    sentence: str
    short: str
    multiple: Number = NO_YARDSTICK
    yardstick: str = ""
    curves: tuple[Curve, ...] = ()
    contours: tuple[Contour, ...] = ()

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
    needs_unfollowed : whether it looks at rows without an outcome too (``Subject.unfollowed``).
    """

    kind: str

    needs_unfollowed: ClassVar[bool] = False

    @property
    def named_concepts(self) -> tuple[str, ...]:
        """Give the concepts the settings name, so that a misspelt one is found before any data."""
        return ()

    @property
    def benchmark_concepts(self) -> tuple[str, ...]:
        """Give the concepts to compare with, which the data must have columns for."""
        return ()

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name, to be found likewise."""
        return ()

    @abstractmethod
    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Say what could overturn a rung.

        Parameters
        ----------
        subject : the fitted rung and its rows.
        rng : the analysis's own stream, named after kind, position and rung.

        Returns
        -------
        The finding; what cannot be given is ``NotEstimable`` in it, with the reason.
        """


def finding_without_number(
    kind: str, rung: str, headline_name: str, why: NotEstimable
) -> SensitivityFinding:
    """Make the finding that there is nothing to give, and why."""
    said = f"This analysis does not apply: {why.reason}."
    return SensitivityFinding(kind, rung, headline_name, why, (), said, said, why)
