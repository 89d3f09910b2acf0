"""Negative controls of the simulated cohort: outcomes and an exposure that share its latent causes.

Attendance does nothing to any of them, and none does anything to abstinence: whatever a rung finds
on them is bias, of a size that grows with how much of them motivation and severity make.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from causal.arrays import Floats
from causal.simulate import bernoulli, expit

AILMENTS = tuple(f"ailment_{number:02d}" for number in range(1, 13))
"""Twelve complaints of body; the later, the more of them the latent causes make."""
CLINIC = "clinic_weekly"
LEAST, MOST = 0.2, 1.0
"""Log odds ratio per SD of motivation of the first and the last complaint."""
SEVERITY = 0.5
"""Log odds ratio per SD of severity, in the last complaint and with the sign turned."""


def simulate_controls(cohort: Mapping[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """Draw the controls of a cohort.

    Parameters
    ----------
    cohort : of ``causal.simulate.simulate_cohort``; its latent columns are used.

    Returns
    -------
    Columns of n floats, 0/1: ``AILMENTS`` and ``CLINIC``.
    """
    motivation, severity = cohort["true_motivation"], cohort["true_severity"]
    drawn = {}
    for part, name in zip(np.linspace(LEAST, MOST, len(AILMENTS)), AILMENTS, strict=True):
        drawn[name] = bernoulli(expit(-0.6 + part * (motivation - SEVERITY * severity)), rng)
    drawn[CLINIC] = bernoulli(expit(-0.8 + 0.9 * motivation + 0.35 * severity), rng)
    return drawn
