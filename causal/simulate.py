"""A structural model of attendance and abstinence with known truth, in eight scenarios.

Latent motivation raises attendance and abstinence, latent severity raises attendance and lowers
abstinence; both are seen through scores with error. Coefficients are tuned to published ranges
(attendance .3, abstinence .4, crude odds ratio 2.7), not estimated by any paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.seeding import generator

SITES = 10
TRUTH_DRAWS = 40_000  # each at every site and arm: standard error of the ATE under .0001


@dataclass(frozen=True, slots=True)
class Scenario:
    """The parameters in which the scenarios differ.

    Attributes
    ----------
    effect : log odds ratio of abstinence for attendance, all else equal.
    facilitation : log odds ratio of attendance for the randomised facilitation.
    motivation_to_exposure, motivation_to_outcome : log odds ratios per SD of motivation.
    direct : log odds ratio of abstinence for facilitation itself; 0 if exclusion holds.
    reliability : share of the variance of the motivation score that is motivation.
    site_sd_exposure, site_sd_outcome : spread of the sites' effects on the logit scale.
    followed : log odds of being followed up of a user who neither attends nor is facilitated.
    outcome_to_followed, facilitation_to_followed : log odds ratios of being followed up.
    """

    effect: float = 0.50
    facilitation: float = 0.40
    motivation_to_exposure: float = 0.95
    motivation_to_outcome: float = 0.95
    direct: float = 0.0
    reliability: float = 0.6
    site_sd_exposure: float = 0.3
    site_sd_outcome: float = 0.2
    followed: float = 1.45
    outcome_to_followed: float = 0.35
    facilitation_to_followed: float = 0.0


SCENARIOS: Mapping[str, Scenario] = {
    "base": Scenario(),
    "null": Scenario(effect=0.0),
    "strong_facilitation": Scenario(facilitation=1.7),
    "violated_exclusion": Scenario(direct=0.35),
    "good_motivation": Scenario(reliability=0.9),
    "weak_selection": Scenario(motivation_to_exposure=0.3, motivation_to_outcome=0.3),
    "no_sites": Scenario(site_sd_exposure=0.0, site_sd_outcome=0.0),
    "outcome_attrition": Scenario(
        facilitation=1.7, followed=-0.5, outcome_to_followed=2.0, facilitation_to_followed=1.0
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """Effects of the sites on the logit scale, drawn once a data set; each (10,) floats."""

    exposure: Floats
    outcome: Floats


def draw_sites(scenario: Scenario, rng: np.random.Generator) -> Sites:
    """Draw the effects of the sites of one data set."""
    exposure, outcome = rng.standard_normal((2, SITES))
    return Sites(scenario.site_sd_exposure * exposure, scenario.site_sd_outcome * outcome)


def simulate_cohort(
    scenario: Scenario, n: int, rng: np.random.Generator, sites: Sites | None = None
) -> dict[str, Floats]:
    """Draw a cohort with both potential outcomes.

    Parameters
    ----------
    n : persons.
    sites : effects of the sites; drawn from ``rng`` when left out.

    Returns
    -------
    Columns of n floats: the covariates by name, ``mhg_weekly``, ``abstinent``, ``followed``, and
    what only a simulation knows: ``propensity`` (given latents, facilitation and site),
    ``abstinent_if_attending`` and ``abstinent_if_not``, which share one uniform draw.
    """
    sites = draw_sites(scenario, rng) if sites is None else sites
    persons = _draw_persons(scenario, n, rng)
    place, z = persons["site"].astype(np.int64), persons["facilitation"]
    propensity = expit(_exposure_logit(scenario, persons, z) + sites.exposure[place])
    a = bernoulli(propensity, rng)
    threshold = rng.random(n)
    y0, y1 = (
        (threshold < expit(_outcome_logit(scenario, persons, z, arm) + sites.outcome[place]))
        for arm in (0.0, 1.0)
    )
    y = np.where(a == 1, y1, y0).astype(np.float64)
    followed = bernoulli(expit(_followed_logit(scenario, persons, z, a, y)), rng)
    return persons | {
        "mhg_weekly": a,
        "abstinent": y,
        "followed": followed,
        "propensity": propensity,
        "abstinent_if_attending": y1.astype(np.float64),
        "abstinent_if_not": y0.astype(np.float64),
    }


def truth(scenario: Scenario, sites: Sites | None = None) -> Mapping[str, float]:
    """Compute the true values for given sites, by averaging probabilities over drawn persons.

    Parameters
    ----------
    sites : effects of the sites of the data set in hand; none when left out.

    Returns
    -------
    Differences in the risk of abstinence: ``ate``, ``att``, ``ato`` (weights e(1 - e) with the
    propensity e given everything but facilitation and site, which no rung adjusts for), ``late``
    (those whom facilitation brings to meetings); ``risk_exposed``, ``risk_unexposed`` in everyone,
    ``risk_ratio``, ``odds_ratio``, ``first_stage``, and the shares ``exposed`` and ``abstinent``.
    """
    sites = Sites(np.zeros(1), np.zeros(1)) if sites is None else sites
    persons = _draw_persons(scenario, TRUTH_DRAWS, generator(0, "truth of the structural model"))
    e0, e1 = (
        expit(_exposure_logit(scenario, persons, z)[:, None] + sites.exposure) for z in (0.0, 1.0)
    )
    mu = {
        (arm, z): expit(_outcome_logit(scenario, persons, z, arm)[:, None] + sites.outcome)
        for arm in (0.0, 1.0)
        for z in (0.0, 1.0)
    }
    mu0, mu1 = ((mu[arm, 0.0] + mu[arm, 1.0]) / 2 for arm in (0.0, 1.0))
    values = _summarise(e0, e1, mu0, mu1, exposed_gain=_exposed_gain(e0, e1, mu))
    return values | _facilitated(scenario, persons, {0.0: e0, 1.0: e1}, mu)


def expit(logit: Floats) -> Floats:
    """Turn log odds into probabilities."""
    return 1 / (1 + np.exp(-logit))


def bernoulli(
    probability: Floats | float, rng: np.random.Generator, n: int | None = None
) -> Floats:
    """Draw zeros and ones."""
    size = len(probability) if isinstance(probability, np.ndarray) else n
    return (rng.random(size) < probability).astype(np.float64)


def _draw_persons(scenario: Scenario, n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw everything that stands before the exposure."""
    severity = rng.standard_normal(n)
    motivation = 0.25 * severity + np.sqrt(0.9375) * rng.standard_normal(n)
    female, black = bernoulli(0.40, rng, n), bernoulli(0.35, rng, n)
    religiosity = 0.95 * rng.standard_normal(n) + 0.3 * black
    network = rng.standard_normal(n)
    opioid = bernoulli(0.45, rng, n)
    prior = bernoulli(expit(-0.4 + 0.4 * severity + 0.6 * motivation + 0.3 * religiosity), rng)
    r = scenario.reliability
    site: Ints = rng.integers(0, SITES, n)
    return {
        "true_motivation": motivation,
        "true_severity": severity,
        "motivation_score": np.sqrt(r) * motivation + np.sqrt(1 - r) * rng.standard_normal(n),
        "severity_score": severity + 0.5 * rng.standard_normal(n),
        "female": female,
        "black": black,
        "religiosity": religiosity,
        "network_support": network,
        "psychiatric": bernoulli(expit(-0.6 + 0.5 * severity + 0.3 * female), rng),
        "opioid": opioid,
        "moud": opioid * bernoulli(expit(-0.1 + 0.2 * severity), rng),
        "prior_mhg": prior,
        "abstinence_goal": bernoulli(expit(0.8 + 0.8 * motivation + 0.4 * religiosity), rng),
        "facilitation": bernoulli(0.5, rng, n),
        "site": site.astype(np.float64),
        "prior_outcome_control": bernoulli(expit(-0.2 + 0.6 * motivation - 0.5 * severity), rng),
    }


def _exposure_logit(scenario: Scenario, x: Mapping[str, Floats], z: Floats | float) -> Floats:
    """Give the log odds of weekly attendance, without the site."""
    return (
        -1.95
        + scenario.motivation_to_exposure * x["true_motivation"]
        + 0.25 * x["true_severity"]
        + 0.9 * x["prior_mhg"]
        + 0.45 * x["abstinence_goal"]
        + 0.2 * x["religiosity"]
        + 0.25 * x["network_support"]
        - 0.5 * x["moud"]
        + scenario.facilitation * z
    )


def _outcome_logit(
    scenario: Scenario, x: Mapping[str, Floats], z: Floats | float, arm: float
) -> Floats:
    """Give the log odds of abstinence in one arm, without the site."""
    return (
        -1.35
        + scenario.effect * arm
        + scenario.motivation_to_outcome * x["true_motivation"]
        - 0.55 * x["true_severity"]
        + 0.5 * x["abstinence_goal"]
        + 0.35 * x["network_support"]
        - 0.35 * x["psychiatric"]
        + 0.6 * x["moud"]
        + 0.1 * x["prior_mhg"]
        + scenario.direct * z
    )


def _followed_logit(
    scenario: Scenario,
    x: Mapping[str, Floats],
    z: Floats | float,
    arm: Floats | float,
    y: Floats | float,
) -> Floats:
    """Give the log odds of being followed up."""
    return (
        scenario.followed
        + scenario.outcome_to_followed * y
        + scenario.facilitation_to_followed * z
        + 0.25 * arm
        - 0.2 * x["true_severity"]
    )


def _facilitated(
    scenario: Scenario,
    x: Mapping[str, Floats],
    exposed: Mapping[float, Floats],
    mu: Mapping[tuple[float, float], Floats],
) -> dict[str, float]:
    """Contrast the facilitated with the others, in everyone and among those followed up.

    Parameters
    ----------
    exposed : facilitation -> probability of attendance, each (persons, sites).
    mu : (attendance, facilitation) -> probability of abstinence, each (persons, sites).
    """
    means: dict[tuple[float, bool], tuple[float, float]] = {}
    for z, e in exposed.items():
        shares = {
            (arm, y): (e if arm else 1 - e) * (mu[arm, z] if y else 1 - mu[arm, z])
            for arm in (0.0, 1.0)
            for y in (0.0, 1.0)
        }
        seen = {
            (arm, y): share * expit(_followed_logit(scenario, x, z, arm, y))[:, None]
            for (arm, y), share in shares.items()
        }
        means[z, False], means[z, True] = _margins(shares), _margins(seen)
    (itt, first), (itt_seen, first_seen) = (
        tuple(one - other for one, other in zip(means[1.0, some], means[0.0, some], strict=True))
        for some in (False, True)
    )
    return {
        "itt": itt,
        "wald": itt / first,
        "itt_followed": itt_seen,
        "wald_followed": itt_seen / first_seen,
    }


def _margins(shares: Mapping[tuple[float, float], Floats]) -> tuple[float, float]:
    """Give the shares abstinent and attending, of (attendance, abstinence) -> probability."""
    weight = {cell: float(share.mean()) for cell, share in shares.items()}
    total = sum(weight.values())
    abstinent = sum(share for (_, y), share in weight.items() if y)
    attending = sum(share for (arm, _), share in weight.items() if arm)
    return abstinent / total, attending / total


def _exposed_gain(e0: Floats, e1: Floats, mu: Mapping[tuple[float, float], Floats]) -> float:
    """Give the mean gain among the exposed, who have been facilitated more often than others."""
    gain = e0 * (mu[1.0, 0.0] - mu[0.0, 0.0]) + e1 * (mu[1.0, 1.0] - mu[0.0, 1.0])
    return float(gain.mean() / (e0 + e1).mean())


def _summarise(
    e0: Floats, e1: Floats, mu0: Floats, mu1: Floats, exposed_gain: float
) -> dict[str, float]:
    """Average (persons, sites) probabilities into the true values."""
    gain, e = mu1 - mu0, (e0 + e1) / 2
    overlap = e.mean(axis=1) * (1 - e.mean(axis=1))
    risk0, risk1 = float(mu0.mean()), float(mu1.mean())
    return {
        "ate": risk1 - risk0,
        "att": exposed_gain,
        "ato": float((overlap * gain.mean(axis=1)).mean() / overlap.mean()),
        "late": float(((e1 - e0) * gain).mean() / (e1 - e0).mean()),
        "risk_exposed": risk1,
        "risk_unexposed": risk0,
        "risk_ratio": risk1 / risk0,
        "odds_ratio": risk1 / (1 - risk1) / (risk0 / (1 - risk0)),
        "first_stage": float((e1 - e0).mean()),
        "exposed": float(e.mean()),
        "abstinent": float((e * mu1 + (1 - e) * mu0).mean()),
    }
