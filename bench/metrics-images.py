"""The other side of metrics-images.mjs: SSIM and PSNR by scikit-image, the Laplacian by OpenCV, LPIPS by PyTorch, one thread.

    /usr/bin/python3 bench/metrics-images.py <size> <rounds> <batch>

Prints one JSON line: name to wall and processor milliseconds a pair, the least of the rounds after one that does not count.
"""
import json
import sys
import time

import cv2
import numpy as np
import torch
import torchvision
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn import functional as F

size, rounds, batch = (int(value) for value in sys.argv[1:4])
torch.set_num_threads(1)
cv2.setNumThreads(1)


def best(run, pairs=1):
    least = [float("inf")] * 2
    for i in range(rounds + 1):
        start = time.perf_counter(), time.process_time()
        run()
        figures = [1e3 * (time.perf_counter() - start[0]) / pairs, 1e3 * (time.process_time() - start[1]) / pairs]
        if i > 0:
            least = [min(pair) for pair in zip(least, figures)]
    return least


def torchmetrics_ssim(x, y):
    """Its formula in float32."""
    x, y = [F.pad(p, (5, 5, 5, 5), mode="reflect") for p in (x, y)]
    taps = torch.exp(-((torch.arange(11.0) - 5) / 1.5) ** 2 / 2)
    taps = (taps / taps.sum())[:, None]
    kernel = (taps @ taps.T).expand(3, 1, 11, 11).contiguous()
    mx, my, xx, yy, xy = F.conv2d(torch.cat([x, y, x * x, y * y, x * y]), kernel, groups=3)
    c1, c2 = 2.55**2, 7.65**2
    return float((((2 * mx * my + c1) * (2 * (xy - mx * my) + c2)) / ((mx**2 + my**2 + c1) * ((xx - mx**2) + (yy - my**2) + c2))).mean())


def lpips(stack, layers, linear, a, b):
    def taps(x):
        for index, layer in enumerate(stack[: max(layers) + 1]):
            x = layer(x)
            if index in layers:
                yield x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
    return sum(F.conv2d((f - g) ** 2, w).mean((1, 2, 3)) for f, g, w in zip(taps(a), taps(b), linear)).tolist()


real, generated = (np.random.randint(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(2))
floats = [torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in (real, generated)]
gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
figures = {
    "SSIM gaussian": best(lambda: structural_similarity(real, generated, channel_axis=-1, data_range=255, **gaussian)),
    "SSIM uniform7": best(lambda: structural_similarity(real, generated, channel_axis=-1, data_range=255)),
    "SSIM torchmetrics": best(lambda: torchmetrics_ssim(*floats)),
    "PSNR": best(lambda: peak_signal_noise_ratio(real, generated, data_range=255)),
    "sharpness": best(lambda: cv2.Laplacian(cv2.cvtColor(real, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()),
}
nets = {"alex": ("alexnet", [1, 4, 7, 9, 11], [64, 192, 384, 256, 256]), "vgg": ("vgg16", [3, 8, 15, 22, 29], [64, 128, 256, 512, 512]),
        "squeeze": ("squeezenet1_1", [1, 4, 7, 9, 10, 11, 12], [64, 128, 256, 384, 384, 512, 512])}
with torch.no_grad():
    for net, (name, layers, channels) in nets.items():
        stack = getattr(torchvision.models, name)(weights=None).features.eval()
        for layer in stack.modules():
            if isinstance(layer, torch.nn.ReLU):
                layer.inplace = False
        linear = [torch.rand(1, count, 1, 1) for count in channels]
        pair = [torch.rand(batch, 3, size, size) for _ in range(2)]
        figures[f"LPIPS {net}"] = best(lambda: lpips(stack, layers, linear, *pair), batch)
print(json.dumps(figures))
