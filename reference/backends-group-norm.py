"""GroupNorm and GroupNorm + SiLU with all gradients, by PyTorch in float64 on float32 inputs.

    /usr/bin/python3 reference/backends-group-norm.py

writes packages/backends/fixtures/group-norm.json.
"""
import json
import pathlib

import torch
from torch.nn import functional as F

CASES = [
    # batch, height, width, channels, groups, epsilon, activation
    (2, 3, 5, 32, 32, 1e-6, "silu"),
    (2, 4, 3, 64, 32, 1e-6, "none"),
    (3, 1, 1, 64, 8, 1e-6, "silu"),
    (2, 2, 3, 12, 3, 1e-5, "silu"),
    (2, 3, 3, 6, 2, 1e-5, "silu"),
]


def numbers(tensor):
    return [float(f"{float(value):.8g}") for value in tensor.detach().flatten()]


torch.manual_seed(7)
cases = []
for batch, height, width, channels, groups, epsilon, activation in CASES:
    shape = [batch, height, width, channels]
    # Rounded to four digits, so that the file stays small and the inputs are what they say.
    x, dy = ((torch.randn(shape) * 10000).round().double() / 10000 for _ in range(2))
    gamma, beta = ((torch.randn(channels) * 1000).round().double() / 1000 for _ in range(2))
    x, dy = (value.float().double() for value in (x * 1.5 + 0.3, dy))
    gamma, beta = (value.float().double() for value in (gamma, beta))
    for value in (x, gamma, beta):
        value.requires_grad_()
    y = F.group_norm(x.permute(0, 3, 1, 2), groups, gamma, beta, epsilon).permute(0, 2, 3, 1)
    y = F.silu(y) if activation == "silu" else y
    y.backward(dy)
    cases.append({
        "shape": shape, "groups": groups, "epsilon": epsilon, "activation": activation,
        "x": numbers(x), "gamma": numbers(gamma), "beta": numbers(beta), "dy": numbers(dy),
        "y": numbers(y), "dx": numbers(x.grad), "dgamma": numbers(gamma.grad), "dbeta": numbers(beta.grad),
    })

path = pathlib.Path(__file__).parent.parent / "packages/backends/fixtures/group-norm.json"
path.parent.mkdir(exist_ok=True)
made = {"program": f"PyTorch {torch.__version__}", "command": "/usr/bin/python3 reference/backends-group-norm.py", "layout": "NHWC"}
path.write_text(json.dumps({**made, "cases": cases}) + "\n")
