import sys
from pathlib import Path

import pytest

from causal.errors import CausalError
from causal.report import HTML, render, render_index, rendered, rendered_html, rendered_index
from causal.result import Result


def test_the_files_written_are_those_rendered(help_like: Result, tmp_path: Path) -> None:
    written = render(help_like, tmp_path)
    content = {**rendered(help_like), HTML: rendered_html(help_like)}
    assert [path.relative_to(tmp_path).as_posix() for path in written] == list(content)
    assert all((tmp_path / name).read_bytes() == body for name, body in content.items())


def test_nothing_else_is_left_behind(help_like: Result, tmp_path: Path) -> None:
    written = render(help_like, tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(written)


def test_a_figure_no_longer_drawn_is_removed_and_other_files_are_kept(
    help_like: Result, simulated_null: Result, tmp_path: Path
) -> None:
    render(help_like, tmp_path)
    (tmp_path / "results.json").write_text("{}")
    (tmp_path / "figures" / "own.svg").write_text("<svg/>")
    render(simulated_null, tmp_path)
    assert not (tmp_path / "figures" / "balance.svg").exists()
    assert (tmp_path / "figures" / "own.svg").exists()
    assert (tmp_path / "results.json").exists()


def test_an_interrupted_render_leaves_the_last_good_file(
    help_like: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(help_like, tmp_path)
    before = (tmp_path / "report.md").read_bytes()

    def interrupted(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        render(help_like.model_copy(update={"question": "Other?"}), tmp_path)
    assert (tmp_path / "report.md").read_bytes() == before
    assert not list(tmp_path.glob(".*.part"))


def test_a_folder_that_cannot_be_written_is_named(help_like: Result, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(CausalError, match=r"file/report\.md: cannot be written"):
        render(help_like, blocker)


def test_the_index_has_one_linked_row_an_analysis(
    help_like: Result, simulated_null: Result, unbounded: Result, tmp_path: Path
) -> None:
    results = [simulated_null, help_like, unbounded.model_copy(update={"name": "a_third"})]
    path = render_index(results, tmp_path)
    text = path.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| [")]
    assert [row.split("]")[0] for row in rows] == [
        "| [a_third",
        "| [help_like",
        "| [simulated_null",
    ]
    assert "(help_like/report.md)" in text
    assert "1.03 [0.55, 2.20]" in rows[1]
    assert "| association |" in rows[1]
    assert "simulated; interval excludes 0" in rows[2]
    assert "every value" in rows[0]


def test_the_index_depends_on_the_set_of_results_only(
    help_like: Result, simulated_null: Result
) -> None:
    assert rendered_index([help_like, simulated_null]) == rendered_index(
        [simulated_null, help_like]
    )


def test_an_index_of_nothing_says_so() -> None:
    assert "No analysis has been run." in rendered_index([]).decode("utf-8")


def test_importing_the_report_does_not_load_matplotlib() -> None:
    import subprocess

    probe = "import sys, causal.report; print('matplotlib' in sys.modules, 'jinja2' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "False"]
