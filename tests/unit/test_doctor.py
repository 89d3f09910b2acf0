"""The examination of an installation, hazards probed on the libraries as they are installed."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path

import pytest

import causal.doctor
from causal.cli import DIFFERS, OK, main
from causal.doctor import (
    Finding,
    examine_data,
    examine_dataset,
    examine_hazards,
    examine_version,
    examine_versions,
    pinned_versions,
)
from causal.hazards import HAZARDS, Hazard, news_of, probe
from causal.scaffold import new_dataset

SECONDS = 60.0  # the limit set for all of them, imports included


def made_up(there: bool) -> Hazard:
    return Hazard("H0", "it misbehaves", "we do not use it", lambda: (there, "measured 1.00"))


def expect_hazard(hazard: Hazard) -> None:
    """Fail with the news when a hazard is gone, or no longer probed, under whichever version."""
    there, measured = probe(hazard)
    assert measured
    assert there, news_of(hazard.name, "dowhy", version("dowhy"), measured)


@pytest.mark.parametrize("hazard", HAZARDS, ids=[one.name for one in HAZARDS])
def test_each_hazard_is_still_there_whatever_the_version(hazard: Hazard) -> None:
    expect_hazard(hazard)


def test_a_hazard_mended_by_a_newer_version_fails_with_the_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(globals(), "version", lambda name: "99.0")
    with pytest.raises(AssertionError, match=r"gone from dowhy 99\.0 .*measured on 0\.14: rev"):
        expect_hazard(made_up(False))
    expect_hazard(made_up(True))


def test_a_probe_that_a_newer_version_breaks_fails_too() -> None:
    def changed() -> tuple[bool, str]:
        raise AttributeError("no such method")

    with pytest.raises(AssertionError, match="could not be probed: AttributeError"):
        expect_hazard(Hazard("H0", "x", "y", changed))


def test_all_hazards_together_are_probed_in_time() -> None:
    started = time.perf_counter()
    found = list(examine_hazards())
    assert time.perf_counter() - started < SECONDS
    assert [one.said.split()[0] for one in found] == [
        "H1", "H2", "H3", "H4", "H5", "H12", "H18", "H19",
    ]  # fmt: skip


def test_probing_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    probe(HAZARDS[0])
    assert capfd.readouterr() == ("", "")


def test_a_hazard_that_is_gone_is_news_and_no_error() -> None:
    there, gone = examine_hazards([made_up(True), made_up(False)])
    assert (there.state, gone.state) == ("present", "NEWS")
    assert "gone from this version" in gone.said
    assert "we do not use it" in there.said


def test_a_probe_whose_interface_changed_ends_nothing() -> None:
    def changed() -> tuple[bool, str]:
        raise AttributeError("no such method")

    (found,) = examine_hazards([Hazard("H0", "x", "y", changed)])
    assert found.state == "unknown"
    assert "no such method" in found.said


def test_versions_are_compared_with_those_supported_and_pinned() -> None:
    numpy = version("numpy")
    assert examine_version("numpy", ">=2.0", numpy).state == "ok"
    assert examine_version("numpy", ">=2.0", "1.0").state == "differs"
    assert examine_version("numpy", ">=999", None).state == "BROKEN"
    assert examine_version("no-such-library", "", None).state == "BROKEN"


def test_every_library_that_is_needed_is_examined() -> None:
    said = " ".join(one.said for one in examine_versions())
    assert all(name in said for name in ("python 3", "dowhy", "econml", "pydantic"))
    assert "pytest" not in said


def test_pins_are_those_for_this_version_of_python() -> None:
    pins = pinned_versions()
    assert pins["dowhy"].startswith("0.14")
    assert all(";" not in exact for exact in pins.values())


def test_data_that_are_absent_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causal.datasets.__path__", [str(tmp_path)])
    new_dataset("absent_one", tmp_path)
    (tmp_path / "absent_one" / "main.csv").unlink()
    found = examine_dataset("absent_one")
    assert found.state == "absent"
    assert "Say here how somebody else comes by the file" in found.said


def test_a_file_that_was_changed_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causal.datasets.__path__", [str(tmp_path)])
    new_dataset("changed_one", tmp_path)
    raw = tmp_path / "changed_one" / "main.csv"
    raw.write_text(raw.read_text() + "3,1.0,3,1\n")
    (found,) = examine_data()
    assert found.state == "BROKEN"
    assert "has sha256" in found.said


def test_the_command_exits_1_only_when_something_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    news = Finding("Data", "NEWS", "a thing")
    monkeypatch.setattr(causal.doctor, "examine", lambda: iter([news]))
    assert main(["doctor"]) == OK
    broken = Finding("Data", "BROKEN", "a thing")
    monkeypatch.setattr(causal.doctor, "examine", lambda: iter([news, broken]))
    assert main(["doctor"]) == DIFFERS
    assert "  BROKEN   a thing" in capsys.readouterr().out
