"""Torch files for the reader of @lipsync/checkpoints, by PyTorch: python3 reference/checkpoints-torch-files.py

Writes packages/checkpoints/fixtures/torch/*: the same state dict in zip and legacy format, views, all element types, a file as Python 2 and PyTorch 0.2
wrote it in 2017, TorchScript (scripted, traced, frozen), npy and npz; and expected.json with the numbers. Hostile files are made by the tests
themselves.
"""
import collections
import json
import platform
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'checkpoints' / 'fixtures' / 'torch'
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
torch.save(net.state_dict(), OUT / 'protocol-4.legacy.pth', pickle_protocol=4, _use_new_zipfile_serialization=False)

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


noted = torch.tensor([1.5, -2.0])
noted.note = 'a tensor with an attribute'
odd = {
    'noted': noted, 'count': collections.Counter([1, 1, 2]), 'default': collections.defaultdict(dict, {'a': torch.ones(1)}),
    'pair': (torch.zeros(1), [torch.ones(2)]), ('a', 'tuple'): 3, 'f4': np.float32(0.25), 'i8': np.int64(-7), 'array': np.zeros(3), 'set': {1, 2},
    'large': 2**70, 'many': [(i, 0.5) for i in range(100)], 'device': torch.device('cpu'), 'dtype': torch.float16,
}
save('odd', odd)


def file_of_2017():
    """What PyTorch 0.2 under Python 2 wrote: byte strings, _rebuild_tensor, storages on a GPU, views on a storage named by (key, offset, size)."""
    text = lambda value: b'U' + bytes([len(value)]) + value.encode()
    number = lambda value: b'J' + struct.pack('<i', value)
    listed = lambda *items: b'(' + b''.join(items) + b't'
    name = lambda module, what: f'c{module}\n{what}\n'.encode()
    storage = lambda kind, key, size, view: b'(' + text('storage') + kind + text(key) + text('cuda:0') + number(size) + view + b'tQ'

    def tensor(where, offset, shape, strides):
        tuples = [listed(*map(number, sides)) for sides in (shape, strides)]
        return name('torch._utils', '_rebuild_tensor') + listed(where, number(offset), *tuples) + b'R'

    floats = name('torch.cuda', 'FloatStorage')
    view = lambda key, offset, size: storage(floats, '100', 12, listed(text(key), number(offset), number(size)))
    tensors = {
        'netcnnaud.0.weight': tensor(view('101', 0, 8), 0, (4, 2), (2, 1)),
        'netcnnaud.0.bias': tensor(view('102', 8, 4), 1, (3,), (1,)),
        'netcnnaud.1.running_mean': tensor(storage(name('torch', 'DoubleStorage'), '99', 2, b'N'), 0, (2,), (1,)),
    }
    pairs = b''.join(b'](' + text(key) + value + b'e' for key, value in tensors.items())
    first = b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.' + b'\x80\x02M\xe9\x03.'
    machine = b'\x80\x02}(' + text('little_endian') + b'\x88' + text('protocol_version') + b'M\xe9\x03u.'
    state = b'\x80\x02' + name('collections', 'OrderedDict') + b'](' + pairs + b'e\x85R.'
    keys = b'\x80\x02](' + text('100') + text('99') + b'e.'
    one = np.arange(12, dtype='<f4') / 4
    two = np.array([0.1, -3], dtype='<f8')
    return first + machine + state + keys + struct.pack('<q', 12) + one.tobytes() + struct.pack('<q', 2) + two.tobytes()


(OUT / 'python2.legacy.pth').write_bytes(file_of_2017())
expected['python2'] = walk(torch.load(OUT / 'python2.legacy.pth', map_location='cpu'))


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

small = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Linear(4, 1)).eval()
torch.jit.trace(small, torch.zeros(1, 1, 6)).save(str(OUT / 'traced.pt'))
expected['traced'] = walk(small.state_dict())
torch.jit.freeze(torch.jit.script(small)).save(str(OUT / 'frozen.pt'))
expected['frozen'] = [numbers(value) for value in small.state_dict().values()]

grid = (np.arange(24).reshape(2, 3, 4) / 7)
np.save(OUT / 'c-order.npy', grid.astype(np.float32))
np.save(OUT / 'fortran.npy', np.asfortranarray(grid))
np.save(OUT / 'scalar.npy', np.float16(1.5))
np.savez(OUT / 'arrays.npz', mu=grid[0, 0], count=np.array([3, -4]))
np.savez_compressed(OUT / 'compressed.npz', mu=np.zeros(500), grid=grid.astype(np.float32))
expected['npy'] = {'data': grid.flatten().tolist()}

with open(OUT / 'expected.json', 'w') as file:
    json.dump({
        'program': 'reference/checkpoints-torch-files.py', 'command': 'python3 reference/checkpoints-torch-files.py',
        'versions': {'python': platform.python_version(), 'torch': torch.__version__, 'numpy': np.__version__}, 'files': expected,
    }, file)
    file.write('\n')
for path in sorted(OUT.iterdir()):
    print(path.name, path.stat().st_size)
