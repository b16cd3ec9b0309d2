"""Reference numbers for @lipsync/wav2lip, by PyTorch: python3 reference/wav2lip.py [--search]

Networks of our own after the fact sheet of Rudrabha/Wav2Lip, with weights by formula (formula_weights.py). Writes packages/wav2lip/fixtures/wav2lip.json:
names, shapes and parameter counts at full width; outputs, losses, running statistics and every gradient (largest, norm and some numbers of each) of small
networks; and ten steps of the published schedule, whose sync loss sets in after the fifth. wav2lip.pth and wav2lip-legacy.pth are a small state dict in the
layout of Wav2Lip's training. Images are RGB, NHWC, as in the package; the networks here turn them to BGR, as they were published.
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

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'wav2lip' / 'fixtures' / 'wav2lip.json'
OUT.parent.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)
# Weights and inputs are float32, as in the package; everything is computed in float64 (see dinet.py).
torch.set_default_dtype(torch.float64)


class Block(nn.Module):
    def __init__(self, cin, cout, kernel, stride=1, padding=0, residual=False, up=False, norm=True, leak=0.0):
        super().__init__()
        extra = {'output_padding': stride - 1} if up else {}
        conv = (nn.ConvTranspose2d if up else nn.Conv2d)(cin, cout, kernel, stride, padding, **extra)
        self.conv_block = nn.Sequential(conv, nn.BatchNorm2d(cout)) if norm else nn.Sequential(conv)
        self.residual, self.leak = residual, leak

    def forward(self, x):
        y = self.conv_block(x)
        return F.leaky_relu(y + x if self.residual else y, self.leak)


def blocks(cin, rows, width):
    made = []
    for kernel, channels, stride, padding, *more in rows:
        cout = max(1, round(channels * width))
        made.append(Block(cin, cout, kernel, stride, padding, **(more[0] if more else {})))
        cin = cout
    return nn.Sequential(*made), cin


def res(channels):
    return (3, channels, 1, 1, {'residual': True})


UP = {'up': True}
FACE = lambda end: [
    [(7, 16, 1, 3)], [(3, 32, 2, 1)] + 2 * [res(32)], [(3, 64, 2, 1)] + 3 * [res(64)], [(3, 128, 2, 1)] + 2 * [res(128)],
    [(3, 256, 2, 1)] + 2 * [res(256)], [(3, 512, 2, 1), res(512)], [(end, 512, 1, 0), (1, 512, 1, 0)]]
AUDIO = [(3, 32, 1, 1)] + 2 * [res(32)] + [(3, 64, (3, 1), 1)] + 2 * [res(64)] + [(3, 128, 3, 1)] + 2 * [res(128)] + [(3, 256, (3, 2), 1), res(256)] + [
    (3, 512, 1, 0), (1, 512, 1, 0)]
DECODER = lambda end: [[(1, 512, 1, 0)], [(end, 512, 1, 0, UP), res(512)]] + [[(3, c, 2, 1, UP)] + 2 * [res(c)] for c in (512, 384, 256, 128, 64)]
QUALITY = lambda end: [
    [(7, 32, 1, 3)], [(5, 64, (1, 2), 2), (5, 64, 1, 2)], [(5, 128, 2, 2), (5, 128, 1, 2)], [(5, 256, 2, 2), (5, 256, 1, 2)],
    [(3, 512, 2, 1), (3, 512, 1, 1)], [(3, 512, 2, 1), (3, 512, 1, 1)], [(end, 512, 1, 0), (1, 512, 1, 0)]]


def bgr(x):
    return x.flip(1)


def stretched(x, side):
    return x if x.shape[2] == side and x.shape[3] == side else F.interpolate(x, (side, side), mode='bilinear', align_corners=False)


class Generator(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        self.size, end, c = size, size // 32, 6
        self.face_encoder_blocks, self.face_decoder_blocks, sides = nn.ModuleList(), nn.ModuleList(), []
        for rows in FACE(end):
            part, c = blocks(c, rows, width)
            sides.append(c)
            self.face_encoder_blocks.append(part)
        self.audio_encoder, c = blocks(1, AUDIO, width)
        for rows in DECODER(end):
            part, c = blocks(c, rows, width)
            c += sides.pop()
            self.face_decoder_blocks.append(part)
        first, last = blocks(c, [(3, 32, 1, 1)], width)
        self.output_block = nn.Sequential(first[0], nn.Conv2d(last, 3, 1), nn.Sigmoid())

    def forward(self, masked, reference, mel):
        x = stretched(torch.cat([bgr(masked), bgr(reference)], 1), self.size)
        maps = []
        for part in self.face_encoder_blocks:
            x = part(x)
            maps.append(x)
        x = self.audio_encoder(mel[:, None])
        for part in self.face_decoder_blocks:
            x = torch.cat([part(x), maps.pop()], 1)
        y = self.output_block(x)
        if y.shape[2:] != masked.shape[2:]:
            y = F.interpolate(y, masked.shape[2:], mode='bilinear', align_corners=False)
        return bgr(y)


class Quality(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        self.size, c = size, 3
        self.face_encoder_blocks = nn.ModuleList()
        for rows in QUALITY(size // 32):
            part, c = blocks(c, [(*row, {'norm': False, 'leak': 0.01}) for row in rows], width)
            self.face_encoder_blocks.append(part)
        self.binary_pred = nn.Sequential(nn.Conv2d(c, 1, 1))

    def forward(self, faces):
        x = stretched(bgr(faces), self.size)[:, :, self.size // 2:]
        for part in self.face_encoder_blocks:
            x = part(x)
        return self.binary_pred(x).reshape(-1, 1)


class Joint(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        self.size = size
        self.face_encoder_blocks, _ = blocks(3, sum(FACE(size // 32), []), width)
        self.audio_encoder, _ = blocks(1, AUDIO, width)

    def forward(self, faces, mel):
        seen = F.normalize(self.face_encoder_blocks(stretched(bgr(faces), self.size)).flatten(1))
        heard = F.normalize(self.audio_encoder(mel[:, None]).flatten(1))
        return ((seen - heard).square().sum(1) + 1e-12).sqrt()


class Expert(nn.Module):
    """Of the ten steps: a linear layer of each modality, ReLU, cosine; takes the lower half of five BGR faces."""

    def __init__(self, size):
        super().__init__()
        self.visual = nn.Linear(size // 2 * size * 15, 8)
        self.sound = nn.Linear(80 * 16, 8)

    def forward(self, faces, mel):
        half = bgr(faces)[:, :, faces.shape[2] // 2:]
        rows = half.reshape(-1, 5, *half.shape[1:]).permute(0, 3, 4, 1, 2)  # [rows, y, x, frame, colour]
        return F.cosine_similarity(F.relu(self.visual(rows.flatten(1))), F.relu(self.sound(mel.flatten(1))))


def images(name, *shape):
    return torch.from_numpy(formula.numbers(name, shape, 0, 1)).double().permute(0, 3, 1, 2).contiguous()


def audio(name, n):
    return torch.from_numpy(formula.numbers(name, (n, 80, 16), -4, 4)).double()


def rounded(values):
    return [float('%.7g' % value) for value in values]


def shares(tensor, count=4):
    """Largest and root mean square of a tensor, and about `count` of its numbers spread over it, from the first on."""
    flat = tensor.detach().reshape(-1)
    step = max(1, flat.numel() // count)
    return {'largest': float('%.7g' % flat.abs().max()), 'rms': float('%.7g' % flat.square().mean().sqrt()), 'step': step, 'numbers': rounded(flat[::step].tolist())}


def shapes(net):
    return [[name, list(value.shape)] for name, value in net.state_dict().items()]


def gradients(net):
    return {name: shares(parameter.grad) for name, parameter in net.named_parameters()}


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def weighting(y):
    """As in dinet.py: three times the mean of the output times a wave."""
    axis = lambda size, step, which: (step * torch.arange(size, dtype=torch.float64)).view([size if i == which else 1 for i in range(4)])
    n, c, h, w = y.shape
    wave = torch.sin(axis(n, 0.7, 0) + axis(c, 1.3, 1) + axis(h, 0.11, 2) + axis(w, 0.17, 3))
    return 3 * (y * wave).mean()


def run_generator(width, size, n, height, columns, training, draw, noise=0.0):
    net = formula.fill(Generator(width, size)).train(training)
    inputs = [images(f'masked {draw}', n, height, columns, 3), images(f'references {draw}', n, height, columns, 3), audio(f'audio {draw}', n)]
    inputs = [(x * (1 + noise * torch.randn_like(x))).requires_grad_(True) for x in inputs]
    y = net(*inputs)
    loss = weighting(y)
    loss.backward()
    return net, inputs, y, loss


def generator_case(name, *case):
    width, size, n, height, columns, training, draw = case
    net, (masked, references, mel), y, loss = run_generator(*case)
    after = [(key, shares(value)) for key, value in net.state_dict().items() if 'running' in key] if training else []
    return {
        **{'name': name, 'width': width, 'size': size, 'n': n, 'height': height, 'columns': columns, 'training': training, 'draw': draw},
        'output': shares(nhwc(y), 400), 'loss': float(loss), 'gradients': gradients(net),
        'inputs': {'masked': shares(nhwc(masked.grad)), 'references': shares(nhwc(references.grad)), 'audio': shares(mel.grad)},
        'running': dict(after[::9]),
    }


def quality_case(width=1 / 16, size=96, n=2):
    net = formula.fill(Quality(width, size))
    real, made = images('real', n, size, size, 3), images('made', n, size, size, 3).requires_grad_(True)
    scores = net(made)
    ours = F.binary_cross_entropy(torch.sigmoid(net(real)), torch.ones(n, 1)) + F.binary_cross_entropy(torch.sigmoid(scores), torch.zeros(n, 1))
    theirs = F.binary_cross_entropy(torch.sigmoid(scores), torch.ones(n, 1))
    ours.backward(retain_graph=True)
    found = gradients(net)
    made.grad = None
    theirs.backward()
    return {**{'width': width, 'size': size, 'n': n}, 'scores': rounded(scores.flatten().tolist()), 'discriminator': float(ours), 'generator': float(theirs), 'gradients': found,
            'dx': shares(nhwc(made.grad))}


def joint_case(draw, width=1 / 16, size=32, n=3, training=True, noise=0.0):
    net = formula.fill(Joint(width, size)).train(training)
    faces, mel, other = images(f'faces {draw}', n, size, size, 3), audio(f'mel {draw}', n), audio(f'other {draw}', n)
    faces = (faces * (1 + noise * torch.randn_like(faces))).requires_grad_(True)
    near, far = net(faces, mel), net(faces, other)
    loss = near.square().mean() + F.relu(1 - far).square().mean()
    loss.backward()
    return net, {**{'draw': draw, 'width': width, 'size': size, 'n': n}, 'near': rounded(near.tolist()), 'far': rounded(far.tolist()), 'loss': float(loss), 'gradients': gradients(net),
                 'dx': shares(nhwc(faces.grad))}


def schedule(draw, steps=10, rows=2, size=32, width=1 / 16, rate=2e-5):
    """Wav2Lip + GAN as published: the generator's step, then the discriminator's two backward passes and one step. A validation
    after the fifth step is taken to be below the threshold: the sync loss sets in with the sixth. With BatchNorm's running statistics and a fifth of the rate:
    in training mode at 1e-4, PyTorch's own float32 differs from its float64 by up to 10 % after ten steps; so, with these inputs, by 6e-6."""
    net, judge = formula.fill(Generator(width, size)).eval(), formula.fill(Quality(width, size))
    expert = formula.fill(Expert(size)).requires_grad_(False)
    optimisers = [torch.optim.Adam(module.parameters(), lr=rate, betas=(0.5, 0.999)) for module in (net, judge)]
    weight, log = 0.0, []
    n = 5 * rows
    for step in range(steps):
        real, references, mel = images(f'real {step % 2} {draw}', n, size, size, 3), images(f'reference {step % 2} {draw}', n, size, size, 3), audio(f'mel {step % 2} {draw}', n)
        masked = real.clone()
        masked[:, :, size // 2:] = 0
        made = net(masked, references, mel)
        sync = -expert(made, mel[::5]).clamp(1e-7, 1 - 1e-7).log().mean()
        gan = F.binary_cross_entropy(torch.sigmoid(judge(made)), torch.ones(n, 1))
        image = F.l1_loss(made, real)
        loss = weight * sync + 0.07 * gan + (1 - weight - 0.07) * image
        optimisers[0].zero_grad()
        loss.backward()
        optimisers[0].step()
        optimisers[1].zero_grad()
        true = F.binary_cross_entropy(torch.sigmoid(judge(real)), torch.ones(n, 1))
        true.backward()
        fake = F.binary_cross_entropy(torch.sigmoid(judge(made.detach())), torch.zeros(n, 1))
        fake.backward()
        optimisers[1].step()
        log.append({'weight': weight, 'generator': float(loss), 'sync': float(sync), 'gan': float(gan), 'image': float(image), 'discriminator': float(true + fake)})
        if step == 4:
            weight = 0.03
    return {**{'draw': draw, 'rows': rows, 'size': size, 'width': width, 'rate': rate}, 'log': log}


def unrest(make, wanted):
    """How far gradients move where the inputs are rounded otherwise, as a share of the bound of the test: see dinet.py."""
    moved = make(2e-7)
    return max(float((p.grad - wanted[name]).abs().max() / (1e-3 * wanted[name].abs().max() + 1e-6)) for name, p in moved.named_parameters())


# The last number selects the inputs: one for which `--search` finds that gradients have no jumps nearby.
CASES = [
    ('in use, 96 pixels', 1 / 16, 96, 2, 96, 96, False, 0),
    ('in training', 1 / 16, 32, 4, 32, 32, True, 6),
    ('in training, head crops stretched', 1 / 16, 64, 3, 52, 40, True, 4),
]
JOINT = 4


def search():
    torch.manual_seed(0)
    tries = {name: lambda draw, noise=0.0, sizes=sizes: run_generator(*sizes, draw, noise)[0] for name, *sizes, _ in CASES}
    tries['joint'] = lambda draw, noise=0.0: joint_case(draw, noise=noise)[0]
    for name, make in tries.items():
        for draw in range(12):
            wanted = {key: p.grad.clone() for key, p in make(draw).named_parameters()}
            worst = max(unrest(lambda noise: make(draw, noise), wanted) for _ in range(3))
            print(name, draw, '%.3g' % worst, flush=True)
            if worst < 0.5:
                break


def save():
    net = formula.fill(Generator(1 / 128, 32)).float()
    some = torch.nn.Parameter(torch.ones(2, dtype=torch.float32))
    optimizer = torch.optim.Adam([some], lr=1e-4)
    some.sum().backward()
    optimizer.step()
    state = {'state_dict': {f'module.{name}': value for name, value in net.state_dict().items()}, 'optimizer': optimizer.state_dict(), 'global_step': 7, 'global_epoch': 1}
    torch.save(state, OUT.parent / 'wav2lip.pth')
    torch.save(state['state_dict'], OUT.parent / 'wav2lip-legacy.pth', _use_new_zipfile_serialization=False)


if __name__ == '__main__':
    if '--search' in sys.argv:
        search()
        sys.exit()
    save()
    counts = lambda net: sum(p.numel() for p in net.parameters())
    full, quality = Generator(1, 96), Quality(1, 96)
    result = {
        'source': f'reference/wav2lip.py, torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}',
        'counts': {'generator': counts(full), 'quality': counts(quality), 'joint': counts(Joint(1, 96))},
        'shapes': {'generator': shapes(full), 'quality': shapes(quality)},
        'generators': [generator_case(*case) for case in CASES],
        'quality': quality_case(),
        'joint': joint_case(JOINT)[1],
        'schedule': schedule(2),
    }
    OUT.write_text(json.dumps(result, separators=(',', ':')) + '\n')
    print(OUT.stat().st_size, result['counts'])
    print([(entry['weight'], entry['sync']) for entry in result['schedule']['log']])
