"""Every error a user can meet, in one tree; each says what, where and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error was found: a file, a line in it, a key or a column."""

    file: str | None = None
    line: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        """Write the place as ``file:line: key``, leaving out what is not known."""
        head = self.file or ""
        if head and self.line is not None:
            head = f"{head}:{self.line}"
        return ": ".join(part for part in (head, self.key or "") if part)


class CausalError(Exception):
    """The root of all errors raised on purpose; the command line prints them without a traceback.

    Parameters
    ----------
    message : what was found, what was expected, and what to do, in one or two sentences.
    place : where; left out of the message when nothing is known.

    Attributes
    ----------
    specification : the file of the analysis it came up in; empty outside of one.
    """

    def __init__(self, message: str, place: Place | None = None) -> None:
        self.message = message
        self.place = place or Place()
        self.specification = ""
        super().__init__(message)

    def __str__(self) -> str:
        """Put the place before the message, and the specification first if that is another file."""
        whose = "" if self.place.file == self.specification else self.specification
        return ": ".join(part for part in (whose, str(self.place), self.message) if part)


class SpecError(CausalError, ValueError):
    """A specification (or a DAG file) says something that cannot be meant."""


class TimingError(SpecError):
    """A rung would adjust for something measured after exposure began."""


class DatasetError(CausalError):
    """Something about a data set."""


class UnknownDatasetError(DatasetError, LookupError):
    """No data set of that name is installed."""


class DataNotAvailableError(DatasetError):
    """The data set is known, but its data are not on this machine."""


class ChecksumMismatchError(DatasetError, ValueError):
    """A data file is not the one the data set was built on."""


class CodebookViolationError(DatasetError, ValueError):
    """The data contradict the codebook."""


class IdentificationError(CausalError, ValueError):
    """The causal diagram does not allow what was asked."""


class PositivityError(CausalError, ValueError):
    """An arm is empty, or exposure is determined by the covariates."""


class InstrumentError(CausalError, ValueError):
    """An instrument is absent or missing, does not vary, or is given by the covariates."""


class OutcomeError(CausalError, ValueError):
    """The outcome does not vary, or is not of the kind an estimator takes."""


class EstimandMismatchError(CausalError, ValueError):
    """Two estimates that do not answer the same question were to be combined."""


class VerificationError(CausalError):
    """A result is not what its specification and data give."""


class EarlierFormatError(VerificationError):
    """A result document follows another schema: it was written by another version."""


class InternalConsistencyError(CausalError):
    """Two independent computations that must agree do not: a defect here, not in the input."""


@contextmanager
def belonging_to(specification: str) -> Iterator[None]:
    """Tell errors raised inside whose they are: the file of a specification."""
    try:
        yield
    except CausalError as error:
        error.specification = specification
        raise


def did_you_mean(found: str, choices: Iterable[str]) -> str:
    """Say which of the choices was probably meant, then list them all.

    Parameters
    ----------
    found : the word that is not among the choices.
    choices : the words that are.

    Returns
    -------
    A sentence or two, ready to end an error message.
    """
    known = sorted(set(choices))
    close = get_close_matches(found, known, n=1, cutoff=0.6)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    return f"{hint}Choices: {', '.join(known)}." if known else f"{hint}There are none."


def range_words(low: float | None, high: float | None) -> str:
    """Say between which ends numbers may lie, both included; None for no end."""
    if low is None:
        return "any finite number" if high is None else f"up to {high:g}"
    return f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
