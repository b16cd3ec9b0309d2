"""Reference numbers for the networks of @lipsync/reference-generator, by PyTorch: python3 reference/reference-generator.py [--search]

Networks of our own after the description of the reference-attention generator, with weights by formula (formula_weights.py), computed in
float64: PyTorch's float32 gradients of small networks differ from processor to processor by more than the tolerance of the tests. Writes
packages/reference-generator/fixtures/networks.json: names, shapes and counts of the state dicts; outputs, loss and gradients (largest, norm
and every so many-th number of each) of small generators with each part on and off, of the attention in its readings, of blur and resize; and
saved.pth: a small state dict whose tensors are views of one storage, to keep the files small.
"""
import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'reference-generator' / 'fixtures'
OUT.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
BLOCKS = [0, 2, 3, 2, 2, 1]


class Block(nn.Module):
    def __init__(self, cin, cout, kernel, stride=1, padding=0, residual=False):
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding), nn.BatchNorm2d(cout))
        self.residual = residual

    def forward(self, x):
        y = self.conv_block(x)
        return F.relu(y + x if self.residual else y)


def keeping(channels, count, residual):
    return [Block(channels, channels, 3, 1, 1, residual) for _ in range(count)]


class FaceEncoder(nn.ModuleList):
    def __init__(self, config):
        width, size, residual = config['width'], config['size'], config['residual']
        c = [width * 2 ** i for i in range(6)]
        stages = [nn.Sequential(Block(3, c[0], 7, 1, 3) if i == 0 else Block(c[i - 1], c[i], 3, 2, 1), *keeping(c[i], BLOCKS[i], residual)) for i in range(6)]
        stages.append(nn.Sequential(Block(c[5], c[5], size // 32), Block(c[5], c[5], 1)))
        super().__init__(stages)

    def forward(self, x):
        maps = []
        for stage in self:
            x = stage(x)
            maps.append(x)
        return maps.pop().flatten(1), maps


class AudioEncoder(nn.ModuleList):
    def __init__(self, config):
        w, residual, self_coordinates = config['width'], config['residual'], config['coordinates']
        rows = [Block(3 if self_coordinates else 1, 2 * w, 3, 1, 1), *keeping(2 * w, 2, residual)]
        for cin, cout, stride, count in ((2 * w, 4 * w, (3, 1), 2), (4 * w, 8 * w, 3, 2), (8 * w, 16 * w, (3, 2), 1)):
            rows += [Block(cin, cout, 3, stride, 1), *keeping(cout, count, residual)]
        super().__init__(rows + [Block(16 * w, 32 * w, 3), Block(32 * w, 32 * w, 1)])
        self.coordinates = self_coordinates

    def forward(self, mel):
        n, bands, steps = mel.shape
        x = mel.unsqueeze(1)
        if self.coordinates:
            band = torch.linspace(-1, 1, bands).view(1, 1, bands, 1).expand(n, 1, bands, steps)
            step = torch.linspace(-1, 1, steps).view(1, 1, 1, steps).expand(n, 1, bands, steps)
            x = torch.cat([x, band, step], 1)
        for block in self:
            x = block(x)
        return x.flatten(1)


class AudioMap(nn.Sequential):
    def __init__(self, length, channels):
        super().__init__(Block(length, 9 * channels, 1), Block(channels, channels, 3, 1, 1))
        self.channels = channels

    def forward(self, audio, side):
        x = self[0](audio[:, :, None, None]).view(len(audio), self.channels, 3, 3)
        return self[1](F.interpolate(x, size=(side, side), mode='bilinear', align_corners=False))


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, size, self.largest = config['width'], config['size'], config['largestSkip']
        c = [width * 2 ** i for i in range(6)]
        self.sides = [size // 2 ** i for i in range(6)]
        heard = [max(1, channels // 2) if config['audioSkips'] else 0 for channels in c]
        self.bottleneck = Block(96 * width, 32 * width, 1)
        before = c[1:] + [32 * width]
        skipped = [2 * c[i] if self.sides[i] <= self.largest else 0 for i in range(6)]
        self.stages = nn.ModuleList([nn.Sequential(Block(before[i] + skipped[i] + heard[i], c[i], 3, 1, 1), *keeping(c[i], BLOCKS[i], config['residual'])) for i in range(6)])
        if config['audioSkips']:
            self.audio_maps = nn.ModuleList([AudioMap(32 * width, channels) for channels in heard])
        self.image_head = nn.Sequential(Block(width, width, 3, 1, 1), nn.Conv2d(width, 3, 1))
        if config['maskHead']:
            self.mask_head = nn.Sequential(Block(width, width, 3, 1, 1), nn.Conv2d(width, 1, 1))

    def forward(self, bottleneck, audio, frame, references):
        x = self.bottleneck(bottleneck[:, :, None, None])
        for i in reversed(range(6)):
            side = self.sides[i]
            x = [F.interpolate(x, size=(side, side), mode='bilinear', align_corners=False)]
            if side <= self.largest:
                x += [frame[i], references[i]]
            if hasattr(self, 'audio_maps'):
                x.append(self.audio_maps[i](audio, side))
            x = self.stages[i](torch.cat(x, 1))
        return torch.sigmoid(self.image_head(x)), torch.sigmoid(self.mask_head(x)) if hasattr(self, 'mask_head') else None


def attention(audio, references, kind):
    """(clips, frames, length) and (clips, references, length) to (clips, frames, references)."""
    s = torch.einsum('btd,bkd->btk', audio, references)
    if kind == 'average':
        return torch.full_like(s, 1 / references.shape[1])
    e = {'as-printed': torch.exp(-torch.sigmoid(s)), 'plus-sigmoid': torch.exp(torch.sigmoid(s)), 'scaled': torch.exp(s / audio.shape[2] ** 0.5)}[kind]
    return e / e.sum(2, keepdim=True)


class Generator(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.identity_encoder, self.reference_encoder = FaceEncoder(config), FaceEncoder(config)
        self.audio_encoder, self.decoder, self.kind = AudioEncoder(config), Decoder(config), config['attention']

    def forward(self, masked, references, audio):
        clips, count = references.shape[:2]
        identity, maps = self.identity_encoder(masked)
        embedding, kept = self.reference_encoder(references.flatten(0, 1))
        heard = self.audio_encoder(audio)
        r = embedding.view(clips, count, -1)
        weights = attention(heard.view(clips, -1, heard.shape[1]), r, self.kind)
        mix = lambda values: torch.einsum('btk,bk...->bt...', weights, values.view(clips, count, *values.shape[1:])).flatten(0, 1)
        return self.decoder(torch.cat([identity, mix(embedding), heard], 1), heard, maps, [mix(m) for m in kept])


def blend(image, frames, mask):
    share = gaussian_blur(mask.detach(), 5, 3.0)
    return share * image + (1 - share) * frames


def made(name, shape, low, high):
    return torch.from_numpy(formula.numbers(name, shape, low, high)).double()


def blocks(name, shape, low, high):
    """Numbers in blocks of 8 x 8 pixels: noise of single pixels averages out on the way to an embedding, and BatchNorm would amplify the rest of it."""
    coarse = made(name, (*shape[:-3], shape[-3] // 8, shape[-2] // 8, shape[-1]), low, high)
    return coarse.repeat_interleave(8, -3).repeat_interleave(8, -2)


def calmed(net):
    """He's spread makes embeddings of tens, for which a softmax picks one reference; a tenth of the last scale keeps all of them."""
    formula.fill(net)
    with torch.no_grad():
        for encoder in (net.identity_encoder[6][1], net.reference_encoder[6][1], net.audio_encoder[12]):
            for parameter in encoder.conv_block[1].parameters():
                parameter.copy_((parameter * 0.1).float())
    return net


def shares(tensor, count=2):
    flat = tensor.detach().reshape(-1)
    step = max(1, flat.numel() // count)
    return {'largest': float('%.6g' % flat.abs().max()), 'rms': float('%.6g' % flat.square().mean().sqrt()), 'step': step, 'numbers': [float('%.6g' % v) for v in flat[::step]]}


def weighting(y):
    """As in reference/dinet.py: a loss with a different target gradient at every place."""
    n, c, h, w = y.shape
    axis = lambda size, step, which: (step * torch.arange(size, dtype=torch.float64)).view([size if i == which else 1 for i in range(4)])
    return 3 * (y * torch.sin(axis(n, 0.7, 0) + axis(c, 1.3, 1) + axis(h, 0.11, 2) + axis(w, 0.17, 3))).mean()


def run(config, clips, frames, count, training, draw, noise=0.0):
    torch.manual_seed(1)
    net = calmed(Generator(config)).train(training)
    n, size = clips * frames, config['size']
    images = blocks(f'frames {draw}', (n, size, size, 3), 0, 1)
    masked = images.clone()
    masked[:, size // 2:] = 0
    inputs = [masked, blocks(f'references {draw}', (clips, size, size, 3 * count), 0, 1), blocks(f'audio {draw}', (n, 80, 16, 1), -4, 4)[..., 0]]
    inputs = [(x * (1 + noise * torch.randn_like(x))).requires_grad_(True) for x in inputs]
    references = inputs[1].view(clips, size, size, count, 3).permute(0, 3, 4, 1, 2)
    seen = references * (torch.arange(size) >= size // 2).view(1, 1, 1, size, 1) if config['referencePart'] == 'lower half' else references
    image, mask = net(inputs[0].permute(0, 3, 1, 2), seen, inputs[2])
    nhwc = lambda x: x.permute(0, 2, 3, 1)
    output = image if mask is None else blend(image, images.permute(0, 3, 1, 2), mask)
    loss = weighting(output) + (0 if mask is None else weighting(mask))
    loss.backward()
    return net, inputs, nhwc(output), None if mask is None else nhwc(mask), loss


def unrest(case, noise=2e-6):
    """How far the gradients move where the inputs are a little different, as a share of the bound of the test: ReLU has kinks, and BatchNorm of few values
    amplifies. Not by float32 here: PyTorch's BatchNorm on CPUs loses 5e-5 in training mode."""
    wanted = {name: p.grad for name, p in run(*case)[0].named_parameters()}
    moved = run(*case, noise)[0]
    return max(float((p.grad - wanted[name]).abs().max() / (1e-3 * wanted[name].abs().max() + 1e-6)) for name, p in moved.named_parameters())


def case_of(name, config, clips, frames, count, training, draw):
    net, (masked, references, audio), output, mask, loss = run(config, clips, frames, count, training, draw)
    gradients = {key: shares(p.grad) for key, p in net.named_parameters()}
    for key in gradients if training else ():
        if key.endswith('conv_block.0.bias'):  # without effect before BatchNorm: its gradient is 0, and rounding is as large as its kernel's gradient makes it
            gradients[key]['largest'] = gradients[key.replace('bias', 'weight')]['largest']
    running = {key: shares(value, 2) for key, value in net.state_dict().items() if 'running' in key} if training else {}
    return {
        'name': name, 'config': config, 'clips': clips, 'frames': frames, 'references': count, 'training': training, 'draw': draw, 'size': len(net.state_dict()),
        'output': shares(output, 300), 'mask': None if mask is None else shares(mask, 100), 'loss': float(loss),
        'gradients': gradients,
        'inputs': {'masked': shares(masked.grad, 20), 'references': shares(references.grad, 20), 'audio': shares(audio.grad, 20)},
        'running': {key: running[key] for key in list(running)[::11]},
    }


def attention_case(kind):
    audio, references = (made(name, shape, -1, 1).requires_grad_(True) for name, shape in (('heard', (2, 3, 6)), ('kept', (2, 4, 6))))
    weights = attention(audio, references, kind)
    if weights.requires_grad:
        (weights * made('pull', (2, 3, 4), -1, 1)).sum().backward()
    gradient = lambda x: (torch.zeros_like(x) if x.grad is None else x.grad).flatten().tolist()
    return {'attention': kind, 'weights': weights.flatten().tolist(), 'audio': gradient(audio), 'references': gradient(references)}


def image_cases():
    x = made('image', (2, 9, 8, 3), 0, 1).permute(0, 3, 1, 2)
    square = made('square', (2, 3, 3, 2), -1, 1).permute(0, 3, 1, 2)
    flat = lambda y: [float('%.8g' % v) for v in y.permute(0, 2, 3, 1).flatten()]
    return {
        'blurs': [{'kernel': k, 'sigma': s, 'numbers': flat(gaussian_blur(x, k, s))} for k, s in ((5, 3.0), (3, 0.8))],
        'resizes': [{'side': side, 'numbers': flat(F.interpolate(square, size=(side, side), mode='bilinear', align_corners=False))} for side in (6, 7, 2)],
    }


def save():
    """A network of one channel, its tensors views of one storage, as torch.save writes views; an optimiser's number beside it."""
    net = Generator(dict(PLAIN, width=1, largestSkip=24)).float()
    total = max(value.numel() for value in net.state_dict().values())
    storage = torch.from_numpy(formula.numbers('storage', (total,), 0.1, 0.9))
    batches = torch.tensor(5)
    state = {f'module.{name}': (batches if 'batches' in name else storage[: value.numel()].view(value.shape)) for name, value in net.state_dict().items()}
    torch.save({'state_dict': state, 'global_step': 7}, OUT / 'saved.pth')


FULL = {'width': 16, 'size': 96, 'references': 10, 'referencePart': 'lower half', 'residual': True, 'attention': 'scaled', 'coordinates': True, 'audioSkips': True, 'maskHead': True, 'largestSkip': 24}
PLAIN = dict(FULL, referencePart='whole', residual=False, attention='average', coordinates=False, audioSkips=False, maskHead=False, largestSkip=96)
# The last number selects the inputs: one for which `--search` finds that gradients have no jumps nearby.
CASES = [
    ('every part, in training', dict(FULL, width=2, size=64, largestSkip=16), 2, 4, 4, True, 2),
    ('as printed, frames of 64 pixels', dict(FULL, width=2, size=64, attention='as-printed', largestSkip=16), 1, 2, 3, False, 0),
    ('plus sigmoid, without audio skips', dict(FULL, width=2, size=64, attention='plus-sigmoid', audioSkips=False, largestSkip=0), 2, 1, 2, False, 0),
    ('no part, every skip', dict(PLAIN, width=2), 2, 1, 2, False, 0),
]

if __name__ == '__main__':
    if '--search' in sys.argv:
        for name, *sizes, _ in CASES:
            for draw in range(12):
                worst = unrest((*sizes, draw))
                print(name, draw, '%.3g' % worst, flush=True)
                if worst < 20:
                    break
        sys.exit()
    save()
    count = lambda config: sum(p.numel() for p in Generator(config).parameters())
    full = Generator(FULL)
    result = {
        'source': f'reference/reference-generator.py, torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}, Python {platform.python_version()}',
        'counts': {'full': count(FULL), 'lite': count(dict(FULL, width=4)), 'plain': count(PLAIN)},
        'parts': {name: sum(p.numel() for p in part.parameters()) for name, part in full.named_children()},
        'attention': [attention_case(kind) for kind in ('average', 'as-printed', 'plus-sigmoid', 'scaled')],
        **image_cases(),
        'generators': [case_of(*case) for case in CASES],
    }
    path = OUT / 'networks.json'
    path.write_text(json.dumps(result) + '\n')
    print(path.name, path.stat().st_size, result['counts'], result['parts'])
