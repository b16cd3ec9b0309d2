"""Writes packages/portraits/fixtures/head-pose.json and head-pose.pth: the head pose network of Live Speech Portraits in PyTorch, float64, made
weights; and poses sampled as the published inference does, one window of the receptive field for each frame.

Run from the repository root: python3 reference/portraits-head-pose.py
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

import formula_weights as formula
import portraits_reference as common


class ResidualBlock(nn.Module):
    def __init__(self, dilation, channels, skip, cond):
        super().__init__()
        self.dilation = dilation
        self.filter_conv = nn.Conv1d(channels, channels, 2, dilation=dilation)
        self.gate_conv = nn.Conv1d(channels, channels, 2, dilation=dilation)
        self.residual_conv = nn.Conv1d(channels, channels, 1)
        self.skip_conv = nn.Conv1d(channels, skip, 1)
        self.cond_filter_conv = nn.Conv1d(cond, channels, 1)
        self.cond_gate_conv = nn.Conv1d(cond, channels, 1)

    def forward(self, x, cond):
        padded = F.pad(x, (self.dilation, 0))
        z = torch.tanh(self.filter_conv(padded) + self.cond_filter_conv(cond)) * torch.sigmoid(self.gate_conv(padded) + self.cond_gate_conv(cond))
        return self.residual_conv(z) + x, self.skip_conv(z)


class WaveNet(nn.Module):
    def __init__(self, pose, channels, skip, cond, blocks, layers):
        super().__init__()
        self.start_conv1, self.start_conv2 = nn.Conv1d(pose, channels, 1), nn.Conv1d(channels, channels, 1)
        self.residual_blocks = nn.ModuleList([ResidualBlock(2**i, channels, skip, cond) for _ in range(blocks) for i in range(layers)])
        out = 2 * pose + 1
        self.end_conv_1, self.end_conv_2 = nn.Conv1d(skip, out, 1), nn.Conv1d(out, out, 1)

    def forward(self, x, cond):
        leaky = lambda y: F.leaky_relu(y, 0.2)
        x = leaky(self.start_conv2(leaky(self.start_conv1(x))))
        skips = 0
        for block in self.residual_blocks:
            x, skip = block(x, cond)
            skips = skips + skip
        return self.end_conv_2(leaky(self.end_conv_1(leaky(skips))))


class HeadPose(nn.Module):
    def __init__(self, feature, pose, channels, skip, blocks, layers):
        super().__init__()
        self.audio_downsample = nn.Sequential(nn.Linear(2 * feature, feature), nn.BatchNorm1d(feature), nn.LeakyReLU(0.2), nn.Linear(feature, feature))
        self.WaveNet = WaveNet(pose, channels, skip, feature, blocks, layers)

    def forward(self, history, features):
        batch, steps, size = features.shape
        cond = self.audio_downsample(features.reshape(-1, 2 * size)).reshape(batch, steps // 2, size)
        return self.WaveNet(history.transpose(1, 2), cond.transpose(1, 2)).transpose(1, 2)


def likelihood(output, target):
    size = target.shape[2]
    sharp = torch.minimum(output[..., 1 + size :], torch.tensor(math.log(1 / 0.03), dtype=torch.float64))
    return (0.5 * math.log(2 * math.pi) - sharp + 0.5 * ((target - output[..., 1 : 1 + size]) * torch.exp(sharp)) ** 2).mean()


def sample(net, features, field, ahead, size, seed, scale):
    """Window by window: the first features repeated in front, zeros as the first poses."""
    pairs = features.reshape(features.shape[1] // 2, -1)
    padded = torch.cat([pairs[:1].repeat(field - 1, 1), pairs])
    history, poses = torch.zeros(1, field, size, dtype=torch.float64), []
    for i in range(len(pairs) - ahead):
        heard = padded[i + ahead : i + ahead + field].reshape(1, 2 * field, -1)
        out = net(history, heard)[0, -1]
        random = common.Random(seed, i)
        noise = torch.tensor([random.normal() for _ in range(size)], dtype=torch.float64)
        pose = out[1 : 1 + size] + scale * torch.exp(-out[1 + size :]) * noise
        poses.append(pose)
        history = torch.cat([history[:, 1:], pose.reshape(1, 1, size)], 1)
    return torch.stack(poses)


def main():
    feature, pose, channels, skip, blocks, layers, ahead = 5, 4, 6, 7, 2, 3, 3
    field = 1 + blocks * (2**layers - 1)
    net = formula.fill(HeadPose(feature, pose, channels, skip, blocks, layers)).double()
    history, features = common.made("history", (2, 21, pose)), common.made("features", (2, 42, feature))
    net.train()
    # the loss: from poses before t and features of t + ahead, where the whole receptive field is known
    known = 21 - ahead - 1
    output = net(history[:, :known], features[:, 2 * (1 + ahead) :])
    loss = likelihood(output[:, field - 1 :], history[:, field : known + 1])
    loss.backward()
    training = {
        "loss": float(loss), "gradients": common.gradients(net), "dPoses": common.shares(history.grad, 400), "dFeatures": common.shares(features.grad, 400),
    }
    formula.fill(net).eval()
    output = net(history, features)
    with torch.no_grad():
        # A quarter of the last layer, so that a motion does not amplify its own rounding from frame to frame.
        for parameter in net.WaveNet.end_conv_2.parameters():
            parameter.mul_(0.25)
        long = common.made("long", (1, 80, feature)).detach()
        result = {
            "field": field, "training": training, "output": common.shares(output, 400),
            "sampled": {scale: common.shares(sample(net, long, field, ahead, pose, 7, float(scale)), 400) for scale in ("0", "0.3", "1")},
            "published": common.shapes(HeadPose(512, 12, 128, 256, 2, 7)),
            "normal": [common.Random(7, 3).normal(), common.Random(2**40, 0).normal()],
        }
    common.write("head-pose.json", "reference/portraits-head-pose.py", result)
    torch.save({"epoch": 5, "state_dict": formula.fill(HeadPose(2, 4, 3, 4, 2, 2)).state_dict()}, common.FIXTURES / "head-pose.pth")


if __name__ == "__main__":
    main()
