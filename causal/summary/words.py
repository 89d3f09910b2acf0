"""The report of a published trial in words: every sentence follows from its result by a rule."""

from __future__ import annotations

from causal.instrumental.two_by_two import readings_sentence
from causal.report.markdown import joined, plain
from causal.report.numbers import Measure, number, percent
from causal.result_parts import Piece, Reason
from causal.summary.document import ByExposureBlock, SummaryResult, VariableBlock
from causal.summary.measures import measure_of, outcome_measure, ratio_measure

BIBLIOGRAPHY = {
    "critical": "Montiel Olea & Pflueger 2013, doi:10.1080/00401706.2013.806694",
    "ten": "Staiger & Stock 1997, doi:10.2307/2171753",
    "set": "Anderson & Rubin 1949, doi:10.1214/aoms/1177730090",
}
OF = {
    "randomised": "all those randomised",
    "followed": "those followed",
    "unsaid": "persons the paper does not name: all those randomised, or those followed",
}


def offer(result: SummaryResult) -> str:
    """Name what was randomised: assignment to the first of the arms compared."""
    return f"assignment to {plain(result.design.contrast[0])}"


def everybody_complied(result: SummaryResult) -> bool:
    """Tell whether all in one arm and nobody in the other were exposed."""
    return isinstance(result.first_stage.f, Reason)


def f_of(value: float | Reason) -> str:
    """Write an F statistic; infinite where everybody complied."""
    return "infinite" if isinstance(value, Reason) else number(value, 1)


def weak(result: SummaryResult) -> bool:
    """Tell whether the first stage is too weak for a normal interval of the ratio."""
    return result.diagnostics[0].verdict == "FAIL"


def excluded(pieces: list[Piece], measure: Measure) -> str:
    """Say what a set leaves out."""
    if len(pieces) == 2 and pieces[0][1] is not None and pieces[1][0] is not None:
        between = f"{measure.bare(pieces[0][1])} and {measure.bare(pieces[1][0])}"
        return f"the data exclude only values between {between}"
    if not pieces:
        return "the data exclude every value"
    low, high = pieces[0]
    if low is not None and high is not None:
        return f"the data exclude values below {measure.bare(low)} and above {measure.bare(high)}"
    if low is not None:
        return f"the data exclude only values below {measure.bare(low)}"
    if high is not None:
        return f"the data exclude only values above {measure.bare(high)}"
    return "the data exclude no value at all"


def contradicted(result: SummaryResult) -> bool:
    """Tell whether the set that leads holds no effect there can be on a probability."""
    return result.chief.possible == []


def from_to(piece: Piece, measure: Measure) -> str:
    """Write a piece of a set that has both ends."""
    low, high = piece
    return f"from {measure.bare(low or 0.0)} to {measure.bare(high or 0.0)}"


def taken_as(result: SummaryResult) -> str:
    """Begin whom the numbers are of: as the paper says, or as assumed."""
    return "taken as of " if "denominator" in result.design.assumed else "of "


def randomised_sentences(result: SummaryResult) -> str:
    """Say what was randomised, and whom the numbers are of."""
    other = plain(result.design.contrast[1])
    share = result.design.share_followed
    followed = "" if share is None else f" ({number(100 * share, 0)} % of those randomised)"
    of, assumed = f"{OF[result.design.of]}{followed}", result.design.assumed
    said = (
        f"taken as of {of}; the paper does not say"
        if "denominator" in assumed
        else f"of {of}, as printed"
    )
    sizes = (
        " The arms are taken as equally large; the paper does not give their sizes."
        if "arm_sizes" in assumed
        else ""
    )
    return (
        f"{capital(offer(result))}, against {other}, and not {_name(result.exposure)}. "
        f"The numbers are {said}: {plain(result.source)}.{sizes} "
        "Nothing is adjusted for, no person's data were seen, and the ratio is not the authors'."
    )


def facilitation_sentences(result: SummaryResult) -> str:
    """Say what assignment did to exposure and to outcome."""
    level = percent(result.level)
    said = []
    for variable, block in (
        (result.exposure, result.first_stage),
        (result.outcome, result.itt),
    ):
        measure = measure_of(variable, block.std_error)
        said.append(
            f"{capital(_name(variable))}: {_shares(result, variable, measure)}difference "
            f"{measure.amount(block.value)} ({level} CI {measure.span(block.interval)})."
        )
    exposure = _name(result.exposure)
    tail = (
        f"As everybody complied, it is the effect of {exposure} too, where assignment reaches the "
        "outcome in no other way."
        if everybody_complied(result)
        else f"It is not the effect of {exposure}."
    )
    return (
        f"{' '.join(said)} The difference in the outcome is the effect of {offer(result)} "
        f"(intention to treat), by whatever way it came about. {tail}"
    )


def ratio_sentences(result: SummaryResult) -> str:
    """Say what the ratio of the two differences is, and what the data leave of it."""
    exposure = _name(result.exposure)
    if isinstance(result.wald, Reason):
        head = f"There is no ratio: {plain(result.wald.not_estimable)}."
    else:
        head = (
            f"Outcome over exposure is {ratio_measure(result).amount(result.wald)}. That is the "
            f"effect of {exposure} in those whom {offer(result)} moves only if it reaches the "
            "outcome in no other way (exclusion) and moves nobody the other way (monotonicity). "
            "These numbers "
            f"{'contradict that.' if contradicted(result) else 'cannot show either.'}"
        )
    return f"{head} {strength_sentence(result)} {set_sentence(result)}"


def strength_sentence(result: SummaryResult) -> str:
    """Say how strong the first stage is, and what follows from it."""
    if everybody_complied(result):
        interval = result.chief.interval
        normal = "" if isinstance(interval, Reason) else ratio_measure(result).span(interval)
        return (
            "Everybody complied in both arms, so nothing is weak: the ratio is the difference in "
            f"the outcome; the normal {percent(result.level)} interval is {normal}."
        )
    gate, f = result.diagnostics[0], f_of(result.first_stage.f)
    needed = f_of(gate.threshold or 0.0)
    if weak(result):
        return (
            f"The first-stage F is {f}, below {needed}: the ratio plus or minus standard errors "
            f"would be no {percent(result.level)} interval, so none is given. The set printed, "
            "Anderson and Rubin's, holds however weak the first stage is."
        )
    interval = result.chief.interval
    said = f"The first-stage F is {f}, above {needed}"
    if isinstance(interval, Reason):
        return f"{said}."
    measure = ratio_measure(result)
    return f"{said}; the normal {percent(result.level)} interval is {measure.span(interval)}."


def set_sentence(result: SummaryResult) -> str:
    """Say what the Anderson-Rubin set is, and what it leaves out where that is not plain."""
    chief, measure = result.chief, ratio_measure(result)
    under = ""
    if not isinstance(chief.correlation, Reason):
        under = f", at a correlation of {number(chief.correlation, 2)} within arms,"
    said = f"The {percent(result.level)} set{under} is {measure.region(chief.region)}"
    ends = len(chief.region) == 1 and None not in chief.region[0]
    return f"{said}." if ends else f"{said}; in words, {excluded(chief.region, measure)}."


def range_sentences(result: SummaryResult) -> str:
    """Say what of the set a probability can have, and what holds under every correlation."""
    chief, measure = result.chief, ratio_measure(result)
    said = []
    if not isinstance(chief.possible, Reason):
        left = (
            f"the set leaves those {joined([from_to(one, measure) for one in chief.possible])}"
            if chief.possible
            else "the set leaves none: the numbers contradict the instrument"
        )
        said.append(f"Of the effects there can be on a probability ({number(-1, 0)} to 1), {left}.")
    tried = [one.correlation for one in result.sets if not isinstance(one.correlation, Reason)]
    if len(tried) > 1:
        span = f"{number(min(tried), 2)} to {number(max(tried), 2)}"
        said.append(
            f"Whatever the correlation tried ({span}), {excluded(result.whatever, measure)}."
        )
    return " ".join(said)


def alarm_sentence(result: SummaryResult) -> str:
    """Say that a ratio cannot be an effect on a probability; nothing where it can."""
    readings = result.chief.readings
    chance = result.chief.chance
    if not readings or isinstance(chance, Reason):
        return ""
    head = (
        f"The outcome moved by {outcome_measure(result).amount(result.itt.value)} and exposure "
        f"not at all, which is no effect of {_name(result.exposure)}."
        if isinstance(result.wald, Reason)
        else f"A ratio of {ratio_measure(result).bare(result.wald)} is no effect on a probability, "
        f"which lies between {number(-1, 0)} and 1."
    )
    return f"{head} {plain(readings_sentence(chance, readings))}"


def denominator_sentences(result: SummaryResult, found: ByExposureBlock) -> str:
    """Hold outcomes by exposure against the arms, and say what they may be shares of."""
    exposure, outcome = _name(result.exposure), _name(result.outcome)
    one, other = (number(share, 3) for share in found.printed)
    said = [
        f"The paper also prints {outcome} by {exposure}: {one} with, {other} without. With "
        f"{number(found.exposed, 2)} exposed, that makes {number(found.implied, 2)} with the "
        f"outcome overall; the arms make {number(found.outcome, 2)}."
    ]
    if found.of == "unsaid":
        said.append("The paper does not say of whom these two numbers are.")
        if not isinstance(found.lost_as_none, Reason):
            said.append(
                "Perhaps the arms count those lost as without the outcome: then "
                f"{number(found.lost_as_none, 2)} of those followed had it."
            )
        if not isinstance(found.turned, Reason) and not isinstance(found.differences, Reason):
            first, second = (number(share, 2) for share in found.turned)
            said.append(
                "Perhaps the two are shares exposed and not exposed of those with the outcome: "
                f"then {outcome} by {exposure} is {first} with, {second} without, and the "
                f"difference {number(found.differences[1], 2)} in place of "
                f"{number(found.differences[0], 2)}."
            )
    said.append("They are not used: who is exposed was not randomised.")
    return " ".join(said)


def limits(result: SummaryResult) -> list[str]:
    """List what such an instrument cannot tell, most fundamental first."""
    exposure = _name(result.exposure)
    said = [
        f"Only {offer(result)} was randomised. Its effect on the outcome (intention to treat) is "
        f"that of being assigned, and not of {exposure}: it takes in every way by which "
        "assignment may work, and is small where few are moved.",
        "Exclusion is an assumption. Assignment may bring contact, attention and encouragement "
        "too; if these change the outcome by themselves, the ratio blames or credits "
        f"{exposure} for it.",
        f"The ratio is about those whom {offer(result)} moves; nobody can say who they are."
        f"{_always(result)}",
        "Nothing is adjusted for: randomisation makes the arms alike on average, not in this "
        f"trial for certain. {_lost(result)}",
        _crude(result),
        "Standard errors take persons as independent, and numbers as printed. A trial randomised "
        "by clinic or by therapist has larger ones, and numbers rounded to whole per cent move F.",
    ]
    if result.exposure.kind == "continuous":
        said.append(
            "The ratio is per unit of exposure: an average over units and persons in which those "
            "whom assignment moves most count most (Angrist & Imbens 1995, "
            "doi:10.1080/01621459.1995.10476535)."
        )
    else:
        said.append(
            f"“{capital(exposure)}” may cut a dose in two. Where assignment also moves how much "
            "there is of it within the categories, the ratio is no effect of the category "
            "(Andresen & Huber 2021, doi:10.1093/ectj/utab002)."
        )
    return said


def check_sentences(result: SummaryResult) -> list[str]:
    """Say what a specification comes to, for ``causal check``."""
    exposure, outcome = result.exposure.name, result.outcome.name
    facilitated, other = result.design.contrast
    said = [
        f"Randomised: {facilitated} against {other}. The numbers are "
        f"{taken_as(result)}{OF[result.design.of]}.",
        f"Identified by randomisation: the effect of {offer(result)} on {exposure} (first stage, "
        f"F {f_of(result.first_stage.f)}) and on {outcome} (intention to treat).",
        f"Their ratio is the effect of {exposure} in those it moves if it works through "
        f"{exposure} alone and moves nobody the other way; no number here can show that.",
    ]
    if crossed(result):
        said.append("The arms are crossed: bounds and the instrumental inequality are given too.")
    elif result.arms:
        said.append(
            "Exposure is not crossed with outcome in both arms: bounds are given for each "
            "correlation, and for what is known without one."
        )
    else:
        said.append("Only differences are printed: no bounds are given.")
    return said


def _always(result: SummaryResult) -> str:
    """Say how many are exposed without facilitation, about whom the ratio is silent."""
    without = next((a for a in result.arms if a.name == result.design.contrast[1]), None)
    if without is None:
        return ""
    if without.exposed == 0:
        return ""
    share = number(100 * without.exposed, 0)
    return (
        f" With {plain(without.name)} {share} % had the exposure all the same, and about them the "
        "ratio says nothing."
    )


def _crude(result: SummaryResult) -> str:
    """Say why there is no share that remains."""
    if crossed(result):
        return (
            "Exposed and unexposed persons could be compared as the arms cross them. That would be "
            "an association, and about everybody, where the ratio is about those assignment moves: "
            "so no share that remains is formed."
        )
    return (
        "There is no crude comparison of exposed with unexposed persons here, so no share that "
        "remains can be formed."
    )


def _lost(result: SummaryResult) -> str:
    """Say what loss to follow-up may do, by what the numbers are of."""
    if "denominator" in result.design.assumed:
        return "Whether those lost to follow-up are counted is not known, only assumed."
    match result.design.of:
        case "followed":
            return (
                "Those lost to follow-up are left out: where assignment changes who is followed, "
                "the arms compared are not those randomised."
            )
        case "randomised":
            return "How those lost to follow-up were counted is the paper's choice, and is in both."
    return "Whether those lost to follow-up are counted is not known."


def _shares(result: SummaryResult, variable: VariableBlock, measure: Measure) -> str:
    """Write the shares of the two arms compared, where they are printed."""
    arms = {arm.name: arm for arm in result.arms}
    if any(name not in arms for name in result.design.contrast):
        return ""
    pair = [arms[name] for name in result.design.contrast]
    shares = [arm.exposed if variable == result.exposure else arm.outcome for arm in pair]
    names = [plain(arm.name) for arm in pair]
    return f"{measure.mean(shares[0])} with {names[0]}, {measure.mean(shares[1])} with {names[1]}; "


def _name(variable: VariableBlock) -> str:
    return plain(variable.name)


def crossed(result: SummaryResult) -> bool:
    """Tell whether exposure is crossed with outcome in both arms."""
    arms = [arm for arm in result.arms if arm.name in result.design.contrast]
    return bool(arms) and not any(isinstance(arm.both, Reason) for arm in arms)


def capital(text: str) -> str:
    """Write the first letter large."""
    return text[:1].upper() + text[1:]
