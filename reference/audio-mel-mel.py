"""Writes packages/audio-mel/fixtures/mel.json: mel spectrograms of speech-like audio by torchaudio and by NumPy.

Run from the repository root: python3 reference/audio-mel-mel.py
"""
import base64
import json
import os

import numpy as np
import scipy
import scipy.signal
import torch
import torchaudio

RATE = 16000


def speech_like(samples: int) -> np.ndarray:
    """int16: a buzz of falling pitch through three formants, a hiss, a pause of digital silence, and a little noise."""
    random = np.random.RandomState(2)
    t = np.arange(samples) / RATE
    pitch = 140 - 30 * t + 5 * np.sin(2 * np.pi * 4 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    buzz = sum(np.cos(k * phase) / k for k in range(1, 50))
    voiced = np.zeros(samples)
    for hz, width, gain in ((600, 90, 1.0), (1400, 120, 0.5), (2600, 160, 0.25)):
        radius = np.exp(-np.pi * width / RATE)
        poles = [1, -2 * radius * np.cos(2 * np.pi * hz / RATE), radius * radius]
        voiced += gain * scipy.signal.lfilter([1 - radius], poles, buzz)
    hiss = scipy.signal.lfilter([1, -0.9], [1], random.randn(samples))
    syllable = np.clip(np.sin(2 * np.pi * 3.1 * t), 0, 1)
    other = np.clip(-np.sin(2 * np.pi * 3.1 * t), 0, 1) ** 4
    audio = 0.35 * syllable * voiced / np.abs(voiced).max() + 0.03 * other * hiss + 3e-4 * random.randn(samples)
    audio[int(0.62 * RATE) : int(0.72 * RATE)] = 0
    return np.round(np.clip(audio, -1, 1) * 32767).astype(np.int16)


def torchaudio_mel(x: np.ndarray, rate=16000, n_fft=800, win=800, hop=200, bins=80, low=55.0, high=7600.0, pad="reflect"):
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate=rate, n_fft=n_fft, win_length=win, hop_length=hop, f_min=low, f_max=high, n_mels=bins, power=1.0,
        normalized=False, center=True, pad_mode=pad, onesided=True, norm="slaney", mel_scale="slaney",
    )
    x = torch.from_numpy(x)
    y = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
    level = 20 * torch.log10(torch.clamp(transform(y), min=1e-5)) - 20
    return torch.clamp(8 * (level + 100) / 100 - 4, -4, 4).numpy().T


def filters(rate, n_fft, bins, low, high):
    """librosa's filters.mel(htk=False, norm='slaney') as a formula, float64 rounded to float32."""
    def to_mel(f):
        return np.where(f >= 1000, 15 + np.log(np.maximum(f, 1e-9) / 1000) / (np.log(6.4) / 27), f * 3 / 200)

    def to_hz(m):
        return np.where(m >= 15, 1000 * np.exp(np.log(6.4) / 27 * (m - 15)), m * 200 / 3)

    corner = to_hz(np.linspace(to_mel(np.float64(low)), to_mel(np.float64(high)), bins + 2))
    ramps = corner[:, None] - np.linspace(0, rate / 2, n_fft // 2 + 1)[None]
    step = np.diff(corner)
    rows = [np.maximum(0, np.minimum(-ramps[i] / step[i], ramps[i + 2] / step[i + 1])) for i in range(bins)]
    return (np.array(rows) * (2 / (corner[2:] - corner[:-2]))[:, None]).astype(np.float32)


def librosa_mel(x: np.ndarray, pad: str) -> np.ndarray:
    """Wav2Lip's audio.py as librosa computes it: float64 pre-emphasis and transform, float32 spectrum and filters. The centred transform pads with
    `reflect` in librosa 0.7 and with zeros (`constant`) in 0.10, LatentSync's."""
    y = np.pad(scipy.signal.lfilter([1, -0.97], [1], x.astype(np.float64)), 400, mode=pad)
    window = scipy.signal.get_window("hann", 800, fftbins=True)
    frames = np.stack([y[i : i + 800] * window for i in range(0, len(y) - 799, 200)])
    magnitude = np.abs(np.fft.rfft(frames, axis=1).astype(np.complex64))
    mel = magnitude @ filters(16000, 800, 80, 55, 7600).T
    level = 20 * np.log10(np.maximum(np.exp(-100 / 20 * np.log(10)), mel)) - 20
    return np.clip(8 * (level + 100) / 100 - 4, -4, 4).astype(np.float32)


def text(array: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array).astype(kind).tobytes()).decode()


def main() -> None:
    samples = speech_like(15871)
    x = samples.astype(np.float32) / 32768
    thesis, wav2lip = torchaudio_mel(x), librosa_mel(x, "reflect")
    other = dict(rate=16000, n_fft=500, win=400, hop=160, bins=24, low=0.0, high=8000.0, pad="constant")
    torch_filters = torchaudio.functional.melscale_fbanks(401, 55.0, 7600.0, 80, 16000, norm="slaney", mel_scale="slaney")
    numpy_filters = filters(16000, 800, 80, 55, 7600)
    print("torchaudio against NumPy, mel:", np.abs(thesis - wav2lip).max())
    print("torchaudio against NumPy, filters:", np.abs(torch_filters.numpy().T - numpy_filters).max(), numpy_filters.max())
    row, column = np.nonzero(numpy_filters)
    fixture = {
        "program": "torchaudio MelSpectrogram; NumPy and SciPy with the formulas of librosa 0.7 and 0.10",
        "versions": {
            "torch": torch.__version__, "torchaudio": torchaudio.__version__,
            "numpy": np.__version__, "scipy": scipy.__version__,
        },
        "command": "python3 reference/audio-mel-mel.py",
        "input": "speech_like(15871) of that script, int16, little-endian, base64; arrays are float32 [steps, bins]",
        "samples": text(samples, "<i2"),
        "thesis": text(thesis, "<f4"),
        "wav2lip": text(wav2lip, "<f4"),
        "latentsyncEnds": text(librosa_mel(x, "constant")[[0, 1, 2, -3, -2, -1]], "<f4"),
        "zeroPadEnds": text(torchaudio_mel(x, pad="constant")[[0, 1, 2, -3, -2, -1]], "<f4"),
        "other": {"recipe": other, "mel": text(torchaudio_mel(x[:4000], **other), "<f4")},
        "filters": {
            "band": text(row, "<u1"), "frequency": text(column, "<i2"),
            "numpy": text(numpy_filters[row, column], "<f4"),
            "torchaudio": text(torch_filters.numpy().T[row, column], "<f4"),
        },
    }
    path = os.path.join(os.path.dirname(__file__), "..", "packages", "audio-mel", "fixtures", "mel.json")
    with open(path, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")
    print("bytes:", os.path.getsize(path))


if __name__ == "__main__":
    main()
