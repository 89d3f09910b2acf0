import json

import pytest
import yaml

from causal.report.markdown import (
    as_specified,
    code,
    fenced,
    joined,
    plain,
    sentence,
    table,
    words,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a | b", r"a \| b"),
        ("two\nlines", "two lines"),
        ("$5 and $6", r"\$5 and \$6"),
        ("use_at_end", "use_at_end"),
        ("_leading", r"\_leading"),
        ("*stars*", r"\*stars\*"),
        ("<script>", "&lt;script>"),
        ("<10", "<10"),
        ("x < y", "x < y"),
        ("`a|b`", r"`a\|b`"),
        ("[t](u)", r"[t\](u)"),
    ],
)
def test_text_is_shown_as_it_is(text: str, written: str) -> None:
    assert plain(text) == written


def test_code_cannot_break_a_table() -> None:
    assert code("a|b`c\nd") == r"`a\|b'c d`"


def test_names_become_words() -> None:
    assert words("use_at_end") == "use at end"
    assert words("(time)") == "time"


@pytest.mark.parametrize(
    ("parts", "phrase"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")],
)
def test_parts_are_joined_as_in_prose(parts: list[str], phrase: str) -> None:
    assert joined(parts) == phrase


def test_a_sentence_begins_and_ends_as_one() -> None:
    assert sentence(" the set suffices ") == "The set suffices."
    assert sentence("Does it?") == "Does it?"
    assert sentence("") == ""


def test_a_table_aligns_numbers_to_the_right() -> None:
    assert table(("a", "b"), [("1", "2")], "lr") == "| a | b |\n| --- | --: |\n| 1 | 2 |"


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    written = fenced("x\n````\ny\n", "yaml")
    assert written.startswith("`````yaml\n")
    assert written.endswith("\n`````")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (
            "gives -140 (95 %: -1440 to 1150), -.5",
            "gives \u2212140 (95 %: \u22121440 to 1150), \u2212.5",
        ),
        ("from [-1, 2] and =-3", "from [\u22121, 2] and =\u22123"),
        ("2-3 times, CES-D, 2026-01-02, 1e-05", "2-3 times, CES-D, 2026-01-02, 1e-05"),
        ("doi:10.1016/S0895-4356(96)00236-3", "doi:10.1016/S0895-4356(96)00236-3"),
        ("coded `x = -9`", "coded `x = -9`"),
    ],
)
def test_numbers_have_a_true_minus_and_nothing_else_does(text, written):
    assert plain(text) == written


def test_settings_are_written_as_a_specification_has_them() -> None:
    given = {
        "cross_fit": {"repeats": 21, "combine": "median"}, "truncate": [1.0, 99.0], "no": True,
        "library": ["glm", "yes", "1", "a: b", "null"], "clip": None, "name": "",
    }  # fmt: skip
    said = as_specified(json.dumps(given, separators=(",", ":")))
    assert yaml.safe_load("{" + said + "}") == given
    assert said.startswith("cross_fit: {repeats: 21, combine: median}, truncate: [1.0, 99.0]")


@pytest.mark.parametrize("nothing", ["", " ", "{}"])
def test_no_settings_are_not_written(nothing: str) -> None:
    assert as_specified(nothing) == ""
