"""Moments of one instrument as functions of arrays: their ratio, and doubly robust scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causal.arrays import Bools, Floats, read_only
from causal.errors import InstrumentError
from causal.estimate import SLOPE, Estimates, Target
from causal.estimators.divisions import average_divisions
from causal.estimators.orthogonal import Encouraged


def ratio_of_moments(divisions: list[Estimates], target: Target) -> Estimates:
    r"""Give the ratio of two moments, averaged over divisions of the sample first.

    .. math:: \hat\theta = \bar s_y / \bar s_a, \qquad
        \psi_i = (s_{y,i} - \hat\theta s_{a,i}) / \bar s_a

    Parameters
    ----------
    divisions : moments of outcome and exposure, one pair for each division.

    Raises
    ------
    InstrumentError
        The instrument is not related to exposure at all.
    """
    moments = average_divisions(divisions)
    above, below = (float(one) for one in moments.values)
    if below == 0:
        raise InstrumentError(
            "instrument and exposure are unrelated to the last digit, so there is nothing to "
            "divide by. Choose another instrument."
        )
    theta = above / below
    gradient = np.array([[1 / below, -theta / below]])
    ratios = [float(one.values[0] / one.values[1]) for one in divisions if one.values[1] != 0]
    return replace(
        moments,
        labels=SLOPE,
        values=read_only(np.array([theta])),
        influence=read_only(np.asarray(moments.influence) @ gradient.T),
        covariance=read_only(gradient @ moments.covariance @ gradient.T),
        target=target,
        split_sd=float(np.std(ratios, ddof=1)) if len(ratios) > 1 else None,
        divisions=len(ratios),
    )


def encouragement_scores(found: Encouraged) -> Floats:
    r"""Give doubly robust scores of a randomised encouragement's effects on outcome and exposure.

    .. math:: s_a = \hat\pi(x) + \frac{\tilde z(\tilde a - \tilde z\hat\pi(x))}{p(1-p)}, \qquad
        s_y = \hat\theta_0\hat\pi(x) + \frac{\tilde z(\tilde y - \tilde z\hat\theta_0\hat\pi(x))}
        {p(1-p)}

    the predicted difference in exposure and, with the preliminary effect, in outcome, corrected by
    weighted residuals: augmented inverse probability weighting with encouragement for exposure.

    Returns
    -------
    (n, 2) floats, outcome first.
    """
    spread = np.abs(found.z) * (1 - np.abs(found.z))  # p (1 - p): residuals are 1 - p and -p
    moved = found.covariance / spread
    scores = [
        guess + found.z * (residual - found.z * guess) / spread
        for residual, guess in ((found.y, found.preliminary * moved), (found.a, moved))
    ]
    return np.column_stack(scores)


def conditional_effects(found: Encouraged, w: Floats, cov_clip: float) -> tuple[Floats, Bools]:
    r"""Give EconML's pseudo-outcomes, whose average is its effect, and which rows are clipped.

    .. math:: \hat\theta_0 + \tilde z(\tilde y - \hat\theta_0\tilde a) / \hat\beta(x)

    with the covariance :math:`\hat\beta` at least ``cov_clip`` from 0, its sign kept.

    Parameters
    ----------
    w : (n,) floats, weights; they say on which side of 0 the average covariance is.

    References
    ----------
    Syrgkanis et al. (2019), arXiv:1905.10176 (the pseudo-outcomes of DRIV).
    """
    sign = np.where(found.covariance < 0, -1.0, 1.0)
    clipped = sign * np.maximum(np.abs(found.covariance), cov_clip)
    correction = found.z * (found.y - found.preliminary * found.a) / clipped
    towards = 1.0 if float(np.sum(w * found.covariance)) >= 0 else -1.0
    return found.preliminary + correction, np.asarray(towards * found.covariance < cov_clip)
