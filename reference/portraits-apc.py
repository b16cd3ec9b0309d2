"""Writes packages/portraits/fixtures/apc.json and apc.pth: the APC encoder of Live Speech Portraits in PyTorch, float64, made weights.

Run from the repository root: python3 reference/portraits-apc.py
"""
import torch
from torch import nn

import formula_weights as formula
import portraits_reference as common


class Apc(nn.Module):
    def __init__(self, mel, hidden, layers):
        super().__init__()
        self.rnns = nn.ModuleList([nn.GRU(mel if i == 0 else hidden, hidden, batch_first=True) for i in range(layers)])
        self.postnet = nn.Linear(hidden, mel)

    def forward(self, x):
        for layer in self.rnns:
            x = layer(x)[0]
        return x

    def loss(self, mel, ahead):
        return (self.postnet(self(mel[:, :-ahead])) - mel[:, ahead:]).abs().mean()


def main():
    net = formula.fill(Apc(6, 8, 3)).double()
    mel = common.made("mel", (2, 9, 6))
    loss = net.loss(mel, 3)
    loss.backward()
    result = {
        "features": common.shares(net(mel), 400), "loss": float(loss), "gradients": common.gradients(net), "dMel": common.shares(mel.grad, 400),
        "published": common.shapes(Apc(80, 512, 3)),
    }
    common.write("apc.json", "reference/portraits-apc.py", result)
    torch.save(formula.fill(Apc(80, 4, 2)).state_dict(), common.FIXTURES / "apc.pth")


if __name__ == "__main__":
    main()
