"""The conformance checks pass a good data set and name what is wrong with a bad one."""

import sys

import pandas as pd
import pytest

from causal.dataset_info import Fact
from causal.errors import CausalError, DataNotAvailableError, SpecError
from causal.registry import GROUP
from causal.testing import check_dataset, recompute

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
"DEAD" = "not dated."
[[facts]]
what = "persons"
statistic = "persons"
value = 2
source = "the paper"
[[facts]]
what = "days of use"
table = "main"
statistic = "mean"
column = "USE"
where = "TIME == 0"
value = 2
source = "the paper"
"""
CODEBOOK = """column,description,kind,levels,concept
female,woman,binary,0=no; 1=yes,demographics@baseline
use,any use,binary,0=no; 1=yes,
"""
ADAPTER = """
def build(raw):
    main = raw["main"]
    first = main["TIME"] == 0
    return main[[]].assign(
        person_id=main["ID"].astype("str"), wave=main["TIME"], female=main["F"].where(first),
        use=main["USE"] > 0,
    )
"""
GENERATED = """
import numpy as np
import pandas as pd

from causal.truths import Question, Truth

def generate(options):
    return pd.DataFrame({"person_id": ["1", "2"], "wave": 0, "female": [0.0, 1.0], "use": 1.0})

def truth(options):
    asked = Question(exposure="female", outcome="use", exposure_wave=0, outcome_at=0)
    return [Truth(asked, {"ate": 0.0})]
"""
CARD = "# Two persons\n\nWho, when, known biases, citation: made up.\n"
RAW = pd.DataFrame(
    {"ID": [1, 1, 2, 2], "TIME": [0, 6, 0, 6], "F": [0, 0, 1, 1], "USE": [3, 0, 1, 0], "DEAD": 0}
)


@pytest.fixture
def offer(tmp_path, monkeypatch, request):
    """Install another package that offers the data set ``made_up``, changed as asked."""
    package = f"tested_{abs(hash(request.node.name))}"
    site = tmp_path / "site"
    folder = site / package / "made_up"
    folder.mkdir(parents=True)
    (site / package / "__init__.py").touch()
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nmade_up = {package}.made_up\n")
    monkeypatch.syspath_prepend(site)

    def _offer(changed=()):
        files = {
            "__init__.py": "",
            "adapter.py": ADAPTER,
            "dataset.toml": TOML,
            "codebook.csv": CODEBOOK,
            "card.md": CARD,
        } | dict(changed)
        for file, content in files.items():
            if content is not None:
                (folder / file).write_text(content)

    yield _offer
    for module in [one for one in sys.modules if one.startswith(package)]:
        del sys.modules[module]


@pytest.fixture
def data(tmp_path):
    """Write the user's CSV."""
    path = tmp_path / "mine.csv"
    RAW.to_csv(path, index=False)
    return path


def generated_toml():
    head = TOML.split("[sources.main]", maxsplit=1)[0].replace("restricted", "generated")
    return head + '[populations.all]\nreason = "Both."\n'


def test_a_good_data_set_passes_and_what_was_checked_is_said(offer, data):
    offer()
    said = check_dataset("made_up", data)
    assert len(said) == 5
    assert "2 published facts" in said[3]


def test_a_good_generated_data_set_passes(offer):
    offer({"dataset.toml": generated_toml(), "adapter.py": GENERATED})
    assert "finite truth" in check_dataset("made_up")[2]


def test_absent_data_are_told_from_a_faulty_folder(offer):
    offer()
    with pytest.raises(DataNotAvailableError, match="Ask the archive"):
        check_dataset("made_up")


FAULTS = {
    "a missing file": ({"card.md": None}, r"card\.md is missing"),
    "a card that omits biases": (
        {"card.md": "# Two\n\nWho, when, citation.\n"},
        "nothing is said of 'bias'",
    ),
    "small cells of data that are not public": (
        {"dataset.toml": TOML.replace("min_cell = 10", "min_cell = 0")},
        "min_cell: is 0 for data that are not public",
    ),
    "an adapter without build": ({"adapter.py": "x = 1\n"}, r"no function build\(\)"),
    "a column without description": (
        {"codebook.csv": CODEBOOK.replace("any use", "")},
        "use: has no description",
    ),
    "no concept": (
        {"codebook.csv": CODEBOOK.replace("demographics@baseline", "")},
        "no column measures a concept",
    ),
    "a refused column that is carried": (
        {"dataset.toml": TOML.replace('"DEAD"', '"use"')},
        "use: is refused and carried",
    ),
    "a refused column that does not exist": (
        {"dataset.toml": TOML.replace('"DEAD"', '"DEATH"')},
        r"no source has a column 'DEATH'. Did you mean 'DEAD'\?",
    ),
    "dropped rows": (
        {"adapter.py": ADAPTER.replace('raw["main"]', 'raw["main"].query("TIME == 0")')},
        "gives 2 rows for a file of 4: rows are dropped",
    ),
    "a table that heeds the order of rows": (
        {"adapter.py": ADAPTER.replace('main["USE"] > 0', "main.index > 1")},
        "when the rows of the file are in another order",
    ),
    "a changed input": (
        {
            "adapter.py": ADAPTER.replace(
                "    first =", '    main["USE"] = main["USE"] + 1\n    first ='
            )
        },
        "changes its input 'main'",
    ),
    "a build that is not deterministic": (
        {
            "adapter.py": ADAPTER.replace("def build", "calls = []\n\ndef build").replace(
                'main["USE"] > 0', 'calls.append(1) or (main["USE"] > 0) ^ bool(len(calls) % 2)'
            )
        },
        "gives another table at the second call",
    ),
    "a fact that is not reproduced": (
        {"dataset.toml": TOML.replace("value = 2\n", "value = 3\n", 1)},
        "persons: found 2; the paper has 3",
    ),
    "a fact on the raw table that is not reproduced": (
        {"dataset.toml": TOML.replace("TIME == 0", "TIME == 6")},
        "days of use: found 0; the paper has 2",
    ),
    "a population with nobody in it": (
        {"dataset.toml": TOML.replace("female == 1", "female == 2")},
        "populations.women: nobody fits 'female == 2'",
    ),
    "values outside the codebook": (
        {"adapter.py": ADAPTER.replace('main["F"]', 'main["F"].replace(1, 2)')},
        "female: 1 values are outside the codebook",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_and_named(offer, data, fault):
    changed, message = FAULTS[fault]
    offer(changed)
    with pytest.raises(CausalError, match=message):
        check_dataset("made_up", data)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[0.0, 1.0]", "np.random.default_rng().random(2).round(12) * [0, 0] + [0, 1]", None),
        (
            '"use": 1.0',
            '"use": np.random.default_rng().integers(0, 2, 2)',
            "two tables for the same",
        ),
        ('"ate": 0.0', '"ate": float("nan")', "gives nan for 'ate'"),
        ('outcome="use"', 'outcome="used"', "about 'used' at n = 2, which is no column"),
        ("outcome_at=0", 'outcome_at=0, population="some"', "no population 'some'"),
        ('[Truth(asked, {"ate": 0.0})]', '{"ate": 0.0}', "must give a list of causal.truths.Truth"),
    ],
)
def test_generation_must_keep_to_the_seed(offer, old, new, message):
    source = GENERATED.replace(old, new).replace('["1", "2"]', "[str(i) for i in range(2)]")
    if message == "two tables for the same":
        # Sixty-four coins, so that two equal draws do not happen.
        source = source.replace("range(2)", "range(64)").replace("0, 2, 2", "0, 2, 64")
        source = source.replace("[0.0, 1.0]", "1.0")
    options = '[options.n]\nkind = "integer"\ndefault = 2\ndescription = "n"\n'
    offer({"dataset.toml": generated_toml() + options, "adapter.py": source})
    if message is None:
        check_dataset("made_up")
    else:
        with pytest.raises(CausalError, match=message):
            check_dataset("made_up")


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("n", 3), ("mean", 2), ("sd", 1), ("median", 2), ("min", 1), ("max", 3), ("sum", 6)],
)
def test_facts_are_computed_on_known_values(statistic, expected):
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0, None]})
    fact = Fact(what="x", statistic=statistic, column="x", value=expected, source="hand")
    assert recompute(fact, table) == expected


def test_a_fact_names_the_column_a_source_does_not_have():
    fact = Fact(what="x", statistic="mean", column="usee", value=1, source="hand")
    with pytest.raises(SpecError, match=r"column 'usee'. Did you mean 'use'\?"):
        recompute(fact, pd.DataFrame({"use": [1.0]}))
