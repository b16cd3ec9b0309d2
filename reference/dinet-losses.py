"""Reference numbers for the losses and the training step of @lipsync/dinet, by PyTorch: /usr/bin/python3 reference/dinet-losses.py

A small painter, judges and sync experts of our own with weights by formula (formula_weights.py), the same as in packages/dinet/tests/trainer-parts.ts;
VGG-19 with made weights. Two steps as DINet takes them: both discriminators learn from real and painted pictures, then the generator with fresh
scores. Writes packages/dinet/fixtures/losses.json: losses of both steps, and the gradients of the first by every parameter.

A gradient jumps where rounding changes the sign under a ReLU or an L1: pictures are taken by number until PyTorch's float32 agrees with its float64
to 2e-4 of each tensor's largest and a change of the pictures by 1e-6 makes nothing jump; the fixture has the float64 numbers.
"""
import json
import pathlib
import platform
import sys

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formula_weights as formula

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/dinet/fixtures/losses.json"
OUT.parent.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)
LEARNING_RATE = 1e-3
SIDE = 32
WEIGHTS = {"perceptual": 10, "gan": 1, "ganClip": 1, "sync": 0.1, "image": 1}


class Painter(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3 + 6 + 3, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, masked, references, audio):
        sound = audio.mean(2)[:, :, None, None].expand(-1, -1, *masked.shape[2:])
        return torch.sigmoid(self.last(F.relu(self.first(torch.cat([masked, references, sound], 1)))))


class Judge(nn.Module):
    def __init__(self, pictures):
        super().__init__()
        self.first = nn.Conv2d(3 * pictures, 4, 4)
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        return self.last(F.avg_pool2d(F.leaky_relu(self.first(x), 0.2), 2))


class Expert(nn.Module):
    def __init__(self, space):
        super().__init__()
        self.space = space
        self.visual = nn.Linear(8 * 8 * 15, 8)
        self.sound = nn.Linear(80 * 16, 8)
        self.cells = nn.Linear(8, 4)

    def loss(self, painted, mel):
        rows = painted[:, :, 4:12, 4:12].reshape(-1, 5, 3, 8, 8).permute(0, 3, 4, 1, 2)  # [rows, y, x, frame, colour]
        seen, heard = self.visual(rows.flatten(1)), self.sound(mel.flatten(1))
        if self.space == "unit":
            return ((F.cosine_similarity(F.relu(seen), F.relu(heard)) - 1) ** 2).mean()
        return F.mse_loss(self.cells(seen * heard), torch.ones(len(seen), 4, dtype=seen.dtype))


def filled(module, prefix, dtype):
    state = {name: torch.from_numpy(np.array(formula.parameter(f"{prefix}.{name}", tuple(value.shape)))) for name, value in module.state_dict().items()}
    module.load_state_dict(state)
    return module.to(dtype)


def vgg19():
    stack = torchvision.models.vgg19(weights=None).features
    state = {key: torch.from_numpy(formula.parameter(f"features.{key}", tuple(value.shape))) for key, value in stack.state_dict().items()}
    stack.load_state_dict(state)
    for layer in stack.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return stack.eval().requires_grad_(False)


def perceptual(stack, real, painted):
    mean, std = (torch.tensor(x, dtype=real.dtype)[:, None, None] for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))

    def taps(x):
        x, taken = (x - mean) / std, []
        for index, layer in enumerate(stack[:30]):
            x = layer(x)
            if index in (1, 6, 11, 20, 29):
                taken.append(x)
        return taken

    halves = (F.interpolate(real, scale_factor=0.5, mode="bilinear", align_corners=False), F.avg_pool2d(painted, 3, 2, 1, count_include_pad=False))
    return sum(F.l1_loss(y, x) for a, b in ((real, painted), halves) for x, y in zip(taps(a), taps(b))) / 10


def windows(x):
    return x.reshape(-1, 15, *x.shape[2:])


def pictures(name, shape, shake, dtype):
    """NHWC by formula, as NCHW."""
    numbers = formula.numbers(name, shape, 0, 1).astype(np.float64 if dtype == torch.float64 else np.float32)
    if shake:
        numbers = numbers + 2e-6 * (formula.numbers(f"shake {shake} {name}", shape, 0, 1) - 0.5)
    return torch.from_numpy(np.ascontiguousarray(numbers.transpose(0, 3, 1, 2))).to(dtype)


def run(stage, stack, number, dtype, shake=0):
    """Losses of two steps and the gradients of the first."""
    rows, frames, space, seen = stage["rows"], stage["frameCount"], stage["space"], stage["vgg"]
    stack.to(dtype)
    count, name = rows * frames, f"{stage['name']} {number}"
    real, masked = (pictures(f"{name} {what}", (count, SIDE, SIDE, 3), shake, dtype) for what in ("real", "masked"))
    references = pictures(f"{name} references", (count, SIDE, SIDE, 6), shake, dtype)
    audio = torch.from_numpy(formula.numbers(f"{name} audio", (count, 3, 5), 0, 1)).to(dtype)
    mel = torch.from_numpy(formula.numbers(f"{name} sync audio", (rows, 80, 16, 1), 0, 1)).to(dtype)
    painter = filled(Painter(), "generator", dtype)
    frame, clip = filled(Judge(1), "frame", dtype), filled(Judge(5), "clip", dtype)
    expert = filled(Expert(space), "expert", dtype).requires_grad_(False) if space else None
    judges = [("frameDiscriminator", frame, lambda x: x)] + ([("clipDiscriminator", clip, windows)] if frames == 5 else [])
    optimizers = {net: torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE) for net in (painter, frame, clip)}
    reports, gradients = [], {}

    def note(prefix, net):
        if not reports:
            gradients.update({f"{prefix}.{key}": value.grad.detach().clone() for key, value in net.named_parameters()})

    for _ in range(2):
        report = {}
        painted = painter(masked, references, audio)
        for label, net, view in judges:
            optimizers[net].zero_grad()
            loss = 0.5 * (((net(view(real)) - 1) ** 2).mean() + (net(view(painted.detach())) ** 2).mean())
            loss.backward()
            note({"frameDiscriminator": "frame_discriminator", "clipDiscriminator": "clip_discriminator"}[label], net)
            optimizers[net].step()
            report[label] = loss
        terms = {"gan": ((frame(painted) - 1) ** 2).mean(), "image": F.mse_loss(painted, real)}
        if seen:
            terms["perceptual"] = perceptual(stack, real, painted)
        if frames == 5:
            terms["ganClip"] = ((clip(windows(painted)) - 1) ** 2).mean()
        if expert:
            terms["sync"] = expert.loss(painted, mel)
        total = sum(WEIGHTS[key] * value for key, value in terms.items())
        optimizers[painter].zero_grad()
        total.backward()
        note("generator", painter)
        report["gradientNorm"] = sum((value.grad ** 2).sum() for value in painter.parameters()) ** 0.5
        optimizers[painter].step()
        report = {**report, **terms, "generator": total}
        reports.append({key: float(value) for key, value in report.items()})
    return reports, gradients


def same(a, b):
    return all(float((a[1][key] - b[1][key]).abs().max() / (b[1][key].abs().max() + 1e-12)) < 2e-4 for key in a[1])


def without_jumps(stage, stack):
    for number in range(stage.get("from", 0), 60):
        double = run(stage, stack, number, torch.float64)
        if all(same(run(stage, stack, number, torch.float64, shake), double) for shake in (1, 2)) and same(run(stage, stack, number, torch.float32), double):
            return number, double
    raise RuntimeError(f"no pictures without a jump: {stage['name']}")


STAGES = [
    {"name": "frame", "rows": 2, "frameCount": 1, "space": None, "vgg": True},
    {"name": "clip", "rows": 1, "frameCount": 5, "space": "unit", "vgg": True},
    {"name": "clip without perceptual loss", "rows": 2, "frameCount": 5, "space": "unit", "vgg": False},
    {"name": "clip by a map of scores", "rows": 2, "frameCount": 5, "space": "joint", "vgg": False},
]
stack = vgg19()
content = {
    "madeBy": f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    "command": "/usr/bin/python3 reference/dinet-losses.py",
    "side": SIDE,
    "learningRate": LEARNING_RATE,
    "stages": [],
}
for stage in STAGES:
    number, (reports, gradients) = without_jumps(stage, stack)
    numbers = {key: {"shape": list(value.shape), "data": [float(f"{float(v):.8g}") for v in value.flatten()]} for key, value in gradients.items()}
    content["stages"].append({**stage, "number": number, "reports": reports, "gradients": numbers})
    print(stage["name"], number, {key: round(value, 5) for key, value in reports[0].items()})
OUT.write_text(json.dumps(content) + "\n")
print(OUT.name, OUT.stat().st_size, "bytes")
