"""Puts a survey's design, and the weights of the rungs, into the result document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causal import result as doc
from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.fitting import FittedRung
from causal.planning import Plan
from causal.sampling import Drawn
from causal.weight_factors import WeightSummary


def compose_weights(
    named: Sequence[tuple[str, FittedRung]], min_cell: int
) -> list[doc.WeightsBlock]:
    """Write the weights of every rung that has any."""
    return [
        doc.WeightsBlock(rung=name, factors=[_factor(one, min_cell) for one in fitted.weights])
        for name, fitted in named
        if fitted.weights
    ]


def survey_sentences(plan: Plan, drawn: Drawn) -> list[str]:
    """Say how the survey drew its sample, and what that does to estimates and errors."""
    survey, sample = plan.analysis.design.survey, drawn.sample
    if survey is None or sample.strata is None:
        return []
    units = sample.n if sample.n_clusters is None else sample.n_clusters
    called = "persons" if sample.n_clusters is None or not survey.cluster else survey.cluster
    parts = [f"{units} sampling units ({called})"]
    if survey.strata:
        parts.append(f"{sample.strata.number} strata ({survey.strata})")
    said = [
        f"The sample was drawn by a survey: {', '.join(parts)}; standard errors are linearised "
        f"within strata, with {units - sample.strata.number} degrees of freedom."
    ]
    if survey.weight:
        said.append(
            f"Rows are weighted by the column '{survey.weight}': estimates answer for the "
            "population drawn from, and not for the sample."
        )
    if survey.population_size:
        said.append(
            "The variance is reduced by the share of units drawn (finite population correction): "
            "intervals are about this population and no other."
        )
    if survey.lonely != "refuse":
        said.append(f"A stratum of one sampling unit counts as {survey.lonely}.")
    return said


def arm_mean(x: Floats, arm: Bools, sample: Sample, known: Bools) -> float:
    """Give the mean of a column in one arm: of its rows, or weighted to a survey's population.

    Parameters
    ----------
    x, arm : of the rows where the column is known.
    known : (n,) booleans, which rows these are.
    """
    if sample.strata is None:
        return float(x[arm].mean())
    return float(np.average(x[arm], weights=sample.w[known][arm]))


def _factor(one: WeightSummary, min_cell: int) -> doc.WeightBlock:
    """Write one factor."""
    return doc.WeightBlock(
        name=one.name,
        rows=doc.suppressed(one.rows, min_cell),
        mean=one.mean,
        lowest=one.lowest,
        highest=one.highest,
        variation=one.variation,
        effective=one.effective,
        design_effect=one.design_effect,
    )
