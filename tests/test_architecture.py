"""The house is as docs/architecture.md says: imports point one way, and heavy libraries wait."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "causal"
PAGE = ROOT / "docs" / "architecture.md"

MODULE_LINES = 400
FUNCTION_LINES = 60
HEAVY = {"pandas", "scipy", "dowhy", "econml", "sklearn", "matplotlib", "joblib"}
DOORS = {
    "dowhy": {"dowhy_door", "refuters.dowhy_refuters", "hazards"},
    "econml": {"estimators.orthogonal", "estimators.forest", "hazards"},
}
BEHIND_NUMERICS = {"diagram", "units", "data sets", "specification", "sample", "result"}
ORDINARY_WORDS = {"simulated"}  # also an adjective: only a string that is just this word counts


def table(heading: str) -> list[list[str]]:
    """Read the first table under a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def named(path: Path) -> str:
    """Name a module as the page does; the report and its parts are one."""
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    if parts[0] == "report":
        return "report"
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def documented(function: ast.FunctionDef) -> int:
    """Count the lines of a function's docstring."""
    text = ast.get_docstring(function, clean=False)
    return text.count("\n") + 1 if text else 0


LAYERS = {module: row[0] for row in table("Layers") for module in re.findall(r"`([^`]+)`", row[2])}
COLUMNS = {module: row[1] for row in table("Layers") for module in re.findall(r"`([^`]+)`", row[2])}
ORDER = {module: place for place, module in enumerate(LAYERS)}
FILES = sorted(path for path in LIBRARY.rglob("*.py") if path != LIBRARY / "__init__.py")
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
EVERY = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))


def imported(tree: ast.AST) -> Iterator[str]:
    """Give the full name of everything a tree imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_of_ours(tree: ast.AST) -> set[str]:
    """Give our modules a tree imports, as the page names them."""
    found = set()
    for name in imported(tree):
        inner = name.removeprefix("causal.")
        if name == inner:
            continue
        if inner.startswith("report"):
            found.add("report")
        elif inner in ORDER:
            found.add(inner)
    return found


def on_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Give the statements that run when a module is imported, type-checking blocks apart."""
    for node in tree.body:
        if isinstance(node, ast.If):
            guard = ast.unparse(node.test)
            if guard not in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                yield node
        elif not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_the_page_lists_every_module_once():
    listed = [m for row in table("Layers") for m in re.findall(r"`([^`]+)`", row[2])]
    assert len(listed) == len(set(listed))
    assert set(listed) == {named(path) for path in FILES}


def test_the_page_says_of_each_module_what_the_module_says():
    first_lines = {
        named(path): (ast.get_docstring(tree) or "").split("\n")[0]
        for path, tree in TREES.items()
        if named(path) != "report" or path.name == "__init__.py"
    }
    expected = [[f"`{module}`", first_lines[module]] for module in ORDER]
    wrong = [
        f"| {name} | {line} |" for name, line in expected if [name, line] not in table("Modules")
    ]
    assert not wrong, "docs/architecture.md should have these rows:\n" + "\n".join(wrong)
    assert len(table("Modules")) == len(expected)


@EVERY
def test_imports_point_one_way(path):
    module = named(path)
    later = {
        other
        for other in modules_of_ours(TREES[path])
        if ORDER[other] >= ORDER[module] and not (other == module == "report")
    }
    if module == "estimators":  # the package's front gathers its own modules, which stand before it
        later -= {other for other in later if other.startswith("estimators.")}
    assert not later, f"{module} imports {sorted(later)}, which stand after it in {PAGE.name}"


@EVERY
def test_numerics_never_see_diagram_data_set_or_specification(path):
    if COLUMNS[named(path)] != "numerics":
        return
    seen = {m for m in modules_of_ours(TREES[path]) if LAYERS[m] in BEHIND_NUMERICS}
    assert not seen
    assert "codebook" not in modules_of_ours(TREES[path])
    if named(path) not in DOORS["dowhy"]:  # DoWhy takes frames
        assert not {name for name in imported(TREES[path]) if name.split(".")[0] == "pandas"}


@EVERY
def test_the_report_sees_only_the_result(path):
    if named(path) == "report":
        assert modules_of_ours(TREES[path]) <= {"report", "result", "errors"}


@EVERY
def test_heavy_libraries_are_imported_where_they_are_used(path):
    roots = {
        name.split(".")[0] for statement in on_import(TREES[path]) for name in imported(statement)
    }
    assert not roots & HEAVY


@EVERY
def test_dowhy_and_econml_have_one_door_each(path):
    roots = {name.split(".")[0] for name in imported(TREES[path])}
    for library, doors in DOORS.items():
        assert library not in roots or named(path) in doors


@EVERY
def test_modules_and_functions_fit_their_limits(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MODULE_LINES
    long = [
        function.name
        for function in functions(TREES[path])
        if function.end_lineno - function.lineno + 1 - documented(function) > FUNCTION_LINES
    ]
    assert not long


@EVERY
def test_modules_and_public_functions_say_what_they_are(path):
    tree = TREES[path]
    assert ast.get_docstring(tree)
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent


@EVERY
def test_types_are_said_and_input_is_never_asserted(path):
    names = {node.id for node in ast.walk(TREES[path]) if isinstance(node, ast.Name)}
    assert not names & {"Any", "eval", "exec"}
    assert not any(name.endswith("typing.Any") for name in imported(TREES[path]))
    assert not [node for node in ast.walk(TREES[path]) if isinstance(node, ast.Assert)]
    assert not [one.name for one in functions(TREES[path]) if one.args.kwarg]


@EVERY
def test_only_the_command_line_prints(path):
    calls = [node.func for node in ast.walk(TREES[path]) if isinstance(node, ast.Call)]
    prints = any(isinstance(call, ast.Name) and call.id == "print" for call in calls)
    assert not prints or named(path) == "cli"


@EVERY
def test_no_data_set_is_known_by_name(path):
    names = {folder.parent.name for folder in (ROOT / "datasets").glob("*/dataset.toml")}
    assert len(names) >= 2
    text = path.read_text(encoding="utf-8")
    for name in names - ORDINARY_WORDS:
        assert not re.search(rf"\b{re.escape(name)}\b", text)
    words = {node.value for node in ast.walk(TREES[path]) if isinstance(node, ast.Constant)}
    assert not words & names


def test_the_command_line_is_installed_as_documented():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"causal": "causal.cli:main"}


def test_the_check_itself_sees_imports_inside_functions_and_type_checking_blocks():
    tree = ast.parse(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import pandas as pd\n"
        "def f():\n    from causal.dag import Dag\n    import scipy.stats\n"
    )
    assert modules_of_ours(tree) == {"dag"}
    top = {name for statement in on_import(tree) for name in imported(statement)}
    assert "pandas" not in top
    assert "scipy.stats" in set(imported(tree))
