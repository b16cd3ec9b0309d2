"""Writes packages/audio-mel/fixtures/lsp-mel.json: the mel spectrogram of Live Speech Portraits by NumPy in float64.

Run from the repository root: python3 reference/audio-mel-lsp.py

Written as the published code goes (utils.py compute_mel_one_sequence, audio_funcs.py Audio2Mel): each clip of 266 samples alone, mirrored
by 189 on both sides, then torch.stft of 512 with a Hann window of 266 in its middle, the first column. PyTorch's own stft checks it here.
"""
import base64
import json
import math
import os

import numpy as np
import scipy.signal
import torch

from importlib import import_module

mel = import_module("audio-mel-mel")
BASIS = mel.filters(16000, 512, 80, 90.0, 7600.0).astype(np.float64)


def compressed(magnitude):
    level = np.log(np.maximum(1e-5, BASIS @ magnitude))
    return (level - math.log(1e-5)) / -math.log(1e-5)


def clips(audio):
    length, step = int(16000 * (1 / 60)), 16000 * (0.5 / 60)
    for i in range(2 * int(audio.shape[0] / 16000 * 60)):
        clip = audio[int(i * step) : int(i * step) + length]
        yield np.concatenate([clip, np.zeros(length - len(clip))])


def spectrum(clip):
    padded = np.pad(clip, (512 - 133) // 2, mode="reflect")
    window = np.zeros(512)
    window[123 : 123 + 266] = scipy.signal.get_window("hann", 266, fftbins=True)
    return np.abs(np.fft.rfft(padded[:512] * window))


def by_torch(clip):
    padded = torch.from_numpy(np.pad(clip, (512 - 133) // 2, mode="reflect"))
    window = torch.hann_window(266, dtype=torch.float64)
    return torch.stft(padded, 512, 133, 266, window=window, center=False, return_complex=True).abs().numpy()[:, 0]


def main():
    samples = mel.speech_like(16123)
    audio = samples.astype(np.float64) / 32768
    rows = np.array([compressed(spectrum(clip)) for clip in clips(audio)])
    other = np.array([compressed(by_torch(clip)) for clip in clips(audio)])
    print("NumPy against PyTorch's stft:", np.abs(rows - other).max(), "values", rows.min(), rows.max())
    # every sixth step, and the last four, which reach beyond the end
    kept = sorted({*range(0, len(rows), 6), *range(len(rows) - 4, len(rows))})
    fixture = {
        "program": "reference/audio-mel-lsp.py, by NumPy",
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "torch": torch.__version__},
        "command": "python3 reference/audio-mel-lsp.py",
        "input": "speech_like(16123) of audio-mel-mel.py, int16, base64; rows: float64 [steps, 80], base64",
        "samples": mel.text(samples, "<i2"),
        "steps": len(rows),
        "kept": kept,
        "rows": mel.text(rows[kept], "<f8"),
    }
    path = os.path.join(os.path.dirname(__file__), "..", "packages", "audio-mel", "fixtures", "lsp-mel.json")
    with open(path, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")
    print("bytes:", os.path.getsize(path), len(rows))


if __name__ == "__main__":
    main()
