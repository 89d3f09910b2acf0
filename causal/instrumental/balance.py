"""Balance of an instrument on covariates, by tests of difference and of alikeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints
from causal.errors import InstrumentError, SpecError
from causal.instrumental.stages import NOTHING, check_two_arms
from causal.strata import Strata

BalanceVerdict: TypeAlias = Literal["alike", "different", "not resolved"]

FAMILY_ERROR = 0.05
"""Family-wise error, by Holm, of the tests of difference and, apart, of the tests of alikeness."""


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One covariate between the arms of the instrument.

    Attributes
    ----------
    name : of the covariate.
    smd : standardised mean difference, arm 1 minus arm 0.
    std_error : of it, the standard deviation it is counted in taken as known.
    p_different : of the means being the same, corrected by Holm.
    p_alike : of the difference being at or beyond the margin, corrected by Holm.
    verdict : ``alike`` within the margin, ``different``, or ``not resolved`` at this size; small
        differences may be both alike and beyond chance, and are ``alike``.
    """

    name: str
    smd: float
    std_error: float
    p_different: float
    p_alike: float
    verdict: BalanceVerdict


@dataclass(frozen=True, slots=True)
class Balance:
    """All covariates, and the margin declared beforehand.

    Attributes
    ----------
    margin : the largest standardised difference that counts as alike.
    rows : one a covariate that varies.
    constant : names of covariates that do not vary.
    sentence : how many are alike, different, and not resolved.
    """

    margin: float
    rows: tuple[BalanceRow, ...]
    constant: tuple[str, ...]
    sentence: str


def check_balance(
    z: Floats,
    x: Floats,
    names: Sequence[str],
    w: Floats,
    cluster: Ints | None,
    margin: float,
    given: Floats | None = None,
    strata: Strata | None = None,
) -> Balance:
    """Test every covariate for a difference, and for alikeness within a margin.

    A test of difference that finds nothing says little in a small sample; alikeness has to be
    shown, by two one-sided tests against the margin. For an instrument that is not 0/1 the
    difference is that for a standard deviation of it.

    Parameters
    ----------
    z : (n,) floats, 0/1 or any number.
    x : (n, p) floats.
    names : p names.
    w : (n,) floats.
    cluster : (n,) ints or None.
    margin : in standard deviations of the covariate (pooled over the arms of a 0/1 instrument,
        unweighted), above 0; declared before looking.
    given : (n, q) floats, what the instrument is drawn at random given; differences are then the
        instrument's coefficients beside these columns.
    strata : of the rows, or None; tests are then by Student's t, with the survey's degrees of
        freedom.

    Raises
    ------
    SpecError
        The margin is not above 0.
    InstrumentError
        The instrument does not vary, or not beyond ``given``.

    References
    ----------
    Schuirmann (1987), doi:10.1007/BF01068419 (two one-sided tests); Hartman & Hidalgo (2018),
    doi:10.1111/ajps.12387 (for balance); Holm (1979), Scand J Stat 6:65.
    """
    if not margin > 0:
        raise SpecError(f"the margin is {margin:g} standard deviations; expected above 0.")
    two_arms = bool(np.isin(z, (0.0, 1.0)).all())
    arms = [z == arm for arm in (0, 1)] if two_arms else [np.isfinite(z)]
    if two_arms:
        check_two_arms(z, "instrument")
    spread = np.sqrt(sum(x[arm].var(axis=0, ddof=1) for arm in arms) / len(arms))
    varies = spread > NOTHING * np.maximum(1.0, np.abs(x).max(axis=0, initial=0.0))
    columns = [j for j, one in enumerate(varies) if one]
    unit = 1.0 if two_arms else float(z.std(ddof=1))
    slopes, influence = _slopes(x[:, columns] / spread[columns], z / unit, given, w)
    errors = np.sqrt(np.diag(inference.covariance(influence, cluster, strata)))
    df = np.inf if strata is None else float(strata.free(cluster))
    tested = _two_sided(slopes, errors, df), _below((np.abs(slopes) - margin) / errors, df)
    different, alike = (holm(one) for one in tested)
    rows = tuple(
        BalanceRow(
            names[j],
            float(slopes[i]),
            float(errors[i]),
            float(different[i]),
            float(alike[i]),
            _verdict(float(different[i]), float(alike[i])),
        )
        for i, j in enumerate(columns)
    )
    constant = tuple(name for name, one in zip(names, varies, strict=True) if not one)
    return Balance(margin, rows, constant, _balance_sentence(rows, margin, two_arms))


def holm(p: Floats) -> Floats:
    """Correct p-values for their number by Holm's step-down rule.

    References
    ----------
    Holm (1979), Scand J Stat 6:65.
    """
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(p) else steps
    return corrected


def _slopes(x: Floats, z: Floats, given: Floats | None, w: Floats) -> tuple[Floats, Floats]:
    """Give (p,) least-squares coefficients of z beside ``given``, and (n, p) influence values."""
    root = np.sqrt(w)[:, None]
    beside = np.empty((len(z), 0)) if given is None else given - given.mean(axis=0)
    design = root * np.column_stack([np.ones(len(z)), beside])
    targets = root * np.column_stack([z, x])
    left = targets - design @ np.linalg.lstsq(design, targets)[0]
    moved, spread = left[:, :1], float(left[:, 0] @ left[:, 0])
    if spread <= NOTHING * float(w @ z**2):
        raise InstrumentError("the covariates determine the instrument, or it does not vary.")
    slopes = moved[:, 0] @ left[:, 1:] / spread
    return slopes, len(z) * moved * (left[:, 1:] - moved * slopes) / spread


def _two_sided(values: Floats, errors: Floats, df: float) -> Floats:
    """Give p-values of values being 0."""
    return 2 * _below(-np.abs(values) / errors, df)


def _below(t: Floats, df: float) -> Floats:
    """Give the share of Student's t, or for infinite ``df`` of the normal, below values."""
    from scipy import special

    return np.asarray(special.ndtr(t) if np.isinf(df) else special.stdtr(df, t))


def _balance_sentence(rows: Sequence[BalanceRow], margin: float, two_arms: bool) -> str:
    """Say how many covariates are alike, different, and not resolved."""
    counts = [sum(row.verdict == one for row in rows) for one in ("alike", "different")]
    where = "between the arms of the instrument" if two_arms else "along the instrument"
    return (
        f"Of {len(rows)} covariates, {counts[0]} are alike {where} "
        f"within {margin:g} standard deviations, {counts[1]} differ, and "
        f"{len(rows) - sum(counts)} are not resolved at this size. What is not measured is not "
        "tested."
    )


def _verdict(different: float, alike: float) -> BalanceVerdict:
    if alike < FAMILY_ERROR:
        return "alike"
    return "different" if different < FAMILY_ERROR else "not resolved"
