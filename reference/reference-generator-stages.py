"""Reference numbers for the stages of the reference-attention generator, by PyTorch: python3 reference/reference-generator-stages.py

Ten steps of each stage of a small generator, the second against a discriminator with R1, in float64: every figure of each step. Networks
of reference-generator.py and reference-generator-losses.py, weights and inputs by formula; the expert and the perceptual loss are formulas,
as their networks have numbers of their own. Writes packages/reference-generator/fixtures/stages.json.
"""
import importlib.util
import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def script(name):
    """A script beside this one, as a module; its main part does not run."""
    spec = importlib.util.spec_from_file_location(name.replace('-', '_'), HERE / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


import formula_weights as formula

networks, losses = script('reference-generator'), script('reference-generator-losses')
OUT = HERE.parent / 'packages' / 'reference-generator' / 'fixtures' / 'stages.json'
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
CONFIG = dict(networks.FULL, width=2, size=64, largestSkip=16)
CLIPS, FRAMES, REFERENCES, STEPS = 3, 2, 2, 10
WEIGHTS = {'first': dict(l1=1, perceptual=0.5, expert=0.01, mask=1, adversarial=0), 'second': dict(l1=1, perceptual=0.5, expert=0.1, mask=1, adversarial=0.01)}


def windows(frames):
    """(clips * frames, 3, size, size) to (clips, frames * 3, size / 2, size)."""
    size = frames.shape[-1]
    return frames[:, :, size // 2:].reshape(CLIPS, FRAMES * 3, size // 2, size)


def run(stage):
    weights, size, n = WEIGHTS[stage], CONFIG['size'], CLIPS * FRAMES
    generator = networks.calmed(networks.Generator(CONFIG)).train()
    judge = losses.filled(losses.Discriminator(FRAMES, size, 1)).train() if stage == 'second' else None
    adam = lambda net: torch.optim.Adam(net.parameters(), lr=2e-4)
    optimizers = [adam(generator), adam(judge) if judge else None]
    reports = []
    for step in range(STEPS):
        frames = networks.blocks(f'frames {step}', (n, size, size, 3), 0, 1).permute(0, 3, 1, 2)
        hidden = (torch.arange(size) >= size // 2).view(1, 1, size, 1)
        references = networks.blocks(f'references {step}', (CLIPS, size, size, 3 * REFERENCES), 0, 1)
        seen = references.view(CLIPS, size, size, REFERENCES, 3).permute(0, 3, 4, 1, 2) * hidden
        audio = networks.blocks(f'audio {step}', (n, 80, 16, 1), -4, 4)[..., 0]
        truth = (networks.blocks(f'truth {step}', (n, size, size, 1), 0, 1) > 0.5).double().permute(0, 3, 1, 2)
        image, mask = generator(frames * ~hidden, seen, audio)
        blended = networks.blend(image, frames, mask)
        terms = {
            'l1': (mask.detach() * (image - frames).abs()).sum() / mask.detach().sum(),
            'perceptual': (blended - frames).square().mean(),
            'expert': -torch.log(windows(blended).flatten(1).mean(1).clamp(1e-3, 1)).mean(),
            'mask': F.binary_cross_entropy(mask, truth),
        }
        if judge:
            terms['adversarial'] = F.softplus(-judge(windows(blended))).mean()
        total = sum(weights[name] * value for name, value in terms.items())
        generator.zero_grad()
        total.backward()
        report = {**{name: float(value) for name, value in terms.items()}, 'generator': float(total)}
        optimizers[0].step()
        if judge:
            real, fake = windows(frames).requires_grad_(True), windows(blended.detach())
            of_real, of_fake = judge(real), judge(fake)
            slope, = torch.autograd.grad(of_real.sum(), real, create_graph=True)
            r1 = 5 * slope.square().flatten(1).sum(1).mean()
            loss = F.softplus(-of_real).mean() + F.softplus(of_fake).mean() + r1
            judge.zero_grad()
            loss.backward()
            optimizers[1].step()
            report.update(discriminator=float(loss), r1=float(r1))
        reports.append({name: float('%.7g' % value) for name, value in report.items()})
    return reports


result = {
    'source': f'reference/reference-generator-stages.py, torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}',
    'config': CONFIG, 'clips': CLIPS, 'frames': FRAMES, 'references': REFERENCES, 'stages': {stage: run(stage) for stage in WEIGHTS},
}
OUT.write_text(json.dumps(result) + '\n')
print(OUT.name, OUT.stat().st_size, result['stages']['second'][0], result['stages']['second'][-1])
