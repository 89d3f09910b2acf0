"""Clusters by site from specification to report, on a simulated trial at ten sites."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causal.errors import PositivityError, SpecError
from causal.pipeline import estimate, run
from causal.planning import Plan, plan_analysis
from causal.registry import describe, load_cohort
from causal.report import rendered
from causal.report.caveats import caveats
from causal.result import Result
from causal.sampling import Drawn, draw_sample
from causal.spec import Specification, load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
EXACT = 1e-12
"""The same sums in another order."""
ROWS = 1500


def specified(
    folder: Path, *changes: tuple[str, str], name: str = "simulated_facilitation_sites"
) -> Specification:
    """Read a committed analysis with few persons and pieces of its text replaced."""
    text = (ANALYSES / f"{name}.yaml").read_text(encoding="utf-8")
    text = text.replace("dags/", f"{ANALYSES}/dags/")
    text = re.sub(r"n: \d+", f"n: {ROWS}", text)
    text = re.sub(r"companions: .*\n", "", text)  # there are none in the folder
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return load_analysis(path)


def drawn(specification: Specification) -> tuple[Plan, Drawn]:
    plan = plan_analysis(specification, describe("simulated"))
    return plan, draw_sample(load_cohort("simulated", plan.analysis.options), plan)


@pytest.fixture(scope="module")
def by_site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Drawn]:
    specification = specified(tmp_path_factory.mktemp("sites"))
    return run(specification), drawn(specification)[1]


def test_the_crude_standard_error_is_cr1_by_hand(by_site):
    result, made = by_site
    sample = made.sample
    known = sample.observed
    y, a, site = sample.y[known], sample.a[known], sample.cluster[known]
    x = np.column_stack([np.ones(len(y)), a])
    bread = np.linalg.inv(x.T @ x)
    scores = x * (y - x @ bread @ x.T @ y)[:, None]
    sums = np.array([scores[site == one].sum(axis=0) for one in range(10)])
    factor = 10 / 9 * (len(y) - 1) / (len(y) - 2)  # Cameron & Miller 2015, equation 12
    variance = factor * (bread @ sums.T @ sums @ bread)[1, 1]
    assert result.crude.std_error == pytest.approx(np.sqrt(variance), rel=EXACT)


def test_every_rung_has_ten_clusters_and_the_page_calls_them_so(by_site):
    result, made = by_site
    assert made.sample.n_clusters == 10
    assert {rung.n_clusters for rung in result.rungs} == {10}
    assert result.design.cluster == "site"
    page = rendered(result)["report.md"].decode()
    assert "Rows are clustered by site, 10 clusters" in page
    assert "| n (clusters) |" in page
    assert "(persons)" not in page
    assert f"| {ROWS} (10) |" in page


def test_the_page_warns_of_few_clusters_and_names_the_jackknife(by_site):
    said = " ".join(caveats(by_site[0]))
    assert "clustering by site or clinic" not in said
    assert "take persons of one `site` as dependent" in said
    assert "With 10 clusters (`site`), fewer than 20" in said
    assert "the sets of iv leave clusters out one by one instead (jackknife)." in said
    many = [one.model_copy(update={"n_clusters": 20}) for one in by_site[0].rungs]
    assert "fewer than" not in " ".join(caveats(by_site[0].model_copy(update={"rungs": many})))
    plain = [one for one in by_site[0].rungs if one.estimator != "iv"]
    alone = " ".join(caveats(by_site[0].model_copy(update={"rungs": plain, "headline": "full"})))
    assert "With 10 clusters" in alone
    assert "jackknife" not in alone


def test_clusters_change_intervals_and_no_estimate(by_site, tmp_path):
    without = run(specified(tmp_path, ("  cluster: site\n", "")))
    assert without.crude.n_clusters is None
    assert without.design.cluster == ""
    for one, other in zip(by_site[0].rungs, without.rungs, strict=True):
        assert one.estimate == other.estimate
        assert one.std_error != other.std_error
    for name in ("tsls", "tsls_adjusted"):
        assert by_site[0].rung(name).region != without.rung(name).region


def test_the_number_of_sites_is_no_count_of_persons(tmp_path):
    plan, _ = drawn(specified(tmp_path))
    cohort = replace(load_cohort("simulated", plan.analysis.options), min_cell=11)
    result = estimate(plan, cohort)
    assert result.crude.n_clusters == 10


def test_folds_and_units_stay_with_persons(by_site):
    sample = by_site[1].sample
    assert len(np.unique(sample.unit)) == sample.n == ROWS


def test_resamples_are_of_sites_and_say_so(tmp_path):
    refuters = (
        "refuters:\n"
        "  - {kind: bootstrap, draws: 200, method: multiplier}\n"
        "  - {kind: placebo_exposure, draws: 20}\n"
    )
    found = run(
        specified(
            tmp_path,
            ("headline: tsls\n", f"headline: full\n{refuters}"),
            ("target: LATE", "target: ATE"),
        )
    ).refutations
    assert "as if clusters were drawn" in found[0].reason
    assert found[1].verdict in ("PASS", "FAIL", "NOT_RESOLVABLE")


def test_intervals_may_be_clustered_by_something_wider_than_the_person(tmp_path):
    name = "simulated_reverse_only"
    plan, persons = drawn(specified(tmp_path, name=name))
    cohort = load_cohort("simulated", plan.analysis.options)  # a world without sites: put some in
    sites = "site_" + cohort.table["person_id"].str[-1]
    cohort = replace(cohort, table=cohort.table.assign(site=sites))
    place = ("kind: lagged_intervals", "kind: lagged_intervals\n  cluster: site")
    planned = plan_analysis(specified(tmp_path, place, name=name), describe("simulated"))
    sample = draw_sample(cohort, planned).sample
    assert persons.sample.n_clusters == ROWS
    assert sample.n_clusters == 10
    assert sample.n == persons.sample.n
    assert np.array_equal(sample.unit, persons.sample.unit)
    assert np.array_equal(sample.cluster, (sample.unit + 1) % 10)


def test_what_is_wrong_with_a_cluster_is_told_with_its_place(tmp_path):
    with pytest.raises(SpecError, match=r"spec.yaml:\d+: design.cluster: 'female' is binary"):
        drawn(specified(tmp_path, ("cluster: site", "cluster: female")))
    one = ("chosen:", "population: site == 'site_0'\nchosen:")
    with pytest.raises(PositivityError, match=r"spec.yaml:\d+: design.cluster: everybody"):
        drawn(specified(tmp_path, one))
