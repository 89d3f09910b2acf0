"""Hazards measured in DoWhy, each probed on the installed version with data of known truth.

Every probe shows the misbehaviour itself, on a few hundred made-up rows, never the version number:
so a fix upstream shows, and so does a regression.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from causal.arrays import Floats
from causal.silence import quiet

if TYPE_CHECKING:
    import pandas as pd
    from dowhy import CausalModel
    from dowhy.causal_estimator import CausalEstimate
    from dowhy.causal_identifier import IdentifiedEstimand

    Fitted: TypeAlias = tuple[CausalModel, IdentifiedEstimand, CausalEstimate]

ROWS = 400  # enough for every contrast below, which are gross
SEED = 20260101
DRAWS = 20  # of a refuter
SAME = 1e-9  # two estimates that differ by less are the same computation
FEW, MANY = 8, 12  # covariates between which the time of an exponential search grows 16-fold
MEASURED_ON: Mapping[str, str] = {"dowhy": "0.14", "econml": "0.17.0"}
"""Versions in which every hazard was there; a later one may have mended some."""
STEEP = 4.0  # growth that a polynomial search of small graphs does not reach: (12/8)**3 is 3.4


@dataclass(frozen=True, slots=True)
class Hazard:
    """One hazard, what this library does about it, and a probe.

    Attributes
    ----------
    probe : tells whether the hazard is there, and what was measured.
    """

    name: str
    what: str
    guard: str
    probe: Callable[[], tuple[bool, str]]


def backdoor_scores_are_reused() -> tuple[bool, str]:
    """H1: weight by {X}, then by {X, U}, on one frame and on a fresh copy."""
    frame = _confounded()
    _weighted(frame, ["x"])
    again, fresh = _weighted(frame, ["x", "u"]), _weighted(_confounded(), ["x", "u"])
    left = "propensity_score" in frame.columns
    return (
        left or abs(again - fresh) > SAME,
        f"on a frame used before {again:.2f}, on a fresh one {fresh:.2f}; "
        f"propensity_score {'written into' if left else 'kept out of'} the caller's table",
    )


def refuters_keep_old_scores() -> tuple[bool, str]:
    """H2: a random common cause must move a weighted estimate at least a little."""
    model, found, estimate = _fitted(_confounded(), ["x", "u"])
    refuted = model.refute_estimate(
        found, estimate, method_name="random_common_cause", num_simulations=3, random_state=1
    )
    moved = abs(float(refuted.new_effect) - float(estimate.value))
    return moved < SAME, f"a random common cause moves the estimate by {moved:.2g}"


def integer_seed_repeats_one_draw() -> tuple[bool, str]:
    """H3: draws of the subset refuter under an integer seed must differ from each other."""
    p_value = {}
    for name, state in (("integer", 1), ("RandomState", np.random.RandomState(1))):
        model, found, estimate = _fitted(_confounded(), ["x", "u"], "linear_regression")
        refuted = model.refute_estimate(
            found, estimate, method_name="data_subset_refuter", subset_fraction=0.8,
            num_simulations=DRAWS, random_state=state,
        )  # fmt: skip
        p_value[name] = float(refuted.refutation_result["p_value"])
    return (
        not 0 < p_value["integer"] <= 1,
        f"subset refuter: p = {p_value['integer']:.2g} under an integer, "
        f"{p_value['RandomState']:.2g} under a RandomState",
    )


def two_instruments_lose_the_intercept() -> tuple[bool, str]:
    """H4: two-stage least squares with two instruments, truth 1, outcome far from 0."""
    rng = np.random.default_rng(SEED)
    u, z1, z2 = rng.normal(size=(3, ROWS))
    a = 5 + z1 + z2 + u + rng.normal(size=ROWS)
    y = 50 + a + 2 * u + rng.normal(size=ROWS)
    frame = _frame(dict(a=a, y=y, z1=z1, z2=z2))
    model = _model(frame, "digraph {z1->a; z2->a; U[label=unobserved]; U->a; U->y; a->y;}")
    found = model.identify_effect(proceed_when_unidentifiable=True)
    estimate = model.estimate_effect(found, method_name="iv.instrumental_variable")
    value = float("nan") if estimate is None else float(estimate.value)
    return not abs(value - 1) < 0.5, f"two instruments, truth 1.00: {value:.2f}"


def conditional_instruments_are_missed() -> tuple[bool, str]:
    """H5: z is an instrument given x; it must be found, or its absence be an error."""
    rng = np.random.default_rng(SEED)
    x, u = rng.normal(size=(2, ROWS))
    z = x + rng.normal(size=ROWS)
    a = z + u + rng.normal(size=ROWS)
    y = a + x + u + rng.normal(size=ROWS)
    graph = "digraph {x->z; x->y; z->a; U[label=unobserved]; U->a; U->y; a->y;}"
    model = _model(_frame(dict(x=x, z=z, a=a, y=y)), graph)
    found = model.identify_effect(proceed_when_unidentifiable=True)
    names = list(found.get_instrumental_variables() or [])
    try:
        estimate = model.estimate_effect(found, method_name="iv.instrumental_variable")
    except Exception as refusal:  # whatever is raised is better than None
        return False, f"instruments found: {names or 'none'}; refused: {type(refusal).__name__}"
    silent = estimate is None or estimate.value is None
    return (
        not names and silent,
        f"instruments found: {names or 'none'}; estimate {None if silent else estimate.value}",
    )


def continuous_placebo_is_zero() -> tuple[bool, str]:
    """H12: the default placebo of a continuous exposure must be able to fail."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=ROWS)
    a = x + rng.normal(size=ROWS)
    y = a + x + rng.normal(size=ROWS)
    model = _model(_frame(dict(x=x, a=a, y=y)), "digraph {x->a; x->y; a->y;}")
    found = model.identify_effect(proceed_when_unidentifiable=True)
    estimate = model.estimate_effect(found, method_name="backdoor.linear_regression")
    refuted = model.refute_estimate(
        found, estimate, method_name="placebo_treatment_refuter", num_simulations=3
    )
    effect = float(refuted.new_effect)
    return abs(effect) < SAME, f"placebo effect {effect:.3g}"


def default_search_is_exponential() -> tuple[bool, str]:
    """H18: the default identification of 8 and of 12 covariates, and the maximal set."""
    seconds = [min(_search(covariates, "default")[0] for _ in range(2))
               for covariates in (FEW, MANY)]  # fmt: skip
    growth = seconds[1] / seconds[0]
    _, adjusted = _search(FEW, "maximal-adjustment")
    return (
        growth > STEEP or "z" in adjusted,
        f"{growth:.0f} times as long for {MANY} as for {FEW} covariates; the maximal set "
        f"{'holds' if 'z' in adjusted else 'leaves out'} the instrument",
    )


def instruments_flip_the_estimand() -> tuple[bool, str]:
    """H19: after an instrumental estimate, the shared estimand must be what it was."""
    rng = np.random.default_rng(SEED)
    x, z = rng.normal(size=(2, ROWS))
    a = x + z + rng.normal(size=ROWS)
    y = a + x + rng.normal(size=ROWS)
    model = _model(_frame(dict(x=x, z=z, a=a, y=y)), "digraph {x->a; x->y; z->a; a->y;}")
    found = model.identify_effect(proceed_when_unidentifiable=True)
    model.estimate_effect(found, method_name="backdoor.linear_regression")
    before = found.identifier_method
    model.estimate_effect(found, method_name="iv.instrumental_variable")
    after = found.identifier_method
    return before != after, f"identifier_method {before}, after an instrument {after}"


HAZARDS = (
    Hazard("H1", "propensity scores are left in the caller's table and reused",
           "estimators are our own; DoWhy gets a fresh copy", backdoor_scores_are_reused),
    Hazard("H2", "refuters of propensity methods keep the old scores",
           "own refuters refit every nuisance", refuters_keep_old_scores),
    Hazard("H3", "an integer seed draws the same sample each time",
           "DoWhy is given a RandomState", integer_seed_repeats_one_draw),
    Hazard("H4", "two-stage least squares with two instruments has no intercept",
           "no instrument is estimated with DoWhy", two_instruments_lose_the_intercept),
    Hazard("H5", "conditional instruments are not found, and None is returned",
           "own search by d-separation", conditional_instruments_are_missed),
    Hazard("H12", "the default placebo of a continuous exposure is 0 and cannot fail",
           "own placebo permutes within strata", continuous_placebo_is_zero),
    Hazard("H18", "default identification is exponential; its sets may hold the instrument",
           "own identification in polynomial time; DoWhy is asked about small diagrams",
           default_search_is_exponential),
    Hazard("H19", "an instrumental estimate changes the estimand given to it",
           "a fresh estimand for every call", instruments_flip_the_estimand),
)  # fmt: skip


def news_of(hazard: str, library: str, found: str, measured: str) -> str:
    """Say what it means that a hazard is not met in the version installed, whichever it is.

    Parameters
    ----------
    found : the version installed.
    """
    return (
        f"{hazard} is gone from {library} {found} ({measured}); it was measured on "
        f"{MEASURED_ON[library]}: revise the list of hazards and reconsider the guard"
    )


def probe(hazard: Hazard) -> tuple[bool | None, str]:
    """Probe one hazard; None where the installed version no longer has what is probed."""
    import pandas as pd

    with quiet(), pd.option_context("mode.chained_assignment", None):
        try:
            return hazard.probe()
        except Exception as problem:  # an interface that changed must not end the examination
            return None, f"could not be probed: {type(problem).__name__}: {problem}"[:200]


def _confounded() -> pd.DataFrame:
    """Make a table in which exposure does nothing, and x and u confound."""
    rng = np.random.default_rng(SEED)
    x, u = rng.normal(size=(2, ROWS))
    a = rng.random(ROWS) < 1 / (1 + np.exp(-0.3 * x - 1.2 * u))
    return _frame(dict(x=x, u=u, a=a.astype(int), y=x + 2 * u + rng.normal(size=ROWS)))


def _weighted(frame: pd.DataFrame, adjusted: Sequence[str]) -> float:
    """Weight by the propensity of a set; give the estimate."""
    return float(_fitted(frame, adjusted)[2].value)


def _fitted(
    frame: pd.DataFrame, adjusted: Sequence[str], method: str = "propensity_score_weighting"
) -> Fitted:
    """Estimate the effect of a on y in a diagram whose confounders are those given."""
    arrows = "".join(f"{name}->a; {name}->y; " for name in adjusted)
    model = _model(frame, f"digraph {{{arrows} a->y;}}")
    found = model.identify_effect(proceed_when_unidentifiable=True)
    return model, found, model.estimate_effect(found, method_name=f"backdoor.{method}")


def _search(covariates: int, method: str) -> tuple[float, list[str]]:
    """Time the search for a back-door set where z is an instrument; give the set found."""
    import networkx as nx
    from dowhy.causal_identifier import EstimandType, identify_effect_auto
    from dowhy.causal_identifier.auto_identifier import BackdoorAdjustment

    names = [f"x{i}" for i in range(covariates)]
    graph = nx.DiGraph([("a", "y"), ("z", "a"), *((x, end) for x in names for end in "ay")])
    started = time.perf_counter()
    found = identify_effect_auto(
        graph, ["a"], ["y"], ["a", "y", "z", *names], EstimandType.NONPARAMETRIC_ATE,
        backdoor_adjustment=BackdoorAdjustment(method),
    )  # fmt: skip
    return time.perf_counter() - started, list(found.get_backdoor_variables() or [])


def _model(frame: pd.DataFrame, graph: str) -> CausalModel:
    """Put a table and a diagram into DoWhy; importing it takes seconds."""
    from dowhy import CausalModel

    return CausalModel(data=frame, treatment="a", outcome="y", graph=graph)


def _frame(columns: Mapping[str, Floats]) -> pd.DataFrame:
    """Put columns side by side."""
    import pandas as pd

    return pd.DataFrame(columns)
