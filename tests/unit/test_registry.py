"""Data sets are found wherever they are installed, and loaded only when they are what they say."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from causal.errors import (
    ChecksumMismatchError,
    CodebookViolationError,
    DatasetError,
    SpecError,
    UnknownDatasetError,
)
from causal.registry import (
    GROUP,
    analyses_folder,
    build_table,
    canonicalise,
    describe,
    digest_table,
    known_datasets,
    known_truths,
    load_cohort,
)

ROOT = Path(__file__).resolve().parents[2]

TOML = """
title = "Two made-up persons"
unit = "person"
wave_unit = "months"
wave_days = 30.4375
waves = [0, 6]
access = "restricted"
licence = "none"
citation = "none"
min_cell = 10
t0_rule = "admission"
how_to_get = "Ask the archive."
[sources.main]
[populations.all]
reason = "Both of them."
[populations.women]
where = "female == 1"
reason = "The question is about women."
[refused]
"DEAD GONE" = "not dated."
"""
CODEBOOK = """column,description,kind,levels,concept
female,woman,binary,0=no; 1=yes,demographics@baseline
race,race,categorical,black; white,demographics@baseline
use,any use,binary,0=no; 1=yes,
"""
ADAPTER = """
def build(raw):
    main = raw["main"]
    columns = {"person_id": main["ID"].astype("str"), "wave": main["TIME"], "race": main["RACE"]}
    return main[[]].assign(**columns, use=main["USE"] > 0, female=main["F"])
"""
RAW = pd.DataFrame(
    {
        "ID": [2, 1, 1, 2],
        "TIME": [0, 6, 0, 6],
        "F": [1.0, np.nan, 0.0, np.nan],
        "USE": [3, 0, 1, 0],
        "RACE": ["white", None, "black", None],
    }
)


@pytest.fixture
def offer(tmp_path, monkeypatch, request):
    """Install another package that offers the data set ``made_up``; give a way to change it."""
    package = f"other_{abs(hash(request.node.name))}"
    site = tmp_path / "site"
    folder = site / package / "made_up"
    folder.mkdir(parents=True)
    (site / package / "__init__.py").touch()
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")

    def _offer(name="made_up", **changed):
        files = {
            "__init__.py": "",
            "adapter.py": ADAPTER,
            "dataset.toml": TOML,
            "codebook.csv": CODEBOOK,
            "card.md": "# Two persons\n",
        }
        for file, content in (files | changed).items():
            (folder / file).write_text(content)
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {package}.made_up\n")
        return folder

    monkeypatch.syspath_prepend(site)
    yield _offer
    for module in [one for one in sys.modules if one.startswith(package)]:
        del sys.modules[module]


@pytest.fixture
def mine(tmp_path):
    """Write the user's CSV."""

    def _mine(table=RAW, **how):
        path = tmp_path / "mine.csv"
        table.to_csv(path, index=False, **how)
        return path

    return _mine


def test_the_data_sets_of_the_library_are_known_in_order():
    names = list(known_datasets())
    assert names == sorted(names)
    assert {"help_cohort", "simulated", "nhefs", "lalonde_nsw", "lalonde_cps"} <= set(names)


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(UnknownDatasetError, match=r"Did you mean 'simulated'\? Choices: .*nhefs"):
        describe("simulatd")


def test_another_package_offers_a_data_set_by_an_entry_point(offer, mine):
    folder = offer()
    assert known_datasets()["made_up"] == folder
    cohort = load_cohort("made_up", data=mine())
    assert (len(cohort.table), cohort.min_cell, cohort.wave_days) == (4, 10, 30.4375)


def test_a_name_in_use_is_not_taken_silently(offer):
    offer("simulated")
    with pytest.raises(DatasetError, match=r"entry point simulated.*that name exists"):
        known_datasets()


def test_an_entry_point_that_leads_nowhere_is_named(offer):
    (offer() / "dataset.toml").unlink()
    with pytest.raises(DatasetError, match=r"entry point made_up = .*not a package with a dataset"):
        known_datasets()


def test_the_table_is_brought_to_one_form(offer, mine):
    offer()
    table = load_cohort("made_up", data=mine()).table
    assert table.columns.tolist() == ["person_id", "wave", "female", "race", "use"]
    assert table["person_id"].tolist() == ["1", "1", "2", "2"]
    assert table["wave"].tolist() == [0, 6, 0, 6]
    assert {str(table[name].dtype) for name in ("female", "use")} == {"float64"}
    assert table["race"].isna().tolist() == [False, True, False, True]


def test_the_digest_is_of_values_not_of_the_file(offer, mine):
    offer()
    digest = load_cohort("made_up", data=mine()).digest
    assert load_cohort("made_up", data=mine(float_format="%.3f")).digest == digest
    assert load_cohort("made_up", data=mine(RAW.iloc[::-1])).digest == digest
    changed = RAW.assign(USE=[3, 0, 0, 0])
    assert load_cohort("made_up", data=mine(changed)).digest != digest


@pytest.mark.parametrize(
    "change",
    [
        {"x": [1.0, 2.0 + 1e-7]},
        {"x": [1.0, np.nan]},
        {"name": pd.Series(["a", "c"], dtype="str")},
        {"name": pd.Series(["ab", None], dtype="str")},
    ],
)
def test_a_digest_changes_with_any_value(change):
    table = pd.DataFrame({"x": [1.0, 2.0], "name": pd.Series(["a", "b"], dtype="str")})
    assert digest_table(table) != digest_table(table.assign(**change))


def test_a_digest_heeds_neither_the_last_bits_nor_the_sign_of_zero():
    table = pd.DataFrame({"x": [0.1, 0.0, np.nan]})
    assert digest_table(table) == digest_table(pd.DataFrame({"x": [0.1 + 1e-17, -0.0, np.nan]}))
    assert digest_table(table) == digest_table(pd.DataFrame({"x": [0.1 * (1 + 2e-16), 0, np.nan]}))


def test_a_recorded_digest_is_compared(offer, mine):
    folder = offer()
    digest = load_cohort("made_up", data=mine()).digest
    recorded = f'cohort_sha256 = "{digest}"\n[sources.main]'
    (folder / "dataset.toml").write_text(TOML.replace("[sources.main]", recorded))
    assert load_cohort("made_up", data=mine()).digest == digest
    with pytest.raises(ChecksumMismatchError, match=rf"table built has sha256 .*records {digest}"):
        load_cohort("made_up", data=mine(RAW.assign(F=[0.0, np.nan, 0.0, np.nan])))


def test_values_outside_the_codebook_are_refused(offer, mine):
    offer()
    with pytest.raises(CodebookViolationError, match=r"race: 1 values are outside.*'green'"):
        load_cohort("made_up", data=mine(RAW.replace({"RACE": {"white": "green"}})))


def test_a_file_without_a_column_the_adapter_asks_for_is_refused(offer, mine):
    offer()
    with pytest.raises(
        DatasetError, match=r"build\(\) asks for 'USE', which the file does not have"
    ):
        load_cohort("made_up", data=mine(RAW.drop(columns="USE")))


def test_an_adapter_without_build_is_named(offer, mine):
    offer(**{"adapter.py": "x = 1\n"})
    with pytest.raises(DatasetError, match=r"adapter\.py has no function build"):
        load_cohort("made_up", data=mine())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("min_cell = 10", "", r"dataset\.toml: min_cell: missing key"),
        ("[sources.main]", 'licence_not = "x"\n[sources.main]',
         r"toml:13: licence_not: unknown key.*Did you mean 'licence_note'"),
        ('access = "restricted"', 'access = "secret"', r"toml:7: access: found 'secret'.*open"),
        ("female == 1", "f() == 1", r"populations\.women\.where: found .*a call"),
        ("female == 1", "femal == 1", r"women: there is no column 'femal'.*mean 'female'"),
        ("wave_days = 30.4375", "wave_days = 0", r"toml:5: wave_days: found 0"),
        ('reason = "Both of them."', "", r"populations\.all\.reason: missing key"),
        ('title = "Two', "title = Two", r"is not valid TOML: .*line 2"),
        ("[sources.main]", "[options.n]\nkind = 'integer'\ndefault = 1\ndescription = 'n'",
         "only a generated data set takes options"),
        ('access = "restricted"', 'access = "generated"', "has no sources"),
        ('"DEAD GONE"', '[[facts]]\nwhat = "x"\nstatistic = "mean"\nvalue = 1\nsource = "s"\n"a"',
         r"facts\[0\]"),
    ],
)  # fmt: skip
def test_a_fault_in_the_metadata_is_said_with_file_line_and_key(offer, old, new, message):
    offer(**{"dataset.toml": TOML.replace(old, new)})
    with pytest.raises(SpecError, match=message):
        describe("made_up")


def test_several_columns_are_refused_with_one_reason(offer):
    offer()
    info = describe("made_up")
    assert info.why_refused("dead") == info.why_refused("GONE") == "not dated."
    assert info.why_refused("female") is None


def test_an_unknown_population_lists_the_choices():
    with pytest.raises(SpecError, match=r"no population 'opioids'.*Did you mean 'opioid'\?"):
        describe("simulated").population("opioids")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenari": "base"}, r"no option 'scenari'.*Did you mean 'scenario'\?"),
        ({"scenario": "bas"}, r"option 'scenario' is 'bas'. Did you mean 'base'\?"),
        ({"scenario": 3}, "option 'scenario' is 3; expected text"),
        ({"n": 10}, r"option 'n' is 10; expected 50 (to|or more)"),
        ({"n": 100.5}, "option 'n' is 100.5; expected integer"),
        ({"n": True}, "option 'n' is True; expected integer"),
        ({"attrition": 1}, "option 'attrition' is 1; expected boolean"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(options, message):
    with pytest.raises(SpecError, match=message):
        load_cohort("simulated", options)


def test_a_generated_data_set_reads_no_file(tmp_path):
    with pytest.raises(DatasetError, match="is generated; it reads no file"):
        load_cohort("simulated", data=tmp_path / "x.csv")


def test_truth_is_known_of_generated_data_sets_only():
    assert known_truths("simulated", {"scenario": "null"})[0].values["ate"] == 0
    with pytest.raises(DatasetError, match="no truth is known"):
        known_truths("nhefs")


def test_options_are_refused_where_nothing_is_generated():
    with pytest.raises(SpecError, match="has no option 'n'"):
        load_cohort("nhefs", {"n": 100})


def test_the_form_does_not_depend_on_numeric_types():
    info = describe("simulated")
    table = build_table(info, {"n": 50})
    narrow = table.astype({"female": "bool", "wave": "int8", "severity_score": "float64"})
    narrow = narrow if table["female"].notna().all() else table.astype({"wave": "int8"})
    pd.testing.assert_frame_equal(
        canonicalise(table, info.codebook), canonicalise(narrow, info.codebook)
    )


def test_the_analyses_of_the_checkout_are_found():
    assert analyses_folder() == ROOT / "analyses"


PROBE = """
import causal.registry as registry
import sys
print(registry.__file__)
print(*registry.known_datasets().values(), registry.analyses_folder(), sep="\\n")
assert "pandas" not in sys.modules, "finding data sets must not import pandas"
assert registry.describe("simulated").codebook["abstinent"].kind == "binary"
print(len(registry.load_cohort("simulated", {"n": 60}).table))
"""


@pytest.fixture(scope="module", params=["checkout", "sdist"])
def installed(request, tmp_path_factory):
    """Build a wheel, from the checkout or by way of an sdist, and unpack it into a folder."""
    work = tmp_path_factory.mktemp(request.param)
    root = ROOT
    if request.param == "sdist":
        (archive,) = SdistBuilder(str(ROOT)).build(directory=str(work), versions=["standard"])
        with tarfile.open(archive) as packed:
            packed.extractall(work / "source", filter="data")
        (root,) = (work / "source").iterdir()
    (wheel,) = WheelBuilder(str(root)).build(directory=str(work), versions=["standard"])
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(work / "target")
    return work / "target"


def run_probe(folder, **environment):
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_wheel_finds_its_data_sets_and_analyses_inside_itself(installed, tmp_path):
    *places, rows = run_probe(tmp_path, PYTHONPATH=str(installed))
    assert rows == "180"
    assert len(places) == len(list((ROOT / "datasets").glob("*/dataset.toml"))) + 2
    assert all(Path(place).is_relative_to(installed) for place in places)


def test_an_installed_wheel_does_not_look_beside_itself(installed, tmp_path):
    # A folder that packages are installed into may hold a "datasets" of someone else's.
    other = installed / "datasets" / "other"
    other.mkdir(parents=True, exist_ok=True)
    (other / "dataset.toml").write_text(TOML)
    assert not any("other" in place for place in run_probe(tmp_path, PYTHONPATH=str(installed)))


def test_an_editable_install_finds_the_checkout_from_any_folder(tmp_path):
    *places, rows = run_probe(tmp_path)
    assert rows == "180"
    assert all(Path(place).is_relative_to(ROOT) for place in places)
