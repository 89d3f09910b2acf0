"""Which terms of a rung hold something of their own, and which concepts are left without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import TIME, Sample
from causal.diagnostics import Diagnostic, Verdict, varies
from causal.estimators.glm import blocks

GIVEN = 1e-11
"""Share of a term's variance that others may leave before it is taken as given by them: that below
which ``glm.inverse_of_information`` takes a direction as aliased."""
TAKES_PART = 1e-6
"""Standardised coefficient from which a term is named among those that give another."""
FEW = 3
"""Terms named at most among those that give another."""
NAME = "distinct_terms"
COMBINED = "is a linear combination of"


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A term that others give.

    Attributes
    ----------
    term : its number.
    by : numbers of the terms before it that give it, as a linear combination.
    """

    term: int
    by: tuple[int, ...]


def judge_terms(sample: Sample) -> tuple[Diagnostic, ...]:
    """Name the terms that do not vary or that others give; nothing where all are distinct.

    A regression, or a balance, cannot tell such a term from the others, so it is told, for
    information. It fails where a graded column holds the same as that of another concept and
    neither concept has more: one of the two is most likely not what it is called. It is not
    resolvable where all terms of a concept have one value, which a population chosen so and a
    column gone wrong have in common, or are given by several concepts, as regions are by their
    sites.

    Parameters
    ----------
    sample : the rung's rows with the terms it adjusts for.
    """
    if not sample.terms:
        return ()
    flat = np.flatnonzero(~varies(sample.x))
    kept = np.setdiff1d(np.arange(len(sample.terms)), flat)
    gram = correlations(sample.x[:, kept] if len(flat) else sample.x)
    given = [
        Given(int(kept[one.term]), tuple(int(kept[i]) for i in one.by)) for one in given_by(gram)
    ]
    if not len(flat) and not given:
        return ()
    lost = _lost(sample, kept, gram) if given else []
    alike = _alike(sample, flat)
    said = [*_flat_sentences(sample.terms, flat), *_given_sentences(sample.terms, given)]
    if alike:
        said.append(
            f"everybody here is alike in {_joined(alike)}, by the choice of rows or by a fault in "
            "the column"
        )
    twice = any(_twice(sample, one, lost) for one in given)
    if twice:
        said.append(
            f"{_joined(lost)} cannot be told apart; look for a column that stands under two names"
        )
    elif lost:
        said.append(f"nothing is adjusted for {_joined(lost)} apart from the other concepts")
    verdict: Verdict = "FAIL" if twice else "NOT_RESOLVABLE" if alike or lost else "NOT_EVALUATED"
    return (Diagnostic(NAME, float(len(flat) + len(given)), None, verdict, "; ".join(said)),)


def correlations(x: Floats) -> Floats:
    """Give the (p, p) correlations of (n, p) columns that vary, without writing them anew."""
    centre, n = x.mean(axis=0), len(x)
    gram = np.zeros((x.shape[1],) * 2)
    for rows in blocks(n):
        centred = x[rows] - centre
        gram += centred.T @ centred
    scale = np.sqrt(np.diag(gram))
    return np.asarray(gram / np.outer(scale, scale))


def given_by(gram: Floats) -> list[Given]:
    """Find the terms that are linear combinations of terms before them.

    Parameters
    ----------
    gram : (p, p) correlations.
    """
    own: list[int] = []
    found: list[Given] = []
    for term in range(len(gram)):
        slopes = np.linalg.solve(gram[np.ix_(own, own)], gram[own, term])
        if 1 - gram[own, term] @ slopes > GIVEN:
            own.append(term)
        else:
            by = [one for one, slope in zip(own, slopes, strict=True) if abs(slope) > TAKES_PART]
            found.append(Given(term, tuple(by)))
    return found


def _alike(sample: Sample, flat: Ints) -> list[str]:
    """Name the concepts none of whose terms varies."""
    varying = {one for i, one in enumerate(sample.concepts) if i not in flat}
    return [one for one in dict.fromkeys(sample.concepts) if one not in varying]


def _lost(sample: Sample, kept: Ints, gram: Floats) -> list[str]:
    """Name the concepts whose terms the others give, all of them."""
    concepts = np.asarray(sample.concepts)[kept]
    whole, lost = _rank(gram), []
    for concept in dict.fromkeys(concepts.tolist()):
        rest = concepts != concept
        if concept != TIME and _rank(gram[np.ix_(rest, rest)]) == whole:
            lost.append(concept)
    return lost


def _twice(sample: Sample, given: Given, lost: Sequence[str]) -> bool:
    """Tell whether a term holds the same as one of another concept, and neither has more.

    Two columns of zeros and ones may be alike by chance or by design, as a region of one site.
    """
    pair = {sample.concepts[i] for i in (given.term, *given.by)}
    graded = len(np.unique(sample.x[:, given.term])) > 2
    return graded and len(given.by) == 1 and len(pair) == 2 and pair <= set(lost)


def _rank(gram: Floats) -> int:
    """Count the terms that none of those before gives."""
    return len(gram) - len(given_by(gram))


def _flat_sentences(terms: Sequence[str], flat: Ints) -> list[str]:
    """Name the terms that do not vary."""
    named = _joined([f"'{terms[i]}'" for i in flat])
    return [f"{named} {'does' if len(flat) == 1 else 'do'} not vary"] if len(flat) else []


def _given_sentences(terms: Sequence[str], given: Sequence[Given]) -> list[str]:
    """Say of each term that others give which these are."""
    said = []
    for one in given:
        few = len(one.by) <= FEW
        by = _joined([f"'{terms[i]}'" for i in one.by]) if few else f"{len(one.by)} other terms"
        how, them = ("holds the same as", "it") if len(one.by) == 1 else (COMBINED, "them")
        said.append(f"'{terms[one.term]}' {how} {by}, so it is not adjusted for apart from {them}")
    return said


def _joined(names: Sequence[str]) -> str:
    """Write a list in words."""
    *first, last = names or [""]
    return f"{', '.join(first)} and {last}" if first else last
