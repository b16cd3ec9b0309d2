"""Reference values for the frame degradation of @lipsync/dataloader: SciPy's Gaussian, libjpeg-turbo's and OpenCV's JPEG.

Run: /usr/bin/python3 reference/dataloader-frame-degradation.py   (writes packages/dataloader/fixtures/frame-degradation.json)

OpenCV 4.6 cannot be told to keep the colours at full size (4:4:4), so Pillow encodes and OpenCV decodes; the quantisation tables
are read from a file that OpenCV itself encoded.
"""
import base64
import io
import json
import pathlib
import platform

import cv2
import numpy as np
import PIL
import scipy
from PIL import Image, features
from scipy.ndimage import gaussian_filter

OUT = pathlib.Path(__file__).resolve().parent.parent / 'packages/dataloader/fixtures/frame-degradation.json'
encode = lambda array: base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def made(frame_count, height, width, seed):
    """Skin, a moving mouth, a hard edge in full colour, and a little grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    images = []
    for frame in range(frame_count):
        image = np.stack((200 - 0.8 * y, 150 - 0.6 * y + 0.3 * x, 130 - 0.5 * x), 2)
        mouth = ((x - width / 2) / (width / 3.5)) ** 2 + ((y - height / 1.8) / (height / (8 - 2 * frame % 5))) ** 2 < 1
        image[mouth] = (120, 30, 40)
        image[: height // 5, -width // 4:] = (20, 60, 250)
        images.append(np.clip(np.round(image + rng.normal(0, 6, image.shape)), 0, 255))
    return np.array(images).astype(np.uint8)


def jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, 'JPEG', quality=quality, subsampling=0)
    return cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def tables(quality):
    """The two tables of OpenCV's file, out of the order of its zigzag."""
    _, file = cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    found = Image.open(io.BytesIO(file.tobytes())).quantization  # Pillow from 8.3 on: by rows
    return {'luma': list(found[0]), 'chroma': list(found[1])}


odd, square = made(2, 20, 29, 1), made(2, 48, 48, 2)
blurs = []
for sigma in (0.1, 0.3, 0.8, 1.5, 9):
    out = gaussian_filter(odd.astype(np.float64), sigma=(0, sigma, sigma, 0), mode='reflect', truncate=4)
    blurs.append({'sigma': sigma, 'frames': encode(out.astype('<f4'))})
qualities = (20, 35, 50, 75, 90, 95)
OUT.write_text(json.dumps({
    'madeBy': f'scipy {scipy.__version__}, opencv {cv2.__version__}, Pillow {PIL.__version__} (libjpeg {features.version("jpg")}, '
              f'turbo {features.check("libjpeg_turbo")}), numpy {np.__version__}, Python {platform.python_version()}',
    'command': '/usr/bin/python3 reference/dataloader-frame-degradation.py',
    'odd': {'height': 20, 'width': 29, 'frames': encode(odd)}, 'square': {'height': 48, 'width': 48, 'frames': encode(square)},
    'blurs': blurs,
    'jpegs': [{'quality': q, 'odd': encode(np.array([jpeg(p, q) for p in odd])), 'square': encode(np.array([jpeg(p, q) for p in square]))}
              for q in qualities],
    'tables': [{'quality': q, **tables(q)} for q in (5, 20, 50, 77, 100)],
}) + '\n')
print(OUT.name, OUT.stat().st_size, 'bytes')
