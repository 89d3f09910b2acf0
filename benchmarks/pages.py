"""The pages of the simulation studies, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from benchmarks.cells import Cell
from benchmarks.limits import Limit
from benchmarks.performance import Jointly, Performance
from benchmarks.shares import ShareRow

TITLES = {
    "calibration": "Calibration: are the intervals as wide as they say?",
    "families": "Balancing, matching and TMLE",
    "learners": "Learners and forests",
    "questions": "Arms, doses, times, surveys and g-estimation",
    "small_samples": "Small samples",
    "clustered": "Several correlated intervals a person",
    "shares": "The share that remains",
    "reliability": "Motivation and severity measured with error",
}
OPENINGS = {
    "calibration": (
        "n = 3,000 persons, one row each, adjusted for true motivation and severity and the other "
        "eight covariates, so that the assumptions of the estimators hold. Each is judged "
        "by its own limit: clipping, trimming and overlap weights answer other questions than the "
        "ATE, and a linear model has a limit of its own."
    ),
    "families": (
        "The mechanism of the calibration page. Each is judged by its own limit, or by that of "
        "ipw or aipw where it estimates the same: matching by the ATT or ATE of aipw, TMLE "
        "likewise. Over-identified `cbps` is biased, as two-step GMM with 22 moments is; its limit "
        "is that of ipw (docs/methods.md)."
    ),
    "learners": (
        "The mechanism of the calibration page, and the limit of aipw. Learners see 500 persons, "
        "of whom 150 are exposed, on ten covariates that act linearly on the logit scale: at that "
        "size what they have not learned yet is part of what the table shows. R says how many "
        "samples stand behind each line; where it is small, the band is wide."
    ),
    "questions": (
        "Worlds of their own, each with a known truth: `causal/simulate_groups.py` (kinds of "
        "groups, meetings a week), `causal/simulate_times.py` (days to first use; death competes "
        "and severity leads out of follow-up), `causal/simulate_survey.py` (regions drawn "
        "unequally, clinics as units), and for g-estimation outcomes no regression describes. "
        "Every quantity a report prints is a line, and the joint band of a table another. Limits "
        "are the truth, in closed form or from a million persons; for the threshold scan what it "
        "finds in a million. Some lines are meant to miss, to show that the study can tell. Doubly "
        "robust doses and thresholds at 3 meetings a week have few persons: standard errors are "
        "too small on average there, although intervals cover."
    ),
    "small_samples": (
        "The same mechanism at n = 1,000 (300 exposed) and n = 150 (45 exposed, on ten "
        "covariates). Standard errors from influence values are right to first order; the tables "
        "show how far that carries. At n = 150 the variance option HC1 is shown beside HC0."
    ),
    "clustered": (
        "Each person gives 1 to 4 intervals (as many each) with the same covariates; the latent "
        "normals behind exposure, and behind outcome, correlate .8 within a person. Single "
        "intervals are distributed as before, so the limits are the same. Standard errors add up "
        "influence values within persons (CR0; HC1 is then CR1)."
    ),
    "shares": (
        "Coverage of the share adjusted / crude by Fieller's set, for the limit of the adjusted "
        "over the limit of the crude difference. Samples whose set is unbounded count like any "
        "other. Beside it the delta interval, which the library does not print, and the interval "
        "of the difference crude − adjusted. `faint`: log odds ratios of .2 for attendance and .3 "
        "for motivation (crude difference .05); `faint and no effect`: 0 and .5, so all that is "
        "crude is selection; `base`: the mechanism of the other pages. Repeated intervals are "
        "clustered by person."
    ),
    "reliability": (
        "n = 1,730, adjusted for what a study measures: motivation and severity scores with "
        "error, and the other eight covariates. Intervals cover the limit of the estimator, which "
        "is not the truth, and narrow round the wrong value as n grows. What remains is no "
        "evidence of an effect: see the worlds in which there is none."
    ),
}


def calibration_page(study: str, cells: Sequence[Cell]) -> str:
    """Write one calibration study, a table a design."""
    lines = [f"# {TITLES[study]}", "", OPENINGS[study], ""]
    for name, group in groupby(cells, key=lambda one: one.heading):
        some = list(group)
        lines += [f"## {name}", "", *_calibration_table(some), ""]
    return "\n".join([*lines, *_misses(cells)])


def shares_page(cells: Sequence[Cell], crude_z: Mapping[str, tuple[float, float, float]]) -> str:
    """Write the study of the share that remains."""
    lines = [f"# {TITLES['shares']}", "", OPENINGS["shares"], ""]
    for name, group in groupby(cells, key=lambda one: one.heading):
        low, middle, high = crude_z[name]
        lines += [
            f"## {name}",
            "",
            f"Crude z: median {middle:.1f}, from {low:.1f} (5 %) to {high:.1f} (95 %).",
            "",
            *_shares_table(list(group)),
            "",
        ]
    return "\n".join([*lines, *_lowest(cells), *_misses(cells)])


def reliability_page(rows: Sequence[tuple[Cell, float, float, float]]) -> str:
    """Write what error in the scores does; rows of (cell, truth, crude limit, coverage of it)."""
    head = (
        "world",
        "estimator",
        "crude",
        "truth",
        "limit (MC error)",
        "true share",
        "share left",
        "empirical SE",
        "covers its limit",
        "band",
        "covers the truth",
    )
    body = []
    for one, actual, crude, of_truth in rows:
        found = one.measured
        if isinstance(found, Performance):
            body.append(
                (
                    one.heading,
                    one.name,
                    f"{crude:.3f}",
                    f"{actual:.3f}",
                    _limit(found.limit, 4),
                    f"{actual / crude:.2f}",
                    f"{found.limit.value / crude:.2f}",
                    f"{found.empirical:.4f}",
                    f"{one.coverage:.3f}",
                    _band(one),
                    f"{of_truth:.3f}",
                )
            )
    lines = [f"# {TITLES['reliability']}", "", OPENINGS["reliability"], "", *table(head, body), ""]
    return "\n".join([*lines, *_misses([row[0] for row in rows])])


def _calibration_table(cells: Sequence[Cell]) -> list[str]:
    """Write bias, standard errors and coverage."""
    head = (
        "estimator",
        "R",
        "limit",
        "bias",
        "empirical SE",
        "mean SE / empirical SE",
        "coverage",
        "band",
        "verdict",
    )
    body = []
    for one in cells:
        found = one.measured
        if isinstance(found, Performance):
            body.append(
                (
                    one.name,
                    _fits(found.fits, found.refused),
                    _limit(found.limit, 4),
                    f"{found.bias:+.4f} ({found.bias_mc:.4f})",
                    f"{found.empirical:.4f} ({found.empirical_mc:.4f})",
                    f"{found.ratio:.3f} ({found.ratio_mc:.3f})",
                    f"{found.coverage:.4f} ({found.coverage_mc:.4f})",
                    _band(one),
                    one.side,
                )
            )
        elif isinstance(found, Jointly):
            covers = f"{found.coverage:.4f} ({found.coverage_mc:.4f})"
            fits = _fits(found.fits, found.refused)
            body.append((one.name, fits, *["–"] * 4, covers, _band(one), one.side))
    return table(head, body)


def _shares_table(cells: Sequence[Cell]) -> list[str]:
    """Write what the sets for the share cover."""
    head = (
        "adjusted by",
        "R",
        "true share",
        "Fieller covers",
        "band",
        "verdict",
        "sets unbounded",
        "delta covers",
        "delta misses that lie too low",
        "difference covers",
    )
    body = []
    for one in cells:
        row = one.measured
        if isinstance(row, ShareRow):
            body.append(
                (
                    row.method,
                    _fits(row.fits, row.refused),
                    _limit(row.share, 3),
                    f"{row.fieller:.4f}",
                    _band(one),
                    one.side,
                    f"{row.unbounded:.3f}",
                    f"{row.delta:.4f}",
                    f"{row.delta_low:.2f}",
                    f"{row.difference:.4f}",
                )
            )
    return table(head, body)


def _lowest(cells: Sequence[Cell]) -> list[str]:
    """Say how far the two intervals fall, by design."""
    lines = ["## Lowest coverage by design: Fieller's set against the delta interval", ""]
    for name, group in groupby(cells, key=lambda one: one.heading):
        rows = [one.measured for one in group if isinstance(one.measured, ShareRow)]
        fieller, delta = min(row.fieller for row in rows), min(row.delta for row in rows)
        lines.append(f"* {name}: Fieller {fieller:.3f}, delta {delta:.3f}.")
    return [
        *lines,
        "",
        "The delta interval is always bounded and symmetric. At a crude z of 2 to 3 it covers too "
        "often or too rarely, depending on a truth nobody knows, and bounds the share also in "
        "samples whose crude difference may be zero.",
        "",
    ]


def _misses(cells: Sequence[Cell]) -> list[str]:
    """Say why cells miss their band, one line a reason."""
    reasons: dict[str, list[str]] = {}
    for one in cells:
        if one.side != "inside":
            reason = one.reason or "no reason given"
            reasons.setdefault(reason, []).append(f"{one.name} ({one.heading})")
    if not reasons:
        return ["All coverages are inside their bands.", ""]
    lines = [f"* {'; '.join(who)}: {reason}." for reason, who in reasons.items()]
    return ["## Outside the band, and why", "", *lines, ""]


def _band(one: Cell) -> str:
    """Write the band of a cell."""
    return f"{one.band[0]:.3f} to {one.band[1]:.3f}"


def _limit(limit: Limit, digits: int) -> str:
    """Write a limit and its Monte-Carlo error."""
    smallest = 10**-digits
    error = f"{limit.mc_error:.{digits}f}" if limit.mc_error >= smallest / 2 else f"<{smallest:g}"
    return f"{round(limit.value, digits) + 0.0:.{digits}f} ({error})"


def _fits(fits: int, refused: int) -> str:
    """Write the samples fitted, and those without a fit."""
    return f"{fits:,}" + (f" ({refused} refused)" if refused else "")


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Write a Markdown table."""
    rows = [head, ["---"] * len(head), *body]
    return ["| " + " | ".join(row) + " |" for row in rows]
