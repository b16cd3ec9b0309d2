"""Writes packages/portraits/fixtures/mouth.json and mouth.pth: the mouth network of Live Speech Portraits in PyTorch, float64, made weights.

Run from the repository root: python3 reference/portraits-mouth.py
"""
import torch
from torch import nn
from torch.nn import functional as F

import formula_weights as formula
import portraits_reference as common


class Mouth(nn.Module):
    def __init__(self, feature, hidden, layers, end, outputs):
        super().__init__()
        self.downsample = nn.Sequential(nn.Linear(2 * feature, feature), nn.BatchNorm1d(feature), nn.LeakyReLU(0.2), nn.Linear(feature, feature))
        self.LSTM = nn.LSTM(feature, hidden, layers, batch_first=True)
        self.fc = nn.Sequential(
            nn.Linear(hidden, end), nn.BatchNorm1d(end), nn.LeakyReLU(0.2),
            nn.Linear(end, end), nn.BatchNorm1d(end), nn.LeakyReLU(0.2), nn.Linear(end, outputs),
        )

    def forward(self, x):
        batch, steps, size = x.shape
        x = self.downsample(x.reshape(-1, 2 * size)).reshape(batch, steps // 2, size)
        x = self.LSTM(x)[0]
        return self.fc(x.reshape(-1, x.shape[2])).reshape(batch, steps // 2, -1)


def inference(net, features, ahead):
    """The last pair repeated, the first outputs dropped."""
    last = features[:, -2:].repeat(1, ahead, 1)
    return net(torch.cat([features, last], 1))[:, ahead:]


def main():
    sizes, ahead = (6, 5, 3, 7, 9), 4
    net = formula.fill(Mouth(*sizes)).double()
    features, targets = common.made("features", (2, 24, 6)), common.made("targets", (2, 12, 9)).detach()
    net.train()
    loss = 1000 * F.mse_loss(net(features)[:, ahead:], targets[:, :-ahead])
    loss.backward()
    training = {
        "loss": float(loss), "gradients": common.gradients(net), "dFeatures": common.shares(features.grad, 400),
        "running": {name: common.shares(value) for name, value in net.state_dict().items() if "running" in name},
    }
    formula.fill(net).eval()
    result = {
        "training": training, "output": common.shares(inference(net, features[:1], ahead), 400),
        "published": common.shapes(Mouth(512, 256, 3, 512, 75)),
        "count": sum(p.numel() for p in Mouth(512, 256, 3, 512, 75).parameters()),
    }
    common.write("mouth.json", "reference/portraits-mouth.py", result)
    torch.save({f"module.{name}": value for name, value in formula.fill(Mouth(2, 3, 3, 4, 6)).state_dict().items()}, common.FIXTURES / "mouth.pth")


if __name__ == "__main__":
    main()
