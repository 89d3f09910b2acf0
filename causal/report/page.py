"""The report as one Markdown page: sections laid out from a result, words from ``words``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from causal.report import diagram, sections
from causal.report.caveats import caveats
from causal.report.headline import headline
from causal.report.markdown import code, fenced, plain
from causal.report.words import first_page
from causal.result import Result

TEMPLATES = Path(__file__).parent / "templates"


def report_page(result: Result, parts: Sequence[str]) -> str:
    """Write the page.

    Parameters
    ----------
    parts : paths of the tables and figures there are, which the page may link.
    """
    title = plain(result.dataset.title) or plain(result.dataset.name)
    return rendered_template(
        "report.md.j2",
        {
            "title": f"{title}: {plain(result.name).replace('_', ' ')}",
            "question": plain(result.question),
            "headline": headline(result),
            "stamp": sections.stamp(result),
            "first_page": first_page(result),
            "parts": list(parts),
            "ladder": sections.ladder_tables(result),
            "other_scales": sections.scale_table(result),
            "identification": diagram.identification(result),
            "concepts": diagram.concept_table(result),
            "edges": diagram.edge_table(result),
            "edge_count": str(len(result.dag.edges)),
            "dag": diagram.dag_sentences(result),
            "design": sections.design_sentences(result),
            "attrition": sections.attrition_table(result),
            "missing": sections.missing_sentences(result),
            "diagnostics": sections.diagnostic_table(result, judged=True),
            "facts": sections.diagnostic_table(result, judged=False),
            "truth": sections.truth_table(result),
            "covariates": sections.covariate_table(result),
            "caveats": caveats(result),
            "provenance": sections.provenance_table(result),
            "name": code(result.name),
            "commands": _commands(result.name),
            "specification": fenced(result.specification, "yaml"),
        },
    )


def rendered_template(name: str, content: Mapping[str, object]) -> str:
    """Fill in a template; a name it asks for and is not given is an error."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; texts are escaped by ``markdown.plain``
    )
    return environment.get_template(name).render(content)


def _commands(name: str) -> str:
    """Give the commands that make, check and re-render the report."""
    return fenced(
        f"causal run analyses/{name}.yaml     # needs the data: results.json, then this report\n"
        f"causal verify reports/{name}        # needs the data: re-runs, compares field by field\n"
        f"causal render reports/{name}        # needs no data: this report from results.json",
        "sh",
    )
