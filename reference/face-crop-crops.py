"""Reference numbers for the crops of @lipsync/face-crop.

Square crops by torch grid_sample on made images, mouth poses and their smoothing by numpy, rotation angles, crop radii
and the thesis's mouth crop by its formulas, track smoothing by SciPy. Writes packages/face-crop/fixtures/crops.json.

    python3 reference/face-crop-crops.py   (from the repository root)
"""
import importlib.util
import json
import math
import os

import numpy as np
import scipy
import scipy.signal
import torch
import torch.nn.functional as F

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
spec = importlib.util.spec_from_file_location("networks", os.path.join(ROOT, "reference/face-crop-networks.py"))
networks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(networks)


def sample(image, x, y, side, angle, size):
    """[size, size, 3] floats; the square of sample-square.ts."""
    height, width, _ = image.shape
    image = torch.from_numpy(image).permute(2, 0, 1)[None].double()
    u = (torch.arange(size, dtype=torch.float64) + 0.5 - size / 2) * side / size
    v, u = torch.meshgrid(u, u, indexing="ij")
    px = x + math.cos(angle) * u - math.sin(angle) * v
    py = y + math.sin(angle) * u + math.cos(angle) * v
    grid = torch.stack([2 * px / width - 1, 2 * py / height - 1], 2)[None]
    out = F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return out[0].permute(1, 2, 0).numpy()


def thesis_mouth(head, degrees, m):
    """The thesis's sampling of the mouth box of a head crop, `degrees` as its angle of rotation."""
    height, width, _ = head.shape
    image = torch.from_numpy(head).permute(2, 0, 1)[None].double()
    radius, quarter = m // 2, m // 8
    theta = math.radians(degrees)
    u = torch.arange(m, dtype=torch.float64) - (m - 1) / 2
    w, u = torch.meshgrid(u, u, indexing="ij")
    cx, cy = (quarter + quarter + m) / 2, (radius + radius + m) / 2
    x = u * math.cos(theta) + w * math.sin(theta) + cx
    y = -u * math.sin(theta) + w * math.cos(theta) + cy
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], 2)[None]
    out = F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    return out[0].permute(1, 2, 0).numpy()


def schematic_face():
    """68 points of a plain face, units of half its width."""
    points = [(-math.cos(k * math.pi / 16), 0.05 + 1.05 * math.sin(k * math.pi / 16)) for k in range(17)]
    points += [(-0.72 + 0.13 * k, -0.42 - 0.03 * math.sin(k * math.pi / 4)) for k in range(5)]
    points += [(0.2 + 0.13 * k, -0.42 - 0.03 * math.sin(k * math.pi / 4)) for k in range(5)]
    points += [(0, -0.2 + 0.13 * k) for k in range(4)] + [(-0.16 + 0.08 * k, 0.28) for k in range(5)]
    for side in (-1, 1):
        for k in range(6):
            turn = math.pi + k * math.pi / 3
            points.append((0.4 * side + 0.14 * math.cos(turn), -0.2 + 0.05 * math.sin(turn)))
    points += [(0.32 * math.cos(math.pi + k * math.pi / 6), 0.56 + 0.12 * math.sin(math.pi + k * math.pi / 6)) for k in range(12)]
    points += [(0.24 * math.cos(math.pi + k * math.pi / 4), 0.56 + 0.05 * math.sin(math.pi + k * math.pi / 4)) for k in range(8)]
    return np.array(points)


def made_track(frames, rng):
    """A face that sways, nods and talks; rounded, so that both sides start from the same numbers."""
    face = schematic_face()
    track = np.zeros((frames, 68, 2))
    for i in range(frames):
        angle, size = 0.12 * math.sin(i * 0.2) + 0.05, 54 + 0.4 * i + 2 * math.sin(i * 0.13)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        shape = face.copy()
        shape[48:68, 1] = 0.56 + (shape[48:68, 1] - 0.56) * (1 + 0.6 * math.sin(i * 0.9))
        track[i] = size * shape @ turn + [130 + 6 * math.sin(i * 0.3), 110 + 4 * math.cos(i * 0.21)]
    return np.round(track + rng.normal(0, 0.3, track.shape), 2).astype(np.float32)


def mouth_poses(track):
    left, right, mouth = track[:, 36:42].mean(1), track[:, 42:48].mean(1), track[:, 48:68].mean(1)
    eyes = np.hypot(*(right - left).T)
    measure = np.maximum(eyes, 0.95 * np.hypot(*(mouth - (left + right) / 2).T))
    angle = np.unwrap(np.arctan2(*(right - left).T[::-1]))
    return np.stack([mouth[:, 0], mouth[:, 1], measure, angle], 1)


def clip_median(poses):
    n = len(poses)
    if n <= 40:
        return np.repeat(np.median(poses, 0)[None], n, 0)
    medians = np.stack([np.median(poses[max(0, i - 12):i + 13], 0) for i in range(n)])
    smooth = np.stack([medians[max(0, i - 4):i + 5].mean(0) for i in range(n)])
    smooth[:, 2] = np.median(poses[:, 2])  # one size for the whole track
    return smooth


def thesis_angle(p):
    """Degrees, as the thesis gives it."""
    left, right = p[22:27].mean(0), p[17:22].mean(0)
    pairs = [(left, right), (p[36], p[45]), (left, p[30]), (p[30], right), (p[36], p[45])]
    return -math.degrees(np.median([math.atan2(b[1] - a[1], b[0] - a[0]) for a, b in pairs]))


def window_radius(clip):
    height = (clip[:, :, 1].max(1) - clip[:, 29, 1]) * 1.05
    width = (clip[:, 54, 0] - clip[:, 48, 0]) * 1.05
    each = (np.maximum(height, width) // 2).astype(int)
    if each.max() > 1.5 * each.min():
        return None
    return (int(each.max()) // 4 + 1) * 4


def radius_statistics(track):
    radii = [window_radius(track[start:start + 16]) for start in range(len(track) - 16)]
    radii = [radius for radius in radii if radius is not None]
    return {"min": min(radii), "max": max(radii), "mean": int(np.mean(radii)), "median": int(np.median(radii)), "windows": len(radii)}


def numbers(values, digits=6):
    return [round(float(value), digits) for value in np.asarray(values).reshape(-1)]


def main():
    rng = np.random.default_rng(5)
    image = networks.noise(48, 3)
    squares = [(24, 24, 48, 0.0, 12), (20.3, 27.9, 21.7, 0.37, 12), (4.0, 44.0, 30.0, -0.8, 10), (24.0, 24.0, 8.0, 3.0, 8)]
    track = made_track(60, rng)
    head = networks.noise(26, 9)[:, :20].copy()
    poses = mouth_poses(track.astype(np.float64))
    fixture = {
        "program": f"PyTorch {torch.__version__}, numpy {np.__version__}, SciPy {scipy.__version__}",
        "command": "python3 reference/face-crop-crops.py",
        "squares": [
            {"square": dict(zip(("x", "y", "side", "angle"), s[:4])), "size": s[4], "crop": numbers(sample(image, *s), 3)}
            for s in squares
        ],
        "thesis": [{"degrees": d, "crop": numbers(thesis_mouth(head, d, 16), 3)} for d in (0.0, 4.0, -30.0, 75.0)],
        "track": numbers(track, 2),
        "poses": numbers(poses),
        "shortPoses": numbers(clip_median(poses[:30])[0]),
        "longPoses": numbers(clip_median(poses)),
        "degrees": numbers([thesis_angle(p) for p in track.astype(np.float64)]),
        "radii": radius_statistics(track.astype(np.float64)),
        "smooth": numbers(scipy.signal.savgol_filter(track.astype(np.float64), 5, 2, axis=0)[:, [0, 8, 30, 62]], 4),
    }
    path = os.path.join(ROOT, "packages/face-crop/fixtures/crops.json")
    with open(path, "w") as file:
        json.dump(fixture, file)
    print(path, os.path.getsize(path), "bytes", fixture["radii"])


if __name__ == "__main__":
    main()
