"""Reference numbers for @lipsync/metrics: I3D and one FVD from clips to the number.

The network is written here from its description: Inception blocks of conv3d (TensorFlow's SAME padding, no bias), BatchNorm3d (eps 1e-3) and
ReLU; average pool of 2 x 7 x 7 at stride 1; logits by a 1x1x1 convolution with bias, averaged over time. Weights and clips are made by formula
(formula_weights.py). Clips of 64 x 64 pixels leave a map of 2 x 2 before the last pool, which is then averaged whole.

Run: /usr/bin/python3 reference/metrics-i3d.py   (writes packages/metrics/fixtures/i3d.json)
     … --files FOLDER also saves the network there, as torch saves it now, as it did before 1.6, and as a TorchScript archive, for
     network-files.test.ts; and the logits of one clip of 224 x 224
"""
import json
import pathlib
import platform
import sys

import numpy as np
import scipy
import scipy.linalg
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formula_weights

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/metrics/fixtures/i3d.json"


def same(x, kernel, stride):
    """Zeros as TensorFlow's SAME puts them."""
    pads = []
    for axis in (4, 3, 2):  # F.pad begins with the last axis
        side, k, s = x.shape[axis], kernel[axis - 2], stride[axis - 2]
        total = max(k - s if side % s == 0 else k - side % s, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def pool(kernel, stride):
    return lambda x: F.max_pool3d(same(x, kernel, stride), kernel, stride)


class Unit(nn.Module):
    def __init__(self, inputs, outputs, kernel=1, stride=1):
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv3d(same(x, self.kernel, self.stride))))


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.b0 = Unit(inputs, outputs[0])
        self.b1a, self.b1b = Unit(inputs, outputs[1]), Unit(outputs[1], outputs[2], 3)
        self.b2a, self.b2b = Unit(inputs, outputs[3]), Unit(outputs[3], outputs[4], 3)
        self.b3b = Unit(inputs, outputs[5])

    def forward(self, x):
        pooled = pool((3, 3, 3), (1, 1, 1))(x)
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], 1)


class Logits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv3d = nn.Conv3d(1024, 400, 1)


class I3D(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        self.Mixed_3b = Block(192, [64, 96, 128, 16, 32, 32])
        self.Mixed_3c = Block(256, [128, 128, 192, 32, 96, 64])
        self.Mixed_4b = Block(480, [192, 96, 208, 16, 48, 64])
        self.Mixed_4c = Block(512, [160, 112, 224, 24, 64, 64])
        self.Mixed_4d = Block(512, [128, 128, 256, 24, 64, 64])
        self.Mixed_4e = Block(512, [112, 144, 288, 32, 64, 64])
        self.Mixed_4f = Block(528, [256, 160, 320, 32, 128, 128])
        self.Mixed_5b = Block(832, [256, 160, 320, 32, 128, 128])
        self.Mixed_5c = Block(832, [384, 192, 384, 48, 128, 128])
        self.logits = Logits()

    def forward(self, x):
        x = pool((1, 3, 3), (1, 2, 2))(self.Conv3d_1a_7x7(x))
        x = pool((1, 3, 3), (1, 2, 2))(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)))
        x = pool((3, 3, 3), (2, 2, 2))(self.Mixed_3c(self.Mixed_3b(x)))
        x = self.Mixed_4f(self.Mixed_4e(self.Mixed_4d(self.Mixed_4c(self.Mixed_4b(x)))))
        x = self.Mixed_5c(self.Mixed_5b(pool((2, 2, 2), (2, 2, 2))(x)))
        x = F.avg_pool3d(x, (2, min(7, x.shape[3]), min(7, x.shape[4])), 1)
        return self.logits.conv3d(x).squeeze(4).squeeze(3).mean(2)


def clips(name, count, frames, height, width):
    """[count, 3, frames, height, width] in 0..1: squares of 8 x 8 pixels, another pattern every second frame."""
    coarse = formula_weights.numbers(name, (count, -(-frames // 2), -(-height // 8), -(-width // 8), 3), 0, 1)
    fine = coarse.repeat(2, axis=1).repeat(8, axis=2).repeat(8, axis=3)[:, :frames, :height, :width]
    return torch.from_numpy(np.ascontiguousarray(fine.transpose(0, 4, 1, 2, 3)))


def resized(x, size):
    batch, colours, frames, height, width = x.shape
    flat = x.permute(0, 2, 1, 3, 4).reshape(batch * frames, colours, height, width)
    flat = F.interpolate(flat, size=(size, size), mode="bilinear", align_corners=False)
    return flat.reshape(batch, frames, colours, size, size).permute(0, 2, 1, 3, 4)


def frechet(x, y):
    """scipy.linalg.sqrtm of a product of few samples is singular: 1e-6 on the diagonals where its root is not finite, as usual."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b)
    if not np.isfinite(root).all():
        offset = 1e-6 * np.eye(len(a))
        root = scipy.linalg.sqrtm((a + offset) @ (b + offset))
    mean = x.mean(0) - y.mean(0)
    return float(mean @ mean + np.trace(a) + np.trace(b) - 2 * np.trace(root).real)


def rounded(values):
    return [float(f"{float(value):.8g}") for value in values]


torch.set_num_threads(1)
net = formula_weights.fill(I3D()).eval()
state = net.state_dict()
with torch.no_grad():
    content = {
        "madeBy": f"torch {torch.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, Python {platform.python_version()}",
        "command": "/usr/bin/python3 reference/metrics-i3d.py",
        "parameters": sum(value.numel() for value in net.parameters()),
        "shapes": {name: list(value.shape) for name, value in state.items()},
        "short": rounded(net(2 * clips("short", 2, 16, 64, 64) - 1).flatten()[::2]),
        "long": rounded(net(2 * clips("long", 1, 27, 48, 70) - 1).flatten()[::2]),
    }
    fvd = {"clips": 5, "frameCount": 16, "height": 30, "width": 36, "size": 32}
    sets = [resized(clips(name, 5, 16, 30, 36), 32) for name in ("real", "generated")]
    for name, scale in [("[-1,1]", lambda x: 2 * x - 1), ("[0,1]", lambda x: x)]:
        real, generated = [net(scale(x)).double().numpy() for x in sets]
        fvd[name] = frechet(real, generated)
    content["fvd"] = fvd
OUT.write_text(json.dumps(content) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes", content["parameters"], content["fvd"])

if "--files" in sys.argv:
    folder = pathlib.Path(sys.argv[sys.argv.index("--files") + 1])
    torch.save(state, folder / "i3d.pth")
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, folder / "i3d-legacy.pth",
               _use_new_zipfile_serialization=False)
    with torch.no_grad():
        torch.jit.trace(net, torch.zeros(1, 3, 16, 64, 64)).save(str(folder / "i3d-script.pt"))
        logits = rounded(net(2 * clips("full", 1, 16, 224, 224) - 1)[0])
    (folder / "i3d-full.json").write_text(json.dumps(logits) + "\n")
