"""Reference numbers for @lipsync/syncnet, by PyTorch: python3 reference/syncnet-networks.py [--save DIR]

Networks of our own after the fact sheets, with weights by formula (formula_weights.py). Writes packages/syncnet/fixtures/networks.json: names
and shapes of the state dicts; embeddings in evaluation mode at full size; and at an eighth of the width, in training mode, the loss, its
gradients (norm and first numbers of each) and the running statistics after the step. With --save the state dicts of all networks are
written too, in both formats of torch.save, for the check that they load by name; --only-save NAME DIR writes one (SyncNet's with
distances as large as the released network's) and no fixture.
"""
import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'syncnet' / 'fixtures' / 'networks.json'
OUT.parent.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(2)
# Weights and inputs are float32, as in the package; everything is computed in float64: PyTorch's float32 gradients differ from processor to
# processor, and by up to 8e-3 of their norm from its float64.
torch.set_default_dtype(torch.float64)


class SyncNet(nn.Module):
    def __init__(self, width=1.0):
        super().__init__()
        c = lambda channels: max(1, round(channels * width))
        self.netcnnaud = nn.Sequential(
            nn.Conv2d(1, c(64), 3, 1, 1), nn.BatchNorm2d(c(64)), nn.ReLU(), nn.MaxPool2d(1, 1),
            nn.Conv2d(c(64), c(192), 3, 1, 1), nn.BatchNorm2d(c(192)), nn.ReLU(), nn.MaxPool2d(3, (1, 2)),
            nn.Conv2d(c(192), c(384), 3, 1, 1), nn.BatchNorm2d(c(384)), nn.ReLU(),
            nn.Conv2d(c(384), c(256), 3, 1, 1), nn.BatchNorm2d(c(256)), nn.ReLU(),
            nn.Conv2d(c(256), c(256), 3, 1, 1), nn.BatchNorm2d(c(256)), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c(256), c(512), (5, 4)), nn.BatchNorm2d(c(512)), nn.ReLU(),
        )
        self.netfcaud = nn.Sequential(nn.Linear(c(512), c(512)), nn.BatchNorm1d(c(512)), nn.ReLU(), nn.Linear(c(512), c(1024)))
        self.netfclip = nn.Sequential(nn.Linear(c(512), c(512)), nn.BatchNorm1d(c(512)), nn.ReLU(), nn.Linear(c(512), c(1024)))
        self.netcnnlip = nn.Sequential(
            nn.Conv3d(3, c(96), (5, 7, 7), (1, 2, 2)), nn.BatchNorm3d(c(96)), nn.ReLU(), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            nn.Conv3d(c(96), c(256), (1, 5, 5), (1, 2, 2), (0, 1, 1)), nn.BatchNorm3d(c(256)), nn.ReLU(),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            nn.Conv3d(c(256), c(256), (1, 3, 3), 1, (0, 1, 1)), nn.BatchNorm3d(c(256)), nn.ReLU(),
            nn.Conv3d(c(256), c(256), (1, 3, 3), 1, (0, 1, 1)), nn.BatchNorm3d(c(256)), nn.ReLU(),
            nn.Conv3d(c(256), c(256), (1, 3, 3), 1, (0, 1, 1)), nn.BatchNorm3d(c(256)), nn.ReLU(), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            nn.Conv3d(c(256), c(512), (1, 6, 6)), nn.BatchNorm3d(c(512)), nn.ReLU(),
        )

    def embed_visual(self, x):  # [batch, height, width, frame * 3 + colour]
        batch, height, width, _ = x.shape
        clip = x.reshape(batch, height, width, 5, 3).permute(0, 4, 3, 1, 2)
        return self.netfclip(self.netcnnlip(clip).flatten(1))

    def embed_audio(self, x):
        return self.netfcaud(self.netcnnaud(x).flatten(1))


def as_loud_as_real(net):
    """Made weights give distances of 16,000; the released network gives 6 to 14. The last layers a thousandth as large make them alike."""
    with torch.no_grad():
        for last in (net.netfcaud[3], net.netfclip[3]):
            last.weight.mul_(1e-3)
            last.bias.mul_(1e-3)
    return net


class Block(nn.Module):
    def __init__(self, cin, cout, kernel, stride=1, padding=0, residual=False, leak=0.0):
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding), nn.BatchNorm2d(cout))
        self.residual, self.leak = residual, leak

    def forward(self, x):
        y = self.conv_block(x)
        y = y + x if self.residual else y
        return F.leaky_relu(y, self.leak) if self.leak else F.relu(y)


def tower(cin, rows, width):
    blocks = []
    for k, s, p, cout, *rest in rows:
        cout = max(1, round(cout * width))
        blocks.append(Block(cin, cout, k, s, p, *(rest or (False,))))
        cin = cout
    return nn.Sequential(*blocks)


class Unit(nn.Module):
    def embed_visual(self, x):
        return F.normalize(self.visual(x.permute(0, 3, 1, 2)).flatten(1))

    def embed_audio(self, x):
        return F.normalize(self.audio_encoder(x).flatten(1))


AUDIO = [(3, 1, 1, 32), (3, 1, 1, 32, True), (3, 1, 1, 32, True), (3, (3, 1), 1, 64), (3, 1, 1, 64, True), (3, 1, 1, 64, True), (3, 3, 1, 128),
         (3, 1, 1, 128, True), (3, 1, 1, 128, True), (3, (3, 2), 1, 256), (3, 1, 1, 256, True), (3, 1, 1, 256, True)]


class Wav2Lip(Unit):
    def __init__(self, width=1.0):
        super().__init__()
        self.face_encoder = tower(15, [
            (7, 1, 3, 32), (5, (1, 2), 1, 64), (3, 1, 1, 64, True), (3, 1, 1, 64, True), (3, 2, 1, 128), (3, 1, 1, 128, True), (3, 1, 1, 128, True),
            (3, 1, 1, 128, True), (3, 2, 1, 256), (3, 1, 1, 256, True), (3, 1, 1, 256, True), (3, 2, 1, 512), (3, 1, 1, 512, True),
            (3, 1, 1, 512, True), (3, 2, 1, 512), (3, 1, 0, 512), (1, 1, 0, 512)], width)
        self.audio_encoder = tower(1, [*AUDIO, (3, 1, 0, 512), (1, 1, 0, 512)], width)

    def visual(self, x):
        return self.face_encoder(x)


class LatentSync(Unit):
    def __init__(self, width=1.0):
        super().__init__()
        leaky = lambda rows: [(*row[:4], len(row) > 4, 0.2) for row in rows]
        self.visual_encoder = tower(15, [
            *leaky([(7, 1, 3, 32), (5, (1, 2), 1, 64), (3, 1, 1, 64, True), (3, 1, 1, 64, True), (3, 2, 1, 128), (3, 1, 1, 128, True),
                    (3, 1, 1, 128, True), (3, 1, 1, 128, True), (3, 3, 1, 256), (3, 1, 1, 256, True), (3, 1, 1, 256, True), (3, 2, 1, 512),
                    (3, 1, 1, 512, True), (3, 1, 1, 512, True), (3, 2, 1, 1024), (3, 1, 1, 1024, True), (3, 1, 1, 1024, True)]),
            (3, 2, 1, 1024), (3, 1, 0, 1024), (1, 1, 0, 1024)], width)
        self.audio_encoder = tower(1, [
            *leaky([*AUDIO, (3, 1, 1, 512), (3, 1, 1, 512, True), (3, 1, 1, 512, True)]), (3, 1, 0, 1024), (1, 1, 0, 1024)], width)

    def visual(self, x):
        return self.visual_encoder(x)


class Same(nn.Module):
    def __init__(self, conv, halve=False):
        super().__init__()
        self.conv, self.halve = conv, halve

    def forward(self, x):
        y = F.relu(self.conv(x))
        return F.avg_pool2d(y, 2) if self.halve else y


class Res(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.conv1, self.conv2 = make(), make()

    def forward(self, x):
        return self.conv2(F.relu(self.conv1(F.relu(x)))) + x


class Face(nn.Module):
    def __init__(self, c):
        super().__init__()
        conv = lambda i, o, k=3: nn.Conv2d(i, o, k, padding=k // 2)
        stage = lambda: [Res(lambda: conv(c, c)), Same(conv(c, c), True), Same(conv(c, c))]
        w = max(1, c // 2)
        self.face_conv = nn.Sequential(
            Same(conv(15, w, 7)), Res(lambda: conv(w, w)), Same(conv(w, w), True), Same(conv(w, c)), *stage(), *stage(), *stage(),
            Res(lambda: conv(c, c)), Same(conv(c, c), True), Same(conv(c, c, 1)))


class Audio(nn.Module):
    def __init__(self, c):
        super().__init__()
        line = lambda i, k, s=1: nn.Conv1d(i, c, k, s, k // 2)
        halve = lambda: [Res(lambda: line(c, 3)), Same(line(c, 3, 2))]
        self.audio_conv = nn.Sequential(Same(line(29, 7)), *halve(), *halve(), *halve(), Same(line(c, 3)))


class Dinet(nn.Module):
    def __init__(self, channels=128):
        super().__init__()
        self.face_encoder, self.audio_encoder = Face(channels), Audio(channels)
        self.merge_encoder = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(channels, 1, 3, 1, 1))

    def map(self, pictures, sound):
        face = self.face_encoder.face_conv(pictures.permute(0, 3, 1, 2))
        audio = self.audio_encoder.audio_conv(sound[:, 0]).mean(2)
        tiled = audio[:, :, None, None].expand(-1, -1, *face.shape[2:])
        return face, audio, self.merge_encoder(torch.cat([face, tiled], 1))


def numbers(name, shape, low, high):
    return torch.from_numpy(formula.numbers(name, shape, low, high)).double()


def rounded(tensor, digits=8):
    return [float(f'{value:.{digits}g}') for value in tensor.detach().flatten().tolist()]


def shapes(net):
    return {name: list(value.shape) for name, value in net.state_dict().items()}


def trained(net, loss):
    """Loss, gradients and running statistics of one step in training mode."""
    net.train()
    value = loss(net)
    value.backward()
    return {
        'loss': value.item(),
        'gradients': {name: {'norm': parameter.grad.norm().item(), 'first': rounded(parameter.grad.flatten()[:4])} for name, parameter in net.named_parameters()},
        'buffers': {name: rounded(value[:4]) for name, value in net.named_buffers() if value.dim() > 0},
    }


def contrastive(v, a, y, margin):
    distance = F.pairwise_distance(v, a)
    return (y * distance**2 + (1 - y) * F.relu(margin - distance) ** 2).mean() / 2


def cosine_bce(v, a, y):
    return F.binary_cross_entropy(F.cosine_similarity(v, a), y)


def write_files(net, name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    state = net.float().state_dict()
    torch.save(state, folder / f'{name}.pth')
    torch.save({'state_dict': {f'module.{key}': value for key, value in state.items()}, 'global_step': 7},
               folder / f'{name}.legacy.pth', _use_new_zipfile_serialization=False)


if '--only-save' in sys.argv:
    at = sys.argv.index('--only-save')
    make = {'syncnet': SyncNet, 'wav2lip': Wav2Lip, 'latentsync': LatentSync, 'dinet': Dinet}[sys.argv[at + 1]]
    made = formula.fill(make(float(sys.argv[at + 3])) if len(sys.argv) > at + 3 else make())
    write_files(as_loud_as_real(made) if make is SyncNet else made, sys.argv[at + 1], Path(sys.argv[at + 2]))
    sys.exit()

LABELS = torch.tensor([1.0, 0.0, 0.0, 1.0])
SMALL = 0.125
result = {}
nets = {
    'syncnet': (SyncNet, (224, 224), 255.0, (13, 20), 20.0, lambda net, v, a: contrastive(v, a, LABELS, 2.0)),
    'wav2lip': (Wav2Lip, (48, 96), 1.0, (80, 16), 4.0, lambda net, v, a: cosine_bce(v, a, LABELS)),
    'latentsync': (LatentSync, (128, 256), 1.0, (80, 16), 4.0, lambda net, v, a: cosine_bce(v, a, LABELS)),
}
saved = {}
for name, (make, size, top, sound_size, loud, loss) in nets.items():
    net = formula.fill(make()).eval()
    saved[name] = net
    pictures = numbers(f'{name} pictures', (2, *size, 15), 0, top)
    sound = numbers(f'{name} sound', (2, 1, *sound_size), -loud, loud)
    with torch.no_grad():
        v, a = net.embed_visual(pictures), net.embed_audio(sound)
    small = formula.fill(make(SMALL))
    pictures4 = numbers(f'{name} pictures', (4, *size, 15), 0, top)
    sound4 = numbers(f'{name} sound', (4, 1, *sound_size), -loud, loud)
    result[name] = {
        'shapes': shapes(net), 'parameters': sum(p.numel() for p in net.parameters()),
        'visual': rounded(v), 'audio': rounded(a),
        'training': trained(small, lambda n: loss(n, n.embed_visual(pictures4), n.embed_audio(sound4))),
    }

net = formula.fill(Dinet()).eval()
saved['dinet'] = net
with torch.no_grad():
    face, audio, score = net.map(numbers('dinet pictures', (2, 64, 64, 15), 0, 1), numbers('dinet sound', (2, 1, 29, 9), -10, 10))
small = formula.fill(Dinet(16))


def map_loss(net):
    score = net.map(numbers('dinet pictures', (4, 64, 64, 15), 0, 1), numbers('dinet sound', (4, 1, 29, 9), -10, 10))[2]
    clamped = score + (score.clamp(0, 1) - score).detach()
    return ((clamped - LABELS[:, None, None, None]) ** 2).mean()


result['dinet'] = {
    'shapes': shapes(net), 'parameters': sum(p.numel() for p in net.parameters()),
    'visual': rounded(face.permute(0, 2, 3, 1)), 'audio': rounded(audio), 'map': rounded(score.permute(0, 2, 3, 1)),
    'training': trained(small, map_loss),
}

with open(OUT, 'w') as file:
    json.dump({
        'program': 'reference/syncnet-networks.py', 'command': 'python3 reference/syncnet-networks.py',
        'versions': {'python': platform.python_version(), 'torch': torch.__version__, 'numpy': np.__version__}, 'networks': result,
    }, file)
    file.write('\n')
print(OUT.name, OUT.stat().st_size, {name: entry['parameters'] for name, entry in result.items()})

if '--save' in sys.argv:
    for name, net in saved.items():
        write_files(net, name, Path(sys.argv[sys.argv.index('--save') + 1]))
