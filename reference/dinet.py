"""Reference numbers for @lipsync/dinet, by PyTorch: python3 reference/dinet.py [--search [CASE …]]

Networks of our own after the fact sheet of MRzzm/DINet, with weights by formula (formula_weights.py). Writes packages/dinet/fixtures/dinet.json:
names and shapes of the state dicts at the original widths; outputs, loss and gradients (largest, norm and every so many-th number of each) of
AdaAT in both samplings, of small generators with each norm, sampling and number of channels, and of the discriminators; and what
InstanceNorm over time leaves of the audio. AdaAT is the published one: trilinear sampling of the whole volume. published*.pth are small
state dicts in the layout of DINet's training.
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

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'dinet' / 'fixtures' / 'dinet.json'
OUT.parent.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)
# Weights and inputs are float32, as in the package; everything is computed in float64: PyTorch's float32 gradients of small networks differ from
# processor to processor by more than the tolerance of the tests.
torch.set_default_dtype(torch.float64)


def norm_of(kind, channels, dimensions):
    if kind == 'batch':
        return (nn.BatchNorm1d if dimensions == 1 else nn.BatchNorm2d)(channels)
    if kind == 'instance':
        return (nn.InstanceNorm1d if dimensions == 1 else nn.InstanceNorm2d)(channels)
    return nn.GroupNorm(1, channels) if kind == 'layer' else nn.Identity()


def conv_of(dimensions, *args, **options):
    return (nn.Conv1d if dimensions == 1 else nn.Conv2d)(*args, **options)


class Same(nn.Module):
    def __init__(self, d, norm, cin, cout, kernel, stride=1):
        super().__init__()
        self.conv = conv_of(d, cin, cout, kernel, stride, padding=kernel // 2)
        self.norm = norm_of(norm, cout, d)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Up(Same):
    def forward(self, x):
        return super().forward(F.interpolate(x, scale_factor=2))


class Res(nn.Module):
    def __init__(self, d, norm, cin, cout):
        super().__init__()
        self.conv1 = conv_of(d, cin, cin, 3, padding=1)
        self.conv2 = conv_of(d, cin, cout, 3, padding=1)
        if cin != cout:
            self.channel_conv = conv_of(d, cin, cout, 1)
        self.norm1 = norm_of(norm, cin, d)
        self.norm2 = norm_of(norm, cin, d)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        y = self.conv2(F.relu(self.norm2(y)))
        return y + (self.channel_conv(x) if hasattr(self, 'channel_conv') else x)


class AdaAT(nn.Module):
    def __init__(self, parameters, channels, sampling):
        super().__init__()
        self.channels, self.sampling = channels, sampling
        self.commn_linear = nn.Sequential(nn.Linear(parameters, parameters), nn.ReLU())
        self.scale = nn.Sequential(nn.Linear(parameters, channels), nn.Sigmoid())
        self.rotation = nn.Sequential(nn.Linear(parameters, channels), nn.Tanh())
        self.translation = nn.Sequential(nn.Linear(parameters, 2 * channels), nn.Tanh())

    def forward(self, features, parameters):
        n, c, h, w = features.shape
        z = self.commn_linear(parameters)
        scale = (self.scale(z) * 2).view(n, c, 1, 1)
        angle = (self.rotation(z) * 3.14159).view(n, c, 1, 1)
        shift = self.translation(z).view(n, c, 1, 1, 2)
        x = (2 * torch.arange(w) / (w - 1) - 1).view(1, 1, 1, w).expand(n, c, h, w)
        y = (2 * torch.arange(h) / (h - 1) - 1).view(1, 1, h, 1).expand(n, c, h, w)
        u = scale * (torch.cos(angle) * x - torch.sin(angle) * y) + shift[..., 0]
        v = scale * (torch.sin(angle) * x + torch.cos(angle) * y) + shift[..., 1]
        if self.sampling == 'published':
            depth = (2 * torch.arange(c) / (c - 1) - 1).view(1, c, 1, 1).expand(n, c, h, w)
            grid = torch.stack([u, v, depth], dim=4)
            return F.grid_sample(features.unsqueeze(1), grid, align_corners=False).squeeze(1)
        grid = torch.stack([u, v], dim=4).reshape(n * c, h, w, 2)
        return F.grid_sample(features.reshape(n * c, 1, h, w), grid, align_corners=True).reshape(n, c, h, w)


class Front(nn.Module):
    """Of @lipsync/dinet alone: mel steps to the like of a recogniser's logits."""

    def __init__(self, bins, steps, channels):
        super().__init__()
        stride = steps // 5
        self.first = nn.Conv1d(bins, channels, 5, padding=2)
        self.conv1 = nn.Conv1d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv1d(channels, channels, 3, padding=1)
        self.reduce = nn.Conv1d(channels, channels, steps - 4 * stride, stride)
        self.last = nn.Conv1d(channels, 29, 1)

    def forward(self, x):
        x = F.relu(self.first(x))
        y = F.relu(x + self.conv2(F.relu(self.conv1(x))))
        return self.last(F.relu(self.reduce(y)))


class Generator(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, c, n, a, audio = (config[k] for k in ('width', 'referenceChannels', 'norm', 'audioNorm', 'audio'))
        half, full = 2 * width, 4 * width
        same = lambda cin, cout, kernel: Same(2, n, cin, cout, kernel)
        down = lambda cin, cout: Same(2, n, cin, cout, 3, 2)
        encoder = lambda cin, cout: nn.Sequential(same(cin, width, 7), down(width, half), down(half, cout))
        self.source_in_conv = encoder(3, full)
        self.ref_in_conv = encoder(3 * config['references'], c)
        self.trans_conv = nn.Sequential(
            same(full + c, half, 3), same(half, half, 11), same(half, half, 11), down(half, half), same(half, half, 7), same(half, half, 7),
            down(half, half), same(half, half, 3), down(half, half), same(half, half, 3),
            Same(2, 'none' if config.get('alignmentEnd') == 'plain' else n, half, half, 3, 2))
        bins = 29 if audio['kind'] == 'mel' else audio['bins']
        self.audio_encoder = nn.Sequential(
            Same(1, a, bins, half, 5), Res(1, a, half, half), Same(1, a, half, half, 3, 2), Res(1, a, half, half), Same(1, a, half, half, 3, 2),
            Same(1, a, half, half, 3))
        self.appearance_conv_list = nn.ModuleList([nn.Sequential(*[Res(2, n, c, c) for _ in range(4)]) for _ in range(2)])
        self.adaAT = AdaAT(full, c, config['sampling'])
        self.out_conv = nn.Sequential(
            same(full + c, half, 3), Up(2, n, half, half, 3), Res(2, n, half, half), Up(2, n, half, half, 3), nn.Conv2d(half, 3, 7, padding=3), nn.Sigmoid())
        if audio['kind'] == 'mel':
            self.mel_front_end = Front(audio['bins'], audio['steps'], half)

    def forward(self, masked, references, audio):
        source, reference = self.source_in_conv(masked), self.ref_in_conv(references)
        aligned = self.trans_conv(torch.cat([source, reference], 1)).mean((2, 3))
        heard = self.mel_front_end(audio) if hasattr(self, 'mel_front_end') else audio
        heard = self.audio_encoder(heard).mean(2)
        moved = self.adaAT(self.appearance_conv_list[0](reference), torch.cat([aligned, heard], 1))
        return self.out_conv(torch.cat([source, self.appearance_conv_list[1](moved)], 1))


class Discriminator(nn.Module):
    def __init__(self, pictures, width=64):
        super().__init__()
        c = [3 * pictures, 2 * width, 4 * width, 4 * width, 4 * width]
        self.down_blocks = nn.ModuleList([nn.ModuleDict({'conv': nn.Conv2d(c[i], c[i + 1], 4)}) for i in range(4)])
        self.conv = nn.Conv2d(c[4], 1, 1)

    def forward(self, x):
        for i, block in enumerate(self.down_blocks):
            x = F.leaky_relu(block['conv'](x), 0.2)
            x = F.avg_pool2d(x, 2) if i < 3 else x
        return self.conv(x)


def rounded(values):
    return [float('%.7g' % value) for value in values]


def pictures(name, n, height, width, channels):
    """NHWC as in our package, here as NCHW."""
    return torch.from_numpy(formula.numbers(name, (n, height, width, channels), 0, 1)).double().permute(0, 3, 1, 2).contiguous()


def shares(tensor, count=24):
    """Largest and root mean square of a tensor, and `count` of its numbers spread over it, from the first on."""
    flat = tensor.detach().reshape(-1)
    step = max(1, flat.numel() // count)
    return {'largest': float('%.7g' % flat.abs().max()), 'rms': float('%.7g' % flat.square().mean().sqrt()), 'step': step, 'numbers': rounded(flat[::step].tolist())}


def shapes(net):
    return [[name, list(value.shape)] for name, value in net.state_dict().items()]


def gradients(net):
    return {name: shares(parameter.grad) for name, parameter in net.named_parameters()}


def weighting(y):
    """A loss with a different target gradient at every place, and a similar one for neighbours: three times the mean of the output times a wave. With noise in
    place of the wave every gradient would be a sum that cancels to rounding errors."""
    n, c, h, w = y.shape
    axis = lambda size, step, which: (step * torch.arange(size, dtype=torch.float64)).view([size if i == which else 1 for i in range(4)])
    wave = torch.sin(axis(n, 0.7, 0) + axis(c, 1.3, 1) + axis(h, 0.11, 2) + axis(w, 0.17, 3))
    return 3 * (y * wave).mean()


def calmed(net):
    """Made weights rotate AdaAT's channels by all angles, which amplifies rounding errors a thousandfold; a tenth of them does not."""
    formula.fill(net)
    with torch.no_grad():
        for layer in (net.adaAT.scale, net.adaAT.rotation, net.adaAT.translation):
            for parameter in (layer[0].weight, layer[0].bias):
                parameter.copy_((parameter * 0.1).float())  # rounded to float32, as the package holds it
    return net


def run_generator(config, height, width, n, training, draw, noise=0.0):
    net = calmed(Generator(config)).train(training)
    audio = config['audio']
    low = -4 if audio['kind'] == 'mel' else -3
    inputs = [pictures(f'masked {draw}', n, height, width, 3), pictures(f'references {draw}', n, height, width, 3 * config['references']),
              torch.from_numpy(formula.numbers(f'audio {draw}', (n, audio['bins'], audio['steps']), low, -low)).double()]
    inputs = [(x * (1 + noise * torch.randn_like(x))).requires_grad_(True) for x in inputs]
    y = net(*inputs)
    loss = weighting(y)
    loss.backward()
    return net, inputs, y, loss


def unrest(config, height, width, n, training, draw, noise=2e-7):
    """How far PyTorch's own gradients move where the inputs are rounded otherwise, as a share of the bound of the test. ReLU and bilinear
    sampling have kinks: where a value lies on one, gradients of small networks jump, and cannot be compared."""
    wanted = {name: p.grad for name, p in run_generator(config, height, width, n, training, draw)[0].named_parameters()}
    moved = run_generator(config, height, width, n, training, draw, noise)[0]
    return max(float((p.grad - wanted[name]).abs().max() / (1e-3 * wanted[name].abs().max() + 1e-6)) for name, p in moved.named_parameters())


def generator_case(name, config, height, width, n, training, draw):
    net, (masked, references, sound), y, loss = run_generator(config, height, width, n, training, draw)
    after = {key: shares(value) for key, value in net.state_dict().items() if 'running' in key} if training else {}
    nhwc = lambda x: x.permute(0, 2, 3, 1)
    return {
        'name': name, 'config': config, 'height': height, 'width': width, 'n': n, 'training': training, 'draw': draw, 'shapes': shapes(net),
        'output': shares(nhwc(y), 400), 'loss': float(loss), 'gradients': gradients(net),
        'inputs': {'masked': shares(nhwc(masked.grad)), 'references': shares(nhwc(references.grad)), 'audio': shares(sound.grad)},
        'running': {key: after[key] for key in list(after)[::7]},
    }


def adaat_case(sampling, n=2, h=7, w=6, c=8, parameters=12):
    net = formula.fill(AdaAT(parameters, c, sampling))
    features = pictures('features', n, h, w, c).requires_grad_(True)
    p = torch.from_numpy(formula.numbers('parameters', (n, parameters), -1, 1)).double().requires_grad_(True)
    y = net(features, p)
    loss = weighting(y)
    loss.backward()
    nhwc = lambda x: x.detach().permute(0, 2, 3, 1).reshape(-1).tolist()
    return {
        'sampling': sampling, 'shape': [n, h, w, c], 'parameters': parameters, 'output': rounded(nhwc(y)), 'loss': float(loss),
        'dFeatures': rounded(nhwc(features.grad)), 'dParameters': rounded(p.grad.reshape(-1).tolist()),
        'gradients': {name: rounded(parameter.grad.reshape(-1).tolist()) for name, parameter in net.named_parameters()},
    }


def discriminator_case(pictures_together, n=2, height=60, width=57):
    net = formula.fill(Discriminator(pictures_together, 4))
    x = pictures('judged', n, height, width, 3 * pictures_together).requires_grad_(True)
    y = net(x)
    loss = 100 * (y - 1).square().mean()
    loss.backward()
    return {
        'frameCount': pictures_together, 'n': n, 'height': height, 'width': width, 'output': shares(y.permute(0, 2, 3, 1)), 'loss': float(loss),
        'dx': shares(x.grad.permute(0, 2, 3, 1)), 'gradients': gradients(net),
    }


def audio_features(kind):
    """Output of the audio encoder for 64 windows of different audio: the mean, and the spread from window to window."""
    torch.manual_seed(0)
    config = dict(SMALL, width=64, audioNorm=kind)
    encoder = Generator(config).audio_encoder.train()
    out = encoder(torch.randn(64, 29, 5, dtype=torch.float32).double() * 3).mean(2)
    return {'audioNorm': kind, 'mean': float(out.mean()), 'spread': float(out.std(0).mean())}


DINET = {'width': 64, 'referenceChannels': 256, 'references': 5, 'norm': 'batch', 'audioNorm': 'batch', 'sampling': 'published',
         'audio': {'kind': 'logits', 'bins': 29, 'steps': 5}}
THESIS = dict(DINET, referenceChannels=128, norm='instance', audioNorm='layer', alignmentEnd='plain', sampling='bilinear')
SMALL = dict(DINET, width=4, referenceChannels=16, references=2)
MEL = {'kind': 'mel', 'bins': 12, 'steps': 16}
# The last number selects the inputs: one for which `--search` finds that gradients have no jumps nearby.
CASES = [
    ('published', dict(SMALL, referenceChannels=12), 72, 68, 3, True, 0),
    ('published, in use', SMALL, 68, 72, 2, False, 0),
    ('thesis, alignment normalised to its end', dict(THESIS, width=4, referenceChannels=8, references=2, alignmentEnd='norm'), 104, 80, 1, True, 0),
    ('thesis with a mel front end', dict(THESIS, width=4, referenceChannels=8, references=2, audio=MEL), 68, 72, 2, True, 1),
    ('InstanceNorm over time', dict(THESIS, width=4, referenceChannels=6, references=1, audioNorm='instance', alignmentEnd='norm', sampling='published'), 72, 68, 2, True, 1),
    ('no norm over time', dict(SMALL, audioNorm='none', sampling='bilinear', referenceChannels=12), 72, 68, 2, True, 0),
]


def save():
    """Small networks in the layout of DINet's training, an optimiser's state beside them, in both formats of torch.save."""
    config = dict(DINET, width=2, referenceChannels=8, references=2)
    net, judge, clip = (formula.fill(module.float()) for module in (Generator(config), Discriminator(1, 2), Discriminator(5, 2)))
    wrapped = lambda module: {f'module.{name}': value for name, value in module.state_dict().items()}
    optimizer = torch.optim.Adam(judge.parameters())
    sum(p.sum() for p in judge.parameters()).backward()
    optimizer.step()
    formula.fill(judge)
    state = {'epoch': 3, 'state_dict': {'net_g': wrapped(net), 'net_dI': wrapped(judge), 'net_dV': wrapped(clip)}, 'optimizer': {'net_dI': optimizer.state_dict()}}
    torch.save(state, OUT.parent / 'published.pth')
    torch.save(state, OUT.parent / 'published-legacy.pth', _use_new_zipfile_serialization=False)


if __name__ == '__main__':
    if '--search' in sys.argv:
        torch.manual_seed(0)
        only = sys.argv[sys.argv.index('--search') + 1:]
        for name, *sizes, _ in (case for case in CASES if not only or case[0] in only):
            for draw in range(10):
                worst = 0.0
                for _ in range(3):
                    worst = max(worst, unrest(*sizes, draw)) if worst < 0.5 else worst
                print(name, draw, '%.3g' % worst, flush=True)
                if worst < 0.5:
                    break
        sys.exit()
    save()
    counts = lambda net: sum(p.numel() for p in net.parameters())
    full, thesis, judges = Generator(DINET), Generator(THESIS), [Discriminator(1), Discriminator(5)]
    result = {
        'source': f'reference/dinet.py, torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}',
        'counts': {'DINET': counts(full), 'THESIS_DINET': counts(thesis), 'frame': counts(judges[0]), 'clip': counts(judges[1])},
        'shapes': {'DINET': shapes(full), 'frame': shapes(judges[0]), 'clip': shapes(judges[1])},
        'adaAT': [adaat_case(sampling) for sampling in ('published', 'bilinear')],
        'generators': [generator_case(*case) for case in CASES],
        'discriminators': [discriminator_case(1), discriminator_case(5)],
        'audioFeatures': [audio_features(kind) for kind in ('batch', 'layer', 'instance', 'none')],
    }
    OUT.write_text(json.dumps(result, separators=(',', ':')) + '\n')
    print(OUT.stat().st_size, result['counts'], result['audioFeatures'])
