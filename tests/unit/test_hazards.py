"""Each measured hazard of DoWhy and EconML: still there as installed, and guarded against here.

H1 to H5, H12, H18 and H19 are shown to be there by the probes of ``causal doctor``, which
``test_doctor.py`` runs; here stand their guards. A hazard that is gone fails with that news: the
guard may then be dropped, and the list of hazards is to be revised.
"""

from __future__ import annotations

import ast
import inspect
import logging
import math
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

import causal
from causal import hazards, inference, silence
from causal.cohort import Sample
from causal.dag import Concept, Dag, Edge
from causal.diagnostics import judge_balance
from causal.dowhy_door import dowhy_agrees
from causal.errors import InternalConsistencyError
from causal.estimators import (
    AnyEstimator,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    NuisanceStore,
)
from causal.estimators.nuisance import CrossFitting, PropensityModel
from causal.estimators.orthogonal import econml_residuals
from causal.estimators.weighting import limited_propensities
from causal.identify import Availability
from causal.instruments import conditional_instruments
from causal.refuters import (
    AnyRefuter,
    Auxiliary,
    Bootstrap,
    DataSubset,
    DoWhySecondOpinion,
    PlaceboExposure,
    RandomCommonCause,
)
from causal.refuters.changes import take_rows
from causal.refuters.dowhy_refuters import _fresh_columns
from causal.refuters.empirical_calibration import FEWEST, ease_verdict
from causal.refuters.systematic_error import absolute_error_interval, null_posterior
from causal.seeding import generator
from causal.subject import Subject

SOURCES = sorted(Path(causal.__file__).parent.rglob("*.py"))
HAZARDS = 23
SAME = 1e-9  # one computation twice
IMPORT_SECONDS = 0.6  # what the command line may take to start
REPEATS = 300  # of cheap simulations


@pytest.fixture(autouse=True)
def _without_noise():
    """Keep the libraries from warning and logging, as the doors do."""
    with silence.quiet():
        yield
    logging.disable(logging.NOTSET)


def expect(there: bool, hazard: str, library: str, measured: str) -> None:
    """Assert that a hazard is still there; say what it means if not."""
    assert there, hazards.news_of(hazard, library, version(library), measured)


def make_sample(n: int = 400, seed: int = 1) -> Sample:
    """Draw a sample without effect, confounded by x and by u."""
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=(2, n))
    a = (rng.random(n) < 1 / (1 + np.exp(-0.3 * x - 1.2 * u))).astype(float)
    y = x + 2 * u + rng.normal(size=n)
    return Sample(
        np.arange(n), y, a, np.column_stack([x, u]), ("x", "u"), ("x", "u"),
        "continuous", "binary", np.ones(n),
    )  # fmt: skip


def estimate(estimator, sample: Sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))


def difference(estimator, sample: Sample) -> float:
    return estimate(estimator, sample).effect("mean_difference").estimate


def refute(refuter, estimator, sample: Sample):
    original = estimate(estimator, sample)
    stream = generator(1, "refuter", refuter.kind)
    subject = Subject("rung", estimator, sample, original, original, sample, "mean_difference")
    return refuter.refute(subject, stream, Auxiliary())


def weigh(frame, adjusted, **options):
    """Let DoWhy weight by the propensity of a set."""
    model = hazards._model(
        frame, "digraph {" + "".join(f"{c}->a; {c}->y; " for c in adjusted) + "a->y;}"
    )
    found = model.identify_effect(proceed_when_unidentifiable=True)
    method = "backdoor.propensity_score_weighting"
    return float(model.estimate_effect(found, method_name=method, **options).value)


def diagram(edges: str) -> Dag:
    pairs = [tuple(pair.split(">")) for pair in edges.split()]
    names = dict.fromkeys(name for pair in pairs for name in pair)
    concepts = {name: Concept("c") for name in names}
    return Dag("test", "a", "y", concepts, tuple(Edge(c, e, "r", "s") for c, e in pairs))


def imports_of(path: Path) -> set[str]:
    """Name the packages a module imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_every_hazard_has_a_test():
    names = [name for name in globals() if name.startswith("test_h")]
    numbered = {int(name.split("_")[1][1:]) for name in names}
    assert numbered == set(range(1, HAZARDS + 1))
    assert {one.name for one in hazards.HAZARDS} <= {f"H{number}" for number in numbered}


def test_h1_two_sets_of_covariates_on_one_sample_differ_and_leave_it_alone():
    sample = make_sample()
    before = sample.x.tobytes(), sample.a.tobytes(), sample.y.tobytes()
    narrow, wide = (
        difference(InverseProbability(), sample.with_terms(terms)) for terms in (("x",), ("x", "u"))
    )
    assert abs(narrow - wide) > 0.5
    refute(DoWhySecondOpinion(draws=20), InverseProbability(), sample)
    assert before == (sample.x.tobytes(), sample.a.tobytes(), sample.y.tobytes())
    frame = _fresh_columns(sample, ["x0", "x1"])
    assert not np.shares_memory(frame["a"].to_numpy(), sample.a)


def test_h2_own_refuters_of_weighting_refit_the_propensity():
    sample = make_sample(800)
    noise = refute(RandomCommonCause(draws=40), InverseProbability(), sample)
    assert noise.draws.std() > SAME
    placebo = refute(PlaceboExposure(draws=200), InverseProbability(), sample)
    assert placebo.verdict == "PASS", placebo.reason


def test_h3_dowhy_is_given_a_random_state_whose_draws_differ():
    sample = make_sample(200)
    few, many = (
        refute(DoWhySecondOpinion(method="subset", draws=n), GComputation(), sample).mean
        for n in (20, 40)
    )
    assert abs(few - many) > SAME  # one draw repeated would have the same mean


def test_h4_no_instrument_is_estimated_with_dowhy():
    for path in SOURCES:
        if path.name != "hazards.py" and "dowhy" in imports_of(path):
            assert "iv.instrumental" not in path.read_text(encoding="utf-8"), path


def test_h5_the_own_search_finds_conditional_instruments():
    dag = diagram("x>z x>y z>a u>a u>y a>y")
    available = dict.fromkeys(dag.concepts, Availability.MEASURED) | {"u": Availability.UNMEASURED}
    (found,) = conditional_instruments(dag, available)
    assert (found.concept, found.given) == ("z", ("x",))


@pytest.mark.parametrize(
    "refuter",
    [
        PlaceboExposure(draws=100),
        RandomCommonCause(draws=100),
        DataSubset(draws=100),
        Bootstrap(draws=100),
    ],
    ids=lambda one: one.kind,
)
def test_h6_refuters_pass_a_wholly_confounded_estimate_and_say_so(refuter):
    sample = make_sample(1000, seed=2).with_terms(("x",))  # truth 0, u unmeasured
    effect = estimate(GComputation(), sample).effect("mean_difference")
    assert effect.lo > 1
    found = refute(refuter, GComputation(), sample)
    assert found.verdict == "PASS", found.reason
    assert "unmeasured confounding" in found.cannot_see


def test_h7_groups_do_not_cluster_standard_errors_in_econml():
    from econml.dml import LinearDML as Theirs
    from sklearn.linear_model import LinearRegression, LogisticRegression

    rng = np.random.default_rng(7)
    site = np.repeat(np.arange(30), 20)
    x = rng.normal(size=(600, 1))
    a = (rng.normal(size=30)[site] + 0.3 * rng.normal(size=600) > 0).astype(float)
    y = rng.normal(size=30)[site] + x[:, 0] + rng.normal(size=600)
    theirs = Theirs(
        model_y=LinearRegression(), model_t=LogisticRegression(), discrete_treatment=True,
        random_state=1,
    )  # fmt: skip
    theirs.fit(y, a, W=x, groups=site, cache_values=True)
    residual_y, residual_a, *_ = theirs.residuals_
    theta = float(theirs.const_marginal_ate().ravel()[0])
    psi = residual_a.ravel() * (residual_y.ravel() - theta * residual_a.ravel())
    psi = (psi / np.mean(residual_a**2))[:, None]
    alone, together = (math.sqrt(inference.covariance(psi, c)[0, 0]) for c in (None, site))
    given = float(np.ravel(theirs.const_marginal_ate_inference().stderr_mean)[0])
    expect(given == pytest.approx(alone, rel=0.05), "H7", "econml", f"standard error {given:.3f}")
    assert together > 2 * alone
    sample = Sample(site, y, a, x, ("x",), ("x",), "continuous", "binary", np.ones(600), site)
    own = estimate(LinearDML(cross_fit=CrossFitting(folds=2)), sample).effect("mean_difference")
    assert own.std_error > 2 * alone


def test_h8_heavy_libraries_are_imported_where_they_are_used():
    code = (
        "import sys, causal.cli, causal.refuters; "
        "print([m for m in ('dowhy', 'econml', 'pandas', 'scipy', 'sklearn') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == "[]"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import dowhy"], capture_output=True, check=True)
    seconds = time.perf_counter() - started
    expect(seconds > IMPORT_SECONDS, "H8", "dowhy", f"imported in {seconds:.1f} s")


def test_h9_a_bare_threshold_on_imbalance_fails_randomised_cohorts():
    rng = np.random.default_rng(9)
    names = tuple(f"x{i}" for i in range(10))
    over, failed = 0, 0
    for _ in range(REPEATS):
        x, a = rng.normal(size=(569, 10)), rng.permutation(np.arange(569) % 2).astype(float)
        found = judge_balance(x, a, np.ones(569), names, 0.1)
        over += found.value > 0.1
        failed += found.verdict == "FAIL"
    assert over / REPEATS > 0.85
    assert failed / REPEATS < 0.1


def test_h10_few_negative_controls_cannot_carry_a_gate():
    """Expected error of a normal with SD .35 is .28: above a gate of .25, yet K = 5 misses it."""
    rng = np.random.default_rng(10)
    power = {}
    for controls in (5, FEWEST, 20):
        drawn = rng.normal(0, 0.35, size=(20 * REPEATS, controls))
        expected = math.sqrt(2 / math.pi) * drawn.std(axis=1)
        power[controls] = float(np.mean(expected > 0.25))
    assert power[5] < power[FEWEST] - 0.05 < power[20] - 0.1
    assert power[20] < 0.7
    few = rng.normal(0, 0.35, size=5), np.full(5, 0.05)
    lo, hi = absolute_error_interval(null_posterior(*few))
    assert ease_verdict(lo, hi, 0.25) == "NOT_RESOLVABLE"  # a point would have decided


def test_h11_dowhy_clips_propensities_silently_and_we_count_them():
    rng = np.random.default_rng(11)
    x = rng.normal(size=2000)
    a = (rng.random(2000) < 1 / (1 + np.exp(-3 * x))).astype(float)
    y = 2 * x + rng.normal(size=2000)
    given, wide = (
        weigh(hazards._frame(dict(x=x, a=a.astype(int), y=y)), ["x"], method_params=params)
        for params in ({}, {"min_ps_score": 0.001, "max_ps_score": 0.999})
    )
    expect(abs(given - wide) > 0.05, "H11", "dowhy", f"default {given:.3f}, unclipped {wide:.3f}")
    assert InverseProbability().clip is None
    e = np.array([0.01, 0.5, 0.99])
    (count,) = limited_propensities(e, (0.05, 0.95), None)
    assert count.rows == 2


def test_h12_the_own_placebo_of_a_dose_varies_and_dowhy_is_not_asked():
    plain = make_sample()
    dose = replace(
        plain, a=plain.x[:, 0] + np.random.default_rng(12).normal(size=plain.n),
        exposure_kind="dose",
    )  # fmt: skip
    assert refute(PlaceboExposure(draws=30), LinearProbability(), dose).draws.std() > 0.01
    asked = refute(DoWhySecondOpinion(), LinearProbability(), dose)
    assert asked.verdict == "NOT_EVALUATED"


def test_h13_dowhys_default_placebo_ignores_the_seed_and_ours_does_not():
    sample = make_sample()
    frame = hazards._frame(dict(x=sample.x[:, 0], a=sample.a.astype(int), y=sample.y))
    found = []
    for _ in range(2):
        model, estimand, one = hazards._fitted(frame.copy(), ["x"], "linear_regression")
        refuted = model.refute_estimate(
            estimand, one, method_name="placebo_treatment_refuter", num_simulations=3,
            random_state=1,
        )  # fmt: skip
        found.append(float(refuted.new_effect))
    expect(found[0] != found[1], "H13", "dowhy", f"{found}")
    own = [refute(DoWhySecondOpinion(draws=20), GComputation(), sample).mean for _ in range(2)]
    assert own[0] == own[1]


def test_h14_misspelt_methods_list_no_choices_and_options_are_swallowed_in_dowhy():
    sample = make_sample()
    frame = hazards._frame(dict(x=sample.x[:, 0], a=sample.a.astype(int), y=sample.y))
    with pytest.raises(ImportError) as caught:
        hazards._fitted(frame, ["x"], "linear_regresion")
    expect("linear_regression" not in str(caught.value), "H14", "dowhy", str(caught.value))
    model, estimand, one = hazards._fitted(frame, ["x"], "linear_regression")
    model.refute_estimate(
        estimand, one, method_name="random_common_cause", num_simulations=2, num_simulatons=3
    )  # no error
    for union, known in ((AnyRefuter, "placebo_exposure"), (AnyEstimator, "g_computation")):
        with pytest.raises(ValidationError, match=known):
            TypeAdapter(union).validate_python({"kind": "misspelt"})
    with pytest.raises(ValidationError, match="Extra inputs"):
        Bootstrap(num_simulatons=3)


@pytest.mark.parametrize("package", ["linearmodels", "sensemakr", "PySensemakr"])
def test_h15_h16_sets_and_contours_that_are_wrong_elsewhere_are_not_borrowed(package):
    assert all(package not in imports_of(path) for path in SOURCES)


def test_h16_own_bounds_turn_with_the_sign_of_the_effect():
    from causal.sensitivity.partial_r2 import adjusted, block_strength, fit_linear

    sample = make_sample()
    ends = []
    for sign in (1, -1):
        y = sign * sample.y
        strength = block_strength(y, sample.a, sample.x, sample.w, np.array([True, False]))
        parameters = inspect.signature(fit_linear).parameters
        cluster = (None,) if "cluster" in parameters else ()
        fit = fit_linear(y, sample.a, sample.x, sample.w, *cluster)
        ends.append(adjusted(fit, strength).estimate)
    assert ends[0] == pytest.approx(-ends[1])


def test_h17_residuals_in_another_order_are_refused(monkeypatch):
    from econml.dml import LinearDML as Theirs

    doc = inspect.getdoc(Theirs.residuals_) or ""
    expect("order" in doc, "H17", "econml", "its docstring no longer warns of reordered rows")
    honest = Theirs.residuals_.fget

    def turned(self):
        return tuple(None if one is None else one[::-1] for one in honest(self))

    monkeypatch.setattr(Theirs, "residuals_", property(turned))
    sample = make_sample(100)
    with pytest.raises(InternalConsistencyError, match="row order"):
        econml_residuals(sample, np.arange(100) % 2)


def test_h18_own_identification_is_quick_and_leaves_instruments_out():
    names = [f"c{i}" for i in range(30)]
    dag = diagram(" ".join(f"{c}>a {c}>y" for c in names) + " z>a a>y")
    from causal.dag import to_networkx
    from causal.separation import criterion

    started = time.perf_counter()
    found = criterion(to_networkx(dag), "a", "y").minimal([*names, "z"])
    assert time.perf_counter() - started < 1.0
    assert found == frozenset(names)
    assert dowhy_agrees(dag, [*names, "z"]).verdict == "NOT_EVALUATED"


def test_h19_every_question_to_dowhy_has_an_estimand_of_its_own():
    sample = make_sample()
    first = refute(DoWhySecondOpinion(draws=20), GComputation(), sample)
    refute(DoWhySecondOpinion(method="random_common_cause", draws=20), GComputation(), sample)
    again = refute(DoWhySecondOpinion(draws=20), GComputation(), sample)
    assert first.mean == again.mean


def test_h20_dowhys_schemes_agree_and_penalise_and_ours_solve_the_scores():
    sample = make_sample()
    columns = {"x": sample.x[:, 0], "u": sample.x[:, 1], "a": sample.a.astype(int), "y": sample.y}
    schemes = [
        weigh(hazards._frame(dict(**columns)), ["x", "u"], method_params={"weighting_scheme": one})
        for one in ("ips_weight", "ips_normalized_weight", "ips_stabilized_weight")
    ]
    expect(np.ptp(schemes) < SAME, "H20", "dowhy", f"schemes give {schemes}")
    own = difference(InverseProbability(clip=(0.05, 0.95)), sample)
    expect(abs(schemes[0] - own) > 1e-4, "H20", "dowhy", "propensities no longer penalised")
    fit = NuisanceStore().propensity(sample, PropensityModel())
    assert np.abs(fit.scores.sum(axis=0)).max() < 1e-6  # unpenalised: the score is zero


def test_h21_dowhys_bootstrap_adds_noise_and_ours_only_draws_rows():
    from dowhy.causal_refuters.bootstrap_refuter import BootstrapRefuter

    noise = BootstrapRefuter.DEFAULT_STD_DEV
    expect(noise > 0, "H21", "dowhy", f"default noise {noise}")
    sample = make_sample()
    rows = np.random.default_rng(0).integers(0, sample.n, sample.n)
    assert {tuple(x) for x in take_rows(sample, rows).x} <= {tuple(x) for x in sample.x}


def test_h22_an_unobserved_cause_without_strengths_is_an_index_error_in_dowhy():
    sample = make_sample(200)
    frame = hazards._frame(dict(x=sample.x[:, 0], a=sample.a.astype(int), y=sample.y))
    model, estimand, one = hazards._fitted(frame, ["x"], "linear_regression")
    try:
        model.refute_estimate(estimand, one, method_name="add_unobserved_common_cause")
        raised = None
    except Exception as problem:
        raised = problem
    expect(isinstance(raised, IndexError), "H22", "dowhy", f"{raised!r}")
    asked = DoWhySecondOpinion(method="unobserved_common_cause")  # never asked without strengths
    assert all(0 < one < 0.5 for one in asked.strength)
    callers = [one for one in SOURCES if "add_unobserved" in one.read_text(encoding="utf-8")]
    assert {one.name for one in callers} <= {"dowhy_refuters.py"}
    assert "partial_r2" not in callers[0].read_text(encoding="utf-8")


def test_h23_standard_errors_of_econml_through_dowhy_are_a_hidden_bootstrap(monkeypatch):
    from dowhy import CausalModel
    from dowhy.causal_estimator import CausalEstimator

    class Refitted(Exception):
        """Raised in place of the hundreds of refits, which take minutes."""

    def refit(*arguments, **options):
        raise Refitted

    monkeypatch.setattr(CausalEstimator, "_generate_bootstrap_estimates", refit)
    sample = make_sample(200)
    frame = hazards._frame(dict(x=sample.x[:, 0], a=sample.a.astype(int), y=sample.y))
    model = CausalModel(frame, "a", "y", common_causes=["x"])
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    init = {"discrete_treatment": True, "cv": 2, "random_state": 1}
    one = model.estimate_effect(
        estimand, method_name="backdoor.econml.dml.LinearDML",
        method_params={"init_params": init, "fit_params": {}},
    )  # fmt: skip
    try:
        said, hidden = f"{np.size(one.get_standard_error())} numbers", False
    except Refitted:
        said, hidden = "a bootstrap", True
    expect(hidden, "H23", "dowhy", said)


def test_h23_standard_errors_of_the_orthogonal_estimator_come_from_influence():
    found = estimate(LinearDML(cross_fit=CrossFitting(folds=2)), make_sample(300))
    implied = inference.covariance(np.asarray(found.influence))
    np.testing.assert_allclose(found.covariance, implied, rtol=1e-9)
