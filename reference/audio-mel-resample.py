"""Writes packages/audio-mel/fixtures/resample.json: torchaudio's Kaiser-windowed resampling in float64.

Run from the repository root: python3 reference/audio-mel-resample.py
"""
import base64
import json
import os

import numpy as np
import torch
import torchaudio


def main() -> None:
    random = np.random.RandomState(4)
    cases = []
    for source, target, samples, options in (
        (48000, 16000, 2400, {}),
        (44100, 16000, 2205, {}),
        (8000, 16000, 400, {}),
        (22050, 16000, 1103, {}),
        (16000, 11025, 800, {}),
        (48000, 16000, 600, {"lowpass_filter_width": 16, "rolloff": 0.9, "beta": 6.5}),
    ):
        x = (0.3 * random.randn(samples)).astype(np.float32)
        used = {"lowpass_filter_width": 128, "rolloff": 0.975, "beta": 10.06, **options}
        y = torchaudio.functional.resample(
            torch.from_numpy(x.astype(np.float64)), source, target, resampling_method="kaiser_window", **used
        )
        encode = lambda a: base64.b64encode(a.astype("<f4").tobytes()).decode()
        cases.append({
            "from": source, "to": target, "zeroCrossings": used["lowpass_filter_width"], "rolloff": used["rolloff"],
            "kaiserBeta": used["beta"], "x": encode(x), "y": encode(y.numpy()),
        })
    fixture = {
        "program": "torchaudio.functional.resample, kaiser_window, float64",
        "versions": {"torch": torch.__version__, "torchaudio": torchaudio.__version__, "numpy": np.__version__},
        "command": "python3 reference/audio-mel-resample.py",
        "input": "seeded noise, float32, little-endian, base64",
        "cases": cases,
    }
    path = os.path.join(os.path.dirname(__file__), "..", "packages", "audio-mel", "fixtures", "resample.json")
    with open(path, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")
    print("bytes:", os.path.getsize(path))


if __name__ == "__main__":
    main()
