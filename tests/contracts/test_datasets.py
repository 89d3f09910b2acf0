"""Every data set passes the public conformance checks; facts that need raw sums stand below."""

import numpy as np
import pytest

from causal.errors import DataNotAvailableError
from causal.registry import describe, known_datasets, load_cohort
from causal.sources import read_sources
from causal.testing import check_dataset, check_folder

PRINTED = 1e-6  # relative: the reference values have seven figures


def read_or_skip(read):
    """Read data, or skip with the reason why they are not on this machine."""
    try:
        return read()
    except DataNotAvailableError as absent:
        pytest.skip(str(absent))


def marked(name):
    """Mark the data sets that need an installed package."""
    needs = any(file.distribution for file in describe(name).sources.values())
    return pytest.param(name, marks=pytest.mark.data if needs else ())


EVERY = [marked(name) for name in known_datasets()]


@pytest.mark.parametrize("name", known_datasets())
def test_the_folder_is_in_order_without_data(name):
    assert check_folder(name).name == name


@pytest.mark.parametrize("name", EVERY)
def test_a_data_set_passes_the_conformance_checks(name):
    assert read_or_skip(lambda: check_dataset(name))


@pytest.mark.parametrize("name", EVERY)
def test_a_csv_of_the_same_table_gives_the_same_cohort(name, tmp_path):
    info = describe(name)
    for source, table in read_or_skip(lambda: read_sources(info.raw)).items():
        table.to_csv(tmp_path / f"{source}.csv", index=False, float_format="%.15g")
    if info.sources:
        assert load_cohort(name, data=tmp_path).digest == load_cohort(name).digest


@pytest.fixture(scope="module")
def raw_help():
    return read_or_skip(lambda: read_sources(describe("help_cohort").raw))["HELPfull"]


@pytest.fixture(scope="module")
def help_table(raw_help):
    return load_cohort("help_cohort").table


@pytest.mark.data
def test_the_raw_file_is_the_one_the_analyses_were_made_on():
    recorded = describe("help_cohort").sources["HELPfull"].sha256
    assert recorded.startswith("87f008b5")
    assert recorded.endswith("8429")


@pytest.mark.data
@pytest.mark.parametrize(
    ("column", "items"), [("RAW_RE", "ACGJLOQ"), ("RAW_AM", "BFKP"), ("RAW_TS", "DEHIMNRS")]
)
def test_the_scales_of_motivation_are_sums_of_items_of_one_to_five(raw_help, column, items):
    first = raw_help[raw_help["TIME"] == 0]
    answers = first[[f"R1{item}" for item in items]]
    complete = answers.notna().all(axis=1)
    assert (answers[complete].sum(axis=1) == first.loc[complete, column]).all()
    assert answers.max(axis=None) == 5


@pytest.mark.data
def test_formal_treatment_contains_neither_detox_nor_self_help(raw_help):
    known = raw_help["FRML_SAT"].notna()
    parts = raw_help.loc[known, ["E4A", "E5A", "E6", "E7A"]].max(axis=1)
    assert (parts == raw_help.loc[known, "FRML_SAT"]).all()


@pytest.mark.data
@pytest.mark.parametrize(
    ("wave", "never", "doses"),
    [
        (0, 205, {5: 77, 4: 99, 3: 30, 2: 18, 1: 39}),
        (6, 43, {5: 82, 4: 83, 3: 25, 2: 9, 1: 12}),
        (12, 42, {5: 51, 4: 68, 3: 30, 2: 13, 1: 11}),
        (18, 57, {5: 48, 4: 83, 3: 34, 2: 10, 1: 22}),
        (24, 78, {5: 58, 4: 74, 3: 28, 2: 11, 1: 21}),
    ],
)
def test_attendance_is_distributed_as_published(help_table, wave, never, doses):
    counts = help_table.loc[help_table["wave"] == wave, "mhg_dose"].value_counts().to_dict()
    assert counts == {0: never} | doses


@pytest.mark.data
def test_frequent_attendance_is_missing_exactly_where_the_dose_is(help_table):
    assert (help_table["mhg_dose"].isna() == help_table["mhg_frequent"].isna()).all()
    assert help_table["mhg_frequent"].isna().groupby(help_table["wave"]).sum().tolist() == [
        2, 0, 2, 0, 7,
    ]  # fmt: skip


@pytest.mark.data
def test_what_was_asked_once_stands_at_its_wave_only(help_table):
    known = help_table.drop(columns="person_id").groupby("wave").count()
    once = {
        name: known.index[known[name] > 0].tolist() for name in known if (known[name] == 0).any()
    }
    assert {name for name, waves in once.items() if waves == [0]} == {
        "consequences", "age", "female", "race", "jail_5yr", "education", "randomised_clinic",
        "coc_her", "first_drug",
    }  # fmt: skip
    later = {name: waves for name, waves in once.items() if waves != [0]}
    assert later == {"any_use": [6], "days_to_any_use": [6], "linked_admin": [12]}


@pytest.mark.data
def test_a_gap_between_waves_is_the_number_of_intervals(help_table):
    gap = help_table.groupby("person_id")["wave"].diff().dropna() / 6
    assert (gap == help_table.loc[gap.index, "intervals_since_previous"]).all()


@pytest.mark.data
def test_each_raw_interview_becomes_one_row(raw_help, help_table):
    raw = set(zip(raw_help["ID"].map("{:04d}".format), raw_help["TIME"], strict=True))
    assert raw == set(zip(help_table["person_id"], help_table["wave"], strict=True))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "exposure", "outcome", "difference"),
    [
        ("nhefs", "qsmk", "wt82_71", 2.540581),  # Hernan & Robins 12.1: 2.5 kg
        ("lalonde_nsw", "treat", "re78", 1794.342),  # Dehejia & Wahba: 1794 dollars
        ("lalonde_cps", "treat", "re78", -8497.516),  # Dehejia & Wahba: -8498 dollars
    ],
)
def test_the_published_crude_difference_is_found(name, exposure, outcome, difference):
    table = read_or_skip(lambda: load_cohort(name)).table
    person = table.groupby("person_id")[[exposure, outcome]].max()
    means = person.groupby(exposure)[outcome].mean()
    assert means[1.0] - means[0.0] == pytest.approx(difference, rel=PRINTED)


@pytest.fixture(scope="module")
def men():
    table = read_or_skip(lambda: load_cohort("card_schooling")).table
    return table.groupby("person_id").first()


@pytest.mark.data
def test_potential_experience_is_age_less_schooling_less_six(men):
    assert (men["exper"] == men["age"] - men["educ"] - 6).all()
    assert (men["expersq"] == men["exper"] ** 2).all()
    assert np.allclose(np.log(men["wage"]), men["lwage"], atol=PRINTED)


@pytest.mark.data
def test_the_published_return_to_schooling_is_found(men):
    # Card 1995, table 3; Wooldridge, Introductory Econometrics, example 15.4: .075, .132, F 13.26
    regions = [men["region66"] == name for name in sorted(set(men["region66"]))[1:]]
    names = ("exper", "expersq", "black", "south", "smsa", "smsa66")
    covariates = [np.ones(len(men)), *(men[name] for name in names), *regions]
    x = np.column_stack(covariates).astype(float)
    y, a, z = (
        men[name] - x @ np.linalg.lstsq(x, men[name], rcond=None)[0]
        for name in ("lwage", "educ", "nearc4")
    )
    assert a @ y / (a @ a) == pytest.approx(0.07469326, rel=PRINTED)
    assert z @ a / (z @ z) == pytest.approx(0.3198989, rel=PRINTED)
    assert z @ y / (z @ a) == pytest.approx(0.1315038, rel=PRINTED)


@pytest.mark.data
@pytest.mark.parametrize(
    ("column", "gain", "quitting", "ratio"),
    [
        ("high_price82", 0.1502887, 0.06271777, 2.39627),  # Hernan & Robins, chapter 16.2: 2.4 kg
        ("high_price82_170", 0.30341, -0.00742, -40.91185),  # program 16.4: -41 kg
    ],
)
def test_the_published_price_contrasts_are_found(column, gain, quitting, ratio):
    table = read_or_skip(lambda: load_cohort("nhefs")).table
    person = table.groupby("person_id").first()
    seen = person[person["wt82_71"].notna() & person["price82"].notna()]
    means = seen.groupby(column)[["wt82_71", "qsmk"]].mean()
    contrast = means.loc[1.0] - means.loc[0.0]
    assert len(seen) == 1476
    assert contrast["wt82_71"] == pytest.approx(gain, abs=5e-6)
    assert contrast["qsmk"] == pytest.approx(quitting, abs=5e-6)
    assert contrast["wt82_71"] / contrast["qsmk"] == pytest.approx(ratio, abs=5e-6)


@pytest.mark.data
def test_a_price_that_is_not_known_is_on_neither_side_of_a_cutoff():
    table = read_or_skip(lambda: load_cohort("nhefs")).table
    price = table[table["wave"] == 1].set_index("person_id")["price82"]
    cut = table[table["wave"] == 0].set_index("person_id")
    for name in ("high_price82", "high_price82_170"):
        assert (cut[name].isna() == price.isna()).all()
