"""Torch files for the reader of @lipsync/nn, by PyTorch: python3 reference/nn-torch-files.py

Writes packages/nn/fixtures/torch/*: the same state dict in zip and legacy format, views, all element types, TorchScript, npy and npz; and
expected.json with the numbers. Hostile files are made by the tests themselves.
"""
import json
import platform
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'nn' / 'fixtures' / 'torch'
OUT.mkdir(parents=True, exist_ok=True)
expected = {}


def numbers(value):
    flat = value.detach().to(torch.float64) if value.dtype != torch.int64 else value.detach()
    return {'dtype': str(value.dtype).replace('torch.', ''), 'shape': list(value.shape), 'data': flat.flatten().tolist()}


def walk(value, path=''):
    if isinstance(value, torch.Tensor):
        return {path: numbers(value)}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    found = {}
    for key, child in items:
        found.update(walk(child, f'{path}.{key}' if path else str(key)))
    return found


def save(name, value):
    for suffix, zipped in (('zip', True), ('legacy', False)):
        torch.save(value, OUT / f'{name}.{suffix}.pth', _use_new_zipfile_serialization=zipped)
    expected[name] = walk(value)


torch.manual_seed(3)
net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Linear(4, 2))
save('state-dict', net.state_dict())

base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 8
save('views', OrderedDict(
    whole=base, transposed=base.t(), part=base[1:3, ::2], column=base[:, 5], expanded=base[:1, :1].expand(3, 5),
    scalar=base[2, 3], empty=torch.zeros(0, 3), parameter=nn.Parameter(torch.ones(2, 2) / 3),
))

save('dtypes', {
    'f64': torch.tensor([1 / 3, -2.5e300], dtype=torch.float64), 'f16': torch.tensor([1 / 3, 65504, 6e-8], dtype=torch.float16),
    'bf16': torch.tensor([1 / 3, 1e30], dtype=torch.bfloat16), 'i64': torch.tensor([2**53 - 1, -5]), 'i32': torch.tensor([2**31 - 1, -7], dtype=torch.int32),
    'i16': torch.tensor([-300, 300], dtype=torch.int16), 'i8': torch.tensor([-128, 127], dtype=torch.int8),
    'u8': torch.tensor([0, 255], dtype=torch.uint8), 'bool': torch.tensor([True, False, True]),
})

optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
net(torch.zeros(1, 2, 8, 6)).sum().backward()
optimizer.step()
save('nested', {
    'state_dict': OrderedDict((f'module.{key}', value) for key, value in net.state_dict().items()),
    'optimizer': optimizer.state_dict(), 'global_step': 12345, 'global_epoch': 6, 'note': 'größer', 'best': 0.25, 'done': False, 'none': None,
    'losses': [0.7 - 0.001 * i for i in range(100)], 'numpy': np.float64(2.5), 'shape': torch.Size([2, 3]),
})
save('several', {'state_dict': {'net_g': {'a': torch.ones(2)}, 'net_dI': {'b': torch.zeros(3)}}, 'epoch': 1})


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 2, 1)
        self.register_buffer('scale', torch.tensor([0.5, 2.0]))
        self.size = 3

    def forward(self, x):
        return self.conv(x) * self.scale[0]


scripted = Scripted().eval()
torch.jit.script(scripted).save(str(OUT / 'scripted.pt'))
expected['scripted'] = walk(scripted.state_dict())

grid = (np.arange(24).reshape(2, 3, 4) / 7)
np.save(OUT / 'c-order.npy', grid.astype(np.float32))
np.save(OUT / 'fortran.npy', np.asfortranarray(grid))
np.save(OUT / 'scalar.npy', np.float16(1.5))
np.savez(OUT / 'arrays.npz', mu=grid[0, 0], count=np.array([3, -4]))
expected['npy'] = {'data': grid.flatten().tolist()}

with open(OUT / 'expected.json', 'w') as file:
    json.dump({
        'program': 'reference/nn-torch-files.py', 'command': 'python3 reference/nn-torch-files.py',
        'versions': {'python': platform.python_version(), 'torch': torch.__version__, 'numpy': np.__version__}, 'files': expected,
    }, file)
    file.write('\n')
for path in sorted(OUT.iterdir()):
    print(path.name, path.stat().st_size)
