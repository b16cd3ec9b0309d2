"""Reference numbers for @lipsync/metrics: means, covariances and the Fréchet distance.

Features come from a formula that packages/metrics/src/frechet-distance.test.ts repeats bit by bit. The distance is taken in two ways:
- `sqrtm`: numpy.cov, scipy.linalg.sqrtm of the product, its real part, and 1e-6 on both diagonals where the root is not finite, as the
  usual FID programs do;
- `exact`: with the centred samples X, Y themselves, Tr (Sx Sy)^(1/2) is the sum of the singular values of X Y^T / sqrt((n - 1)(m - 1)).

Run: /usr/bin/python3 reference/metrics-frechet.py   (writes packages/metrics/fixtures/frechet.json and statistics.npz)
"""
import json
import pathlib
import platform
import warnings

import numpy as np
import scipy
import scipy.linalg

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/metrics/fixtures/frechet.json"
MASK = np.uint64(0xFFFFFFFF)


def uniform(index, seed):
    """[0, 1) of whole numbers: the finaliser of MurmurHash3."""
    bits = (np.asarray(index, dtype=np.uint64) * np.uint64(0x9E3779B1) + np.uint64(seed) * np.uint64(0x85EBCA6B)) & MASK
    bits = ((bits ^ (bits >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & MASK
    bits = ((bits ^ (bits >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & MASK
    return (bits ^ (bits >> np.uint64(16))).astype(np.float64) / 4294967296.0


def features(samples, dimension, octaves, shift, seed):
    """Neighbours are correlated; axis j is scaled by 2^-floor(octaves j / dimension)."""
    columns = np.arange(dimension)
    own = uniform(np.arange(samples)[:, None] * dimension + columns, seed)
    scale = 2.0 ** -((octaves * columns) // dimension)
    return (own + 0.5 * np.roll(own, 1, axis=1) + shift) * scale


def by_sqrtm(x, y):
    mean = x.mean(0) - y.mean(0)
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root, _ = scipy.linalg.sqrtm(a @ b, disp=False)
        singular = not np.isfinite(root).all()
        if singular:
            offset = 1e-6 * np.eye(len(a))
            root = scipy.linalg.sqrtm((a + offset) @ (b + offset))
    return float(mean @ mean + np.trace(a) + np.trace(b) - 2 * np.trace(root).real), singular


def exactly(x, y):
    mean = x.mean(0) - y.mean(0)
    a, b = (x - x.mean(0)) / np.sqrt(len(x) - 1), (y - y.mean(0)) / np.sqrt(len(y) - 1)
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(mean @ mean + (a * a).sum() + (b * b).sum() - 2 * root)


CASES = [
    ("well conditioned", 48, 400, 300, 0, 0.25),
    ("2^20 between the scales of the axes", 128, 700, 500, 20, 0.125),
    ("both of too few samples", 160, 60, 90, 4, 0.25),
    ("one of too few samples", 96, 40, 300, 4, 0.25),
    ("one feature", 1, 20, 30, 0, 0.5),
    ("300 features", 300, 330, 420, 8, 0.0625),
]

cases = []
for number, (name, dimension, first, second, octaves, shift) in enumerate(CASES):
    x = features(first, dimension, octaves, 0.0, 2 * number)
    y = features(second, dimension, octaves, shift, 2 * number + 1)
    case = {"name": name, "dimension": dimension, "samples": [first, second], "octaves": octaves, "shift": shift,
            "seeds": [2 * number, 2 * number + 1], "exact": exactly(x, y)}
    if dimension > 1:
        case["sqrtm"], case["offset"] = by_sqrtm(x, y)
    if number == 0:
        case["mean"] = x.mean(0).tolist()
        case["covarianceRow"] = np.cov(x, rowvar=False)[5].tolist()
        np.savez(OUT.with_name("statistics.npz"), mu=x.mean(0), sigma=np.cov(x, rowvar=False))
    cases.append(case)
    print(name, case.get("sqrtm"), case["exact"], case.get("offset"))

OUT.write_text(json.dumps({
    "madeBy": f"numpy {np.__version__}, scipy {scipy.__version__}, Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/metrics-frechet.py",
    "cases": cases,
}) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes")
