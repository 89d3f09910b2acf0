"""A survey from specification to report: what is refused, what is weighted, and what is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causal.errors import PositivityError, SpecError
from causal.pipeline import estimate, run
from causal.planning import Plan, plan_analysis
from causal.registry import describe, known_truths, load_cohort
from causal.report import rendered
from causal.result import Result
from causal.sampling import Drawn, draw_sample
from causal.simulate_survey import SURVEYS, simulate_survey, survey_truth
from causal.spec import Specification, load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
SURVEY = "survey: {weight: weight, strata: region, cluster: clinic}"
EXACT = 1e-12
SHORT = ("n: 8000", "n: 2000")


def specified(folder: Path, *changes: tuple[str, str]) -> Specification:
    """Read the committed analysis, short and without what follows the ladder, pieces replaced."""
    text = (ANALYSES / "simulated_survey.yaml").read_text(encoding="utf-8")
    text = text[: text.index("subgroups:")] + text[text.index("\nseed:") + 1 :]
    text = text.replace("dags/", f"{ANALYSES}/dags/")
    for old, new in (SHORT, *changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return load_analysis(path)


def planned(specification: Specification) -> Plan:
    return plan_analysis(specification, describe("simulated_survey"))


def drawn(specification: Specification) -> tuple[Plan, Drawn]:
    plan = planned(specification)
    return plan, draw_sample(load_cohort("simulated_survey", plan.analysis.options), plan)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Drawn]:
    specification = specified(tmp_path_factory.mktemp("survey"))
    return run(specification), drawn(specification)[1]


def test_weights_units_and_strata_reach_the_sample(found):
    sample = found[1].sample
    assert sample.w.mean() == pytest.approx(1, rel=EXACT)
    assert sample.n_clusters == 40  # five a region, though each region numbers from 1
    assert sample.strata.number == 8
    assert set(sample.strata.drawn) == {5.0}
    assert not sample.strata.fraction.any()


def test_the_crude_rung_is_linearised_by_hand(found):
    result, made = found
    sample = made.sample
    y, a, w = np.where(sample.observed, sample.y, 0), sample.a, sample.w * sample.observed
    means = [w[a == arm] @ y[a == arm] / w[a == arm].sum() for arm in (0, 1)]
    assert result.crude.estimate == pytest.approx(means[1] - means[0], rel=1e-9)
    e = w * a * (y - means[1]) / (w * a).sum() - w * (1 - a) * (y - means[0]) / (w * (1 - a)).sum()
    variance = 0.0
    for h in range(8):
        units = np.unique(sample.cluster[sample.strata.code == h])
        sums = np.array([e[sample.cluster == g].sum() for g in units])
        variance += 5 / 4 * np.sum((sums - sums.mean()) ** 2)
    assert result.crude.std_error == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_the_page_says_how_the_sample_was_drawn(found):
    page = rendered(found[0])["report.md"].decode()
    assert "40 sampling units (clinic), 8 strata (region)" in page
    assert "with 32 degrees of freedom" in page
    assert "averaged over the population drawn from (ATE)" in page
    assert "everybody analysed" not in page
    assert "| n (clusters) |" in page
    assert "| `ipw` | **product** |" in page
    assert "Survey weights are taken as they come" in page


def test_factors_multiply_to_the_product_that_is_shown(found):
    block = next(one for one in found[0].weights if one.rung == "ipw")
    assert [one.name for one in block.factors] == [
        "survey", "exposure", "attrition: outcome known", "product",
    ]  # fmt: skip
    for one in block.factors:
        assert one.design_effect == pytest.approx(1 + one.variation**2, rel=1e-9)
        assert one.effective == pytest.approx(one.rows / one.design_effect, rel=1e-9)
    check = next(d for d in found[0].diagnostics if (d.rung, d.name) == ("ipw", "weight_mean"))
    assert block.factors[-1].mean == pytest.approx(check.value, rel=1e-9)
    crude = next(one for one in found[0].weights if one.rung == "crude")
    assert [one.name for one in crude.factors] == ["survey"]


def test_weights_and_design_change_what_they_should(found, tmp_path):
    result = found[0]
    unweighted = run(
        specified(
            tmp_path,
            ("weight: weight, ", ""),
            ("weights: [survey, attrition, exposure]", "weights: rows"),
        )
    )
    plain = run(
        specified(
            tmp_path,
            ("strata: region, cluster: clinic", ""),
        )
    )
    assert unweighted.rung("ipw").estimate > result.rung("ipw").estimate + 0.03
    assert plain.rung("ipw").estimate == result.rung("ipw").estimate
    assert plain.rung("ipw").std_error != result.rung("ipw").std_error
    assert plain.rung("ipw").n_clusters is None


def test_a_population_keeps_the_design_it_was_drawn_by(tmp_path):
    """Five clinics were drawn in a region, however many of them have patients of a kind."""
    some = ("chosen:", "population: severity > 2.6\nchosen:")
    sample = drawn(specified(tmp_path, some))[1].sample
    assert sample.n_clusters < 40
    assert set(sample.strata.drawn) == {5.0}


def test_the_variance_is_smaller_by_the_share_drawn(tmp_path):
    size = ("cluster: clinic}", "cluster: clinic, population_size: clinics_in_region}")
    sample = drawn(specified(tmp_path, size))[1].sample
    assert sorted(set(np.round(sample.strata.fraction, 6))) == sorted(
        np.round([5 / there for there in (150, 120, 90, 60, 40, 20, 12, 8)], 6)
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("weight: weight", "weight: wait"), r"design.survey: .*no column 'wait'"),
        (("weight: weight", "weight: region"), r"design.survey: 'region' is categorical; a weight"),
        (("strata: region", "strata: opioid"), r"'opioid' is binary; a strata must be"),
        (("cluster: clinic", "cluster: person_id"), r"'person_id' is a key"),
        ((SURVEY, f"cluster: region\n  {SURVEY}"), r"keep survey.cluster"),
        ((SURVEY, "survey: {}"), r"at least one of weight, strata and cluster"),
        (
            ("weights: [survey, attrition, exposure]\n", ""),
            r"rung 'ipw' multiplies weights \(survey x attrition x exposure\).*"
            r"Write weights: \[survey, attrition, exposure\]",
        ),
        (
            ("weights: [survey, attrition, exposure]", "weights: [survey, exposure]"),
            r"weights: the factors declared are survey, exposure, and the rungs weigh by survey, "
            r"attrition, exposure",
        ),
        (
            ("{kind: mean_difference}", "{kind: mean_difference, variance: {kind: CR2}}"),
            r"ladder\[0\].estimator: variance.kind CR2 knows nothing of how a survey",
        ),
        (
            ("{kind: mean_difference}", "{kind: mean_difference, variance: {clustered: false}}"),
            r"ignores the sampling units",
        ),
        (
            ("missing: {outcome: keep}", "missing: {outcome: keep, covariates: "
             "multiple_imputation}"),
            r"without the survey's weight 'weight'.*auxiliary: \[weight@baseline\]",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_any_data(tmp_path, change, said):
    with pytest.raises(SpecError, match=said):
        planned(specified(tmp_path, change))


def changed(plan: Plan, column: str, values) -> Drawn:
    """Draw from the cohort with a column of the first wave replaced."""
    cohort = load_cohort("simulated_survey", plan.analysis.options)
    table = cohort.table.copy()
    first = table["wave"] == 0
    table.loc[first, column] = values(table.loc[first])
    return draw_sample(replace(cohort, table=table), plan)


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        (
            "weight",
            lambda t: t["weight"].where(t["person_id"] != "000007", 0.0),
            r"spec.yaml:\d+: design.survey: the weight 'weight' is 0 for person 000007",
        ),
        (
            "weight",
            lambda t: t["weight"].where(t["person_id"] != "000007"),
            r"the weight 'weight' is missing at the first wave of 1 of 2000 persons",
        ),
        (
            "clinic",
            lambda t: t["clinic"].where(t["region"] != "region_3", "clinic_1"),
            r"the stratum 'region_3' has one sampling unit.*lonely: certainty.*lonely: centred",
        ),
    ],
)
def test_values_that_do_not_fit_are_told_with_their_place(tmp_path, column, values, said):
    with pytest.raises(SpecError, match=said):
        changed(planned(specified(tmp_path)), column, values)


@pytest.mark.parametrize("lonely", ["certainty", "centred"])
def test_a_stratum_of_one_unit_may_be_declared(tmp_path, lonely):
    plan = planned(
        specified(tmp_path, ("cluster: clinic}", f"cluster: clinic, lonely: {lonely}}}"))
    )
    alone = changed(
        plan, "clinic", lambda t: t["clinic"].where(t["region"] != "region_3", "clinic_1")
    )
    assert alone.sample.strata.certain == (lonely == "certainty")
    assert alone.sample.n_clusters == 36


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (lambda t: t["clinics_in_region"] * 0 + 4, r"population_size of 4, and 5 sampling units"),
        (
            lambda t: t["clinics_in_region"] + t["opioid"],
            r"must have one value a stratum, but goes from \d+ to \d+ in the stratum 'region_1'",
        ),
    ],
)
def test_a_population_that_cannot_be_is_refused(tmp_path, values, said):
    size = ("cluster: clinic}", "cluster: clinic, population_size: clinics_in_region}")
    with pytest.raises(SpecError, match=said):
        changed(planned(specified(tmp_path, size)), "clinics_in_region", values)


def test_as_many_units_as_strata_leave_no_freedom(tmp_path):
    one = ("chosen:", "population: clinic == 'clinic_1'\nchosen:")
    plan, made = drawn(specified(tmp_path, one))
    cohort = load_cohort("simulated_survey", plan.analysis.options)
    assert made.sample.n_clusters == 8
    with pytest.raises(PositivityError, match="8 sampling units in 8 strata"):
        estimate(plan, cohort)


def test_the_first_page_counts_resamples_within_strata(tmp_path):
    refuters = "\nrefuters:\n  - {kind: bootstrap, draws: 400, method: multiplier}\n"
    refuters += "  - {kind: bootstrap, draws: 50}\n  - {kind: data_subset, draws: 20}\nseed: 2026"
    multiplied, refitted, parts = run(specified(tmp_path, ("\nseed: 2026", refuters))).refutations
    assert multiplied.verdict == "PASS"
    assert refitted.verdict == parts.verdict == "NOT_EVALUATED"
    assert "method: multiplier weighs sampling units within strata" in refitted.reason


def test_the_truth_is_that_of_the_population():
    options = {"scenario": "base", "n": 4000, "seed": 1, "attrition": False}
    weighted, unweighted = known_truths("simulated_survey", options)
    true = weighted.values
    assert dict(true) == dict(survey_truth(SURVEYS["base"]))
    assert (weighted.question.weight, unweighted.question.weight) == ("weight", "")
    assert unweighted.values == {"ate": true["ate_of_the_sample"]}
    assert true["ate_of_the_sample"] > true["ate"] + 0.06
    assert survey_truth(SURVEYS["null"])["ate"] == 0


def test_weights_bring_the_sample_to_the_population():
    drawn_ = simulate_survey(SURVEYS["base"], 400_000, np.random.default_rng(1))
    true = survey_truth(SURVEYS["base"])
    assert drawn_["opioid"].mean() > 0.6
    weighted = np.average(drawn_["opioid"], weights=drawn_["weight"])
    assert weighted == pytest.approx(true["opioid"], abs=0.004)
    assert drawn_["weight"].sum() == pytest.approx(200 * 500, rel=0.01)  # 200 in each of 500


def test_imputations_of_a_survey_know_its_weight_and_keep_its_design(tmp_path):
    text = ("missing: {outcome: keep}", "missing: {outcome: multiple_imputation, imputation: "
            "{m: 2, iterations: 2, auxiliary: [weight@baseline]}}")  # fmt: skip
    plan = planned(
        specified(
            tmp_path,
            text,
            ("weights: [survey, attrition, exposure]", "weights: [survey]"),
            ("  - {name: ipw, adjust: dag, followed: {adjust: [severity], interactions: "
             "[severity]}, estimator: {kind: ipw}}\n", ""),
            ("  - {name: overlap, adjust: dag, followed: {adjust: [severity], interactions: "
             "[severity]}, estimator: {kind: overlap}}\nheadline: ipw\n", ""),
        )
    )  # fmt: skip
    result = estimate(plan, load_cohort("simulated_survey", plan.analysis.options))
    assert result.rung("standardised").n_clusters == 40
    df = next(d.value for d in result.diagnostics if d.name == "imputation_df")
    assert 0 < df < 32  # Barnard and Rubin's, of what the survey leaves
    assert [one.rung for one in result.weights] == ["crude", "standardised"]


def test_persons_are_the_units_of_intervals_without_a_cluster(tmp_path):
    text = (ANALYSES / "simulated_reverse_only.yaml").read_text(encoding="utf-8")
    text = text.replace("dags/", f"{ANALYSES}/dags/").replace("n: 20000", "n: 600")
    text = text.replace(
        "kind: lagged_intervals", "kind: lagged_intervals\n  survey: {strata: site}"
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    plan = plan_analysis(load_analysis(path), describe("simulated"))
    cohort = load_cohort("simulated", plan.analysis.options)
    cohort = replace(
        cohort, table=cohort.table.assign(site="site_" + cohort.table["person_id"].str[-1])
    )
    sample = draw_sample(cohort, plan).sample
    persons = cohort.table["person_id"].nunique()
    assert sample.n > sample.n_clusters == persons
    assert sample.strata.number == 10
    assert set(sample.strata.drawn) == {persons / 10}
