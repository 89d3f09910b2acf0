"""What the analysis cannot tell, by rule from the fields of the result."""

from __future__ import annotations

from collections.abc import Iterator

from causal.report.covariates import filled_terms
from causal.report.markdown import code, joined, plain
from causal.report.numbers import measure_of
from causal.report.persons import strictness
from causal.report.reading import (
    FEW_CLUSTERS,
    added_by,
    adjusted_rungs,
    brackets,
    chief,
    estimand_of,
    few_clusters,
    few_rows_of,
    jackknifed,
    phrase,
    proxied,
    reduced,
    remaining_of,
    simulated,
    surveyed,
    unmeasured,
)
from causal.result import Result

CROSS_FITTED = ("linear_dml", "causal_forest")
"""Kinds that are cross-fitted also where their settings do not say so."""


def caveats(result: Result) -> list[str]:
    """List what the analysis cannot tell, most fundamental first."""
    return [
        *_about_data(result),
        *_about_wording(result),
        *_about_confounding(result),
        *_about_brackets(result),
        *strictness(result),
        *_about_followup(result),
        *_about_few_rows(result),
        *_about_comparisons(result),
        *_about_choice(result),
    ]


def _about_data(result: Result) -> Iterator[str]:
    """Say what the kind of data rules out."""
    if simulated(result):
        yield (
            "The data are simulated: they show what the methods do in a world whose truth is "
            "known, and nothing about people."
            if result.truth
            else "The data are simulated and say nothing about people; what is true of this very "
            "question in the made-up world is not among what the data set tells."
        )
    yield (
        f"One data set, one population ({code(result.design.population)}): other places, "
        "drugs and years are not covered."
    )
    if result.dataset.min_cell:
        yield (
            f"Counts below {result.dataset.min_cell} are suppressed in the document, "
            "so this report cannot show them."
        )


def _about_wording(result: Result) -> Iterator[str]:
    """Repeat why causal wording is dropped."""
    if result.timing.label == "association":
        for reason in result.timing.reasons:
            yield f"Not an effect: {plain(reason).rstrip('.')}."


def _about_confounding(result: Result) -> Iterator[str]:
    """Say which confounding is left open."""
    missing, weak, rung = unmeasured(result), proxied(result), chief(result)
    if missing:
        yield (
            f"Confounding by what is not measured ({phrase(missing)}) is not removed, and its "
            "size is not known from these data."
        )
    if weak:
        yield (
            f"Adjusting for a proxy ({phrase(weak)}) adjusts for the concept in part only; "
            "a scale may be reliable and still measure something else."
        )
    estimand = estimand_of(result, rung) if rung else None
    if estimand is not None:
        k, m = sum(one.sufficient for one in estimand.orientations), len(estimand.orientations)
        if m > 1 and k < m:
            yield (
                f"Should a disputed arrow point the other way, the adjustment set suffices in "
                f"{k} of {m} diagrams only."
            )
        if estimand.omitted:
            yield (
                f"A sufficient set has besides what {code(estimand.rung)} adjusts for: "
                f"{phrase(estimand.omitted)}."
            )
    for one in result.rungs:
        for said in one.assumed:
            yield f"{code(one.name)}: {plain(said)}"
    if not result.dag.instruments:
        yield "There is no instrument, so nothing checks the adjustment from outside it."
    if not result.refutations and not result.sensitivity:
        yield (
            "The document holds no refuter, negative control or sensitivity analysis: how strong "
            "an unmeasured confounder would have to be, and whether one is at work, is not "
            "assessed here."
        )


def _about_brackets(result: Result) -> Iterator[str]:
    """Say what bracket rungs are not."""
    base = chief(result)
    if base is None:
        return
    names = list(dict.fromkeys(name for rung in brackets(result) for name in added_by(rung, base)))
    if names:
        yield (
            f"Bracket rungs adjust for {phrase(names)}, measured after exposure began: they "
            "remove part of what exposure may do, and may open other paths."
        )


def _about_followup(result: Result) -> Iterator[str]:
    """Say whom losses and missing values leave out."""
    steps = result.attrition
    if steps and steps[-1].rows != steps[0].rows:
        yield (
            "Only rows that reach the last step of the attrition table are analysed: if reaching "
            "it depends on exposure and on the outcome, the difference among those seen is not "
            "that among all."
        )
    missing = result.design.missing
    if "imputation" in missing:
        yield (
            "Values are imputed as if missing at random: given exposure, outcome and covariates, "
            "those missing are taken to be like those seen, which no data can show."
        )
    if "missing outcomes counted as use" in missing:
        yield (
            "Missing outcomes are counted as use: that is a convention, not a finding, and where "
            "one arm is lost more often it makes a difference between the arms by itself."
        )
    if filled_terms(result) and any("median" in how for how in missing.values()):
        yield (
            "Missing covariates are filled with one value each; intervals do not carry that "
            "uncertainty."
        )
    if result.crude.n_clusters is None:
        yield (
            "Standard errors take persons as independent: clustering by site or clinic, if there "
            "is any, is ignored."
        )
    yield from _about_clusters(result)
    if surveyed(result):
        yield (
            "Survey weights are taken as they come: whether they undo who was left out of the "
            "frame, or did not answer, cannot be seen here."
        )


def _about_clusters(result: Result) -> Iterator[str]:
    """Say what clusters stand for, and what few of them do to standard errors."""
    clusters, column = result.crude.n_clusters, result.design.cluster
    if clusters is None:
        return
    if column:
        yield (
            f"Standard errors take persons of one {code(column)} as dependent, and those of "
            "different ones as independent."
        )
    if few_clusters(result.crude) is not None:
        of = f" ({code(column)})" if column else ""
        instead = "".join(_instead(result))
        yield (
            f"With {clusters} clusters{of}, fewer than {FEW_CLUSTERS}, standard errors by clusters "
            f"(CR0, CR1) tend to be too small and their intervals too short{instead}."
        )


def _instead(result: Result) -> Iterator[str]:
    """Say which rungs do something about few clusters."""
    if any(jackknifed(one) for one in result.rungs):
        yield "; the sets of iv leave clusters out one by one instead (jackknife)"
    own = [code(one.name) for one in result.rungs if reduced(one)]
    if own:
        yield (f"; the bias-reduced ones (CR2) of {joined(own)} have their own degrees of freedom")
    wild = [one.name for one in result.rungs if one.region_note.startswith("wild")]
    if wild:
        yield f"; sets from a wild bootstrap stand instead in {joined([code(n) for n in wild])}"


def _about_few_rows(result: Result) -> Iterator[str]:
    """Say which rungs have few rows for each column adjusted for."""
    told: dict[str, list[str]] = {}
    for rung in result.rungs:
        told.setdefault(few_rows_of(result, rung), []).append(code(rung.name))
    for said, names in told.items():
        if said:
            yield f"{joined(names)}: {said}"


def _about_comparisons(result: Result) -> Iterator[str]:
    """Say which rungs must not be compared, and what cross-fitting owes to chance."""
    measure = measure_of(result)
    for rung in result.rungs:
        if rung.split_sd is not None:
            how = "the median of" if '"combine":"median"' in rung.settings else "averaged over"
            yield (
                f"{code(rung.name)} is {how} random divisions of the sample: between "
                f"divisions it varies with a standard deviation of {measure.amount(rung.split_sd)}."
            )
        elif rung.estimator in CROSS_FITTED or '"cross_fit":{' in rung.settings:
            yield (
                f"{code(rung.name)} rests on one random division of the sample: what it owes to "
                "the draw is not known without cross_fit.repeats."
            )
    targets = list(dict.fromkeys(rung.target for rung in adjusted_rungs(result)))
    if len(targets) > 1:
        yield (
            f"Rungs at different targets ({joined([plain(one) for one in targets])}) average over "
            "different persons: a difference between them need not be confounding."
        )
    mixed = [
        code(rung.name)
        for rung in result.rungs
        if (kept := remaining_of(rung)) is not None and kept.mixed
    ]
    if mixed:
        yield (
            f"The share that remains is mixed in {joined(mixed)}: it holds selection and "
            "differences between persons together."
        )


def _about_choice(result: Result) -> Iterator[str]:
    """Say what the order of choosing and seeing takes away, and which checks failed."""
    if result.design.chosen == "after_estimates":
        yield (
            "The design was chosen after estimates had been seen, so intervals are too short for "
            "the choice that was made."
        )
    failed = [one for one in result.diagnostics if one.verdict == "FAIL"]
    if failed:
        rungs = joined(list(dict.fromkeys(code(one.rung) for one in failed)))
        yield f"Some checks are not passed ({rungs}): those rungs should not be leant on."
