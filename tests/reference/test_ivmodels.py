"""Sets for weak instruments, LIML and Fuller beside the package ivmodels: stored values.

ivmodels 0.10.0 (Londschien 2025, arXiv:2508.12474) with numpy 2.4.6 and scipy 1.17.1 is
no dependency; its answers were stored by this, with ``drawn`` as below::

    from ivmodels import KClass, tests
    from ivmodels.confidence_set import ConfidenceSet

    y, a, z, x = drawn(q, strength, clash)
    data = {"Z": z, "X": a[:, None], "y": y, "C": x}
    for kappa in ("tsls", "liml", "fuller(1)", "fuller(4)"):
        KClass(kappa=kappa).fit(**data).coef_[0]
    for beta in (0.0, 0.5, -1.0):
        tests.anderson_rubin_test(beta=np.array([beta]), critical_values="f", **data)[1]
        tests.conditional_likelihood_ratio_test(beta=np.array([beta]), tol=1e-13, **data)[1]
    quadric = tests.inverse_anderson_rubin_test(critical_values="f", **data)
    ConfidenceSet.from_quadric(quadric).boundaries
    tests.inverse_conditional_likelihood_ratio_test(tol=1e-11, max_eval=10000, **data).boundaries

With one instrument its conditional ratio test takes chi-squared for F and is not compared: ours is
Anderson-Rubin then.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from causal.estimators.iv_algebra import fuller_k, k_class, liml_k, project
from causal.estimators.reduced_form import reduced_form
from causal.estimators.weak_sets import anderson_rubin_p, conditional_ratio_p, weak_set
from causal.inference import Piece

pytestmark = pytest.mark.reference

SAME = 1e-6  # its sets come from a root search; ten digits were stored
VANISHING = 1e-9  # p-values below this are 0 to both
ROWS = 120
ROOTS = np.sqrt([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0])
BETAS = np.array([0.0, 0.5, -1.0])


@dataclass(frozen=True)
class Stored:
    drawing: tuple[int, float, float]
    estimates: tuple[float, ...]
    rubin_p: tuple[float, ...]
    ratio_p: tuple[float, ...]
    rubin: tuple[Piece, ...]
    ratio: tuple[Piece, ...]


def drawn(q, strength, clash):
    """Draw logistic noise from multiples of roots modulo 1, the same on every machine."""
    u = np.outer(np.arange(1, ROWS + 1), ROOTS) % 1.0
    noise = np.log(u / (1 - u))
    z, x, e, v = noise[:, :q], noise[:, 3:5], noise[:, 5], noise[:, 6]
    a = strength * z.sum(axis=1) + 0.5 * x[:, 0] + e
    y = 0.5 * a - 0.8 * e + x @ [0.3, -0.4] + clash * z[:, 0] + 0.6 * v
    return y, a, z, x


STORED = {
    "one, strong": Stored(
        drawing=(1, 0.5, 0.0),
        estimates=(0.5543993377, 0.5543993377, 0.5199631562, 0.4316035606),
        rubin_p=(8.176799222e-05, 0.7897830967, 3.450573161e-13),
        ratio_p=(),
        rubin=((0.2320822063, 1.214340875),),
        ratio=(),
    ),
    "one, weak": Stored(
        drawing=(1, 0.08, 0.0),
        estimates=(1.214773185, 1.214773185, -0.1124522964, -0.2442596814),
        rubin_p=(0.4972005228, 0.7897830967, 0.3750861029),
        ratio_p=(),
        rubin=((None, None),),
        ratio=(),
    ),
    "three, strong": Stored(
        drawing=(3, 0.5, 0.0),
        estimates=(0.671085444, 0.675735484, 0.6597597743, 0.6148582606),
        rubin_p=(6.235989503e-11, 0.5383243372, 0),
        ratio_p=(2.664535259e-15, 0.1710341721, 2.220446049e-16),
        rubin=((0.3590184852, 1.282700334),),
        ratio=((0.4368457988, 1.049402213),),
    ),
    "three, moderate": Stored(
        drawing=(3, 0.2, 0.0),
        estimates=(1.025830537, 1.069754061, 0.8733484785, 0.5218149076),
        rubin_p=(0.001849185883, 0.5383243372, 6.94406583e-06),
        ratio_p=(0.0001326286675, 0.1713566088, 2.9020114e-07),
        rubin=(
            (None, -9.059141087),
            (0.1928115033, None),
        ),
        ratio=((0.3490496516, 7.804740143),),
    ),
    "three, weak": Stored(
        drawing=(3, 0.1, 0.1),
        estimates=(3.151524973, 3.180003457, 0.9117412927, 0.1166784321),
        rubin_p=(0.007925360314, 0.2751436761, 0.01547561785),
        ratio_p=(0.001519530152, 0.063911995, 0.002749317867),
        rubin=(
            (None, -1.26374777),
            (0.1983391821, None),
        ),
        ratio=(
            (None, -1.977541156),
            (0.4516955968, None),
        ),
    ),
    "three, weaker": Stored(
        drawing=(3, 0.03, 0.0),
        estimates=(-2.201130665, -2.367859511, -0.7099966107, -0.4128241718),
        rubin_p=(0.3480037204, 0.5383243372, 0.9009031849),
        ratio_p=(0.3346729952, 0.4068493906, 0.6458453808),
        rubin=((None, None),),
        ratio=((None, None),),
    ),
    "three, contradictory": Stored(
        drawing=(3, 0.5, 1.2),
        estimates=(1.61816812, 2.420306753, 2.3572894, 2.184681481),
        rubin_p=(0, 0, 0),
        ratio_p=(2.220446049e-16, 2.220446049e-16, 2.220446049e-16),
        rubin=(),
        ratio=((1.771486217, 3.616010227),),
    ),
}


def projected(stored, sign=1.0):
    y, a, z, x = drawn(*stored.drawing)
    return project(sign * y, a, z, x, np.ones(ROWS), tuple(f"z{j}" for j in range(z.shape[1])))


def same_set(found, wanted):
    assert len(found) == len(wanted)
    for mine, theirs in zip(found, wanted, strict=True):
        for end, other in zip(mine, theirs, strict=True):
            assert (end is None) == (other is None)
            if end is not None:
                assert end == pytest.approx(other, rel=SAME)


worlds = pytest.mark.parametrize("stored", STORED.values(), ids=STORED.keys())


@worlds
def test_coefficients(stored):
    data = projected(stored)
    ks = (1.0, liml_k(data), fuller_k(data, 1.0), fuller_k(data, 4.0))
    found = [k_class(data, k).coefficient for k in ks]
    assert found == pytest.approx(stored.estimates, rel=SAME)


@worlds
def test_p_values(stored):
    form = reduced_form(projected(stored), None)
    assert anderson_rubin_p(form, BETAS) == pytest.approx(stored.rubin_p, rel=SAME, abs=VANISHING)
    if form.q > 1:
        found = conditional_ratio_p(form, BETAS)
        assert found == pytest.approx(stored.ratio_p, rel=SAME, abs=VANISHING)


@worlds
def test_sets_also_where_they_are_unbounded_disjoint_or_empty(stored):
    form = reduced_form(projected(stored), None)
    same_set(weak_set(form, "anderson_rubin").pieces, stored.rubin)
    if form.q > 1:
        same_set(weak_set(form, "conditional_ratio").pieces, stored.ratio)


@worlds
def test_sets_turn_with_the_sign_of_the_outcome(stored):
    form = reduced_form(projected(stored, sign=-1.0), None)
    turned = tuple(
        (None if high is None else -high, None if low is None else -low)
        for low, high in reversed(stored.rubin)
    )
    same_set(weak_set(form, "anderson_rubin").pieces, turned)
