"""Reference numbers for @lipsync/metrics: logistic regression, and the expected calibration error of its probabilities.

The penalised likelihood is written down plainly and minimised by SciPy's BFGS.

Run: /usr/bin/python3 reference/metrics-calibration.py   (writes packages/metrics/fixtures/calibration.json)
"""
import json
import pathlib
import platform

import numpy as np
import scipy
import scipy.optimize

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/metrics/fixtures/calibration.json"
RIDGE = 1e-3
CASES = 300


def fit(rows, labels):
    def loss(b):
        odds = rows @ b
        return np.sum(np.logaddexp(0, odds) - labels * odds) + RIDGE / 2 * b @ b

    def gradient(b):
        return rows.T @ (1 / (1 + np.exp(-rows @ b)) - labels) + RIDGE * b

    return scipy.optimize.minimize(loss, np.zeros(rows.shape[1]), jac=gradient, method="BFGS", options={"gtol": 1e-9}).x


def calibration_error(confidence, labels):
    tenth = np.minimum((10 * confidence).astype(int), 9)
    bins = [tenth == i for i in range(10) if np.any(tenth == i)]
    return sum(np.mean(inside) * abs(np.mean(confidence[inside]) - np.mean(labels[inside])) for inside in bins)


random = np.random.default_rng(4)
rows = np.round(np.column_stack([np.ones(CASES), random.normal(8, 4, CASES), random.random(CASES) < 0.3]), 4)
labels = random.random(CASES) < 1 / (1 + np.exp(-(rows @ [-6, 0.8, -1.5])))
coefficients = fit(rows, labels.astype(float))
confidence = 1 / (1 + np.exp(-rows @ coefficients))
OUT.write_text(
    json.dumps(
        {
            "madeBy": f"scipy {scipy.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
            "command": "/usr/bin/python3 reference/metrics-calibration.py",
            "rows": rows.tolist(),
            "labels": labels.tolist(),
            "coefficients": coefficients.tolist(),
            "expectedCalibrationError": calibration_error(confidence, labels),
        }
    )
    + "\n"
)
print(coefficients, calibration_error(confidence, labels))
