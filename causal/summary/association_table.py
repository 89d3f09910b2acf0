"""Associations a published trial prints, with what a confounder would have to be."""

from __future__ import annotations

from collections.abc import Iterator

from causal.report.blocks import Block, Number, Paragraph, Table
from causal.report.markdown import plain
from causal.report.numbers import number, percent
from causal.result_parts import Reason
from causal.summary.associations import AS_PRINTED, AssociationBlock


def association_table(found: list[AssociationBlock], level: float) -> Iterator[Block]:
    """Show what confounding it would take to make each association."""
    yield Paragraph(
        "Nobody was randomised to exposure. A confounder tied to exposure and to the outcome by "
        "risk ratios of the E-value each, beyond what the paper adjusts for, could make an "
        "association out of none; one weaker in both could not. Nothing here says how likely that "
        "is (VanderWeele & Ding 2017, doi:10.7326/M16-2607)."
    )
    rows = []
    for i, one in enumerate(found):
        at, measure = f"/associations/{i}", one.measure.replace("_", " ")
        spread = one.interval
        span = (
            "–"
            if isinstance(spread, Reason)
            else Number(f"{number(spread[0], 2)} to {number(spread[1], 2)}", f"{at}/interval")
        )
        limit = one.e_value_of_interval
        rows.append(
            (
                plain(one.name) + (f" ({one.coding})" if one.coding != AS_PRINTED else ""),
                measure,
                Number(number(one.value, 2), f"{at}/value"),
                span,
                Number(number(one.risk_ratio, 2), f"{at}/risk_ratio"),
                Number(number(one.e_value, 1), f"{at}/e_value"),
                "–"
                if isinstance(limit, Reason)
                else Number(number(limit, 1), f"{at}/e_value_of_interval"),
            )
        )
    header = (
        "Association",
        "Printed as",
        "Value",
        f"Interval ({percent(level)} of counts)",
        "As a risk ratio",
        "E-value",
        "E-value of the interval",
    )
    yield Table(header, rows, "  rrrrr", "E-values of the associations")
