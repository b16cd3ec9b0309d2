"""Reference numbers for the one- and three-dimensional layers and the pools of @lipsync/nn, by PyTorch: python3 reference/nn-more-layers.py

Writes packages/nn/fixtures/{conv1d,conv-transpose2d,conv3d,pooling}.json: inputs, state dict, output and the gradients of sum(output * dy). Clips are
written in NTHWC and sequences in NTC, as our layers take them; parameters in PyTorch's own layout. TensorFlow's SAME padding is put
around by F.pad, by the rule of weights.md.
"""
import json
import math
import platform
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FIXTURES = Path(__file__).resolve().parent.parent / 'packages' / 'nn' / 'fixtures'
MADE_BY = {
    'program': 'reference/nn-more-layers.py',
    'versions': {'python': platform.python_version(), 'torch': torch.__version__, 'numpy': np.__version__},
    'command': 'python3 reference/nn-more-layers.py',
}


def array(tensor):
    numbers = tensor.detach().to(torch.float32).contiguous()
    return {'shape': list(numbers.shape), 'data': [float(f'{value:.9g}') for value in numbers.flatten().tolist()]}


def last(tensor):
    """Channels to the end."""
    return tensor.permute(0, *range(2, tensor.dim()), 1)


def case(name, options, module, shape, seed, forward=None):
    generator = torch.Generator().manual_seed(seed)
    state = {}
    if isinstance(module, nn.Module):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        state = dict(module.named_parameters())
    x = torch.randn(shape, generator=generator).requires_grad_(True)
    y = (forward or module)(x)
    dy = torch.randn(y.shape, generator=generator)
    gradients = torch.autograd.grad((y * dy).sum(), [x, *state.values()])
    return {
        'name': name, 'options': options, 'state': {key: array(value) for key, value in state.items()},
        'x': array(last(x)), 'y': array(last(y)), 'dy': array(last(dy)), 'dx': array(last(gradients[0])),
        'gradients': {key: array(value) for key, value in zip(state, gradients[1:])},
    }


def write(name, content):
    path = FIXTURES / f'{name}.json'
    path.write_text(json.dumps({**MADE_BY, **content}) + '\n')
    print(path.name, path.stat().st_size)


def same(x, kernel, stride, value=0.0):
    pads = []
    for side, k, s in zip(x.shape[2:], kernel, stride):
        total = max(0, (math.ceil(side / s) - 1) * s + k - side)
        pads.append((total // 2, total - total // 2))
    return F.pad(x, [p for pair in reversed(pads) for p in pair], value=value)


conv1d = []
for i, (kernel, stride, padding, steps) in enumerate([(3, 1, 1, 5), (5, 1, 2, 4), (3, 2, 1, 9), (7, 1, 3, 3), (2, 2, 0, 6)]):
    options = {'inChannels': 4, 'outChannels': 3, 'kernelSize': kernel, 'stride': stride, 'padding': padding}
    module = nn.Conv1d(4, 3, kernel, stride, padding)
    conv1d.append(case(f'kernel {kernel}, stride {stride}, padding {padding}, {steps} steps', options, module, (2, 4, steps), 100 + i))
write('conv1d', {'cases': conv1d})

transposed = []
for i, (kernel, stride, padding, extra, size) in enumerate([
    (3, 2, 1, 1, (3, 4)), (3, 1, 0, 0, (1, 1)), (3, 2, 1, 0, (4, 3)), (4, 2, 1, 0, (2, 3)), (5, 3, 2, 2, (2, 2)), (2, 2, 0, 0, (3, 2)),
]):
    options = {'inChannels': 3, 'outChannels': 2, 'kernelSize': kernel, 'stride': stride, 'padding': padding, 'outputPadding': extra}
    module = nn.ConvTranspose2d(3, 2, kernel, stride, padding, extra)
    name = f'kernel {kernel}, stride {stride}, padding {padding}, output padding {extra}'
    transposed.append(case(name, options, module, (2, 3, *size), 150 + i))
write('conv-transpose2d', {'cases': transposed})

conv3d = []
for i, (kernel, stride, padding, bias, size) in enumerate([
    ((3, 3, 3), (1, 1, 1), (1, 1, 1), True, (3, 4, 5)),
    ((1, 3, 3), (1, 2, 2), (0, 1, 1), True, (2, 5, 4)),
    ((5, 3, 2), (1, 2, 2), (0, 0, 0), True, (5, 4, 5)),
    ((3, 3, 3), (2, 2, 2), 'same', False, (4, 5, 6)),
    ((3, 2, 4), (2, 1, 3), 'same', True, (5, 3, 4)),
    ((2, 1, 1), (3, 1, 1), (1, 0, 0), False, (5, 2, 2)),
]):
    options = {'inChannels': 2, 'outChannels': 3, 'kernelSize': kernel, 'stride': stride, 'padding': padding, 'bias': bias}
    module = nn.Conv3d(2, 3, kernel, stride, 0 if padding == 'same' else padding, bias=bias)
    forward = (lambda x, m=module, k=kernel, s=stride: m(same(x, k, s))) if padding == 'same' else None
    conv3d.append(case(f'kernel {kernel}, stride {stride}, padding {padding}', options, module, (2, 2, *size), 200 + i, forward))
write('conv3d', {'cases': conv3d})

max2d = [
    ((3, 3), (2, 2), (1, 1), False, (6, 7)), ((3, 3), (2, 2), (0, 0), True, (6, 7)), ((3, 3), (1, 2), (0, 0), False, (5, 6)),
    ((2, 2), (2, 2), (0, 0), True, (5, 5)), ((3, 2), (2, 3), (1, 1), True, (5, 4)), ((1, 1), (1, 1), (0, 0), False, (2, 2)),
]
avg2d = [((2, 2), (2, 2), (0, 0), True, (5, 6)), ((3, 3), (1, 1), (1, 1), False, (4, 4)), ((3, 3), (2, 2), (1, 1), True, (5, 6)),
         ((3, 3), (2, 2), (1, 1), False, (5, 4))]
max3d = [((1, 3, 3), (1, 2, 2), 'same', (3, 5, 6)), ((3, 3, 3), (2, 2, 2), 'same', (5, 4, 5)), ((2, 2, 2), (2, 2, 2), 'same', (3, 4, 3)),
         ((3, 3, 3), (1, 1, 1), (1, 1, 1), (3, 3, 4)), ((1, 3, 3), (1, 2, 2), (0, 0, 0), (2, 5, 5))]
cases = {'max2d': [], 'avg2d': [], 'max3d': []}
for i, (kernel, stride, padding, ceil, size) in enumerate(max2d):
    options = {'kernelSize': kernel, 'stride': stride, 'padding': padding, 'ceil': ceil}
    run = lambda x, k=kernel, s=stride, p=padding, c=ceil: F.max_pool2d(x, k, s, p, ceil_mode=c)
    cases['max2d'].append(case(f'{options}', options, run, (2, 2, *size), 300 + i))
for i, (kernel, stride, padding, count, size) in enumerate(avg2d):
    options = {'kernelSize': kernel, 'stride': stride, 'padding': padding, 'countPadding': count}
    run = lambda x, k=kernel, s=stride, p=padding, c=count: F.avg_pool2d(x, k, s, p, count_include_pad=c)
    cases['avg2d'].append(case(f'{options}', options, run, (2, 2, *size), 400 + i))
for i, (kernel, stride, padding, size) in enumerate(max3d):
    options = {'kernelSize': kernel, 'stride': stride, 'padding': padding}
    if padding == 'same':
        run = lambda x, k=kernel, s=stride: F.max_pool3d(same(x, k, s, float('-inf')), k, s)
    else:
        run = lambda x, k=kernel, s=stride, p=padding: F.max_pool3d(x, k, s, p)
    cases['max3d'].append(case(f'{options}', options, run, (2, 2, *size), 500 + i))
write('pooling', cases)
