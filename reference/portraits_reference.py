"""What the references of @lipsync/portraits share; does nothing by itself."""
import json
import platform
from pathlib import Path

import numpy as np
import torch

import formula_weights as formula

FIXTURES = Path(__file__).resolve().parent.parent / "packages" / "portraits" / "fixtures"
torch.set_num_threads(1)


def shares(tensor, most=60):
    """A summary: largest magnitude, root mean square, and every step-th value, at most `most` and a few."""
    values = tensor.detach().double().reshape(-1).numpy()
    step = max(1, len(values) // most)
    return {
        "largest": float(np.abs(values).max()), "rms": float(np.sqrt((values**2).mean())), "step": step,
        "numbers": [float("%.7g" % value) for value in values[::step]],
    }


def made(name, shape, low=-1, high=1):
    return torch.from_numpy(formula.numbers(name, shape, low, high)).double().requires_grad_(True)


def weighted(y):
    """The mean of y times cos(0.9 i + 0.3), in the order of our axes (channels last)."""
    wave = torch.cos(0.9 * torch.arange(y.numel(), dtype=torch.float64) + 0.3)
    return (y.reshape(-1) * wave).mean()


def gradients(module):
    return {name: shares(p.grad, 20) for name, p in module.named_parameters() if p.grad is not None}


def shapes(module):
    return [[name, list(value.shape)] for name, value in module.state_dict().items()]


def write(name, program, content):
    path = FIXTURES / name
    made_by = {"program": program, "versions": {"python": platform.python_version(), "torch": torch.__version__}, "command": f"python3 {program}"}
    path.write_text(json.dumps({**made_by, **content}, separators=(",", ":")) + "\n")
    print(path.name, path.stat().st_size)
