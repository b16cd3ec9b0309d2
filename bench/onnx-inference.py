"""Embeddings of windows in PyTorch, float32 on CPU: the other side of onnx-inference.mjs.

    /usr/bin/python3 bench/onnx-inference.py <threads>

Reads lines `<network> <batch>` and answers each with the wall and processor seconds of one forward pass of both towers; the
first of a network does not count. Inputs have PyTorch's own axis order. Classes are those of the reference scripts.
"""
import sys
import time
from pathlib import Path

import torch

threads = int(sys.argv[1])
reference = Path(__file__).resolve().parent.parent / 'reference'


def definitions(name, until):
    path = reference / name
    scope = {'__file__': str(path), '__name__': 'definitions'}
    exec(compile(path.read_text().split(until)[0], str(path), 'exec'), scope)
    return scope


AUDIO = [32, 64, 128, 256, 512, 1024, 2048]
CONFIGS = {
    'lite': ((30, 48, 48), (80, 32), [32, 64, 128, 256], [4, 2, 2, 3], [32, 32, 64, 128, 256], [2, 2, 2, 2, [5, 2]]),
    'thesis_5_64': ((15, 64, 64), (80, 16), [64, 128, 256, 256, 512, 1024, 2048], [2, 2, 2, 1, 2, 2, 2], AUDIO, [[2, 1], 2, 2, 1, 2, 2, [2, 1]]),
}


def tower(inputs, channels, factors):
    return {'in_channels': inputs, 'block_out_channels': channels, 'downsample_factors': factors, 'attn_blocks': [0] * len(channels), 'dropout': 0.0}


def make(name):
    if name == 'syncnet':
        net = definitions('syncnet-networks.py', 'def write_files')['SyncNet']().eval()
        return lambda batch: (torch.rand(batch, 224, 224, 15), torch.rand(batch, 1, 13, 20)), lambda x, y: (net.embed_visual(x), net.embed_audio(y))
    (frames, *size), mel, visual, visual_factors, audio, audio_factors = CONFIGS[name]
    encoder = definitions('avalignnet-reference.py', 'def main')['DownEncoder2D']
    lips, sound = (encoder(tower(*section), 'cpu').eval() for section in [(frames, visual, visual_factors), (1, audio, audio_factors)])
    return lambda batch: (torch.rand(batch, frames, *size), torch.rand(batch, 1, *mel)), lambda x, y: (lips(x), sound(y))


torch.set_num_threads(threads)
known = {}
print(torch.__version__, flush=True)
with torch.no_grad():
    for line in sys.stdin:
        name, batch = line.split()
        if name not in known:
            known = {name: make(name)}
        inputs, forward = known[name]
        frames, mel = inputs(int(batch))
        wall, processor = time.perf_counter(), time.process_time()
        forward(frames, mel)
        print(time.perf_counter() - wall, time.process_time() - processor, flush=True)
