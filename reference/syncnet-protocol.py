"""SyncNet's evaluation by PyTorch, NumPy and SciPy on crops and audio of ours, for scripts/check-protocol.mjs:

    python3 reference/syncnet-protocol.py CROPS AUDIO OUT

CROPS: RGB, 224 x 224, uint8, one after the other; AUDIO: 16-bit samples at 16 kHz. The network has weights by formula.
Writes OUT as JSON, see syncnet_evaluation.py. Without arguments there is nothing to write: no fixture is kept, as the
videos are not in the repository.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch

if len(sys.argv) < 4:
    print('syncnet-protocol.py: made by scripts/check-protocol.mjs, no fixture')
    sys.exit()

sys.path.insert(0, str(Path(__file__).resolve().parent))
from syncnet_evaluation import evaluate, mfcc, syncnet

crops = np.fromfile(sys.argv[1], dtype=np.uint8).reshape(-1, 224, 224, 3)
samples = np.fromfile(sys.argv[2], dtype='<i2')
net = syncnet()
bgr = np.ascontiguousarray(crops[..., ::-1]).astype(np.float32)  # BGR
features = mfcc(samples).T  # [13, steps]
count = min(len(bgr), len(samples) // 640) - 5
with torch.no_grad():
    v, a = [], []
    for i in range(count):
        window = torch.from_numpy(bgr[i:i + 5]).permute(1, 2, 0, 3).reshape(1, 224, 224, 15)
        v.append(net.embed_visual(window))
        a.append(net.embed_audio(torch.from_numpy(features[None, None, :, 4 * i:4 * i + 20].astype(np.float32))))
    score = evaluate(torch.cat(v), torch.cat(a))
Path(sys.argv[3]).write_text(json.dumps(score))
