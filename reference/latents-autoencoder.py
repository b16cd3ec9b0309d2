"""Reference numbers for @lipsync/latents, by PyTorch: python3 reference/latents-autoencoder.py

A class of our own after diffusers' AutoencoderKL, with weights by formula (formula_weights.py). Where diffusers is installed (0.21.4 was tried), its own
class gets the same weights and the difference of means, log variances and images is printed: it must be 0 to rounding. Writes
packages/latents/fixtures/autoencoder.json: names, shapes and parameters of Stable Diffusion's sizes; latents, images, losses and every gradient of two small
networks. earlier-names.bin is a small state dict by torch.save under the attention's names before diffusers 0.18.
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

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'latents' / 'fixtures' / 'autoencoder.json'
OUT.parent.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)  # weights and inputs are float32, as in the package


class Resnet(nn.Module):
    def __init__(self, cin, cout, groups):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin, eps=1e-6)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, cout, eps=1e-6)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        if cin != cout:
            self.conv_shortcut = nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        y = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return (self.conv_shortcut(x) if hasattr(self, 'conv_shortcut') else x) + y


class Attention(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        n, c, h, w = x.shape
        places = self.group_norm(x).reshape(n, c, h * w).transpose(1, 2)
        q, k, v = self.to_q(places), self.to_k(places), self.to_v(places)
        mixed = torch.softmax(q @ k.transpose(1, 2) / c**0.5, dim=2) @ v
        return x + self.to_out[0](mixed).transpose(1, 2).reshape(n, c, h, w)


class Middle(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.attentions = nn.ModuleList([Attention(channels, groups)])
        self.resnets = nn.ModuleList([Resnet(channels, channels, groups) for _ in range(2)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode='nearest'))


class Level(nn.Module):
    def __init__(self, cin, cout, layers, groups, **sampler):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet(cin if i == 0 else cout, cout, groups) for i in range(layers)])
        for name, part in sampler.items():
            if part is not None:
                setattr(self, name, nn.ModuleList([part]))

    def forward(self, x):
        for resnet in self.resnets:
            x = resnet(x)
        for name in ('downsamplers', 'upsamplers'):
            if hasattr(self, name):
                x = getattr(self, name)[0](x)
        return x


class Coder(nn.Module):
    """Encoder or decoder: they differ in the order of middle and levels."""

    def __init__(self, config, decodes):
        super().__init__()
        channels, groups, layers = config['block_out_channels'], config['norm_num_groups'], config['layers_per_block']
        self.decodes = decodes
        self.last = len(channels) - 1
        if decodes:
            channels = channels[::-1]
            self.conv_in = nn.Conv2d(config['latent_channels'], channels[0], 3, padding=1)
            self.up_blocks = nn.ModuleList(
                Level(channels[max(0, i - 1)], c, layers + 1, groups, upsamplers=Up(c) if i < self.last else None) for i, c in enumerate(channels))
        else:
            self.conv_in = nn.Conv2d(config['in_channels'], channels[0], 3, padding=1)
            self.down_blocks = nn.ModuleList(
                Level(channels[max(0, i - 1)], c, layers, groups, downsamplers=Down(c) if i < self.last else None) for i, c in enumerate(channels))
        self.mid_block = Middle(channels[0] if decodes else channels[-1], groups)
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(channels[-1], config['out_channels'] if decodes else 2 * config['latent_channels'], 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        levels = self.up_blocks if self.decodes else self.down_blocks
        for part in [self.mid_block, *levels] if self.decodes else [*levels, self.mid_block]:
            x = part(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Autoencoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        latent = config['latent_channels']
        self.encoder, self.decoder = Coder(config, False), Coder(config, True)
        self.quant_conv, self.post_quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1), nn.Conv2d(latent, latent, 1)

    def encode(self, x):
        mean, logvar = self.quant_conv(self.encoder(x)).chunk(2, 1)
        return mean, logvar.clamp(-30, 20)

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))


def nhwc(x):
    return x.detach().permute(0, 2, 3, 1).reshape(-1)


def shares(flat, count=100):
    """Largest of a tensor, and `count` of its numbers spread over it, from the first on."""
    flat = flat.detach().reshape(-1)
    step = max(1, flat.numel() // count)
    return {'largest': float('%.7g' % flat.abs().max()), 'step': step, 'numbers': [float('%.7g' % value) for value in flat[::step].tolist()]}


def drawn(name, shape, low=-1, high=1):
    """Channels last, as in our package, here as NCHW."""
    return torch.from_numpy(formula.numbers(name, shape, low, high)).double().permute(0, 3, 1, 2).contiguous()


def beside_diffusers(config, net, x, mean, logvar, image):
    try:
        from diffusers import AutoencoderKL, __version__
    except ImportError:
        return
    levels = len(config['block_out_channels'])
    theirs = AutoencoderKL(down_block_types=['DownEncoderBlock2D'] * levels, up_block_types=['UpDecoderBlock2D'] * levels, **config)
    assert sorted(theirs.state_dict()) == sorted(net.state_dict())
    theirs.load_state_dict(net.state_dict())
    theirs = theirs.double()
    posterior = theirs.encode(x).latent_dist
    pairs = [(posterior.mean, mean), (posterior.logvar, logvar), (theirs.decode(mean).sample, image)]
    print(f'beside diffusers {__version__}:', ['%.1e' % float((a - b).abs().max() / b.abs().max()) for a, b in pairs],
          'divergence %.1e' % float((posterior.kl().mean() - divergence(mean, logvar)).abs() / divergence(mean, logvar)))


def divergence(mean, logvar):
    return 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum((1, 2, 3)).mean()


def case(name, config, n, height, width):
    net = formula.fill(Autoencoder(config))
    x = drawn(f'images {name}', (n, height, width, config['in_channels'])).requires_grad_(True)
    mean, logvar = net.encode(x)
    side = 2 ** (len(config['block_out_channels']) - 1)
    noise = drawn(f'noise {name}', (n, height // side, width // side, config['latent_channels']))
    sample = mean + torch.exp(0.5 * logvar) * noise
    image = net.decode(sample)
    kl = divergence(mean, logvar)
    loss = (image - x).square().mean() + 0.01 * kl
    loss.backward()
    beside_diffusers(config, net, x, mean, logvar, net.decode(mean))
    return {
        'name': name, 'config': config, 'n': n, 'height': height, 'width': width,
        'shapes': [[key, list(value.shape)] for key, value in net.state_dict().items()],
        'mean': shares(nhwc(mean)), 'logVariance': shares(nhwc(logvar)), 'image': shares(nhwc(image)),
        'divergence': float(kl), 'loss': float(loss), 'images': shares(nhwc(x.grad)),
        'gradients': {key: shares(parameter.grad, 10) for key, parameter in net.named_parameters()},
    }


SD = {'in_channels': 3, 'out_channels': 3, 'block_out_channels': [128, 256, 512, 512], 'layers_per_block': 2, 'latent_channels': 4, 'norm_num_groups': 32}
SMALL = dict(SD, block_out_channels=[8, 16], layers_per_block=1, norm_num_groups=4)
DEEP = dict(SD, block_out_channels=[4, 4, 8, 8], layers_per_block=2, norm_num_groups=2)


def save():
    """Half the way to the published file: its names of the attention, and its format."""
    state = formula.fill(Autoencoder(dict(SMALL, block_out_channels=[2, 4], norm_num_groups=2)).float()).state_dict()
    earlier = {'to_q': 'query', 'to_k': 'key', 'to_v': 'value', 'to_out.0': 'proj_attn'}
    renamed = {}
    for name, value in state.items():
        for now, then in earlier.items():
            name = name.replace(f'.{now}.', f'.{then}.')
        renamed[name] = value
    torch.save(renamed, OUT.parent / 'earlier-names.bin')


if __name__ == '__main__':
    save()
    full = Autoencoder(SD)
    result = {
        'source': f'reference/latents-autoencoder.py, torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}',
        'parameters': sum(p.numel() for p in full.parameters()),
        'shapes': [[key, list(value.shape)] for key, value in full.state_dict().items()],
        'cases': [case('two levels', SMALL, 2, 16, 12), case('four levels', DEEP, 1, 32, 40)],
    }
    OUT.write_text(json.dumps(result, separators=(',', ':')) + '\n')
    print(OUT, OUT.stat().st_size, 'bytes')
