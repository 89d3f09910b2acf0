"""First stages by subgroup, and whether one opposes another: tests of right size in small cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats, Ints
from causal.errors import InstrumentError
from causal.estimate import NotEstimable
from causal.estimators.iv_algebra import project
from causal.estimators.reduced_form import jackknifed, reduced_form
from causal.instrumental.balance import FAMILY_ERROR, holm
from causal.strata import Strata

FEWEST = 10
"""Rows at each value of a 0/1 instrument, and independent terms of its coefficient's error: with
fewer, a variance estimated there is nearly no variance at all."""
FEWEST_CLUSTERS = 5
"""Clusters at each value of a 0/1 instrument; Student's t has their number less one."""

ALIASED = 1e-10
"""Singular values below this share of the largest are rounding."""


@dataclass(frozen=True, slots=True)
class SubgroupStage:
    """The first stage in one subgroup.

    Attributes
    ----------
    name : of the subgroup.
    rows : in it.
    value, std_error : difference in exposure between the arms of the instrument; the error by
        leaving rows (or clusters) out one by one.
    df : degrees of freedom of that error.
    p_below, p_above : one-sided, of the first stage being no smaller, and no larger, than 0; not
        corrected.
    p_along, p_opposite : of these the one that speaks for the overall direction, and the one that
        speaks against it; by Holm.
    comparable : whether exposure varies at both values of a 0/1 instrument, so that the error may
        be compared with those of other subgroups.
    """

    name: str
    rows: int
    value: float
    std_error: float
    df: float
    p_below: float
    p_above: float
    p_along: float
    p_opposite: float
    comparable: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A subgroup whose first stage is not judged, and why."""

    name: str
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class StageBySubgroup:
    """First stages by subgroup, and whether they differ.

    Attributes
    ----------
    overall : first stage in everybody.
    p_overall : one-sided, of it being 0 or of the other sign.
    stages : one a subgroup that is large enough to be judged.
    left_out : the others.
    f, df, p : Wald F test of equal first stages, its numerator degrees of freedom, and its
        p-value by F with the fewest denominator degrees of freedom of any subgroup.
    opposed : whether the instrument is shown to move some subgroup one way, and another (or
        everybody) the other way.
    sentence : what this hints of monotonicity, which it cannot show.
    """

    overall: float
    p_overall: float
    stages: tuple[SubgroupStage, ...]
    left_out: tuple[LeftOut, ...]
    f: float
    df: int
    p: float
    opposed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class _Stage:
    """A first stage with its error, degrees of freedom, and one-sided p-values."""

    value: float
    std_error: float
    df: float
    p_below: float
    p_above: float
    comparable: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Exposure, instrument, covariates, weights, clusters and strata; None where there is none."""

    a: Floats
    z: Floats
    given: Floats | None
    w: Floats
    cluster: Ints | None
    strata: Strata | None

    def inside(self, rows: Bools) -> _Rows:
        """Take some rows."""
        return _Rows(
            self.a[rows],
            self.z[rows],
            None if self.given is None else self.given[rows],
            self.w[rows],
            None if self.cluster is None else self.cluster[rows],
            None if self.strata is None else self.strata.rows(rows),
        )

    @property
    def two_arms(self) -> bool:
        """Tell whether the instrument is 0/1."""
        return bool(np.isin(self.z, (0.0, 1.0)).all())

    @property
    def binary(self) -> bool:
        """Tell whether the exposure is 0/1."""
        return bool(np.isin(self.a, (0.0, 1.0)).all())

    @property
    def exact(self) -> bool:
        """Tell whether rows are exchangeable under no first stage: Fisher's exact test applies."""
        alone = self.cluster is None and self.strata is None
        free = alone and self.given is None and np.ptp(self.w) == 0
        return self.two_arms and self.binary and bool(free)


def stage_by_subgroup(
    a: Floats,
    z: Floats,
    group: Ints,
    names: Sequence[str],
    w: Floats,
    cluster: Ints | None,
    given: Floats | None = None,
    strata: Strata | None = None,
) -> StageBySubgroup | NotEstimable:
    """Compare first stages between subgroups formed before the instrument acted.

    A few rows at one value of the instrument, or an exposure nobody has there, give a difference
    with next to no estimated variance, which a normal quantile would call certain. So a subgroup
    needs ``FEWEST`` rows (``FEWEST_CLUSTERS`` clusters) at each value; 0/1 exposures of equally
    weighted, independent persons are compared by Fisher's exact test; all else by an error that
    leaves rows or clusters out one by one (HC3, CR3; of a survey the linearised one, within strata)
    and Student's t, where exposure has to vary at each value. That the instrument opposes itself is
    said only where both directions are shown: a weak instrument's overall direction may itself be
    chance.

    Parameters
    ----------
    a : (n,) floats, exposure, 0/1 or a dose.
    z : (n,) floats, 0/1 or any number.
    group : (n,) ints, 0 to len(names) - 1; negative for rows in no subgroup.
    names : of the subgroups.
    w : (n,) floats.
    cluster : (n,) ints or None.
    given : (n, q) floats, covariates every first stage is given, each in its own way.
    strata : of the rows, or None.

    Returns
    -------
    The comparison; or that fewer than two subgroups are large enough.

    References
    ----------
    Fisher (1935), J R Stat Soc 98:39 (exact test); MacKinnon & White (1985),
    doi:10.1016/0304-4076(85)90158-7 (HC3); Bell & McCaffrey (2002), Survey Methodology 28:169
    (clusters, degrees of freedom); Holm (1979), Scand J Stat 6:65.
    """
    rows = _Rows(a, z, given, w, cluster, strata)
    judged: list[tuple[str, int, _Stage]] = []
    left_out: list[LeftOut] = []
    for number, name in enumerate(names):
        inside = group == number
        found = _stage(rows.inside(inside))
        if isinstance(found, NotEstimable):
            left_out.append(LeftOut(name, int(inside.sum()), found.reason))
        else:
            judged.append((name, int(inside.sum()), found))
    if len(judged) < 2:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in left_out)
        return NotEstimable(f"fewer than two subgroups are large enough ({reasons})")
    overall = _stage(rows)
    if isinstance(overall, NotEstimable):
        return overall
    return _compared(overall, judged, tuple(left_out), _covariance(rows, group, names, judged))


def _compared(
    overall: _Stage,
    judged: list[tuple[str, int, _Stage]],
    left_out: tuple[LeftOut, ...],
    shared: Floats | None,
) -> StageBySubgroup:
    """Hold the first stages against the overall direction and against each other."""
    from scipy import special

    up = overall.value >= 0
    along, against = (
        holm(np.array([one.p_below if way else one.p_above for *_, one in judged]))
        for way in (not up, up)
    )
    alone = [(one.value, one.std_error, one.df) for *_, one in judged if one.comparable]
    f, df, p = 0.0, 0, 1.0
    if len(alone) > 1:
        values, errors, degrees = (np.array(column) for column in zip(*alone, strict=True))
        f, df = _equal_f(values, np.diag(errors**2) if shared is None else shared)
        p = float(special.fdtrc(df, degrees.min(), f)) if df else 1.0
    p_overall = overall.p_above if up else overall.p_below
    shown = min(p_overall, float(along.min())) < FAMILY_ERROR
    opposed = shown and float(against.min()) < FAMILY_ERROR
    stages = tuple(
        SubgroupStage(
            name,
            rows,
            one.value,
            one.std_error,
            one.df,
            one.p_below,
            one.p_above,
            float(along[i]),
            float(against[i]),
            one.comparable,
        )
        for i, (name, rows, one) in enumerate(judged)
    )
    said = _stage_sentence(stages, opposed, p if df else None)
    return StageBySubgroup(overall.value, p_overall, stages, left_out, f, df, p, opposed, said)


def _stage(rows: _Rows) -> _Stage | NotEstimable:
    """Fit one first stage, unless there are too few rows to judge it."""
    few = _too_few(rows)
    if few:
        return NotEstimable(few)
    flat = _flat_arm(rows)
    if flat and not rows.exact:
        return NotEstimable(flat)
    try:
        value, std_error, df = _least_squares(rows)
    except InstrumentError as error:
        return NotEstimable(error.message.rstrip("."))
    if df < FEWEST_CLUSTERS - 1 or (std_error == 0 and not rows.exact):
        return NotEstimable("next to all that tells of the instrument lies in a few rows")
    if rows.exact:
        below, above = _fisher(rows.a, rows.z)
    else:
        below, above = _students(value / std_error, df)
    return _Stage(value, std_error, df, below, above, not flat)


def _too_few(rows: _Rows) -> str:
    """Say which value of the instrument, or of exposure, has too few rows; empty if none has."""
    counted: list[tuple[str, Bools]] = []
    if rows.two_arms:
        counted += [(f"instrument {arm}", rows.z == arm) for arm in (0, 1)]
    elif rows.binary:
        counted += [(f"exposure {arm}", rows.a == arm) for arm in (0, 1)]
    else:
        counted += [("it", np.ones(len(rows.a), dtype=bool))]
    for what, here in counted:
        if here.sum() < FEWEST:
            return f"fewer than {FEWEST} rows with {what}" if what != "it" else "too few rows"
        if rows.cluster is not None and len(np.unique(rows.cluster[here])) < FEWEST_CLUSTERS:
            return f"fewer than {FEWEST_CLUSTERS} clusters with {what}"
    return ""


def _flat_arm(rows: _Rows) -> str:
    """Say at which value of the instrument exposure does not vary; empty where it does."""
    arms = (0.0, 1.0) if rows.two_arms else ()
    flat = [arm for arm in arms if np.ptp(rows.a[rows.z == arm]) == 0]
    return f"exposure does not vary with instrument {flat[0]:g}" if flat else ""


def _least_squares(rows: _Rows) -> tuple[float, float, float]:
    r"""Give a first stage, its error by leaving rows or clusters out, and degrees of freedom.

    These are :math:`(\sum_g v_g)^2 / \sum_g v_g^2 - 1`, with v the share of the error's variance
    that a row or cluster has when rows are independent and alike: the size of the smaller arm less
    one where arms are very unequal.
    """
    n = len(rows.a)
    given = np.empty((n, 0)) if rows.given is None else rows.given
    data = project(rows.a, rows.a, rows.z[:, None], given, rows.w, ("the instrument",))
    unit = float(data.basis[0, 0])
    value = float(data.gram[2, 1]) / unit
    moved = data.z[:, 0]
    weight = moved**2
    if rows.cluster is not None:
        weight = inference.cluster_sums(weight[:, None], rows.cluster)[:, 0]
    df = float(weight.sum() ** 2 / (weight @ weight)) - 1
    if rows.strata is not None:
        form = reduced_form(data, "HC1", rows.cluster, rows.strata)
        variance, df = float(form.covariance[1, 1]), min(df, form.df)
    elif rows.cluster is None:
        space = np.column_stack([np.ones(n), given - given.mean(axis=0)])
        basis, size, _ = np.linalg.svd(np.sqrt(rows.w)[:, None] * space, full_matrices=False)
        basis = basis[:, size > ALIASED * size[0]]
        leverage = np.minimum((basis**2).sum(axis=1) + moved**2, 1 - 1e-9)
        left = (data.a - moved * float(data.gram[2, 1])) / (1 - leverage)
        variance = float((moved**2) @ left**2)
    else:
        variance = float(jackknifed(data, rows.cluster).covariance[1, 1])
    return value, math.sqrt(variance) / abs(unit), df


def _fisher(a: Floats, z: Floats) -> tuple[float, float]:
    """Give one-sided exact p-values against a difference no smaller, and no larger, than 0."""
    from scipy.stats import hypergeom

    seen, exposed, arm = int(a @ z), int(a.sum()), int(z.sum())
    there = hypergeom(len(a), exposed, arm)
    return float(there.cdf(seen)), float(there.sf(seen - 1))


def _students(t: float, df: float) -> tuple[float, float]:
    """Give one-sided p-values against a value no smaller, and no larger, than 0."""
    from scipy import special

    return float(special.stdtr(df, t)), float(special.stdtr(df, -t))


def _covariance(
    rows: _Rows, group: Ints, names: Sequence[str], judged: list[tuple[str, int, _Stage]]
) -> Floats | None:
    """Give the covariance of the comparable first stages where subgroups share clusters or strata.

    None where the subgroups' rows are independent. Correlations are those of influence values
    added within clusters; variances stay those of each first stage.
    """
    if rows.cluster is None and rows.strata is None:
        return None
    kept = [(name, one) for name, _, one in judged if one.comparable]
    columns = np.zeros((len(rows.a), len(kept)))
    for column, (name, _) in enumerate(kept):
        inside = group == names.index(name)
        some = rows.inside(inside)
        given = np.empty((len(some.a), 0)) if some.given is None else some.given
        data = project(some.a, some.a, some.z[:, None], given, some.w, ("the instrument",))
        moved = data.z[:, 0]
        columns[inside, column] = moved * (data.a - moved * float(data.gram[2, 1]))
        columns[inside, column] /= float(data.basis[0, 0])
    plain = inference.covariance(columns, rows.cluster, rows.strata)
    scale = np.array([one.std_error for _, one in kept]) / np.sqrt(np.diag(plain))
    return np.asarray(plain * np.outer(scale, scale))


def _equal_f(values: Floats, covariance: Floats) -> tuple[float, int]:
    """Give the Wald F of all values being the same, and its numerator degrees of freedom."""
    contrast = np.column_stack([-np.ones(len(values) - 1), np.eye(len(values) - 1)])
    spread = contrast @ covariance @ contrast.T
    df = int(np.linalg.matrix_rank(spread))
    if df == 0:
        return 0.0, 0
    differences = contrast @ values
    return float(differences @ np.linalg.pinv(spread) @ differences) / df, df


def _stage_sentence(stages: Sequence[SubgroupStage], opposed: bool, p: float | None) -> str:
    """Say what the subgroups hint of monotonicity."""
    worst = min(stages, key=lambda one: one.p_opposite)
    if opposed:
        return (
            f"In '{worst.name}' the instrument moves exposure the other way than overall "
            f"({worst.value:+.3f}, p = {worst.p_opposite:.2g} by Holm): it is not monotone, "
            "and the Wald ratio is no effect among compliers."
        )
    if p is None:
        told = "First stages cannot be compared between subgroups"
    else:
        beyond = "differ" if p < FAMILY_ERROR else "do not differ beyond chance"
        told = f"First stages {beyond} between subgroups (p = {p:.2g})"
    return (
        f"{told}, and in none of them is the instrument shown to move exposure the other way. "
        "Persons within a subgroup may still be moved opposite ways."
    )
