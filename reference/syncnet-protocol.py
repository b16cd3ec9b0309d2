"""SyncNet's evaluation by PyTorch, NumPy and SciPy on crops and audio of ours, for scripts/check-protocol.mjs:

    python3 reference/syncnet-protocol.py CROPS AUDIO OUT

CROPS: RGB, 224 x 224, uint8, one after the other; AUDIO: 16-bit samples at 16 kHz. The network has weights by formula. Writes OUT as JSON: offset,
the 31 mean distances, confidence, least distance, frame-wise confidence, computed as syncnet_python's SyncNetInstance.evaluate does. Without
arguments there is nothing to write: no fixture is kept, as the videos are not in the repository.
"""
import json
import sys
from pathlib import Path

import numpy as np
import scipy.signal
import torch

if len(sys.argv) < 4:
    print('syncnet-protocol.py: made by scripts/check-protocol.mjs, no fixture')
    sys.exit()

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
import formula_weights as formula


# The network's class and the features' formulas stand in scripts that make fixtures: take the definitions alone.
def definitions(name, until):
    source = (here / f'{name}.py').read_text().split(until)[0]
    scope = {'__file__': str(here / f'{name}.py'), '__name__': 'definitions'}
    exec(compile(source, name, 'exec'), scope)
    return scope


networks = definitions('syncnet-networks', 'class Block')
mfcc = definitions('audio-mel-mfcc', 'if len(sys.argv)')['mfcc']

crops = np.fromfile(sys.argv[1], dtype=np.uint8).reshape(-1, 224, 224, 3)
samples = np.fromfile(sys.argv[2], dtype='<i2')
net = networks['as_loud_as_real'](formula.fill(networks['SyncNet']())).float().eval()
bgr = np.ascontiguousarray(crops[..., ::-1]).astype(np.float32)  # BGR
features = mfcc(samples).T  # [13, steps]
frames = len(bgr)
count = min(frames, len(samples) // 640) - 5
with torch.no_grad():
    v, a = [], []
    for i in range(count):
        window = torch.from_numpy(bgr[i:i + 5]).permute(1, 2, 0, 3).reshape(1, 224, 224, 15)
        v.append(net.embed_visual(window))
        a.append(net.embed_audio(torch.from_numpy(features[None, None, :, 4 * i:4 * i + 20].astype(np.float32))))
    v, a = torch.cat(v), torch.cat(a)
    shift = 15
    padded = torch.nn.functional.pad(a, (0, 0, shift, shift))
    distances = [torch.nn.functional.pairwise_distance(v[[i]].repeat(2 * shift + 1, 1), padded[i:i + 2 * shift + 1]) for i in range(count)]
    means = torch.mean(torch.stack(distances, 1), 1)
    least, index = torch.min(means, 0)
    confidence = torch.median(means) - least
    framewise = torch.median(means).numpy() - np.stack([d.numpy()[index] for d in distances])
    framewise = scipy.signal.medfilt(framewise, kernel_size=9)
Path(sys.argv[3]).write_text(json.dumps({
    'offset': shift - int(index), 'windows': count, 'curve': means.tolist(), 'lseD': float(least), 'lseC': float(confidence),
    'framewise': framewise.tolist(),
}))
