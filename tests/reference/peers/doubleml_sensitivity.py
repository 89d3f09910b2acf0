"""Store what DoubleML says of omitted variables without linearity, with its versions.

``pip install DoubleML==0.11.4`` in an environment of its own, then
``python tests/reference/peers/doubleml_sensitivity.py`` writes ``doubleml_sensitivity.json`` beside
this file: made-up rows, regressions of them by plain numpy handed in as they are (so that no
learner and no division of the rows is in the way), and the bounds DoubleML makes of these.
"""

from __future__ import annotations

import json
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from doubleml import DoubleMLData, DoubleMLIRM, DoubleMLPLR
from sklearn.dummy import DummyClassifier, DummyRegressor

HERE = Path(__file__).parent
N, SEED = 200, 2027
SUPPOSED = [(0.03, 0.03, 1.0), (0.2, 0.05, 1.0), (0.1, 0.3, 0.5)]
LEVEL = 0.95
"""Of DoubleML's one-sided limits."""


def made_up() -> pd.DataFrame:
    """Draw rows in which x1 and x2 confound and x3 does not."""
    rng = np.random.default_rng(SEED)
    x1, x2, x3 = rng.normal(size=(3, N))
    d = (rng.random(N) < 1 / (1 + np.exp(-0.6 * x1 + 0.4 * x2))).astype(float)
    y = 0.8 * d + 0.5 * x1 - 0.3 * x2 + 0.2 * x1 * d + rng.normal(size=N)
    return pd.DataFrame({"y": y, "d": d, "x1": x1, "x2": x2, "x3": x3}).round(6)


def least_squares(rows: pd.DataFrame, target: str, terms: list[str], among=None) -> np.ndarray:
    """Give fitted values of all rows, by the rows chosen."""
    design = np.column_stack([np.ones(N), rows[terms]])
    chosen = np.ones(N, dtype=bool) if among is None else among
    beta = np.linalg.lstsq(design[chosen], rows[target].to_numpy()[chosen], rcond=None)[0]
    return design @ beta


def logistic(rows: pd.DataFrame, terms: list[str]) -> np.ndarray:
    """Give fitted probabilities of d."""
    design, d = np.column_stack([np.ones(N), rows[terms]]), rows["d"].to_numpy()
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        e = 1 / (1 + np.exp(-design @ beta))
        beta += np.linalg.solve((design * (e * (1 - e))[:, None]).T @ design, design.T @ (d - e))
    return 1 / (1 + np.exp(-design @ beta))


def handed_in(rows: pd.DataFrame, model: str, terms: list[str]) -> dict:
    """Give the regressions of a model, as DoubleML takes them."""
    if model == "plr":
        found = {"ml_l": least_squares(rows, "y", terms), "ml_m": least_squares(rows, "d", terms)}
    else:
        d = rows["d"].to_numpy()
        found = {
            "ml_m": logistic(rows, terms),
            "ml_g0": least_squares(rows, "y", terms, d == 0),
            "ml_g1": least_squares(rows, "y", terms, d == 1),
        }
    return {"d": {name: one.reshape(-1, 1) for name, one in found.items()}}


def said(rows: pd.DataFrame, model: str) -> dict:
    """Give the pieces of the bound, bounds at supposed strengths, and the benchmark of x1."""
    terms = ["x1", "x2", "x3"]
    data = DoubleMLData(rows, "y", "d", terms)
    if model == "plr":
        fitted = DoubleMLPLR(data, DummyRegressor(), DummyRegressor())
    else:
        fitted = DoubleMLIRM(data, DummyRegressor(), DummyClassifier(), trimming_threshold=1e-6)
    fitted.fit(external_predictions=handed_in(rows, model, terms))
    pieces = fitted.sensitivity_elements
    given = {
        "theta": fitted.coef[0],
        "std_error": fitted.se[0],
        "psi_theta": -fitted.psi[:, 0, 0] / np.mean(fitted.psi_elements["psi_a"][:, 0, 0]),
        **{name: pieces[name].reshape(-1)[0] for name in ("sigma2", "nu2")},
        **{name: pieces[name][:, 0, 0] for name in ("psi_sigma2", "psi_nu2")},
        "supposed": [],
    }
    for cf_y, cf_d, rho in SUPPOSED:
        fitted.sensitivity_analysis(cf_y=cf_y, cf_d=cf_d, rho=rho, level=LEVEL)
        params = fitted.sensitivity_params
        given["supposed"].append(
            {
                "cf_y": cf_y,
                "cf_d": cf_d,
                "rho": rho,
                "lower": params["theta"]["lower"][0],
                "upper": params["theta"]["upper"][0],
                "lo": params["ci"]["lower"][0],
                "hi": params["ci"]["upper"][0],
                "rv": params["rv"][0],
                "rva": params["rva"][0],
            }
        )
    short = handed_in(rows, model, ["x2", "x3"])
    benchmark = fitted.sensitivity_benchmark(["x1"], fit_args={"external_predictions": short})
    given["without_x1"] = {name: benchmark[name].iloc[0] for name in benchmark.columns}
    return given


def rounded(found):
    """Give plain numbers with 12 significant digits."""
    if isinstance(found, dict):
        return {str(key): rounded(one) for key, one in found.items()}
    if isinstance(found, list | tuple | np.ndarray):
        return [rounded(one) for one in found]
    return found if isinstance(found, str) else float(f"{float(found):.12g}")


def main() -> None:
    """Write the answers."""
    warnings.simplefilter("ignore")
    rows = made_up()
    packages = ("DoubleML", "scikit-learn", "numpy", "pandas")
    written = {
        "made_by": "python tests/reference/peers/doubleml_sensitivity.py",
        "versions": {"python": platform.python_version()} | {one: version(one) for one in packages},
        "level": LEVEL,
        "columns": rounded(rows.to_dict(orient="list")),
        "plr": rounded(said(rows, "plr")),
        "irm": rounded(said(rows, "irm")),
    }
    (HERE / "doubleml_sensitivity.json").write_text(json.dumps(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
