"""A scaffolded data set passes its own contract, and nothing that is there is overwritten."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from causal.cli import INVALID, OK, main
from causal.errors import DatasetError
from causal.registry import load_cohort
from causal.scaffold import new_dataset
from causal.testing import FILES, check_dataset


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which the registry looks."""
    monkeypatch.setattr("causal.datasets.__path__", [str(tmp_path)])
    yield tmp_path
    for name in [one for one in sys.modules if one.startswith("causal.datasets.")]:
        del sys.modules[name]


def test_a_scaffolded_data_set_passes_its_contract(folder: Path) -> None:
    made = new_dataset("my_cohort", folder)
    assert {path.name for path in made.files} == {*FILES, "main.csv"}
    assert all(path.is_file() for path in made.files)
    said = check_dataset("my_cohort")
    assert "changes and drops no rows" in " ".join(said)


def test_the_rows_are_made_up_and_laid_out_over_three_waves(folder: Path) -> None:
    new_dataset("my_cohort", folder)
    table = load_cohort("my_cohort").table
    assert sorted(set(table["wave"])) == [0, 6, 12]
    assert table["person_id"].nunique() == 2
    assert table["mhg_weekly"].dropna().tolist() == [1.0, 0.0]


def test_the_code_written_is_in_the_style_of_the_house(folder: Path) -> None:
    import subprocess

    new_dataset("my_cohort", folder)
    config = Path(__file__).parents[2] / "pyproject.toml"
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", str(config), str(folder)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "No module named ruff" in done.stderr:
            pytest.skip("ruff is not installed")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "a", "My_cohort", "1st", "a-b", "../up", "class", "x" * 41])
def test_a_name_that_cannot_be_one_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="cannot name a data set"):
        new_dataset(name, folder)
    assert not list(folder.iterdir())


def test_a_folder_that_exists_is_left_alone(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(DatasetError, match="exists"):
        new_dataset("mine", folder)
    assert [path.name for path in (folder / "mine").iterdir()] == ["notes.txt"]


def test_a_name_in_use_is_refused(folder: Path) -> None:
    new_dataset("my_cohort", folder)
    with pytest.raises(DatasetError, match="there is a data set 'my_cohort' already"):
        new_dataset("my_cohort", folder / "elsewhere")


def test_a_place_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="--folder"):
        new_dataset("my_cohort", folder / "file")


def test_an_installed_package_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import causal.datasets

    package = str(Path(causal.datasets.__file__).parent)
    monkeypatch.setattr("causal.datasets.__path__", [package])
    with pytest.raises(DatasetError, match="--folder DIR"):
        new_dataset("my_cohort")


def test_the_command_says_what_to_do_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-dataset", "my_cohort"]) == OK  # into the folder the registry looks in last
    said = capsys.readouterr().out
    assert str(folder / "my_cohort" / "adapter.py") in said
    assert "1. Check it as it is" in said
    assert main(["new-dataset", "my_cohort"]) == INVALID


def test_elsewhere_the_entry_point_is_explained(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = new_dataset("my_cohort", tmp_path_factory.mktemp("package"))
    assert "causal.datasets" in made.next_steps[0]
