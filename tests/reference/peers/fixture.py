"""Write fixture.csv: made-up persons that this project and other packages both analyse.

``PYTHONPATH=tests/reference python -m peers.fixture`` from the root; needs numpy only. No person of
any study is in it; the same seed writes the same bytes.

Columns
-------
id : person.          site : 30 clusters.       fold : 0 to 4, for cross-fitting.
x1, x2 : standard normal, x3 : 0/1, x4 : continuous and skewed.
a : exposure 0/1.     arm : 0, 1 or 2.          dose : continuous exposure.
y : outcome 0/1.      v : continuous outcome.   seen : 1 where y and v would have been observed.
time, event : days (tied) to use (1) or death (2), or to the end of follow-up (0).
untied : time less a fraction of a day, so that no two are equal.
w : weights with mean 1, known.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SEED, FOLD_SEED = 20_261, 7
N, SITES, FOLDS, LAST_DAY = 600, 30, 5, 240


def expit(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


def columns() -> dict[str, np.ndarray]:
    """Draw the columns of the fixture."""
    rng = np.random.default_rng(SEED)
    site = np.repeat(np.arange(SITES), N // SITES)
    of_site = rng.normal(0, 0.3, SITES)[site]
    x1, x2 = rng.normal(size=(2, N))
    x3 = (rng.random(N) < 0.4).astype(int)
    x4 = rng.gamma(2.0, 1.0, N) + 0.5 * x3
    index = 0.5 * x1 - 0.4 * x2 + 0.5 * x3 + 0.2 * (x4 - 2)
    a = (rng.random(N) < expit(index - 0.3)).astype(int)
    scores = np.column_stack([np.zeros(N), index - 0.4, 0.5 * x2 - 0.3 * x3 - 0.2])
    arm = (scores + rng.gumbel(size=(N, 3))).argmax(axis=1)
    dose = 2 + 0.8 * index + rng.normal(size=N)
    risk = -0.2 - 0.6 * a + 0.5 * x1 + 0.4 * x2 * (1 - a) - 0.4 * x3 + 0.3 * (x4 - 2) + of_site
    y = (rng.random(N) < expit(risk)).astype(int)
    v = 1 - 0.7 * a + 0.6 * x1 - 0.3 * x2 + 0.5 * a * x3 + 0.2 * x4 + of_site + rng.normal(size=N)
    seen = (rng.random(N) < expit(1.4 + 0.5 * a - 0.5 * x1 - 0.3 * x3)).astype(int)
    use = rng.exponential(150 * np.exp(-0.6 * risk))
    death = rng.exponential(900 * np.exp(-0.3 * x4), N)
    left = rng.uniform(20, 500, N)
    ends = np.column_stack([np.full(N, float(LAST_DAY)), left, use, death])
    first = ends.argmin(axis=1)
    time = np.ceil(ends.min(axis=1)).astype(int)
    event = np.where(first == 2, 1, np.where(first == 3, 2, 0))
    untied = time - rng.permutation(N) / (N + 1)
    w = np.exp(rng.normal(0, 0.4, N))
    fold = np.empty(N, dtype=int)  # as this project divides persons with this generator
    fold[np.random.default_rng(FOLD_SEED).permutation(N)] = np.arange(N) % FOLDS
    whole = {"id": np.arange(N), "site": site, "fold": fold, "a": a, "arm": arm, "x3": x3}
    whole |= {"y": y, "seen": seen, "time": time, "event": event}
    real = {"x1": x1, "x2": x2, "x4": x4, "dose": dose, "v": v, "untied": untied, "w": w / w.mean()}
    return whole | {name: np.round(values, 6) for name, values in real.items()}


def write(path: Path) -> None:
    """Write the columns as a CSV file."""
    made = columns()
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(made)
        writer.writerows(zip(*(column.tolist() for column in made.values()), strict=True))


if __name__ == "__main__":
    write(HERE / "fixture.csv")
