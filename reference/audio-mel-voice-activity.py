"""Reference flags for the voice activity of @lipsync/audio-mel, by NumPy: python3 reference/audio-mel-voice-activity.py

Writes packages/audio-mel/fixtures/voice-activity.json: flags of made sounds (bursts of harmonics in noise, noise alone, hum, silence), by the rule
in the docstring written anew with numpy.fft. Sounds are made by formula, in the test as here.
"""
import json
import platform
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / 'packages/audio-mel/fixtures/voice-activity.json'
RATE = 16000


def noise(length, seed):
    """Uniform numbers of -1..1 from a linear congruential generator of 32 bits."""
    state, out = seed, np.empty(length)
    for i in range(length):
        state = (1664525 * state + 1013904223) % 2**32
        out[i] = state / 2**31 - 1
    return out


def bursts(level, floor):
    """Half a second of quiet, then words of 0.3 s with 0.25 s between, then quiet."""
    t = np.arange(4 * RATE) / RATE
    on = (t >= 0.5) & (t < 3.5) & ((t - 0.5) % 0.55 < 0.3)
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    return (level * np.where(on, voice, 0) + floor * noise(len(t), 7)).astype(np.float32)


def flags(x, fps=25):
    hop, size = RATE // 50, 512
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.concatenate([np.zeros(size // 2), x.astype(np.float64), np.zeros(size + hop)])
    levels = []
    for i in range(len(x) // hop):
        spectrum = np.abs(np.fft.rfft(padded[int((i + 0.5) * hop):][:size] * window)) ** 2
        frequencies = np.arange(size // 2 + 1) * RATE / size
        band = 2 * spectrum[(frequencies >= 300) & (frequencies <= 3400)].sum() / (size * (window**2).sum())
        levels.append(max(-65, 10 * np.log10(band + 1e-12)))
    ordered = np.sort(levels)
    quiet, loud = (ordered[int(np.floor(share * (len(ordered) - 1)))] for share in (0.1, 0.95))
    pictures = np.zeros(int(len(x) * fps / RATE), int)
    if loud - quiet < 8:
        return pictures
    active = np.array(levels) > quiet + 0.4 * (loud - quiet)
    where = np.flatnonzero(active)
    for a, b in zip(where, where[1:]):
        if b - a - 1 <= 8:
            active[a:b] = True
    for hop_index in np.flatnonzero(active.copy()):
        active[max(0, hop_index - 3):hop_index + 4] = True
    for hop_index in np.flatnonzero(active):
        pictures[min(len(pictures) - 1, hop_index * fps // 50)] = 1
    return pictures


sounds = {
    'bursts in quiet': bursts(0.1, 0.0003), 'bursts 20 dB above noise': bursts(0.1, 0.03), 'bursts near noise': bursts(0.1, 0.1),
    'noise': (0.1 * noise(2 * RATE, 3)).astype(np.float32), 'silence': np.zeros(RATE, np.float32),
    'hum': (0.1 * np.sin(2 * np.pi * 400 * np.arange(2 * RATE) / RATE)).astype(np.float32),
}
OUT.write_text(json.dumps({
    'program': 'reference/audio-mel-voice-activity.py', 'command': 'python3 reference/audio-mel-voice-activity.py',
    'versions': {'python': platform.python_version(), 'numpy': np.__version__},
    'flags': {name: ''.join(map(str, flags(x))) for name, x in sounds.items()},
}) + '\n')
print(OUT.name, OUT.stat().st_size)
