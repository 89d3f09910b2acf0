"""The report as one self-contained HTML page, written from its blocks."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from causal.report.blocks import Page, Section
from causal.report.html_blocks import written
from causal.report.html_figures import inlined, inlined_dag
from causal.report.inline import to_html, to_text
from causal.report.template import TEMPLATES, fill_template
from causal.result import DagBlock

_SOURCE = re.compile(r"(href=\"\.\./[\w-]+/report)\.md\"")


def html_page(page: Page, dag: DagBlock | None, figures: Mapping[str, bytes]) -> str:
    """Write the page: no network, no data, no file but this one.

    Parameters
    ----------
    dag : the diagram, which is drawn anew so that it can explain itself; None without one.
    figures : the drawings of the report, by path.
    """
    from markupsafe import Markup

    drawn = {path: inlined(content, Path(path).name) for path, content in figures.items()}
    if dag is not None and dag.concepts:
        drawn["figures/dag.svg"] = inlined_dag(dag)
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    anchors = [_anchor(section) for section in page.sections]
    return fill_template(
        "report.html.j2",
        {
            "title": to_text(page.title),
            "question": Markup(to_html(page.question)),
            "stamp": Markup(to_html(page.stamp)),
            "contents": [
                (anchor, section.title)
                for anchor, section in zip(anchors, page.sections, strict=True)
            ],
            "sections": [
                (anchor, section.title, Markup(_linked(written(section.blocks, 3, drawn))))
                for anchor, section in zip(anchors, page.sections, strict=True)
            ],
            "style": Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
            "script": Markup(script),
            "script_hash": _script_hash(script),
        },
    )


def _anchor(section: Section) -> str:
    """Give the address of a section within the page."""
    return re.sub(r"[^a-z]+", "-", section.title.lower()).strip("-")


def _linked(text: str) -> str:
    """Lead from this page to HTML pages, where the Markdown one leads to Markdown."""
    return _SOURCE.sub(r'\1.html"', text)


def _script_hash(script: str) -> str:
    """Give what the page's own policy lets run: this script, and no other."""
    return base64.b64encode(sha256(script.encode("utf-8")).digest()).decode("ascii")
