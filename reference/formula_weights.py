"""Made weights by name, shape and formula, the same as tests/support/formula-weights.ts, bit for bit in float32: large networks are
compared without a file of weights. Imported by the scripts beside it; does nothing by itself."""
import numpy as np


def uniform(name, length):
    """Numbers in 0..1: FNV-1a of the name, murmur3's finaliser of seed + index * 0x9e3779b9."""
    seed = 0x811C9DC5
    for byte in name.encode("utf-8"):
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    h = (np.uint64(seed) + np.arange(length, dtype=np.uint64) * np.uint64(0x9E3779B9)) & mask
    h = ((h ^ (h >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & mask
    h = ((h ^ (h >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & mask
    h = h ^ (h >> np.uint64(16))
    return h.astype(np.float64) / 2.0**32


def numbers(name, shape, low, high):
    """float32 array of a shape, evenly spread from low to high."""
    length = int(np.prod(shape, dtype=np.int64))
    return (low + (high - low) * uniform(name, length)).astype(np.float32).reshape(shape)


def parameter(name, shape):
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, dtype=np.int64)
    if name.endswith("running_var"):
        low, high = 0.5, 1.5
    elif name.endswith("running_mean"):
        low, high = -0.2, 0.2
    elif name.endswith("bias"):
        low, high = -0.1, 0.1
    elif len(shape) < 2:
        low, high = 0.75, 1.25
    else:
        high = float(np.sqrt(6.0 / float(np.prod(shape[1:], dtype=np.int64))))
        low = -high
    return numbers(name, shape, low, high)


def fill(module):
    """Puts made weights into a PyTorch module, by the names of its state dict."""
    import torch

    state = {name: torch.from_numpy(np.array(parameter(name, tuple(value.shape)))) for name, value in module.state_dict().items()}
    module.load_state_dict(state)
    return module
