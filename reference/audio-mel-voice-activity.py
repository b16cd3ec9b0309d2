"""Reference flags for `voiceActivity` of @lipsync/audio-mel, by NumPy: python3 reference/audio-mel-voice-activity.py

The rule of the doc comment of voice-activity.ts on whole arrays: strided frames, rfft, percentile by sorting. The waveforms are made by the
formulas of packages/audio-mel/fixtures/made-speech.ts. Writes packages/audio-mel/fixtures/voice-activity.json (flags only). With the path of a file of raw
samples (16 kHz, mono, s16le) its flags go to standard output instead.
"""
import json
import math
import platform
import sys
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'audio-mel' / 'fixtures' / 'voice-activity.json'
BURSTS = [(0.5, 0.9), (1.3, 1.46), (1.52, 1.9), (2.6, 3.4)]


def white(count, seed):
    state, out = seed, np.empty(count)
    for i in range(count):
        state = (1664525 * state + 1013904223) % 2 ** 32
        out[i] = state / 2 ** 31 - 1
    return out


def speech(count, rate):
    t = np.arange(count) / rate
    pitch = 130 + 25 * np.sin(2 * np.pi * 1.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    audio = np.zeros(count)
    for k in range(1, 26):
        hz = k * pitch
        audio += sum(g / (1 + ((hz - f) / w) ** 2) for f, w, g in ((600, 100, 1), (1500, 150, 0.5), (2600, 200, 0.25))) * np.sin(k * phase)
    ramp = sum(np.clip(np.minimum(t - a, b - t) / 0.02, 0, 1) for a, b in BURSTS)
    return 0.12 * audio * ramp


def made(kind, snr, rate):
    count = int(4.1 * rate)
    t = np.arange(count) / rate
    noise = white(count, 12345)
    if kind == 'silence':
        audio = np.zeros(count)
    elif kind == 'noise':
        audio = 0.1 * noise
    elif kind == 'dark noise':
        dark = white(count, 777)
        for i in range(1, count):
            dark[i] = 0.95 * dark[i - 1] + 0.1 * dark[i]
        audio = dark
    elif kind == 'hum':
        audio = 0.05 * sum(np.sin(2 * np.pi * 100 * k * t) / k for k in range(1, 12)) + 0.0005 * noise
    elif kind == 'hiss':
        audio = 0.1 * noise * sum((t >= a) & (t < b) for a, b in BURSTS)
    else:
        voice = speech(count, rate)
        inside = sum((t >= a) & (t < b) for a, b in BURSTS) > 0
        level = math.sqrt(np.mean(voice[inside] ** 2)) * 10 ** (-snr / 20)
        audio = voice + level * math.sqrt(3) * noise
        if kind == 'speech in hum':
            audio = audio + 0.02 * sum(np.sin(2 * np.pi * 100 * k * t) / k for k in range(1, 12))
    return np.floor(np.clip(audio, -1, 0.9999) * 32768 + 0.5) / 32768


def flags(x, rate=16000, fps=25.0, threshold=0.4):
    hop = int(math.floor(rate / 100 + 0.5))
    size = 2 ** int(math.floor(math.log2(0.032 * rate) + 0.5))
    looks = -(-len(x) // hop)
    padded = np.concatenate((x, np.zeros(max(0, size - len(x)))))
    starts = np.clip(np.floor((np.arange(looks) + 0.5) * hop).astype(int) - size // 2, 0, len(padded) - size)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    power = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(size)] * hann)) ** 2 * 2 / (size * np.sum(hann ** 2))
    hz = np.arange(size // 2 + 1) * rate / size
    inside = (hz >= 300) & (hz < 3400)
    power, hz = power[:, inside], hz[inside]
    flat = np.exp(np.mean(np.log(power + 1e-20), 1)) / (np.mean(power, 1) + 1e-20)
    band = np.floor((hz - 300) / (3100 / 16)).astype(int)
    bands = np.stack([power[:, band == b].sum(1) for b in range(16)], 1)
    n = lambda seconds: int(math.floor(seconds * rate / hop + 0.5))
    bands = np.stack([bands[max(0, i - n(0.02)):i + n(0.02) + 1].mean(0) for i in range(looks)])
    total = bands.sum(1)
    active = np.zeros(looks, dtype=bool)
    for start in range(0, looks, n(0.4)):
        end = min(looks, start + n(0.4))
        around = slice(max(0, start - n(2)), min(looks, end + n(2)))
        ordered, loud = np.sort(bands[around], 0), np.sort(total[around])
        floor = np.maximum(10 ** -7.5 / 16, 1.5 * ordered[int(0.1 * len(ordered))])
        g = np.maximum(1, bands[start:end] / floor)
        active[start:end] = (np.mean(g - 1 - np.log(g), 1) > threshold) & (total[start:end] > 1e-3 * loud[int(0.95 * len(loud))])

    def runs():
        edges = np.flatnonzero(np.diff(np.concatenate(([0], active.astype(int), [0]))))
        return list(zip(edges[::2], edges[1::2]))

    found = runs()
    for (_, a), (b, _) in zip(found, found[1:]):
        if b - a <= n(0.12):
            active[a:b] = True
    for a, b in runs():
        if np.sum(flat[a:b] < 0.4) < n(0.04):
            active[a:b] = False
    for _, b in runs():
        active[b:b + n(0.04)] = True
    count = math.floor(len(x) * fps / rate + 1e-9)
    at = np.floor((np.arange(looks) + 0.5) * hop * fps / rate).astype(int)
    return ''.join('1' if np.any(at == i) and 2 * active[at == i].sum() >= (at == i).sum() else '0' for i in range(count))


if len(sys.argv) > 1:
    print(flags(np.fromfile(sys.argv[1], dtype='<i2') / 32768))
    sys.exit()

cases = [{'kind': 'speech', 'snr': snr, 'rate': 16000, 'fps': 25} for snr in (40, 20, 10, 5, 0)]
cases += [{'kind': kind, 'snr': 20, 'rate': 16000, 'fps': 25} for kind in ('speech in hum', 'silence', 'noise', 'dark noise', 'hum', 'hiss')]
cases += [{'kind': 'speech', 'snr': 15, 'rate': 8000, 'fps': 30}, {'kind': 'speech', 'snr': 15, 'rate': 44100, 'fps': 29.97}]
for case in cases:
    case['flags'] = flags(made(case['kind'], case['snr'], case['rate']), case['rate'], case['fps'])
OUT.write_text(json.dumps({
    'program': 'reference/audio-mel-voice-activity.py', 'command': 'python3 reference/audio-mel-voice-activity.py',
    'versions': {'python': platform.python_version(), 'numpy': np.__version__}, 'bursts': BURSTS, 'cases': cases,
}, indent=1) + '\n')
print(OUT.name, OUT.stat().st_size)
