"""What syncnet-protocol.py, syncnet-demo.py and syncnet-pipeline.py share: SyncNet with weights by formula, its MFCC,
and the score of embeddings and of files as syncnet_python's SyncNetInstance.evaluate computes it."""
import glob
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

SHIFT = 15  # frames to both sides
BATCH = 20  # windows
here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
import formula_weights as formula


def definitions(name, until):
    """The definitions of a script that makes fixtures: all that it has before the text `until`."""
    source = (here / f'{name}.py').read_text().split(until)[0]
    scope = {'__file__': str(here / f'{name}.py'), '__name__': 'definitions'}
    exec(compile(source, name, 'exec'), scope)
    return scope


mfcc = definitions('audio-mel-mfcc', 'if len(sys.argv)')['mfcc']


def syncnet():
    networks = definitions('syncnet-networks', 'class Block')
    return networks['as_loud_as_real'](formula.fill(networks['SyncNet']())).float().eval()


def evaluate(visual, audio):
    """Scores embeddings [windows, 1024]: offset, the 31 mean distances, their minimum, the confidences."""
    padded = torch.nn.functional.pad(audio, (0, 0, SHIFT, SHIFT))
    count = len(visual)
    distances = torch.stack([
        torch.nn.functional.pairwise_distance(visual[[i]].repeat(2 * SHIFT + 1, 1), padded[i:i + 2 * SHIFT + 1])
        for i in range(count)
    ], 1)  # [shift, window]
    means = torch.mean(distances, 1)
    least, index = torch.min(means, 0)
    median = torch.median(means)
    framewise = scipy.signal.medfilt((median - distances[index]).numpy(), kernel_size=9)
    return {
        'offset': SHIFT - int(index), 'windows': count, 'curve': means.tolist(),
        'lseD': float(least), 'lseC': float(median - least), 'framewise': framewise.tolist(),
    }


def evaluate_file(net, video, resize=False):
    """Scores a video file: JPEG files of ffmpeg's default quality read by OpenCV (BGR, 0..255), a 16-bit WAV file."""
    with tempfile.TemporaryDirectory() as folder:
        quiet = ['ffmpeg', '-v', 'error', '-y', '-i', video]
        subprocess.run([*quiet, '-threads', '1', '-f', 'image2', os.path.join(folder, '%06d.jpg')], check=True)
        wave = os.path.join(folder, 'audio.wav')
        pcm = ['-async', '1', '-ac', '1', '-vn', '-acodec', 'pcm_s16le', '-ar', '16000']
        subprocess.run([*quiet, *pcm, wave], check=True)
        images = [cv2.imread(name) for name in sorted(glob.glob(os.path.join(folder, '*.jpg')))]
        _, samples = scipy.io.wavfile.read(wave)
    if resize:
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
        return evaluate(torch.cat(v), torch.cat(a))
