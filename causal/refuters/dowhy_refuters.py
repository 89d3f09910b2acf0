"""The door to DoWhy's refuters: a second opinion on linear regression, beside the own refuter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.estimate import NotEstimable
from causal.estimators import LinearProbability, NuisanceStore
from causal.findings import tell
from causal.refuters.base import DETECTABLE, Auxiliary, Examined, Refutation, Refuter
from causal.refuters.changes import NewExposure
from causal.refuters.common_cause import RandomCommonCause
from causal.refuters.drawing import refit
from causal.refuters.independence import ImpliedIndependences, partial_correlation
from causal.refuters.resampling import DataSubset
from causal.silence import quiet
from causal.subject import Subject

if TYPE_CHECKING:
    import pandas as pd

Method: TypeAlias = Literal["placebo", "random_common_cause", "subset"]

SAME_ESTIMATE = 1e-6
"""Two least squares fits of the same columns; anything larger is another model."""


class DoWhySecondOpinion(Refuter):
    """One of DoWhy's refuters beside the own one, both on the rung's covariates.

    DoWhy's refuters work for linear regression only: for propensity methods they reuse the first
    scores. So both sides refute the linear regression of the outcome on exposure and the rung's
    covariates, rows independent and the exposure permuted over all rows, whatever the rung's own
    estimator. DoWhy gets fresh columns, an estimand made here for this call (its own search is
    exponential in the covariates), and a ``RandomState`` (an integer repeats one draw).

    Attributes
    ----------
    method : which refuter.
    draws : on each side.
    share : part of the rows kept by ``subset``.
    """

    kind: Literal["dowhy"] = "dowhy"
    method: Method = "placebo"
    draws: int = Field(default=100, ge=20, le=10_000)
    share: float = Field(default=0.8, ge=0.5, le=0.95)

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
    why_no_power: ClassVar[str] = (
        "it looks for a mistake in the own refuter, and a confounder moves both programs alike"
    )

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
        first, mean = _ask(sample, self.method, self.draws, self.share, theirs_rng)
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
        if self.method == "placebo":  # theirs is a plain permutation, the own refuter's is not
            streams = own_rng.spawn(self.draws)
            plain = ((NewExposure(one.permutation(alone.a)), one) for one in streams)
            drawn = refit(plain, linear, alone, "mean_difference", same_rows=False)
            return self._compare(examined, drawn.values, 0.0, mean)
        own = self._own().refute(subject, own_rng, Auxiliary())
        if own.verdict == "NOT_EVALUATED" or own.expected is None:
            return self.decline(examined.rung, own.reason)
        return self._compare(examined, own.draws, own.expected, mean)

    def _own(self) -> Refuter:
        """Give the own refuter that does the same."""
        if self.method == "subset":
            return DataSubset(draws=self.draws, share=self.share)
        return RandomCommonCause(draws=self.draws)

    def _compare(self, examined: Examined, own: Floats, expected: float, mean: float) -> Refutation:
        """Judge whether DoWhy's mean agrees with the own one within Monte-Carlo error."""
        own_mean = float(own.mean())
        error = float(own.std(ddof=1)) * math.sqrt(2 / len(own))
        p_value = inference.two_sided_p((mean - own_mean) / error) if error else 1.0
        agrees = p_value >= 1 - inference.LEVEL
        verdict: Verdict = "PASS" if agrees else "FAIL"
        half = inference.critical_value() * error / math.sqrt(2)
        said = (
            f"DoWhy's {self.method.replace('_', ' ')} refuter gives "
            f"{tell(mean, examined.std_error)} on average over {self.draws} draws of the linear "
            f"regression, the own one {tell(own_mean, examined.std_error)} where "
            f"{tell(expected)} is expected: they {'agree' if agrees else 'disagree'} "
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
            DETECTABLE * error,
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


def _ask(
    sample: Sample, method: Method, draws: int, share: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Give DoWhy's estimate and the mean of its refuter's draws."""
    with quiet():
        import dowhy.causal_refuters as refuters
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
        state = np.random.RandomState(int(rng.integers(2**32)))  # an int repeats one draw
        common = {"num_simulations": draws, "random_state": state}
        if method == "placebo":
            permute = refuters.placebo_treatment_refuter.PlaceboType.PERMUTE
            found = refuters.refute_placebo_treatment(
                frame, estimand, estimate, ["a"], placebo_type=permute, **common
            )
        elif method == "subset":
            found = refuters.refute_data_subset(
                frame, estimand, estimate, subset_fraction=share, **common
            )
        else:
            found = refuters.refute_random_common_cause(frame, estimand, estimate, **common)
        return float(estimate.value), float(np.mean(found.new_effect))


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

        before = np.random.get_state()  # noqa: NPY002  DoWhy draws from the global stream only
        np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
        try:
            found = falsify_graph(
                nx.DiGraph(data.edges),
                pd.DataFrame(columns),
                independence_test=partial_correlation,
                conditional_independence_test=partial_correlation,
                n_permutations=permutations,
                n_jobs=1,
                show_progress_bar=False,
            )
        finally:
            np.random.set_state(before)  # noqa: NPY002
    summary = found.summary[FalsifyConst.VALIDATE_LMC]
    tests = int(summary[FalsifyConst.N_TESTS])
    if not tests:
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
