"""YAML is read strictly, and each message says where, what was found, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from causal.documents import Document, Settings, parse_document, read_document, validated
from causal.errors import SpecError
from causal.splines import Knots


class Weighting(Settings):
    kind: Literal["ipw"] = "ipw"
    target: Literal["ATE", "ATT"] = "ATE"
    trim: float | None = Field(default=None, gt=0, lt=0.5)


class Regression(Settings):
    kind: Literal["g_computation"] = "g_computation"
    terms: tuple[str, ...] = ()


class Step(Settings):
    name: str
    estimator: Annotated[Weighting | Regression, Field(discriminator="kind")]


class Share(Settings):
    kind: Literal["share"] = "share"
    of: float


class Beta(Settings):
    kind: Literal["beta"] = "beta"
    alpha: float
    beta: float


class Plan(Settings):
    question: str
    seed: int = Field(ge=0)
    steps: tuple[Step, ...] = ()
    thresholds: Mapping[str, float] = {}


class Numbers(Settings):
    effects: Annotated[tuple[float | Literal["estimate"], ...], Field(min_length=1)] = (0.0,)
    shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (1,)
    prior: Annotated[Share | Beta, Field(discriminator="kind")] = Share(of=1)


class Curve(Settings):
    spline: Knots


class Cut(Settings):
    at_least: float


Form = Literal["levels", "linear"] | Curve | Cut


class Bends(Settings):
    form: Form = "linear"
    features: Mapping[str, Form | tuple[Form, ...]] = {}


GOOD = """\
question: Does it help?
seed: 1
steps:
  - name: first
    estimator: {kind: ipw, target: ATT}
  - name: second
    estimator:
      kind: g_computation
      terms: [age]
thresholds: {smd: 0.1}
"""


def read(text: str) -> Plan:
    return validated(parse_document(text, "plan.yaml"), Plan)


def refused(text: str, model: type[Settings] = Plan) -> str:
    with pytest.raises(SpecError) as found:
        validated(parse_document(text, "plan.yaml"), model)
    return str(found.value)


def test_a_document_becomes_a_validated_object():
    plan = read(GOOD)
    assert plan.steps[0].estimator == Weighting(target="ATT")
    assert plan.steps[1].estimator == Regression(terms=("age",))


def test_a_key_is_found_on_its_line():
    document = parse_document(GOOD, "plan.yaml")
    assert str(document.place(("steps", 1, "estimator", "terms"))) == (
        "plan.yaml:9: steps[1].estimator.terms"
    )
    assert document.place(("steps", 1, "absent")).line == 6


@pytest.mark.parametrize("written", ["null", "~", ""])
def test_a_key_without_a_value_is_told_to_quote_the_word_if_it_is_meant(written):
    message = refused(GOOD.replace("seed: 1", f"seed: {written}"))
    assert message.startswith("plan.yaml:2: seed: found nothing (null). Give a value;")
    assert message.endswith('put it in quotes: "null".')
    message = refused(GOOD.replace("target: ATT", f"target: {written}"))
    assert "found nothing (null)" in message
    assert "Choices: ATE, ATT" in message


def test_a_missing_file_is_named():
    with pytest.raises(SpecError, match=r"nowhere\.yaml: cannot be read: No such file.*Give the"):
        read_document(Path("nowhere.yaml"))


def test_a_folder_is_no_document(tmp_path):
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        read_document(tmp_path)


def test_text_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_bytes("question: Hélène?".encode("latin-1"))
    with pytest.raises(SpecError, match=r"plan\.yaml: is not UTF-8 text"):
        read_document(path)


def test_a_file_is_read_with_its_text(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD, encoding="utf-8")
    document = read_document(path)
    assert isinstance(document, Document)
    assert document.text == GOOD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("seed: 1", "seed: 1\nseed: 2"),
            r"plan.yaml:3: seed: key given twice \(first on line 2\)",
        ),
        (("seed: 1", "seed: !big 1"), "plan.yaml:2: seed: found the YAML tag or type '!big'"),
        (("seed: 1", "seed: !!python/name:os.system x"), "plan.yaml:2: seed: found the YAML tag"),
        (("seed: 1", "seed: 2026-01-01"), "plan.yaml:2: seed: .*'timestamp'.*put dates"),
        (("seed: 1", "seed: &one 1\nthresholds: {a: *one}"), r"plan.yaml:3: alias '\*one' found"),
        (("seed: 1", "seed: 1\n<<: {a: 1}"), "plan.yaml:3: .*keys must be plain words"),
        (("seed: 1", "seed: 1\n? [a]\n: 2"), "plan.yaml:3: .*keys must be plain words"),
        (("seed: 1", "\tseed: 1"), "plan.yaml:2: is not valid YAML: .*cannot start any token"),
        (("seed: 1", "seed: [1"), "plan.yaml:.*is not valid YAML: expected ',' or ']'"),
        (("seed: 1", "seed: 1\n---\nseed: 2"), "plan.yaml:3: is not valid YAML: .*document"),
        (("seed: 1", "seed: \a"), "plan.yaml: is not valid YAML"),
    ],
)
def test_yaml_that_means_something_else_than_it_shows_is_refused(change, message):
    with pytest.raises(SpecError, match=message):
        read(GOOD.replace(*change, 1))


@pytest.mark.parametrize("number", ["010", "1:30", "0x1F", "1_000"])
def test_numbers_that_yaml_reads_in_another_base_are_refused(number):
    """YAML 1.1 takes 010 for 8 and 1:30 for 90."""
    with pytest.raises(SpecError, match=r"plan.yaml:2: seed: .*quotes|plan.yaml:2: seed: .*number"):
        read(GOOD.replace("seed: 1", f"seed: {number}"))


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_numbers_that_are_not_finite_are_refused(number):
    with pytest.raises(SpecError, match=r"plan.yaml:10: thresholds.*finite|plan.yaml:10: .*number"):
        read(GOOD.replace("smd: 0.1", f"smd: {number}"))


@pytest.mark.parametrize(("text", "number"), [("1e-3", 0.001), ("5E2", 500.0), ("0.25", 0.25)])
def test_numbers_that_yaml_takes_for_text_are_read_as_numbers(text, number):
    assert read(GOOD.replace("0.1", text)).thresholds["smd"] == number


@pytest.mark.parametrize("text", ["- a\n", "just text", "null", "3"])
def test_a_document_without_keys_at_the_top_is_refused(text):
    assert refused(text) == "plan.yaml: expected keys and values (a YAML mapping) at the top."


def test_an_empty_document_lacks_its_first_key():
    assert refused("") == (
        "plan.yaml: question: missing key 'question'. Add it. (1 more to mend after this.)"
    )


def test_a_misspelt_key_is_found_at_the_top():
    message = refused(GOOD + "thresold: 1\n")
    assert message.startswith("plan.yaml:11: thresold: unknown key 'thresold'.")
    assert "Did you mean 'thresholds'? Choices: question, seed, steps, thresholds." in message


def test_a_misspelt_key_is_found_inside_a_union():
    message = refused(GOOD.replace("target: ATT", "targte: ATT"))
    assert message == (
        "plan.yaml:5: steps[0].estimator.targte: unknown key 'targte'. Did you mean 'target'? "
        "Choices: kind, target, trim."
    )


def test_choices_are_those_of_the_kind_chosen():
    message = refused(GOOD.replace("terms: [age]", "trems: [age]"))
    assert message.startswith("plan.yaml:9: steps[1].estimator.trems: unknown key 'trems'.")
    assert message.endswith("Did you mean 'terms'? Choices: kind, terms.")


def test_an_unknown_kind_lists_the_kinds():
    assert refused(GOOD.replace("kind: ipw", "kind: iwp")) == (
        "plan.yaml:5: steps[0].estimator: unknown kind 'iwp'. Did you mean 'ipw'? "
        "Choices: g_computation, ipw."
    )


def test_a_missing_kind_lists_the_kinds():
    message = refused(GOOD.replace("{kind: ipw, target: ATT}", "{target: ATT}"))
    assert message.startswith("plan.yaml:5: steps[0].estimator: missing key 'kind'.")
    assert "g_computation, ipw" in message


def test_a_wrong_word_lists_the_words():
    assert refused(GOOD.replace("target: ATT", "target: ATTT")) == (
        "plan.yaml:5: steps[0].estimator.target: found 'ATTT'. Did you mean 'ATT'? "
        "Choices: ATE, ATT."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed: 1", "seed: -1"), "plan.yaml:2: seed: found -1: input should be greater"),
        (("seed: 1", "seed: one"), "plan.yaml:2: seed: found 'one': input should be a valid int"),
        (("Does it help?", "no"), "plan.yaml:1: question: found False: .*valid string"),
        (("target: ATT", "trim: 0.7"), r"plan.yaml:5: steps\[0\].estimator.trim: found 0.7: "),
        (("{smd: 0.1}", "{smd: much}"), "plan.yaml:10: thresholds.smd: found 'much': "),
        (("{smd: 0.1}", "3"), "plan.yaml:10: thresholds: found 3: "),
    ],
)
def test_a_wrong_value_is_shown_with_its_place(change, message):
    with pytest.raises(SpecError, match=message):
        read(GOOD.replace(*change, 1))


def test_a_missing_key_is_named_at_the_mapping_that_lacks_it():
    text = GOOD.replace("  - name: second\n    estimator:", "  - estimator:")
    assert refused(text) == "plan.yaml:6: steps[1].name: missing key 'name'. Add it."


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("seed: 1", "sead: 1"), "plan.yaml:2: sead: unknown key 'sead'. Did you mean 'seed'?"),
        (("name: second", "nme: second"), r"plan.yaml:6: steps[1].nme: unknown key 'nme'."),
    ],
)
def test_a_misspelt_key_comes_before_the_missing_one_it_was_meant_for(change, place):
    message = refused(GOOD.replace(*change))
    assert message.startswith(place)
    assert message.endswith("(1 more to mend after this.)")


def test_the_first_of_several_is_reported_with_the_number_of_the_others():
    text = GOOD.replace("target: ATT", "targt: ATT").replace("seed: 1", "seed: -1")
    assert refused(text).startswith("plan.yaml:2: seed: found -1")
    assert refused(text).endswith("(1 more to mend after this.)")


def test_an_error_of_the_program_can_be_given_the_place_of_a_key():
    error = parse_document(GOOD, "plan.yaml").error(("steps", 0, "name"), "is taken.")
    assert str(error) == "plan.yaml:4: steps[0].name: is taken."


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("effects: [estimat]", "effects[0]: found 'estimat'. Did you mean 'estimate'? "),
        ("shares: [0]", "shares[0]: found 0: input should be greater than 0."),
        ("shares: [1.2]", "shares[0]: found 1.2: input should be less than or equal to 1."),
        ("shares: []", "shares: tuple should have at least 1 item after validation, not 0."),
    ],
)
def test_an_item_that_is_wrong_comes_before_the_list_it_leaves_too_short(added, said):
    assert refused(f"{added}\n", Numbers).startswith(f"plan.yaml:1: {said}")


def test_a_tag_that_is_also_the_name_of_a_field_is_read_as_a_tag():
    message = refused("prior: {kind: beta, a: 5, beta: 2}\n", Numbers)
    assert "unknown key 'a'. Choices: alpha, beta, kind." in message


FEW_KNOTS = "spline: a spline takes 3 to 7 knots that ascend, such as [0, 1, 4]; found [0, 1]."
CHOICES = "Choices: levels, linear, {at_least: ...}, {spline: ...}."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("form: {spline: [0, 1]}", f"plan.yaml:1: form.{FEW_KNOTS}"),
        ("form:\n  spline: [0, 1]", f"plan.yaml:2: form.{FEW_KNOTS}"),
        ("form: {spline: [0, 2, 1]}", "found [0, 2, 1]."),
        ("features: {x: {spline: [0, 1]}}", f"features.x.{FEW_KNOTS}"),
        ("features: {x: [levels, {spline: [0, 1]}]}", f"features.x[1].{FEW_KNOTS}"),
        ("form: cubic", f"form: found 'cubic'. {CHOICES}"),
        ("features: {x: [cubic]}", f"features.x[0]: found 'cubic'. {CHOICES}"),
        ("form: {at_least: a}", "form.at_least: found 'a': input should be a valid number"),
        ("form: {splin: [0, 1, 2]}", "form.splin: unknown key 'splin'. Did you mean 'spline'?"),
        ("form: {spline: [0, 1, 2], at: 3}", "form.at: unknown key 'at'."),
    ],
)
def test_of_a_union_of_words_and_keys_the_fault_in_the_member_meant_is_named(text, said):
    message = refused(text, Bends)
    assert said in message
    assert not ("a spline takes" in said and "more to mend" in message)
