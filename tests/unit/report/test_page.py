import re

import pytest

from causal.report import rendered
from causal.report.figures import FIGURES
from causal.report.html_page import html_page
from causal.report.page import compose_page, report_page
from causal.report.sections import shared_rows
from causal.report.tables import TABLES
from causal.result import DiagnosticBlock, FollowUpBlock, Result

DOCUMENTS = ["help_like", "simulated_null", "unbounded", "disjoint", "continuous", "as_ratio"]


PARTS = [f"figures/{name}" for name in FIGURES] + [f"tables/{name}" for name in TABLES]


def page(result: Result) -> str:
    return report_page(result, PARTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_table_and_figure_is_linked_and_every_link_leads_somewhere(
    name: str, request: pytest.FixtureRequest
) -> None:
    content = rendered(request.getfixturevalue(name))
    links = re.findall(r"\]\(((?:tables|figures)/[^)]+)\)", content["report.md"].decode("utf-8"))
    assert set(links) == set(content) - {"report.md"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_table_has_as_many_cells_as_heads(name: str, request: pytest.FixtureRequest) -> None:
    blocks = re.findall(r"(?:^\|.*\|\n)+", page(request.getfixturevalue(name)), re.MULTILINE)
    assert len(blocks) >= 6
    for block in blocks:
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1


@pytest.mark.parametrize(
    ("title", "name", "said"),
    [
        ("HELP: evaluation, Boston", "help_drug_use", "HELP: evaluation, Boston — drug use"),
        ("HELP: evaluation, Boston", "helper_use", "HELP: evaluation, Boston — helper use"),
        ("Simulated cohort", "simulated", "Simulated cohort — simulated"),
        ("", "made_up", "made_up — made up"),
    ],
)
def test_the_title_has_the_data_then_a_dash_and_the_analysis(
    help_like: Result, title: str, name: str, said: str
) -> None:
    dataset = help_like.dataset.model_copy(update={"title": title})
    result = help_like.model_copy(update={"dataset": dataset, "name": name})
    assert page(result).splitlines()[0] == f"# {said}"
    html = html_page(compose_page(result, []), None, {})
    assert f"<title>{said}</title>" in html
    assert f"<h1>{said}</h1>" in html


def test_sections_stand_in_order(help_like: Result) -> None:
    heads = re.findall(r"^## (.*)$", page(help_like), re.MULTILINE)
    assert [head.split(".")[0].split()[0] for head in heads] == ["In", *map(str, range(1, 12))]


def test_a_failed_check_is_stamped_above_everything(help_like: Result) -> None:
    text = page(help_like)
    assert text.index("**Checks not passed:**") < text.index("## In short")
    passed = [one for one in help_like.diagnostics if one.verdict != "FAIL"]
    assert "Checks not passed" not in page(help_like.model_copy(update={"diagnostics": passed}))


def test_checks_given_for_information_only_are_on_the_page(help_like: Result) -> None:
    known = DiagnosticBlock(
        name="common_support", rung="full", value=0.125, threshold=None, verdict="NOT_EVALUATED",
        reason="they count little",
    )  # fmt: skip
    text = page(help_like.model_copy(update={"diagnostics": [known]}))
    assert "Nothing here is judged by a threshold." in text
    assert "| common support | `full` | 0.125 |" in text
    assert "No check was run." not in text


def test_the_specification_is_there_verbatim(help_like: Result) -> None:
    assert f"```yaml\n{help_like.specification.rstrip()}\n```" in page(help_like)


def test_commands_to_run_and_verify_are_given(help_like: Result) -> None:
    text = page(help_like)
    for command in ("causal run analyses/help_like.yaml", "causal verify reports/help_like"):
        assert command in text


def test_hashes_seed_and_versions_are_given(help_like: Result) -> None:
    text = page(help_like)
    for value in ("ab" * 32, "cd" * 32, "ef" * 32, "01" * 32, "20260101", "numpy 2.4.6"):
        assert value in text


def test_every_concept_and_arrow_is_given(help_like: Result) -> None:
    text = page(help_like)
    assert all(f"| `{one.name}`" in text for one in help_like.dag.concepts)
    assert text.count("is assumed to matter for") == len(help_like.dag.edges)
    assert "**unmeasured**" in text


def test_truths_have_a_table_where_they_are_known(
    help_like: Result, simulated_null: Result
) -> None:
    assert "| persistence | 0.410 |" in page(simulated_null)
    assert "Truth" not in page(help_like)


def test_text_from_the_document_cannot_break_the_page(help_like: Result) -> None:
    hostile = "a | b <script>alert(1)</script> </details> $x$ **bold**\n# head"
    edges = [one.model_copy(update={"reason": hostile}) for one in help_like.dag.edges]
    concepts = [one.model_copy(update={"description": hostile}) for one in help_like.dag.concepts]
    dag = help_like.dag.model_copy(update={"edges": edges, "concepts": concepts})
    text = page(help_like.model_copy(update={"dag": dag, "question": hostile}))
    assert "<script>" not in text
    assert "\n# head" not in text
    assert text.count("</details>") == text.count("<details")


def test_a_ladder_of_one_crude_rung_has_a_page(help_like: Result) -> None:
    bare = help_like.model_copy(
        update={
            "rungs": help_like.rungs[:1], "headline": "crude", "estimands": [], "diagnostics": [],
            "balance": [], "overlap": [], "covariates": [],
        }
    )  # fmt: skip
    text = page(bare)
    assert "No check was run." in text
    assert "No covariate is adjusted for." in text


def standing_for(result: Result, numbers: dict[int, int], unseen: int = 0) -> Result:
    """Give rungs by position other numbers of rows, and some persons never seen."""
    rungs = [
        rung.model_copy(update={"n": numbers.get(i, 300)}) for i, rung in enumerate(result.rungs)
    ]
    never = FollowUpBlock(stratum="", arm="not seen", rows=unseen, known=0, late=0)
    seen = [never] if unseen else []
    return result.model_copy(update={"rungs": rungs, "follow_up": [*result.follow_up, *seen]})


def test_rungs_that_stand_for_more_than_the_crude_one_are_not_said_to_lack_a_column(
    help_like: Result,
) -> None:
    said = shared_rows(standing_for(help_like, {1: 393, 2: 393}))
    names = [f"`{help_like.rungs[i].name}`" for i in (1, 2)]
    assert said == (
        f"Rungs use the same 300 rows. {names[0]} and {names[1]} let them stand for all 393, those "
        "without an outcome among them. The share is over the crude difference of those with an "
        "outcome."
    )


def test_those_never_seen_are_named_where_a_rung_stands_for_them_too(help_like: Result) -> None:
    said = shared_rows(standing_for(help_like, {1: 393, 2: 500}, unseen=107))
    names = [f"`{help_like.rungs[i].name}`" for i in (1, 2)]
    assert f"{names[0]} lets them stand for all 393, those without an outcome among them." in said
    assert (
        f"{names[1]} lets them stand for all 500, those never seen at the exposure interview "
        "among them." in said
    )


def test_a_rung_on_fewer_rows_lacks_a_column(help_like: Result) -> None:
    said = shared_rows(standing_for(help_like, {1: 290}))
    assert f"Some lack a column in a few: `{help_like.rungs[1].name}` 290;" in said
    assert "stand for" not in said


def test_rows_are_said_to_be_those_fitted_where_a_caliper_keeps_fewer(help_like: Result) -> None:
    assert "caliper" not in shared_rows(help_like)
    kept = "among the 90 of 100 exposed that have a match (caliper)"
    rungs = [*help_like.rungs]
    rungs[1] = rungs[1].model_copy(update={"target_note": kept})
    said = shared_rows(help_like.model_copy(update={"rungs": rungs}))
    assert "Rows are those a rung was fitted on; what trimming or a caliper keeps" in said
    assert "Some lack a column" not in said
