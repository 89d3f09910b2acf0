"""The tutorial is run as it stands, in a copy of the project."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(
    r"(?:^`(?P<path>[\w/.]+)`:\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.M)
SECONDS = 120


def blocks() -> Iterator[re.Match[str]]:
    return BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8"))


def checkout(folder: Path) -> dict[str, str]:
    """Copy what a checkout has, and give an environment in which ``causal`` is the copy's."""
    for name in ("causal", "datasets", "analyses"):
        ignored = shutil.ignore_patterns("__pycache__", "*.html")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    binaries = folder / ".bin"
    binaries.mkdir()
    for name, line in (("causal", "-m causal.cli "), ("python", "")):
        (binaries / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {line}"$@"\n')
        (binaries / name).chmod(0o755)
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "COLUMNS": "80"}


def test_every_command_prints_what_the_tutorial_says(tmp_path: Path) -> None:
    environment, ran = checkout(tmp_path), 0
    for block in blocks():
        if block["path"]:
            (tmp_path / block["path"]).write_text(block["text"], encoding="utf-8")
            continue
        for one in COMMAND.finditer(block["text"]):
            done = subprocess.run(
                one["command"], shell=True, cwd=tmp_path, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False,
            )  # fmt: skip
            agrees = doctest.OutputChecker().check_output(
                one["output"], done.stdout, doctest.ELLIPSIS
            )
            said = f"$ {one['command']}\n{done.stdout}\nexpected:\n{one['output']}"
            assert agrees, said
            ran += 1
    assert ran >= 12


def test_every_verb_a_beginner_needs_is_shown() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    for verb in ("new-dataset", "datasets", "check", "run", "why", "verify", "render", "doctor"):
        assert f"causal {verb}" in text


def test_the_page_it_writes_has_nothing_that_only_holds_here() -> None:
    assert str(ROOT) not in TUTORIAL.read_text(encoding="utf-8")
