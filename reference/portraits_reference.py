"""What the references of @lipsync/portraits share; does nothing by itself."""
import json
import platform
from pathlib import Path

import numpy as np
import torch

import formula_weights as formula

FIXTURES = Path(__file__).resolve().parent.parent / "packages" / "portraits" / "fixtures"


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


def gradients(module, most=20):
    return {name: shares(p.grad, most) for name, p in module.named_parameters() if p.grad is not None}


def shapes(module):
    return [[name, list(value.shape)] for name, value in module.state_dict().items()]


def write(name, program, content):
    path = FIXTURES / name
    made_by = {"program": program, "versions": {"python": platform.python_version(), "torch": torch.__version__}, "command": f"python3 {program}"}
    path.write_text(json.dumps({**made_by, **content}, separators=(",", ":")) + "\n")
    print(path.name, path.stat().st_size)


class Random:
    """The random numbers of @lipsync/nn's Random: xoshiro128** seeded by a hash of integers, Box and Muller's normal ones."""

    def __init__(self, *integers):
        self.spare = None
        lanes = [0x9E3779B9, 0x243F6A88, 0xB7E15162, 0x8AED2A6A]

        def mix(bits):
            bits = ((bits ^ (bits >> 16)) * 0x85EBCA6B) & MASK
            bits = ((bits ^ (bits >> 13)) * 0xC2B2AE35) & MASK
            return bits ^ (bits >> 16)

        words = [word for i in integers for word in (i & MASK, (i >> 32) & MASK)]
        for word in [*words, len(integers), 0]:
            for lane in range(4):
                product = (word * (0x9E3779B1 + 2 * lane)) & MASK
                lanes[lane] = (mix(lanes[lane] ^ product ^ (lanes[(lane + 1) & 3] >> 7)) + word) & MASK
        self.state = lanes

    def bits(self):
        a, b, c, d = self.state
        product = (b * 5) & MASK
        result = (((product << 7) | (product >> 25)) * 9) & MASK
        shifted = (b << 9) & MASK
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        self.state = [a, b, c, ((d << 11) | (d >> 21)) & MASK]
        return result

    def uniform(self):
        return ((self.bits() >> 5) * 2**26 + (self.bits() >> 6)) / 2**53

    def normal(self):
        if self.spare is not None:
            kept, self.spare = self.spare, None
            return kept
        radius, angle = np.sqrt(-2 * np.log(1 - self.uniform())), 2 * np.pi * self.uniform()
        self.spare = radius * np.sin(angle)
        return radius * np.cos(angle)


MASK = 0xFFFFFFFF
