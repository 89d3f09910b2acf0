"""Store zEpid's weighted and doubly robust estimates on the fixture.

``pip install zepid==0.9.1 "pandas<3" statsmodels`` in an environment of its own, then, from the
root, ``PYTHONPATH=tests/reference python -m peers.zepid``.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from peers.storing import fixture, store
from zepid.causal.doublyrobust import AIPTW, TMLE
from zepid.causal.ipw import IPMW, IPTW, StochasticIPTW

COVARIATES = "x1 + x2 + x3 + x4"
SHARES = (0.25, 0.5, 0.75)

NOTES = {
    "aiptw": "one outcome regression on a + covariates, logistic for y and linear for v. se: "
    "sample standard deviation (n - 1) of the scores over the root of n.",
    "tmle": "the same regressions; v scaled to its observed range. se as above.",
    "iptw": "weights 1/e and 1/(1-e), stabilised; a marginal structural model of a; se from GEE "
    "with independence, which takes weights as known. Differences of risks (y) or means (v).",
    "iptw_smr": "the same with standardize='exposed': weights for the ATT.",
    "stochastic": "StochasticIPTW: mean of y were each exposed with probability p.",
    "ipmw": "inverse probability of seen given a + covariates + a:x1, not stabilised: sum and sum "
    "of squares over the rows seen; iptw_ipmw: IPTW among those seen with both weights.",
}


def main() -> None:
    """Fit everything and store it."""
    frame = pd.DataFrame(fixture())
    says: dict = {}
    for outcome in ("y", "v"):
        columns = frame[["a", outcome, "x1", "x2", "x3", "x4"]].copy()
        for name, family in (("aiptw", AIPTW), ("tmle", TMLE)):
            model = family(columns, exposure="a", outcome=outcome)
            model.exposure_model(COVARIATES, print_results=False)
            model.outcome_model(f"a + {COVARIATES}", print_results=False)
            model.fit()
            says[f"{name}/{outcome}"] = effect(model, outcome)
        for name, over in (("iptw", "population"), ("iptw_smr", "exposed")):
            model = IPTW(columns, treatment="a", outcome=outcome, standardize=over)
            model.treatment_model(COVARIATES, stabilized=over == "population", print_results=False)
            model.marginal_structural_model("a")
            model.fit()
            says[f"{name}/{outcome}"] = slope(model, outcome)
    says["stochastic/y"] = stochastic(frame)
    says |= missing(frame)
    store("zepid", ("zepid", "statsmodels", "pandas", "numpy"), says, NOTES)


def effect(model, outcome: str) -> dict:
    """Give difference and standard error of a doubly robust fit, and the risk ratio of y."""
    if outcome == "v":
        low, high = model.average_treatment_effect_ci
        return {"value": model.average_treatment_effect, "se": half(low, high)}
    low, high = model.risk_difference_ci
    return {"value": model.risk_difference, "se": half(low, high), "ratio": model.risk_ratio}


def half(low: float, high: float) -> float:
    """Give the standard error of a 95 % interval."""
    return (high - low) / (2 * 1.959963984540054)


def slope(model, outcome: str) -> dict:
    """Give the coefficient of exposure in a marginal structural model, and its robust error."""
    found = model.average_treatment_effect if outcome == "v" else model.risk_difference
    return {"value": found.iloc[1, 0], "se": found.iloc[1, 1]}


def stochastic(frame: pd.DataFrame) -> dict:
    """Give the mean outcome under each share exposed at random."""
    model = StochasticIPTW(frame, treatment="a", outcome="y")
    model.treatment_model(COVARIATES, print_results=False)
    found = {}
    for p in SHARES:
        model.fit(p=p)
        found[p] = model.marginal_outcome
    return found


def missing(frame: pd.DataFrame) -> dict:
    """Weigh for not being seen."""
    lost = frame.assign(y=frame["y"].where(frame["seen"] == 1, np.nan))
    model = IPMW(lost, missing_variable="y", stabilized=False)
    model.regression_models(f"a + {COVARIATES} + a:x1", print_results=False)
    model.fit()
    weights = model.Weight[lost["y"].notna()]
    both = lost.assign(ipmw=model.Weight).dropna(subset=["y"])
    outcome = IPTW(lost[["a", "y", "x1", "x2", "x3", "x4"]].copy(), treatment="a", outcome="y")
    outcome.treatment_model(COVARIATES, stabilized=False, print_results=False)
    outcome.missing_model(f"a + {COVARIATES} + a:x1", stabilized=False, print_results=False)
    outcome.marginal_structural_model("a")
    outcome.fit()
    return {
        "ipmw": {"rows": len(both), "sum": weights.sum(), "squares": (weights**2).sum()},
        "iptw_ipmw/y": slope(outcome, "y"),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
