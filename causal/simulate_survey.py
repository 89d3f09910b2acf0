"""A survey of clinics in regions with known truth, drawn unequally by what the effect hangs on.

Small regions and people whose main drug is an opioid are drawn far more often than their share;
both have a larger effect of meetings, so that the sample's average effect is not the population's.
Clinics of a region differ in abstinence and in the effect, so that their patients are dependent.
Sizes are chosen to show this, and are no paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.seeding import generator
from causal.simulate import bernoulli, expit

CLINICS: Ints = np.array([150, 120, 90, 60, 40, 20, 12, 8], dtype=np.int64)
"""Clinics there are in each region, all of one size."""
DRAWN = 5
"""Clinics drawn in each."""
OPIOID: Floats = np.array([0.20, 0.25, 0.30, 0.35, 0.45, 0.55, 0.60, 0.65])
"""Share of a region's patients whose main drug is an opioid."""
OVERSAMPLED = 3.0
"""How much more often a patient with an opioid is drawn within a clinic."""
TRUTH_DRAWS = 400_000  # standard error of the average effect under .0003


@dataclass(frozen=True, slots=True)
class Survey:
    """The parameters of the survey's world.

    Attributes
    ----------
    effect, effect_opioid : log odds ratio of abstinence for attendance, and what is added with an
        opioid as the main drug.
    clinic_sd, clinic_sd_effect : spread of the clinics' abstinence and effect on the logit scale.
    followed : log odds of being seen at the outcome of one who does not attend, at mean severity.
    attending_to_followed, severity_to_followed, both_to_followed : log odds ratios of being seen.
    """

    effect: float = 0.1
    effect_opioid: float = 1.1
    clinic_sd: float = 0.4
    clinic_sd_effect: float = 0.5
    followed: float = 1.0
    attending_to_followed: float = 0.6
    severity_to_followed: float = -0.5
    both_to_followed: float = 0.5


SURVEYS: Mapping[str, Survey] = {
    "base": Survey(),
    "null": Survey(effect=0.0, effect_opioid=0.0, clinic_sd_effect=0.0),
}


def simulate_survey(survey: Survey, n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw the sample, an equal number of patients in each of 40 clinics.

    Parameters
    ----------
    n : persons; rounded down to a multiple of the clinics drawn.

    Returns
    -------
    Columns of floats: ``region`` and ``clinic`` (numbered within regions), ``clinics_in_region``,
    ``weight`` (persons of the population each stands for, with 200 a clinic), the covariates,
    ``mhg_weekly``, ``abstinent`` and ``followed``.
    """
    regions = len(CLINICS)
    size = n // (regions * DRAWN)
    region = np.repeat(np.arange(regions), DRAWN * size)
    clinic = np.tile(np.repeat(np.arange(DRAWN), size), regions)
    share = OPIOID[region]
    chance = OVERSAMPLED * share / (OVERSAMPLED * share + 1 - share)
    opioid = bernoulli(chance, rng)
    drawn = np.where(opioid == 1, OVERSAMPLED, 1.0) / (1 + (OVERSAMPLED - 1) * share)
    persons = _draw_persons(opioid, rng)
    a = bernoulli(expit(_exposure_logit(persons)), rng)
    own, gain = rng.standard_normal((2, regions * DRAWN))[:, region * DRAWN + clinic]
    logit = _outcome_logit(survey, persons, a, own, gain)
    y = bernoulli(expit(logit), rng)
    seen = (
        survey.followed
        + survey.attending_to_followed * a
        + (survey.severity_to_followed + survey.both_to_followed * a) * persons["severity"]
    )
    return persons | {
        "region": region.astype(np.float64),
        "clinic": clinic.astype(np.float64),
        "clinics_in_region": CLINICS[region].astype(np.float64),
        "weight": CLINICS[region] / DRAWN * (200 / size) / drawn,
        "mhg_weekly": a,
        "abstinent": y,
        "followed": bernoulli(expit(seen), rng),
    }


def survey_truth(survey: Survey) -> Mapping[str, float]:
    """Compute the true values by averaging probabilities over drawn persons and clinics.

    Returns
    -------
    ``ate``, ``att``, ``ato``: differences in the risk of abstinence in the population;
    ``ate_of_the_sample``: what an analysis without weights tends to; ``risk_exposed`` and
    ``risk_unexposed`` in the population, and the shares ``exposed`` and ``opioid``.
    """
    rng = generator(0, "truth of the survey")
    region = rng.choice(len(CLINICS), TRUTH_DRAWS, p=CLINICS / CLINICS.sum())
    population = _averages(survey, OPIOID[region], rng)
    even = rng.integers(0, len(CLINICS), TRUTH_DRAWS)
    share = OPIOID[even]
    tilted = OVERSAMPLED * share / (OVERSAMPLED * share + 1 - share)
    sample = _averages(survey, tilted, rng)
    return population | {"ate_of_the_sample": sample["ate"]}


def _averages(survey: Survey, share: Floats, rng: np.random.Generator) -> dict[str, float]:
    """Average over persons whose chance of an opioid as main drug is given."""
    opioid = bernoulli(share, rng)
    persons = _draw_persons(opioid, rng)
    e = expit(_exposure_logit(persons))
    own, gain = rng.standard_normal((2, len(share)))
    none, all_ = np.zeros(len(share)), np.ones(len(share))
    mu0 = expit(_outcome_logit(survey, persons, none, own, gain))
    mu1 = expit(_outcome_logit(survey, persons, all_, own, gain))
    overlap = e * (1 - e)
    return {
        "ate": float((mu1 - mu0).mean()),
        "att": float((e * (mu1 - mu0)).mean() / e.mean()),
        "ato": float((overlap * (mu1 - mu0)).mean() / overlap.mean()),
        "risk_exposed": float(mu1.mean()),
        "risk_unexposed": float(mu0.mean()),
        "exposed": float(e.mean()),
        "opioid": float(opioid.mean()),
    }


def _draw_persons(opioid: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw what stands before the exposure."""
    severity = 0.3 * (opioid - 0.5) + rng.standard_normal(len(opioid))
    motivation = 0.25 * severity + rng.standard_normal(len(opioid))
    return {
        "opioid": opioid,
        "severity": severity,
        "motivation": motivation,
        "female": bernoulli(0.4, rng, len(opioid)),
        "prior_mhg": bernoulli(expit(-0.4 + 0.4 * severity + 0.6 * motivation), rng),
    }


def _exposure_logit(x: Mapping[str, Floats]) -> Floats:
    """Give the log odds of weekly attendance."""
    return (
        -0.9
        + 0.7 * x["motivation"]
        + 0.2 * x["severity"]
        + 0.7 * x["prior_mhg"]
        - 0.3 * x["opioid"]
    )


def _outcome_logit(
    survey: Survey, x: Mapping[str, Floats], a: Floats, own: Floats, gain: Floats
) -> Floats:
    """Give the log odds of abstinence.

    Parameters
    ----------
    own, gain : (n,) floats, standard normal: the clinic's own abstinence and effect.
    """
    return (
        -0.6
        + (survey.effect + survey.effect_opioid * x["opioid"] + survey.clinic_sd_effect * gain) * a
        + 0.7 * x["motivation"]
        - 0.5 * x["severity"]
        - 0.4 * x["opioid"]
        + 0.2 * x["prior_mhg"]
        + survey.clinic_sd * own
    )
