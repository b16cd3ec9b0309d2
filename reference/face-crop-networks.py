"""Reference numbers for the two face networks of @lipsync/face-crop.

Rebuilds face-api's tiny face detector and 68-point network in PyTorch from the weights in the npm package
@vladmandic/face-api 1.7.15, runs them on made images (a drawn face and coloured noise; no photograph), and writes
packages/face-crop/fixtures/networks.json.

    python3 reference/face-crop-networks.py   (from the repository root, after `pnpm install`)
"""
import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = os.path.join(ROOT, "packages/face-crop")
MODELS = os.path.join(PACKAGE, "node_modules/@vladmandic/face-api/model")


def read_weights(name):
    manifest = json.load(open(f"{MODELS}/{name}-weights_manifest.json"))
    data = open(f"{MODELS}/{name}.bin", "rb").read()
    weights, offset = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        count = int(np.prod(entry["shape"]))
        scaling = entry["quantization"]
        stored = np.frombuffer(data[offset:offset + count], np.uint8).astype(np.float64)
        values = (stored * scaling["scale"] + scaling["min"]).astype(np.float32)
        weights[entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]))
        offset += count
    return weights


def pad_same(x, kernel, stride):
    """TensorFlow's SAME: what is odd goes to the right and below."""
    size = x.shape[2]
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return F.pad(x, (total // 2, total - total // 2) * 2)


def plain(weights, x, name, stride):
    filters = weights[f"{name}/filters"].permute(3, 2, 0, 1)
    return F.conv2d(pad_same(x, filters.shape[2], stride), filters, weights[f"{name}/bias"], stride=stride)


def separable(weights, x, name, stride=1):
    depthwise = weights[f"{name}/depthwise_filter"].permute(2, 3, 0, 1)
    x = F.conv2d(pad_same(x, 3, stride), depthwise, None, stride=stride, groups=depthwise.shape[0])
    return F.conv2d(x, weights[f"{name}/pointwise_filter"].permute(3, 2, 0, 1), weights[f"{name}/bias"])


def normalise(image, mean):
    """[height, width, 3] bytes to [1, 3, height, width]."""
    x = torch.from_numpy(image.astype(np.float32)) - torch.tensor(mean)
    return (x / 255).permute(2, 0, 1)[None]


@torch.no_grad()
def landmark_network(weights, image):
    x = normalise(image, [122.782, 117.001, 104.298])
    for block in range(4):
        name = f"dense{block}"
        first = plain(weights, x, f"{name}/conv0", 2) if block == 0 else separable(weights, x, f"{name}/conv0", 2)
        total = F.relu(first)
        total = total + separable(weights, total, f"{name}/conv1")
        total = total + separable(weights, F.relu(total), f"{name}/conv2")
        x = F.relu(total + separable(weights, F.relu(total), f"{name}/conv3"))
    features = F.avg_pool2d(x, 7, 2).flatten(1)
    return (features @ weights["fc/weights"] + weights["fc/bias"])[0]


@torch.no_grad()
def face_detector(weights, image):
    x = normalise(image, [117.001, 114.697, 97.404])
    x = F.max_pool2d(F.leaky_relu(plain(weights, x, "conv0", 1), 0.1), 2)
    for i in range(1, 5):
        x = F.max_pool2d(F.leaky_relu(separable(weights, x, f"conv{i}"), 0.1), 2)
    x = F.leaky_relu(separable(weights, x, "conv5"), 0.1)
    x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-math.inf), 2, 1)
    return plain(weights, x, "conv8", 1)[0].permute(1, 2, 0)  # [cells, cells, 25]


def noise(size, seed):
    """Coarse coloured blocks with fine grain, the same in src/testing/noise-image.ts."""
    image = np.zeros((size, size, 3), np.uint8)
    state = seed
    blocks = []
    for _ in range(8 * 8 * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        blocks.append((state >> 16) % 224)
    for row in range(size):
        for column in range(size):
            for colour in range(3):
                state = (state * 1664525 + 1013904223) % 2**32
                block = blocks[((row * 8 // size) * 8 + column * 8 // size) * 3 + colour]
                image[row, column, colour] = block + (state >> 16) % 32
    return image


def cover(u, v, x, y, a, b, edge):
    p, q = (u - x) / a, (v - y) / b
    distance = (math.sqrt(p * p + q * q) - 1) * (a if a < b else b)
    t = 0.5 - distance / edge
    s = 0 if t < 0 else 1 if t > 1 else t
    return s * s * (3 - 2 * s)


def draw_face(size, x, y, half, cos=1.0, sin=0.0, opening=0.2, seed=1):
    """The same portrait as src/testing/drawn-face.ts, operation by operation."""
    image = np.zeros((size, size, 3), np.uint8)
    skin, hair = (205, 160, 135), (52, 38, 30)
    state = seed
    for row in range(size):
        for column in range(size):
            colour = [96 + (40 * column) / size, 110 + (30 * row) / size, 125.0]
            dx, dy = (column + 0.5 - x) / half, (row + 0.5 - y) / half
            u, v = cos * dx + sin * dy, cos * dy - sin * dx

            def paint(amount, *rgb):
                for i in range(3):
                    colour[i] = colour[i] + (rgb[i] - colour[i]) * amount

            if not (u < -1.8 or u > 1.8 or v < -1.6 or v > 2.2):
                shade = 1 - 0.25 * u * u - 0.1 * v + 0.05 * u
                r, g, b = skin[0] * shade, skin[1] * shade, skin[2] * shade
                paint(cover(u, v, 0, 2.1, 1.5, 0.95, 0.05), 45, 55, 85)
                paint(cover(u, v, 0, -0.2, 0.92, 1.0, 0.08), *hair)
                paint(cover(u, v, 0, 1.0, 0.42, 0.6, 0.1), r * 0.75, g * 0.72, b * 0.72)
                paint(cover(u, v, -0.78, 0.0, 0.1, 0.2, 0.05), r * 0.9, g * 0.85, b * 0.85)
                paint(cover(u, v, 0.78, 0.0, 0.1, 0.2, 0.05), r * 0.9, g * 0.85, b * 0.85)
                paint(cover(u, v, 0, 0.05, 0.76, 0.98, 0.06), r, g, b)
                paint(cover(u, v, 0, -0.82, 0.66, 0.3, 0.12) * cover(u, v, 0, 0.05, 0.78, 1.0, 0.06), *hair)
                for side in (-1, 1):
                    paint(cover(u, v, side * 0.32, -0.14, 0.22, 0.15, 0.16) * 0.45, r * 0.72, g * 0.66, b * 0.66)
                    paint(cover(u, v, side * 0.33, -0.34, 0.21, 0.035, 0.05), *hair)
                    paint(cover(u, v, side * 0.32, -0.13, 0.14, 0.065, 0.03), 235, 230, 225)
                    paint(cover(u, v, side * 0.31, -0.13, 0.065, 0.063, 0.02), 70, 50, 35)
                    paint(cover(u, v, side * 0.31, -0.13, 0.028, 0.028, 0.015), 12, 10, 10)
                    paint(cover(u, v, side * 0.32, -0.195, 0.15, 0.018, 0.025), 45, 30, 25)
                    paint(cover(u, v, side * 0.11, 0.27, 0.045, 0.025, 0.03), r * 0.45, g * 0.38, b * 0.36)
                    paint(cover(u, v, side * 0.42, 0.25, 0.22, 0.16, 0.3) * 0.25, r * 1.02, g * 0.85, b * 0.82)
                paint(cover(u, v, 0.05, 0.05, 0.06, 0.25, 0.1) * 0.3, r * 0.75, g * 0.7, b * 0.7)
                paint(cover(u, v, 0, 0.3, 0.16, 0.06, 0.12) * 0.35, r * 0.65, g * 0.58, b * 0.56)
                paint(cover(u, v, 0, 0.19, 0.07, 0.07, 0.1) * 0.5, r * 1.12, g * 1.12, b * 1.12)
                lip = 0.53 + 0.05 * opening
                paint(cover(u, v, 0, lip, 0.27, 0.075 + 0.1 * opening, 0.04), r * 0.82, g * 0.48, b * 0.48)
                paint(cover(u, v, 0, 0.525 + 0.05 * opening, 0.22, 0.012 + 0.085 * opening, 0.025), 60, 22, 24)
                paint(cover(u, v, 0, 0.7, 0.18, 0.04, 0.1) * 0.3, r * 0.7, g * 0.62, b * 0.6)
            for i in range(3):
                state = (state * 1664525 + 1013904223) % 2**32
                level = math.floor(colour[i] + 0.5) + (state >> 16) % 5 - 2
                image[row, column, i] = min(255, max(0, level))
    return image


def checksum(image):
    """So that a test fails by name where its image is another one."""
    total = 0
    for value in image.reshape(-1).tolist():
        total = (total * 31 + value) % 2**32
    return total


def rounded(values):
    return [float(f"{value:.9g}") for value in values.reshape(-1).tolist()]


def main():
    landmarks, detector = read_weights("face_landmark_68_model"), read_weights("tiny_face_detector_model")
    cases = []
    for name, size, image in (
        ("face 112", 112, draw_face(112, 56, 58, 42)),
        ("noise 112", 112, noise(112, 7)),
    ):
        cases.append({"network": "landmarks", "image": name, "size": size, "checksum": checksum(image),
                      "output": rounded(landmark_network(landmarks, image))})
    for name, size, image in (
        ("face 160", 160, draw_face(160, 82, 70, 40)),
        ("noise 96", 96, noise(96, 11)),
    ):
        cases.append({"network": "detector", "image": name, "size": size, "checksum": checksum(image),
                      "output": rounded(face_detector(detector, image))})
        scores = torch.sigmoid(torch.tensor(cases[-1]["output"]).view(-1, 25)[:, 4::5])
        print(name, "best score", float(scores.max()))
    fixture = {
        "program": f"PyTorch {torch.__version__}, numpy {np.__version__}",
        "weights": "@vladmandic/face-api 1.7.15",
        "command": "python3 reference/face-crop-networks.py",
        "cases": cases,
    }
    path = f"{PACKAGE}/fixtures/networks.json"
    with open(path, "w") as file:
        json.dump(fixture, file)
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
