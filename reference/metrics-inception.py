"""Reference numbers for @lipsync/metrics: the Inception-v3 of FID, its preprocessing, and one FID from images to the number.

The network is torchvision's inception_v3 (1008 classes, no auxiliary head) with the pools of the FID variant put in: averages that leave
the padding out in blocks A, C and the first E, the maximum in the last block. Weights and images are made by formula (formula_weights.py).

Run: /usr/bin/python3 reference/metrics-inception.py   (writes packages/metrics/fixtures/inception.json)
     … --files FOLDER also saves the network there, as torch saves it now and as it did before 1.6, for network-files.test.ts
"""
import json
import pathlib
import platform
import sys

import numpy as np
import scipy
import scipy.linalg
import torch
import torchvision
from torch.nn import functional as F
from torchvision.models import inception

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formula_weights

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/metrics/fixtures/inception.json"


def average(x):
    return F.avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)


class A(inception.InceptionA):
    def forward(self, x):
        return torch.cat([self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)),
                          self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))), self.branch_pool(average(x))], 1)


class C(inception.InceptionC):
    def forward(self, x):
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        return torch.cat([self.branch1x1(x), self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
                          self.branch7x7dbl_5(self.branch7x7dbl_4(double)), self.branch_pool(average(x))], 1)


class E(inception.InceptionE):
    def forward(self, x):
        single, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.last else average(x)
        return torch.cat([self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single), self.branch3x3dbl_3a(double),
                          self.branch3x3dbl_3b(double), self.branch_pool(pooled)], 1)


def fid_network():
    net = torchvision.models.inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    for block in [net.Mixed_5b, net.Mixed_5c, net.Mixed_5d]:
        block.__class__ = A
    for block in [net.Mixed_6b, net.Mixed_6c, net.Mixed_6d, net.Mixed_6e]:
        block.__class__ = C
    for block, last in [(net.Mixed_7b, False), (net.Mixed_7c, True)]:
        block.__class__ = E
        block.last = last
    return formula_weights.fill(net).eval()


def features(net, x):
    """Means over the image at the four depths."""
    taken = {}
    x = net.maxpool1(net.Conv2d_2b_3x3(net.Conv2d_2a_3x3(net.Conv2d_1a_3x3(x))))
    taken[64] = x
    x = net.maxpool2(net.Conv2d_4a_3x3(net.Conv2d_3b_1x1(x)))
    taken[192] = x
    for name in ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"]:
        x = getattr(net, f"Mixed_{name}")(x)
    taken[768] = x
    for name in ["7a", "7b", "7c"]:
        x = getattr(net, f"Mixed_{name}")(x)
    taken[2048] = x
    return {count: F.adaptive_avg_pool2d(value, 1).flatten(1) for count, value in taken.items()}


def images(name, count, height, width):
    """[count, 3, height, width] in 0..1: a coarse pattern stretched, so that images differ in more than noise."""
    coarse = formula_weights.numbers(name, (count, -(-height // 8), -(-width // 8), 3), 0, 1)
    fine = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return torch.from_numpy(np.ascontiguousarray(fine.transpose(0, 3, 1, 2)))


def pytorch_fid(x, size):
    return 2 * F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False) - 1


def tensorflow1(x, size):
    """Bilinear where output pixel i lies at i * in / out of the input, without half-pixel centres (torch-fidelity)."""
    def weights(count):
        at = np.arange(size) * (count / size)
        low = np.floor(at).astype(int)
        matrix = np.zeros((size, count))
        for i in range(size):
            matrix[i, low[i]] += 1 - (at[i] - low[i])
            matrix[i, min(low[i] + 1, count - 1)] += at[i] - low[i]
        return torch.from_numpy(matrix)
    eight = (x * 255).round().double()
    resized = torch.einsum("ih,bchw,jw->bcij", weights(x.shape[2]), eight, weights(x.shape[3]))
    return ((resized - 128) / 128).float()


def antialiased(x, size):
    eight = (x * 255).round()
    return (F.interpolate(eight, size=(size, size), mode="bilinear", align_corners=False, antialias=True) - 128) / 128


def samples(x):
    """Some numbers of [1, 3, size, size], in NHWC order."""
    flat = x.permute(0, 2, 3, 1).flatten()
    return [float(value) for value in flat[torch.arange(0, len(flat), 997)]]


def frechet(x, y):
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b)
    mean = x.mean(0) - y.mean(0)
    return float(mean @ mean + np.trace(a) + np.trace(b) - 2 * np.trace(root).real)


def rounded(values):
    return [float(f"{float(value):.8g}") for value in values]


torch.set_num_threads(1)
net = fid_network()
state = net.state_dict()
content = {
    "madeBy": f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, "
              f"Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/metrics-inception.py",
    "parameters": sum(value.numel() for name, value in net.named_parameters() if not name.startswith("fc.")),
    "shapes": {name: list(value.shape) for name, value in state.items()},
}
with torch.no_grad():
    small = pytorch_fid(images("small", 2, 64, 80), 107)
    content["small"] = {str(count): rounded(value.flatten()[:: max(1, value.numel() // 256)])
                        for count, value in features(net, small).items()}
    content["full"] = rounded(features(net, pytorch_fid(images("full", 1, 96, 128), 299))[2048][0][::8])

    preprocessing = []
    for name, height, width in [("up", 50, 62), ("down", 150, 131)]:
        x = images(name, 1, height, width)
        preprocessing.append({"name": name, "height": height, "width": width, "size": 99,
                              "pytorch-fid": samples(pytorch_fid(x, 99)), "torch-fidelity": samples(tensorflow1(x, 99)),
                              "torchmetrics": samples(antialiased(x, 99))})
    content["preprocessing"] = preprocessing

    # 64 features keep the covariance of a few images of full rank and the test short.
    real, generated = [features(net, pytorch_fid(images(name, 80, 40, 40), 75))[64].double().numpy() for name in ("real", "generated")]
    content["fid"] = {"images": 80, "height": 40, "width": 40, "size": 75, "features": 64, "value": frechet(real, generated)}
OUT.write_text(json.dumps(content) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes", content["parameters"], content["fid"])

if "--files" in sys.argv:
    folder = pathlib.Path(sys.argv[sys.argv.index("--files") + 1])
    torch.save(state, folder / "inception.pth")
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, folder / "inception-legacy.pth",
               _use_new_zipfile_serialization=False)
