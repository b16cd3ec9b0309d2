"""AVAlignNet in PyTorch, and the numbers that packages/avalignnet must reproduce.

    /usr/bin/python3 reference/avalignnet-reference.py [--full FOLDER]
    /usr/bin/python3 reference/avalignnet-reference.py --save-stable FILE [--config NAME]
    /usr/bin/python3 reference/avalignnet-reference.py --embed-stable WINDOWS OUT [--config NAME]

The first writes packages/avalignnet/fixtures/*.json. `--full` also writes each network's weights and all of its gradients as
safetensors into FOLDER; with LIPSYNC_AVALIGNNET_FULL=FOLDER the tests then compare every element.

The second writes a StableSyncNet with made weights by torch.save, in the published container: `state_dict` and `global_step`. The third embeds the
windows of a folder (`frames.npy` [n, height, width, channels], `features.npy` [n, bins, steps, 1]) with the same weights and writes `visual` and
`audio` [n, D] to OUT as .npz. NAME is a named configuration; without it the small one of the tests, `stable`, is taken.

The network is written from the published description of StableSyncNet (LatentSync, Apache-2.0) and of the thesis that
renames it AVAlignNet. Weights and inputs come from an integer hash that the tests compute identically, so the fixtures
hold results only.
"""
import argparse
import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FIXTURES = Path(__file__).resolve().parent.parent / "packages" / "avalignnet" / "fixtures"
COMMAND = "/usr/bin/python3 reference/avalignnet-reference.py"
HEADS = 8
Factor = Union[int, Sequence[int]]


class ResnetBlock2D(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, factor: Factor, dropout: float, device: str):
        super().__init__()
        self.norm1 = nn.GroupNorm(32, channels_in, eps=1e-6, device=device)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1, device=device)
        self.norm2 = nn.GroupNorm(32, channels_out, eps=1e-6, device=device)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, device=device)
        self.conv_shortcut: Optional[nn.Conv2d] = None
        if channels_in != channels_out:
            self.conv_shortcut = nn.Conv2d(channels_in, channels_out, 1, device=device)
        self.downsample_conv: Optional[nn.Conv2d] = None
        if factor != 1:
            stride = (factor, factor) if isinstance(factor, int) else tuple(factor)
            # left, right, top, bottom
            self.pad = (0, 1, 1, 1) if stride[0] == 1 else (1, 1, 0, 1) if stride[1] == 1 else (0, 1, 0, 1)
            self.downsample_conv = nn.Conv2d(channels_out, channels_out, 3, stride=stride, device=device)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        x = h + (x if self.conv_shortcut is None else self.conv_shortcut(x))
        return x if self.downsample_conv is None else self.downsample_conv(F.pad(x, self.pad))


class Attention(nn.Module):
    def __init__(self, channels: int, dropout: float, device: str):
        super().__init__()
        self.to_q = nn.Linear(channels, channels, device=device)
        self.to_k = nn.Linear(channels, channels, device=device)
        self.to_v = nn.Linear(channels, channels, device=device)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels, device=device), nn.Dropout(dropout)])

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, channels = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, tokens, HEADS, channels // HEADS).transpose(1, 2)

        q, k, v = split(self.to_q(x)), split(self.to_k(x)), split(self.to_v(x))
        weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(channels // HEADS), dim=-1)
        mixed = (weights @ v).transpose(1, 2).reshape(batch, tokens, channels)
        return self.to_out[1](self.to_out[0](mixed))


class Geglu(nn.Module):
    def __init__(self, channels: int, device: str):
        super().__init__()
        self.proj = nn.Linear(channels, 8 * channels, device=device)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, channels: int, dropout: float, device: str):
        super().__init__()
        last = nn.Linear(4 * channels, channels, device=device)
        self.net = nn.Sequential(Geglu(channels, device), nn.Dropout(dropout), last)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class AttentionBlock2D(nn.Module):
    def __init__(self, channels: int, dropout: float, device: str):
        super().__init__()
        self.norm1 = nn.GroupNorm(32, channels, eps=1e-6, device=device)
        self.norm2 = nn.LayerNorm(channels, device=device)
        self.norm3 = nn.LayerNorm(channels, device=device)
        self.ff = FeedForward(channels, dropout, device)
        self.conv_in = nn.Conv2d(channels, channels, 1, device=device)
        self.conv_out = nn.Conv2d(channels, channels, 1, device=device)
        self.attn = Attention(channels, dropout, device)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        y = self.conv_in(self.norm1(x)).flatten(2).transpose(1, 2)
        y = y + self.attn(self.norm2(y))
        y = y + self.ff(self.norm3(y))
        return x + self.conv_out(y.transpose(1, 2).reshape(batch, channels, height, width))


class DownEncoder2D(nn.Module):
    def __init__(self, config: Dict, device: str):
        super().__init__()
        channels: List[int] = config["block_out_channels"]
        self.conv_in = nn.Conv2d(config["in_channels"], channels[0], 3, padding=1, device=device)
        self.down_blocks = nn.ModuleList()
        before = channels[0]
        for width, factor, attention in zip(channels, config["downsample_factors"], config["attn_blocks"]):
            self.down_blocks.append(ResnetBlock2D(before, width, factor, config["dropout"], device))
            if attention:
                self.down_blocks.append(AttentionBlock2D(width, config["dropout"], device))
            before = width
        self.norm_out = nn.GroupNorm(32, before, eps=1e-6, device=device)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        x = F.relu(self.norm_out(x))
        assert x.shape[2:] == (1, 1), x.shape
        return F.normalize(x.flatten(1), dim=1, eps=1e-12)


class AVAlignNet(nn.Module):
    def __init__(self, config: Dict, device: str = "cpu"):
        super().__init__()
        self.audio_encoder = DownEncoder2D(config["audio_encoder"], device)
        self.visual_encoder = DownEncoder2D(config["visual_encoder"], device)

    def forward(self, images: Tensor, mel: Tensor) -> Tuple[Tensor, Tensor]:
        return self.visual_encoder(images), self.audio_encoder(mel)


def tower(in_channels: int, channels: Sequence[int], factors: Sequence[Factor], attention: Sequence[int] = ()) -> Dict:
    flags = list(attention) or [0] * len(channels)
    return {"in_channels": in_channels, "block_out_channels": list(channels), "downsample_factors": list(factors),
            "attn_blocks": flags, "dropout": 0.0}


def both(visual: Dict, audio: Dict) -> Dict:
    return {"visual_encoder": visual, "audio_encoder": audio}


def configurations() -> Dict[str, Dict]:
    audio16 = ([32, 64, 128, 256, 512, 1024, 2048], [[2, 1], 2, 2, 1, 2, 2, [2, 3]])
    visual16 = ([64, 128, 256, 256, 512, 1024, 2048, 2048], [[1, 2], 2, 2, 2, 2, 2, 2, 2])
    named = {
        "syncnet_16_pixel": both(tower(48, *visual16), tower(1, *audio16)),
        "syncnet_16_pixel_attn": both(tower(48, *visual16, [0, 0, 0, 0, 1, 1, 0, 0]),
                                      tower(1, *audio16, [0, 0, 0, 1, 1, 0, 0])),
        "syncnet_16_latent": both(tower(64, [64, 128, 256, 256, 512, 1024], [2, 2, 2, 1, 2, 2]),
                                  tower(1, [32, 64, 128, 256, 512, 1024], [[2, 1], 2, 2, 2, 2, [2, 3]])),
        "syncnet_25_pixel": both(tower(75, [128, 128, 256, 256, 512, 512, 1024, 1024], [[1, 2], 2, 2, 2, 2, 2, 2, 2]),
                                 tower(1, [64, 128, 256, 256, 512, 1024], [2] * 6)),
        "lite": both(tower(30, [32, 64, 128, 256], [4, 2, 2, 3]), tower(1, [32, 32, 64, 128, 256], [2, 2, 2, 2, [5, 2]])),
    }
    last = {5: [2, 1], 10: 2, 15: [2, 3]}
    for frames in (5, 10, 15):
        audio = tower(1, [32, 64, 128, 256, 512, 1024, 2048], [[2, 1], 2, 2, 1, 2, 2, last[frames]])
        for size in (64, 128):
            widths, factors = [64, 128, 256, 256, 512, 1024, 2048], [2, 2, 2, 1 if size == 64 else 2, 2, 2, 2]
            named[f"thesis_{frames}_{size}"] = both(tower(3 * frames, widths, factors), audio)
            named[f"thesis_{frames}_{size}_attn"] = both(tower(3 * frames, widths, factors, [0, 0, 0, 0, 1, 1, 0]),
                                                         dict(audio, attn_blocks=[0, 0, 0, 1, 1, 0, 0]))
    return named


# syncnet_16_pixel_attn at reduced channels: its strides, attention and input size.
STABLE = {
    "input": {"frameCount": 16, "height": 128, "width": 256, "featureSteps": 52},
    "config": both(tower(48, [32, 32, 32, 32, 32, 32, 32, 256], [[1, 2], 2, 2, 2, 2, 2, 2, 2], [0, 0, 0, 0, 1, 1, 0, 0]),
                   tower(1, [32, 32, 32, 32, 32, 32, 256], [[2, 1], 2, 2, 1, 2, 2, [2, 3]], [0, 0, 0, 1, 1, 0, 0])),
}

# Reduced channels, every padding branch: (1, s), (s, 1), s and (s, t), odd sizes, shortcuts, attention in both towers.
REDUCED = {
    "attention": {
        "input": {"frameCount": 16, "height": 32, "width": 64, "featureSteps": 52},
        "config": both(tower(48, [32, 32, 64, 64, 64, 256], [[1, 2], 2, 2, 2, 2, 2], [0, 0, 0, 1, 1, 0]),
                       tower(1, [32, 32, 32, 64, 64, 64, 256], [[2, 1], 2, 2, 1, 2, 2, [2, 3]], [0, 0, 0, 1, 1, 0, 0])),
    },
    "thesis": {
        "input": {"frameCount": 5, "height": 64, "width": 64, "featureSteps": 16},
        "config": both(tower(15, [32, 32, 64, 64, 64, 64, 256], [2, 2, 2, 1, 2, 2, 2]),
                       tower(1, [32, 32, 64, 64, 64, 64, 256], [[2, 1], 2, 2, 1, 2, 2, [2, 1]])),
    },
}


def noise(seed: int, count: int) -> np.ndarray:
    """Uniform in [-1, 1), float64: MurmurHash3's finaliser of index and seed. The tests have the same function."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32((seed * 0x85EBCA6B) & 0xFFFFFFFF)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**31 - 1


def hashed_weights(shapes: Dict[str, Tuple[int, ...]]) -> Dict[str, np.ndarray]:
    """Kernels of variance 1 / fan-in, norm weights 1 +- 0.25, biases +- 0.1; seeds number the sorted names from 1000."""
    weights = {}
    for index, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        value = noise(1000 + index, int(np.prod(shape)))
        if len(shape) > 1:
            value = value * math.sqrt(3 / int(np.prod(shape[1:])))
        elif name.endswith(".weight"):
            value = 1 + 0.25 * value
        else:
            value = 0.1 * value
        weights[name] = value.astype(np.float32).reshape(shape)
    return weights


def safetensors(tensors: Dict[str, np.ndarray], metadata: Dict[str, str]) -> bytes:
    header: Dict[str, Dict] = {"__metadata__": metadata}
    offset = 0
    for name in sorted(tensors):
        array = tensors[name]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(tensors[name].tobytes() for name in sorted(tensors))


def bce(visual: Tensor, audio: Tensor, labels: Tensor) -> Tensor:
    s = (visual * audio).sum(1).clamp(1e-7, 1 - 1e-7)
    return F.binary_cross_entropy(s, labels)


def contrast(visual: Tensor, audio: Tensor, clips: List[int], log_temperature: Tensor, other_clips: bool) -> Tensor:
    similarity = visual @ audio.t()
    clip = torch.tensor(clips)
    allowed = torch.ones_like(similarity, dtype=torch.bool) if other_clips else clip[:, None] == clip[None]
    logits = (similarity * log_temperature.exp().clamp(max=100)).masked_fill(~allowed, -1e4)
    target = torch.arange(len(clips))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target)) / 2


def balanced_bce(visual: Tensor, audio: Tensor, clips: List[int], same_clip_share: float = 0.7) -> Tensor:
    s = (visual @ audio.t()).clamp(1e-7, 1 - 1e-7)
    clip = torch.tensor(clips)
    same = clip[:, None] == clip[None]
    own = torch.eye(len(clips), dtype=torch.bool)
    negative = -torch.log(1 - s)
    negatives = same_clip_share * negative[same & ~own].mean() + (1 - same_clip_share) * negative[~same].mean()
    return (negatives - torch.log(s.diagonal()).mean()) / 2


def rounded(values, digits: int = 8) -> List[float]:
    return [float(f"{v:.{digits}g}") for v in np.asarray(values, dtype=np.float64).ravel()]


def gradient_record(gradient: np.ndarray, seed: int) -> Dict:
    """Largest value, up to 24 elements spread evenly, and two random-sign sums over all of them."""
    flat = gradient.astype(np.float64).ravel()
    stride = max(1, flat.size // 24)
    sums = [float((flat * np.where(noise(seed * 2 + k, flat.size) < 0, -1, 1)).sum()) for k in (0, 1)]
    return {"max": rounded([np.abs(flat).max()])[0], "stride": stride, "values": rounded(flat[::stride][:24]),
            "signedSums": rounded(sums)}


def network_fixture(name: str, full: Optional[Path]) -> Dict:
    case = REDUCED[name]
    size = case["input"]
    labels = torch.tensor([1.0, 0.0])
    batch = len(labels)
    net = AVAlignNet(case["config"])
    weights = hashed_weights({key: tuple(value.shape) for key, value in net.state_dict().items()})
    metadata = {"format": "pt", "config": json.dumps(case["config"], separators=(",", ":")),
                "input": json.dumps(size, separators=(",", ":"))}
    file = safetensors(weights, metadata)
    net.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in weights.items()})
    channels = case["config"]["visual_encoder"]["in_channels"]
    shape = (batch, channels, size["height"], size["width"])
    images = torch.from_numpy(noise(1, int(np.prod(shape))).astype(np.float32).reshape(shape))
    mel = torch.from_numpy((4 * noise(2, batch * 80 * size["featureSteps"])).astype(np.float32))
    mel = mel.reshape(batch, 1, 80, size["featureSteps"])
    visual, audio = net(images, mel)
    loss = bce(visual, audio, labels)
    loss.backward()
    gradients = {key: value.grad.numpy().copy() for key, value in net.named_parameters()}
    if full:
        (full / f"{name}.safetensors").write_bytes(file)
        (full / f"{name}-gradients.safetensors").write_bytes(safetensors(gradients, {}))
    norm = float(nn.utils.clip_grad_norm_(net.parameters(), 1e9))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, norms = [], []
    for _ in range(10):
        optimizer.zero_grad()
        step_loss = bce(*net(images, mel), labels)
        step_loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(net.parameters(), 1.0)))
        optimizer.step()
        losses.append(float(step_loss))
    return {
        "source": {"program": "PyTorch", "version": torch.__version__, "numpy": np.__version__, "command": COMMAND},
        "input": size, "config": case["config"], "metadata": metadata, "sha256": hashlib.sha256(file).hexdigest(),
        "labels": labels.tolist(), "visual": rounded(visual.detach()), "audio": rounded(audio.detach()),
        "cosine": rounded((visual * audio).sum(1).detach()), "loss": loss.item(), "gradientNorm": norm,
        "gradients": {key: gradient_record(gradients[key], 5000 + index) for index, key in enumerate(sorted(gradients))},
        "adamw": {"learningRate": 1e-4, "weightDecay": 0.01, "clipNorm": 1.0, "losses": losses, "gradientNorms": norms},
    }


def stable_network(name: Optional[str]) -> AVAlignNet:
    """A StableSyncNet with made weights, in evaluation mode."""
    net = AVAlignNet(configurations()[name] if name else STABLE["config"])
    weights = hashed_weights({key: tuple(value.shape) for key, value in net.state_dict().items()})
    net.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    return net.eval()


def stable_fixture() -> Dict:
    """Embeddings of two windows by the small StableSyncNet."""
    size = STABLE["input"]
    shape = (2, 48, size["height"], size["width"])
    images = torch.from_numpy(noise(1, int(np.prod(shape))).astype(np.float32).reshape(shape))
    mel = torch.from_numpy((4 * noise(2, 2 * 80 * size["featureSteps"])).astype(np.float32)).reshape(2, 1, 80, -1)
    with torch.no_grad():
        visual, audio = stable_network(None)(images, mel)
    return {"source": {"program": "PyTorch", "version": torch.__version__, "numpy": np.__version__, "command": COMMAND},
            "input": size, "config": STABLE["config"], "visual": rounded(visual), "audio": rounded(audio)}


def embed_stable(windows: Path, out: Path, name: Optional[str]) -> None:
    net, frames_all, features_all = stable_network(name), np.load(windows / "frames.npy"), np.load(windows / "features.npy")
    with torch.no_grad():
        rows = [net(torch.from_numpy(frames[None]).permute(0, 3, 1, 2), torch.from_numpy(features[None]).permute(0, 3, 1, 2))
                for frames, features in zip(frames_all, features_all)]
    np.savez(out, visual=torch.cat([v for v, _ in rows]).numpy(), audio=torch.cat([a for _, a in rows]).numpy())


def loss_fixture() -> Dict:
    rows, width, clips = 6, 16, [0, 0, 0, 1, 1, 2]
    unit = [F.normalize(torch.from_numpy(noise(seed, rows * width).reshape(rows, width)).float().relu(), dim=1) for seed in (11, 12)]
    labels = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    cases: Dict[str, Dict] = {}

    def add(name: str, compute, start: float = 0.0) -> None:
        visual, audio = (value.clone().requires_grad_() for value in unit)
        log_temperature = torch.tensor(start, requires_grad=True)
        value = compute(visual, audio, log_temperature)
        value.backward()
        temperature_gradient = 0.0 if log_temperature.grad is None else float(log_temperature.grad)
        cases[name] = {"logTemperature": start, "loss": float(value), "visualGradient": rounded(visual.grad),
                       "audioGradient": rounded(audio.grad), "logTemperatureGradient": temperature_gradient}

    start = math.log(1 / 0.07)
    add("pairs", lambda v, a, t: bce(v, a, labels))
    add("contrast", lambda v, a, t: contrast(v, a, clips, t, False), start)
    add("contrastOtherClips", lambda v, a, t: contrast(v, a, clips, t, True), start)
    add("contrastClamped", lambda v, a, t: contrast(v, a, clips, t, True), math.log(150))
    add("balanced", lambda v, a, t: balanced_bce(v, a, clips))
    add("sum", lambda v, a, t: contrast(v, a, clips, t, False) + 0.35 * balanced_bce(v, a, clips), start)
    return {"source": {"program": "PyTorch", "version": torch.__version__, "command": COMMAND}, "rows": rows, "width": width,
            "clips": clips, "labels": labels.tolist(), "visual": rounded(unit[0], 9), "audio": rounded(unit[1], 9), "cases": cases}


def shape_fixture() -> Dict:
    """Parameter counts of all named configurations and the names and shapes of the largest, nothing allocated."""
    counts = {}
    shapes: Dict[str, List[int]] = {}
    for name, config in configurations().items():
        net = AVAlignNet(config, device="meta")
        counts[name] = {"config": config}
        for part, module in (("visual", net.visual_encoder), ("audio", net.audio_encoder)):
            counts[name][part] = {"parameters": sum(p.numel() for p in module.parameters()), "tensors": len(module.state_dict())}
        if name == "syncnet_16_pixel_attn":
            shapes = {key: list(value.shape) for key, value in net.state_dict().items()}
    return {"source": {"program": "PyTorch", "version": torch.__version__, "command": COMMAND}, "counts": counts,
            "syncnet_16_pixel_attn": shapes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", type=Path, help="folder for the weights and all gradients")
    parser.add_argument("--save-stable", type=Path, metavar="FILE", help="write a StableSyncNet by torch.save, and nothing else")
    parser.add_argument("--embed-stable", type=Path, nargs=2, metavar=("WINDOWS", "OUT"), help="embed windows with it, and nothing else")
    parser.add_argument("--config", help="named configuration of the StableSyncNet")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    if arguments.save_stable:
        torch.save({"state_dict": stable_network(arguments.config).state_dict(), "global_step": 7}, arguments.save_stable)
    if arguments.embed_stable:
        embed_stable(*arguments.embed_stable, arguments.config)
    if arguments.save_stable or arguments.embed_stable:
        return
    torch.set_num_threads(1)
    if arguments.full:
        arguments.full.mkdir(parents=True, exist_ok=True)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name, fixture in (("shapes", shape_fixture()), ("losses", loss_fixture()), ("stable", stable_fixture()),
                          *((name, network_fixture(name, arguments.full)) for name in REDUCED)):
        text = json.dumps(fixture, separators=(",", ":")) + "\n"
        (FIXTURES / f"{name}.json").write_text(text)
        print(f"{name}.json: {len(text)} bytes")


if __name__ == "__main__":
    main()
