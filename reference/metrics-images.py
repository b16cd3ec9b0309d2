"""Reference numbers for the image metrics of @lipsync/metrics: SSIM and PSNR by scikit-image, the Laplacian by OpenCV, torchmetrics'
SSIM by its formula in PyTorch. Pictures are made by formula (formula_weights.py); the fixture holds results only.

Run: /usr/bin/python3 reference/metrics-images.py   (writes packages/metrics/fixtures/images.json)
"""
import json
import math
import pathlib
import platform
import sys

import cv2
import numpy as np
import skimage
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formula_weights

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/metrics/fixtures/images.json"


def pair(name, height, width, channels):
    """Two bytes images: squares of 8 x 8 pixels with grain, and the same with less contrast and other grain."""
    coarse = formula_weights.numbers(f"{name} squares", (-(-height // 8), -(-width // 8), channels), 0, 1).astype(np.float64)
    squares = coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
    grain = formula_weights.numbers(f"{name} grain", (height, width, channels), 0, 1).astype(np.float64)
    other = formula_weights.numbers(f"{name} other grain", (height, width, channels), 0, 1).astype(np.float64)
    real = 0.8 * squares + 0.2 * grain
    generated = 0.7 * squares + 0.1 * grain + 0.15 * other
    return [np.floor(255 * image + 0.5).astype(np.uint8) for image in (real, generated)]


def smooth_pair(height, width):
    """A dark ramp in floats, and the same a little brighter: where float32 loses the variances."""
    ramp = np.add.outer(np.arange(height), np.arange(width))[:, :, None] / (height + width) * np.array([0.02, 0.03, 0.05])
    return ramp + 0.9, ramp * 0.98 + 0.901


def torchmetrics_ssim(a, b, data_range, dtype):
    """Its formula: mirrored by 5, Gaussian of 11, variances clamped, the mean over the whole map."""
    x, y = [torch.from_numpy(p.astype(np.float64)).permute(2, 0, 1)[None].to(dtype) for p in (a, b)]
    channels = x.shape[1]
    x, y = [F.pad(p, (5, 5, 5, 5), mode="reflect") for p in (x, y)]
    taps = torch.exp(-((torch.arange(11, dtype=dtype) - 5) / 1.5) ** 2 / 2)
    taps = (taps / taps.sum())[:, None]
    kernel = (taps @ taps.T).expand(channels, 1, 11, 11).contiguous()
    mx, my, xx, yy, xy = [F.conv2d(p, kernel, groups=channels) for p in (x, y, x * x, y * y, x * y)]
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    vx, vy = (xx - mx**2).clamp(min=0), (yy - my**2).clamp(min=0)
    return float((((2 * mx * my + c1) * (2 * (xy - mx * my) + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


def ssims(a, b, data_range):
    channel = dict(channel_axis=-1)
    a, b = a.astype(np.float64), b.astype(np.float64)
    return {
        "gaussian": structural_similarity(a, b, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, **channel),
        "uniform7": structural_similarity(a, b, data_range=data_range, **channel),
        "torchmetrics": torchmetrics_ssim(a, b, data_range, torch.float64),
    }


def laplacians(image, mask):
    gray = image[:, :, 0] if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    exact = image.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) if image.shape[2] == 3 else gray.astype(np.float64)
    maps = {"1 8 bit": cv2.Laplacian(gray, cv2.CV_64F), "3 8 bit": cv2.Laplacian(gray, cv2.CV_64F, ksize=3),
            "1 exact": cv2.Laplacian(exact, cv2.CV_64F)}
    return {name: {"all": float(values.var()), "mask": float(values[mask > 0].var())} for name, values in maps.items()}


cases = []
for name, height, width, channels in [("wide", 64, 80, 3), ("odd", 33, 47, 3), ("least", 11, 13, 3), ("gray", 24, 31, 1)]:
    real, generated = pair(name, height, width, channels)
    mask = (formula_weights.numbers(f"{name} mask", (height, width), 0, 1) > 0.5).astype(np.float64)
    error = (real.astype(np.float64) - generated) ** 2
    masked = {colours: 10 * math.log10(255**2 / ((error * mask[:, :, None]).sum() / (mask.sum() * (channels if colours == "mean" else 1))))
              for colours in ("mean", "sum")}
    cases.append({"name": name, "height": height, "width": width, "channels": channels, "ssim": ssims(real, generated, 255),
                  "psnr": peak_signal_noise_ratio(real, generated, data_range=255), "maskedPsnr": masked,
                  "laplacianVariance": laplacians(real, mask)})

smooth = smooth_pair(48, 56)
content = {
    "madeBy": f"scikit-image {skimage.__version__}, opencv {cv2.__version__}, torch {torch.__version__}, numpy {np.__version__}, "
              f"Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/metrics-images.py",
    "cases": cases,
    "smooth": {"height": 48, "width": 56, "ssim": ssims(*smooth, 1), "psnr": peak_signal_noise_ratio(*smooth, data_range=1),
               "float32": torchmetrics_ssim(*smooth, 1, torch.float32)},
}
OUT.write_text(json.dumps(content, indent=1) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes")
print(json.dumps(content["smooth"]))
for case in cases:
    print(case["name"], case["ssim"], case["psnr"], case["maskedPsnr"])
