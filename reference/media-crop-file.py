"""Crops through OpenCV's VideoWriter and ffmpeg's JPEG files, as SyncNet's pipeline and evaluation pass them on:

    python3 reference/media-crop-file.py

writes packages/media/fixtures/crop-file.json: of 16 moving pictures by formula, written as XVID and as mp4v, the mean of
each colour in blocks of 8 x 8 pixels after JPEG files of ffmpeg's default quality, hundredths of a level; both containers
give the same.
"""
import glob
import json
import platform
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'media' / 'fixtures' / 'crop-file.json'
SIZE, COUNT = 64, 16
y, x = np.mgrid[:SIZE, :SIZE]


def picture(t):
    """RGB: slopes that move, with noise, which makes the bit rate count, and a square with sharp edges."""
    noise = (31 * x * x + 17 * y * y + 13 * x * y + 97 * t * (x + 1)) % 64
    red, green, blue = (3 * x + 5 * t) % 256, (2 * x + y + 7 * t) % 192 + noise, (4 * y + 255 - 6 * t) % 256
    square = (abs(x - 20 - t) < 9) & (abs(y - 40 + t) < 7)
    return np.where(square[..., None], [230, 40, 90], np.stack([red, green, blue], -1)).astype(np.uint8)


made = []
for tag, ending in [('XVID', 'avi'), ('mp4v', 'mp4')]:
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/crops.{ending}'
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*tag), 25, (SIZE, SIZE))
        for t in range(COUNT):
            writer.write(np.ascontiguousarray(picture(t)[..., ::-1]))
        writer.release()
        subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-threads', '1', '-f', 'image2', f'{folder}/%06d.jpg'], check=True)
        frames = np.stack([cv2.imread(name)[..., ::-1] for name in sorted(glob.glob(f'{folder}/*.jpg'))])
        blocks = frames.reshape(COUNT, SIZE // 8, 8, SIZE // 8, 8, 3).mean((2, 4))
        made.append(np.round(100 * blocks).astype(int).reshape(COUNT, -1).tolist())
assert made[0] == made[1]
version = subprocess.run(['ffmpeg', '-version'], capture_output=True, text=True, check=True).stdout.split()[2]
OUT.write_text(json.dumps({
    'program': 'reference/media-crop-file.py', 'command': 'python3 reference/media-crop-file.py',
    'versions': {'python': platform.python_version(), 'opencv': cv2.__version__, 'ffmpeg': version},
    'size': SIZE, 'blocks': made[0],
}) + '\n')
print(OUT.name, OUT.stat().st_size)
