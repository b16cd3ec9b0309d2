"""The networks of training-step.mjs in PyTorch, float32 on CPU: LITE and the thesis's AVAlignNet, the 0.88 M network, SyncNet 2016."""
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

def factors_of(factor):
    """Stride and (left, right, top, bottom) zeros of a closing convolution."""
    down, across = factor if isinstance(factor, tuple) else (factor, factor)
    return (down, across), (1 if across == 1 else 0, 1, 1 if down == 1 else 0, 1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, factor):
        super().__init__()
        self.norm1 = nn.GroupNorm(32, inputs, eps=1e-6)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(32, outputs, eps=1e-6)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        stride, self.padding = factors_of(factor)
        self.down = nn.Conv2d(outputs, outputs, 3, stride=stride) if factor != 1 else None

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        h = h + self.shortcut(x)
        return h if self.down is None else self.down(F.pad(h, self.padding))


class Tower(nn.Module):
    def __init__(self, inputs, channels, factors):
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, channels[0], 3, padding=1)
        widths = [channels[0], *channels]
        self.blocks = nn.Sequential(*(Block(widths[i], widths[i + 1], factor) for i, factor in enumerate(factors)))
        self.norm_out = nn.GroupNorm(32, channels[-1], eps=1e-6)

    def forward(self, x):
        return F.normalize(F.relu(self.norm_out(self.blocks(self.conv_in(x)))).flatten(1))


class Pair(nn.Module):
    def __init__(self, visual, audio, shapes):
        super().__init__()
        self.visual, self.audio, self.shapes = visual, audio, shapes

    def forward(self, frames, mel):
        return self.visual(frames), self.audio(mel)

    def loss(self, outputs):
        similarity = 14 * outputs[0] @ outputs[1].T
        target = torch.arange(len(similarity))
        return (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, channels), nn.GroupNorm(32, channels)
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x):
        return x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))


class Prototype(nn.Module):
    shapes = [(3, 32, 32)]

    def __init__(self):
        super().__init__()
        self.start = nn.Conv2d(3, 64, 3, padding=1)
        self.first = nn.Sequential(Residual(64), Residual(64))
        self.down = nn.Conv2d(64, 128, 3, stride=2)
        self.third, self.fourth = Residual(128), Residual(128)
        self.norm, self.last = nn.GroupNorm(32, 128), nn.GroupNorm(32, 128)
        self.q, self.k, self.v, self.out = (nn.Conv2d(128, 128, 1, bias=False) for _ in range(4))
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        h = self.third(self.down(F.pad(self.first(self.start(x)), (0, 1, 0, 1))))
        q, k, v = (layer(self.norm(h)).flatten(2) for layer in (self.q, self.k, self.v))
        weights = torch.softmax(q.transpose(1, 2) @ k * 128**-0.5, dim=-1)
        h = h + self.out((v @ weights.transpose(1, 2)).reshape(h.shape))
        return self.head(F.silu(self.last(self.fourth(h))).mean((2, 3)))

    def loss(self, outputs):
        return F.mse_loss(outputs, torch.ones_like(outputs))


class SyncNet(nn.Module):
    """For inference: the network of reference/syncnet-networks.py, which takes frames as NHWC."""

    shapes = [(224, 224, 15), (1, 13, 20)]

    def __init__(self):
        super().__init__()
        reference = Path(__file__).resolve().parents[2] / "reference" / "syncnet-networks.py"
        scope = {"__file__": str(reference), "__name__": "definitions"}
        exec(compile(reference.read_text().split("def write_files")[0], str(reference), "exec"), scope)
        self.net = scope["SyncNet"]()

    def forward(self, frames, features):
        return self.net.embed_visual(frames), self.net.embed_audio(features)


class Dinet(nn.Module):
    """The networks of reference/dinet.py, mouth of 64 pixels; a training step of the stage of frames, without VGG-19 and sync loss."""

    def __init__(self, lite):
        super().__init__()
        reference = Path(__file__).resolve().parents[2] / "reference" / "dinet.py"
        scope = {"__file__": str(reference), "__name__": "definitions"}
        sys.path.insert(0, str(reference.parent))
        exec(compile(reference.read_text().split("def rounded")[0], str(reference), "exec"), scope)
        audio = {"kind": "mel", "bins": 80, "steps": 16} if lite else {"kind": "logits", "bins": 29, "steps": 5}
        width = 16 if lite else 64
        config = {"width": width, "referenceChannels": 64 if lite else 128, "references": 5, "norm": "instance", "audioNorm": "layer"}
        self.shapes = [(3, 104, 80), (15, 104, 80), (audio["bins"], audio["steps"])]
        self.generator = scope["Generator"]({**config, "sampling": "bilinear", "audio": audio})
        self.discriminator = scope["Discriminator"](1, width)
        self.optimizers = [torch.optim.AdamW(net.parameters(), lr=1e-4) for net in (self.generator, self.discriminator)]

    def forward(self, masked, references, audio):
        return self.generator(masked, references, audio)

    def train_step(self, inputs):
        real = torch.randn_like(inputs[0])
        generated = self(*inputs)
        discriminator_loss = 0.5 * ((self.discriminator(real) - 1).square().mean() + self.discriminator(generated.detach()).square().mean())
        generator_step, discriminator_step = self.optimizers
        discriminator_step.zero_grad()
        discriminator_loss.backward()
        discriminator_step.step()
        generator_step.zero_grad()
        ((self.discriminator(generated) - 1).square().mean() + F.mse_loss(generated, real)).backward()
        generator_step.step()


def build(name):
    torch.manual_seed(0)
    if name.startswith("dinet"):
        return Dinet(name == "dinet-lite")
    if name == "syncnet":
        return SyncNet()
    if name == "lite":
        visual = Tower(30, [32, 64, 128, 256], [4, 2, 2, 3])
        audio = Tower(1, [32, 32, 64, 128, 256], [2, 2, 2, 2, (5, 2)])
        return Pair(visual, audio, [(30, 48, 48), (1, 80, 32)])
    if name == "thesis":
        visual = Tower(15, [64, 128, 256, 256, 512, 512, 512], [2, 2, 2, 1, 2, 2, 2])
        audio = Tower(1, [32, 64, 128, 256, 512, 512, 512], [(2, 1), 2, 2, 1, 2, 2, (2, 1)])
        return Pair(visual, audio, [(15, 64, 64), (1, 80, 16)])
    return Prototype()
