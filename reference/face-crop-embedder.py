"""Reference numbers for the face descriptor of @lipsync/face-crop.

Rebuilds dlib's descriptor network in PyTorch, layer by layer and with nothing folded, from the weights in the npm package
@vladmandic/face-api 1.7.15, runs it on made images (a drawn face and coloured noise; no photograph), and writes
packages/face-crop/fixtures/embeddings.json.

    python3 reference/face-crop-embedder.py   (from the repository root, after `pnpm install`)
"""
import importlib
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

networks = importlib.import_module("face-crop-networks")

BLOCKS = ["conv32_1", "conv32_2", "conv32_3", "conv64_down", "conv64_1", "conv64_2", "conv64_3", "conv128_down", "conv128_1",
          "conv128_2", "conv256_down", "conv256_1", "conv256_2", "conv256_down_out"]


def read_weights(name):
    """As of the other networks, but here some weights are stored as float32."""
    manifest = json.load(open(f"{networks.MODELS}/{name}-weights_manifest.json"))
    data = open(f"{networks.MODELS}/{name}.bin", "rb").read()
    weights, offset = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        count = int(np.prod(entry["shape"]))
        scaling = entry.get("quantization")
        size = count if scaling else 4 * count
        stored = np.frombuffer(data[offset:offset + size], np.uint8 if scaling else np.float32)
        values = stored.astype(np.float64) * scaling["scale"] + scaling["min"] if scaling else stored
        weights[entry["name"]] = torch.from_numpy(values.astype(np.float32).reshape(entry["shape"]))
        offset += size
    assert offset == len(data)
    return weights


def convolve(weights, x, name, stride):
    filters = weights[f"{name}/conv/filters"].permute(3, 2, 0, 1)
    x = F.conv2d(x, filters, weights[f"{name}/conv/bias"], stride=stride, padding=1 if stride == 1 else 0)
    per_channel = (1, -1, 1, 1)
    return x * weights[f"{name}/scale/weights"].view(per_channel) + weights[f"{name}/scale/biases"].view(per_channel)


@torch.no_grad()
def descriptor(weights, image):
    """[150, 150, 3] numbers 0..255 to 128 numbers."""
    x = (torch.from_numpy(image.astype(np.float32)) - torch.tensor([122.782, 117.001, 104.298])) / 256
    x = x.permute(2, 0, 1)[None]
    x = F.max_pool2d(F.relu(convolve(weights, x, "conv32_down", 2)), 3, 2)
    for block in BLOCKS:
        down = "down" in block
        change = convolve(weights, F.relu(convolve(weights, x, f"{block}/conv1", 2 if down else 1)), f"{block}/conv2", 1)
        shortcut = F.avg_pool2d(x, 2) if down else x
        total = torch.zeros(1, change.shape[1], max(change.shape[2], shortcut.shape[2]), max(change.shape[3], shortcut.shape[3]))
        for part in (change, shortcut):
            total[:, :part.shape[1], :part.shape[2], :part.shape[3]] += part
        x = F.relu(total)
    return (x.mean((2, 3)) @ weights["fc"])[0]


def main():
    weights = read_weights("face_recognition_model")
    cases = []
    for name, image in (("face 150", networks.draw_face(150, 75, 70, 58)), ("noise 150", networks.noise(150, 5))):
        cases.append({"image": name, "checksum": networks.checksum(image), "output": networks.rounded(descriptor(weights, image))})
        print(name, "length", float(np.linalg.norm(cases[-1]["output"])))
    fixture = {
        "program": f"PyTorch {torch.__version__}, numpy {np.__version__}",
        "weights": "@vladmandic/face-api 1.7.15",
        "command": "python3 reference/face-crop-embedder.py",
        "cases": cases,
    }
    path = f"{networks.PACKAGE}/fixtures/embeddings.json"
    with open(path, "w") as file:
        json.dump(fixture, file)
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
