"""Writes packages/portraits/fixtures/manifold.json: features projected on a base by its nearest neighbours, by SciPy in float64.

Run from the repository root: python3 reference/portraits-manifold.py

Neighbours by scipy.spatial's distances; weights by scipy.linalg.lstsq of A w = b, with the ridge as further rows sqrt(lambda) w = 0. Base
and features are made by formula_weights.numbers, so that the fixture holds results only.
"""
import json
import os
import platform

import numpy as np
import scipy
from scipy.linalg import lstsq
from scipy.spatial.distance import cdist

import formula_weights as formula


def project(base, features, neighbours, ridge, blend):
    base, features = base.astype(np.float64), features.astype(np.float64)
    out, chosen, sums = np.zeros_like(features), [], []
    for t, row in enumerate(cdist(features, base, "sqeuclidean")):
        index = np.argsort(row, kind="stable")[:neighbours]
        near = base[index]
        a, b = (near[1:] - near[0]).T, features[t] - near[0]
        k = a.shape[1]
        strength = np.sqrt(ridge * np.trace(a.T @ a) / max(1, k))
        w = lstsq(np.vstack([a, strength * np.eye(k)]), np.concatenate([b, np.zeros(k)]), lapack_driver="gelsd")[0] if k else np.zeros(0)
        weights = np.concatenate([[1 - w.sum()], w])
        out[t] = blend * (weights @ near) + (1 - blend) * features[t]
        chosen.append(index.tolist())
        sums.append(weights)
    return out, chosen, sums


CASES = [
    # name, base rows, feature rows, values, neighbours, ridge, blend, repeats every row of the base so often
    ("the reference's settings", 300, 12, 48, 10, 0, 1, 1),
    ("with the default ridge", 300, 12, 48, 10, 1e-6, 1, 1),
    ("half blended, four neighbours, a strong ridge", 80, 5, 20, 4, 0.1, 0.5, 1),
    ("each vector twice in the base", 60, 6, 24, 10, 1e-6, 1, 2),
    ("more neighbours than dimensions", 50, 5, 6, 10, 1e-3, 1, 1),
    ("one neighbour", 50, 5, 6, 1, 1e-6, 1, 1),
]


def main():
    cases = []
    for name, rows, steps, bins, neighbours, ridge, blend, repeats in CASES:
        base = np.repeat(formula.numbers(f"base {rows}", (rows, bins), -1, 1), repeats, axis=0)
        features = formula.numbers(f"features {steps}", (steps, bins), -1, 1)
        out, chosen, weights = project(base, features, neighbours, ridge, blend)
        print(name, "largest weight", np.abs(weights).max())
        cases.append({
            "name": name, "rows": rows, "steps": steps, "bins": bins, "repeats": repeats,
            "options": {"neighbours": neighbours, "ridge": ridge, "blend": blend},
            "output": [float("%.9g" % value) for value in out.reshape(-1)],
        })
    path = os.path.join(os.path.dirname(__file__), "..", "packages", "portraits", "fixtures", "manifold.json")
    with open(path, "w") as file:
        json.dump({
            "program": "reference/portraits-manifold.py",
            "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
            "command": "python3 reference/portraits-manifold.py",
            "cases": cases,
        }, file, separators=(",", ":"))
        file.write("\n")
    print("bytes:", os.path.getsize(path))


if __name__ == "__main__":
    main()
