"""Reference numbers for Lstm and Gru of @lipsync/nn, by PyTorch: python3 reference/nn-recurrent.py

Writes packages/nn/fixtures/recurrent.json: inputs, state dict, output and the gradients of sum(output * dy), batch first, from a state of
zeros on; parameters in PyTorch's own layout and order of gates.
"""
import json
import platform
from pathlib import Path

import torch
from torch import nn

FIXTURES = Path(__file__).resolve().parent.parent / 'packages' / 'nn' / 'fixtures'
MADE_BY = {
    'program': 'reference/nn-recurrent.py',
    'versions': {'python': platform.python_version(), 'torch': torch.__version__},
    'command': 'python3 reference/nn-recurrent.py',
}


def array(tensor):
    numbers = tensor.detach().to(torch.float32).contiguous()
    return {'shape': list(numbers.shape), 'data': [float(f'{value:.9g}') for value in numbers.flatten().tolist()]}


def case(kind, name, input_size, hidden, layers, batch, time, seed):
    generator = torch.Generator().manual_seed(seed)
    module = {'lstm': nn.LSTM, 'gru': nn.GRU}[kind](input_size, hidden, layers, batch_first=True)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    x = torch.randn((batch, time, input_size), generator=generator).requires_grad_(True)
    y = module(x)[0]
    dy = torch.randn(y.shape, generator=generator)
    state = dict(module.named_parameters())
    gradients = torch.autograd.grad((y * dy).sum(), [x, *state.values()])
    return {
        'kind': kind, 'name': name, 'options': {'inputSize': input_size, 'hiddenSize': hidden, 'layers': layers},
        'state': {key: array(value) for key, value in state.items()},
        'x': array(x), 'y': array(y), 'dy': array(dy), 'dx': array(gradients[0]),
        'gradients': {key: array(value) for key, value in zip(state, gradients[1:])},
    }


CASES = [
    ('one layer', 5, 6, 1, 2, 7), ('three layers', 4, 3, 3, 3, 9), ('one step', 3, 4, 2, 2, 1), ('one sequence', 2, 5, 1, 1, 12),
]
cases = [case(kind, *each, seed) for kind in ('lstm', 'gru') for seed, each in enumerate(CASES)]
path = FIXTURES / 'recurrent.json'
path.write_text(json.dumps({**MADE_BY, 'cases': cases}) + '\n')
print(path.name, path.stat().st_size)
