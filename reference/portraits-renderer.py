"""Writes packages/portraits/fixtures/renderer.json and renderer.pth: U-Net and discriminator of Live Speech Portraits in PyTorch, float64, made
weights, with the losses of training.

Run from the repository root: python3 reference/portraits-renderer.py
"""
import torch
from torch import nn
from torch.nn import functional as F

import formula_weights as formula
import portraits_reference as common


class ResidualBlock(nn.Module):
    def __init__(self, n):
        super().__init__()
        conv = lambda: nn.Conv2d(n, n, 3, 1, 1, bias=False)
        self.block = nn.Sequential(conv(), nn.BatchNorm2d(n), nn.ReLU(), conv(), nn.BatchNorm2d(n))

    def forward(self, x):
        return F.relu(x + self.block(x))


class Level(nn.Module):
    def __init__(self, outer, inner, blocks, inputs=None, below=None, outermost=False):
        super().__init__()
        self.outermost = outermost
        res = lambda n: [ResidualBlock(n) for _ in range(blocks)]
        down = [nn.Conv2d(inputs or outer, inner, 3, 2, 1, bias=False)]
        if below is not None and not outermost:
            down.append(nn.BatchNorm2d(inner))
        up = [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inner * (2 if below else 1), outer, 3, 1, 1, bias=False)]
        if not outermost:
            up += [nn.BatchNorm2d(outer), nn.ReLU(), *res(outer)]
        self.model = nn.Sequential(*down, nn.ReLU(), *res(inner), *([below] if below else []), *up)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Unet(nn.Module):
    def __init__(self, inputs, levels, n, blocks):
        super().__init__()
        level = Level(8 * n, 8 * n, blocks)
        for _ in range(levels - 5):
            level = Level(8 * n, 8 * n, blocks, below=level)
        for outer, inner in ((4, 8), (2, 4), (1, 2)):
            level = Level(outer * n, inner * n, blocks, below=level)
        self.model = Level(3, n, blocks, inputs=inputs, below=level, outermost=True)

    def forward(self, x):
        return torch.tanh(self.model(x))


class Renderer(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        self.netG = Unet(*sizes)

    def forward(self, x):
        return self.netG(x)


class Scales(nn.Module):
    def __init__(self, inputs, n, layers, scales):
        super().__init__()
        self.layers, self.scales = layers, scales
        for i in range(scales):
            widths = [inputs, *(min(512, n * 2**j) for j in range(layers + 1)), 1]
            for j in range(layers + 2):
                parts = [nn.Conv2d(widths[j], widths[j + 1], 4, 2 if j < layers else 1, 2)]
                parts += [nn.BatchNorm2d(widths[j + 1])] if 0 < j <= layers else []
                parts += [nn.LeakyReLU(0.2)] if j <= layers else []
                setattr(self, f"scale{i}_layer{j}", nn.Sequential(*parts))

    def forward(self, x):
        result = []
        for i in range(self.scales):
            maps = [x]
            for j in range(self.layers + 2):
                maps.append(getattr(self, f"scale{self.scales - 1 - i}_layer{j}")(maps[-1]))
            result.append(maps[1:])
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return result


class Discriminator(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        self.netD = Scales(*sizes)

    def forward(self, x):
        return self.netD(x)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def image(name, *shape):
    """Made in our order of axes; a leaf whose gradient is in that order too."""
    return common.made(name, shape)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def unet_case(name, config, training, batch):
    net = formula.fill(Renderer(config["inputs"], config["levels"], config["channels"], config["residualBlocks"])).double()
    net.train(training)
    x = image("input", batch, config["size"], config["size"], config["inputs"])
    y = nhwc(net(nchw(x)))
    loss = common.weighted(y) * 1000
    loss.backward()
    return {
        "name": name, "config": config, "training": training, "batch": batch, "output": common.shares(y, 200), "loss": float(loss),
        "gradients": common.gradients(net, 5), "dx": common.shares(x.grad),
    }


def losses():
    """Discriminator's and renderer's losses with their gradients; the discriminator in training mode."""
    net = formula.fill(Discriminator(7, 3, 2, 2)).double().train()
    real_map, real, fake = image("map", 2, 32, 32, 4), image("real", 2, 32, 32, 3), image("generated", 2, 32, 32, 3)
    judge = lambda frames: net(torch.cat([nchw(real_map), nchw(frames)], 1))
    of_real, of_fake = judge(real), judge(fake)
    square = lambda scores, target: (scores - target).square().mean()
    by_discriminator = sum(square(r[-1], 1) * 2 + square(f[-1], 0) for r, f in zip(of_real, of_fake)) * 0.5
    by_discriminator.backward()
    gradients = common.gradients(net, 10)
    fake.grad = None
    of_real, of_fake = judge(real), judge(fake)
    gan = sum(square(f[-1], 1) for f in of_fake)
    matching = sum(4 / 3 / 2 * (f - r.detach()).abs().mean() for fs, rs in zip(of_fake, of_real) for f, r in zip(fs, rs))
    colour = (fake - real).abs().mean()
    (gan + 100 * colour + 10 * matching).backward()
    return {
        "maps": [[common.shares(nhwc(m), 30) for m in maps] for maps in of_fake], "discriminator": float(by_discriminator), "gradients": gradients,
        "gan": float(gan), "featureMatching": float(matching), "colour": float(colour), "dGenerated": common.shares(fake.grad, 300),
        "shapes": common.shapes(Discriminator(16, 64, 3, 2)),
    }


def training():
    """Losses of three steps of discriminator and renderer on one batch."""
    renderer, judge = formula.fill(Renderer(4, 5, 2, 1)).double().train(), formula.fill(Discriminator(7, 3, 2, 2)).double().train()
    adam = [torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.999)) for net in (renderer, judge)]
    x, real = nchw(image("input", 2, 32, 32, 4).detach()), nchw(image("real", 2, 32, 32, 3).detach())
    square = lambda scores, target: (scores - target).square().mean()
    steps = []
    for _ in range(3):
        fake = renderer(x)
        of_real, of_fake = judge(torch.cat([x, real], 1)), judge(torch.cat([x, fake.detach()], 1))
        by_judge = sum(square(r[-1], 1) * 2 + square(f[-1], 0) for r, f in zip(of_real, of_fake)) * 0.5
        adam[1].zero_grad()
        by_judge.backward()
        adam[1].step()
        of_fake, of_real = judge(torch.cat([x, fake], 1)), judge(torch.cat([x, real], 1))
        gan = sum(square(f[-1], 1) for f in of_fake)
        matching = sum(4 / 3 / 2 * (f - r.detach()).abs().mean() for fs, rs in zip(of_fake, of_real) for f, r in zip(fs, rs))
        colour = (fake - real).abs().mean()
        total = gan + 100 * colour + 10 * matching
        adam[0].zero_grad()
        total.backward()
        adam[0].step()
        steps.append({"discriminator": float(by_judge), "total": float(total), "gan": float(gan), "colour": float(colour), "featureMatching": float(matching)})
    running = {name: common.shares(value, 8) for name, value in renderer.state_dict().items() if name.endswith("running_mean")}
    return {"steps": steps, "running": running}


def main():
    small = {"size": 32, "levels": 5, "channels": 2, "inputs": 4, "residualBlocks": 1}
    cases = [
        unet_case("in use", {**small, "levels": 6, "size": 64}, False, 1), unet_case("two residual blocks, in training", {**small, "residualBlocks": 2}, True, 3),
    ]
    count = lambda *sizes: sum(p.numel() for p in Renderer(*sizes).parameters())
    result = {
        "cases": cases, "losses": losses(), "training": training(), "published": common.shapes(Renderer(13, 8, 64, 1)),
        "counts": {"128": count(13, 6, 16, 1)},
    }
    common.write("renderer.json", "reference/portraits-renderer.py", result)
    torch.save(formula.fill(Renderer(4, 5, 1, 1)).state_dict(), common.FIXTURES / "renderer.pth")


if __name__ == "__main__":
    main()
