"""The simulation studies: which mechanisms, which methods, how many samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks.mechanism import MEASURED, Design
from benchmarks.methods import (
    AIPW_ATE,
    BALANCED,
    CLUSTERED,
    CORRECTED,
    CROSS_FITTED,
    G_ATE,
    LEARNED,
    LEARNERS,
    SHARES,
    SINGLE_FIT,
    SOLVED,
    STACKED,
    UNCLUSTERED,
    Method,
)
from causal.simulate import SCENARIOS

FAST, SLOWER, LEARNER, STACK = 4000, 2000, 200, 60
"""Samples where a fit takes under 5 ms, where it takes longer, where a learner or EconML makes it,
and where it stacks learners, which takes a quarter of a minute."""

BASE = SCENARIOS["no_sites"]
FAINT = replace(BASE, effect=0.2, motivation_to_exposure=0.3, motivation_to_outcome=0.3)
"""A weak crude contrast in large samples: a crude z of 2 to 3 without small-sample error."""
FAINT_NULL = replace(BASE, effect=0.0, motivation_to_exposure=0.5, motivation_to_outcome=0.5)


@dataclass(frozen=True, slots=True)
class Part:
    """One mechanism with the methods tried on it; every sample is given to all of them."""

    design: Design
    methods: tuple[Method, ...]
    replicates: int


CALIBRATION: Mapping[str, tuple[Part, ...]] = {
    "calibration": (
        Part(Design("n = 3,000", BASE, 3000), SINGLE_FIT, FAST),
        Part(Design("n = 3,000, cross-fitted", BASE, 3000), CROSS_FITTED, SLOWER),
        Part(Design("n = 500, EconML", BASE, 500), LEARNERS, LEARNER),
    ),
    "small_samples": (
        Part(Design("n = 1,000", BASE, 1000), SINGLE_FIT, FAST),
        Part(Design("n = 1,000, cross-fitted", BASE, 1000), CROSS_FITTED, SLOWER),
        Part(Design("n = 150", BASE, 150), SINGLE_FIT + CORRECTED, FAST),
    ),
    "clustered": (
        Part(
            Design("750 persons, 1 to 4 intervals each", BASE, 750, repeated=True),
            CLUSTERED + UNCLUSTERED,
            FAST,
        ),
        Part(
            Design("750 persons, cross-fitted by person", BASE, 750, repeated=True),
            CROSS_FITTED,
            SLOWER,
        ),
        Part(
            Design("150 persons, 1 to 4 intervals each", BASE, 150, repeated=True),
            CLUSTERED + CORRECTED + UNCLUSTERED,
            FAST,
        ),
        Part(Design("250 persons, EconML by person", BASE, 250, repeated=True), LEARNERS, LEARNER),
    ),
}
FAMILIES: Mapping[str, tuple[Part, ...]] = {
    "families": (
        Part(Design("n = 3,000, weighting, matching and TMLE", BASE, 3000), BALANCED, FAST),
        Part(Design("n = 3,000, weights from a solver", BASE, 3000), SOLVED, SLOWER),
    ),
    "learners": (
        Part(Design("n = 500, learners", BASE, 500), LEARNED, LEARNER),
        Part(Design("n = 500, a super learner", BASE, 500), STACKED, STACK),
    ),
}
"""The other families, on pages of their own: bands depend on the number of cells of a page."""
SHARE_PARTS = (
    Part(Design("faint, n = 1,500", FAINT, 1500), SHARES, FAST),
    Part(Design("faint, n = 3,000", FAINT, 3000), SHARES, FAST),
    Part(Design("faint and no effect, n = 3,000", FAINT_NULL, 3000), SHARES, FAST),
    Part(Design("base, n = 3,000", BASE, 3000), SHARES, FAST),
    Part(
        Design("base, 750 persons, 1 to 4 intervals each", BASE, 750, repeated=True), SHARES, FAST
    ),
    Part(
        Design(
            "faint and no effect, 1,200 persons, 1 to 4 intervals each",
            FAINT_NULL,
            1200,
            repeated=True,
        ),
        SHARES,
        FAST,
    ),
    Part(Design("base, n = 150", BASE, 150), SHARES, FAST),
)
RELIABILITY_PARTS = tuple(
    Part(
        Design(
            f"{'effect' if effect else 'no effect'}, reliability {reliability:g}",
            replace(BASE, effect=effect, reliability=reliability),
            1730,
            terms=MEASURED,
        ),
        (G_ATE, AIPW_ATE),
        SLOWER,
    )
    for effect in (BASE.effect, 0.0)
    for reliability in (0.6, 0.75, 0.9)
)
