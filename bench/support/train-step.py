"""Training steps or inference of a network of networks.py: the PyTorch side of bench/networks.mjs.

    /usr/bin/python3 bench/support/train-step.py <network> <threads> <batch> <steps> train|infer

Prints one JSON line: wall and processor seconds of each step after two that do not count, and the peak memory.
"""
import json
import resource
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from networks import build  # noqa: E402

name, mode = sys.argv[1], sys.argv[5]
threads, batch, steps = (int(value) for value in sys.argv[2:5])
network = build(name)
torch.set_num_threads(threads)  # after the network's file, which sets its own
inputs = [torch.randn(batch, *shape) for shape in network.shapes]
parameters = list(network.parameters())
optimizer = torch.optim.AdamW(parameters, lr=1e-3)


def train():
    if hasattr(network, "train_step"):
        network.train_step(inputs)
        return
    loss = network.loss(network(*inputs))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1)
    optimizer.step()
    loss.item()


def infer():
    with torch.inference_mode():
        network(*inputs)


step = train if mode == "train" else infer
network.train(mode == "train")
seconds = []
for index in range(steps + 2):
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    if index > 1:
        seconds.append([time.perf_counter() - wall, time.process_time() - cpu])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"parameters": sum(p.numel() for p in parameters), "torch": torch.__version__, "seconds": seconds, "peakBytes": peak}))
