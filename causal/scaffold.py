"""Writes the folder of a new data set: complete, with two made-up rows, and already passing."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import causal.datasets
from causal.errors import DatasetError, Place
from causal.registry import known_datasets

NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
MADE_UP = """\
id,severity_now,meetings_last_6_months,used_last_30_days
1,3.5,40,0
2,6.0,2,1
"""
COHORT_SHA256 = "7da2e700b53c0abf087d636df7eb5de3ce17db73cba86afaa3706a7debdd3864"
"""Of the table ``build`` makes of the made-up rows; ``check_dataset`` recomputes it."""

PACKAGE = '"""{title}: say in one line what these data are."""\n'

ADAPTER = '''\
"""Turns the raw table of {name} into one row a person and wave."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

OFTEN = 26  # meetings in 6 months: once a week


def build(raw: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put each value on the row of the wave at which it was measured; drop nobody.

    Parameters
    ----------
    raw : ``{{"main": table}}``, one row a person.
    """
    source = raw["main"]
    person = pd.DataFrame({{"person_id": source["id"].astype("str")}})
    meetings = source["meetings_last_6_months"]
    attended = (meetings >= OFTEN).astype("float64").where(meetings.notna())
    return pd.concat(
        [
            person.assign(wave=0, severity=source["severity_now"]),
            person.assign(wave=6, mhg_weekly=attended),
            person.assign(wave=12, drug_use=source["used_last_30_days"]),
        ],
        ignore_index=True,
    )
'''

METADATA = """\
title = "{title}"
unit = "person"
wave_unit = "months"
wave_days = 30.4
waves = [0, 6, 12]
access = "open"
licence = "CC0; made up"
citation = "Nobody: these rows are made up."
min_cell = 0
t0_rule = "first interview"
how_to_get = "Say here how somebody else comes by the file."
cohort_sha256 = "{cohort_sha256}"

[sources.main]
path = "main.csv"
format = "csv"
sha256 = "{source_sha256}"
rows = 2
columns = 4

[populations.all]
reason = "Everybody in the file."

[[facts]]
what = "persons"
statistic = "persons"
value = 2
source = "made up; put a published number here, and where it is printed"
"""

CODEBOOK = """\
column,description,kind,unit,low,high,levels,recall,concept,proxy_for,reliability,use,note
person_id,person,id,,,,,now,,,,,
wave,months since the first interview,count,months,0,12,,now,,,,,
severity,severity of dependence,continuous,points,0,10,,now,severity@baseline,,,,At wave 0.
mhg_weekly,attended a mutual-help group weekly,binary,,,,0=no; 1=yes,interval,,,,,At wave 6.
drug_use,any drug use in the past 30 days,binary,,,,0=no; 1=yes,30,,,,,At wave 12.
"""

CARD = """\
# {title}

**Who.** Two persons who do not exist. Say who was asked, where, and how they were chosen.

**When.** At enrolment, and 6 and 12 months later. Say the years.

**Known biases.** Say who was not reached, who was lost, and what was asked badly.

**Citation.** Say what to cite, and under which licence the data come.
"""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The files written, and what to do next."""

    files: tuple[Path, ...]
    next_steps: tuple[str, ...]


def new_dataset(name: str, folder: Path | None = None) -> Scaffold:
    """Write the folder of a new data set.

    Parameters
    ----------
    name : of the data set and of its folder: lower case letters, digits and underscores.
    folder : where to put it; among the data sets of this checkout when left out.

    Raises
    ------
    DatasetError
        The name cannot be one, is taken, or the folder cannot be written.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise DatasetError(
            f"'{name}' cannot name a data set. Use 2 to 40 lower case letters, digits and "
            "underscores, a letter first, as in my_cohort."
        )
    if name in known_datasets():
        raise DatasetError(
            f"there is a data set '{name}' already, in {known_datasets()[name]}. Choose another "
            "name."
        )
    target = (folder or _own_folder()) / name
    if target.exists():
        raise DatasetError("exists. Choose another name, or remove it first.", Place(str(target)))
    try:
        target.mkdir(parents=True)
        for file, text in contents(name).items():
            (target / file).write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise DatasetError(
            f"cannot be written: {problem.strerror}. Give another place with --folder.",
            Place(str(target)),
        ) from None
    return Scaffold(
        files=tuple(target / file for file in contents(name)),
        next_steps=_next_steps(name, target, found=name in known_datasets()),
    )


def contents(name: str) -> dict[str, str]:
    """Give the text of every file of the folder."""
    title = name.replace("_", " ").capitalize()
    return {
        "__init__.py": PACKAGE.format(title=title),
        "adapter.py": ADAPTER.format(name=name),
        "dataset.toml": METADATA.format(
            title=title,
            cohort_sha256=COHORT_SHA256,
            source_sha256=sha256(MADE_UP.encode()).hexdigest(),
        ),
        "codebook.csv": CODEBOOK,
        "card.md": CARD.format(title=title),
        "main.csv": MADE_UP,
    }


def _own_folder() -> Path:
    """Give the folder of data sets of this checkout."""
    package = Path(causal.datasets.__file__).parent
    found = [Path(one) for one in causal.datasets.__path__ if Path(one) != package]
    if not found:
        raise DatasetError(
            "this is an installed package, which data sets are not written into. Say where to put "
            "the folder: --folder DIR."
        )
    return found[-1]


def _next_steps(name: str, target: Path, *, found: bool) -> tuple[str, ...]:
    """Say what to do next."""
    call = f"from causal.testing import check_dataset as c; print(*c('{name}'), sep='\\n')"
    register = (
        ()
        if found
        else (
            f'Make it known: [project.entry-points."causal.datasets"] {name} = "PACKAGE.{name}" in '
            "the pyproject.toml of the package that holds it, then install that package.",
        )
    )
    return (
        *register,
        f'Check it as it is: python -c "{call}"',
        f"Put your table in place of {target / 'main.csv'}; if it may not be shared, take path and "
        "sha256 out of dataset.toml and give the file with --data.",
        "Write codebook.csv, build() in adapter.py, dataset.toml and card.md for it "
        "(docs/how-to/add-a-dataset.md); check again: each message names the next thing to mend.",
        "Write a specification and run it (docs/tutorial.md).",
    )
