"""Reference numbers for @lipsync/metrics: offset, LSE-D, LSE-C and the frame-wise confidence.

Written from the description of the SyncNet evaluation (the protocol of the v2 demo release): zero vectors around the
audio sequence, torch's pairwise distance, torch's median, scipy's medfilt.

Run: /usr/bin/python3 reference/metrics-lse.py   (writes packages/metrics/fixtures/lse.json)
"""
import json
import pathlib
import platform

import numpy as np
import scipy
import scipy.signal
import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/metrics/fixtures/lse.json"
SHIFT = 15


def zero_padded(visual, audio, shift, distance):
    """[2 * shift + 1, windows] distances, audio outside the clip being zero vectors."""
    padded = torch.nn.functional.pad(audio, (0, 0, shift, shift))
    rows = []
    for i in range(len(visual)):
        rows.append(distance(visual[[i]].repeat(2 * shift + 1, 1), padded[i : i + 2 * shift + 1]))
    return torch.stack(rows, 1)


def summary(distances, shift):
    mean = torch.mean(distances, 1)
    least, index = torch.min(mean, 0)
    confidence = torch.median(mean) - least
    per_window = distances[index].numpy()
    frame_wise = scipy.signal.medfilt(torch.median(mean).numpy() - per_window, kernel_size=9)
    return {
        "offsetFrames": int(shift - index),
        "lseD": float(least),
        "lseC": float(confidence),
        "meanDistances": [round(float(value), 7) for value in mean],
        "distances": [round(float(value), 7) for value in per_window],
        "confidences": [round(float(value), 7) for value in frame_wise],
    }


def overlap(visual, audio, shift, fewest=5):
    """Unit embeddings, existing pairs only, in float64; shifts with fewer than `fewest` pairs are left out."""
    v, a = visual.double().numpy(), audio.double().numpy()
    n = len(v)
    mean = []
    for k in range(2 * shift + 1):
        pairs = [(i, i + k - shift) for i in range(n) if 0 <= i + k - shift < n]
        if len(pairs) < min(fewest, n):
            mean.append(float("nan"))
            continue
        cos = np.array([v[i] @ a[j] for i, j in pairs])
        mean.append(float(np.sqrt(np.maximum(0, 2 - 2 * cos)).mean()))
    mean = np.array(mean)
    there = np.sort(mean[~np.isnan(mean)])
    index = int(np.nanargmin(mean))
    return {
        "offsetFrames": shift - index,
        "lseD": float(mean[index]),
        "lseC": float(there[(len(there) - 1) // 2] - mean[index]),
        "meanDistances": [None if np.isnan(value) else round(float(value), 7) for value in mean],
    }


def sequences(windows, dimension, delay, noise, scale, seed, unit):
    """Two sequences that follow one hidden track; `delay` > 0: the audio comes that many windows late."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=(windows + 40, dimension))
    hidden = (hidden[:-1] + hidden[1:]) / 2
    visual = hidden[20 : 20 + windows] + noise * generator.normal(size=(windows, dimension))
    audio = hidden[20 - delay : 20 - delay + windows] + noise * generator.normal(size=(windows, dimension))
    visual, audio = visual * scale, audio * scale
    if unit:
        visual, audio = np.maximum(visual, 0), np.maximum(audio, 0)
        visual /= np.linalg.norm(visual, axis=1, keepdims=True)
        audio /= np.linalg.norm(audio, axis=1, keepdims=True)
    return torch.tensor(np.round(visual, 6), dtype=torch.float32), torch.tensor(np.round(audio, 6), dtype=torch.float32)


def euclidean(x, y):
    return torch.nn.functional.pairwise_distance(x, y)


def plain(x, y):
    return torch.linalg.norm(x - y, dim=1)


CASES = [
    ("euclidean, audio 3 windows early", "euclidean", dict(windows=60, dimension=10, delay=-3, noise=0.4, scale=3.0, seed=1)),
    ("euclidean, shorter than the search", "euclidean", dict(windows=7, dimension=6, delay=0, noise=0.4, scale=3.0, seed=2)),
    ("unit, audio 4 windows late", "unit", dict(windows=50, dimension=12, delay=4, noise=0.3, scale=1.0, seed=3)),
    ("unit, noise only", "unit", dict(windows=40, dimension=8, delay=0, noise=9.0, scale=1.0, seed=4)),
]

cases = []
for name, space, arguments in CASES:
    visual, audio = sequences(unit=space == "unit", **arguments)
    case = {"name": name, "space": space, "dimension": arguments["dimension"],
            "visual": [round(float(value), 6) for value in visual.flatten()],
            "audio": [round(float(value), 6) for value in audio.flatten()],
            "zero": summary(zero_padded(visual, audio, SHIFT, euclidean if space == "euclidean" else plain), SHIFT)}
    if space == "unit":
        case["overlap"] = overlap(visual, audio, SHIFT)
    cases.append(case)

OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps({
    "madeBy": f"torch {torch.__version__}, scipy {scipy.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/metrics-lse.py",
    "maxShift": SHIFT,
    "cases": cases,
}) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes;", [(case["name"], case["zero"]["offsetFrames"], round(case["zero"]["lseD"], 3)) for case in cases])
