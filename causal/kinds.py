"""The two kinds of analysis, of a cohort and of a published trial: read, run and rendered alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union, get_args

from causal.design import AnyDesign
from causal.documents import read_document
from causal.errors import EarlierFormatError, belonging_to, did_you_mean
from causal.spec import Specification, analysis_from
from causal.summary.settings import KIND
from causal.summary.specification import SummarySpecification, is_summary, summary_from

if TYPE_CHECKING:
    from causal.pipeline import Progress
    from causal.planning import Plan
    from causal.result import Result
    from causal.summary.document import SummaryResult

RESULT = "results.json"
AnySpecification: TypeAlias = Specification | SummarySpecification
AnyResult: TypeAlias = Union["Result", "SummaryResult"]


def load_specification(path: Path) -> AnySpecification:
    """Read and validate a specification of either kind, by ``design.kind``; looks at no data.

    Raises
    ------
    SpecError
        With file, line and key; what was found, expected and the choices.
    """
    with belonging_to(str(path)):
        return _read(path)


def _read(path: Path) -> AnySpecification:
    """Read a specification of either kind."""
    document = read_document(path)
    if is_summary(document):
        return summary_from(document)
    design = document.tree.get("design") if isinstance(document.tree, dict) else None
    kind = design.get("kind") if isinstance(design, dict) else None
    kinds = [str(one.model_fields["kind"].default) for one in get_args(get_args(AnyDesign)[0])]
    if isinstance(kind, str) and kind not in kinds:
        known = [*kinds, KIND]
        raise document.error(
            ("design", "kind"), f"unknown kind '{kind}'. {did_you_mean(kind, known)}"
        )
    return analysis_from(document)


def load_result(path: Path) -> AnyResult:
    """Read a result document of either kind.

    Raises
    ------
    VerificationError
        The file is missing, is not JSON, or does not follow the schema of its kind.
    """
    from causal.result import Result
    from causal.sealing import read_sealed, unseal
    from causal.summary.document import SummaryResult

    text = read_sealed(path)
    return unseal(text, path, SummaryResult) if _summarises(text) else unseal(text, path, Result)


def run_any(
    specification: AnySpecification,
    *,
    data: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> AnyResult:
    """Run an analysis of either kind; see ``pipeline.run``."""
    from causal.pipeline import run, silent
    from causal.summary.composing import run_summary

    with belonging_to(specification.document.file):
        if isinstance(specification, SummarySpecification):
            return run_summary(specification)
        return run(specification, data=data, jobs=jobs, progress=progress or silent)


def check_any(specification: AnySpecification) -> Plan | SummaryResult:
    """Refuse what can be refused before anything is run.

    Returns
    -------
    What the specification comes to: a plan, or for printed numbers the result itself.

    Raises
    ------
    CausalError
        With the place and the remedy.
    """
    with belonging_to(specification.document.file):
        if isinstance(specification, SummarySpecification):
            from causal.summary.composing import run_summary

            return run_summary(specification)  # nothing takes longer than to compute it
        from causal.assailing import check_assaults
        from causal.planning import plan_analysis
        from causal.registry import describe

        plan = plan_analysis(specification, describe(specification.analysis.dataset))
        check_assaults(plan)
        return plan


def companions_of(result: AnyResult, reports: Path) -> dict[str, Result]:
    """Read the results of companions that lie beside a report; those that are not are left out.

    So are those of an earlier version: two companions of each other could not be run again else.

    Parameters
    ----------
    reports : the folder that holds the report's own folder.

    Raises
    ------
    VerificationError
        A result is there and cannot be read.
    """
    from causal.result import Result

    def read(path: Path) -> AnyResult | None:
        try:
            return load_result(path) if path.is_file() else None
        except EarlierFormatError:
            return None

    if not isinstance(result, Result):
        return {}
    found = {name: read(reports / name / RESULT) for name in result.companions}
    return {name: one for name, one in found.items() if isinstance(one, Result)}


def rendered_any(result: AnyResult, reports: Path) -> dict[str, bytes]:
    """Give the content of every committed file of a report, by path within its folder.

    Parameters
    ----------
    reports : the folder that holds the report's own folder, and those of companions.
    """
    from causal.report import rendered
    from causal.summary.document import SummaryResult
    from causal.summary.page import rendered_summary

    return (
        rendered_summary(result)
        if isinstance(result, SummaryResult)
        else rendered(result, companions_of(result, reports))
    )


def rendered_any_html(result: AnyResult, committed: dict[str, bytes], reports: Path) -> bytes:
    """Give the content of ``report.html``."""
    from causal.report import rendered_html
    from causal.summary.document import SummaryResult
    from causal.summary.page import rendered_summary_html

    if isinstance(result, SummaryResult):
        return rendered_summary_html(result, committed)
    return rendered_html(result, committed, companions_of(result, reports))


def render_any(result: AnyResult, folder: Path) -> tuple[Path, ...]:
    """Write the report of a result of either kind, and ``report.html`` beside it."""
    from causal.report import HTML, render, write_files
    from causal.result import Result
    from causal.summary.page import rendered_summary, rendered_summary_html

    if isinstance(result, Result):
        return render(result, folder, companions_of(result, folder.absolute().parent))
    committed = rendered_summary(result)
    page = rendered_summary_html(result, committed)
    return write_files({**committed, HTML: page}, folder)


def _summarises(text: str) -> bool:
    """Tell whether the text of a result is that of a published trial."""
    try:
        tree: object = json.loads(text)
    except ValueError:
        return False  # the schema says what is wrong
    design = tree.get("design") if isinstance(tree, dict) else None
    return isinstance(design, dict) and design.get("kind") == KIND
