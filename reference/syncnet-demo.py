"""SyncNet's `evaluate()` from the video file on, by ffmpeg, OpenCV, SciPy and PyTorch, for scripts/check-protocol.mjs:

    python3 reference/syncnet-demo.py VIDEO OUT [--resize]

The steps of syncnet_python's SyncNetInstance.evaluate: ffmpeg writes JPEG files of its default quality and a 16-bit
WAV file, OpenCV reads the first (BGR, 0..255), python_speech_features' MFCC (in NumPy) the second; windows of 5 frames
and 20 steps, distances at 31 shifts, median, minimum, median filter. `--resize` stretches frames to 224 px as
Wav2Lip's copy does. The network has weights by formula. Writes OUT as JSON, see syncnet_evaluation.py.
"""
import glob
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import scipy.io.wavfile
import torch

if len(sys.argv) < 3:
    print('syncnet-demo.py: made by scripts/check-protocol.mjs, no fixture')
    sys.exit()

sys.path.insert(0, str(Path(__file__).resolve().parent))
from syncnet_evaluation import evaluate, mfcc, syncnet

BATCH = 20  # windows
net = syncnet()
video, out = sys.argv[1], sys.argv[2]
with tempfile.TemporaryDirectory() as folder:
    quiet = ['ffmpeg', '-v', 'error', '-y', '-i', video]
    subprocess.run([*quiet, '-threads', '1', '-f', 'image2', os.path.join(folder, '%06d.jpg')], check=True)
    wave = os.path.join(folder, 'audio.wav')
    subprocess.run([*quiet, '-async', '1', '-ac', '1', '-vn', '-acodec', 'pcm_s16le', '-ar', '16000', wave], check=True)
    images = [cv2.imread(name) for name in sorted(glob.glob(os.path.join(folder, '*.jpg')))]
    _, samples = scipy.io.wavfile.read(wave)
if '--resize' in sys.argv:
    images = [cv2.resize(image, (224, 224)) for image in images]
frames = torch.from_numpy(np.stack(images).transpose(3, 0, 1, 2)[None].astype(np.float32))  # [1, 3, frames, 224, 224]
features = torch.from_numpy(mfcc(samples).T[None, None].astype(np.float32))  # [1, 1, 13, steps]
last = min(len(images), math.floor(len(samples) / 640)) - 5
v, a = [], []
with torch.no_grad():
    for start in range(0, last, BATCH):
        windows = range(start, min(last, start + BATCH))
        v.append(net.netfclip(net.netcnnlip(torch.cat([frames[:, :, i:i + 5] for i in windows])).flatten(1)))
        a.append(net.embed_audio(torch.cat([features[:, :, :, 4 * i:4 * i + 20] for i in windows])))
    score = evaluate(torch.cat(v), torch.cat(a))
Path(out).write_text(json.dumps(score))
