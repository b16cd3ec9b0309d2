"""SyncNet's `evaluate()` from the video file on, by ffmpeg, OpenCV, SciPy and PyTorch, for scripts/check-protocol.mjs:

    python3 reference/syncnet-demo.py VIDEO OUT [--resize]

The steps of syncnet_python's SyncNetInstance.evaluate: ffmpeg writes JPEG files of its default quality and a 16-bit WAV file, OpenCV reads
the first (BGR, 0..255), python_speech_features' MFCC (in NumPy) the second; windows of 5 frames and 20 steps, distances at 31 shifts,
median, minimum, median filter. `--resize` stretches frames to 224 px as Wav2Lip's copy does. The network has weights by formula. Writes OUT
as JSON.
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
import scipy.signal
import torch

if len(sys.argv) < 3:
    print('syncnet-demo.py: made by scripts/check-protocol.mjs, no fixture')
    sys.exit()

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
import formula_weights as formula


def definitions(name, until):
    source = (here / f'{name}.py').read_text().split(until)[0]
    scope = {'__file__': str(here / f'{name}.py'), '__name__': 'definitions'}
    exec(compile(source, name, 'exec'), scope)
    return scope


networks = definitions('syncnet-networks', 'class Block')
mfcc = definitions('audio-mel-mfcc', 'if len(sys.argv)')['mfcc']
net = networks['as_loud_as_real'](formula.fill(networks['SyncNet']())).float().eval()

SHIFT, BATCH = 15, 20
video, out = sys.argv[1], sys.argv[2]
with tempfile.TemporaryDirectory() as folder:
    quiet = ['ffmpeg', '-v', 'error', '-y', '-i', video]
    subprocess.run([*quiet, '-threads', '1', '-f', 'image2', os.path.join(folder, '%06d.jpg')], check=True)
    wave = os.path.join(folder, 'audio.wav')
    subprocess.run([*quiet, '-async', '1', '-ac', '1', '-vn', '-acodec', 'pcm_s16le', '-ar', '16000', wave], check=True)
    images = [cv2.imread(name) for name in sorted(glob.glob(os.path.join(folder, '*.jpg')))]
    rate, audio = scipy.io.wavfile.read(wave)
if '--resize' in sys.argv:
    images = [cv2.resize(image, (224, 224)) for image in images]
im = np.expand_dims(np.stack(images, axis=3), axis=0)
imtv = torch.from_numpy(np.transpose(im, (0, 3, 4, 1, 2)).astype(np.float32))  # [1, 3, frames, 224, 224]
features = mfcc(audio)
cct = torch.from_numpy(np.expand_dims(np.expand_dims(features.T, axis=0), axis=0).astype(np.float32))
last = min(len(images), math.floor(len(audio) / 640)) - 5
visual, heard = [], []
with torch.no_grad():
    for i in range(0, last, BATCH):
        frames = range(i, min(last, i + BATCH))
        visual.append(net.netfclip(net.netcnnlip(torch.cat([imtv[:, :, f:f + 5] for f in frames])).flatten(1)))
        heard.append(net.embed_audio(torch.cat([cct[:, :, :, f * 4:f * 4 + 20] for f in frames])))
    v, a = torch.cat(visual), torch.cat(heard)
    padded = torch.nn.functional.pad(a, (0, 0, SHIFT, SHIFT))
    dists = [torch.nn.functional.pairwise_distance(v[[i]].repeat(2 * SHIFT + 1, 1), padded[i:i + 2 * SHIFT + 1]) for i in range(last)]
    means = torch.mean(torch.stack(dists, 1), 1)
    least, index = torch.min(means, 0)
    confidence = torch.median(means) - least
    framewise = scipy.signal.medfilt((torch.median(means) - torch.stack(dists)[:, index]).numpy(), kernel_size=9)
Path(out).write_text(json.dumps({
    'frames': len(images), 'samples': len(audio), 'offset': SHIFT - int(index), 'windows': last, 'curve': means.tolist(),
    'lseD': float(least), 'lseC': float(confidence), 'framewise': framewise.tolist(),
}))
