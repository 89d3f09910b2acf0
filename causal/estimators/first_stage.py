"""Strength of instruments: first-stage F, the effective F with its critical value, and tF."""

from __future__ import annotations

import math

import numpy as np

from causal.arrays import Floats
from causal.estimators.reduced_form import ReducedForm

BIAS_SHARE = 0.10
"""Worst-case bias tolerated, as a share of the bias of the worst case without any relevance."""
SIZE = 0.05
"""Size of the test that the bias is above ``BIAS_SHARE``."""

_FACTORS = """
4.000 9.519  4.008 9.305  4.015 9.095  4.023 8.891  4.031 8.691  4.040 8.495  4.049 8.304
4.059 8.117  4.068 7.934  4.079 7.756  4.090 7.581  4.101 7.411  4.113 7.244  4.125 7.081
4.138 6.922  4.151 6.766  4.166 6.614  4.180 6.465  4.196 6.319  4.212 6.177  4.229 6.038
4.247 5.902  4.265 5.770  4.285 5.640  4.305 5.513  4.326 5.389  4.349 5.268  4.372 5.149
4.396 5.033  4.422 4.920  4.449 4.809  4.477 4.701  4.507 4.595  4.538 4.492  4.570 4.391
4.604 4.292  4.640 4.195  4.678 4.101  4.717 4.009  4.759 3.919  4.803 3.830  4.849 3.744
4.897 3.660  4.948 3.578  5.002 3.497  5.059 3.418  5.119 3.341  5.182 3.266  5.248 3.193
5.319 3.121  5.393 3.051  5.472 2.982  5.556 2.915  5.644 2.849  5.738 2.785  5.838 2.723
5.944 2.661  6.056 2.602  6.176 2.543  6.304 2.486  6.440 2.430  6.585 2.375  6.741 2.322
6.907 2.270  7.085 2.218  7.276 2.169  7.482 2.120  7.702 2.072  7.940 2.025  8.196 1.980
8.473 1.935  8.773 1.892  9.098 1.849  9.451 1.808  9.835 1.767  10.253 1.727  10.711 1.688
11.214 1.650  11.766 1.613  12.374 1.577  13.048 1.542  13.796 1.507  14.631 1.473
15.566 1.440  16.618 1.407  17.810 1.376  19.167 1.345  20.721 1.315  22.516 1.285
24.605 1.256  27.058 1.228  29.967 1.200  33.457 1.173  37.699 1.147  42.930 1.121
49.495 1.096  57.902 1.071  68.930 1.047  83.823 1.024  104.67 1.000
"""
TF_FACTORS: Floats = np.array(_FACTORS.split(), dtype=np.float64).reshape(-1, 2)
"""First-stage F and what the standard error is multiplied with at the 5 % level: Lee, McCrary,
Moreira & Porter (2022), doi:10.1257/aer.20211063, table 3A."""


def classical_f(form: ReducedForm) -> float:
    """Give the F statistic of the instruments in the first stage, under equal error variance."""
    return float(form.exposure @ form.exposure) / form.q / float(form.error[1, 1])


def wald_f(form: ReducedForm) -> float:
    """Give the first-stage Wald statistic over q, by the covariance of the reduced form."""
    own = form.covariance[form.q :, form.q :]
    return float(form.exposure @ np.linalg.solve(own, form.exposure)) / form.q


def effective_f(form: ReducedForm) -> float:
    r"""Give the effective F statistic.

    .. math:: F_{eff} = \hat\pi^\top \hat\pi / \mathrm{tr}(\hat V_{\pi})

    in the orthonormal basis of the instruments. With one instrument it is the Wald F.

    References
    ----------
    Montiel Olea & Pflueger (2013), doi:10.1080/00401706.2013.806694, equation 7.
    """
    own = form.covariance[form.q :, form.q :]
    return float(form.exposure @ form.exposure) / float(np.trace(own))


def effective_f_critical(form: ReducedForm, bias: float = BIAS_SHARE, size: float = SIZE) -> float:
    """Give the critical value of the effective F that belongs to a reduced form."""
    return critical_of(form.covariance[form.q :, form.q :], bias, size)


def critical_of(own: Floats, bias: float = BIAS_SHARE, size: float = SIZE) -> float:
    r"""Give the critical value of the effective F: above it, the bias is below ``bias``.

    The simplified, conservative value: Patnaik's approximation, a non-central chi-squared over its
    degrees of freedom

    .. math:: K = \frac{\mathrm{tr}(W)^2 (1 + 2x)}
        {\mathrm{tr}(W^\top W) + 2 x\, \mathrm{tr}(W) \max\mathrm{eval}(W)}, \quad x = 1/\tau

    with W the covariance of the first-stage coefficients; 23.11 for one instrument and 10 %.

    Parameters
    ----------
    own : (q, q) floats, W; only its shape matters, so (1, 1) of any size for one instrument.

    References
    ----------
    Montiel Olea & Pflueger (2013), doi:10.1080/00401706.2013.806694, theorem 1 and section 3.2.
    """
    from scipy.stats import ncx2

    x, trace = 1 / bias, float(np.trace(own))
    largest = float(np.linalg.eigvalsh(own)[-1])
    spread = float(np.sum(own * own)) + 2 * x * trace * largest
    degrees = trace**2 * (1 + 2 * x) / spread
    return float(ncx2.ppf(1 - size, degrees, x * degrees)) / degrees


def tf_factor(first_stage_f: float) -> float:
    """Give what tF multiplies a 5 % standard error with; infinite where F is below 4.

    For one instrument. Linear between the published values. (The limit is 1.96 squared, 3.84;
    from there to 4 no value is published, and the interval is taken as the whole line.)

    References
    ----------
    Lee, McCrary, Moreira & Porter (2022), doi:10.1257/aer.20211063, table 3A.
    """
    if first_stage_f < TF_FACTORS[0, 0]:
        return math.inf
    return float(np.interp(first_stage_f, TF_FACTORS[:, 0], TF_FACTORS[:, 1]))
