"""What a rung with instruments comes to: their columns, the diagram's word, and what is assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import networkx as nx

from causal.codebook import Codebook, Measurement
from causal.dag import Dag, to_networkx
from causal.errors import IdentificationError, SpecError, TimingError, did_you_mean
from causal.estimand import Estimand, OrientationCheck, Verdict
from causal.estimators import AnyEstimator, Instrumented
from causal.identify import Availability
from causal.instruments import Instrument, NoInstrument, find_instrument, judge_instrument
from causal.rungs import Rung
from causal.separation import criterion, open_path, written

NEEDED = ("exclusion", "independence")
OF_INSTRUMENT = ("itt", "first_stage")
"""Estimators about the instrument itself, which exclusion does not concern."""


@dataclass(frozen=True, slots=True)
class JudgedRung:
    """The instruments of a rung, what it identifies by them, and what is assumed for that."""

    estimand: Estimand
    moving: tuple[Measurement, ...] = ()
    assumed: tuple[str, ...] = ()


def judge_rung(
    rung: Rung,
    concepts: tuple[str, ...],
    estimand: Estimand,
    dag: Dag,
    available: dict[str, Availability],
    codebook: Codebook,
) -> JudgedRung:
    """Find the columns of a rung's instruments and hold them against the diagram.

    Parameters
    ----------
    concepts : what the rung conditions on.
    estimand : what the diagram says of these as an adjustment set; kept for rungs without
        instruments.

    Raises
    ------
    SpecError, TimingError
        A concept is unknown, not measured, or only after exposure began.
    IdentificationError
        The diagram refutes an instrument, and the rung does not assume otherwise.
    """
    if not rung.instrument:
        return JudgedRung(estimand)
    _refuse_idle_settings(rung, concepts)
    moving = tuple(one for name in rung.instrument for one in _columns(name, rung, dag, codebook))
    judged = [_judged(name, concepts, dag, rung.estimator) for name in rung.instrument]
    assumed = tuple(
        _assumption(one, rung, dag, available) for one in judged if isinstance(one, NoInstrument)
    )
    flawed = [name for name in concepts if available[name] is Availability.PROXY]
    verdict: Verdict = "identified"
    if assumed:
        verdict = "not identified"
    elif flawed:
        verdict = "identified if measured without error"
    spoiling = {one for name in rung.instrument for one in _spoiled_by(name, concepts, dag)}
    selective = tuple(
        one
        for one in dag.covariates
        if one in spoiling and available[one] is Availability.UNMEASURED
    )
    told = replace(_instead(rung, estimand, judged, verdict, assumed), selective=selective)
    return JudgedRung(told, moving, assumed)


def _refuse_idle_settings(rung: Rung, concepts: tuple[str, ...]) -> None:
    """Refuse what needs no data to be seen not to work."""
    twice = [one for one in dict.fromkeys(rung.instrument) if rung.instrument.count(one) > 1]
    if twice:
        raise SpecError(f"the instrument '{twice[0]}' is named twice. Name each once.")
    if getattr(rung.estimator, "method", "") == "wald" and (len(rung.instrument) > 1 or concepts):
        raise SpecError(
            "the method wald is the ratio of two differences between two groups: it takes one 0/1 "
            "instrument and no covariates. Use tsls."
        )


def _spoiled_by(name: str, concepts: tuple[str, ...], dag: Dag) -> tuple[str, ...]:
    """Give what must not be conditioned on for a concept to be an instrument."""
    found = judge_instrument(dag, name, concepts)
    return found.only_before if isinstance(found, Instrument) else ()


def _columns(name: str, rung: Rung, dag: Dag, codebook: Codebook) -> tuple[Measurement, ...]:
    """Find the columns of an instrument, all of them before exposure."""
    if name not in dag.covariates:
        raise SpecError(f"unknown concept '{name}'. {did_you_mean(name, dag.covariates)}")
    every = codebook.measuring(name, rung.columns.get(name))
    early = tuple(one for one in every if one.before_exposure)
    if not every:
        raise SpecError(
            f"'{name}' is not measured in this data set, so it cannot be an instrument."
        )
    if not early:
        raise TimingError(
            f"'{name}' ({', '.join(one.column for one in every)}) is measured after exposure "
            "begins, so exposure may have changed it. An instrument comes before."
        )
    return early


def _judged(
    name: str, concepts: tuple[str, ...], dag: Dag, estimator: AnyEstimator
) -> Instrument | NoInstrument:
    """Ask the diagram; for estimators about the instrument, whether it is as if drawn.

    Estimators that take one probability of the instrument for all need it to be an instrument
    without covariates as well as with them.
    """
    of = estimator.kind
    if of not in OF_INSTRUMENT:
        alone = judge_instrument(dag, name, ())
        if _randomised(estimator) and isinstance(alone, NoInstrument):
            return alone
        return judge_instrument(dag, name, concepts)
    response = dag.outcome if of == "itt" else dag.exposure
    rule = criterion(to_networkx(dag), name, response)
    later = [one for one in concepts if one in nx.descendants(rule.graph, name)]
    given = f" given {', '.join(concepts)}" if concepts else ""
    if later:
        reason = f"{later[0]} follows from {name}, so nothing may condition on it."
        return NoInstrument(name, concepts, reason)
    way = open_path(rule.backdoor, name, response, concepts)
    if way:
        said = f"{name} and {response} are connected{given} by causes of both: "
        return NoInstrument(name, concepts, f"{said}{written(rule.graph, way)}.")
    return Instrument(
        name, concepts, f"{name} is as if drawn at random for {response}{given}, by the diagram."
    )


def _randomised(estimator: AnyEstimator) -> bool:
    """Tell whether the estimator takes the instrument as drawn with one probability for all."""
    return isinstance(estimator, Instrumented) and estimator.randomised


def _assumption(
    refuted: NoInstrument, rung: Rung, dag: Dag, available: dict[str, Availability]
) -> str:
    """Say what is assumed against the diagram, or refuse to."""
    concept, graph = refuted.concept, to_networkx(dag)
    if concept in nx.descendants(graph, dag.exposure):
        raise IdentificationError(
            f"{refuted.reason} What follows from exposure can be no instrument for it."
        )
    if set(rung.assume) == set(NEEDED):
        return (
            f"The diagram refutes {concept} as an instrument: {refuted.reason} It is used all the "
            f"same, assuming {' and '.join(NEEDED)}."
        )
    other = find_instrument(dag, concept, available)
    if _randomised(rung.estimator) and isinstance(other, Instrument) and other.given:
        raise IdentificationError(
            f"{rung.estimator.kind} takes an instrument drawn with one probability for all, and "
            f"{refuted.reason} Given {', '.join(other.given)} it is an instrument: adjust for "
            "that, with the estimator orthogonal_iv or iv."
        )
    remedy = (
        f"Given {', '.join(other.given) or 'nothing'} it would be one: set adjust to that."
        if isinstance(other, Instrument)
        else "If there are grounds to trust it nonetheless, say assume: [exclusion, independence]; "
        "this is then printed beside every number."
    )
    part = [one for one in NEEDED if one not in rung.assume]
    if len(part) < len(NEEDED):
        remedy = f"It takes both assumptions: {part[0]} is not among those of assume."
    raise IdentificationError(f"the diagram refutes the instrument: {refuted.reason} {remedy}")


def _instead(
    rung: Rung,
    estimand: Estimand,
    judged: list[Instrument | NoInstrument],
    verdict: Verdict,
    assumed: tuple[str, ...],
) -> Estimand:
    """Say what the instruments identify, in the place of what an adjustment set would."""
    valid = [one.reason for one in judged if isinstance(one, Instrument)]
    said = [f"{one[0].upper()}{one[1:]}" for one in valid]
    if rung.estimator.estimand == "LATE":
        said.append(
            f"What {' and '.join(rung.instrument)} can identify is the effect among those whose "
            f"{estimand.exposure} {'they change' if len(rung.instrument) > 1 else 'it changes'} "
            "(LATE), not that in everybody."
        )
    return replace(
        estimand,
        verdict=verdict,
        sufficient=not assumed,
        open_path="",
        open_through=(),
        mediators_adjusted=(),
        unmeasured=(),
        needs_after_exposure=(),
        omitted=(),
        orientations=(OrientationCheck((), not assumed),),
        sentences=(*assumed, *said),
    )
