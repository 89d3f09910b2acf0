"""Rosenbaum bounds of a table of persons who are not paired, and rows both kinds of bounds have."""

from __future__ import annotations

import numpy as np

from causal.cohort import Sample
from causal.errors import OutcomeError
from causal.estimate import NotEstimable
from causal.findings import Curve, Number, Point, Row, numbers
from causal.sensitivity.base import SensitivityFinding, finding_without_number
from causal.sensitivity.hidden_bias import critical_table_gamma, table_p
from causal.sensitivity.pairing import first_rows
from causal.sensitivity.signed_rank import amplify, tie_with_outcome
from causal.subject import Subject

NAME = "hidden bias (Gamma) at which chance could explain the table"
NO_BLOCKS = NotEstimable("the table adjusts for nothing that hidden bias could be compared with")
BINARY = (
    "statistic 'two_by_two' is of a 0/1 exposure by a 0/1 outcome, and this {} is not. Choose "
    "signed_rank, fisher or m_statistic for an outcome that is not 0/1."
)


def analyse_table(
    subject: Subject,
    gammas: tuple[float, ...],
    alpha: float,
    sides: int,
    amplify_at: tuple[float, ...],
) -> SensitivityFinding:
    """Bound the p-value of Fisher's exact test of persons, exposure by outcome.

    Parameters
    ----------
    gammas : hidden biases to tabulate.
    alpha, sides : the level, and whether of one side or of both.
    amplify_at : odds ratios with exposure to give the odds ratio with the outcome for.

    Raises
    ------
    OutcomeError
        Exposure or outcome is not 0/1.
    """
    sample, rung = subject.sample, subject.rung
    for kind, what in ((sample.exposure_kind, "exposure"), (sample.outcome_kind, "outcome")):
        if kind != "binary":
            raise OutcomeError(BINARY.format(what))
    exposed, unexposed = count_table(sample)
    if 0 in (exposed[1], unexposed[1]):
        return finding_without_number("rosenbaum", rung, NAME, NotEstimable("an arm is empty"))
    raised = exposed[0] * unexposed[1] >= unexposed[0] * exposed[1]
    first, second = (exposed, unexposed) if raised else (unexposed, exposed)
    both = [critical_table_gamma(first, second, alpha / side) for side in (1, 2)]
    gamma = both[sides - 1]
    bounds = [table_p(first, second, one) for one in gammas]
    critical: dict[str, Number] = dict(
        gamma_one_sided=both[0], gamma_two_sided=both[1], odds_ratio_with_both=amplify(gamma)
    )
    rows = (
        *(
            Row("table", numbers(dict(persons=float(n))), arm)
            for arm, (_, n) in (("exposed", exposed), ("unexposed", unexposed))
        ),
        Row("critical_gamma", numbers(critical)),
        *bound_rows(gammas, bounds),
        *amplified_rows(gamma, amplify_at),
    )
    points = tuple(Point(float(one), p) for one, p in zip(gammas, bounds, strict=True))
    curve = Curve(
        "bound on the one-sided p-value of the table",
        "hidden bias (Gamma, odds ratio of exposure between two persons)",
        "largest p-value",
        points,
        alpha / sides,
    )
    persons = exposed[1] + unexposed[1]
    side = "one" if sides == 1 else "two"
    short = (
        f"The table of {persons} persons shows no association to be explained away ({side}-sided p "
        f"{min(1.0, sides * table_p(first, second, 1.0)):.2g} without hidden bias), so it cannot "
        "say what hidden bias would do."
        if gamma == 1
        else f"A hidden bias in who is exposed of odds ratio {gamma:.2f} could explain the crude "
        f"association ({side}-sided p {alpha:g}, Fisher's exact test of {persons} persons)."
    )
    said = (
        f"{short} It is tested {'upwards' if raised else 'downwards'}, as the table points. "
        + _say_adjusted(sample)
        + "Errors of measurement and missing outcomes are not in these bounds."
    )
    return SensitivityFinding(
        "rosenbaum", rung, NAME, gamma, rows, said, short, NO_BLOCKS, "", (curve,)
    )


def count_table(sample: Sample) -> tuple[tuple[int, int], tuple[int, int]]:
    """Count persons with the outcome, and persons, exposed and then unexposed.

    One row a person, the first with a known outcome; survey weights do not enter.
    """
    rows = first_rows(sample.unit, sample.observed)
    y, a = sample.y[rows], sample.a[rows]
    exposed, unexposed = (
        (int(np.count_nonzero(y[a == arm])), int(np.count_nonzero(a == arm))) for arm in (1, 0)
    )
    return exposed, unexposed


def bound_rows(gammas: tuple[float, ...], bounds: list[float]) -> tuple[Row, ...]:
    """Write the bound on the p-value at each hidden bias."""
    return tuple(
        Row("bound", numbers(dict(gamma=one, p=p, p_two_sided=min(1.0, 2 * p))), f"{one:g}")
        for one, p in zip(gammas, bounds, strict=True)
    )


def amplified_rows(gamma: float, ties: tuple[float, ...]) -> tuple[Row, ...]:
    """Write what a confounder of a tie to exposure would need with the outcome to make a bias."""
    rows = []
    for one in ties:
        other = tie_with_outcome(gamma, one)
        needed: Number = (
            NotEstimable(f"a tie of {one:g} to exposure is too weak for a bias of {gamma:.3f}")
            if other is None
            else other
        )
        values: dict[str, Number] = dict(with_exposure=one, with_outcome=needed)
        rows.append(Row("amplification", numbers(values), f"{one:g}"))
    return tuple(rows)


def _say_adjusted(sample: Sample) -> str:
    """Say that the table is crude where the rung adjusts."""
    if not sample.terms:
        return ""
    return (
        "The table is crude: what the rung adjusts for is part of the hidden bias it would have to "
        "be explained by. "
    )
