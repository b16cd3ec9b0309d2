"""Reference numbers for the MFCC of @lipsync/audio-mel, by NumPy and SciPy: python3 reference/audio-mel-mfcc.py

python_speech_features 0.6 `mfcc` with its defaults, written after its formulas (the package is not installed): int16 samples as numbers,
pre-emphasis, rectangular frames, power of rfft, HTK triangles, log, scipy.fftpack.dct, lifter, log energy. The audio is the speech-like one
of mel.json, its digital silence included. Writes packages/audio-mel/fixtures/mfcc.json. With a path to a WAV file (16 kHz, mono, 16 bit) the
coefficients of that file go to standard output as JSON instead.
"""
import base64
import json
import math
import platform
import sys
import wave
from pathlib import Path

import numpy as np
import scipy
from scipy.fftpack import dct

FIXTURES = Path(__file__).resolve().parent.parent / 'packages' / 'audio-mel' / 'fixtures'


def filter_bank(count=26, nfft=512, rate=16000):
    mel = lambda hz: 2595 * np.log10(1 + hz / 700.0)
    hz = lambda m: 700 * (10 ** (m / 2595.0) - 1)
    points = np.linspace(mel(0), mel(rate / 2), count + 2)
    bins = np.floor((nfft + 1) * hz(points) / rate)
    bank = np.zeros([count, nfft // 2 + 1])
    for j in range(count):
        for i in range(int(bins[j]), int(bins[j + 1])):
            bank[j, i] = (i - bins[j]) / (bins[j + 1] - bins[j])
        for i in range(int(bins[j + 1]), int(bins[j + 2])):
            bank[j, i] = (bins[j + 2] - i) / (bins[j + 2] - bins[j + 1])
    return bank


def mfcc(signal, rate=16000):
    eps = np.finfo(float).eps
    signal = np.append(signal[0], signal[1:] - 0.97 * signal[:-1].astype(float))
    length, step = 400, 160
    count = 1 if len(signal) <= length else 1 + int(math.ceil((1.0 * len(signal) - length) / step))
    padded = np.concatenate((signal, np.zeros(max(0, (count - 1) * step + length - len(signal)))))
    frames = padded[np.arange(length)[None, :] + step * np.arange(count)[:, None]]
    power = 1.0 / 512 * np.square(np.absolute(np.fft.rfft(frames, 512)))
    energy = np.sum(power, 1)
    energy = np.where(energy == 0, eps, energy)
    features = np.dot(power, filter_bank().T)
    features = np.log(np.where(features == 0, eps, features))
    features = dct(features, type=2, axis=1, norm='ortho')[:, :13]
    features = (1 + 11 * np.sin(np.pi * np.arange(13) / 22)) * features
    features[:, 0] = np.log(energy)
    return features


if len(sys.argv) > 1:
    with wave.open(sys.argv[1]) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype='<i2')
    json.dump({'steps': len(mfcc(samples)), 'data': mfcc(samples).ravel().tolist()}, sys.stdout)
    sys.exit()

samples = np.frombuffer(base64.b64decode(json.loads((FIXTURES / 'mel.json').read_text())['samples']), dtype='<i2')
encode = lambda array: base64.b64encode(np.ascontiguousarray(array, dtype='<f8').tobytes()).decode()
loud = np.concatenate((np.full(700, -32768, dtype=np.int16), np.tile(np.array([32767, -32768], dtype=np.int16), 300)))
content = {
    'program': 'reference/audio-mel-mfcc.py', 'command': 'python3 reference/audio-mel-mfcc.py',
    'versions': {'python': platform.python_version(), 'numpy': np.__version__, 'scipy': scipy.__version__},
    'steps': len(mfcc(samples)), 'mfcc': encode(mfcc(samples)), 'loud': encode(mfcc(loud)), 'short': encode(mfcc(samples[5000:5100])),
    'silence': encode(mfcc(np.zeros(1000, dtype=np.int16))),
}
path = FIXTURES / 'mfcc.json'
path.write_text(json.dumps(content) + '\n')
print(path.name, path.stat().st_size, content['steps'])
