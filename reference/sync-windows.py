"""Reference numbers for @lipsync/sync-windows: views and augmentation of windows by PyTorch.

Run: /usr/bin/python3 reference/sync-windows.py   (writes packages/sync-windows/fixtures/windows.json)
"""
import json
import math
import pathlib
import platform

import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/sync-windows/fixtures/windows.json"
FROM, TO, FRAME_COUNT, BINS, STEPS = 16, 8, 2, 80, 6
PLAIN = {"scale": 1, "aspect": 1, "angle": 0, "mirrored": False, "across": 0, "down": 0}
SAME = {"contrast": 1, "brightness": 0, "gains": [1, 1, 1], "gray": False}

rng = np.random.default_rng(5)
frames = rng.integers(0, 256, (FRAME_COUNT, FROM, FROM, 3)).astype(np.uint8)
audio = np.round(np.clip(rng.normal(0, 2, (STEPS, BINS)), -4, 4), 3)


def window(fraction, view, colour):
    """[TO, TO, FRAME_COUNT * 3] in -1..1."""
    x = torch.tensor(frames).permute(0, 3, 1, 2).reshape(1, FRAME_COUNT * 3, FROM, FROM).double()
    side, aspect, fl = fraction * view["scale"], view["aspect"], -1.0 if view["mirrored"] else 1.0
    cos, sin = math.cos(view["angle"]), math.sin(view["angle"])
    theta = torch.tensor([[[side * aspect * cos * fl, -side * sin, view["across"]],
                           [side * sin * fl, side / aspect * cos, view["down"]]]], dtype=torch.float64)
    grid = F.affine_grid(theta, (1, FRAME_COUNT * 3, TO, TO), align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False) / 127.5 - 1
    x = x.view(1, FRAME_COUNT, 3, TO, TO)
    mean = x.mean((1, 2, 3, 4), keepdim=True)
    x = (x - mean) * colour["contrast"] + mean + colour["brightness"]
    x = (x + 1) * torch.tensor(colour["gains"], dtype=torch.float64).view(1, 1, 3, 1, 1) - 1
    if colour["gray"]:
        x = x.mean(2, keepdim=True).expand(-1, -1, 3, -1, -1)
    return x.clamp(-1, 1).permute(0, 3, 4, 1, 2).reshape(-1)


def audio_window(change):
    """[BINS, STEPS]."""
    a = torch.tensor(audio).t().unsqueeze(0)
    a = a + change["gain"] + torch.linspace(-1, 1, BINS, dtype=torch.float64).view(1, BINS, 1) * change["tilt"]
    theta = torch.zeros(1, 2, 3, dtype=torch.float64)
    theta[:, 0, 0] = 1
    theta[:, 1, 1] = change["scale"]
    theta[:, 1, 2] = change["shift"]
    grid = F.affine_grid(theta, (1, 1, BINS, STEPS), align_corners=False)
    a = F.grid_sample(a.unsqueeze(1), grid, padding_mode="border", align_corners=False)
    return a.clamp(-4, 4).reshape(-1)


TURNED = {"scale": 1.1, "aspect": 0.96, "angle": 0.13, "mirrored": False, "across": 0.07, "down": -0.05}
MIRRORED = {**TURNED, "scale": 1.4, "mirrored": True, "across": -0.3}
VIVID = {"contrast": 1.25, "brightness": -0.2, "gains": [1.1, 0.9, 1.02], "gray": False}
views = [("centre", 0.62, PLAIN, SAME), ("turned", 0.62, TURNED, SAME), ("mirrored, over the border", 0.9, MIRRORED, SAME),
         ("colours", 0.62, PLAIN, VIVID), ("gray", 0.62, TURNED, {**VIVID, "gray": True})]
audios = [{"gain": 0, "tilt": 0, "scale": 1, "shift": 0}, {"gain": 0.3, "tilt": -0.4, "scale": 1.05, "shift": -0.02},
          {"gain": -0.2, "tilt": 0.5, "scale": 0.95, "shift": 0.03}]

rounded = lambda values: [round(float(value), 7) for value in values]
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps({
    "madeBy": f"torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/sync-windows.py",
    "from": FROM, "to": TO, "frameCount": FRAME_COUNT, "bins": BINS, "steps": STEPS,
    "frames": frames.reshape(-1).tolist(), "audio": audio.reshape(-1).tolist(),
    "views": [{"name": n, "fraction": f, "view": v, "colour": c, "window": rounded(window(f, v, c))} for n, f, v, c in views],
    "audios": [{"change": change, "window": rounded(audio_window(change))} for change in audios],
}) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes")
