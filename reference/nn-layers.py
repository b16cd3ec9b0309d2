"""Reference numbers for @lipsync/nn, by PyTorch: python3 reference/nn-layers.py

Writes packages/nn/fixtures/*.json: for every layer some inputs, the state dict, the output and the gradients of
sum(output * dy) by the input and by every parameter; for AdamW and gradient clipping the numbers after each step. Also
packages/checkpoints/fixtures/safetensors.json: a safetensors file, its bytes put together here by the format's description (struct, json, numpy).
Images are written in NHWC, as our layers take them; parameters in PyTorch's own layout.
"""
import base64
import json
import platform
import struct
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

PACKAGES = Path(__file__).resolve().parent.parent / 'packages'
MADE_BY = {
    'program': 'reference/nn-layers.py',
    'versions': {'python': platform.python_version(), 'torch': torch.__version__, 'numpy': np.__version__},
    'command': 'python3 reference/nn-layers.py',
}


def array(tensor):
    numbers = tensor.detach().to(torch.float32).contiguous()
    return {'shape': list(numbers.shape), 'data': [float(f'{value:.9g}') for value in numbers.flatten().tolist()]}


def channels_last(tensor):
    """NCHW to NHWC; tokens and vectors stay."""
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor


def state(module):
    return {name: array(value) for name, value in module.state_dict().items()}


def randomise(module, generator):
    """Values that no symmetry hides: norm scales other than 1, shifts other than 0."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5 + (1 if parameter.dim() == 1 else 0))
        for name, buffer in module.named_buffers():
            if name.endswith('running_mean'):
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
            if name.endswith('running_var'):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return module


def case(name, options, module, shape, seed, forward=None, offset=0.0, permute=True):
    generator = torch.Generator().manual_seed(seed)
    randomise(module, generator)
    before = state(module)
    x = (torch.randn(shape, generator=generator) + offset).requires_grad_(True)
    y = (forward or module)(x)
    dy = torch.randn(y.shape, generator=generator)
    names, parameters = zip(*module.named_parameters()) if list(module.parameters()) else ((), ())
    gradients = torch.autograd.grad((y * dy).sum(), [x, *parameters])
    return {
        'name': name,
        'options': options,
        'state': before,
        'stateAfter': state(module) if list(module.buffers()) else None,
        **{key: array(channels_last(value) if permute else value)
           for key, value in {'x': x, 'y': y, 'dy': dy, 'dx': gradients[0]}.items()},
        'gradients': {name: array(value) for name, value in zip(names, gradients[1:])},
    }


def write(name, content, package='nn'):
    path = PACKAGES / package / 'fixtures' / f'{name}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**MADE_BY, **content}) + '\n')
    print(path.name, path.stat().st_size)


def conv2d():
    cases = []
    for i, (kernel, stride, pad, bias, size) in enumerate([
        (3, 1, (1, 1, 1, 1), True, (5, 6)),
        (3, 2, (0, 1, 0, 1), True, (5, 6)),
        (3, (1, 2), (0, 1, 1, 1), True, (4, 5)),
        (3, (2, 3), (0, 1, 0, 1), True, (2, 3)),
        (1, 1, (0, 0, 0, 0), True, (3, 4)),
        ((2, 3), (2, 1), (2, 0, 1, 3), False, (4, 4)),
        (5, 2, (2, 2, 2, 2), True, (7, 5)),
        (3, 1, (1, 1, 1, 1), True, (1, 1)),
    ]):
        module = nn.Conv2d(3, 4, kernel, stride, bias=bias)
        left, right, top, bottom = pad
        options = {'inChannels': 3, 'outChannels': 4, 'kernelSize': kernel, 'stride': stride, 'bias': bias,
                   'padding': {'left': left, 'right': right, 'top': top, 'bottom': bottom}}
        name = f'kernel {kernel}, stride {stride}, padding left, right, top, bottom {pad}, {size[0]} x {size[1]}'
        cases.append(case(name, options, module, (2, 3, *size), 100 + i, lambda x, m=module, p=pad: m(F.pad(x, p))))
    write('conv2d', {'cases': cases})


def linear():
    write('linear', {'cases': [
        case('on rows', {'inFeatures': 5, 'outFeatures': 3}, nn.Linear(5, 3), (4, 5), 200),
        case('on tokens', {'inFeatures': 5, 'outFeatures': 3}, nn.Linear(5, 3), (2, 4, 5), 201),
        case('without bias', {'inFeatures': 3, 'outFeatures': 7, 'bias': False}, nn.Linear(3, 7, bias=False), (2, 3, 2, 3), 202, permute=False),
    ]})


def group_norm():
    cases = []
    for i, (groups, channels, eps, size, silu, offset) in enumerate([
        (4, 8, 1e-6, (3, 5), False, 0), (4, 8, 1e-6, (3, 5), True, 0), (2, 8, 1e-5, (1, 1), False, 0),
        (2, 8, 1e-5, (1, 1), True, 0), (8, 8, 1e-5, (4, 2), True, 0), (1, 6, 1e-5, (2, 2), False, 0),
        (4, 8, 1e-6, (6, 5), False, 30),
    ]):
        module = nn.GroupNorm(groups, channels, eps)
        options = {'groups': groups, 'channels': channels, 'epsilon': eps, 'activation': 'silu' if silu else 'none'}
        name = f'{groups} groups of {channels} channels, {size[0]} x {size[1]}, {options["activation"]}, mean {offset}'
        forward = (lambda x, m=module: F.silu(m(x))) if silu else None
        cases.append(case(name, options, module, (2, channels, *size), 300 + i, forward, offset))
    write('group-norm', {'cases': cases})


def layer_norm():
    write('layer-norm', {'cases': [
        case('on tokens', {'features': 6}, nn.LayerNorm(6), (2, 5, 6), 400),
        case('on rows far from zero', {'features': 16, 'epsilon': 1e-6}, nn.LayerNorm(16, 1e-6), (3, 16), 401, None, 20.0),
    ]})


def instance_norm():
    write('instance-norm', {'cases': [
        case('plain', {'channels': 3}, nn.InstanceNorm2d(3), (2, 3, 4, 5), 500),
        case('affine', {'channels': 3, 'affine': True, 'epsilon': 1e-3}, nn.InstanceNorm2d(3, 1e-3, affine=True), (2, 3, 2, 3), 501),
    ]})


class Twice(nn.Module):
    """Two batches, so that the running statistics are averaged from averages; the gradient is that of the second."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        with torch.no_grad():
            self.norm(x * 2 + 1)
        return self.norm(x)


def batch_norm():
    cases = []
    for i, (train, options, shape) in enumerate([
        (True, {}, (3, 4, 2, 3)), (False, {}, (3, 4, 2, 3)), (True, {'momentum': None}, (2, 4, 3, 1)),
        (True, {'affine': False, 'eps': 1e-3, 'momentum': 0.3}, (3, 4, 2, 2)),
        (True, {'track_running_stats': False}, (3, 4, 2, 2)),
    ]):
        module = nn.BatchNorm2d(4, **options).train(train)
        twice = Twice(module)
        ours = {'eps': 'epsilon', 'momentum': 'momentum', 'affine': 'affine', 'track_running_stats': 'trackRunningStatistics'}
        made = case(f'{"training" if train else "evaluation"} {options}', {'channels': 4, **{ours[k]: v for k, v in options.items()}},
                    module, shape, 600 + i, twice)
        made['training'] = train
        cases.append(made)
    write('batch-norm', {'cases': cases})


class Attention(nn.Module):
    """Multi-head self-attention under diffusers' names, written from its formula."""

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels), nn.Dropout(0.0)])

    def forward(self, x):
        batch, tokens, channels = x.shape
        q, k, v = (f(x).view(batch, tokens, self.heads, -1).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        weights = (q @ k.transpose(2, 3) / (channels // self.heads) ** 0.5).softmax(3)
        return self.to_out[0]((weights @ v).transpose(1, 2).reshape(batch, tokens, channels))


class Geglu(nn.Module):
    """Gated feed-forward under diffusers' names."""

    def __init__(self, channels):
        super().__init__()
        projection = nn.Module()
        projection.proj = nn.Linear(channels, 8 * channels)
        self.net = nn.ModuleList([projection, nn.Dropout(0.0), nn.Linear(4 * channels, channels)])

    def forward(self, x):
        value, gate = self.net[0].proj(x).chunk(2, -1)
        return self.net[2](value * F.gelu(gate))


def transformer():
    write('multi-head-attention', {'cases': [
        case('2 heads of 4', {'channels': 8, 'heads': 2}, Attention(8, 2), (2, 5, 8), 700),
        case('8 heads of 2, one token', {'channels': 16, 'heads': 8}, Attention(16, 8), (2, 1, 16), 701),
    ]})
    write('geglu-feed-forward', {'cases': [case('4 channels', {'channels': 4}, Geglu(4), (2, 3, 4), 710)]})


def functions():
    cases = {}
    x = torch.cat([torch.linspace(-6, 6, 41), torch.tensor([0.0, -30.0, 30.0])])
    for name, function in {'silu': F.silu, 'gelu': F.gelu, 'relu': F.relu}.items():
        leaf = x.clone().requires_grad_(True)
        y = function(leaf)
        cases[name] = {'x': array(x), 'y': array(y), 'slope': array(torch.autograd.grad(y.sum(), leaf)[0])}
    generator = torch.Generator().manual_seed(800)
    rows = torch.randn(4, 6, generator=generator)
    rows[1] *= 1e3
    rows[2] *= 1e-4
    dy = torch.randn(4, 6, generator=generator)
    leaf = rows.clone().requires_grad_(True)
    y = F.normalize(leaf)
    cases['l2Normalize'] = {'x': array(rows), 'dy': array(dy), 'y': array(y), 'dx': array(torch.autograd.grad((y * dy).sum(), leaf)[0])}
    write('functions', cases)


def optimiser():
    generator = torch.Generator().manual_seed(900)
    start = {'weight': torch.randn(3, 4, generator=generator), 'bias': torch.randn(4, generator=generator)}
    gradients = [{name: torch.randn(value.shape, generator=generator) * 10 ** (i % 3 - 1) for name, value in start.items()} for i in range(10)]
    runs = []
    for options in [
        {}, {'weight_decay': 0}, {'lr': 0.05, 'betas': (0.5, 0.9), 'eps': 1e-3, 'weight_decay': 0.3},
        {'weight_decay': 0.1, 'only': ['weight']}, {'schedule': [0.01 * (i + 1) for i in range(10)]},
    ]:
        parameters = {name: nn.Parameter(value.clone()) for name, value in start.items()}
        options = dict(options)
        only, schedule = options.pop('only', None), options.pop('schedule', None)
        settings = {'lr': 1e-2, **options}
        groups = [{'params': [p], **({'weight_decay': 0.0} if only and name not in only else {})} for name, p in parameters.items()]
        optimizer = torch.optim.AdamW(groups, **settings)
        steps = []
        for i, gradient in enumerate(gradients):
            for group in optimizer.param_groups:
                group['lr'] = schedule[i] if schedule else settings['lr']
            for name, parameter in parameters.items():
                parameter.grad = gradient[name].clone()
            optimizer.step()
            steps.append({name: array(p) for name, p in parameters.items()})
        moments = optimizer.state
        runs.append({
            'options': {**settings, 'only': only, 'schedule': schedule},
            'steps': [steps[0], steps[4], steps[9]],
            'expAvg': {name: array(moments[p]['exp_avg']) for name, p in parameters.items()},
            'expAvgSq': {name: array(moments[p]['exp_avg_sq']) for name, p in parameters.items()},
        })
    write('adamw', {'start': {n: array(v) for n, v in start.items()},
                    'gradients': [{n: array(v) for n, v in g.items()} for g in gradients], 'runs': runs})

    clips = []
    for limit in (0.5, 1.0, 100.0):
        parameters = [nn.Parameter(value.clone()) for value in start.values()]
        for parameter, gradient in zip(parameters, gradients[1].values()):
            parameter.grad = gradient.clone()
        norm = nn.utils.clip_grad_norm_(parameters, limit)
        clips.append({'maxNorm': limit, 'norm': float(norm), 'after': {n: array(p.grad) for n, p in zip(start, parameters)}})
    write('clip-gradient-norm', {'gradients': {n: array(v) for n, v in gradients[1].items()}, 'clips': clips})


def safetensors():
    """The order of the reference implementation: widest type first, then by name."""
    tensors = [
        ('count', 'I64', np.array([2 ** 40, -1], np.int64)),
        ('wide', 'F64', np.array([[1 / 3]], np.float64)),
        ('a.weight', 'F32', np.arange(6, dtype=np.float32).reshape(2, 3) / 7),
        ('b.\u00e9\u6f22\U0001f600', 'F32', np.array(0.1, np.float32)),
        ('int', 'I32', np.array([-2 ** 31, 2 ** 31 - 1], np.int32)),
        ('brain', 'BF16', (np.array([1.5, -3.140625, 1e30], np.float32).view(np.uint32) >> 16).astype(np.uint16)),
        ('half', 'F16', np.array([0.1, -65504, 6e-8, np.inf, 1 / 3], np.float16)),
        ('short', 'I16', np.array([-32768, 7], np.int16)),
        ('byte', 'I8', np.array([-128, 127, 0], np.int8)),
        ('empty', 'U8', np.zeros((0, 3), np.uint8)),
        ('ubyte', 'U8', np.array([255], np.uint8)),
        ('flags', 'BOOL', np.array([1, 0, 1], np.uint8)),
    ]
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, dtype, values in tensors:
        raw = values.tobytes()
        header[name] = {'dtype': dtype, 'shape': list(values.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(',', ':'), ensure_ascii=False).encode()
    text += b' ' * (-len(text) % 8)
    values = np.linspace(-70000, 70000, 57).tolist() + [0.1, 1e-8, 6.1e-5, 5.97e-8, 2.98e-8, 2.99e-8, 65519, 65520, 1 / 3, -2049, 2051]
    with np.errstate(over='ignore'):
        halves = np.array(values, np.float32).astype(np.float16)
    write('safetensors', {
        'bytes': base64.b64encode(struct.pack('<Q', len(text)) + text + data).decode(),
        'float32': {name: [float(v) if np.isfinite(v) else str(v) for v in (values if dtype != 'BF16' else (values.astype(np.uint32) << 16).view(np.float32)).astype(np.float32).flatten().tolist()]
                    for name, dtype, values in tensors},
        'halves': {'values': values, 'bits': halves.view(np.uint16).tolist()},
    }, package='checkpoints')


if __name__ == '__main__':
    torch.set_num_threads(1)
    for make in (conv2d, linear, group_norm, layer_norm, instance_norm, batch_norm, transformer, functions, optimiser, safetensors):
        make()
