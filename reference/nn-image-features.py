"""Reference values for the image networks of @lipsync/nn and the distances made of them, by torchvision: AlexNet, VGG-16, VGG-19 and
SqueezeNet 1.1. Weights and images are made by formula (formula_weights.py).

A gradient jumps where rounding changes the sign under a ReLU, an L1 or the choice of a pool: PyTorch's own float32 then differs from its float64
by up to 3e-2. Images are therefore taken by number until PyTorch agrees with itself to 1e-4 and a change of the images by 1e-6
does not make it jump; the fixture has the values and the gradients in float64.

Run: /usr/bin/python3 reference/nn-image-features.py   (writes packages/nn/fixtures/image-features.json)
"""
import json
import pathlib
import platform
import sys

import numpy as np
import torch
import torchvision
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formula_weights

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/nn/fixtures/image-features.json"
TAPS = {"alexnet": [0, 1, 4, 7, 9, 12], "vgg16": [3, 8, 15, 22, 30], "vgg19": [1, 6, 11, 20, 29], "squeezenet1_1": [1, 4, 7, 9, 12]}


def features(name):
    """The weights are those of the names in the whole network: features.0.weight."""
    stack = getattr(torchvision.models, name)(weights=None).features
    state = {key: torch.from_numpy(formula_weights.parameter(f"features.{key}", tuple(value.shape))) for key, value in stack.state_dict().items()}
    stack.load_state_dict(state)
    for layer in stack.modules():
        if isinstance(layer, torch.nn.ReLU):
            layer.inplace = False
    return stack.eval().requires_grad_(False)


def taps(stack, x, layers):
    taken = []
    for index, layer in enumerate(stack):
        if index > max(layers):
            break
        x = layer(x)
        if index in layers:
            taken.append(x)
    return taken


def images(name, shape):
    """[batch, 3, height, width] of independent values in 0..1, made in NHWC order."""
    batch, height, width = shape
    return torch.from_numpy(formula_weights.numbers(name, (batch, height, width, 3), 0, 1).transpose(0, 3, 1, 2).copy())


def without_jumps(stack, run, start=0):
    """What run(images, dtype) gives in float64, [values, gradients], and the first number of images from start on near which no jump lies."""
    def same(a, b):
        return all(float((x - y).abs().max() / y.abs().max()) < 1e-4 for x, y in zip(a[1], b[1]))

    for number in range(start, start + 200):
        made = lambda name, shape: images(f"{name} {number}", shape)
        single = run(stack.float(), made, torch.float32)
        double = run(stack.double(), made, torch.float64)
        shaken = lambda seed: run(stack, lambda *a: made(*a) + 3e-6 * (images(f"shake {seed}", a[1]).double() - 0.5), torch.float64)
        near = same(single, double) and all(same(shaken(seed), double) for seed in range(3))
        stack.float()
        if near:
            return number, double
    raise RuntimeError("no images without a jump")


def normalised(x):
    mean, std = torch.tensor([0.485, 0.456, 0.406], dtype=x.dtype), torch.tensor([0.229, 0.224, 0.225], dtype=x.dtype)
    return (x - mean[:, None, None]) / std[:, None, None]


def numbers(x, count=200):
    """Values of a tensor in NHWC order, evenly spaced, and their spacing."""
    flat = x.detach().permute(0, 2, 3, 1).flatten()
    every = max(1, len(flat) // count)
    return {"shape": [x.shape[0], x.shape[2], x.shape[3], x.shape[1]], "every": every, "data": [float(f"{float(v):.8g}") for v in flat[::every]]}


def dinet(vgg19, real, generated):
    terms = []
    for a, b in [(real, generated), (F.interpolate(real, scale_factor=0.5, mode="bilinear", align_corners=False),
                                     F.avg_pool2d(generated, 3, 2, 1, count_include_pad=False))]:
        for x, y in zip(taps(vgg19, normalised(a), [1, 6, 11, 20, 29]), taps(vgg19, normalised(b), [1, 6, 11, 20, 29])):
            terms.append((x - y).abs().mean((1, 2, 3)))
    return sum(terms) / len(terms)


def coursework(vgg16, real, generated):
    pairs = zip(taps(vgg16, normalised(real), [15, 22, 29]), taps(vgg16, normalised(generated), [15, 22, 29]))
    return sum(((x - y) ** 2).mean((1, 2, 3)) for x, y in pairs)


def distance(function, stack, size, start=0):
    """One value for each image, and the gradients of their mean by both images."""
    def run(stack, made, dtype):
        pair = [made(name, (2, *size)).to(dtype).requires_grad_(True) for name in ("real", "generated")]
        value = function(stack, *pair)
        return value, torch.autograd.grad(value.mean(), pair)
    number, (value, (by_real, by_generated)) = without_jumps(stack, run, start)
    return {"number": number, "height": size[0], "width": size[1], "value": [float(v) for v in value], "byReal": numbers(by_real),
            "byGenerated": numbers(by_generated)}


torch.set_num_threads(1)
content = {
    "madeBy": f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/nn-image-features.py",
    "networks": {},
}
for name, layers in TAPS.items():
    stack = features(name)
    whole = getattr(torchvision.models, name)(weights=None).state_dict()
    def run(stack, made, dtype):
        x = normalised(made("features", (1, 64, 71)).to(dtype)).requires_grad_(True)
        taken = taps(stack, x, layers)
        return taken, torch.autograd.grad(taken[-1].mean(), x)

    number, (taken, (gradient,)) = without_jumps(stack, run)
    content["networks"][name] = {
        "parameters": sum(value.numel() for value in stack.state_dict().values()),
        "depth": len(stack),
        "shapes": {key: list(value.shape) for key, value in whole.items() if key.startswith("features.")},
        "number": number, "height": 64, "width": 71,
        "taps": [{"layer": layer, **numbers(value)} for layer, value in zip(layers, taken)],
        "gradient": numbers(gradient),
    }
    if name == "vgg19":
        content["dinet"] = distance(dinet, stack, (32, 34), 34)  # none before
    if name == "vgg16":
        content["coursework"] = distance(coursework, stack, (20, 17))
OUT.write_text(json.dumps(content) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes", {name: each["parameters"] for name, each in content["networks"].items()})
print([each["number"] for each in [*content["networks"].values(), content["dinet"], content["coursework"]]])
