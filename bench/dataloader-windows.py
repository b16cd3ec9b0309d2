"""The PyTorch side of bench/dataloader-windows.mjs: prints windows a second.

    python3 bench/dataloader-windows.py STORE CLIPS BATCHES WORKERS CACHED
"""
import json
import math
import os
import sys
import time
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

FRAMES, SIZE, STEPS, BINS, CLIPS, WINDOWS, APART, CHUNK = 10, 48, 32, 80, 12, 6, 3, 25
SEEN = 1.18 / 1.9  # of the stored side


def read(path):
    """A clip's frames [N, 3, H, W] and mel [steps, bins]."""
    data = np.fromfile(path, np.uint8)
    length = int(data[:8].view(np.uint64)[0])
    header = json.loads(data[8:8 + length].tobytes())
    facts = json.loads(header['__metadata__']['facts'])
    raw = data[8 + length:]

    def part(name, kind):
        begin, end = header[name]['data_offsets']
        return raw[begin:end].view(kind)

    count, height, width = facts['frameCount'], facts['height'], facts['width']
    frames_of_clip = np.empty((count, height, width, 3), np.uint8)
    begin, packed = 0, part('frames', np.uint8)
    for index, end in enumerate(part('chunk_ends', np.int32)):
        chunk = np.frombuffer(zlib.decompress(packed[begin:end].tobytes(), -15), np.uint8).reshape(-1, height, width, 3)
        np.cumsum(np.cumsum(chunk, 0, np.uint8), 2, np.uint8, out=frames_of_clip[index * CHUNK:index * CHUNK + len(chunk)])
        begin = end
    mel = part('features', np.float32).reshape(header['features']['shape'])
    return torch.from_numpy(frames_of_clip).permute(0, 3, 1, 2), torch.from_numpy(mel.copy())


class Batches(Dataset):
    def __init__(self, folder, clips, cached, length):
        names = []
        for root, _, files in os.walk(os.path.join(folder, 'clips')):
            names += [os.path.join(root, name) for name in files if name.endswith('.safetensors')]
        self.paths = sorted(names)[:clips]
        self.cache = {} if cached else None
        self.length = length

    def __len__(self):
        return self.length

    def clip(self, index):
        if self.cache is None:
            return read(self.paths[index])
        if index not in self.cache:
            self.cache[index] = read(self.paths[index])
        return self.cache[index]

    def __getitem__(self, step):
        rng = np.random.default_rng([1, step])
        frames = torch.empty(CLIPS * WINDOWS, FRAMES * 3, SIZE, SIZE)
        mels = torch.empty(CLIPS * WINDOWS, 1, BINS, STEPS)
        for i, index in enumerate(rng.choice(len(self.paths), CLIPS, replace=False)):
            frames_of_clip, mel = self.clip(index)
            room = min(len(frames_of_clip) - FRAMES, int((len(mel) - STEPS) / 3.2)) - (WINDOWS - 1) * APART
            starts = np.sort(rng.integers(0, max(1, room + 1), WINDOWS)) + APART * np.arange(WINDOWS)
            for w, start in enumerate(starts):
                start = min(int(start), len(frames_of_clip) - FRAMES)
                frames[i * WINDOWS + w] = self.window(frames_of_clip[start:start + FRAMES].float(), rng)
                mels[i * WINDOWS + w, 0] = self.mel(mel, int(3.2 * start), rng)
        return frames, mels

    def window(self, x, rng):
        """[T, 3, H, W] to [3 T, 48, 48]; one view and one colour for all frames of a window."""
        u = lambda r: float(rng.uniform(-r, r)) * 0.8
        scale, aspect, angle = SEEN * math.exp(u(0.14)), math.exp(u(0.06)), u(0.16)
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        theta = torch.tensor([[scale * aspect * math.cos(angle) * mirror, -scale * math.sin(angle), u(0.1)],
                              [scale * math.sin(angle) * mirror, scale / aspect * math.cos(angle), u(0.1)]])
        grid = F.affine_grid(theta[None], [1, 3, SIZE, SIZE], align_corners=False)
        # All frames of a window share the grid: their channels are sampled at once.
        x = F.grid_sample(x.reshape(1, -1, *x.shape[2:]), grid, 'bilinear', 'border', False)[0].div_(127.5).sub_(1)
        mean = x.mean()
        x.sub_(mean).mul_(math.exp(u(0.3))).add_(mean + u(0.25))
        gains = torch.tensor([math.exp(u(0.15)) for _ in range(3)])
        x = x.view(-1, 3, SIZE, SIZE).add_(1).mul_(gains[:, None, None]).sub_(1)
        if rng.random() < 0.16:
            x = x.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
        x = x.add_(torch.randn_like(x), alpha=float(rng.uniform(0, 0.04)) * 0.8)
        return x.clamp_(-1, 1).reshape(-1, SIZE, SIZE)

    def mel(self, mel, start, rng):
        u = lambda r: float(rng.uniform(-r, r)) * 0.8
        start = min(max(0, start + int(rng.integers(-1, 2))), len(mel) - STEPS)
        x = mel[start:start + STEPS].t()
        place = ((1 + u(0.06)) * ((2 * torch.arange(BINS) + 1) / BINS - 1) + u(0.03) + 1) * BINS / 2 - 0.5
        place = place.clamp(0, BINS - 1)
        low = place.floor().long()
        part = (place - low)[:, None]
        x = (1 - part) * x[low] + part * x[(low + 1).clamp(max=BINS - 1)] + (u(0.5) + u(0.5) * (2 * place / (BINS - 1) - 1))[:, None]
        if rng.random() < 0.4:
            x = torch.logaddexp(2 * x, float(rng.uniform(-8, -3)) + 0.6 * torch.randn_like(x)) / 2
        return (x + float(rng.uniform(0, 0.25)) * 0.8 * torch.randn_like(x)).clamp(-4, 4)


if __name__ == '__main__':
    folder, clips, batches, workers, cached = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    warm = math.ceil(3 * clips / CLIPS) if cached else 4
    if cached and workers:
        warm *= workers  # each worker has a cache of its own
    loader = DataLoader(Batches(folder, clips, cached, warm + batches + 1), batch_size=None, shuffle=False, num_workers=workers,
                        **({'prefetch_factor': 2} if workers else {}))
    for step, _ in enumerate(loader):
        if step == warm:
            started = time.perf_counter()
        if step == warm + batches:
            break
    print(batches * CLIPS * WINDOWS / (time.perf_counter() - started))
