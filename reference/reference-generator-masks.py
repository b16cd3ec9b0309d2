"""Reference numbers for masks and references of @lipsync/reference-generator: python3 reference/reference-generator-masks.py

Masks of the mouth by SciPy's convex hull, scikit-image's polygon and OpenCV's dilate, as runs of equal pixels; k-means by SciPy's kmeans2 from
the same first centres. Inputs by formula (formula_weights.py). Writes packages/reference-generator/fixtures/masks.json.
"""
import json
import platform
import sys
from pathlib import Path

import cv2
import numpy as np
import scipy
import skimage
from scipy.cluster.vq import kmeans2
from scipy.spatial import ConvexHull
from skimage.draw import polygon

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'reference-generator' / 'fixtures' / 'masks.json'
POINTS = [4, 5, 6, 7, 8, 9, 10, 11, 12, 30]


def runs(mask):
    """Lengths of runs of equal values, the first of zeros."""
    flat = mask.flatten().astype(int)
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return lengths if flat[0] == 0 else [0, *lengths]


def mask_case(name, spread, middle, dilation, height=96, width=96):
    landmarks = (middle + spread * formula.numbers(name, (68, 2), -1, 1).astype(np.float64)).astype(np.float32)
    places = landmarks[POINTS].astype(np.float64)
    hull = places[ConvexHull(places).vertices]
    mask = np.zeros((height, width), np.uint8)
    rows, columns = polygon(hull[:, 1], hull[:, 0], mask.shape)
    mask[rows, columns] = 1
    return {'name': name, 'spread': spread, 'middle': middle, 'dilation': dilation, 'height': height, 'width': width,
            'corners': hull.tolist(), 'runs': runs(cv2.dilate(mask, np.ones((dilation, dilation), np.uint8)))}


def k_means_case(name, rows, columns, clusters):
    values = formula.numbers(name, (rows, columns), 0, 1).astype(np.float64)
    values += (np.arange(rows) % clusters)[:, None] * 0.35
    start = values[:clusters].copy()
    centres, labels = kmeans2(values, start, iter=100, minit='matrix')
    inertia = float(((values - centres[labels]) ** 2).sum())
    return {'name': name, 'rows': rows, 'columns': columns, 'clusters': clusters, 'centres': centres.flatten().tolist(), 'labels': labels.tolist(), 'inertia': inertia}


result = {
    'source': f'reference/reference-generator-masks.py, numpy {np.__version__}, scipy {scipy.__version__}, scikit-image {skimage.__version__}, opencv {cv2.__version__}, Python {platform.python_version()}',
    'masks': [mask_case('face', 20.0, 60.0, 11), mask_case('at the edge', 30.0, 85.0, 11), mask_case('small', 6.0, 24.0, 3, 48, 56), mask_case('plain', 25.0, 48.0, 1)],
    'kMeans': [k_means_case('shapes', 60, 6, 5), k_means_case('more', 90, 4, 10)],
}
OUT.write_text(json.dumps(result) + '\n')
print(OUT.name, OUT.stat().st_size)
