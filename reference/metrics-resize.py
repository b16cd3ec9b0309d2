"""Reference numbers for @lipsync/metrics: images in another size by the rules that FID and FVD programs use.

bilinear and bilinear-antialias by PyTorch, area by OpenCV, bilinear-tf1 from TensorFlow 1's formula (output pixel i at i * in / out).

Run: /usr/bin/python3 reference/metrics-resize.py   (writes packages/metrics/fixtures/resize.json)
"""
import json
import pathlib
import platform
import sys

import cv2
import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formula_weights

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/metrics/fixtures/resize.json"


def torch_resize(x, size, antialias):
    stacked = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    return F.interpolate(stacked, size=size, mode="bilinear", align_corners=False, antialias=antialias).permute(0, 2, 3, 1).numpy()


def tensorflow1(x, size):
    def weights(count, to):
        at = np.arange(to) * (count / to)
        low = np.floor(at).astype(int)
        matrix = np.zeros((to, count))
        for i in range(to):
            matrix[i, low[i]] += 1 - (at[i] - low[i])
            matrix[i, min(low[i] + 1, count - 1)] += at[i] - low[i]
        return matrix
    return np.einsum("ih,bhwc,jw->bijc", weights(x.shape[1], size[0]), x.astype(np.float64), weights(x.shape[2], size[1]))


def area(x, size):
    return np.stack([cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA) for image in x])


cases = []
for height, width, to in [(7, 9, (16, 21)), (20, 23, (9, 8)), (24, 18, (12, 6)), (9, 20, (14, 11)), (8, 8, (8, 13))]:
    x = formula_weights.numbers(f"resize {height} {width}", (2, height, width, 3), 0, 1)
    made = {"bilinear": torch_resize(x, to, False), "bilinear-antialias": torch_resize(x, to, True),
            "bilinear-tf1": tensorflow1(x, to), "area": area(x, to)}
    cases.append({"height": height, "width": width, "to": to,
                  **{rule: [float(f"{value:.8g}") for value in y.flatten()[::3]] for rule, y in made.items()}})
OUT.write_text(json.dumps({
    "madeBy": f"torch {torch.__version__}, opencv {cv2.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/metrics-resize.py",
    "cases": cases,
}) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes")
