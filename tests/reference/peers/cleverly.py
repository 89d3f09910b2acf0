"""Store cleverly's targeted maximum likelihood on the fixture.

``pip install cleverly==0.1.7 "pandas<3"`` in an environment of its own, then, from the root,
``PYTHONPATH=tests/reference python -m peers.cleverly``.
"""

from __future__ import annotations

import warnings

import pandas as pd
from cleverly import ATE, ATT, CausalStudy, PointTreatment
from peers.regressions import COVARIATES, linear, logistic
from peers.storing import fixture, store

BOUNDS = (1e-6, 1 - 1e-6)  # by default propensities are kept above 5 / (sqrt(n) log(n)) = .032
NOTES = {
    "tmle": "no cross-fitting; one logistic regression of the outcome on exposure and covariates, "
    "one of the exposure. y is 0/1; v is continuous, with least squares, and cleverly scales it "
    "to its own observed range.",
}


def main() -> None:
    """Fit everything and store it."""
    frame = pd.DataFrame(fixture())
    says: dict = {}
    for outcome, learner in (("y", logistic()), ("v", linear())):
        columns = frame[["a", outcome, *COVARIATES]]
        design = PointTreatment(outcome=outcome, treatment="a", adjustment=COVARIATES)
        study = CausalStudy(columns, design=design)
        for name, estimand in (("ate", ATE()), ("att", ATT())):
            found = study.identify(estimand).estimate(
                outcome_learner=learner,
                treatment_learner=logistic(),
                cross_fit=False,
                g_bounds=BOUNDS,
                q_bounds=None if outcome == "y" else (frame["v"].min(), frame["v"].max()),
                random_state=0,
            )
            one = found.estimates[name]
            says[f"tmle/{outcome}/{name}"] = {
                "value": one.psi,
                "se": one.std_error,
                "interval": one.ci,
            }
    store("cleverly", ("cleverly", "scikit-learn", "pandas", "numpy"), says, NOTES)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
