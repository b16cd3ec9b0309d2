"""One training step of the LITE AVAlignNet in PyTorch, float32 on CPU: the other side of backends-train-step.mjs.

    /usr/bin/python3 bench/backends-train-step.py <threads> <batch> <steps>

Prints one JSON line: wall and processor seconds of each step after one that does not count.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

threads, batch, steps = (int(value) for value in sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, inputs, outputs, factor):
        super().__init__()
        self.norm1 = nn.GroupNorm(32, inputs, eps=1e-6)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(32, outputs, eps=1e-6)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.down = nn.Conv2d(outputs, outputs, 3, stride=factor)

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return self.down(F.pad(h + self.shortcut(x), (0, 1, 0, 1)))


class Tower(nn.Module):
    def __init__(self, inputs, channels, factors):
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, channels[0], 3, padding=1)
        widths = [channels[0], *channels]
        self.blocks = nn.Sequential(*(Block(widths[i], widths[i + 1], factor) for i, factor in enumerate(factors)))
        self.norm_out = nn.GroupNorm(32, channels[-1], eps=1e-6)

    def forward(self, x):
        return F.normalize(F.relu(self.norm_out(self.blocks(self.conv_in(x)))).flatten(1))


visual = Tower(30, [32, 64, 128, 256], [4, 2, 2, 3])
audio = Tower(1, [32, 32, 64, 128, 256], [2, 2, 2, 2, (5, 2)])
parameters = [*visual.parameters(), *audio.parameters()]
optimizer = torch.optim.AdamW(parameters, lr=1e-3)
frames, mel = torch.randn(batch, 30, 48, 48), torch.randn(batch, 1, 80, 32)
target = torch.arange(batch)
seconds = []
for step in range(steps + 1):
    start = time.perf_counter(), time.process_time()
    similarity = 14 * visual(frames) @ audio(mel).T
    loss = (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1)
    optimizer.step()
    loss.item()
    if step > 0:
        seconds.append([time.perf_counter() - start[0], time.process_time() - start[1]])
print(json.dumps({"parameters": sum(p.numel() for p in parameters), "torch": torch.__version__, "seconds": seconds}))
