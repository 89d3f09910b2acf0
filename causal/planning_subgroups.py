"""What subgroups come to: columns known before exposure, values there are, rungs there are."""

from __future__ import annotations

from collections.abc import Iterator

from causal.codebook import Variable
from causal.dataset_info import DatasetInfo
from causal.design import Baseline
from causal.documents import KeyPath
from causal.errors import SpecError, TimingError, did_you_mean, range_words
from causal.instrument_checks import OF_INSTRUMENT
from causal.spec import Analysis
from causal.subgroup_settings import Levels, Subgroup


def row_choices(analysis: Analysis) -> Iterator[tuple[KeyPath, str | Subgroup]]:
    """Give what names columns beside the rungs: missing values, restrictions and subgroups."""
    for column in analysis.missing.columns:
        yield ("missing", "columns", column), column
    for number, restriction in enumerate(analysis.restrict):
        yield ("restrict", number), restriction.column
    for number, subgroup in enumerate(analysis.subgroups):
        yield ("subgroups", number), subgroup


def check_choice(choice: str | Subgroup, analysis: Analysis, info: DatasetInfo) -> None:
    """Refuse a column there is not, and a subgroup that cannot be compared.

    Raises
    ------
    SpecError
        An unknown column, value or rung; a column that stands twice; a rung without a difference
        of its own to compare.
    TimingError
        The column is known only after exposure began.
    """
    if isinstance(choice, str):
        info.codebook[choice]
        return
    for column, levels in choice.parts:
        variable = info.codebook[column]
        _check_time(choice, variable, analysis, info)
        _check_values(levels, variable)
    same = [(frozenset(dict(one.parts)), one.at) for one in analysis.subgroups]
    if same.count((frozenset(dict(choice.parts)), choice.at)) > 1:
        raise SpecError(
            f"'{choice.title}' at {choice.at} stands twice among the subgroups. Keep the cuts "
            "declared first: several cuts of one column are several looks at one question."
        )
    for name in subgroup_rungs(analysis, choice):
        _check_rung(name, analysis)


def subgroup_rungs(analysis: Analysis, subgroup: Subgroup) -> tuple[str, ...]:
    """Name the rungs a subgroup is estimated with: its own, or the headline."""
    return subgroup.rungs or (analysis.headline_rung,)


def _check_time(
    subgroup: Subgroup, variable: Variable, analysis: Analysis, info: DatasetInfo
) -> None:
    """Refuse a column that is known only after exposure began, and the exposure itself."""
    if variable.measures and not any(one.before_exposure for one in variable.measures):
        concepts = ", ".join(dict.fromkeys(one.concept for one in variable.measures))
        raise TimingError(
            f"'{variable.column}' measures {concepts}, which is known only after exposure begins: "
            "exposure may have decided who is in which level. Choose a column measured before; for "
            "strata by what came later use variants with restrict."
        )
    design = analysis.design
    first = isinstance(design, Baseline) and design.exposure_wave == info.waves[0]
    if first and variable.column == design.exposure:
        raise TimingError(
            f"'{variable.column}' at {subgroup.at} is the exposure itself, so every level would "
            "have one arm only. Choose another column."
        )


def _check_values(subgroup: Levels, variable: Variable) -> None:
    """Refuse values the column cannot have, and cuts of what is no number."""
    if variable.kind in ("id", "text"):
        raise SpecError(f"'{variable.column}' is {variable.kind}, which has no levels.")
    if subgroup.cuts and not variable.numeric:
        raise SpecError(
            f"'{variable.column}' is {variable.kind} and cannot be cut; say levels. "
            f"{did_you_mean('', variable.levels)}"
        )
    for name, cut in subgroup.cuts.items():
        if not variable.allows(cut.low, cut.high):
            raise SpecError(
                f"level '{name}' is {range_words(cut.low, cut.high)}, where '{variable.column}' "
                f"never lies: by the codebook it is {variable.allowed}."
            )
    for name, values in subgroup.levels.items():
        for value in values:
            if variable.numeric == isinstance(value, str):
                expected = "numbers" if variable.numeric else "names"
                raise SpecError(
                    f"level '{name}' has the value {value!r}; '{variable.column}' is "
                    f"{variable.kind} and holds {expected}."
                )
            _check_value(name, value, variable)


def _check_value(level: str, value: str | float, variable: Variable) -> None:
    """Refuse a value the column cannot have by the codebook."""
    written = value if isinstance(value, str) else f"{value:g}"
    if variable.levels:
        if written not in variable.levels:
            raise SpecError(
                f"level '{level}' has the value {value!r}, which '{variable.column}' does not "
                f"have. {did_you_mean(written, variable.levels)}"
            )
    elif not isinstance(value, str) and not variable.allows(value, value):
        raise SpecError(
            f"level '{level}' has the value {value!r}, which '{variable.column}' does not have: by "
            f"the codebook it is {variable.allowed}."
        )


def _check_rung(name: str, analysis: Analysis) -> None:
    """Refuse a rung that is not there, is the crude one, or rests on how strong instruments are."""
    names = [rung.name for rung in analysis.ladder[1:]]
    if name == analysis.ladder[0].name:
        raise SpecError(
            f"the rung '{name}' is crude, which stands beside every rung by subgroup. Name an "
            "adjusted rung."
        )
    if name not in names:
        raise SpecError(f"there is no rung '{name}'. {did_you_mean(name, names)}")
    rung = next(one for one in analysis.ladder if one.name == name)
    if rung.instrument and rung.estimator.estimand not in OF_INSTRUMENT:
        raise SpecError(
            f"the rung '{name}' rests on instruments: where they are weak within a level its set "
            "has no standard error, and levels cannot be contrasted by it. Name another rung, such "
            "as one with the estimator first_stage or itt, which need no strength."
        )
