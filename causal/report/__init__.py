"""From a result document to the report: Markdown, tables and figures, without the data."""

from causal.report.files import render, render_index, rendered, rendered_index

__all__ = ["render", "render_index", "rendered", "rendered_index"]
