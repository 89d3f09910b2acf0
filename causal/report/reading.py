"""Which rung is compared with which, and what the diagram says of it: facts read, not computed."""

from __future__ import annotations

from causal.errors import Place, VerificationError, did_you_mean
from causal.report.markdown import code, joined, plain, words
from causal.result import Count, EstimandBlock, Label, Pair, Remaining, Result, RungBlock

TARGETS = {
    "crude": "everybody, nothing adjusted for",
    "ATE": "averaged over everybody analysed (ATE)",
    "ATT": "averaged over the exposed (ATT)",
    "ATC": "averaged over the unexposed (ATC)",
    "ATO": "averaged over those who could have been in either arm (ATO)",
    "ATM": "averaged over those whom matching would keep (ATM)",
    "LATE": "averaged over those an instrument moves (LATE)",
    "linear projection": "a regression coefficient (linear projection)",
    "partially linear": "a regression coefficient (partially linear model)",
    "conditional": "among those with given values of covariates (conditional)",
    "within persons": "each person compared with themselves (within persons)",
    "between persons": "what differs between persons beyond what differs within (between persons)",
    "functional form": "averaged over everybody, by functional form only",
    "ITT": "a unit of instrument, in the outcome (intention to treat)",
    "first stage": "a unit of instrument, in the exposure (first stage)",
    "threshold": "doses at or above a cut against those below (threshold)",
    "shift": "after a nudge against as it is (shift)",
}
SURVEYED = {"everybody analysed": "the population drawn from"}
DIFFERENCES = ("risk_difference", "mean_difference")
FEW = 10
"""Rows for each column adjusted for, below which a fit is called small: a habit from events per
variable, Peduzzi et al. 1996, doi:10.1016/S0895-4356(96)00236-3."""
FEW_CLUSTERS = 20
"""Where 'few' begins by rule of thumb: Cameron & Miller 2015, doi:10.3368/jhr.50.2.317, VI."""


def simulated(result: Result) -> bool:
    """Tell whether the data are generated, whatever is known of their truth."""
    return bool(result.truth) or result.dataset.access == "generated"


def manner(rung: RungBlock) -> str:
    """Say how a rung deals with confounding, in a word or two that begin a sentence."""
    if rung.adjusted:
        return "Adjusted"
    if rung.instruments:
        return "By instrument"
    return "Within persons" if rung.target == "within persons" else "Unadjusted"


def led_by_manner(rung: RungBlock, noun: str) -> str:
    """Name a difference or an effect after it: ``Adjusted effect``, ``Effect by instrument``."""
    said = manner(rung)
    if said in ("Adjusted", "Unadjusted"):
        return f"{said} {noun}"
    return f"{noun.capitalize()} {said.lower()}"


def surveyed(result: Result) -> bool:
    """Tell whether rows are weighted to the population a survey drew them from."""
    return any(one.name == "survey" for block in result.weights for one in block.factors)


def averaged_over(result: Result, target: str) -> str:
    """Say whom a target averages over."""
    said = TARGETS.get(target, plain(target))
    if surveyed(result):
        for analysed, drawn in SURVEYED.items():
            said = said.replace(analysed, drawn)
    return said


def adjusted_rungs(result: Result) -> list[RungBlock]:
    """Give the rungs of the ladder above the crude one, without brackets."""
    return [rung for rung in result.rungs[1:] if rung.role == "ladder"]


def brackets(result: Result) -> list[RungBlock]:
    """Give the rungs that adjust for something measured after exposure began."""
    return [rung for rung in result.rungs[1:] if rung.role == "bracket"]


def chief(result: Result) -> RungBlock | None:
    """Give the rung the first page leads with; None where that is the crude one.

    Raises
    ------
    VerificationError
        The document names a headline it has no rung for.
    """
    names = [rung.name for rung in result.rungs]
    if result.headline not in names:
        raise VerificationError(
            f"the headline is '{result.headline}', and there is no such rung. "
            f"{did_you_mean(result.headline, names)} Run the analysis again (causal run).",
            Place("results.json", key="/headline"),
        )
    rung = result.rung(result.headline)
    return None if rung is result.crude else rung


def by_target(rungs: list[RungBlock]) -> dict[str, list[RungBlock]]:
    """Group rungs that may be compared with each other, in order of appearance."""
    groups: dict[str, list[RungBlock]] = {}
    for rung in rungs:
        groups.setdefault(rung.target, []).append(rung)
    return groups


def label_of(result: Result) -> Label:
    """Say whether the headline may be worded as an effect; the timing of the design overrules."""
    rung = chief(result)
    if rung is None or result.timing.label == "association":
        return "association"
    return rung.label


def rung_label(result: Result, rung: RungBlock) -> Label:
    """Say whether one rung may be worded as an effect."""
    return "association" if result.timing.label == "association" else rung.label


def estimand_of(result: Result, rung: RungBlock) -> EstimandBlock | None:
    """Give what the diagram says of a rung."""
    return next((one for one in result.estimands if one.rung == rung.name), None)


def truth_of(result: Result, rung: RungBlock) -> float | None:
    """Give the true value of what a rung is after, where the data are simulated.

    Truths are named after targets; those of ratios after the scale, averaged over everybody.
    """
    if rung.scale in DIFFERENCES:
        return result.truth.get(rung.target.lower())
    return result.truth.get(rung.scale) if rung.target == "ATE" else None


def interval_of(rung: RungBlock) -> Pair | None:
    """Give the set of a rung where it is an interval with two ends."""
    if len(rung.region) == 1:
        lo, hi = rung.region[0]
        return None if lo is None or hi is None else (lo, hi)
    return None


def remaining_of(rung: RungBlock) -> Remaining | None:
    """Give the share that remains, where there is one."""
    return rung.remaining if isinstance(rung.remaining, Remaining) else None


def added_by(rung: RungBlock, base: RungBlock) -> list[str]:
    """Give the concepts a rung adjusts for beyond another."""
    return [name for name in rung.adjusted if name not in base.adjusted]


def unmeasured(result: Result) -> list[str]:
    """Give the concepts left open for want of columns: of the chief rung, or of the diagram."""
    rung = chief(result)
    estimand = estimand_of(result, rung) if rung else None
    if estimand is not None:
        return list(estimand.unmeasured)
    return [one.name for one in result.dag.concepts if one.status == "unmeasured"]


def proxied(result: Result) -> list[str]:
    """Give the concepts the chief rung adjusts for by proxy only."""
    rung = chief(result)
    estimand = estimand_of(result, rung) if rung else None
    return list(estimand.proxied) if estimand else []


def left_out(result: Result) -> list[str]:
    """Give the concepts with columns that the headline, be it the crude one, would need besides."""
    estimand = estimand_of(result, chief(result) or result.crude)
    return list(estimand.omitted) if estimand else []


def same_set(result: Result, one: RungBlock, other: RungBlock) -> bool:
    """Tell whether two rungs adjust for the same concepts, measured equally well."""
    first, second = estimand_of(result, one), estimand_of(result, other)
    weak = (first.proxied if first else []), (second.proxied if second else [])
    return set(one.adjusted) == set(other.adjusted) and weak[0] == weak[1]


def same_question(one: RungBlock, other: RungBlock) -> bool:
    """Tell whether two rungs estimate one thing of the same rows, so that a range may hold both.

    They share target and scale, the rows they stand for, what moves the exposure where instruments
    do, and the two means compared where there are more.
    """
    compared = {rung.profile.compared for rung in (one, other) if rung.profile is not None}
    return (
        (one.target, one.scale, one.n) == (other.target, other.scale, other.n)
        and set(one.instruments) == set(other.instruments)
        and len(compared) < 2
    )


def by_question(rungs: list[RungBlock]) -> list[list[RungBlock]]:
    """Group rungs that answer one question, in order of appearance."""
    groups: list[list[RungBlock]] = []
    for rung in rungs:
        group = next((one for one in groups if same_question(one[0], rung)), None)
        if group is None:
            groups.append([rung])
        else:
            group.append(rung)
    return groups


def phrase(names: list[str]) -> str:
    """Write concepts as a phrase."""
    return joined([words(name) for name in names])


def described(result: Result, name: str) -> str:
    """Write a concept with its description, for a sentence."""
    concept = next((one for one in result.dag.concepts if one.name == name), None)
    if concept is None or not concept.description.strip():
        return words(name)
    return f"{words(name)} ({plain(concept.description).rstrip('.')})"


def stands_for_more(rung: RungBlock, crude: RungBlock) -> bool:
    """Tell whether a rung weighs its rows to stand for more than the crude contrast has."""
    return isinstance(rung.n, int) and isinstance(crude.n, int) and rung.n > crude.n


def few_rows(n: Count, terms: int) -> str:
    """Say that there are few rows for each column adjusted for; nothing where there are enough."""
    if not isinstance(n, int) or n >= FEW * terms:
        return ""
    return (
        f"{n} rows for {terms} {'column' if terms == 1 else 'columns'} adjusted for. With so few "
        "the regressions follow the data at hand, and the standard error is likely too small."
    )


def few_rows_of(result: Result, rung: RungBlock) -> str:
    """Say it of a rung, of the rows with an outcome: a rung may stand for more than it has."""
    known = [n for n in (rung.n, result.crude.n) if isinstance(n, int)]
    terms = sum(len(one.terms) for one in rung.covariates)
    return few_rows(min(known), terms) if len(known) == 2 else ""


def few_clusters(rung: RungBlock) -> int | None:
    """Give the number of clusters where standard errors by clusters tend to be too small."""
    known = rung.n_clusters if isinstance(rung.n_clusters, int) else FEW_CLUSTERS
    return known if known < FEW_CLUSTERS else None


def few_clusters_of(result: Result, rung: RungBlock) -> str:
    """Say that there are few clusters, and whether the rung's own set heeds it; else nothing."""
    clusters, column = few_clusters(rung), result.design.cluster
    if clusters is None:
        return ""
    of = f" ({code(column)})" if column else ""
    heeded = (
        "its set allows for that"
        if rung.region_note.startswith("wild") or jackknifed(rung) or reduced(rung)
        else "the standard error is likely too small"
    )
    return f"Only {clusters} clusters{of}: {heeded} (section 10)."


def jackknifed(rung: RungBlock) -> bool:
    """Tell whether the set of a rung with instruments leaves clusters out one by one."""
    return rung.estimator == "iv" and bool(rung.region_note)


def reduced(rung: RungBlock) -> bool:
    """Tell whether a rung has the bias-reduced standard error (CR2)."""
    return '"kind":"CR2"' in rung.settings
