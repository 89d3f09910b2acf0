"""Store what PySensemakr says of its Darfur example and of made-up rows, with its versions.

``pip install PySensemakr==0.0.8`` in an environment of its own (it pulls Jupyter in), then
``python tests/reference/peers/pysensemakr.py`` writes ``pysensemakr.json`` beside this file. The
Darfur rows stay in the package: of them only cross-products are stored, after the village means are
taken off. Least squares knows rows by these alone. The package's intervals are not stored: they
take the degrees of freedom of the model without the confounder, R's sensemakr one fewer.
"""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import sensemakr
import statsmodels.formula.api as smf

HERE = Path(__file__).parent
ROWS = Path(sensemakr.__file__).parent / "data" / "darfur.csv"
COLUMNS = ["age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur", "female"]
BOUNDS = ["r2dz_x", "r2yz_dx", "adjusted_estimate", "adjusted_se", "adjusted_t"]
ALPHA, SEED, N = 0.05, 2026, 150
STRENGTHS = [(0.0, 0.1), (0.05, 0.0), (0.02, 0.3), (0.1, 0.1), (0.3, 0.5)]


def made_up() -> pd.DataFrame:
    """Draw rows in which s1 and s2 confound, and m hardly does; d lowers y."""
    rng = np.random.default_rng(SEED)
    s1, s2, m = rng.normal(size=(3, N))
    d = (0.3 * s1 - 0.3 * s2 + 0.1 * m + rng.normal(size=N) > 0).astype(float)
    y = -1.0 * d - 0.3 * s1 + 0.3 * s2 + 0.2 * m + rng.normal(size=N)
    return pd.DataFrame({"y": y, "d": d, "s1": s1, "s2": s2, "m": m}).round(6)


def said(model, exposure: str, benchmarks: dict[str, list[str]], goals: list[float]) -> dict:
    """Give fit, robustness values, bounds and contour heights of one model."""
    found = sensemakr.Sensemakr(model, exposure)
    t, df = float(model.tvalues[exposure]), float(model.df_resid)
    stats = found.sensitivity_stats
    given = {
        "estimate": model.params[exposure],
        "std_error": model.bse[exposure],
        "t": t,
        "df": df,
        "partial_r2": float(stats["r2yd_x"]),
        "robustness_value": {
            q: number(sensemakr.robustness_value(t_statistic=t, dof=df, q=q)) for q in goals
        },
        "robustness_value_alpha": {
            q: number(sensemakr.robustness_value(t_statistic=t, dof=df, q=q, alpha=ALPHA))
            for q in goals
        },
        "bounds": {},
        "contour": [],
    }
    for name, columns in benchmarks.items():
        table = sensemakr.ovb_bounds(
            model, exposure, benchmark_covariates={name: columns}, kd=[1, 2, 3], ky=[1, 2, 3]
        )
        given["bounds"][name] = {
            k: dict(zip(BOUNDS, row, strict=True))
            for k, row in zip((1, 2, 3), table[BOUNDS].to_numpy(dtype=float), strict=True)
        }
    for r2dz, r2yz in STRENGTHS:
        at = {"r2dz_x": r2dz, "r2yz_dx": r2yz, "model": model, "treatment": exposure}
        given["contour"].append(
            {
                "r2dz_x": r2dz,
                "r2yz_dx": r2yz,
                "estimate": float(sensemakr.adjusted_estimate(**at)),
                "std_error": float(sensemakr.adjusted_se(**at)),
            }
        )
    return given


def number(found) -> float:
    """Give what may come as a series of one."""
    return float(np.asarray(found, dtype=float).reshape(-1)[0])


def darfur() -> dict:
    """Fit the example of the package, and give the cross-products its rows come down to."""
    rows = pd.read_csv(ROWS)
    terms = " + ".join(COLUMNS)
    model = smf.ols(f"peacefactor ~ directlyharmed + {terms} + C(village)", rows).fit()
    found = said(model, "directlyharmed", {"female": ["female"], "jobs": COLUMNS[1:3]}, [1.0, 0.5])
    kept = ["peacefactor", "directlyharmed", *COLUMNS]
    within = rows[kept] - rows.groupby("village")[kept].transform("mean")
    found["rows_sha256"] = hashlib.sha256(ROWS.read_bytes()).hexdigest()
    found["rows"], found["villages"] = len(rows), int(rows["village"].nunique())
    found["columns"] = kept
    found["cross_products"] = (within.T @ within).to_numpy()
    return found


def rounded(found):
    """Give plain numbers with 12 significant digits."""
    if isinstance(found, dict):
        return {str(key): rounded(one) for key, one in found.items()}
    if isinstance(found, list | tuple | np.ndarray):
        return [rounded(one) for one in found]
    return found if isinstance(found, str | int) else float(f"{float(found):.12g}")


def main() -> None:
    """Write the answers."""
    rows = made_up()
    model = smf.ols("y ~ d + s1 + s2 + m", rows).fit()
    benchmarks = {"s1": ["s1"], "m": ["m"], "both": ["s1", "s2"]}
    made = said(model, "d", benchmarks, [1.0, 0.5]) | {"columns": rows.to_dict(orient="list")}
    packages = ("PySensemakr", "statsmodels", "numpy", "pandas")
    written = {
        "made_by": "python tests/reference/peers/pysensemakr.py",
        "versions": {"python": platform.python_version()} | {one: version(one) for one in packages},
        "darfur": rounded(darfur()),
        "made_up": rounded(made),
    }
    (HERE / "pysensemakr.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
