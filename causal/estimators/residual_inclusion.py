"""The first stage's residual as a covariate of the outcome: coefficients with stacked influence."""

from __future__ import annotations

import numpy as np

from causal.arrays import Floats
from causal.errors import OutcomeError, PositivityError
from causal.estimators.glm import Link, SeparationFoundError, fit_glm


def included_residual(
    y: Floats, a: Floats, z: Floats, x: Floats, w: Floats, links: tuple[Link, Link]
) -> tuple[Floats, Floats, int]:
    """Give the two means with exposure set to 0 and 1, everybody's first-stage residual kept.

    Parameters
    ----------
    y, a : (m,) floats, outcome and exposure.
    z, x : (m, q) and (m, p) floats, instruments and covariates.
    w : (m,) floats.
    links : of the first stage and of the outcome regression.

    Returns
    -------
    (2,) means, their (m, 2) influence values, which know that the residual is estimated, and the
    rank of the outcome regression.

    Raises
    ------
    PositivityError, OutcomeError
        Instruments and covariates determine exposure or outcome of some rows.

    References
    ----------
    Murphy & Topel (1985), doi:10.2307/1391724, and Stefanski & Boos (2002),
    doi:10.1198/000313002753631330, section 3 (estimated regressors); Terza, Basu & Rathouz (2008),
    doi:10.1016/j.jhealeco.2007.09.009 (two-stage residual inclusion).
    """
    before = np.column_stack([z, x])
    try:
        first = fit_glm(before, a, w, links[0])
    except SeparationFoundError as found:
        raise PositivityError(
            f"instruments and covariates determine the exposure of {found.rows} rows, so the first "
            "stage has no finite fit. Drop or coarsen them, or choose another population."
        ) from None
    residual = a - first.fitted
    columns = np.column_stack([a, x, residual])
    try:
        second = fit_glm(columns, y, w, links[1])
    except SeparationFoundError as found:
        raise OutcomeError(
            f"exposure, covariates and the first stage's residual determine the outcome of "
            f"{found.rows} rows, so its logistic regression has no finite fit. Adjust for less."
        ) from None
    moves = -first.slope(first.fitted)[:, None] * first.design(before)  # d residual / d first stage
    design = second.design(columns)
    unit = float(second.spread[-1])
    slope = float(second.coefficients[-1]) / unit
    chained = w * second.slope(second.fitted) * slope
    jacobian = -design.T @ (chained[:, None] * moves) / len(y)
    jacobian[-1] += (w * (y - second.fitted)) @ moves / len(y) / unit
    stage = first.influence
    outcome = (second.scores + stage @ jacobian.T) @ second.bread
    weight = w / w.mean()
    values, influence = np.empty(2), np.empty((len(y), 2))
    for arm in (0, 1):
        at = second.design(np.column_stack([np.full(len(y), float(arm)), x, residual]))
        mean = second.predict(np.column_stack([np.full(len(y), float(arm)), x, residual]))
        local = weight * second.slope(mean)
        values[arm] = np.mean(weight * mean)
        influence[:, arm] = (
            weight * (mean - values[arm])
            + outcome @ (local[:, None] * at).mean(axis=0)
            + stage @ (local[:, None] * slope * moves).mean(axis=0)
        )
    return values, influence, second.rank
