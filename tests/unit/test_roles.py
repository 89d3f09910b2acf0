"""Clusters by a column: what the codebook must say of it, and what the data must hold."""

import numpy as np
import pandas as pd
import pytest

from causal.codebook import Codebook, Measurement, Variable
from causal.cohort import Cohort
from causal.errors import PositivityError, SpecError
from causal.registry import describe
from causal.roles import check_cluster, clusters_of

SITE = Variable("site", "site", "categorical", "", None, None, {}, 0.0, (), None, "")


def cohort(rows: list[tuple[str, int, str | float]]) -> Cohort:
    """Make a cohort of (person, wave, site)."""
    table = pd.DataFrame(rows, columns=["person_id", "wave", "site"])
    return Cohort("made up", table, Codebook("made up", {"site": SITE}), (0, 6), 30.0, "")


ROWS = [("p1", 0, "b"), ("p1", 6, np.nan), ("p2", 0, "a"), ("p2", 6, "a"), ("p3", 0, "b")]


def changed(position: int, site: str | float) -> Cohort:
    rows = list(ROWS)
    rows[position] = (*rows[position][:2], site)
    return cohort(rows)


def test_every_row_takes_the_persons_value_at_the_first_wave():
    persons = pd.Series(["p2", "p1", "p1", "p3"], index=[7, 3, 1, 0])
    assert clusters_of(cohort(ROWS), "site", persons).tolist() == [0, 1, 1, 1]


def test_a_missing_value_at_the_first_wave_is_refused_with_the_person():
    persons = pd.Series(["p1", "p2", "p3"])
    with pytest.raises(SpecError, match=r"missing at the first wave of 1 of 3 persons.*person p2"):
        clusters_of(changed(2, np.nan), "site", persons)


def test_a_value_that_varies_within_a_person_is_refused_with_both_values():
    persons = pd.Series(["p1", "p2", "p3"])
    with pytest.raises(SpecError, match=r"varies in 1 of 3, first person p2 \(a, b\)"):
        clusters_of(changed(3, "b"), "site", persons)


def test_only_the_persons_analysed_are_looked_at():
    persons = pd.Series(["p1", "p2"])
    assert clusters_of(changed(4, np.nan), "site", persons).tolist() == [1, 0]


def test_a_single_cluster_is_refused():
    with pytest.raises(PositivityError, match=r"everybody analysed has one 'site' \(b\)"):
        clusters_of(cohort(ROWS), "site", pd.Series(["p1", "p3"]))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("female", "'female' is binary; a cluster must be categorical or id"),
        ("sit", "no column 'sit'.*site"),
        ("person_id", "'person_id' is a key"),
        ("wave", "'wave' is a key"),
    ],
)
def test_a_column_that_names_no_group_is_no_cluster(column, message):
    with pytest.raises(SpecError, match=message):
        check_cluster(describe("simulated"), column)


def test_a_cluster_first_measured_after_baseline_is_refused(monkeypatch):
    info = describe("simulated")
    late = Measurement("site", "site", "end", proxy=False)
    variable = Variable("site", "site", "categorical", "", None, None, {}, 0.0, (late,), None, "")
    monkeypatch.setitem(info.codebook.variables, "site", variable)
    with pytest.raises(SpecError, match="'site' is not measured at baseline"):
        check_cluster(info, "site")


def test_a_site_and_no_cluster_at_all_are_allowed():
    check_cluster(describe("simulated"), "site")
    check_cluster(describe("simulated"), None)
