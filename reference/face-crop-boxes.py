"""Reference numbers for the box crops of @lipsync/face-crop, by OpenCV, SciPy and NumPy: python3 reference/face-crop-boxes.py

Writes packages/face-crop/fixtures/boxes.json: rectangles resized by cv2.resize (INTER_LINEAR), some of them reaching beyond the image; the crop
rectangles of SyncNet's run_pipeline for a track of boxes; LatentSync's alignment of three points, frame after frame. Images and boxes are
made by formula (formula_weights.py).
"""
import json
import platform
import sys
from pathlib import Path

import cv2
import numpy as np
import scipy
import scipy.signal

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'face-crop' / 'fixtures' / 'boxes.json'
WIDTH, HEIGHT = 70, 60
image = np.floor(formula.numbers('picture', (HEIGHT, WIDTH, 3), 0, 255.999)).astype(np.uint8)

resized = []
for left, top, width, height, size, fill in [
    (3, 5, 40, 40, 24, 110), (0, 0, 70, 60, 24, 0), (10, 8, 13, 17, 24, 0), (-9, -4, 50, 50, 16, 110), (40, 30, 48, 47, 20, 110),
    (5, 5, 48, 48, 24, 0), (20, 20, 1, 1, 4, 0), (8, 9, 31, 44, 30, 110),
]:
    pad = 60
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), 'constant', constant_values=fill)
    crop = padded[top + pad:top + pad + height, left + pad:left + pad + width]
    resized.append({'box': [left, top, width, height], 'size': size, 'fill': fill,
                    'data': cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR).ravel().tolist()})

frames = 40
wobble = formula.numbers('boxes', (frames, 4), -3, 3).astype(np.float64)
boxes = np.array([100, 80, 190, 200]) + wobble + np.arange(frames)[:, None] * np.array([0.7, 0.2, 0.7, 0.3])
boxes = boxes.astype(np.float32).astype(np.float64)
s = scipy.signal.medfilt(np.max([boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]], axis=0) / 2, kernel_size=13)
y = scipy.signal.medfilt((boxes[:, 1] + boxes[:, 3]) / 2, kernel_size=13)
x = scipy.signal.medfilt((boxes[:, 0] + boxes[:, 2]) / 2, kernel_size=13)
cs = 0.4
rectangles = []
for i in range(frames):
    bs = s[i]
    bsi = int(bs * (1 + 2 * cs))
    my, mx = y[i] + bsi, x[i] + bsi
    top, bottom = int(my - bs), int(my + bs * (1 + 2 * cs))
    left, right = int(mx - bs * (1 + cs)), int(mx + bs * (1 + cs))
    rectangles.append([left - bsi, top - bsi, right - left, bottom - top])

template = np.array([[17, 20], [58, 20], [37.5, 40]]) * 2.8
bias = None
aligned = []
for i in range(4):
    seen = np.round(np.array([[120, 90], [180, 96], [148, 150]]) + formula.numbers(f'face {i}', (3, 2), -6, 6))
    c1, c2 = seen.mean(0), template.mean(0)
    p1, p2 = seen - c1, template - c2
    s1, s2 = p1.std(ddof=1), p2.std(ddof=1)  # PyTorch's: over 5 for six numbers
    p1, p2 = p1 / s1, p2 / s2
    U, _, Vt = np.linalg.svd(p1.T @ p2)
    R = (U @ Vt).T
    now = p2[2] - p1[2]
    bias = now if bias is None else 0.2 * bias + 0.8 * now
    sR = (s2 / s1) * R
    T = c2 - sR @ c1 + bias
    inverse = np.linalg.inv(np.vstack([np.hstack([sR, T[:, None]]), [0, 0, 1]]))
    aligned.append({'points': seen.tolist(), 'matrix': inverse[:2].ravel().tolist()})

OUT.write_text(json.dumps({
    'program': 'reference/face-crop-boxes.py', 'command': 'python3 reference/face-crop-boxes.py',
    'versions': {'python': platform.python_version(), 'numpy': np.__version__, 'scipy': scipy.__version__, 'opencv': cv2.__version__},
    'image': [WIDTH, HEIGHT], 'resized': resized, 'boxes': boxes.ravel().tolist(), 'rectangles': rectangles, 'aligned': aligned,
}) + '\n')
print(OUT.name, OUT.stat().st_size)
