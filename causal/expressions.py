"""Population queries: comparisons of columns with constants, read from text, never run."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

import numpy as np

from causal.arrays import Bools
from causal.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Constant: TypeAlias = float | str
Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]

ALLOWED = (
    "Allowed are comparisons of a column with a number, a quoted text or a list of them "
    f"({', '.join(get_args(Operator))}), joined by and, or, not, and parentheses."
)
LONGEST = 1000  # characters; a population is one sentence, and the parser recurses
OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
NAMES: dict[type[ast.AST], str] = {
    ast.Call: "a call", ast.Attribute: "an attribute", ast.BinOp: "arithmetic",
    ast.Subscript: "a subscript", ast.Lambda: "a lambda", ast.IfExp: "an if expression",
    ast.NamedExpr: "an assignment", ast.JoinedStr: "a formatted text", ast.Name: "a bare column",
    ast.ListComp: "a comprehension", ast.GeneratorExp: "a comprehension", ast.Dict: "a dictionary",
    ast.Constant: "a bare constant", ast.UnaryOp: "a sign",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column compared with one constant, or with each of several (``in``, ``not in``)."""

    column: str
    operator: Operator
    constants: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts joined by ``and`` or ``or``; no parts joined by ``and`` hold for every row."""

    by: Literal["and", "or"]
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The negation of a part."""

    part: Node


Node: TypeAlias = Comparison | Joined | Negated


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed query: its text, and the tree of comparisons."""

    text: str
    node: Node

    @property
    def columns(self) -> tuple[str, ...]:
        """Give the columns named, each once, in the order of the text."""
        return tuple(dict.fromkeys(one.column for one in self.comparisons))

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Give the comparisons, in the order of the text."""
        return tuple(_comparisons(self.node))

    @property
    def required(self) -> tuple[Comparison, ...]:
        """Give the comparisons that hold in every row for which the query does."""
        return tuple(_required(self.node))


EVERYONE = Expression("", Joined("and", ()))
"""The query that holds for every row."""


def parse(text: str) -> Expression:
    """Read a query such as ``age >= 18 and race in ["black", "white"]``.

    Raises
    ------
    SpecError
        The text is not a query of the allowed form; the message says what was found.
    """
    if len(text) > LONGEST:
        raise SpecError(f"the query has {len(text)} characters; at most {LONGEST} are read.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes; the text is refused or kept as it is
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        said = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        raise SpecError(f"cannot read the query '{text}': {said}. {ALLOWED}") from None
    return Expression(text, _node(tree.body, text))


def holds(expression: Expression, table: pd.DataFrame) -> pd.Series[bool]:
    """Tell for each row whether the query holds.

    A comparison with a missing value is unknown, and stays so under ``not``: rows for which the
    query is unknown do not hold.

    Returns
    -------
    Booleans on the index of the table.

    Raises
    ------
    SpecError
        A column is not in the table, or text is compared with a number.
    """
    import pandas as pd

    true, _ = _evaluate(expression.node, table, expression.text)
    return pd.Series(true, index=table.index, dtype=bool)


def _comparisons(node: Node) -> list[Comparison]:
    """List the comparisons of a tree."""
    if isinstance(node, Comparison):
        return [node]
    parts = node.parts if isinstance(node, Joined) else (node.part,)
    return [one for part in parts for one in _comparisons(part)]


def _required(node: Node) -> list[Comparison]:
    """List the comparisons joined by nothing but ``and``."""
    if isinstance(node, Comparison):
        return [node]
    if isinstance(node, Joined) and node.by == "and":
        return [one for part in node.parts for one in _required(part)]
    return []


def _node(node: ast.expr, text: str) -> Node:
    """Turn one allowed node of Python's tree into ours, or refuse it."""
    if isinstance(node, ast.BoolOp):
        by: Literal["and", "or"] = "and" if isinstance(node.op, ast.And) else "or"
        return Joined(by, tuple(_node(part, text) for part in node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return Negated(_node(node.operand, text))
    if isinstance(node, ast.Compare):
        return _comparison(node, text)
    raise _refusal(node, text)


def _comparison(node: ast.Compare, text: str) -> Comparison:
    """Read ``column operator constant``."""
    if len(node.ops) > 1:
        raise SpecError(
            f"found a chain of comparisons in '{text}'. Write two comparisons joined by and."
        )
    if not isinstance(node.left, ast.Name):
        raise SpecError(
            f"found {_name(node.left)} on the left of a comparison in '{text}'; "
            f"expected a column. {ALLOWED}"
        )
    operator = OPERATORS.get(type(node.ops[0]))
    if operator is None:
        raise SpecError(f"found 'is' in '{text}'. Write == or !=.")
    right = node.comparators[0]
    if operator in ("in", "not in"):
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            raise SpecError(
                f"found {_name(right)} after '{operator}' in '{text}'; "
                'expected a list of constants such as [1, 2] or ["a", "b"].'
            )
        constants = tuple(_constant(one, text) for one in right.elts)
    else:
        constants = (_constant(right, text),)
    if len({isinstance(one, str) for one in constants}) > 1:
        raise SpecError(f"the list in '{text}' mixes texts and numbers. Keep to one of them.")
    if isinstance(constants[0], str) and operator in ("<", "<=", ">", ">="):
        raise SpecError(f"text has no order, so '{operator}' cannot be used in '{text}'.")
    return Comparison(node.left.id, operator, constants)


def _constant(node: ast.expr, text: str) -> Constant:
    """Read a number, a signed number or a quoted text."""
    sign = 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign, node = (-1.0 if isinstance(node.op, ast.USub) else 1.0), node.operand
        if not isinstance(node, ast.Constant) or not _is_number(node.value):
            raise _refusal(node, text)
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return node.value
        if _is_number(node.value):
            return sign * float(cast(float, node.value))
        raise SpecError(f"found the constant {node.value!r} in '{text}'. Write a number or a text.")
    raise _refusal(node, text)


def _is_number(value: object) -> bool:
    """Tell whether a constant is a real number; True and False are not meant as numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(node: ast.AST) -> str:
    """Say what a node is."""
    return NAMES.get(type(node), f"'{type(node).__name__}'")


def _refusal(node: ast.AST, text: str) -> SpecError:
    """Say what was found and what is allowed."""
    hint = f" Did you mean '{node.id} == 1'?" if isinstance(node, ast.Name) else ""
    return SpecError(f"found {_name(node)} in '{text}'.{hint} {ALLOWED}")


def _evaluate(node: Node, table: pd.DataFrame, text: str) -> tuple[Bools, Bools]:
    """Give where a node is true and where it is false; unknown rows are neither (Kleene)."""
    if isinstance(node, Comparison):
        return _compare(node, table, text)
    if isinstance(node, Negated):
        true, false = _evaluate(node.part, table, text)
        return false, true
    true, false = np.ones(len(table), dtype=bool), np.zeros(len(table), dtype=bool)
    if node.by == "or":
        true, false = false, true
    for part in node.parts:
        part_true, part_false = _evaluate(part, table, text)
        if node.by == "and":
            true, false = true & part_true, false | part_false
        else:
            true, false = true | part_true, false & part_false
    return true, false


def _compare(node: Comparison, table: pd.DataFrame, text: str) -> tuple[Bools, Bools]:
    """Compare one column with its constants."""
    if node.column not in table.columns:
        choices = did_you_mean(node.column, map(str, table.columns))
        raise SpecError(f"there is no column '{node.column}', named in '{text}'. {choices}")
    column = table[node.column]
    numeric = column.dtype.kind in "fiub"
    if numeric == isinstance(node.constants[0], str):
        held, asked = ("numbers", "a text") if numeric else ("text", "a number")
        raise SpecError(
            f"column '{node.column}' holds {held}, but '{text}' compares it with {asked}."
        )
    known = column.notna().to_numpy(dtype=bool)
    compared = _compared(column, node)
    return known & compared, known & ~compared


def _compared(column: pd.Series[float], node: Comparison) -> Bools:
    """Give the comparison as booleans, whatever it says of missing values."""
    if node.operator in ("==", "!=", "in", "not in"):
        among = column.isin(list(node.constants)).to_numpy(dtype=bool)
        return among if node.operator in ("==", "in") else ~among
    values, bound = column.to_numpy(dtype=np.float64), cast(float, node.constants[0])
    with np.errstate(invalid="ignore"):
        if node.operator in ("<", "<="):
            return values < bound if node.operator == "<" else values <= bound
        return values > bound if node.operator == ">" else values >= bound
