"""The command line: verbs over specification and report; the only place that prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

    from causal.summary.document import SummaryResult

OK, DIFFERS, INVALID, GATED, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 70, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and give the exit code.

    Codes: 0 done, 1 a report differs, 2 invalid input, 3 a gate failed under
    ``--require-design``, 70 a defect of this program, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    from causal.errors import CausalError, VerificationError
    from causal.interruption import heeding_interruption

    try:
        with heeding_interruption():
            return int(options.verb_function(options))
    except VerificationError as error:
        print(f"differs: {error}", file=sys.stderr)
        return DIFFERS
    except CausalError as error:
        print(f"error: {error}", file=sys.stderr)
        return INVALID
    except KeyboardInterrupt:
        print("interrupted; no report is half-written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return OK
    except Exception:  # a defect here: exit 1 would read as "differs"
        import traceback

        traceback.print_exc()
        print("internal error: please report it with the lines above.", file=sys.stderr)
        return INTERNAL


def _parser() -> argparse.ArgumentParser:
    """Describe verbs and options."""
    parser = argparse.ArgumentParser(
        prog="causal",
        description="How much of the association between mutual-help groups and drug use remains.",
    )
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    one = verbs.add_parser("datasets", help="list the data sets, or show one")
    one.add_argument("name", nargs="?", metavar="NAME")
    one.set_defaults(verb_function=_datasets)

    one = verbs.add_parser("check", help="validate a specification and say what it identifies")
    one.add_argument("spec", type=Path, metavar="SPEC")
    one.set_defaults(verb_function=_check)

    one = verbs.add_parser("run", help="run analyses and write their reports")
    one.add_argument("specs", type=Path, nargs="+", metavar="SPEC")
    one.add_argument("--out", type=Path, default=Path("reports"), help="folder of the reports")
    one.add_argument("--data", type=Path, help="your own CSV, or a folder of them")
    one.add_argument("--jobs", type=_jobs, default=1, help="processes (changes no number)")
    one.add_argument(
        "--require-design", action="store_true", help="exit 3 when a gate of the design fails"
    )
    one.set_defaults(verb_function=_run)

    one = verbs.add_parser("render", help="write reports again from results.json; needs no data")
    one.add_argument("reports", type=Path, nargs="+", metavar="REPORT")
    one.set_defaults(verb_function=_render)

    one = verbs.add_parser("verify", help="re-run and compare with the committed result")
    one.add_argument("reports", type=Path, nargs="+", metavar="REPORT")
    one.add_argument("--analyses", type=Path, help="folder of the specifications")
    one.add_argument("--data", type=Path, help="your own CSV, or a folder of them")
    one.add_argument("--jobs", type=_jobs, default=1, help="processes (changes no number)")
    one.set_defaults(verb_function=_verify)

    one = verbs.add_parser("why", help="say what is behind a number of a report")
    one.add_argument("report", type=Path, metavar="REPORT")
    one.add_argument("pointer", metavar="POINTER", help="as /rungs/3/estimate, or a rung's name")
    one.set_defaults(verb_function=_why)

    one = verbs.add_parser("doctor", help="check versions, data files and hazards of libraries")
    one.set_defaults(verb_function=_doctor)

    one = verbs.add_parser("new-dataset", help="write a data set's folder to start from")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--folder", type=Path, metavar="DIR", help="where to put it, if not with us")
    one.set_defaults(verb_function=_new_dataset)
    return parser


def _jobs(text: str) -> int:
    """Read a number of processes."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found '{text}'; expected a whole number from 1")
    return int(text)


def _datasets(options: argparse.Namespace) -> int:
    """List the data sets, or show one: card, concepts, what is unmeasured."""
    from causal.registry import describe, known_datasets

    if options.name is None:
        for name in known_datasets():
            info = describe(name)
            print(f"{name:15s} {info.access:10s} {info.title}")
        return OK
    info = describe(options.name)
    print(info.card.rstrip(), "\n")
    print("Populations:")
    for name, population in info.populations.items():
        print(f"  {name}: {population.reason}")
    for name, option in info.options.items():
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        print(f"Option {name} = {option.default}: {option.description}{choices}")
    print("Concepts, and the columns that measure them:")
    for concept in dict.fromkeys(one.concept for one in info.codebook.measurements):
        columns = [
            f"{one.column}@{one.when}" + (" (proxy)" if one.proxy else "")
            for one in info.codebook.measurements
            if one.concept == concept
        ]
        print(f"  {concept}: {', '.join(columns)}")
    print("Any other concept of a diagram is unmeasured here.")
    return OK


def _check(options: argparse.Namespace) -> int:
    """Validate a specification and say in sentences what it comes to."""
    from causal.kinds import check_any, load_specification

    plan = check_any(load_specification(options.spec))
    from causal.planning import Plan

    if not isinstance(plan, Plan):
        return _check_summary(plan, options.spec)
    from causal.remarks import remarks

    print(f"{options.spec} is valid. {plan.analysis.question}\n")
    for remark in remarks(plan):
        print(f"warning: {remark}\n")
    if plan.association:
        print("The design allows an association only:")
        for reason in plan.association:
            print(f"  - {reason}")
    else:
        print("The timing of the design allows an effect, where the diagram identifies one.")
    for planned in plan.rungs:
        adjusted = ", ".join(planned.concepts) or "nothing"
        print(f"\n{planned.rung.name} ({planned.rung.estimator.kind}), adjusting for {adjusted}:")
        for sentence in planned.estimand.sentences:
            print(f"  {sentence}")
    if plan.instruments:
        print("\nInstruments by the diagram:")
        for instrument in plan.instruments:
            print(f"  {instrument.reason}")
    return OK


def _check_summary(found: SummaryResult, path: Path) -> int:
    """Say in sentences what the printed numbers of a trial come to."""
    from causal.summary.words import check_sentences

    print(f"{path} is valid. {found.question}\n")
    for sentence in check_sentences(found):
        print(sentence)
    return OK


def _run(options: argparse.Namespace) -> int:
    """Run analyses one after another; every specification is validated before the first runs."""
    from causal.kinds import check_any, load_specification, run_any

    specifications = [load_specification(path) for path in options.specs]
    plans = [check_any(specification) for specification in specifications]
    from causal.interruption import stop_if_asked
    from causal.planning import Plan
    from causal.publishing import check_writable, publish, rerender
    from causal.remarks import remarks
    from causal.result import Result

    check_writable(options.out)
    for remark in (one for plan in plans if isinstance(plan, Plan) for one in remarks(plan)):
        print(f"warning: {remark}", file=sys.stderr)
    gated = False
    bar = _bar(len(specifications))
    try:
        for specification in specifications:

            def show(stage: str, name: str = specification.name) -> None:
                stop_if_asked()
                bar.set_description(f"{name}: {stage}")

            result = run_any(specification, data=options.data, jobs=options.jobs, progress=show)
            show("report")
            publish(result, options.out / specification.name)
            bar.update()
            failed = [one for one in result.diagnostics if one.verdict == "FAIL"]
            inspected = result.instruments if isinstance(result, Result) else []
            against = [one for one in inspected if one.verdict == "FAIL"]
            gated = gated or bool(failed) or bool(against)
            bar.write(f"{options.out / specification.name / 'report.md'}", file=sys.stdout)
            for one in failed:
                bar.write(f"  gate {one.name} of rung {one.rung}: {one.reason}", file=sys.stderr)
            for check in against:
                said = f"  {check.kind} of {check.instrument}: {check.sentence}"
                bar.write(said, file=sys.stderr)
        rerender([options.out / one.name for one in specifications])
    finally:  # what was written before a failure belongs in the index
        bar.close()
        _index(options.out)
    return GATED if gated and options.require_design else OK


def _index(reports: Path) -> None:
    """Write the index of a folder, and name what it leaves out."""
    from causal.publishing import refresh_index

    for folder in refresh_index(reports):
        said = "is of another version and stands in no index; run its analysis again"
        print(f"warning: {folder}: {said}", file=sys.stderr)


def _bar(total: int) -> tqdm[NoReturn]:
    """Show progress, on a terminal only."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        disable=not sys.stderr.isatty(),
        bar_format="{n}/{total} |{bar:24}| {elapsed} {desc}",
    )


def _render(options: argparse.Namespace) -> int:
    """Write reports again from their results."""
    from causal.kinds import RESULT, load_result, render_any

    folders = _folders(options.reports)
    for folder in folders:
        render_any(load_result(folder / RESULT), folder)
        print(folder / "report.md")
    for parent in {folder.parent for folder in folders}:
        _index(parent)
    return OK


def _folders(paths: Sequence[Path]) -> list[Path]:
    """Pass over files, so that ``reports/*`` may be said although the index lies there too."""
    return [path for path in paths if not path.is_file()]


def _verify(options: argparse.Namespace) -> int:
    """Compare reports with what their specifications and data give."""
    from causal.registry import analyses_folder
    from causal.verification import verify

    analyses = options.analyses or analyses_folder()
    for folder in _folders(options.reports):
        verified = verify(folder, analyses, data=options.data, jobs=options.jobs)
        print(f"{folder}: verified")
        for sentence in verified.sentences:
            print(f"  {sentence}")
    return OK


def _why(options: argparse.Namespace) -> int:
    """Print the chain behind a number."""
    from causal.why import why

    for link in why(options.report, options.pointer):
        print(link.name)
        for line in link.lines:
            print(f"  {line}")
    return OK


def _doctor(options: argparse.Namespace) -> int:
    """Print what is found; 1 if something must be mended."""
    from causal.doctor import examine

    broken = False
    title = ""
    for finding in examine():
        if finding.subject != title:
            title = finding.subject
            print(title)
        print(f"  {finding.state:8s} {finding.said}", flush=True)
        broken = broken or finding.state == "BROKEN"
    return DIFFERS if broken else OK


def _new_dataset(options: argparse.Namespace) -> int:
    """Write a data set's folder and say what to do next."""
    from causal.scaffold import new_dataset

    made = new_dataset(options.name, options.folder)
    for path in made.files:
        print(path)
    for number, step in enumerate(made.next_steps, 1):
        print(f"{number}. {step}")
    return OK


if __name__ == "__main__":
    sys.exit(main())
