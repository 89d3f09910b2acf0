"""Store statsmodels' treatment effects, weighted regressions and multinomial logit on the fixture.

``pip install --require-hashes -r constraints.txt``, then, from the root,
``PYTHONPATH=tests/reference python -m peers.statsmodels``.
"""

from __future__ import annotations

import warnings

import numpy as np
import statsmodels.api as sm
from peers.storing import fixture, store
from statsmodels.treatment.treatment_effects import TreatmentEffect

COVARIATES = ("x1", "x2", "x3", "x4")
GROUPS = {
    "ipw": ("all", 1),
    "ra": ("all", 1),
    "aipw": ("all",),
    "aipw_wls": ("all",),
    "ipw_ra": ("all", 1),
}

NOTES = {
    "effects": "TreatmentEffect of v, least squares on covariates in each arm, logistic selection "
    "on covariates and x1*x3: ipw (weights sum to one an arm), ra, aipw, aipw_wls, ipw_ra; ATE, "
    "mean0, mean1; se by GMM, all regressions estimated. att: effect_group 1. x1*x3 is there "
    "because 0.15.0 takes six coefficients of selection whatever their number "
    "(momcond of _AIPWWLSGMM and _IPWRAGMM) and fails on five.",
    "wls": "weighted least squares of v on a and covariates with weights w: HC0 and HC1, and "
    "clustered by site without small-sample factor.",
    "gee": "GEE of v on a and covariates, independence, clustered by site, robust.",
    "mnlogit": "MNLogit of arm on covariates: coefficients (constant first) of arms 1 and 2 "
    "against 0, and each person's three probabilities, summed and squared and summed.",
    "km": "SurvfuncRight of time and any event: survival and standard error at 30, 90, 180 days.",
}


def main() -> None:
    """Fit everything and store it."""
    data = fixture()
    x = sm.add_constant(np.column_stack([data[name] for name in COVARIATES]))
    says: dict = effects(data, x)
    both = np.column_stack([data["a"], x])
    plain = sm.WLS(data["v"], both, weights=data["w"])
    clustered = {"groups": data["site"].astype(int), "use_correction": False}
    for name, fit in (
        ("HC0", plain.fit(cov_type="HC0")),
        ("HC1", plain.fit(cov_type="HC1")),
        ("by_site", plain.fit(cov_type="cluster", cov_kwds=clustered)),
    ):
        says[f"wls/{name}"] = {"value": fit.params[0], "se": fit.bse[0]}
    found = sm.GEE(
        data["v"], both, groups=data["site"], cov_struct=sm.cov_struct.Independence()
    ).fit()
    says["gee"] = {"value": found.params[0], "se": found.bse[0]}
    logit = sm.MNLogit(data["arm"], x).fit(disp=0, method="newton", tol=1e-12)
    chances = logit.predict()
    says["mnlogit"] = {
        "arm_1": logit.params[:, 0],
        "arm_2": logit.params[:, 1],
        "sum": chances.sum(axis=0),
        "squares": (chances**2).sum(axis=0),
        "log_likelihood": logit.llf,
    }
    curve = sm.SurvfuncRight(data["time"], (data["event"] > 0).astype(int))
    places = [np.searchsorted(curve.surv_times, t, side="right") - 1 for t in (30, 90, 180)]
    says["km"] = {"survival": curve.surv_prob[places], "se": curve.surv_prob_se[places]}
    store("statsmodels", ("statsmodels", "numpy"), says, NOTES)


def effects(data: dict[str, np.ndarray], x: np.ndarray) -> dict:
    """Give every treatment effect statsmodels has."""
    wider = np.column_stack([x, data["x1"] * data["x3"]])  # six coefficients: see NOTES
    chosen = sm.Logit(data["a"], wider).fit(disp=0, method="newton", tol=1e-12)
    model = TreatmentEffect(sm.OLS(data["v"], x), data["a"].astype(int), results_select=chosen)
    found = {}
    for name, groups in GROUPS.items():
        for group in groups:
            chosen_group = {} if name.startswith("aipw") else {"effect_group": group}
            call = getattr(model, name)
            value, mean0, mean1 = np.ravel(call(return_results=False, **chosen_group))[:3]
            key = f"effects/{name}" + ("/att" if group == 1 else "")
            se = np.ravel(call(**chosen_group).sd)[0]
            found[key] = {"value": value, "mean0": mean0, "mean1": mean1, "se": se}
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
