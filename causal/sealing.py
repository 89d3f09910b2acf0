"""How result documents are written and read: rounded, sealed with a checksum, held to a schema."""

from __future__ import annotations

import json
import math
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from causal.errors import EarlierFormatError, Place, VerificationError

DIGITS = 12
M = TypeVar("M", bound=BaseModel)


def seal(document: BaseModel) -> str:
    """Write a document as JSON text, sealed with the checksum of its own content."""
    body = {key: _rounded(value) for key, value in document.model_dump(mode="json").items()}
    body["checksum"] = _checksum(body)
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def unseal(text: str, path: Path, model: type[M]) -> M:
    """Turn JSON text into a document.

    Raises
    ------
    VerificationError
        The text is not JSON.
    EarlierFormatError
        It does not follow the schema.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        broken = first["type"] == "json_invalid"
        raise (VerificationError if broken else EarlierFormatError)(
            f"does not follow the schema: {first['msg']}. Run the analysis again (causal run).",
            Place(str(path), key="/" + "/".join(map(str, first["loc"]))),
        ) from None


def read_sealed(path: Path) -> str:
    """Read the text of a result document.

    Raises
    ------
    VerificationError
        The file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise VerificationError(
            f"cannot be read: {problem.strerror}. Run the analysis first (causal run).",
            Place(str(path)),
        ) from None


def sealed(path: Path) -> bool:
    """Tell whether the document's checksum is that of its content."""
    body = json.loads(path.read_text(encoding="utf-8"))
    return bool(body.get("checksum") == _checksum(body))


def _checksum(body: dict[str, object]) -> str:
    """Give the sha256 of the document without its checksum."""
    content = {key: value for key, value in body.items() if key != "checksum"}
    return sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _rounded(node: object) -> object:
    """Round every float of a tree to the digits written."""
    if isinstance(node, float):
        if not math.isfinite(node):
            raise ValueError(f"a result may not hold {node}; give a reason instead")
        return float(f"{node:.{DIGITS}g}")
    if isinstance(node, dict):
        return {key: _rounded(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_rounded(value) for value in node]
    return node
