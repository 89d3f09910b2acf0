"""What the blocks of the result document are made of: strictness, reasons, and named types."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

Verdict: TypeAlias = Literal["PASS", "FAIL", "NOT_RESOLVABLE", "NOT_EVALUATED"]
Label: TypeAlias = Literal["effect", "association"]
Status: TypeAlias = Literal["measured", "proxy", "after_exposure", "unmeasured"]
Role: TypeAlias = Literal["ladder", "bracket"]
Count: TypeAlias = int | str  # of persons or rows, or "<10" where less would identify people
Pair: TypeAlias = tuple[float, float]
Piece: TypeAlias = tuple[float | None, float | None]


class Block(BaseModel):
    """A frozen part of the document; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(Block):
    """A number that is not given, and why."""

    not_estimable: str


class Provenance(Block):
    """What the numbers depend on."""

    seed: int
    versions: dict[str, str]
    source_sha256: str
