"""Rungs with instruments, planned: the diagram's word, what is assumed, and what is refused."""

from pathlib import Path

import pytest

from causal.errors import IdentificationError, SpecError, TimingError
from causal.planning import Plan, plan_analysis
from causal.registry import describe
from causal.spec import load_analysis

SPECS = Path(__file__).parents[1] / "reference" / "specs"
ANALYSES = Path(__file__).parents[2] / "analyses"


def plan(tmp_path: Path, *rungs: str, dag: Path = SPECS / "dags" / "linkage.yaml") -> Plan:
    """Plan the positive control with rungs of one's own after the crude one."""
    head = (SPECS / "help_linkage.yaml").read_text(encoding="utf-8").split("ladder:")[0]
    head = head.replace("dags/linkage.yaml", str(dag))
    if "target: LATE" in head and not any("kind: iv" in rung for rung in rungs):
        head = head.replace("target: LATE", "target: ITT")
    lines = ["ladder:", "  - {name: crude, estimator: {kind: mean_difference}}"]
    lines += [f"  - {{name: rung{i}, {rung}}}" for i, rung in enumerate(rungs)]
    path = tmp_path / "made.yaml"
    path.write_text("\n".join([head, *lines, "seed: 1", ""]), encoding="utf-8")
    specification = load_analysis(path)
    return plan_analysis(specification, describe(specification.analysis.dataset))


IV = "estimator: {kind: iv}"
MHG = ANALYSES / "dags" / "first_interval.yaml"


def test_a_valid_instrument_identifies_and_its_columns_are_no_covariates(tmp_path):
    _, rung = plan(tmp_path, f"instrument: group, {IV}").rungs
    assert [one.column for one in rung.moving] == ["randomised_clinic"]
    assert rung.measurements == ()
    assert rung.assumed == ()
    assert rung.estimand.verdict == "identified"
    assert "LATE" in rung.estimand.sentences[-1]
    assert rung.estimand.unmeasured == ()


def test_an_instrument_the_diagram_refutes_is_refused_with_its_sentence(tmp_path):
    with pytest.raises(IdentificationError, match=r"group → linkage → outcome.*assume: \[exclu"):
        plan(tmp_path, f"instrument: group, {IV}", dag=MHG)
    with pytest.raises(IdentificationError, match="invalid: severity → outcome is a causal path"):
        plan(tmp_path, f"instrument: severity, {IV}")
    with pytest.raises(IdentificationError, match="the diagram refutes the instrument"):
        plan(tmp_path, f"instrument: group, assume: [exclusion], {IV}", dag=MHG)


def test_what_is_assumed_is_said_and_takes_the_verdict_away(tmp_path):
    assumed = f"instrument: group, assume: [exclusion, independence], {IV}"
    _, rung = plan(tmp_path, assumed, dag=MHG).rungs
    assert rung.estimand.verdict == "not identified"
    assert "assuming exclusion and independence" in rung.assumed[0]
    assert rung.estimand.sentences[0] == rung.assumed[0]
    _, needless = plan(tmp_path, assumed).rungs
    assert needless.assumed == ()


def test_an_intention_to_treat_needs_no_exclusion(tmp_path):
    _, rung = plan(tmp_path, "instrument: group, estimator: {kind: itt}", dag=MHG).rungs
    assert rung.estimand.verdict == "identified"
    with pytest.raises(IdentificationError, match="connected by causes of both"):
        plan(tmp_path, "instrument: depression, estimator: {kind: itt}", dag=MHG)


@pytest.mark.parametrize(
    ("rung", "error", "said"),
    [
        (f"instrument: gruop, {IV}", SpecError, "Did you mean 'group'"),
        (f"instrument: motivation, assume: [exclusion, independence], {IV}", SpecError, "refutes"),
        (IV, SpecError, "iv needs an instrument"),
        ("instrument: group, estimator: {kind: ipw}", SpecError, "ipw uses no instrument"),
        ("assume: [exclusion], estimator: {kind: ipw}", SpecError, "there is none"),
        (f"adjust: [group], instrument: group, {IV}", SpecError, "adjusted for at once"),
    ],
)
def test_rungs_that_cannot_be_meant_are_refused(tmp_path, rung, error, said):
    if said == "refutes":  # measured by proxy only, but assumed: allowed, and said
        _, planned = plan(tmp_path, rung).rungs
        assert said in planned.assumed[0]
        return
    with pytest.raises(error, match=said):
        plan(tmp_path, rung)


def test_an_instrument_comes_before_exposure(tmp_path):
    with pytest.raises(TimingError, match="An instrument comes before"):
        plan(tmp_path, f"instrument: co_treatment, {IV}", dag=MHG)
    with pytest.raises(SpecError, match="'religiosity' is not measured"):
        plan(tmp_path, f"instrument: religiosity, {IV}", dag=MHG)


CONFOUNDED = """
  - {from: severity, to: group, reason: Drawn within strata., source: made up}
"""


def test_one_probability_for_all_needs_an_instrument_without_covariates(tmp_path):
    """Drawn within strata of severity the coin is an instrument given severity only."""
    text = (SPECS / "dags" / "linkage.yaml").read_text(encoding="utf-8")
    strata = tmp_path / "strata.yaml"
    strata.write_text(text.rstrip() + CONFOUNDED, encoding="utf-8")
    rung = "adjust: severity, instrument: group, estimator: {kind: %s}"
    late = (f"instrument: group, assume: [exclusion, independence], {IV}",)  # of the head's target
    with pytest.raises(IdentificationError, match=r"one probability for all.*orthogonal_iv or iv"):
        plan(tmp_path, rung % "itt_dr_iv", *late, dag=strata)
    for kind in ("orthogonal_iv", "iv"):
        assert not plan(tmp_path, rung % kind, *late, dag=strata).rungs[1].assumed
    coin = plan(tmp_path, rung % "itt_dr_iv", *late).rungs[1]
    assert coin.estimand.verdict == "identified"
    assert "LATE" in coin.estimand.sentences[-1]


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        (f"instrument: [group, group], {IV}", "the instrument 'group' is named twice"),
        (
            "adjust: severity, instrument: group, estimator: {kind: iv, method: wald}",
            "takes one 0/1 instrument and no covariates",
        ),
    ],
)
def test_what_needs_no_data_to_fail_is_refused_at_once(tmp_path, rung, said):
    with pytest.raises(SpecError, match=said):
        plan(tmp_path, rung)


def test_one_assumption_of_two_is_not_enough_and_the_other_is_named(tmp_path):
    with pytest.raises(IdentificationError, match="independence is not among those of assume"):
        plan(tmp_path, f"instrument: group, assume: [exclusion], {IV}", dag=MHG)


def test_a_valid_instrument_names_what_would_spoil_it_by_leaving_rows_out(tmp_path):
    linkage = ANALYSES / "dags" / "linkage.yaml"
    _, rung = plan(tmp_path, f"instrument: group, {IV}", dag=linkage).rungs
    assert rung.estimand.selective == ("interviewed",)
    _, without = plan(tmp_path, f"instrument: group, {IV}").rungs  # this one has no such concept
    assert without.estimand.selective == ()
