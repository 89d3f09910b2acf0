"""Every number leads back to specification, estimator, covariates, stream, data and code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from causal.cli import INVALID, OK, main
from causal.errors import CausalError
from causal.estimators import AIPW, MeanDifference
from causal.result import (
    RefutationBlock,
    Result,
    RungCovariateBlock,
    VariantBlock,
    dump,
    load,
)
from causal.why import Link, formula_source, pointers, value_at, why

REPORT = Path(__file__).parents[2] / "reports" / "help_drug_use"


def chain(address: str) -> dict[str, str]:
    return {link.name: "\n".join(link.lines) for link in why(REPORT, address)}


@pytest.fixture(scope="module")
def result() -> Result:
    return load(REPORT / "results.json")


def test_every_address_of_the_document_has_a_chain() -> None:
    tree = json.loads((REPORT / "results.json").read_text(encoding="utf-8"))
    every = list(pointers(tree))
    assert len(every) > 1000
    heads = {address.split("/")[1]: address for address in every}
    for address in heads.values():
        links = why(REPORT, address)
        assert [link.name for link in links][:2] == ["Number", "Specification"]
        assert all(link.lines for link in links)


def test_a_pointer_gives_the_value_that_stands_there(result: Result) -> None:
    at = "/rungs/2/estimate"
    assert chain(at)["Number"].endswith(f"{at}\n{result.rungs[2].estimate!r}")


@pytest.mark.parametrize(
    "address", ["full", "full/estimate", "/full", "rungs/full/estimate", "/rungs/AT", "rungs/AT"]
)
def test_a_rung_may_be_given_by_its_name(address: str, result: Result) -> None:
    at = [rung.name for rung in result.rungs].index("full")
    assert why(REPORT, address.replace("AT", f"{at}/estimate")) == why(
        REPORT, f"/rungs/{at}/estimate"
    )


def test_the_lines_of_the_specification_are_those_of_the_rung(result: Result) -> None:
    said = chain("with_residential_care")["Specification"].splitlines()
    lines = result.specification.splitlines()
    for line in said:
        _, number, text = line.split(":", 2)
        assert lines[int(number) - 1].rstrip() == text[1:]
    assert any("role: bracket" in line for line in said)
    assert not any("full_dml" in line for line in said)


def test_settings_in_force_are_given_with_the_defaults_marked() -> None:
    said = chain("full_ipw_att")["Estimator"]
    assert 'target = "ATT"\n' in said
    assert "clip = null (default)" in said
    assert "doi:10.1002/sim.1903" in said


def test_covariates_are_concepts_with_columns_and_terms_of_the_rung(
    result: Result, tmp_path: Path
) -> None:
    rungs = list(result.rungs)
    at = [rung.name for rung in rungs].index("with_residential_care")
    listed = [
        RungCovariateBlock(concept=concept, columns=columns, terms=columns)
        for concept, columns in (
            ("motivation", ["taking_steps"]),
            ("co_treatment", ["residential_care", "outpatient_care"]),
        )
    ]
    rungs[at] = rungs[at].model_copy(update={"covariates": listed})
    document = result.model_copy(update={"rungs": rungs})
    (tmp_path / "results.json").write_text(dump(document), encoding="utf-8")
    links = why(tmp_path, "with_residential_care")
    said = "\n".join(next(one.lines for one in links if one.name == "Covariates"))
    assert "motivation: columns taking_steps; terms taking_steps" in said
    assert "co_treatment: columns residential_care, outpatient_care" in said
    assert "needed and not measured here: abstinence_goal" in said


def test_seed_data_and_versions_are_given(result: Result) -> None:
    said = chain("full_dml")
    assert 'generator(20260101, "rung", "full_dml")' in said["Random stream"]
    assert result.dataset.sha256 in said["Data"]
    assert result.provenance.source_sha256 in said["Versions"]


def test_a_check_leads_to_its_rung_and_its_threshold() -> None:
    said = chain("/diagnostics/0/value")
    assert "gates: {effective_sample_size: 50}" in said["Specification"]
    assert said["Estimator"]


def test_a_variant_and_a_refuter_lead_to_their_own_lines(result: Result, tmp_path: Path) -> None:
    specification = """\
ladder:
  - {name: full, estimator: {kind: g_computation}}
variants:
  - name: elsewhere
    reason: One.
  - name: sober
    reason: Two.
refuters:
  - {kind: bootstrap}
  - {kind: dummy_outcome}
seed: 1
"""
    tried = RefutationBlock(
        kind="dummy_outcome", rung="full", subject="", expected=0.0, mean=0.0, interval=None,
        draws=9, p_value=0.5, verdict="PASS", power=0.9, reason="r", sees="x", rows=[],
        cannot_see="y",
    )  # fmt: skip
    document = result.model_copy(
        update={
            "specification": specification,
            "variants": [
                VariantBlock(
                    name=name, reason="r", verdicts=[], persons=9, rungs=[result.rung("full")]
                )
                for name in ("elsewhere", "sober")
            ],
            "refutations": [tried, tried],
        }
    )
    (tmp_path / "results.json").write_text(dump(document), encoding="utf-8")
    varied = {
        one.name: "\n".join(one.lines) for one in why(tmp_path, "/variants/1/rungs/0/estimate")
    }
    assert "name: sober" in varied["Specification"]
    assert "name: elsewhere" not in varied["Specification"]
    assert varied["Estimator"].startswith("g_computation")
    refuted = {one.name: "\n".join(one.lines) for one in why(tmp_path, "/refutations/1/mean")}
    assert "kind: dummy_outcome" in refuted["Specification"]
    assert "kind: bootstrap" not in refuted["Specification"]


def test_what_is_no_rungs_has_no_estimator() -> None:
    assert "Estimator" not in chain("/attrition/2/persons")
    assert "population: drug_primary" in chain("/attrition/2/persons")["Specification"]


@pytest.mark.parametrize(
    ("address", "nearest"),
    [("/rungs/4/estimat", "/rungs/4/estimate"), ("ful", "full"), ("/rungs/99", "/rungs/9")],
)
def test_an_unknown_address_names_the_nearest(address: str, nearest: str) -> None:
    with pytest.raises(CausalError, match=rf"nothing stands at .*Nearest: .*{nearest}[,.]"):
        why(REPORT, address)


def test_a_report_without_result_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", str(tmp_path), "full"]) != OK
    assert "causal run" in capsys.readouterr().err
    assert main(["why", str(REPORT), "nothing/at/all"]) == INVALID


def test_the_command_prints_one_heading_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", str(REPORT), "crude"]) == OK
    heads = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("  ")]
    assert heads == [
        "Number", "Specification", "Estimator", "Target", "Covariates", "Random stream", "Data",
        "Versions",
    ]  # fmt: skip


def test_sources_are_read_from_the_docstring() -> None:
    assert formula_source(AIPW).startswith("Robins, Rotnitzky & Zhao (1994)")
    assert formula_source(MeanDifference) == ""


def test_pointers_escape_as_the_standard_says() -> None:
    tree = {"a/b": {"~": [1, 2]}}
    assert list(pointers(tree)) == ["/a~1b", "/a~1b/~0", "/a~1b/~0/0", "/a~1b/~0/1"]
    assert value_at(tree, "/a~1b/~0/1") == 2


def test_links_compare_by_content() -> None:
    assert Link("Data", ("x",)) == Link("Data", ("x",))
