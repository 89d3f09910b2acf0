"""The door to DoWhy's refuters: a second opinion on linear regression, beside the own refuter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.errors import OutcomeError
from causal.estimate import NotEstimable
from causal.estimators import LinearProbability, NuisanceStore
from causal.findings import tell
from causal.refuters.base import DETECTABLE, Auxiliary, Examined, Refutation, Refuter
from causal.refuters.changes import Change, NewExposure, NewOutcome
from causal.refuters.common_cause import RandomCommonCause
from causal.refuters.drawing import refit
from causal.refuters.independence import ImpliedIndependences, partial_correlation
from causal.refuters.resampling import Bootstrap, DataSubset
from causal.silence import global_stream, quiet
from causal.subject import Subject

if TYPE_CHECKING:
    import pandas as pd
    from dowhy.causal_estimator import CausalEstimate
    from dowhy.causal_identifier.identified_estimand import IdentifiedEstimand

Method: TypeAlias = Literal[
    "placebo",
    "random_common_cause",
    "subset",
    "bootstrap",
    "dummy_outcome",
    "unobserved_common_cause",
]

Share: TypeAlias = Annotated[float, Field(gt=0, lt=0.5)]

GLOBAL = ("dummy_outcome", "unobserved_common_cause")
"""Methods that draw from the global stream."""
FEWEST_RESAMPLES = 50
"""The own bootstrap makes no fewer."""
TRIFLE = 0.05
"""A twentieth of a standard error is no disagreement, however small the Monte-Carlo error."""
SAME_ESTIMATE = 1e-6
"""Two least squares fits of the same columns; anything larger is another model."""


class DoWhySecondOpinion(Refuter):
    """One of DoWhy's refuters beside the own one, both on the rung's covariates.

    DoWhy's refuters work for linear regression only: for propensity methods they reuse the first
    scores. So both sides refute the linear regression of the outcome on exposure and the rung's
    covariates, rows independent and the exposure permuted over all rows, whatever the rung's own
    estimator. DoWhy gets fresh columns, an estimand made here for this call
    (its own search is exponential in the covariates), and a ``RandomState`` (an integer repeats one
    draw) or a seeded global stream where it takes none, which is put back afterwards.

    ``dummy_outcome`` is noise as wide as the outcome: DoWhy's permutation writes into an array that
    pandas 3 does not let it write to. ``unobserved_common_cause`` is DoWhy's simulation: a normal
    variable that turns exposure round where it is large, and is taken from the outcome; the own
    side does the same anew.

    Attributes
    ----------
    method : which refuter.
    draws : on each side.
    share : part of the rows kept by ``subset``.
    noise : what DoWhy's ``bootstrap`` adds to the covariates, in standard deviations of each. Its
        own default of 0.1 makes it another thing than a bootstrap, which fails here.
    strength : of ``unobserved_common_cause``: the share of exposures it turns round, and what one
        standard deviation of it takes from the outcome. DoWhy's own guess of these raises errors.
    """

    kind: Literal["dowhy"] = "dowhy"
    method: Method = "placebo"
    draws: int = Field(default=100, ge=20, le=10_000)
    share: float = Field(default=0.8, ge=0.5, le=0.95)
    noise: float = Field(default=0.0, ge=0, le=1)
    strength: tuple[Share, Share] = (0.05, 0.05)

    sees: ClassVar[str] = (
        "a mistake in the own refuter: two programs that share no code must agree on the same "
        "linear regression"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding, and whatever concerns the rung's own estimator"
    )
    not_of_instruments: ClassVar[str] = (
        "both programs would refute the linear regression on exposure, which is not the rung's"
    )
    costly: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        """Give the method, since one analysis may ask for several."""
        return self.method

    def examine(self, examined: Examined) -> Refutation:
        """Run both sides, and compare their means."""
        sample = examined.sample
        obstacle = _obstacle(sample)
        if obstacle:
            return self.decline(examined.rung, obstacle)
        linear = LinearProbability()
        original = linear.fit(sample, NuisanceStore(), examined.rng)
        effect = original.contrast("mean_difference")
        if isinstance(effect, NotEstimable):
            return self.decline(examined.rung, effect.reason)
        value = float(effect.values[0])
        theirs_rng, own_rng = examined.rng.spawn(2)
        first, mean = _ask(sample, self, theirs_rng)
        if abs(first - value) > SAME_ESTIMATE * max(1.0, abs(value)):
            return self.decline(
                examined.rung,
                f"DoWhy's linear regression gives {first:.6g}, the own one {value:.6g}: not the "
                "same model",
            )
        alone = sample if sample.cluster is None and sample.strata is None else _unclustered(sample)
        subject = Subject(
            rung=examined.rung,
            estimator=linear,
            sample=alone,
            estimates=original,
            crude=original,
            shared=alone,
            scale="mean_difference",
        )
        streams = own_rng.spawn(self.draws)
        if self.method == "unobserved_common_cause":
            drawn = [_confounded(alone, linear, self.strength, one) for one in streams]
            return self._compare(examined, np.array(drawn), value, mean)
        if self.method in ("placebo", "dummy_outcome"):
            alone = replace(alone, outcome_kind="continuous")
            without = ((_without_effect(alone, self.method, one), one) for one in streams)
            plain = refit(without, linear, alone, "mean_difference", same_rows=False)
            return self._compare(examined, plain.values, 0.0, mean)
        own = self._own().refute(subject, own_rng, Auxiliary())
        if own.verdict == "NOT_EVALUATED" or own.expected is None:
            return self.decline(examined.rung, own.reason)
        return self._compare(examined, own.draws, own.expected, mean)

    def _own(self) -> Refuter:
        """Give the own refuter that does the same."""
        if self.method == "subset":
            return DataSubset(draws=self.draws, share=self.share)
        if self.method == "bootstrap":
            return Bootstrap(draws=max(self.draws, FEWEST_RESAMPLES))
        return RandomCommonCause(draws=self.draws)

    def _compare(self, examined: Examined, own: Floats, expected: float, mean: float) -> Refutation:
        """Judge whether DoWhy's mean agrees with the own one within Monte-Carlo error."""
        own_mean = float(own.mean())
        error = float(own.std(ddof=1)) * math.sqrt(1 / len(own) + 1 / self.draws)
        df = len(own) - 1  # the spread is estimated from that many draws
        p_value = inference.two_sided_p((mean - own_mean) / error, df) if error else 1.0
        trifle = TRIFLE * examined.std_error
        agrees = p_value >= 1 - inference.LEVEL or abs(mean - own_mean) <= trifle
        verdict: Verdict = "PASS" if agrees else "FAIL"
        half = inference.critical_value() * float(own.std(ddof=1)) / math.sqrt(self.draws)
        where = f"where {tell(expected)} is expected"
        if self.method == "unobserved_common_cause":
            where = f"where it was {tell(expected)} without the common cause"
        said = (
            f"DoWhy's {self.method.replace('_', ' ')} refuter gives "
            f"{tell(mean, examined.std_error)} on average over {self.draws} draws of the linear "
            f"regression, the own one {tell(own_mean, examined.std_error)} "
            f"{where}: they {'agree' if agrees else 'disagree'} "
            f"(p = {p_value:.2g})."
        )
        return self._report(
            examined.rung,
            expected,
            np.empty(0),
            mean,
            (mean - half, mean + half),
            p_value,
            verdict,
            said,
            max(DETECTABLE * error, trifle),
        )


def _obstacle(sample: Sample) -> str:
    """Say why DoWhy is not asked about a sample; empty if it can be."""
    if sample.exposure_kind != "binary":
        return "DoWhy's placebo of an exposure that is not 0/1 is identically 0 or unseeded"
    if not sample.x.shape[1]:
        return "without covariates DoWhy has no back-door set to adjust for"
    if not sample.observed.all():
        return f"{int((~sample.observed).sum())} outcomes are missing, which DoWhy would drop"
    if np.ptp(sample.w) > 0:
        return "DoWhy's linear regression takes no survey weights"
    return ""


def _unclustered(sample: Sample) -> Sample:
    """Treat rows as independent, as DoWhy does."""
    return replace(sample, cluster=None, strata=None, unit=np.arange(sample.n))


def _without_effect(sample: Sample, method: Method, rng: np.random.Generator) -> Change:
    """Permute exposure over all rows, or put noise as wide as the outcome in its place."""
    if method == "placebo":
        return NewExposure(rng.permutation(sample.a))
    return NewOutcome(float(sample.y.std(ddof=1)) * rng.standard_normal(sample.n))


def _confounded(
    sample: Sample,
    linear: LinearProbability,
    strength: tuple[float, float],
    rng: np.random.Generator,
) -> float:
    """Fit the regression once a common cause has turned exposures and moved outcomes."""
    from scipy import special

    cause = rng.standard_normal(sample.n)
    turned = cause >= special.ndtri(1 - strength[0])
    changed = replace(
        sample,
        a=np.where(turned, 1 - sample.a, sample.a),
        y=sample.y - strength[1] * cause,
        outcome_kind="continuous",
    )
    found = linear.fit(changed, NuisanceStore(), rng).contrast("mean_difference")
    if isinstance(found, NotEstimable):
        raise OutcomeError(found.reason)
    return float(found.values[0])


def _ask(
    sample: Sample, asked: DoWhySecondOpinion, rng: np.random.Generator
) -> tuple[float, float]:
    """Give DoWhy's estimate and the mean of its refuter's draws."""
    with quiet():
        from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator
        from dowhy.causal_identifier.identified_estimand import IdentifiedEstimand

        names = [f"x{number}" for number in range(sample.x.shape[1])]
        estimand = IdentifiedEstimand(
            None,
            treatment_variable=["a"],
            outcome_variable=["y"],
            backdoor_variables={"backdoor": names},
            default_backdoor_id="backdoor",
            identifier_method="backdoor",
        )
        frame = _fresh_columns(sample, names)
        estimator = LinearRegressionEstimator(estimand)
        estimator.fit(frame)
        estimate = estimator.estimate_effect(frame, control_value=0, treatment_value=1)
        estimate.add_params(target_estimand=estimand)
        ask = _ask_global if asked.method in GLOBAL else _ask_seeded
        return float(estimate.value), ask(frame, (estimand, estimate), asked, rng)


def _ask_seeded(
    frame: pd.DataFrame,
    known: tuple[IdentifiedEstimand, CausalEstimate],
    asked: DoWhySecondOpinion,
    rng: np.random.Generator,
) -> float:
    """Ask one of the refuters that take a stream of their own."""
    import dowhy.causal_refuters as refuters

    state = np.random.RandomState(int(rng.integers(2**32)))  # an int repeats one draw
    common = {"num_simulations": asked.draws, "random_state": state}
    if asked.method == "placebo":
        permute = refuters.placebo_treatment_refuter.PlaceboType.PERMUTE
        found = refuters.refute_placebo_treatment(
            frame, *known, ["a"], placebo_type=permute, **common
        )
    elif asked.method == "subset":
        found = refuters.refute_data_subset(frame, *known, subset_fraction=asked.share, **common)
    elif asked.method == "bootstrap":
        with global_stream(rng):  # the noise comes from there, whatever the state given
            found = refuters.refute_bootstrap(frame, *known, noise=asked.noise, **common)
    else:
        found = refuters.refute_random_common_cause(frame, *known, **common)
    return float(np.mean(found.new_effect))


def _ask_global(
    frame: pd.DataFrame,
    known: tuple[IdentifiedEstimand, CausalEstimate],
    asked: DoWhySecondOpinion,
    rng: np.random.Generator,
) -> float:
    """Ask one of the refuters that draw from the global stream."""
    import dowhy.causal_refuters as refuters

    with global_stream(rng):
        if asked.method == "dummy_outcome":
            found = refuters.refute_dummy_outcome(
                frame,
                *known,
                ["a"],
                "y",
                required_variables=True,
                num_simulations=asked.draws,
                transformation_list=[("zero", ""), ("noise", {"std_dev": float(frame["y"].std())})],
            )[0]
            return float(np.mean(found.new_effect))
        simulate = refuters.add_unobserved_common_cause.sensitivity_simulation
        turn, take = asked.strength
        effects = [
            simulate(frame.copy(), *known, ["a"], ["y"], kappa_t=turn, kappa_y=take).new_effect
            for _ in range(asked.draws)
        ]
        return float(np.mean(effects))


def _fresh_columns(sample: Sample, names: list[str]) -> pd.DataFrame:
    """Copy what DoWhy needs, since it writes into the frame it is given."""
    import pandas as pd

    frame = pd.DataFrame(np.array(sample.x), columns=names)
    return frame.assign(a=np.array(sample.a), y=np.array(sample.y))


@dataclass(frozen=True, slots=True)
class Falsified:
    """What DoWhy's falsification of a graph found.

    Attributes
    ----------
    violated, tests : local Markov conditions violated at 5 %, and tested.
    share : relabelled graphs that violate at most as large a share of theirs.
    n : complete rows.
    """

    violated: int
    tests: int
    share: float
    n: int


def ask_falsification(
    data: ImpliedIndependences, permutations: int, rng: np.random.Generator
) -> Falsified | NotEstimable:
    """Ask DoWhy's ``falsify_graph`` about the diagram, on complete rows.

    DoWhy takes one column a node: the first principal component of a concept's columns. Its own
    tests take 20 s (kernels) to 45 s (regressions) for 13 concepts and 400 rows, so it is given a
    test of the partial correlation, which treats rows as independent. It permutes unmeasured
    nodes too, and skips conditions that involve one.

    References
    ----------
    Eulig et al. (2023), arXiv:2305.09565.
    """
    blocks = [one for one in data.concepts if one.concept not in data.proxied]
    complete = ~np.any([np.isnan(one.values).any(axis=1) for one in blocks], axis=0)
    columns = {one.concept: _component(one.values[complete]) for one in blocks}
    nodes = {node for edge in data.edges for node in edge}
    columns = {name: c for name, c in columns.items() if c is not None and name in nodes}
    if len(columns) < 2 or complete.sum() <= 2 * len(columns):
        return NotEstimable(f"{int(complete.sum())} rows are complete for {len(columns)} concepts")
    with quiet():
        import networkx as nx
        import pandas as pd
        from dowhy.gcm.falsify import FalsifyConst, falsify_graph

        with global_stream(rng):
            found = falsify_graph(
                nx.DiGraph(data.edges),
                pd.DataFrame(columns),
                independence_test=partial_correlation,
                conditional_independence_test=partial_correlation,
                n_permutations=permutations,
                n_jobs=1,
                show_progress_bar=False,
            )
    summary = found.summary[FalsifyConst.VALIDATE_LMC]
    if not (tests := int(summary[FalsifyConst.N_TESTS])):
        return NotEstimable("no local Markov condition is among measured concepts")
    return Falsified(
        violated=int(summary[FalsifyConst.GIVEN_VIOLATIONS]),
        tests=tests,
        share=float(summary[FalsifyConst.P_VALUE]),
        n=int(complete.sum()),
    )


def _component(values: Floats) -> Floats | None:
    """Give the first principal component of standardised columns; None if none varies."""
    spread = values.std(axis=0) if len(values) else np.zeros(values.shape[1])
    kept = values[:, spread > 0]
    if not kept.shape[1]:
        return None
    scaled = (kept - kept.mean(axis=0)) / spread[spread > 0]
    return np.asarray(scaled @ np.linalg.svd(scaled, full_matrices=False)[2][0])
