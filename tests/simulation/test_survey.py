"""Coverage of a population's effect by a survey that draws unequally, in strata and clusters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from benchmarks.worlds import survey
from causal.estimators import AIPW, GComputation, InverseProbability, NuisanceStore
from causal.estimators.nuisance import OutcomeModel
from causal.simulate_survey import SURVEYS, survey_truth

pytestmark = pytest.mark.simulation

REPLICATES, PERSONS = 400, 2000
ESTIMATORS = {
    "g_computation": GComputation(outcome=OutcomeModel(arms="separate")),
    "ipw": InverseProbability(),
    "aipw": AIPW(outcome=OutcomeModel(arms="separate")),
}


def test_intervals_cover_the_population_and_those_that_ignore_the_design_do_not():
    rng, truth = np.random.default_rng(5), survey_truth(SURVEYS["base"])
    hit = dict.fromkeys([*ESTIMATORS, "no design", "no weights"], 0)
    estimates, errors = [], []
    for _ in range(REPLICATES):
        sample = survey(PERSONS, rng)
        told = {name: (sample, one) for name, one in ESTIMATORS.items()}
        told["no design"] = (replace(sample, cluster=None, strata=None), ESTIMATORS["ipw"])
        told["no weights"] = (replace(sample, w=np.ones(sample.n)), ESTIMATORS["ipw"])
        for name, (rows, estimator) in told.items():
            effect = estimator.fit(rows, NuisanceStore(), rng).effect("risk_difference")
            hit[name] += effect.lo <= truth["ate"] <= effect.hi
            if name == "ipw":
                estimates.append(effect.estimate)
                errors.append(effect.std_error)
    covers = {name: count / REPLICATES for name, count in hit.items()}
    low, high = acceptance_band(REPLICATES, len(ESTIMATORS))
    for name in ESTIMATORS:
        assert low <= covers[name] <= high, covers
    assert covers["no design"] < low, covers
    assert covers["no weights"] < 0.5, covers
    spread = float(np.std(estimates, ddof=1))
    assert abs(np.mean(estimates) - truth["ate"]) < 4 * spread / np.sqrt(REPLICATES)
    assert np.mean(errors) == pytest.approx(spread, rel=0.12)
