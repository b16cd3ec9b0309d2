"""Reference numbers for the talking sketch of @lipsync/portraits, by NumPy: /usr/bin/python3 reference/portraits-sketch.py

Writes packages/portraits/fixtures/sketch.json: the most stable point, the reference frame, key points laid over it by an affine map
(numpy.linalg.solve), nearest frames, and the path of least cost through all frames by dynamic programming. Key points are made by formula
(formula_weights.py): a face whose frames differ by noise, talk and turn.
"""
import json
import platform
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'portraits' / 'fixtures' / 'sketch.json'
TRIANGLE = [34, 45, 39]


def made(name, frames, points):
    """[frames, points, 2], float32: as sketch-points.ts makes them."""
    base = formula.numbers(f'sketch face {points}', (points, 2), 0, 100)
    noise = formula.numbers(f'sketch {name}', (frames, points, 2), -4, 4)
    noise[:, 30] *= np.float32(0.125)  # the tip of the nose hardly moves
    turn = formula.numbers(f'sketch turn {name}', (frames, 2), 0.75, 1.25)
    return ((base[None] + noise) * turn[:, None]).astype(np.float32).astype(np.float64)


def stable_point(points):
    distances = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    return int(distances.var(0).sum(1).argmin())


def reference_frame(points):
    a, b, c = points[:, TRIANGLE].transpose(1, 0, 2)
    return int((np.linalg.norm(a - b, axis=1) + np.linalg.norm(b - c, axis=1) + np.linalg.norm(c - a, axis=1)).argmax())


def normalise(points, corners):
    out = np.empty_like(points)
    for t, frame in enumerate(points):
        system = np.hstack([frame[TRIANGLE], np.ones((3, 1))])
        affine = np.linalg.solve(system, corners)  # [3, 2]
        out[t] = np.hstack([frame, np.ones((len(frame), 1))]) @ affine
    return out.astype(np.float32).astype(np.float64)


def distances(a, b, weights):
    return (np.linalg.norm(a[:, None] - b[None], axis=-1) * weights).sum(-1)


def jitter(points, unit):
    lips = points[:, 48:68]
    return float(np.linalg.norm(lips[:-2] - 2 * lips[1:-1] + lips[2:], axis=-1).mean() / unit)


def case(count, lengths, weight):
    clips = [made(f'clip {count} {k}', n, count) for k, n in enumerate(lengths)]
    starts = np.cumsum([0, *lengths])
    weights = np.array([1] * 36 + [2] * 12 + [10] * 20 + [2] * (count - 68), np.float64)
    everything = np.concatenate(clips)
    reference = reference_frame(everything)
    corners = everything[reference][TRIANGLE]
    base = normalise(everything, corners)
    query = normalise(made(f'query {count}', 12, count), corners)
    costs = distances(query, base, weights)
    nearest = costs.argmin(1)
    follower = np.array([i if i + 1 in starts else i + 1 for i in range(len(base))])
    moves = weight * distances(base[follower], base, weights)
    moves[np.arange(len(base)), follower] = 0
    total, back = costs[0], []
    for t in range(1, len(query)):
        all_paths = total[:, None] + moves
        back.append(all_paths.argmin(0))
        total = all_paths.min(0) + costs[t]
    path = [int(total.argmin())]
    for links in reversed(back):
        path.append(int(links[path[-1]]))
    path = np.array(path[::-1])
    unit = np.linalg.norm(base[reference][45] - base[reference][36])

    def result(frames):
        chosen = costs[np.arange(12), frames].sum() / (weights.sum() * 12 * unit)
        continued = np.mean([follower[a] == b and a != b for a, b in zip(frames, frames[1:])])
        return {'frames': [int(f) for f in frames], 'distance': float(chosen), 'jitter': jitter(base[frames], unit), 'continued': float(continued)}

    return {
        'points': count, 'lengths': lengths, 'weight': weight, 'stable': stable_point(everything), 'reference': reference,
        'normalised': [float(f'{v:.9g}') for v in query[[0, 7]].ravel()], 'queryJitter': jitter(query, unit),
        'nearest': result(nearest), 'viterbi': result(path),
    }


fixture = {
    'madeBy': f'Python {platform.python_version()}, NumPy {np.__version__}', 'command': '/usr/bin/python3 reference/portraits-sketch.py',
    'cases': [case(68, [20, 13, 27], 0.3), case(70, [31], 2.0)],
}
OUT.write_text(json.dumps(fixture, separators=(',', ':')) + '\n')
print(OUT, OUT.stat().st_size, 'bytes')
for c in fixture['cases']:
    print({k: v for k, v in c.items() if k != 'normalised'})
