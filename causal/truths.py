"""What is known of generated data: true values, and the question each of them answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What numbers are true of: all by which a specification can ask for something else.

    Attributes
    ----------
    exposure, outcome : columns of the codebook.
    exposure_wave : the wave that reports the exposure; None where every interval is a unit.
    outcome_at : the wave that gives the outcome; of intervals the word for which interview does.
    arms : the reference, the arm compared with it, and the others in alphabetical order.
    doses : the two doses compared, the lower first.
    events : of a time to an event, the column of the event and of what competes with it.
    horizon : the time by which the risk is compared.
    population : its name in ``dataset.toml``.
    weight : the column by which a survey's sample stands for its population.
    """

    exposure: str
    outcome: str
    exposure_wave: int | None
    outcome_at: int | str
    arms: tuple[str, ...] = ()
    doses: tuple[float, ...] = ()
    events: tuple[str, ...] = ()
    horizon: float | None = None
    population: str = "all"
    weight: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """True values of one question, by name.

    Differences are named after their target (``ate``, ``att``, ``atc``, ``ato``), ratios after
    their scale (``risk_ratio``, ``odds_ratio``); a report holds rungs against these. Other names
    are printed only.

    Attributes
    ----------
    instrument : the column that ``of_instrument`` is about.
    of_instrument : values that hold for an instrument, such as ``late`` and ``itt``; given where
        it is the only one that is used.
    """

    question: Question
    values: Mapping[str, float]
    instrument: str = ""
    of_instrument: Mapping[str, float] = field(default_factory=dict)
