"""What an estimator returns: parameters with influence values, and what one may do with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints, read_only
from causal.errors import EstimandMismatchError
from causal.profiles import Profile
from causal.strata import Strata, same_strata

Target: TypeAlias = Literal[
    "crude", "ATE", "ATT", "ATC", "ATO", "ATM", "linear projection", "partially linear",
    "conditional", "within persons", "between persons", "LATE", "ITT", "first stage",
    "functional form", "threshold", "shift",
]  # fmt: skip
"""ATC: the unexposed; ATO, ATM: those who could have been in either arm, by overlap or matching
weights; conditional: those with declared values of covariates; within persons: those whose exposure
changes, each compared with themselves; between persons: what differs between them over and above
that (contextual); LATE: those whose exposure the instrument changes; ITT and first stage: a unit of
instrument; functional form: everybody, as far as two regressions have the right form; threshold:
doses at or above a cut against those below; shift: exposure as it would be after a nudge against
exposure as it is."""
Scale: TypeAlias = Literal["risk_difference", "mean_difference", "risk_ratio", "odds_ratio"]

DIFFERENCES: tuple[Scale, ...] = ("risk_difference", "mean_difference")
MEANS = ("mean under no exposure", "mean under exposure")
SLOPE = ("difference",)


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """A number that is not given, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Region:
    """A confidence set: an interval, or a set that is unbounded or in two pieces."""

    pieces: tuple[tuple[float | None, float | None], ...]
    level: float = inference.LEVEL

    @property
    def bounded(self) -> bool:
        """Tell whether the set is one interval with two ends."""
        return len(self.pieces) == 1 and None not in self.pieces[0]

    def holds(self, value: float) -> bool:
        """Tell whether the set includes a value."""
        return any(
            (low is None or low <= value) and (high is None or value <= high)
            for low, high in self.pieces
        )


@dataclass(frozen=True, slots=True)
class Effect:
    """One contrast, ready to be written: on its natural scale, with its interval.

    Attributes
    ----------
    std_error : of the log for ratios, as is usual.
    """

    scale: Scale
    estimate: float
    std_error: float
    lo: float
    hi: float
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """A vector of parameters; the common case is two counterfactual means.

    Attributes
    ----------
    labels : k names; ``MEANS`` in the common case, ``SLOPE`` for one coefficient.
    values : (k,) floats.
    influence : (n, k) floats, columns of mean 0; or why there are none.
    covariance : (k, k) floats, by the declared variance convention.
    target : the estimand the estimator is after.
    df : degrees of freedom of the reference distribution, infinite for the normal; of parameters
        pooled over imputations the fewest that any combination of them has.
    cluster : (n,) ints or None.
    target_note : what narrows the target, such as the units trimming left.
    split_sd : standard deviation of the contrast between random divisions of the sample; None
        without cross-fitting, or with one division.
    divisions : how many random divisions of the sample it combines; None without cross-fitting.
    bounded : rows whose predicted outcome was set to the bounds of its range; None where no
        estimator bounds.
    region : the set to be printed in the place of the interval, where the estimator has one that
        rests on less; for the difference only.
    region_note : which set that is.
    interval_withheld : why the interval of the standard error is not to be shown; empty if it is.
    coefficients : the parameters of the model the contrast is taken from, where readers want them.
    imputed : the fits on each imputation of the sample that these are pooled from; empty where
        there is one sample.
    strata : of the n rows, or None.
    share_withheld : why no share of the crude difference is to be formed; empty if one may be.
    pair : the two parameters the ladder compares, the second minus the first.
    profile : what the parameters are where they are more than the two compared: arms, doses,
        times; None in the common case.
    """

    labels: tuple[str, ...]
    values: Floats
    influence: Floats | NotEstimable
    covariance: Floats
    target: Target
    df: float = math.inf
    cluster: Ints | None = None
    target_note: str = ""
    split_sd: float | None = None
    divisions: int | None = None
    bounded: int | None = None
    region: Region | None = None
    region_note: str = ""
    interval_withheld: str = ""
    coefficients: Estimates | None = None
    imputed: tuple[Estimates, ...] = ()
    strata: Strata | None = None
    share_withheld: str = ""
    pair: tuple[int, int] = (0, 1)
    profile: Profile | None = None

    def contrast(self, scale: Scale) -> Estimates | NotEstimable:
        """Give one contrast of the two means, ratios on the log scale, by the delta method.

        With imputations, the contrast is taken in each and pooled after that.
        """
        if self.imputed:
            return _pooled_contrast(self.imputed, scale)
        if self.labels == SLOPE:
            if scale in DIFFERENCES:
                return replace(self, labels=(scale,), profile=None)
            return NotEstimable(
                "this estimator gives a difference only, not the two means a ratio needs"
            )
        mu0, mu1 = (float(self.values[at]) for at in self.pair)
        value = contrast_value(mu0, mu1, scale)
        if isinstance(value, NotEstimable):
            return value
        jacobian = np.zeros((1, len(self.values)))
        jacobian[0, list(self.pair)] = contrast_gradient(mu0, mu1, scale)
        return self._through(np.array([value]), jacobian, (scale,))

    def linear(self, matrix: Floats, labels: tuple[str, ...]) -> Estimates:
        """Give linear combinations of the parameters, one a row of an (m, k) matrix."""
        if self.imputed:
            return pool([one.linear(matrix, labels) for one in self.imputed])
        return self._through(matrix @ self.values, matrix, labels)

    def _through(self, values: Floats, jacobian: Floats, labels: tuple[str, ...]) -> Estimates:
        """Carry influence values and covariance through a function of the parameters."""
        influence = (
            self.influence
            if isinstance(self.influence, NotEstimable)
            else read_only(self.influence @ jacobian.T)
        )
        return replace(
            self,
            labels=labels,
            values=read_only(values),
            influence=influence,
            covariance=read_only(jacobian @ self.covariance @ jacobian.T),
            pair=(0, 1),
            profile=None,
        )

    def own_df(self) -> Floats:
        """Give the (k,) degrees of freedom of each parameter by itself."""
        if self.imputed:
            return combine(self.imputed).dfs
        return np.full(len(self.values), self.df)

    def effect(self, scale: Scale, level: float = inference.LEVEL) -> Effect | NotEstimable:
        """Give a contrast with its standard error and interval."""
        one = self.contrast(scale)
        if isinstance(one, NotEstimable):
            return one
        if one.df < inference.LEAST_DF:
            return NotEstimable(too_few("it", one.df))
        value, std_error = float(one.values[0]), math.sqrt(float(one.covariance[0, 0]))
        lo, hi = inference.interval(value, std_error, level, one.df)
        back: Callable[[float], float] = float if scale in DIFFERENCES else math.exp
        return Effect(scale, back(value), std_error, back(lo), back(hi), level)

    def joint(self, other: Estimates) -> Estimates:
        """Stack two fits on the same rows, so that differences and ratios are paired.

        Each keeps its own variance convention. The covariance between them is that of their
        influence values, each side taken through the map that turns the covariance its influence
        values imply into the declared one, so that the whole stays non-negative.

        Raises
        ------
        EstimandMismatchError
            The fits are on different rows, clusters or imputations, or one has no influence values.
        """
        if self.imputed or other.imputed:
            if len(self.imputed) != len(other.imputed):
                raise EstimandMismatchError("fits on different imputations cannot be paired.")
            return pool([a.joint(b) for a, b in zip(self.imputed, other.imputed, strict=True)])
        if isinstance(self.influence, NotEstimable) or isinstance(other.influence, NotEstimable):
            raise EstimandMismatchError("a fit without influence values cannot be paired.")
        if len(self.influence) != len(other.influence):
            raise EstimandMismatchError(
                f"fits on {len(self.influence)} and {len(other.influence)} rows cannot be paired."
            )
        if not _same(self.cluster, other.cluster) or not same_strata(self.strata, other.strata):
            raise EstimandMismatchError("fits with different clusters or strata cannot be paired.")
        cross = inference.cross_covariance(
            self.influence, other.influence, self.cluster, self.strata
        )
        cross = _towards_declared(self) @ cross @ _towards_declared(other).T
        return Estimates(
            labels=self.labels + other.labels,
            values=read_only(np.concatenate([self.values, other.values])),
            influence=read_only(np.hstack([self.influence, other.influence])),
            covariance=read_only(np.block([[self.covariance, cross], [cross.T, other.covariance]])),
            target=self.target,
            df=min(self.df, other.df),
            cluster=self.cluster,
            strata=self.strata,
        )


def pool(fits: Sequence[Estimates]) -> Estimates:
    """Pool fits of one estimator on the imputations of a sample, by Rubin's rules.

    Degrees of freedom are Barnard's and Rubin's, those of the combination of the parameters that
    lost most; of one parameter, its own. Influence values are means over imputations, and carry
    nothing of what lies between.
    """
    first, combined = fits[0], combine(fits)
    influences = [one.influence for one in fits if not isinstance(one.influence, NotEstimable)]
    notes = {one.target_note for one in fits}
    withheld = any(one.interval_withheld for one in fits)  # its set is then all there is to show
    spread = [one.split_sd for one in fits if one.split_sd is not None]
    parameters = [one.coefficients for one in fits if one.coefficients is not None]
    return replace(
        first,
        values=read_only(combined.values),
        influence=first.influence
        if len(influences) < len(fits)
        else read_only(
            influences[0] + np.mean([one - influences[0] for one in influences], axis=0)
        ),
        covariance=read_only(combined.total),
        df=combined.df,
        split_sd=float(np.mean(spread)) if spread else None,
        target_note=first.target_note
        if len(notes) == 1
        else f"{first.target_note} in the first of {len(fits)} imputations",
        coefficients=pool(parameters) if parameters else None,
        region=first.region if withheld else None,  # a set of one imputation knows no other
        region_note=first.region_note if withheld else "",
        imputed=tuple(fits),
    )


def combine(fits: Sequence[Estimates]) -> inference.Rubin:
    """Give what Rubin's rules make of the fits on the imputations of a sample.

    Had nothing been missing, the degrees of freedom would be the estimator's own, or one less than
    the independent units where it uses the normal: a rule for all rungs alike, so that one whose
    imputations do not differ is not read off the normal beside others that are not.
    """
    values = np.array([one.values for one in fits])
    covariances = np.array([one.covariance for one in fits])
    own = min(one.df for one in fits)
    complete = _units(fits[0]) - 1 if math.isinf(own) else own
    return inference.rubin(values, covariances, complete)


def too_few(what: str, df: float) -> str:
    """Say that a number has too few degrees of freedom for an interval, and what helps."""
    return (
        f"{what} has {math.floor(100 * df) / 100:g} degrees of freedom, and an interval needs "
        f"{inference.LEAST_DF:g}: too few clusters (or rows) for so much that is imputed. Take "
        "a design.cluster with more values, or fill in otherwise than by multiple_imputation"
    )


def _units(one: Estimates) -> float:
    """Count the independent units of a fit; infinite where it does not say."""
    if isinstance(one.influence, NotEstimable):
        return math.inf
    return float(len(one.influence) if one.cluster is None else len(np.unique(one.cluster)))


def _pooled_contrast(fits: Sequence[Estimates], scale: Scale) -> Estimates | NotEstimable:
    """Take a contrast in every imputation, and pool."""
    contrasts = []
    for fit in fits:
        one = fit.contrast(scale)
        if isinstance(one, NotEstimable):
            return one
        contrasts.append(one)
    return pool(contrasts)


def contrast_value(mu0: float, mu1: float, scale: Scale) -> float | NotEstimable:
    """Give the contrast of two means, ratios as logs."""
    if scale in DIFFERENCES:
        return mu1 - mu0
    if min(mu0, mu1) <= 0 or (scale == "odds_ratio" and max(mu0, mu1) >= 1):
        return NotEstimable(
            f"the means {mu0:.3g} and {mu1:.3g} are not both probabilities strictly between "
            "0 and 1, so the ratio has no meaning"
        )
    if scale == "risk_ratio":
        return math.log(mu1 / mu0)
    return math.log(mu1 / (1 - mu1) * (1 - mu0) / mu0)


def contrast_gradient(mu0: float, mu1: float, scale: Scale) -> tuple[float, float]:
    """Differentiate ``contrast_value`` with respect to (mu0, mu1)."""
    if scale in DIFFERENCES:
        return -1.0, 1.0
    if scale == "risk_ratio":
        return -1 / mu0, 1 / mu1
    return -1 / (mu0 * (1 - mu0)), 1 / (mu1 * (1 - mu1))


def _same(one: Ints | None, other: Ints | None) -> bool:
    """Tell whether two fits have the same clusters, or both none."""
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def _towards_declared(one: Estimates) -> Floats:
    """Give the matrix T with T C T' = V, C from influence values and V the declared covariance."""
    if isinstance(one.influence, NotEstimable):  # excluded by the caller
        return np.eye(len(one.values))
    implied = inference.covariance(one.influence, one.cluster, one.strata)
    if np.array_equal(implied, one.covariance):
        return np.eye(len(one.values))
    return _root(one.covariance, 0.5) @ _root(implied, -0.5)


def _root(matrix: Floats, power: float) -> Floats:
    """Raise a symmetric non-negative matrix to a power; directions without variance stay so."""
    values, vectors = np.linalg.eigh(matrix)
    good = values > np.finfo(float).eps * max(float(values[-1]), 0.0) * len(values)
    return np.asarray((vectors[:, good] * values[good] ** power) @ vectors[:, good].T)
