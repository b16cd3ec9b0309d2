"""The other side of metrics-frechet.mjs: one task of PyTorch or SciPy on one thread.

    /usr/bin/python3 bench/metrics-frechet.py <inception|i3d|distance> <samples>

Prints one JSON line: wall and processor seconds of the fastest run, largest memory in MB.
"""
import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
import json
import pathlib
import resource
import sys
import time

import numpy as np

task, samples = sys.argv[1], int(sys.argv[2])


def network():
    import torch

    torch.set_num_threads(1)
    source = pathlib.Path(__file__).resolve().parent.parent / "reference" / f"metrics-{task}.py"
    sys.path.insert(0, str(source.parent))
    scope = {"__file__": str(source), "__name__": "reference"}
    exec(source.read_text().split("\ntorch.set_num_threads(1)")[0], scope)  # the definitions without the run
    if task == "inception":
        net, x = scope["fid_network"](), torch.rand(samples, 3, 299, 299) * 2 - 1
        run = lambda: scope["features"](net, x)
    else:
        net, x = scope["I3D"]().eval(), torch.rand(samples, 3, 16, 224, 224) * 2 - 1
        run = lambda: net(x)

    def without_gradients():
        with torch.no_grad():
            run()

    return without_gradients, f"torch {torch.__version__}"


def distance():
    import scipy
    import scipy.linalg

    generator = np.random.default_rng(0)
    a, b = (np.cov(generator.random((2100, 2048)), rowvar=False) for _ in range(2))
    loaded = {line.split("/")[-1].strip() for line in open("/proc/self/maps")}
    libraries = {name for name in loaded if "blas" in name and name.startswith("lib")}
    return lambda: np.trace(scipy.linalg.sqrtm(a @ b)).real, f"scipy {scipy.__version__}, {', '.join(sorted(libraries))}"


run, note = distance() if task == "distance" else network()
times = []
for _ in range(1 if task == "distance" else 3):
    start = time.perf_counter(), time.process_time()
    run()
    times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
wall, cpu = min(times)
print(json.dumps({"wall": wall, "cpu": cpu, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "note": note}))
