"""Reference numbers for the shot detector of @lipsync/face-crop, by OpenCV and NumPy: python3 reference/face-crop-shots.py

Writes packages/face-crop/fixtures/shots.json: hue, saturation and value of a ramp of colours by cv2.cvtColor; differences of neighbouring images
of a made film and its cuts by PySceneDetect's two rules, written anew here. The film is made by formula, in the test as here.
"""
import json
import platform
from pathlib import Path

import cv2
import numpy as np

OUT = Path(__file__).resolve().parent.parent / 'packages/face-crop/fixtures/shots.json'
WIDTH, HEIGHT = 64, 48


def scene(number, time):
    """A made scene: waves of colour that move slowly; the same formula stands in the test."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    planes = [127 + 90 * np.sin((x * (number + 1) + 2 * y * (colour + 1)) / 17 + number * 2.1 + colour + time * 0.05) for colour in range(3)]
    return np.floor(np.stack(planes, -1)).astype(np.uint8)


def film():
    """40 images of scene 0, a cut, 30 of scene 1, a flash in them, a fade of 30 to scene 2, a cut back to scene 0 and another 5 images later."""
    images = [scene(0, t) for t in range(40)] + [scene(1, t) for t in range(30)]
    images[55] = np.minimum(255, images[55].astype(int) + 12).astype(np.uint8)
    for t in range(30):
        share = (t + 1) / 31
        images.append(np.floor((1 - share) * scene(1, 30 + t) + share * scene(2, t)).astype(np.uint8))
    images += [scene(0, t) for t in range(5)] + [scene(1, t) for t in range(25)]
    return images


def contents(images):
    planes = [cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int32) for image in images]
    return [None] + [float(np.mean([np.abs(b[..., k] - a[..., k]).mean() for k in range(3)])) for a, b in zip(planes, planes[1:])]


def content_cuts(values, threshold=27.0, shortest=15):
    cuts, last = [], 0
    for index, value in enumerate(values):
        if value is not None and value >= threshold and index - last >= shortest:
            cuts.append(index)
            last = index
    return cuts


def adaptive_cuts(values, threshold=3.0, least=15.0, window=2, shortest=15):
    cuts, last = [], 0
    for index in range(1 + window, len(values) - window):
        around = [values[k] for k in range(index - window, index + window + 1) if k != index]
        mean = sum(around) / len(around)
        ratio = min(255.0, values[index] / mean) if mean > 1e-5 else 255.0
        if values[index] >= least and ratio >= threshold and index - last >= shortest:
            cuts.append(index)
            last = index
    return cuts


images = film()
values = contents(images)
levels = np.arange(0, 256, 15)
ramp = np.stack(np.meshgrid(levels, levels, levels, indexing='ij'), -1).reshape(1, -1, 3).astype(np.uint8)
hsv = cv2.cvtColor(ramp, cv2.COLOR_RGB2HSV).reshape(-1, 3)
weights = np.arange(1, len(hsv) + 1) % 251
OUT.write_text(json.dumps({
    'program': 'reference/face-crop-shots.py', 'command': 'python3 reference/face-crop-shots.py',
    'versions': {'python': platform.python_version(), 'numpy': np.__version__, 'opencv': cv2.__version__},
    'hsv': [int((hsv[:, k].astype(np.int64) * weights).sum()) for k in range(3)],
    'contents': [round(v, 9) for v in values[1:]],
    'contentCuts': content_cuts(values), 'adaptiveCuts': adaptive_cuts(values), 'adaptiveCutsOfTwo': adaptive_cuts(values, threshold=2.0, least=3.0),
}) + '\n')
print(OUT.name, OUT.stat().st_size)
