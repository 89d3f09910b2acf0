"""Resamples of a survey: sampling units within strata, as weights and never as copies."""

from __future__ import annotations

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.strata import Strata


def why_no_resamples(sample: Sample) -> str:
    """Say why rows of a survey are not drawn anew; empty without a survey."""
    if sample.strata is None:
        return ""
    return (
        "the sample was drawn by a survey, and copies of its persons or units are no sample of "
        "that design. bootstrap with method: multiplier weighs sampling units within strata instead"
    )


def unit_strata(strata: Strata, group: Ints) -> Strata:
    """Give the strata of what is drawn as one, in the order of the groups' numbers."""
    _, first = np.unique(group, return_index=True)
    return strata.at(first)


def rescaled_weights(strata: Strata, rng: np.random.Generator) -> Floats:
    r"""Draw the weights of the rescaling bootstrap, one a sampling unit that is left.

    In a stratum of :math:`n_h` units, :math:`n_h - 1` are drawn with replacement; a unit drawn r
    times weighs :math:`1 + \sqrt{1 - f_h} (r n_h / (n_h - 1) - 1)`.

    Parameters
    ----------
    strata : of the units.

    References
    ----------
    Rao & Wu (1988), doi:10.1080/01621459.1988.10478591; Rao, Wu & Yue (1992), Survey Methodology
    18:209.
    """
    weights = np.ones(len(strata.code))
    for code in np.unique(strata.code):
        here = np.flatnonzero(strata.code == code)
        drawn = int(strata.drawn[here[0]])
        spread = float(np.sqrt(1 - strata.fraction[here[0]]))
        if drawn < 2:  # held against the mean of all units, or certain
            weights[here] += 0.0 if strata.certain else spread * rng.choice([-1.0, 1.0])
            continue
        times = rng.multinomial(drawn - 1, np.full(drawn, 1 / drawn))[: len(here)]
        weights[here] += spread * (times * drawn / (drawn - 1) - 1)
    return weights
