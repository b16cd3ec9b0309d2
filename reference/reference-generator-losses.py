"""Reference numbers for losses and discriminator of @lipsync/reference-generator, by PyTorch: python3 reference/reference-generator-losses.py

Weights and inputs by formula (formula_weights.py), computed in float64. Writes packages/reference-generator/fixtures/losses.json: the image
losses with their gradients; warps by grid_sample; and three steps of a small discriminator with torch.nn.utils.spectral_norm, each with its
loss (R1 on real or on generated windows, with and without an affine augmentation), every gradient, R1's of second order included, and
the vectors of the power iteration.
"""
import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'reference-generator' / 'fixtures' / 'losses.json'
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
ROWS = [(7, 1, 3, 1), (5, (1, 2), 2, 2), (5, 2, 2, 4), (5, 2, 2, 8), (3, 2, 1, 16), (3, 2, 1, 16)]
RATE = 0.05


def made(name, shape, low=0, high=1):
    return torch.from_numpy(formula.numbers(name, shape, low, high)).double()


def nchw(x):
    return x.permute(0, 3, 1, 2)


class Discriminator(nn.Module):
    def __init__(self, frames, size, width):
        super().__init__()
        channels, convs = 3 * frames, []
        for kernel, stride, padding, factor in ROWS:
            convs.append(spectral_norm(nn.Conv2d(channels, factor * width, kernel, stride, padding)))
            channels = factor * width
        convs += [spectral_norm(nn.Conv2d(channels, channels, size // 32)), spectral_norm(nn.Conv2d(channels, 1, 1))]
        self.convs = nn.ModuleList(convs)

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x)
            x = F.leaky_relu(x, 0.2) if i < len(self.convs) - 1 else x
        return x.flatten()


def shares(tensor, count=4):
    flat = tensor.detach().reshape(-1)
    step = max(1, flat.numel() // count)
    return {'largest': float('%.7g' % flat.abs().max()), 'rms': float('%.7g' % flat.square().mean().sqrt()), 'step': step, 'numbers': [float('%.7g' % v) for v in flat[::step]]}


def warp(x, maps):
    """x (n, channels, height, width); a map per image in pixels, as in warp-affine.ts, by grid_sample with the centres of the outermost pixels at -1 and 1."""
    n, _, h, w = x.shape
    row = (torch.arange(h) - (h - 1) / 2).view(h, 1).expand(h, w)
    column = (torch.arange(w) - (w - 1) / 2).view(1, w).expand(h, w)
    grids = []
    for m in maps:
        x_ = m['a'] * column + m['b'] * row + m['shiftX']
        y_ = m['c'] * column + m['d'] * row + m['shiftY']
        grids.append(torch.stack([2 * x_ / (w - 1), 2 * y_ / (h - 1)], -1))
    return F.grid_sample(x, torch.stack(grids), align_corners=True)


def warp_matrices(maps, h, w):
    """The same as matrices (out pixel, in pixel), from the warp of every single pixel: PyTorch cannot differentiate grid_sample twice."""
    pixels = torch.eye(h * w).view(1, h * w, h, w)
    return torch.stack([warp(pixels, [m])[0].flatten(1).T for m in maps])


MAPS = [{'a': 0.95, 'b': 0.21, 'c': -0.19, 'd': 1.04, 'shiftX': 1.3, 'shiftY': -0.7}, {'a': -0.4, 'b': 1.1, 'c': -0.9, 'd': -0.3, 'shiftX': -2.25, 'shiftY': 0.6}]


def filled(net):
    """Weights by formula, the vectors of the power iteration of length 1."""
    state = net.state_dict()
    for key, value in state.items():
        numbers = torch.from_numpy(np.array(formula.parameter(key.replace('weight_orig', 'weight'), tuple(value.shape)))).double()
        state[key] = F.normalize(made(key, tuple(value.shape), -1, 1), dim=0).float().double() if key.endswith(('_u', '_v')) else numbers
    net.load_state_dict(state)
    return net


def discriminator_case(name, frames, gamma, penalised, augmented):
    size, width, n = 64, 2, 2
    net = filled(Discriminator(frames, size, width))
    maps = MAPS if augmented else None
    matrices = warp_matrices(maps, size // 2, size) if maps else None
    score = lambda x: net(torch.einsum('noi,nci->nco', matrices, x.flatten(2)).view(x.shape) if maps else x)
    steps = []
    for step in range(3):
        real, generated = (nchw(made(f'{which} {step}', (n, size // 2, size, 3 * frames))).requires_grad_(True) for which in ('real', 'generated'))
        of_real, of_generated = score(real), score(generated)
        scores, windows = (of_real, real) if penalised == 'real' else (of_generated, generated)
        slope, = torch.autograd.grad(scores.sum(), windows, create_graph=True)
        terms = {'real': F.softplus(-of_real).mean(), 'generated': F.softplus(of_generated).mean(), 'r1': gamma / 2 * slope.square().flatten(1).sum(1).mean()}
        net.zero_grad()
        sum(terms.values()).backward()
        gradients = {key: p.grad.clone() for key, p in net.named_parameters()}
        steps.append({
            'terms': {key: float(value) for key, value in terms.items()}, 'scores': of_real.tolist() + of_generated.tolist(),
            'gradients': {key: shares(value) for key, value in gradients.items()},
            'vectors': {key: shares(value) for key, value in net.state_dict().items() if key.endswith(('_u', '_v'))},
        })
        with torch.no_grad():
            for key, p in net.named_parameters():
                p -= RATE * gradients[key]
    return {'name': name, 'frames': frames, 'size': size, 'width': width, 'n': n, 'gamma': gamma, 'penalised': penalised, 'maps': maps, 'rate': RATE,
            'names': list(net.state_dict()), 'steps': steps}


def image_losses():
    shape = (2, 6, 5)
    generated, real = made('generated', (*shape, 3)).requires_grad_(True), made('real', (*shape, 3))
    mask, truth = made('mask', (*shape, 1)).requires_grad_(True), (made('truth', (*shape, 1)) > 0.5).double()
    cosine = made('cosine', (6,), -0.5, 1).requires_grad_(True)
    scores = made('scores', (6,), -30, 30).requires_grad_(True)
    losses = {
        'maskedL1': ((mask.detach() * (generated - real).abs()).sum() / mask.sum().detach(), generated),
        'maskLoss': (F.binary_cross_entropy(mask, truth), mask),
        'expertLoss': (-torch.log(cosine.clamp(1e-3, 1)).mean(), cosine),
        'adversarialLoss': (F.softplus(-scores).mean(), scores),
    }
    return {name: {'value': float(value), 'gradient': torch.autograd.grad(value, x)[0].flatten().tolist()} for name, (value, x) in losses.items()}


def warp_case():
    x = nchw(made('image', (2, 7, 6, 3))).requires_grad_(True)
    y = warp(x, MAPS)
    (y * nchw(made('pull', (2, 7, 6, 3), -1, 1))).sum().backward()
    flat = lambda z: [float('%.8g' % v) for v in z.permute(0, 2, 3, 1).flatten()]
    return {'maps': MAPS, 'numbers': flat(y), 'gradient': flat(x.grad)}


def eroded():
    """The least of 3 x 3 neighbours, as -max_pool of the negative, whose padding does not count."""
    x = nchw(made('image', (2, 7, 6, 3)))
    return [float('%.8g' % v) for v in (-F.max_pool2d(-x, 3, 1, 1)).permute(0, 2, 3, 1).flatten()]


if __name__ == '__main__':
    result = {
        'source': f'reference/reference-generator-losses.py, torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}',
        'losses': image_losses(), 'warp': warp_case(), 'eroded': eroded(),
        'parameters': {'clip': sum(p.numel() for p in Discriminator(5, 96, 32).parameters()), 'frame': sum(p.numel() for p in Discriminator(1, 96, 32).parameters())},
        'discriminators': [
            discriminator_case('five frames', 5, 10, 'real', False),
            discriminator_case('one frame, moved', 1, 10, 'real', True),
            discriminator_case('one frame, as printed', 1, 10, 'generated', False),
        ],
    }
    OUT.write_text(json.dumps(result) + '\n')
    print(OUT.name, OUT.stat().st_size, result['parameters'], [[step['terms'] for step in case['steps']] for case in result['discriminators']])
