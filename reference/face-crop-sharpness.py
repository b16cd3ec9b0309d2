"""Reference numbers for the sharpness of @lipsync/face-crop, by OpenCV: python3 reference/face-crop-sharpness.py

Writes packages/face-crop/fixtures/sharpness.json: cv2.Laplacian(gray, CV_64F).var() of noise, of a smooth wave and of odd and smallest sizes.
Pictures are made by formula, noise by formula_weights.py; the test makes the same.
"""
import json
import platform
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'face-crop' / 'fixtures' / 'sharpness.json'


def noise(width, height):
    return np.floor(formula.numbers(f'noise {width}x{height}', (height, width, 3), 0, 255.999)).astype(np.uint8)


def wave(width, height):
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    return np.floor(np.stack([127 + 100 * np.sin((x + 2 * y) / 9 + colour) for colour in range(3)], -1)).astype(np.uint8)


cases = []
for kind, width, height in [('noise', 48, 48), ('noise', 31, 17), ('noise', 2, 2), ('noise', 2, 5), ('noise', 3, 2), ('wave', 96, 96), ('wave', 50, 70)]:
    picture = {'noise': noise, 'wave': wave}[kind](width, height)
    value = cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()
    cases.append({'kind': kind, 'width': width, 'height': height, 'sum': int(picture.astype(np.int64).sum()), 'variance': float(value)})

OUT.write_text(json.dumps({
    'program': 'reference/face-crop-sharpness.py', 'command': 'python3 reference/face-crop-sharpness.py',
    'versions': {'python': platform.python_version(), 'numpy': np.__version__, 'opencv': cv2.__version__}, 'cases': cases,
}) + '\n')
print(OUT.name, OUT.stat().st_size)
