"""A time to an event from the specification to the report, and what is refused on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from causal.assailing import check_assaults
from causal.documents import read_document
from causal.errors import CausalError
from causal.pipeline import run
from causal.planning import plan_analysis
from causal.registry import describe
from causal.report import rendered
from causal.spec import analysis_from

SPEC = Path(__file__).parents[2] / "analyses" / "simulated_time_to_use.yaml"


def specified(tmp_path, **changed):
    """Write the specification with some keys changed; None takes one away."""
    tree = yaml.safe_load(SPEC.read_text()) | {"options": {"n": 1500, "seed": 2}}
    tree |= {"dag": str(SPEC.parent / "dags" / "simulated_times.yaml"), **changed}
    path = tmp_path / "times.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in tree.items() if v is not None}))
    return analysis_from(read_document(path))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(specified(tmp_path_factory.mktemp("times")))


def test_every_rung_has_its_curve_and_a_share(result):
    for rung in result.rungs:
        assert rung.profile.kind == "survival"
        assert [one.x for one in rung.profile.points if one.listed] == [28, 91, 182] * 2
    at_91 = result.rung("full").profile.contrasts[1]
    assert at_91.name == "risk by 91 days"
    assert at_91.estimate == pytest.approx(result.rung("full").estimate, rel=1e-9)
    assert result.rung("full").remaining.value == pytest.approx(
        result.rung("full").estimate / result.crude.estimate, rel=1e-9
    )
    assert result.rung("full").means[1] < result.rung("full").means[0]


def test_the_report_says_which_risk_and_draws_the_curves(result):
    files = rendered(result)
    text = files["report.md"].decode()
    assert "the risk of the event “first use of the drug” within 91 days" in text
    assert "in the presence of death before any use" in text
    assert "hazard ratio is not given" in text
    assert "figures/profiles.svg" in files
    assert b"mean days lost to the event" in files["tables/profiles.csv"]


def test_risks_do_not_fall_with_time_where_curves_are_product_limits(result):
    points = result.rung("full").profile.points
    for series in ("unexposed", "exposed"):
        risks = [one.estimate for one in points if one.series == series]
        assert risks == sorted(risks)


LADDER = [
    {"name": "crude", "estimator": {"kind": "kaplan_meier"}},
    {"name": "full", "adjust": "dag", "estimator": {"kind": "ipw"}},
]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"ladder": LADDER, "headline": None},
            r"ladder\[1\].estimator.*ipw takes an outcome known in full.*"
            r"Use kaplan_meier \(crude\), ipw_kaplan_meier or survival_aipw",
        ),
        ({"design": {"kind": "baseline", "exposure": "mhg_weekly", "exposure_wave": 0,
                     "outcome": "first_use"}},
         r"kaplan_meier takes a time to an event; 'first_use' is binary"),
        ({"estimand": {"target": "ATE", "scale": "mean_difference"}}, "called risk_difference"),
        (
            {"ladder": [LADDER[0], {"name": "full", "adjust": "dag",
                                    "estimator": {"kind": "survival_aipw", "width": 30}}],
             "headline": None},
            r"ladder\[1\].estimator: 28 days are not a whole number of steps of 30",
        ),
    ],
    ids=["estimator of an outcome", "no time", "scale", "steps"],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_place_and_choices(tmp_path, changed, message):
    specification = specified(tmp_path, **changed)
    with pytest.raises(CausalError, match=message):
        plan_analysis(specification, describe("simulated_times"))


def test_refuters_and_sensitivity_decline_with_the_reason(tmp_path):
    found = run(
        specified(
            tmp_path,
            refuters=[{"kind": "placebo_exposure", "draws": 20}],
            sensitivity=[{"kind": "e_value"}],
        )
    )
    assert found.refutations[0].verdict == "NOT_EVALUATED"
    assert "times to an event" in found.refutations[0].reason
    assert "times to an event" in found.sensitivity[0].sentence


def test_a_time_is_not_imputed_and_the_covariates_are(tmp_path):
    imputed = {"covariates": "multiple_imputation", "imputation": {"m": 2}}
    with pytest.raises(CausalError, match=r"missing\.outcome: a time to an event is not"):
        check_assaults(
            plan_analysis(
                specified(tmp_path, missing=imputed | {"outcome": "multiple_imputation"}),
                describe("simulated_times"),
            )
        )
    check_assaults(plan_analysis(specified(tmp_path, missing=imputed), describe("simulated_times")))


def test_a_doubly_robust_rung_may_weigh_for_those_without_a_time(tmp_path):
    """Here everybody has one, which the regression of having one is the first to say."""
    weighed = {
        "name": "full",
        "adjust": "dag",
        "followed": {"adjust": ["severity"]},
        "estimator": {"kind": "survival_aipw"},
    }
    missing = {"outcome": "keep"}
    specification = specified(tmp_path, ladder=[LADDER[0], weighed], headline=None, missing=missing)
    with pytest.raises(CausalError, match=r"ladder\[1\].*every outcome is known.*Take 'followed'"):
        run(specification)
