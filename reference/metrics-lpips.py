"""Reference numbers for LPIPS of @lipsync/metrics: its formula written anew in PyTorch over torchvision's networks. Weights and images are
made by formula (formula_weights.py); with LIPSYNC_SHARED (default ../shared) the same with LPIPS's published linear layers, whose numbers are
kept from the fixture where that folder is missing.

Run: /usr/bin/python3 reference/metrics-lpips.py   (writes packages/metrics/fixtures/lpips.json)
     /usr/bin/python3 reference/metrics-lpips.py --only-save FOLDER   (writes the made weights by torch.save as the published files lie)
"""
import json
import os
import pathlib
import platform
import sys

import numpy as np
import torch
import torchvision

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "reference"))
import formula_weights

OUT = ROOT / "packages/metrics/fixtures/lpips.json"
SHARED = pathlib.Path(ROOT, os.environ.get("LIPSYNC_SHARED", "../shared")) / "weights/lpips"
NETS = {
    "alex": ("alexnet", [1, 4, 7, 9, 11], [64, 192, 384, 256, 256], (64, 70)),
    "vgg": ("vgg16", [3, 8, 15, 22, 29], [64, 128, 256, 512, 512], (40, 35)),
    "squeeze": ("squeezenet1_1", [1, 4, 7, 9, 10, 11, 12], [64, 128, 256, 384, 384, 512, 512], (64, 70)),
}


def trunk(name):
    stack = getattr(torchvision.models, name)(weights=None).features
    stack.load_state_dict({key: torch.from_numpy(formula_weights.parameter(f"features.{key}", tuple(value.shape)))
                           for key, value in stack.state_dict().items()})
    for layer in stack.modules():
        if isinstance(layer, torch.nn.ReLU):
            layer.inplace = False
    return stack.eval().requires_grad_(False)


def taps(stack, x, layers):
    taken = []
    for index, layer in enumerate(stack[: max(layers) + 1]):
        x = layer(x)
        if index in layers:
            taken.append(x)
    return taken


def lpips(stack, layers, linear, a, b, epsilon):
    def scaled(x):
        shift, scale = torch.tensor([-0.030, -0.088, -0.188], dtype=x.dtype), torch.tensor([0.458, 0.448, 0.450], dtype=x.dtype)
        return (x - shift[:, None, None]) / scale[:, None, None]

    def unit(f):
        squares = (f**2).sum(1, keepdim=True)
        return f / (squares.sqrt() + 1e-10) if epsilon == "reference" else f / (squares + 1e-8).sqrt()

    total = 0
    for f, g, w in zip(taps(stack, scaled(a), layers), taps(stack, scaled(b), layers), linear):
        total = total + torch.nn.functional.conv2d((unit(f) - unit(g)) ** 2, w.to(f.dtype)).mean((1, 2, 3))
    return total


def pair(size, number=0):
    """Two batches of two images in -1..1, [2, 3, height, width] made in NHWC order."""
    return [torch.from_numpy(formula_weights.numbers(f"{name} {number}", (2, *size, 3), -1, 1).transpose(0, 3, 1, 2).copy())
            for name in ("real", "generated")]


def gradient(stack, layers, linear, size):
    """By the generated images in float64, of images for which float32 agrees: no ReLU or pool changes sides (nn-image-features.py)."""
    for number in range(50):
        both = []
        for dtype in (torch.float32, torch.float64):
            stack.to(dtype)
            a, b = [x.to(dtype) for x in pair(size, number)]
            b.requires_grad_(True)
            both.append(torch.autograd.grad(lpips(stack, layers, linear, a, b, "torchmetrics").mean(), b)[0].double())
        stack.float()
        if float((both[0] - both[1]).abs().max() / both[1].abs().max()) < 1e-5:
            flat = both[1].permute(0, 2, 3, 1).flatten()
            return {"number": number, "every": len(flat) // 200, "data": [float(f"{float(v):.8g}") for v in flat[:: len(flat) // 200]]}
    raise RuntimeError("no images without a jump")


def made_linear(channels):
    return [torch.from_numpy(formula_weights.numbers(f"lin{k}.model.1.weight", (1, count, 1, 1), 0, 2 / count)) for k, count in enumerate(channels)]


def save(folder):
    """<net>-trunk.pth and -linear.pth, and <net>-whole.pth in the legacy format; of torchvision's classifier one bias."""
    for net, (name, layers, channels, _) in NETS.items():
        features = trunk(name).state_dict()
        linear = {f"lin{k}.model.1.weight": weight for k, weight in enumerate(made_linear(channels))}
        torch.save({**{f"features.{key}": value for key, value in features.items()}, "classifier.6.bias": torch.zeros(1000)},
                   folder / f"{net}-trunk.pth")
        torch.save(linear, folder / f"{net}-linear.pth")
        def sliced(key):
            return 1 + sum(int(key.split(".")[0]) > last for last in layers)
        whole = {f"net.slice{sliced(key)}.{key}": value for key, value in features.items()}
        whole["scaling_layer.shift"] = torch.zeros(1, 3, 1, 1)
        torch.save({**whole, **linear, **{key.replace("lin", "lins."): value for key, value in linear.items()}}, folder / f"{net}-whole.pth",
                   _use_new_zipfile_serialization=False)


torch.set_num_threads(1)
if len(sys.argv) == 3 and sys.argv[1] == "--only-save":
    save(pathlib.Path(sys.argv[2]))
    sys.exit()
content = {
    "madeBy": f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/metrics-lpips.py",
    "nets": {},
}
before = json.loads(OUT.read_text())["nets"] if OUT.exists() else {}
for net, (name, layers, channels, size) in NETS.items():
    stack = trunk(name)
    linear = made_linear(channels)
    each = {"height": size[0], "width": size[1]}
    with torch.no_grad():
        double = [x.double() for x in pair(size)]
        stack.double()
        for epsilon in ("reference", "torchmetrics"):
            each[epsilon] = lpips(stack, layers, linear, *double, epsilon).tolist()
        if (SHARED / f"{net}.pth").exists():
            published = torch.load(SHARED / f"{net}.pth", map_location="cpu")
            own = [published[f"lin{k}.model.1.weight"] for k in range(len(layers))]
            each["published"] = lpips(stack, layers, own, *double, "reference").tolist()
        else:
            print(f"no {SHARED}/{net}.pth: its numbers stay as they were")
            each["published"] = before[net]["published"]
        stack.float()
    if net != "vgg":
        each["gradient"] = gradient(stack, layers, linear, size)
    content["nets"][net] = each
OUT.write_text(json.dumps(content) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes", {net: [each[key] for key in ("reference", "torchmetrics", "published")] for net, each in content["nets"].items()})
