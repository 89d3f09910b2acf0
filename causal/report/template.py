"""Filling in the templates of pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"


def fill_template(name: str, content: Mapping[str, object]) -> str:
    """Fill in a template; a name it asks for and is not given is an error.

    HTML is escaped unless it comes as ``Markup``; Markdown is escaped by ``markdown.plain``.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=name.endswith(".html.j2"),
    )
    return environment.get_template(name).render(content)
