"""JSON Schemas of specifications and results of both kinds, for editors and for reviewers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from causal.result import Result
from causal.spec import Analysis
from causal.summary.document import SummaryResult
from causal.summary.settings import Summary


def schemas() -> dict[str, str]:
    """Give the text of each schema file, by name."""
    documents: dict[str, type[BaseModel]] = {
        "specification.schema.json": Analysis,
        "results.schema.json": Result,
        "trial_specification.schema.json": Summary,
        "trial_results.schema.json": SummaryResult,
    }
    return {
        name: json.dumps(model.model_json_schema(), indent=1, ensure_ascii=False) + "\n"
        for name, model in documents.items()
    }


def main(folder: Path) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
