"""Store lifelines' curves, restricted means and Greenwood errors on the fixture.

``pip install lifelines==0.30.3 "pandas<3"`` in an environment of its own, then, from the root,
``PYTHONPATH=tests/reference python -m peers.lifelines``.
"""

from __future__ import annotations

import warnings

import numpy as np
from lifelines import AalenJohansenFitter, KaplanMeierFitter, NelsonAalenFitter
from lifelines.statistics import logrank_test
from lifelines.utils import restricted_mean_survival_time
from peers.storing import fixture, store

HORIZONS = (30, 90, 180)
LIMIT = 180

NOTES = {
    "events": "event 1 is use, 2 death, 0 end of follow-up. any_event: 1 or 2; use: 1 alone, with "
    "death taken as end of follow-up, as a cause-specific curve has it.",
    "survival": "KaplanMeierFitter on time, which has ties. Keys are days.",
    "greenwood_se": "square root of S(t)^2 sum d/(n(n-d)) from the fitter's own event table. "
    "Unweighted it is lifelines' own standard error; weighted, lifelines first truncates the "
    "number at risk to a whole number (_additive_var), which is not repeated here. Weights count "
    "as cases: this is not a robust standard error.",
    "rmst": "restricted_mean_survival_time of the fitted model, to day 180.",
    "rmst_se": "square root of sum over event times of (area under S from t to 180)^2 d/(n(n-d)), "
    "from the fitter's own event table; lifelines has no standard error of its own "
    "(its return_variance is the variance of a person's restricted time).",
    "rmst_difference": "exposed less unexposed; se is the root of the sum of squares.",
    "incidence": "AalenJohansenFitter on untied (with ties it adds random numbers to time); "
    "se is the square root of its variance_ (Collett's formula) at the last time before the day.",
    "logrank": "chi-squared of one degree of freedom, unweighted, time and any event.",
}


def curve(time, event, w) -> dict:
    """Fit a Kaplan-Meier curve; give it at horizons, and its mean to the limit."""
    fitted = KaplanMeierFitter().fit(time, event, weights=w)
    table = fitted.event_table
    days, n, d = (np.asarray(v, dtype=float) for v in (table.index, table.at_risk, table.observed))
    survival = fitted.survival_function_at_times(days).to_numpy()
    added = np.where(d > 0, d / (n * np.maximum(n - d, 1e-300)), 0.0)
    at = fitted.survival_function_at_times(HORIZONS).to_numpy()
    se = [s * np.sqrt(added[days <= t].sum()) for s, t in zip(at, HORIZONS, strict=True)]
    ends = np.append(np.minimum(days, LIMIT)[1:], LIMIT)
    pieces = survival * np.maximum(ends - np.minimum(days, LIMIT), 0)
    left = pieces[::-1].cumsum()[::-1]  # the area from each time to the limit
    before = days <= LIMIT
    return {
        "survival": dict(zip(HORIZONS, at, strict=True)),
        "greenwood_se": dict(zip(HORIZONS, se, strict=True)),
        "rmst": restricted_mean_survival_time(fitted, t=LIMIT),
        "rmst_se": np.sqrt((left[before] ** 2 * added[before]).sum()),
    }


def incidence(time, event, cause, w) -> dict:
    """Fit an Aalen-Johansen curve of one cause; give it at horizons."""
    fitted = AalenJohansenFitter().fit(time, event.astype(int), cause, weights=w)
    found, variance = fitted.cumulative_density_.iloc[:, 0], fitted.variance_
    return {
        "incidence": {t: found[found.index <= t].iloc[-1] for t in HORIZONS},
        "se": {t: np.sqrt(variance[variance.index <= t].iloc[-1]) for t in HORIZONS},
    }


def main() -> None:
    """Fit everything and store it."""
    data = fixture()
    says: dict = {"horizons": HORIZONS, "limit": LIMIT}
    for weights in ("unweighted", "weighted"):
        w = data["w"] if weights == "weighted" else np.ones_like(data["w"])
        for name, event in (("any_event", data["event"] > 0), ("use", data["event"] == 1)):
            arms = {
                f"a={level}": curve(data["time"][here], event[here], w[here])
                for level in (0, 1)
                for here in [data["a"] == level]
            }
            first, second = arms["a=1"], arms["a=0"]
            says[f"{weights}/{name}"] = arms | {
                "all": curve(data["time"], event, w),
                "rmst_difference": {
                    "value": first["rmst"] - second["rmst"],
                    "se": np.hypot(first["rmst_se"], second["rmst_se"]),
                },
            }
        says[f"{weights}/competing"] = {
            f"a={level}": {
                f"cause={cause}": incidence(
                    data["untied"][here], data["event"][here], cause, w[here]
                )
                for cause in (1, 2)
            }
            for level in (0, 1)
            for here in [data["a"] == level]
        }
    here = data["a"] == 1
    event = data["event"] > 0
    hazards = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(data["time"], event)
    says["cumulative_hazard"] = dict(
        zip(HORIZONS, hazards.cumulative_hazard_at_times(HORIZONS), strict=True)
    )
    tested = logrank_test(data["time"][here], data["time"][~here], event[here], event[~here])
    says["logrank"] = {"statistic": tested.test_statistic, "p_value": tested.p_value}
    store("lifelines", ("lifelines", "pandas", "numpy"), says, NOTES)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
