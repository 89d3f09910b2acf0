"""Reading DAGitty text (as dagitty.net and the R package write it) into a diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from causal.dag import Concept, Dag, Edge, checked
from causal.errors import Place, SpecError

REASON = "imported from DAGitty text"
ROLES = {
    "exposure": "exposure", "e": "exposure", "source": "exposure",
    "outcome": "outcome", "o": "outcome", "target": "outcome",
    "latent": "latent", "l": "latent", "unobserved": "latent", "u": "latent",
}  # fmt: skip
"""Words in brackets that mean something here; DAGitty takes the short forms too."""

TOKEN = re.compile(
    r"""
    (?P<blank>[\s;,]+ | //[^\n]* | \#[^\n]* | /\*.*?\*/)
  | (?P<name>"(?:[^"\\]|\\.)*" | [^\W\d]\w*(?:\.\w+)* )
  | (?P<value>-?\d[\w.]*)
  | (?P<arrow><->|->|<-|--|@->|<-@|@-@|@--|--@)
  | (?P<mark>[{}\[\]=])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def read_dagitty(path: Path) -> Dag:
    """Read a file of DAGitty text; the diagram takes the file's name.

    Raises
    ------
    SpecError
        The file cannot be read, or its text cannot be meant.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise SpecError(
            f"cannot be read: {problem}. Give a file of DAGitty text.", Place(str(path))
        ) from None
    return parse_dagitty(text, path.stem, file=str(path))


def parse_dagitty(text: str, name: str, *, file: str | None = None) -> Dag:
    """Read DAGitty text such as ``dag { x [exposure] y [outcome] u [latent] x -> y; a <-> b }``.

    A bidirected edge becomes a latent common cause. Positions and other layout are ignored.

    Parameters
    ----------
    name : the name of the diagram.
    file : the name used in messages.

    Raises
    ------
    SpecError
        The text is no directed graph, has an undirected edge, or not one exposure and one
        outcome, or its edges form a cycle.
    """
    reader = _Reader(list(_tokens(text, file)), file)
    reader.read()
    concepts = {
        node: Concept(REASON, latent="latent" in roles) for node, roles in reader.nodes.items()
    }
    edges: list[Edge] = []
    lines: list[int] = []
    for one, arrow, other, line in reader.edges:
        if arrow == "<->":
            latent = _fresh(f"U_{one}_{other}", concepts)
            concepts[latent] = Concept(f"{REASON}: common cause of {one} and {other}", latent=True)
            pairs = [(latent, one), (latent, other)]
        else:
            pairs = [(one, other)] if arrow == "->" else [(other, one)]
        edges += [Edge(cause, effect, REASON, REASON) for cause, effect in pairs]
        lines += [line] * len(pairs)
    exposure, outcome = (reader.only(role) for role in ("exposure", "outcome"))

    def locate(at: int | str) -> Place:
        return Place(file, lines[at] if isinstance(at, int) else None)

    return checked(Dag(name, exposure, outcome, concepts, tuple(edges)), locate)


def _tokens(text: str, file: str | None) -> Iterator[_Token]:
    """Cut the text into words, arrows and brackets, leaving out blanks and comments."""
    at = 0
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        match = TOKEN.match(text, at)
        if match is None:
            raise SpecError(
                f"found '{text[at]}', which is no part of DAGitty text. Expected names, arrows "
                "such as -> and <->, and roles in brackets.",
                Place(file, line),
            )
        kind = match.lastgroup or ""
        if kind != "blank":
            word = match.group()
            if word.startswith('"'):
                word = re.sub(r"\\(.)", r"\1", word[1:-1])
            yield _Token(kind, word, line)
        at = match.end()


@dataclass(slots=True)
class _Reader:
    """Reads statements one after another; what it found stands in ``nodes`` and ``edges``."""

    tokens: list[_Token]
    file: str | None
    at: int = 0
    nodes: dict[str, set[str]] = field(default_factory=dict)
    edges: list[tuple[str, str, str, int]] = field(default_factory=list)

    def read(self) -> None:
        """Read ``dag name { statements }``."""
        kind = self._next("the word dag")
        if kind.text.lower() not in ("dag", "digraph"):
            raise self._error(
                kind,
                f"found '{kind.text}'. Expected text that begins with dag {{ (only directed "
                "graphs can be judged)",
            )
        if not self._is("{"):
            self._next("{")
        self._expect("{")
        while not self._is("}"):
            self._statement()
        self._expect("}")
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            raise self._error(token, f"found '{token.text}' after the closing bracket. Remove it")

    def only(self, role: str) -> str:
        """Give the one concept in a role."""
        found = [name for name, roles in self.nodes.items() if role in roles]
        if len(found) != 1:
            has = "no concept is" if not found else f"{' and '.join(found)} are"
            raise SpecError(
                f"{has} marked [{role}]. Mark exactly one, such as x [{role}].", Place(self.file)
            )
        return found[0]

    def _statement(self) -> None:
        """Read one concept with its roles, a setting, or a chain of edges."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is not None and self._is("=", ahead=1):
            self.at += 3
            return
        left = self._group()
        if not self._arrow_ahead():
            roles = self._roles()
            for name in left:
                self.nodes[name] |= roles
        while self._arrow_ahead():
            arrow = self._next("an arrow")
            if arrow.text not in ("->", "<-", "<->"):
                raise self._error(
                    arrow,
                    f"found the edge '{arrow.text}', which has no direction. Give each edge one "
                    "(->), or <-> for an unmeasured common cause",
                )
            right = self._group()
            self.edges += [(a, arrow.text, b, arrow.line) for a in left for b in right]
            left = right
            self._roles()

    def _group(self) -> list[str]:
        """Read a name, or several in curly brackets."""
        if not self._is("{"):
            return [self._name()]
        self._expect("{")
        names = []
        while not self._is("}"):
            names.append(self._name())
        self._expect("}")
        return names

    def _name(self) -> str:
        """Read the name of a concept."""
        token = self._next("the name of a concept")
        if token.kind not in ("name", "value"):
            raise self._error(token, f"found '{token.text}'. Expected the name of a concept")
        self.nodes.setdefault(token.text, set())
        return token.text

    def _roles(self) -> set[str]:
        """Read ``[exposure, pos="0,1"]``, leaving out settings."""
        roles: set[str] = set()
        if not self._is("["):
            return roles
        self._expect("[")
        while not self._is("]"):
            token = self._next("]")
            if self._is("="):
                self.at += 1
                self._next("a value")
            elif token.text in ROLES:
                roles.add(ROLES[token.text])
        self._expect("]")
        return roles

    def _arrow_ahead(self) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].kind == "arrow"

    def _is(self, mark: str, ahead: int = 0) -> bool:
        at = self.at + ahead
        return at < len(self.tokens) and self.tokens[at] == _Token(
            "mark", mark, self.tokens[at].line
        )

    def _expect(self, mark: str) -> None:
        token = self._next(mark)
        if token.kind != "mark" or token.text != mark:
            raise self._error(token, f"found '{token.text}'. Expected {mark}")

    def _next(self, wanted: str) -> _Token:
        if self.at >= len(self.tokens):
            last = self.tokens[-1].line if self.tokens else 1
            raise SpecError(f"the text ends where {wanted} was expected.", Place(self.file, last))
        self.at += 1
        return self.tokens[self.at - 1]

    def _error(self, token: _Token, message: str) -> SpecError:
        return SpecError(f"{message}.", Place(self.file, token.line))


def _fresh(name: str, taken: dict[str, Concept]) -> str:
    """Give a name nothing else has."""
    while name in taken:
        name += "_"
    return name
