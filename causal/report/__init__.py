"""From a result document to the report: Markdown, HTML, tables and figures, without the data."""

from causal.report.files import (
    HTML,
    render,
    render_index,
    rendered,
    rendered_html,
    rendered_index,
    write_files,
)

__all__ = [
    "HTML",
    "render",
    "render_index",
    "rendered",
    "rendered_html",
    "rendered_index",
    "write_files",
]
