from causal.report.caveats import caveats
from causal.report.reading import few_rows
from causal.report.short import short_page
from causal.report.words import first_page
from causal.result import LabelBlock, Result, RungCovariateBlock


def said(result: Result) -> str:
    return " ".join(caveats(result))


def test_every_weakness_of_the_association_is_listed(help_like: Result) -> None:
    text = said(help_like)
    for part in (
        "abstinence goal, religiosity and legal mandate",
        "proxy (motivation and problem recognition)",
        "1 of 4 diagrams",
        "no instrument",
        "no refuter, negative control or sensitivity analysis",
        "co treatment and use at end",
        "last step of the attrition table",
        "filled with one value",
        "ATE, ATT and ATO",
        "mixed in `overlap_weighted`",
        "after estimates had been seen",
        "not passed (`weighted`)",
    ):
        assert part in text


def test_timing_is_repeated_only_where_it_forbids(help_like: Result) -> None:
    assert "Not an effect: the exposure window" in said(help_like)
    free = help_like.model_copy(update={"timing": LabelBlock(label="effect", reasons=[])})
    assert "Not an effect" not in said(free)


def test_simulated_data_say_nothing_about_people(help_like: Result, simulated_null: Result) -> None:
    assert "nothing about people" in said(simulated_null)
    assert "nothing about people" not in said(help_like)


def test_missing_cluster_identifiers_are_told(help_like: Result) -> None:
    assert "clustering by site" not in said(help_like)
    rungs = [one.model_copy(update={"n_clusters": None}) for one in help_like.rungs]
    assert "clustering by site" in said(help_like.model_copy(update={"rungs": rungs}))


def test_suppression_is_told(help_like: Result) -> None:
    dataset = help_like.dataset.model_copy(update={"min_cell": 10})
    assert "below 10 are suppressed" in said(help_like.model_copy(update={"dataset": dataset}))


def test_nothing_lost_and_nothing_filled_is_not_warned_of(help_like: Result) -> None:
    whole = help_like.model_copy(
        update={
            "attrition": help_like.attrition[:1],
            "covariates": [one.model_copy(update={"filled": 0}) for one in help_like.covariates],
        }
    )
    assert "attrition" not in said(whole)
    assert "filled" not in said(whole)


def test_the_luck_of_the_division_is_told_or_said_to_be_unknown(help_like: Result) -> None:
    def with_last(**changes: object) -> str:
        last = help_like.rungs[-1].model_copy(update=changes)
        return said(help_like.model_copy(update={"rungs": [*help_like.rungs[:-1], last]}))

    crossed = '{"cross_fit":{"repeats":5,"combine":"median"}}'
    assert "is the median of random divisions" in with_last(split_sd=0.02, settings=crossed)
    assert "is averaged over random divisions" in with_last(split_sd=0.02, settings="{}")
    one = "rests on one random division of the sample"
    assert one in with_last(settings='{"cross_fit":{}}')
    assert one in with_last(estimator="causal_forest")
    assert one not in said(help_like)


def adjusting_for(result: Result, terms: dict[str, int], n: int | str = 393) -> Result:
    """Give rungs so many columns, in two concepts, and every rung so many rows."""
    rungs = []
    for one in result.rungs:
        names = [f"x{i}" for i in range(terms.get(one.name, 0))]
        held = [
            RungCovariateBlock(concept=concept, columns=part, terms=part)
            for concept, part in (("severity", names[:2]), ("demographics", names[2:]))
        ]
        rungs.append(one.model_copy(update={"n": n, "covariates": held}))
    return result.model_copy(update={"rungs": rungs})


def test_rungs_with_few_rows_a_column_are_named_by_the_rule_of_subgroups(help_like: Result) -> None:
    result = adjusting_for(help_like, {"severity": 39, "motivation": 40, "full": 40})
    expected = few_rows(393, 40)
    assert expected.startswith("393 rows for 40 columns adjusted for. With so few")
    assert f"`motivation` and `full`: {expected}" in caveats(result)
    assert not any(one.startswith("`severity`") for one in caveats(result))
    at_length = dict(first_page(result))["Crude and adjusted"]
    assert expected in at_length
    assert expected in dict(short_page(result, {}))["Found"]
    enough = adjusting_for(help_like, {"severity": 40, "full": 39})
    assert "With so few" not in dict(short_page(enough, {}))["Found"]
    hidden = adjusting_for(help_like, {"full": 40}, n="<10")
    assert "With so few" not in said(hidden)


def test_of_a_rung_that_stands_for_more_rows_those_with_an_outcome_count(help_like: Result) -> None:
    result = adjusting_for(help_like, {"full": 25})
    assert "With so few" not in said(result)
    crude = result.crude.model_copy(update={"n": 240})
    weighed = result.model_copy(update={"rungs": [crude, *result.rungs[1:]]})
    assert "`full`: 240 rows for 25 columns adjusted for." in said(weighed)
