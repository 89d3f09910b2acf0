"""What a paper prints of a trial, as keys of a specification: arms or differences, of whom."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from causal.documents import Settings
from causal.instrumental.two_by_two import Arm, Denominator, arm_from_counts, arm_from_rates
from causal.summary.associations import PublishedAssociation

KIND = "summary"
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Assumed: TypeAlias = Literal["denominator", "arm_sizes"]
Form: TypeAlias = Literal["counts", "shares", "differences"]
ASYMMETRY = 0.2
"""Share of the mean half-width by which those of an interval read as normal may differ."""


class SummaryDesign(Settings):
    """What the printed numbers are of.

    Attributes
    ----------
    of : the persons the numbers are of: all ``randomised``, or those ``followed``. May be said of
        each arm instead.
    assumed : what of this the paper does not say, so that it is taken to be so: the
        ``denominator``, or ``arm_sizes``, which are then taken as equal.
    share_followed : share of those randomised who were followed, where the paper prints it.
    correlation : of exposure with outcome within arms, where they are not crossed; of several, the
        middle one leads and the others stand beside it.
    level : of intervals and sets.
    """

    kind: Literal["summary"]
    of: Denominator | None = None
    assumed: tuple[Assumed, ...] = ()
    share_followed: Annotated[float, Field(gt=0, le=1)] | None = None
    correlation: tuple[float, ...] = ()
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95

    @field_validator("correlation", mode="before")
    @classmethod
    def _one_or_many(cls, found: object) -> object:
        return (found,) if isinstance(found, int | float) else found

    @field_validator("correlation")
    @classmethod
    def _distinct(cls, found: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(found)) < len(found):
            raise ValueError("a correlation stands twice; give each once")
        return found

    @field_validator("assumed")
    @classmethod
    def _assumed_once(cls, found: tuple[Assumed, ...]) -> tuple[Assumed, ...]:
        if len(set(found)) < len(found):
            raise ValueError("an assumption stands twice; give each once")
        return found


class Variable(Settings):
    """Exposure or outcome.

    Attributes
    ----------
    kind : ``binary`` for shares of persons, ``continuous`` for means.
    unit : what a continuous one counts, such as ``drug days``.
    """

    name: str = Field(min_length=1)
    kind: Literal["binary", "continuous"]
    unit: str = ""

    @model_validator(mode="after")
    def _has_its_unit(self) -> Variable:
        if self.kind == "continuous" and not self.unit:
            raise ValueError("a continuous variable needs its unit, such as `unit: drug days`")
        return self


class Cells(Settings):
    """Persons of one arm, exposure crossed with outcome."""

    both: int = Field(ge=0)
    exposed_only: int = Field(ge=0)
    outcome_only: int = Field(ge=0)
    neither: int = Field(ge=0)

    @property
    def total(self) -> int:
        """Count the arm."""
        return self.both + self.exposed_only + self.outcome_only + self.neither


class PublishedArm(Settings):
    """One arm: its counts, or shares and the number of persons they are of.

    Attributes
    ----------
    of : as in the design, where it is said of each arm.
    n : persons; need not be whole where it is worked out from a total.
    exposed, outcome, both : shares with the exposure, the outcome, and both.
    cells : the counts, in place of shares.
    """

    name: str = Field(min_length=1)
    of: Denominator | None = None
    n: float | None = None
    exposed: float | None = None
    outcome: float | None = None
    both: float | None = None
    cells: Cells | None = None

    @model_validator(mode="after")
    def _counts_or_shares(self) -> PublishedArm:
        given = {"exposed": self.exposed, "outcome": self.outcome, "both": self.both}
        shares = [name for name, share in given.items() if share is not None]
        if self.cells is None:
            for name in ("exposed", "outcome"):
                if name not in shares:
                    raise ValueError(
                        f"arm '{self.name}' gives no share '{name}'; give exposed, outcome and n, "
                        "or the four counts as `cells`"
                    )
            return self
        if shares:
            raise ValueError(
                f"arm '{self.name}' gives counts and the share '{shares[0]}'; give one of the two"
            )
        if self.cells.total == 0:
            raise ValueError(f"arm '{self.name}' is empty: its four counts add to 0")
        if self.n is not None and self.n != self.cells.total:
            raise ValueError(
                f"the four counts of arm '{self.name}' add to {self.cells.total}, not to n = "
                f"{self.n:g}; check whether all are of the same persons"
            )
        return self


class PublishedDifference(Settings):
    """A printed difference between the arms, the facilitated minus the other.

    Attributes
    ----------
    interval, interval_level : its confidence interval, taken as a normal one; refused where the
        difference is too far from its middle for that.
    p, std_error : its two-sided p-value, or its standard error, in place of an interval.
    """

    value: float
    interval: tuple[float, float] | None = None
    interval_level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    p: Annotated[float, Field(gt=0, lt=1)] | None = None
    std_error: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _has_its_error(self) -> PublishedDifference:
        if [self.interval, self.p, self.std_error].count(None) != 2:
            raise ValueError(
                "give either the interval or the p-value of the difference, or its standard error"
            )
        if self.interval is not None and not self.interval[0] < self.interval[1]:
            raise ValueError("the interval has no width; give its lower end, then its upper one")
        if self.interval is not None and not self.interval[0] <= self.value <= self.interval[1]:
            raise ValueError(
                f"the difference {self.value:g} lies outside its interval; check the signs"
            )
        if self.interval is not None and not _symmetric(self.value, *self.interval):
            low, high = self.interval
            raise ValueError(
                f"the interval {low:g} to {high:g} reaches {self.value - low:.3g} below the "
                f"difference {self.value:g} and {high - self.value:.3g} above it, so that it is no "
                "normal interval; check the numbers, or give `p` or `std_error` in its place"
            )
        if self.p is not None and self.value == 0:
            raise ValueError("a difference of 0 has no standard error to be read off a p-value")
        return self


class Differences(Settings):
    """The two differences of a trial whose arms are not printed."""

    exposure: PublishedDifference
    outcome: PublishedDifference


class FurtherStage(PublishedDifference):
    """Another printed difference in exposure, read for the strength of its first stage only."""

    exposure: Variable


class ByExposure(Settings):
    """Shares with the outcome by exposure, as printed: held against the arms, never used.

    Attributes
    ----------
    of : the persons they are of; ``unsaid`` where the paper does not say.
    """

    exposed: Share
    unexposed: Share
    of: Literal["randomised", "followed", "unsaid"]


class Summary(Settings):
    """A whole specification; every field is a key of the YAML file.

    Attributes
    ----------
    source : the paper, with a PMID or DOI.
    contrast : the arm with facilitation, then the one without; may be left out for two arms in
        that order.
    arms, differences : one of the two.
    first_stages : further printed differences in exposure.
    associations : ratios a paper prints of persons who chose, for their E-values.
    notes : what had to be assumed to read the paper.
    seed : of the critical value of bounds.
    """

    question: str
    design: SummaryDesign
    source: str = Field(min_length=1)
    exposure: Variable
    outcome: Variable
    contrast: tuple[str, str] | None = None
    arms: tuple[PublishedArm, ...] = ()
    differences: Differences | None = None
    first_stages: tuple[FurtherStage, ...] = ()
    by_exposure: ByExposure | None = None
    associations: tuple[PublishedAssociation, ...] = ()
    notes: tuple[str, ...] = ()
    seed: int = Field(default=0, ge=0)

    @property
    def compared(self) -> tuple[str, str]:
        """Name the arm with facilitation, and the one without."""
        return self.contrast or (self.arms[0].name, self.arms[1].name)

    @property
    def pair(self) -> tuple[int, int]:
        """Give the places of the two arms compared among the arms."""
        names = [arm.name for arm in self.arms]
        return names.index(self.compared[0]), names.index(self.compared[1])

    @property
    def form(self) -> Form:
        """Say in which form the numbers are printed."""
        if self.differences is not None:
            return "differences"
        counted = all(self.arms[i].cells is not None for i in self.pair)
        return "counts" if counted else "shares"

    def denominator(self, arm: PublishedArm) -> Denominator | None:
        """Give the persons the numbers of an arm are of."""
        return arm.of or self.design.of

    def numbers(self, arm: PublishedArm) -> Arm:
        """Give the numbers of an arm.

        Raises
        ------
        SpecError
            The denominator is missing, or the shares cannot be.
        """
        of, cells = self.denominator(arm), arm.cells
        if cells is not None:
            return arm_from_counts(
                n=cells.total,
                of=of,
                exposed=cells.both + cells.exposed_only,
                outcome=cells.both + cells.outcome_only,
                both=cells.both,
            )
        exposed, outcome = arm.exposed or 0.0, arm.outcome or 0.0  # both are there: checked above
        return arm_from_rates(n=arm.n, of=of, exposed=exposed, outcome=outcome, both=arm.both)

    def pooled(self) -> tuple[float, float]:
        """Give the shares exposed, and with the outcome, of all arms together."""
        arms = [self.numbers(arm) for arm in self.arms]
        n = sum(arm.n for arm in arms)
        return (
            sum(arm.n * arm.exposed for arm in arms) / n,
            sum(arm.n * arm.outcome for arm in arms) / n,
        )


def _symmetric(value: float, low: float, high: float) -> bool:
    """Tell whether a printed difference is near enough to the middle of its interval.

    Rounding moves each number by up to half a unit of the last decimal printed, and so the two
    half-widths apart by up to two units.
    """
    decimals = max(_decimals(one) for one in (value, low, high))
    apart = abs((high - value) - (value - low))
    return apart <= 2 * 10.0**-decimals + ASYMMETRY * (high - low) / 2


def _decimals(value: float) -> int:
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
