from causal.report.shares import share_cell, share_sentences
from causal.result import LabelBlock, Reason, Remaining, Result, ScaleBlock


def said(result: Result) -> str:
    return " ".join(share_sentences(result))


def with_remaining(result: Result, remaining: Remaining | Reason) -> Result:
    rungs = [
        one if one is result.crude else one.model_copy(update={"remaining": remaining})
        for one in result.rungs
    ]
    return result.model_copy(update={"rungs": rungs})


def test_that_much_remains_is_not_evidence(help_like: Result, simulated_null: Result) -> None:
    for result in (help_like, simulated_null):
        assert "That much remains is not evidence of an effect" in said(result)
        assert "motivation and problem recognition measured with error" in said(result)
        assert "a share remains even when the exposure does nothing" in said(result)


def test_a_large_share_is_not_a_finding(help_like: Result, simulated_null: Result) -> None:
    assert "103 % remaining is not a finding that selection is absent" in said(help_like)
    assert "not a finding" not in said(simulated_null)


def test_no_change_by_adjustment_is_said_only_where_the_difference_covers_0(
    help_like: Result, simulated_null: Result
) -> None:
    assert "crude − adjusted covers 0" in said(help_like)
    assert "crude − adjusted covers 0" not in said(simulated_null)


def test_an_unbounded_set_is_printed_and_the_reader_sent_to_the_difference(
    unbounded: Result, disjoint: Result
) -> None:
    assert "(95 % Fieller set: every value)" in said(unbounded)
    assert "all values below 0.30 or above 2.10" in said(disjoint)
    for result in (unbounded, disjoint):
        assert "read the difference, not the share" in said(result)


def with_crude(result: Result, interval: tuple[float, float], **changed: object) -> Result:
    crude = result.crude.model_copy(update={"interval": interval, **changed})
    return result.model_copy(update={"rungs": [crude, *result.rungs[1:]]})


def test_an_unbounded_set_says_of_the_crude_difference_what_its_interval_shows(
    unbounded: Result, as_ratio: Result
) -> None:
    because = "because the crude difference is not distinguishable from 0"
    though = "though the interval of the crude difference excludes 0: crude and adjusted together"
    covered, clear = (with_crude(unbounded, pair) for pair in ((-0.1, 0.1), (-0.3, -0.1)))
    assert because in said(covered)
    assert though not in said(covered)
    assert though in said(clear)
    assert "not distinguishable" not in said(clear)
    whole = Remaining(value=0.5, set=[(None, None)], difference=(-0.02, 0.05), mixed=False)
    ratio = with_remaining(as_ratio, whole)
    assert ratio.crude.scale == "risk_ratio"  # its difference is judged, not the ratio itself
    for pair, words in (((-0.1, 0.1), because), ((-0.3, -0.1), though)):
        others = [
            one.model_copy(update={"interval": pair})
            if isinstance(one, ScaleBlock) and one.scale == "risk_difference"
            else one
            for one in ratio.crude.other_scales
        ]
        assert words in said(with_crude(ratio, (0.9, 1.1), other_scales=others))


def test_a_negative_share_turns_the_sign(unbounded: Result) -> None:
    assert "turns the sign" in said(unbounded)
    assert "Whatever remains is not evidence of an effect" in said(unbounded)


def test_a_set_that_holds_0_says_so(help_like: Result) -> None:
    wide = Remaining(value=0.5, set=[(-0.1, 0.9)], difference=(0.01, 0.1), mixed=False)
    assert "The set holds 0" in said(with_remaining(help_like, wide))
    wider = wide.model_copy(update={"set": [(-0.1, 1.2)]})
    assert "holds both 0" in said(with_remaining(help_like, wider))
    assert "The set holds" not in said(help_like)


def test_a_mixed_share_is_labelled(help_like: Result) -> None:
    mixed = Remaining(value=0.5, set=[(0.1, 0.9)], difference=(0.01, 0.1), mixed=True)
    assert "The share is mixed" in said(with_remaining(help_like, mixed))
    assert share_cell(help_like.rung("overlap_weighted")).endswith("mixed targets")
    assert "mixed" not in share_cell(help_like.rung("full"))


def test_a_share_that_is_not_estimable_gives_its_reason(help_like: Result) -> None:
    reason = Reason(not_estimable="the crude difference is exactly 0")
    result = with_remaining(help_like, reason)
    assert said(result) == "Not estimable: the crude difference is exactly 0."
    assert share_cell(result.rung("full")) == "not estimable: the crude difference is exactly 0"


def test_with_everything_measured_the_diagram_carries_the_weight(help_like: Result) -> None:
    clean = [
        one.model_copy(update={"proxied": [], "unmeasured": []}) for one in help_like.estimands
    ]
    ordered = LabelBlock(label="effect", reasons=[])
    measured = help_like.model_copy(update={"estimands": clean})
    assert "with exposure and outcome not ordered in time, a share remains" in said(measured)
    text = said(measured.model_copy(update={"timing": ordered}))
    assert "depends on the diagram being right" in text
    assert "measured with error" not in text


def test_a_share_under_a_ratio_headline_keeps_its_difference_in_points(as_ratio: Result) -> None:
    assert "crude − adjusted: 0.4 points (95 % CI" in said(as_ratio)
