"""Embeddings of the packaged network in PyTorch: packages/score/fixtures/pretrained-embeddings.json.

    /usr/bin/python3 reference/score-pretrained.py

Reads packages/pretrained/data/expert.safetensors as it is (float16, header, metadata) into the network of
avalignnet-reference.py, in float32. Inputs come from the formula that the tests share, so the fixture holds results only.
Run it again when the weights change.
"""
import hashlib
import importlib.util
import json
import struct
from pathlib import Path

import numpy as np
import torch

import formula_weights as formula

ROOT = Path(__file__).resolve().parent.parent
BATCH = 3

spec = importlib.util.spec_from_file_location("avalignnet", ROOT / "reference" / "avalignnet-reference.py")
avalignnet = importlib.util.module_from_spec(spec)
spec.loader.exec_module(avalignnet)


def read_safetensors(data):
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        kind = {"F16": np.float16, "F32": np.float32}[entry["dtype"]]
        values = np.frombuffer(data[8 + length + start:8 + length + end], dtype=kind)
        tensors[name] = torch.from_numpy(values.astype(np.float32).reshape(entry["shape"]))
    return tensors, metadata


data = (ROOT / "packages/pretrained/data/expert.safetensors").read_bytes()
tensors, metadata = read_safetensors(data)
size = json.loads(metadata["input"])
net = avalignnet.AVAlignNet(json.loads(metadata["config"])).eval()
net.load_state_dict(tensors)
# Axes as ours are: frames [batch, height, width, 3 * frameCount], features [batch, bins, steps, 1].
frames = formula.numbers("frames", (BATCH, size["height"], size["width"], 3 * size["frameCount"]), -1, 1)
features = formula.numbers("features", (BATCH, 80, size["featureSteps"], 1), -4, 4)
with torch.no_grad():
    visual = net.visual_encoder(torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous())
    audio = net.audio_encoder(torch.from_numpy(features).permute(0, 3, 1, 2).contiguous())
fixture = {
    "source": {"program": "PyTorch", "version": torch.__version__, "command": "/usr/bin/python3 reference/score-pretrained.py"},
    "weightsHash": hashlib.sha256(data).hexdigest(),
    "batch": BATCH,
    "visual": avalignnet.rounded(visual.numpy()),
    "audio": avalignnet.rounded(audio.numpy()),
}
path = ROOT / "packages/score/fixtures/pretrained-embeddings.json"
path.write_text(json.dumps(fixture) + "\n")
print(f"{path.relative_to(ROOT)}: {BATCH} windows, cosines {[round(float(c), 4) for c in (visual * audio).sum(1)]}")
