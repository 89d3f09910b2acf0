"""Holds the diagram's implied independences against the data, and against relabelled diagrams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats
from causal.diagnostics import Verdict
from causal.estimate import NotEstimable
from causal.findings import Row, numbers
from causal.refuters.base import Examined, Refutation, Refuter, TriedOn
from causal.refuters.dowhy_refuters import ask_falsification
from causal.refuters.independence import (
    Checked,
    Control,
    Implied,
    ImpliedIndependences,
    Unchecked,
    adjusted,
    check_independence,
)

VIOLATED = 0.05
"""Level at which single tests count towards the comparison with relabelled diagrams (Eulig et al.
2023, section 5)."""
CHANCE = 0.05
"""A diagram must be better than 95 % of relabelled ones."""
DEPENDENT: Control = "benjamini_yekutieli"
POWER = 0.84
"""Standard normal quantile of 80 % power."""
DOWHY_PERMUTATIONS = 40
"""Enough to tell whether at most 5 % are as good; takes 3 s for 13 concepts and 400 rows."""
NAMED = 6
"""Contradicted independences named in the sentence; the table has them all."""


class GraphFalsification(Refuter):
    """Tests of the independences the diagram implies among measured concepts.

    Each missing edge whose two ends measured concepts separate is tested. FAIL: the data contradict
    at least one at the declared false-discovery rate. PASS: they contradict none, and the diagram
    has fewer violated independences than 95 % of diagrams with the names of the concepts exchanged
    at random. NOT_RESOLVABLE: none contradicted, but random diagrams fare as well, so these data
    could not have told the diagram from a wrong one.

    Assumptions
    -----------
    Regressions of the columns on what is held fixed are right, or nearly (of each two, one
    suffices); values are missing at random given it; rows were not selected by what follows from
    the two ends, unless ``selected`` says by what. One of several columns of a concept may carry
    an arrow; the concept is tested as a whole.

    Attributes
    ----------
    permutations : relabelled diagrams; names are exchanged among concepts measured directly, and
        among those measured by proxy.
    max_given : the most concepts a test may hold fixed.
    rate : false-discovery rate.
    control : ``benjamini_yekutieli`` holds for tests that depend on one another in any way.
    squares : whether what is held fixed enters with its squares.
    columns : concept -> the columns to take instead of the default ones.
    selected : concepts by which rows were selected, such as being interviewed; every test holds
        them fixed.
    second_opinion : whether DoWhy's ``falsify_graph`` is asked too, on complete rows and one
        component a concept; it enters the sentence and the table, not the verdict.

    References
    ----------
    Eulig et al. (2023), arXiv:2305.09565 (the comparison with relabelled diagrams); Shah & Peters
    (2020), doi:10.1214/19-AOS1857 (the test); Benjamini & Yekutieli (2001),
    doi:10.1214/aos/1013699998.
    """

    kind: Literal["graph_falsification"] = "graph_falsification"
    permutations: int = Field(default=200, ge=20, le=10_000)
    max_given: int = Field(default=8, ge=0, le=30)
    rate: float = Field(default=0.05, gt=0, le=0.5)
    control: Control = "benjamini_yekutieli"
    squares: bool = True
    columns: Mapping[str, tuple[str, ...]] = {}
    selected: tuple[str, ...] = ()
    second_opinion: bool = False

    sees: ClassVar[str] = (
        "an edge the diagram lacks between measured concepts, where measured concepts would "
        "separate them"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding of exposure and outcome, the direction of arrows, an edge too "
        "many, and missing edges that no measured set tests"
    )
    tried_on: ClassVar[TriedOn] = "diagram"
    costly: ClassVar[bool] = True

    def hastened(self, draws: int) -> Self:
        """Give the settings with which it is tried on many cohorts: relabelled ones fail none."""
        return self.model_copy(update={"permutations": 0, "second_opinion": False})

    def examine(self, examined: Examined) -> Refutation:
        """Test the implied independences, adjust for their number, compare with relabellings."""
        data = examined.auxiliary.implications
        if data is None:
            return self.decline(examined.rung, "there are no columns of the diagram's concepts")
        data = data.scored
        held = hold_against(data, self.control, squares=self.squares)
        if not held.tests:
            return self.decline(examined.rung, _why_none(data, held))
        share = share_as_good(data, self.permutations, examined.rng, squares=self.squares)
        contradicted = held.contradicted(self.rate)
        verdict: Verdict = (
            "FAIL" if contradicted else "PASS" if share <= CHANCE else "NOT_RESOLVABLE"
        )
        detectable = held.detectable(self.rate, self.control)
        said = self._sentence(held, contradicted, share, detectable)
        rows = _table(data, held, self.rate, share)
        if self.second_opinion:
            more, row = _second_opinion(data, share, examined.rng)
            said, rows = f"{said} {more}", (*rows, row)
        worst = held.tests[0]
        low, high = worst.simultaneous(len(held.tests))
        found = self._report(
            examined.rung,
            0.0,
            np.empty(0),
            worst.correlation,
            (low, high),
            float(held.adjusted[0]),
            verdict,
            said,
            detectable,
        )
        return replace(found, rows=rows)

    def _sentence(self, held: Held, contradicted: int, share: float, detectable: float) -> str:
        """Say what was found, and what a pass is worth."""
        named = [
            f"{one.implied} (partial correlation {one.correlation:.2f}, adjusted p = {p:.2g})"
            for one, p in zip(held.tests[: min(contradicted, NAMED)], held.adjusted, strict=False)
        ]
        more = f" and {contradicted - NAMED} more" if contradicted > NAMED else ""
        known = f"{len(held.tests)} independences that the diagram implies"
        said = (
            f"The data contradict {contradicted} of {known}, at a false-discovery rate of "
            f"{100 * self.rate:.0f} %: {'; '.join(named)}{more}"
            if contradicted
            else f"The data contradict none of {known}"
        )
        verb = "fits better" if share <= CHANCE else "does not clearly fit better"
        return (
            f"{said}. The diagram {verb} than diagrams with the names of its concepts exchanged at "
            f"random ({self.permutations} of them: p = {share:.2g} for violating no more). A "
            f"partial correlation of {detectable:.2g} would typically be found with 80 % power."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Implied independences held against the data.

    Attributes
    ----------
    tests : those that could be tested, the strongest evidence against one first.
    adjusted : (m,) floats, their p-values adjusted for the false-discovery rate.
    skipped : those that could not be tested, with the reason.
    """

    tests: tuple[Checked, ...]
    adjusted: Floats
    skipped: tuple[Unchecked, ...]

    def contradicted(self, rate: float) -> int:
        """Count the independences contradicted at a false-discovery rate; they come first."""
        return int((self.adjusted <= rate).sum())

    def detectable(self, rate: float, control: Control) -> float:
        """Give the partial correlation that half the tests would find in 80 % of studies.

        The cut is that of the first rejection, which is the hardest, shared among a test's cells.
        """
        count = len(self.tests)
        penalty = sum(1 / k for k in range(1, count + 1)) if control == DEPENDENT else 1.0
        cut = rate / (count * penalty)
        return float(
            np.median(
                [
                    one.std_error * (inference.critical_value(1 - cut / one.cells, one.df) + POWER)
                    for one in self.tests
                ]
            )
        )


def hold_against(data: ImpliedIndependences, control: Control, *, squares: bool) -> Held:
    """Test every implied independence, and adjust for their number."""
    tried = [check_independence(data, one, link="logit", squares=squares) for one in data.implied]
    tests = sorted((one for one in tried if isinstance(one, Checked)), key=lambda one: one.p_value)
    return Held(
        tests=tuple(tests),
        adjusted=adjusted([one.p_value for one in tests], control),
        skipped=tuple(one for one in tried if isinstance(one, Unchecked)),
    )


def share_as_good(
    data: ImpliedIndependences, permutations: int, rng: np.random.Generator, *, squares: bool
) -> float:
    """Give the share of relabelled diagrams that violate at most as many independences.

    Without any permutations it is 1: nothing is known of it.

    An exchange of names turns each implied independence into one of other concepts, so no graph
    is searched. Tests are those of least squares at 5 %, for the diagram itself too; a relabelled
    diagram is given up once it violates more than the diagram itself. The diagram counts as one
    of them, so that the share is a valid p-value.

    References
    ----------
    Eulig et al. (2023), arXiv:2305.09565, section 4.1; Phipson & Smyth (2010),
    doi:10.2202/1544-6115.1585, equation 2.
    """
    if not permutations:
        return 1.0
    known: dict[tuple[frozenset[str], frozenset[str]], bool] = {}

    def violated(one: Implied) -> bool:
        key = (frozenset((one.one, one.other)), frozenset(one.given))
        if key not in known:
            found = check_independence(data, one, link="linear", squares=squares)
            known[key] = isinstance(found, Checked) and found.p_value <= VIOLATED
        return known[key]

    implied = sorted(data.implied, key=lambda one: len(one.given))  # cheap tests first
    limit = sum(violated(one) for one in implied)
    as_good = 0
    for _ in range(permutations):
        names = _exchanged(data, rng)
        count = 0
        for one in implied:
            count += violated(
                Implied(names[one.one], names[one.other], tuple(names[g] for g in one.given))
            )
            if count > limit:
                break
        as_good += count <= limit
    return (1 + as_good) / (1 + permutations)


def _second_opinion(
    data: ImpliedIndependences, share: float, rng: np.random.Generator
) -> tuple[str, Row]:
    """Ask DoWhy whether the diagram is better than relabelled ones, and compare."""
    found = ask_falsification(data, DOWHY_PERMUTATIONS, rng)
    if isinstance(found, NotEstimable):
        return f"DoWhy was not asked: {found.reason}.", Row("DoWhy", (), note=found.reason)
    agrees = (found.share <= CHANCE) == (share <= CHANCE)
    said = (
        f"DoWhy finds {found.violated} of {found.tests} local Markov conditions violated at 5 % on "
        f"{found.n} complete rows, and {100 * found.share:.1f} % of {DOWHY_PERMUTATIONS} "
        "relabelled "
        f"diagrams as good: it {'agrees' if agrees else 'does not agree'} on whether the diagram "
        "is better than chance."
    )
    values = {"violated": found.violated, "tests": found.tests, "share": found.share, "n": found.n}
    return said, Row("DoWhy", numbers({name: float(one) for name, one in values.items()}))


def _exchanged(data: ImpliedIndependences, rng: np.random.Generator) -> dict[str, str]:
    """Exchange the names of concepts, among those measured directly and among the proxied."""
    names: dict[str, str] = {}
    for proxied in (False, True):
        group = [c.concept for c in data.concepts if (c.concept in data.proxied) == proxied]
        names |= dict(zip(group, (group[i] for i in rng.permutation(len(group))), strict=True))
    return names


def _why_none(data: ImpliedIndependences, held: Held) -> str:
    """Say why nothing was tested."""
    if held.skipped:
        first = held.skipped[0]
        return f"too little data to test any implied independence ({first.implied}: {first.reason})"
    return f"the diagram implies nothing testable here. {' '.join(data.sentences)}".strip()


def _table(data: ImpliedIndependences, held: Held, rate: float, share: float) -> tuple[Row, ...]:
    """List what was tested, contradicted first; what was not; and how much that is."""
    tests = tuple(
        Row(
            label="contradicted" if p <= rate else "not contradicted",
            numbers=numbers(
                {
                    "p": one.p_value,
                    "adjusted_p": float(p),
                    "n": float(one.n),
                    "partial_correlation": one.correlation,
                    "std_error": one.std_error,
                    "pairs_of_columns": float(one.cells),
                }
            ),
            subject=str(one.implied),
            note=f"strongest between {one.columns[0]} and {one.columns[1]}",
        )
        for one, p in zip(held.tests, held.adjusted, strict=True)
    )
    skipped = tuple(
        Row(label="not tested", numbers=(), subject=str(one.implied), note=one.reason)
        for one in held.skipped
    )
    counts = Row(
        label="missing edges",
        numbers=numbers(
            {
                "tested": float(len(held.tests)),
                "contradicted": float(held.contradicted(rate)),
                "not_testable": float(data.untestable + len(held.skipped)),
                "share_of_relabelled_as_good": share,
            }
        ),
        note=" ".join(data.sentences),
    )
    return (counts, *tests, *skipped)
