"""Reference clusters for clusterFaces of @lipsync/face-crop.

Makes points round some centres, as descriptors of people would lie but with two that nearly touch, clusters them by SciPy's
average linkage at several thresholds, and writes packages/face-crop/fixtures/clusters.json.

    python3 reference/face-crop-clusters.py   (from the repository root)
"""
import json
import os

import numpy as np
import scipy
from scipy.cluster.hierarchy import fcluster, linkage

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
THRESHOLDS = [0.05, 0.3, 0.45, 0.6, 0.9, 3.0]


def main():
    random = np.random.default_rng(3)
    centres = random.normal(size=(9, 8)) * 0.28
    centres[1] = centres[0] + 0.12
    people = random.integers(0, 9, 160)
    points = (centres[people] + random.normal(size=(160, 8)) * 0.09).round(4).astype(np.float32)
    tree = linkage(points.astype(np.float64), "average", metric="euclidean")
    heights = tree[:, 2]
    cases = []
    for threshold in THRESHOLDS:
        clusters = fcluster(tree, threshold, "distance")
        cases.append({"threshold": threshold, "clusters": [int(c) for c in clusters]})
        print(threshold, len(set(clusters)), "clusters; nearest height", float(np.abs(heights - threshold).min()))
    fixture = {
        "program": f"SciPy {scipy.__version__}, numpy {np.__version__}",
        "command": "python3 reference/face-crop-clusters.py",
        "points": [[float(f"{v:.6g}") for v in row] for row in points.tolist()],
        "cases": cases,
    }
    path = os.path.join(ROOT, "packages/face-crop/fixtures/clusters.json")
    with open(path, "w") as file:
        json.dump(fixture, file)
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
