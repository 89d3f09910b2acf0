"""E-values of printed associations: the domain brief's list, counts in both codings, the page."""

import math

import pytest

from causal.errors import SpecError
from causal.result_parts import Reason
from causal.sensitivity.conversions import e_value
from causal.summary.associations import OTHERWISE, association_of_counts
from causal.summary.composing import run_summary
from causal.summary.page import compose_summary
from causal.summary.specification import load_summary

# Abstinence is common, so that each goes through the square root: the table of published odds
# ratios with the E-values it prints to one decimal
LISTED = {
    "naive, Ye & Kaskutas (2009)": (3.6, 3.2),
    "by propensity strata, Ye & Kaskutas (2009)": (3.0, 2.9),
    "by propensity matching, Ye & Kaskutas (2009)": (2.6, 2.6),
    "18 months, Weiss et al. (2019)": (2.2, 2.3),
    "42 months, Weiss et al. (2019)": (1.9, 2.1),
    "completion, Mohamed et al. (2022)": (3.31, 3.0),
}
ONE_DECIMAL = 0.0501


def result(tmp_path, text):
    path = tmp_path / "trial_made_up.yaml"
    path.write_text(text, encoding="utf-8")
    return run_summary(load_summary(path))


def with_associations(text, *lines):
    return text + "associations:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def test_e_values_of_the_published_odds_ratios_are_the_listed_ones(tmp_path, forms):
    lines = [
        f'name: "{name}", measure: odds_ratio, value: {value}, rare: false'
        for name, (value, _) in LISTED.items()
    ]
    found = result(tmp_path, with_associations(forms["shares"], *lines))
    assert [one.name for one in found.associations] == list(LISTED)
    for one, (value, expected) in zip(found.associations, LISTED.values(), strict=True):
        assert one.e_value == pytest.approx(expected, abs=ONE_DECIMAL)
        assert one.risk_ratio == pytest.approx(math.sqrt(value))
        assert isinstance(one.e_value_of_interval, Reason)


def test_interval_of_a_hazard_ratio_is_turned_with_it(tmp_path, forms):
    # Mohamed et al. (2022): dropout HR .32 (.31, .34)
    line = "name: dropout, measure: hazard_ratio, value: 0.32, interval: [0.31, 0.34], rare: false"
    (one,) = result(tmp_path, with_associations(forms["shares"], line)).associations
    root = math.sqrt(0.34)
    limit = (1 - 0.5**root) / (1 - 0.5 ** (1 / root))
    assert one.e_value_of_interval == pytest.approx(e_value(limit))
    assert one.e_value > one.e_value_of_interval


def test_counts_give_their_own_association_in_the_coding_that_needs_less(tmp_path, forms):
    (one,) = result(tmp_path, forms["counts"]).associations
    # 120 of 200 exposed and 70 of 200 unexposed with the outcome, both arms together
    assert one.coding == OTHERWISE
    assert one.risk_ratio == pytest.approx((80 / 200) / (130 / 200))
    assert one.e_value == pytest.approx(e_value(65 / 40))
    as_coded = association_of_counts((120, 200), (70, 200), 0.95)
    turned = association_of_counts((80, 200), (130, 200), 0.95)
    assert as_coded.e_value == turned.e_value < e_value(120 / 70)


def test_counts_where_all_or_none_have_the_outcome_are_read_in_the_coding_that_has_a_ratio():
    one = association_of_counts((20, 20), (10, 20), 0.95)
    assert one.risk_ratio == 2
    assert isinstance(association_of_counts((0, 20), (20, 20), 0.95), Reason)


def test_page_shows_them_in_a_section_of_their_own(tmp_path, forms):
    line = "name: naive, measure: odds_ratio, value: 3.6, rare: false"
    page = compose_summary(result(tmp_path, with_associations(forms["shares"], line)))
    titles = [one.title for one in page.sections]
    assert "5. What could make the associations" in titles
    assert titles[-1] == "7. Where the numbers come from"
    plain = compose_summary(result(tmp_path, forms["shares"]))
    assert [one.title for one in plain.sections][-1] == "6. Where the numbers come from"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("name: naive, measure: odds_ratio, value: 3.6", "rare: true"),
        ("name: naive, measure: risk_ratio, value: 3.6, rare: true", "rare is for an odds"),
        ("name: naive, measure: risk_ratio, value: 3.6, interval: [4, 5]", "outside its interval"),
        ("name: naive, measure: ratio, value: 3.6", "risk_ratio"),
    ],
)
def test_what_cannot_be_turned_is_refused_with_its_place(tmp_path, forms, line, said):
    with pytest.raises(SpecError, match=said) as caught:
        result(tmp_path, with_associations(forms["shares"], line))
    assert "associations" in str(caught.value)
