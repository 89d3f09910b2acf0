"""Declared features: names without data, values with, and misfits refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from causal.codebook import Variable
from causal.errors import SpecError
from causal.features import (
    CutPoint,
    Indicator,
    Product,
    Spline,
    check_features,
    expand,
    forms_of,
    needed_partners,
    restricted_cubic,
    term_names,
)

NAN = np.nan


def variable(column="age", kind="continuous", low=0.0, levels=None):
    return Variable(
        column=column,
        description="",
        kind=kind,
        unit="",
        low=low,
        high=None,
        levels=levels or {},
        recall=0.0,
        measures=(),
        reliability=None,
        note="",
    )


RACE = variable("race", "categorical", None, {"white": "White", "black": "Black", "other": "Other"})
AGE = variable()
VALUES = pd.Series([1.0, 4.0, NAN, 9.0])


def test_columns_enter_as_they_are_and_categories_as_factors():
    assert forms_of(AGE, {}) == ("identity",)
    assert forms_of(RACE, {}) == ("factor",)
    assert forms_of(AGE, {"age": ("identity", "square")}) == ("identity", "square")


@pytest.mark.parametrize(
    ("one", "form", "names"),
    [
        (AGE, "identity", ("age@start",)),
        (AGE, "square", ("age@start^2",)),
        (AGE, "cube", ("age@start^3",)),
        (AGE, "log1p", ("log1p(age@start)",)),
        (AGE, Product(product="sex"), ("age@start:sex",)),
        (AGE, Spline(spline=(20, 40, 50, 60)), tuple(f"age@start[spline {k}]" for k in (1, 2, 3))),
        (RACE, "factor", ("age@start=black", "age@start=other")),
        (RACE, Indicator(indicator=("black", "other")), ("age@start in black|other",)),
    ],
    ids=str,
)
def test_each_form_names_as_many_terms_as_it_gives(one, form, names):
    features = {one.column: form}
    assert term_names(one, "age@start", features) == names
    values = pd.Series(["white", "black", None, "other"]) if one is RACE else VALUES
    columns = expand(one, values, features | {"sex": "identity"}, {"sex": np.ones(4)})
    if isinstance(form, Spline):
        columns = expand(one, pd.Series(np.arange(50.0)), features, {})
    assert len(columns) == len(names)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("identity", [1, 4, NAN, 9]),
        ("square", [1, 16, NAN, 81]),
        ("cube", [1, 64, NAN, 729]),
        ("log1p", [math.log(2), math.log(5), NAN, math.log(10)]),
        (Product(product="sex"), [0, 4, NAN, 9]),
    ],
    ids=str,
)
def test_transforms_keep_missing_values_missing(form, expected):
    (found,) = expand(AGE, VALUES, {"age": form}, {"sex": np.array([0.0, 1, 1, 1])})
    np.testing.assert_allclose(found, expected)


def test_a_factor_leaves_out_its_first_level_and_keeps_missing_apart():
    black, other = expand(RACE, pd.Series(["white", "black", None, "other"]), {}, {})
    np.testing.assert_array_equal(black, [0, 1, NAN, 0])
    np.testing.assert_array_equal(other, [0, 0, NAN, 1])


def test_a_cut_point_is_one_from_there_on_and_missing_stays_missing():
    features = {"age": CutPoint(at_least=40)}
    (found,) = expand(AGE, pd.Series([39.9, 40.0, 41.0, NAN]), features, {})
    assert found == pytest.approx([0, 1, 1, NAN], nan_ok=True)
    assert term_names(AGE, "age", features) == ("age>=40",)


def test_an_indicator_joins_levels():
    features = {"race": Indicator(indicator=("black", "other"))}
    (found,) = expand(RACE, pd.Series(["white", "black", None, "other"]), features, {})
    np.testing.assert_array_equal(found, [0, 1, NAN, 1])


def test_codes_of_numeric_factors_may_be_written_as_text():
    site = variable("site", "ordinal", levels={"1": "North", "2": "South"})
    (south,) = expand(site, pd.Series([1.0, 2.0, NAN]), {"site": "factor"}, {})
    np.testing.assert_array_equal(south, [0, 1, NAN])
    (same,) = expand(site, pd.Series([1.0, 2.0, NAN]), {"site": Indicator(indicator=(2,))}, {})
    np.testing.assert_array_equal(same, south)


def test_a_restricted_cubic_spline_is_smooth_and_straight_beyond_its_outer_knots():
    x = np.linspace(0, 100, 2001)
    for column in restricted_cubic(x, (5, 27.5, 50, 72.5, 95)):
        second = np.diff(column, 2)
        outside = (x[1:-1] < 4.9) | (x[1:-1] > 95.1)
        assert np.abs(second[outside]).max() < 1e-9 * max(1, np.abs(column).max())
        assert np.abs(np.diff(second)).max() < 1e-4  # no jump in curvature


def test_a_spline_spans_straight_lines_and_has_full_rank():
    x = np.random.default_rng(0).gamma(2.0, 2.0, 300)
    basis = np.column_stack([np.ones(300), *restricted_cubic(x, (1, 2, 4, 8))])
    assert basis.shape == (300, 4)
    assert np.linalg.matrix_rank(basis) == 4
    np.testing.assert_array_equal(basis[:, 1], x)


@pytest.mark.parametrize("knots", [(1, 1, 2), (3, 2, 1), (1, 2)])
def test_knots_that_do_not_ascend_or_are_too_few_are_refused(knots):
    with pytest.raises(ValueError, match=r"takes 3 to 7 knots that ascend.* found \["):
        Spline(spline=knots)


def test_a_spline_means_the_same_at_every_wave():
    """Knots belong to the column, so a value has one basis whoever else is in the frame."""
    features = {"age": Spline(spline=(20, 50, 90))}
    everybody = pd.Series(np.arange(100.0))
    older = pd.Series(np.arange(50.0, 150.0))
    _, first = expand(AGE, everybody, features, {})
    _, later = expand(AGE, older, features, {})
    assert first[60] == later[10]  # both are the value 60


def test_partners_are_named_once():
    features = {"age": (Product(product="sex"), Product(product="bmi")), "race": "factor"}
    assert needed_partners([AGE, RACE], features) == ("sex", "bmi")


@pytest.mark.parametrize(
    ("one", "form", "message"),
    [
        (AGE, "factor", "'age' has no levels in the codebook"),
        (RACE, "square", "'race' is categorical; it can only be a factor or an indicator"),
        (RACE, Spline(spline=(1, 2, 3)), "can only be a factor or an indicator"),
        (RACE, Indicator(indicator=("blak",)), "no level 'blak'. Did you mean 'black'"),
        (variable(low=None), "log1p", "never negative; .* no lower bound"),
        (variable(low=-1.0), "log1p", r"the lower bound -1\.$"),
    ],
)
def test_forms_that_do_not_suit_a_column_are_refused(one, form, message):
    with pytest.raises(SpecError, match=message):
        term_names(one, one.column, {one.column: form})


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"agee": "square"}, "no column 'agee'. Did you mean 'age'"),
        ({"age": Product(product="rase")}, "no column 'rase'. Did you mean 'race'"),
        ({"age": Product(product="race")}, "race.*(numeric|categorical)"),
    ],
)
def test_features_of_columns_that_are_not_there_are_refused(features, message):
    with pytest.raises(SpecError, match=message):
        check_features(features, {"age": AGE, "race": RACE})
