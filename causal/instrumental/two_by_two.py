"""Published trials from counts or arm rates: first stage, reduced form, Wald and Anderson-Rubin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats
from causal.errors import SpecError
from causal.estimate import NotEstimable, Region

Denominator: TypeAlias = Literal["randomised", "followed"]
Quantile: TypeAlias = Literal["normal", "student"]
CHANCE = 0.05
"""Probability of an impossible ratio below which chance is no longer left as a reading of it."""
END = "at an end of what can be"


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a trial.

    Attributes
    ----------
    n : persons the shares are of.
    of : who these are: all ``randomised``, or those ``followed``.
    exposed, outcome : shares with the exposure, and with the outcome.
    both : share with both, as far as it is published.
    """

    n: float
    of: Denominator
    exposed: float
    outcome: float
    both: float | NotEstimable


@dataclass(frozen=True, slots=True)
class Difference:
    """An encouraged-minus-control difference with its standard error.

    Attributes
    ----------
    share : whether it is one of shares of persons, so that it lies between -1 and 1.
    """

    value: float
    std_error: float
    share: bool

    @property
    def f(self) -> float:
        """Give the F statistic; infinite without sampling error, where all complied."""
        return (self.value / self.std_error) ** 2 if self.std_error > 0 else math.inf


@dataclass(frozen=True, slots=True)
class TrialFindings:
    """What a published trial says through its instrument, the random encouragement.

    Attributes
    ----------
    first_stage, reduced_form : differences in exposure, and in outcome.
    covariance : of the two differences.
    wald : reduced form over first stage.
    region : the Anderson-Rubin set.
    chance : where the Wald ratio is impossible, how probable that is of a possible one; else why
        there is none.
    readings : where the Wald ratio is impossible, the ways to read that; else empty.
    """

    first_stage: Difference
    reduced_form: Difference
    covariance: float
    wald: float | NotEstimable
    region: Region
    chance: float | NotEstimable
    readings: tuple[str, ...]

    def normal_interval(self) -> tuple[float, float] | NotEstimable:
        """Give the ratio plus and minus its standard error, which needs a strong first stage."""
        if isinstance(self.wald, NotEstimable):
            return self.wald
        first, reduced = self.first_stage, self.reduced_form
        variance = reduced.std_error**2 - 2 * self.wald * self.covariance
        variance += (self.wald * first.std_error) ** 2
        spread = math.sqrt(max(variance, 0.0)) / abs(first.value)
        return inference.interval(self.wald, spread, self.region.level)


def arm_from_rates(
    *,
    n: float | None,
    of: Denominator | None,
    exposed: float,
    outcome: float,
    both: float | None = None,
) -> Arm:
    """Make an arm of published shares.

    Parameters
    ----------
    n : persons the shares are of.
    of : ``randomised`` or ``followed``, as the paper says.
    exposed, outcome, both : shares, 0 to 1.

    Raises
    ------
    SpecError
        The denominator is missing, or the shares cannot be.
    """
    if n is None or of is None:
        missing = "how many persons" if n is None else "whether all randomised or those followed"
        raise SpecError(
            f"an arm with shares {exposed:g} and {outcome:g} does not say {missing} they are of. "
            "Give the denominator from the paper's text or its flow chart (`n` and `of`): shares "
            "of those followed and of those randomised differ by the loss to follow-up."
        )
    if n < 2:
        raise SpecError(f"an arm has {n:g} persons; at least 2 are needed for a standard error.")
    for name, share in (("exposed", exposed), ("outcome", outcome)):
        if not 0 <= share <= 1:
            raise SpecError(
                f"the share '{name}' is {share:g}; expected 0 to 1. Divide percentages."
            )
    if both is None and {exposed, outcome} & {0.0, 1.0}:
        both = exposed * outcome  # all or nobody: there is one way to cross them
    if both is None:
        unknown = NotEstimable("the paper does not cross exposure with outcome within arms")
        return Arm(n, of, exposed, outcome, unknown)
    low, high = max(0.0, exposed + outcome - 1), min(exposed, outcome)
    if not low - 1e-9 <= both <= high + 1e-9:
        raise SpecError(
            f"a share of {both:g} with both cannot be, given {exposed:g} exposed and {outcome:g} "
            f"with the outcome: it lies between {low:.3g} and {high:.3g} on one denominator. "
            "Check whether all three are of the same persons."
        )
    return Arm(n, of, exposed, outcome, both)


def arm_from_counts(
    *, n: int | None, of: Denominator | None, exposed: int, outcome: int, both: int | None = None
) -> Arm:
    """Make an arm of published counts; see ``arm_from_rates``."""
    whole = math.nan if not n else float(n)
    return arm_from_rates(
        n=n or None,
        of=of,
        exposed=exposed if math.isnan(whole) else exposed / whole,
        outcome=outcome if math.isnan(whole) else outcome / whole,
        both=None if both is None or math.isnan(whole) else both / whole,
    )


def share_difference(encouraged: float, control: float, n: tuple[float, float]) -> Difference:
    """Give the difference of two shares, of ``n`` encouraged and control persons.

    All in one arm and nobody in the other, as where everybody complies, differ without error.
    """
    variance = encouraged * (1 - encouraged) / n[0] + control * (1 - control) / n[1]
    if variance == 0 and encouraged == control:
        raise SpecError(
            f"shares of {encouraged:g} and {control:g} have no sampling error to compute."
        )
    return Difference(encouraged - control, math.sqrt(variance), share=True)


def difference_from_interval(
    value: float, lo: float, hi: float, *, level: float = inference.LEVEL, share: bool = False
) -> Difference:
    """Give a published difference, its standard error read off a normal interval."""
    if not lo < hi:
        raise SpecError(f"an interval from {lo:g} to {hi:g} has no width.")
    return Difference(value, (hi - lo) / 2 / inference.critical_value(level), share)


def difference_from_p(value: float, p: float, *, share: bool = False) -> Difference:
    """Give a published difference, its standard error read off a two-sided p-value."""
    if not 0 < p < 1 or value == 0:
        raise SpecError(f"a difference of {value:g} with p = {p:g} gives no standard error.")
    return Difference(value, abs(value) / inference.critical_value(1 - p), share)


def share_overall(exposed: float, among_exposed: float, among_unexposed: float) -> float:
    """Give the share with the outcome that shares by exposure imply on one denominator."""
    return exposed * among_exposed + (1 - exposed) * among_unexposed


def shares_by_exposure(
    exposed: float, outcome: float, exposed_among_outcome: float
) -> tuple[float, float]:
    """Turn the share exposed among those with the outcome into shares with it by exposure.

    Returns
    -------
    Shares with the outcome among the exposed, and among the unexposed, by Bayes' rule.
    """
    if not 0 < exposed < 1:
        raise SpecError(f"a share of {exposed:g} exposed leaves nobody to compare with.")
    both = exposed_among_outcome * outcome
    return both / exposed, (outcome - both) / (1 - exposed)


def read_trial(
    encouraged: Arm,
    control: Arm,
    *,
    correlation: float | None = None,
    quantile: Quantile = "normal",
    level: float = inference.LEVEL,
) -> TrialFindings:
    """Compute what two arms say.

    Parameters
    ----------
    encouraged, control : the arms, on one denominator.
    correlation : of exposure with outcome within arms; needed where no arm gives ``both``.
    quantile : of the Anderson-Rubin set: the normal, or Student's with n - 2 degrees of freedom.

    Raises
    ------
    SpecError
        The arms have different denominators, or nothing says how exposure and outcome go
        together within arms.

    References
    ----------
    Wald (1940), doi:10.1214/aoms/1177731868; Anderson & Rubin (1949), doi:10.1214/aoms/1177730090.
    """
    if encouraged.of != control.of:
        raise SpecError(
            f"shares of those {encouraged.of} in one arm and of those {control.of} in the other "
            "cannot be compared. Bring both to one denominator."
        )
    n = encouraged.n, control.n
    first = share_difference(encouraged.exposed, control.exposed, n)
    reduced = share_difference(encouraged.outcome, control.outcome, n)
    shared = sum(within_arm(arm, correlation) / arm.n for arm in (encouraged, control))
    return _findings(first, reduced, shared, sum(n) - 2, quantile, level)


def read_differences(
    first: Difference,
    reduced: Difference,
    *,
    correlation: float,
    df: float = math.inf,
    level: float = inference.LEVEL,
) -> TrialFindings:
    """Compute what two published differences say.

    Parameters
    ----------
    correlation : of the two differences, which is that of exposure with outcome within arms where
        that and the standard deviations are alike in both arms.
    df : degrees of freedom of the Anderson-Rubin set's quantile; infinite for the normal.
    """
    _check_correlation(correlation)
    shared = correlation * first.std_error * reduced.std_error
    return _findings(first, reduced, shared, df, "student", level)


def _findings(
    first: Difference,
    reduced: Difference,
    shared: float,
    df: float,
    quantile: Quantile,
    level: float,
) -> TrialFindings:
    """Put Wald ratio, Anderson-Rubin set and alarm together."""
    covariance = np.array([[reduced.std_error**2, shared], [shared, first.std_error**2]])
    df = df if quantile == "student" else math.inf
    pieces = inference.fieller(reduced.value, first.value, covariance, level, df)
    wald: float | NotEstimable = (
        NotEstimable("both arms are exposed alike, so there is nothing to divide by")
        if first.value == 0
        else reduced.value / first.value
    )
    chance = chance_of_impossible(first, reduced, covariance)
    readings = impossible_readings(first, chance)
    return TrialFindings(first, reduced, shared, wald, Region(pieces, level), chance, readings)


def within_arm(arm: Arm, correlation: float | None) -> float:
    """Give the covariance of exposure and outcome among the persons of an arm.

    Raises
    ------
    SpecError
        The arm is not crossed, and there is no correlation, or one that cannot be.
    """
    if not isinstance(arm.both, NotEstimable):
        return arm.both - arm.exposed * arm.outcome
    if correlation is None:
        raise SpecError(
            "the Anderson-Rubin set needs how exposure and outcome go together within arms, and "
            f"{arm.both.reason}. Give `both`, or declare `correlation` (and try several)."
        )
    _check_correlation(correlation)
    exposed, outcome = arm.exposed, arm.outcome
    spread = math.sqrt(exposed * (1 - exposed) * outcome * (1 - outcome))
    covariance = correlation * spread
    low = max(0.0, exposed + outcome - 1) - exposed * outcome
    high = min(exposed, outcome) - exposed * outcome
    if not low <= covariance <= high:
        raise SpecError(
            f"a correlation of {correlation:g} cannot be for shares of {exposed:g} and "
            f"{outcome:g}: it lies between {low / spread:.2f} and {high / spread:.2f}."
        )
    return covariance


def _check_correlation(correlation: float) -> None:
    if not -1 < correlation < 1:
        raise SpecError(f"a correlation of {correlation:g} was given; expected between -1 and 1.")


def chance_of_impossible(
    first: Difference, reduced: Difference, covariance: Floats
) -> float | NotEstimable:
    """Give the probability of a Wald ratio as far beyond -1 or 1, were the true one possible.

    Parameters
    ----------
    first, reduced : differences in exposure and in outcome, counted towards the same arm.
    covariance : (2, 2) floats of (reduced, first).

    Returns
    -------
    The larger of the one-sided normal probabilities at a true ratio of -1 and of 1, the ends of
    what can be; that there is none, where the ratio is possible.
    """
    from scipy import special

    if not (first.share and reduced.share):
        return NotEstimable("outcome and exposure are not both shares of persons")
    if abs(reduced.value) <= abs(first.value):
        return NotEstimable("the ratio lies between -1 and 1")
    chances = []
    for end in (-1.0, 1.0):
        jacobian = np.array([1.0, -end])
        beyond = abs(reduced.value - end * first.value)
        spread = math.sqrt(max(float(jacobian @ covariance @ jacobian), 0.0))
        chances.append(float(special.ndtr(-beyond / spread)) if spread > 0 else 0.0)
    return max(chances)


def impossible_readings(first: Difference, chance: float | NotEstimable) -> tuple[str, ...]:
    """Read a Wald ratio beyond -1 or 1 where both differences are of shares.

    Parameters
    ----------
    first : difference in exposure.
    chance : see ``chance_of_impossible``.

    Returns
    -------
    The readings the data leave, none of them asserted: chance only where its probability is at
    least ``CHANCE``. None where the ratio is possible.
    """
    if isinstance(chance, NotEstimable):
        return ()
    more = "more persons change outcome than change exposure"
    by_chance = (
        f"Chance: at a first-stage F of {first.f:.1f}, a ratio this far out or further comes with "
        f"probability {chance:.2g} where the true ratio is {END}.",
    )
    return (
        *(by_chance if chance >= CHANCE else ()),
        f"Exclusion violated: {more}, so the encouragement reaches the outcome by another way than "
        "this exposure.",
        f"Coarsened dose: {more} of category, which can be when the encouragement also moves dose "
        "within the categories (Andresen & Huber 2021, doi:10.1093/ectj/utab002); the ratio then "
        "is no effect of the category.",
    )


def readings_sentence(chance: float, readings: Sequence[str]) -> str:
    """Say between which readings of an impossible ratio the data do not decide."""
    names = [one.partition(":")[0].lower() for one in readings]
    ways = f"{', '.join(names[:-1])} or {names[-1]}"
    if chance >= CHANCE:
        said = f"It can be read in three ways, {ways}"
    else:
        said = (
            f"Chance is excluded: it gives a ratio this far out with probability {chance:.2g} "
            f"where the true ratio is {END}. Two readings are left, {ways}"
        )
    return f"{said}, which these data cannot tell apart (if nobody is moved the other way)."
