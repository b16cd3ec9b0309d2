"""JPEG files as ffmpeg's encoder writes them, and their pixels by OpenCV (libjpeg-turbo):

    python3 reference/media-jpeg.py

writes packages/media/fixtures/jpeg.json. The pictures are ffmpeg's test pattern with noise, in the layouts that its encoder knows.
"""
import base64
import json
import platform
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'media' / 'fixtures' / 'jpeg.json'
OUT.parent.mkdir(exist_ok=True)
cases = []
for layout, size, more in [('yuv420p', '50x38', []), ('yuv422p', '50x37', []), ('yuv444p', '37x29', []), ('gray', '37x29', []),
                           ('yuv420p', '32x32', ['-q:v', '31']), ('yuv420p', '34x34', ['-q:v', '2'])]:
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/1.jpg'
        source = f'testsrc2=s={size}:r=25:d=0.04,noise=alls=40:all_seed=7,format={layout}'
        subprocess.run(['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', source, *more, '-threads', '1', '-f', 'image2', path], check=True)
        rgb = np.ascontiguousarray(cv2.imread(path)[..., ::-1])
        cases.append({
            'layout': layout, 'options': ' '.join(more), 'width': rgb.shape[1], 'height': rgb.shape[0],
            'jpeg': base64.b64encode(Path(path).read_bytes()).decode(), 'rgb': base64.b64encode(rgb.tobytes()).decode(),
        })
version = subprocess.run(['ffmpeg', '-version'], capture_output=True, text=True, check=True).stdout.split()[2]
OUT.write_text(json.dumps({
    'program': 'reference/media-jpeg.py', 'command': 'python3 reference/media-jpeg.py',
    'versions': {'python': platform.python_version(), 'opencv': cv2.__version__, 'ffmpeg': version}, 'cases': cases,
}) + '\n')
print(OUT.name, OUT.stat().st_size)
