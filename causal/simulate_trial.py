"""A linear model of pooled facilitation trials with known truth, matched to published sizes.

Attendance and abstinence are doses with one constant effect, so that everyone's effect is that of
those whom facilitation moves. The strong first stage and the effect of .38 follow six pooled data
sets of alcohol patients; in drug patients facilitation hardly moved attendance.

References
----------
Humphreys, Blodgett & Wagner (2014), Alcohol Clin Exp Res 38:2688-2694, doi:10.1111/acer.12557;
Humphreys et al. (2020), Drug Alcohol Depend 215:108213.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.simulate import bernoulli, expit

TRIAL_SITES = 6


@dataclass(frozen=True, slots=True)
class Trial:
    """The parameters of the trial.

    Attributes
    ----------
    effect : outcome for one unit of attendance, in everybody.
    facilitation : attendance for being randomised to facilitation.
    motivation_to_exposure, motivation_to_outcome : for one SD of motivation, which no column gives.
    direct : outcome for facilitation itself; 0 if exclusion holds.
    noise_exposure, noise_outcome : standard deviations of what is left.
    site_sd : spread of the sites' effects on attendance and on the outcome, drawn independently.
    followed : log odds of being followed up of the not facilitated at outcome 0.
    outcome_to_followed, facilitation_to_followed : log odds ratios of being followed up.
    """

    effect: float = 0.38
    facilitation: float = 0.45
    motivation_to_exposure: float = 0.8
    motivation_to_outcome: float = 1.0
    direct: float = 0.0
    noise_exposure: float = 1.0
    noise_outcome: float = 2.0
    site_sd: float = 0.2
    followed: float = 1.7
    outcome_to_followed: float = 0.0
    facilitation_to_followed: float = 0.0


TRIALS: Mapping[str, Trial] = {
    "strong": Trial(),
    "weak": Trial(facilitation=0.08),
    "violated_exclusion": Trial(direct=0.3),
    "outcome_attrition": Trial(followed=0.0, outcome_to_followed=0.8, facilitation_to_followed=0.8),
    "no_sites": Trial(site_sd=0.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class TrialSites:
    """Effects of the sites on attendance and outcome, drawn once a data set; each (6,) floats."""

    exposure: Floats
    outcome: Floats


def draw_trial_sites(trial: Trial, rng: np.random.Generator) -> TrialSites:
    """Draw the effects of the sites of one data set."""
    exposure, outcome = trial.site_sd * rng.standard_normal((2, TRIAL_SITES))
    return TrialSites(exposure, outcome)


def simulate_trial(
    trial: Trial, n: int, rng: np.random.Generator, sites: TrialSites
) -> dict[str, Floats]:
    """Draw a trial.

    Parameters
    ----------
    n : persons.

    Returns
    -------
    Columns of n floats: ``site``, ``facilitation``, ``true_motivation``, ``attendance``,
    ``abstinence`` and ``followed``.
    """
    site = rng.integers(0, TRIAL_SITES, n)
    z = bernoulli(0.5, rng, n)
    motivation, e, d = rng.standard_normal((3, n))
    a = (
        trial.facilitation * z
        + trial.motivation_to_exposure * motivation
        + sites.exposure[site]
        + trial.noise_exposure * e
    )
    y = (
        trial.effect * a
        + trial.motivation_to_outcome * motivation
        + trial.direct * z
        + sites.outcome[site]
        + trial.noise_outcome * d
    )
    seen = trial.followed + trial.outcome_to_followed * y + trial.facilitation_to_followed * z
    return {
        "site": site.astype(np.float64),
        "facilitation": z,
        "true_motivation": motivation,
        "attendance": a,
        "abstinence": y,
        "followed": bernoulli(expit(seen), rng),
    }


def trial_truth(trial: Trial, n: int, sites: TrialSites) -> Mapping[str, float]:
    """Give the true values, and what analyses of everybody tend to, in closed form.

    Returns
    -------
    ``ate`` and ``late`` (the same), ``first_stage``, ``itt``; ``limit_crude``, the slope of the
    outcome on attendance; ``wald``, which is the LATE only if exclusion holds; and
    ``expected_f``, the expected F statistic of the first stage at this n, less 1.
    """
    left = trial.motivation_to_exposure**2 + trial.noise_exposure**2 + float(sites.exposure.var())
    spread = 0.25 * trial.facilitation**2 + left  # the randomised half has variance 1/4
    shared = (
        trial.motivation_to_exposure * trial.motivation_to_outcome
        + 0.25 * trial.facilitation * trial.direct
        + float(
            np.mean(sites.exposure * sites.outcome) - sites.exposure.mean() * sites.outcome.mean()
        )
    )
    itt = trial.effect * trial.facilitation + trial.direct
    return {
        "ate": trial.effect,
        "late": trial.effect,
        "first_stage": trial.facilitation,
        "itt": itt,
        "limit_crude": trial.effect + shared / spread,
        "wald": itt / trial.facilitation,
        "expected_f": n * 0.25 * trial.facilitation**2 / left,
    }
