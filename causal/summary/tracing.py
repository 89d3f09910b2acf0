"""Where each part of a published trial's result comes from: keys of its specification, formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRINTED = ("contrast", "arms", "differences")


@dataclass(frozen=True, slots=True)
class Origin:
    """The keys of the specification a part follows from, and how."""

    keys: tuple[str, ...]
    formula: str


ORIGINS: Mapping[str, Origin] = {
    "arms": Origin(
        ("design", "arms"),
        "as in the specification, where `assumed` names what is not printed; of counts, shares",
    ),
    "first_stage": Origin(
        ("exposure", *PRINTED),
        "difference in exposure; its error binomial, or read off interval or p-value; F its square "
        "over the squared error",
    ),
    "itt": Origin(("outcome", *PRINTED), "difference in the outcome; its error likewise"),
    "wald": Origin(PRINTED, "difference in the outcome over that in exposure (Wald 1940)"),
    "sets": Origin(
        ("design", *PRINTED),
        "Anderson-Rubin set, Fieller's of the two differences (doi:10.1214/aoms/1177730090)",
    ),
    "whatever": Origin(("design", *PRINTED), "union of the sets under all correlations"),
    "bounds": Origin(
        ("arms", "seed"), "Balke & Pearl (doi:10.1080/01621459.1997.10474074); Robins (1989)"
    ),
    "inequality": Origin(("arms", "seed"), "instrumental inequality (Pearl 1995)"),
    "further": Origin(("first_stages",), "as the first stage"),
    "by_exposure": Origin(
        ("by_exposure", "arms"), "shares by exposure, weighted by exposure; turned by Bayes' rule"
    ),
    "associations": Origin(
        ("associations", "arms"),
        "E-value of the risk ratio a printed ratio is about (doi:10.7326/M16-2607); of crossed "
        "counts, exposed over unexposed of both arms, in the coding that needs less",
    ),
    "diagnostics": Origin(
        ("design", *PRINTED),
        "critical value of the effective F with one instrument (doi:10.1080/00401706.2013.806694); "
        "least size of what the set holds",
    ),
}
"""Part of the document -> its origin; other parts stand in the specification under their name."""


def origin_of(pointer: str) -> Origin:
    """Give the origin of what a JSON pointer leads to."""
    head = pointer.split("/")[1]
    return ORIGINS.get(head, Origin((head,), "as the specification says"))
