"""Figures inside the page: colours that follow light and dark, and a diagram that explains itself.

The drawings are those of ``figures``; here they only get names of their own and colours by role.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from causal.report.canvas import BLUE, GREEN, INK, ORANGE, PURPLE, QUIET, RULE
from causal.report.dag_figure import FILL, MEANING, dag_svg
from causal.report.inline import to_text
from causal.report.markdown import plain
from causal.result import DagBlock, EdgeBlock

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
ROLES: Mapping[str, str] = {
    INK: "ink", QUIET: "quiet", RULE: "rule", BLUE.lower(): "blue", ORANGE.lower(): "orange",
    GREEN.lower(): "green", PURPLE: "purple", "#ffffff": "ground", "#f2f2f2": "band",
    FILL["measured"]: "measured", FILL["proxy"]: "proxy", FILL["after_exposure"]: "after",
}  # fmt: skip
"""Colour of a figure -> the variable of the style sheet that stands in for it."""
LABELS: Mapping[str, str] = {
    "dag.svg": "Causal diagram assumed. The table of arrows gives every reason and source.",
    "ladder.svg": "Forest plot: each rung's difference with its interval, and the share that "
    "remains with its set; the headline rung in bold. The table of the ladder gives the same "
    "numbers.",
    "profiles.svg": "Every mean of a rung with more than two, with interval and simultaneous band; "
    "an arrow where one goes on beyond the axis. The file profiles.csv gives the same numbers.",
    "balance.svg": "Love plot: standardised mean difference of each covariate, crude and after "
    "each weighting, in panels where weightings are many. The file balance.csv gives the same "
    "numbers.",
    "overlap.svg": "Distribution of the propensity, exposed upwards and unexposed downwards, one "
    "panel for the rungs that share one. The file overlap.csv gives the same numbers.",
    "contours.svg": "Contours of what two assumptions given up at once leave of the estimate; one "
    "panel an analysis, the line at 0 in orange, measured concepts as points. The file "
    "sensitivity.csv gives the numbers.",
    "sweeps.svg": "What is left of the estimate, with its interval, as one assumption is given up "
    "step by step; one panel an analysis. The file sensitivity.csv gives the numbers.",
    "confidence.svg": "p-value of every supposed effect, one panel a rung with instruments; the "
    "effects above the orange line are in the rung's set.",
    "instruments.svg": "What checks of the instruments found, by instrument. The file "
    "instruments.csv gives the same numbers.",
    "attrition.svg": "Flow of persons from everybody in the data to those analysed, with those "
    "lost or not eligible at each step, then those kept without an outcome. The table after it "
    "gives the same numbers.",
}
OF_TRIALS: Mapping[str, str] = {
    "stages.svg": "Exposure and outcome by arm of a published trial, each share with its interval. "
    "The tables of the trial give the same numbers.",
}
"""Figures that only published trials have."""
_HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
_URL = re.compile(r"url\(#([^)]+)\)")


def inlined(content: bytes, name: str) -> str:
    """Turn a drawing into markup for the page.

    Parameters
    ----------
    content : the SVG file.
    name : of the file; ids are made unique by it.
    """
    root = _parsed(content, name.removesuffix(".svg"))
    root.set("role", "img")
    root.set("aria-label", {**LABELS, **OF_TRIALS}[name])
    return _markup(root)


def inlined_dag(dag: DagBlock) -> str:
    """Draw the diagram with the reason and source of each arrow on hover and focus.

    Arrows answer the pointer; concepts answer pointer and keyboard, with all arrows into them.
    """
    root = _parsed(dag_svg(dag, named=True), "dag")
    root.set("role", "group")
    root.set(
        "aria-label",
        f"Causal diagram of {len(dag.concepts)} concepts and {len(dag.edges)} arrows; each concept "
        "says what leads into it. A table below lists all arrows.",
    )
    edges = {(one.cause, one.effect): one for one in dag.edges}
    for group in list(root.iter(f"{{{SVG}}}g")):
        kind, _, rest = group.get("id", "").removeprefix("dag-").partition(":")
        if kind == "arrow":
            pairs = [tuple(pair.split(">")) for pair in rest.split(":")[-1].split(",")]
            _explain(group, "arrow", [_reason(edges[a, b]) for a, b in pairs])
            group.set("data-arrows", " ".join(f"{a}>{b}" for a, b in pairs))
        elif kind == "concept":
            _explain(group, "concept", _concept_lines(dag, rest))
            group.set("data-concept", rest)
            group.set("tabindex", "0")
            group.set("role", "img")
        elif kind == "label":
            group.set("class", "label")
    return _markup(root) + (
        '<p class="note" aria-hidden="true">Point at an arrow, or at a concept (or reach it by the '
        "tab key), to read why it is drawn and who says so.</p>"
    )


def _parsed(content: bytes, prefix: str) -> Element:
    """Read a drawing; give ids a prefix, and colours a role; leave out what no page needs."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(content)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    for node in root.iter():
        for key, value in list(node.attrib.items()):
            if key == "id":
                node.set(key, f"{prefix}-{value}")
            elif key == XLINK:
                del node.attrib[key]
                node.set("href", f"#{prefix}-{value[1:]}")
            else:
                node.set(key, _URL.sub(rf"url(#{prefix}-\1)", _HEX.sub(_role, value)))
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    return root


def _role(match: re.Match[str]) -> str:
    """Name a colour by its role, where it has one."""
    colour = match.group().lower()
    return f"var(--{ROLES[colour]})" if colour in ROLES else colour


def _markup(root: Element) -> str:
    """Write the drawing as part of an HTML page."""
    from xml.etree import ElementTree

    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _explain(group: Element, kind: str, lines: list[str]) -> None:
    """Put a tooltip into a part of the drawing."""
    from xml.etree import ElementTree

    title = ElementTree.Element(f"{{{SVG}}}title")
    title.text = "\n".join(lines)
    group.insert(0, title)
    group.set("class", kind)


def _concept_lines(dag: DagBlock, name: str) -> list[str]:
    """Say what a concept is, how it is measured, and what leads into it and why."""
    concept = next(one for one in dag.concepts if one.name == name)
    columns = f": {', '.join(concept.columns)}" if concept.columns else ""
    said = f"{_name(name)}: {concept.description.rstrip('.')} ({MEANING[concept.status]}{columns})."
    into = [_reason(one) for one in dag.edges if one.effect == name]
    return [said, *(into or ["Nothing in the diagram leads into it."])]


def _reason(edge: EdgeBlock) -> str:
    """Say why an arrow is drawn, and who says so."""
    disputed = ", disputed" if edge.disputed else ""
    reason = to_text(plain(edge.reason)).rstrip(".")
    return f"{_name(edge.cause)} → {_name(edge.effect)}{disputed}: {reason}. [{edge.source}]"


def _name(concept: str) -> str:
    """Write a concept as words."""
    return concept.replace("_", " ")
