"""From cohort to sample: the rows all rungs share, and what stands where values were missing."""

from pathlib import Path

import numpy as np
import pytest

from causal.cohort import TIME
from causal.errors import DataNotAvailableError
from causal.planning import plan_analysis
from causal.registry import describe, load_cohort
from causal.sampling import draw_sample
from causal.spec import load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"


def drawn(name: str):
    specification = load_analysis(ANALYSES / f"{name}.yaml")
    analysis = specification.analysis
    plan = plan_analysis(specification, describe(analysis.dataset))
    try:
        cohort = load_cohort(analysis.dataset, analysis.options)
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    return cohort, draw_sample(cohort, plan)


@pytest.mark.data
def test_medians_are_those_of_everybody_at_the_first_wave_after_features():
    cohort, made = drawn("help_drug_use")
    first = cohort.table[cohort.table["wave"] == 0].set_index("person_id")
    assert len(first) == 470
    absent = first.index[first["alcohol_severity"].isna()]
    column = made.sample.x[:, made.sample.terms.index("alcohol_severity")]
    median = float(first["alcohol_severity"].median())
    assert len(absent) == 6
    assert made.filled["alcohol_severity"] == int(np.isclose(column, median).sum()) > 0
    early = [not term.endswith("@end") for term in made.sample.terms]
    assert not np.isnan(made.sample.x[:, early]).any()  # brackets may miss what came later


@pytest.mark.data
def test_intervals_are_clustered_by_person_and_carry_their_time():
    _, made = drawn("help_drug_use")
    sample = made.sample
    assert (sample.n, sample.n_clusters) == (393, 203)
    assert [t for t, c in zip(sample.terms, sample.concepts, strict=True) if c == TIME] == [
        "interval ending at 12",
        "interval ending at 18",
    ]


@pytest.mark.data
def test_a_missing_dose_takes_the_value_of_the_first_wave():
    cohort, made = drawn("help_drug_use")
    assert made.filled["mhg_dose@start"] > 0
    doses = made.sample.x[:, made.sample.terms.index("mhg_dose@start")]
    assert set(np.unique(doses)) <= set(range(6)) | {
        float(cohort.table.loc[cohort.table["wave"] == 0, "mhg_dose"].median())
    }


def test_the_sample_does_not_depend_on_the_order_of_the_table():
    cohort, made = drawn("simulated_reverse_only")
    from dataclasses import replace

    turned = replace(cohort, table=cohort.table.iloc[::-1].reset_index(drop=True))
    specification = load_analysis(ANALYSES / "simulated_reverse_only.yaml")
    plan = plan_analysis(specification, describe("simulated"))
    again = draw_sample(turned, plan).sample
    for name in ("unit", "y", "a", "x"):
        assert np.array_equal(getattr(made.sample, name), getattr(again, name))
