"""What syncnet-protocol.py and syncnet-demo.py share: SyncNet with weights by formula, its MFCC, and the score of
embeddings as syncnet_python's SyncNetInstance.evaluate computes it."""
import sys
from pathlib import Path

import scipy.signal
import torch

SHIFT = 15  # frames to both sides
here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
import formula_weights as formula


def definitions(name, until):
    """The definitions of a script that makes fixtures: all that it has before the text `until`."""
    source = (here / f'{name}.py').read_text().split(until)[0]
    scope = {'__file__': str(here / f'{name}.py'), '__name__': 'definitions'}
    exec(compile(source, name, 'exec'), scope)
    return scope


mfcc = definitions('audio-mel-mfcc', 'if len(sys.argv)')['mfcc']


def syncnet():
    networks = definitions('syncnet-networks', 'class Block')
    return networks['as_loud_as_real'](formula.fill(networks['SyncNet']())).float().eval()


def evaluate(visual, audio):
    """Scores embeddings [windows, 1024]: offset, the 31 mean distances, their minimum, the confidences."""
    padded = torch.nn.functional.pad(audio, (0, 0, SHIFT, SHIFT))
    count = len(visual)
    distances = torch.stack([
        torch.nn.functional.pairwise_distance(visual[[i]].repeat(2 * SHIFT + 1, 1), padded[i:i + 2 * SHIFT + 1])
        for i in range(count)
    ], 1)  # [shift, window]
    means = torch.mean(distances, 1)
    least, index = torch.min(means, 0)
    median = torch.median(means)
    framewise = scipy.signal.medfilt((median - distances[index]).numpy(), kernel_size=9)
    return {
        'offset': SHIFT - int(index), 'windows': count, 'curve': means.tolist(),
        'lseD': float(least), 'lseC': float(median - least), 'framewise': framewise.tolist(),
    }
