"""Reference numbers for the tracker of @lipsync/portraits, by NumPy and SciPy: /usr/bin/python3 reference/portraits-tracker.py

Writes packages/portraits/fixtures/tracker.json: similarities fitted by scipy.optimize.least_squares under weak perspective and in 3D, and
a whole track of a made head that turns and talks: landmarks smoothed by savgol_filter, poses, the face bent to the person, poses smoothed
by gaussian_filter1d, landmarks lifted. The generic face is read from the package's source, so that it stands once.
"""
import json
import platform
import re
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import least_squares
from scipy.signal import savgol_filter
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

PACKAGE = Path(__file__).resolve().parent.parent / 'packages' / 'portraits'
OUT = PACKAGE / 'fixtures' / 'tracker.json'
SOURCE = (PACKAGE / 'src' / 'tracker' / 'mean-face.ts').read_text()
MIRROR = [int(n) for n in re.findall(r'\d+', re.sub('//.*', '', SOURCE.split('MIRROR: readonly number[] = [')[1].split('];')[0]))]
MEAN = np.zeros((68, 3))
for index, *place in re.findall(r'\[(\d+), ([-\d.]+), ([-\d.]+), ([-\d.]+)\]', SOURCE.split('];')[0]):
    x, y, z = map(float, place)
    MEAN[int(index)] = x, y, z
    MEAN[MIRROR[int(index)]] = -x, y, z
WEIGHTS = np.array([0] * 17 + [0.25] * 10 + [1] * 9 + [1, 0.5, 0.5, 1, 0.5, 0.5] * 2 + [0] * 20)
PRIOR = np.diag([0.001, 0.001, 0.03])


def numbers(name, shape, low=-1, high=1):
    return formula.numbers(name, shape, low, high).astype(np.float64)


def rounded(values):
    return [float(f'{value:.9g}') for value in np.asarray(values, np.float64).ravel()]


def fit(shape, points, weights):
    """Scale, rotation, shift; from a few starts, the best."""
    dims = points.shape[1]
    root = np.sqrt(weights)[:, None]

    def seen(p):
        full = np.exp(p[3]) * shape @ Rotation.from_rotvec(p[:3]).as_matrix().T
        return full[:, :dims] + p[4:]

    best = None
    size = np.log(points.std() / shape.std())
    for start in [[np.pi, 0, 0], [np.pi, 0.4, 0.2], [2.6, -0.3, 0.5], [0, 0, 0]]:
        found = least_squares(lambda p: (root * (seen(p) - points)).ravel(), [*start, size, *points.mean(0)], x_scale='jac', xtol=1e-15, ftol=1e-15,
                              gtol=1e-15, max_nfev=400)
        if best is None or found.cost < best.cost - 1e-12:
            best = found
        if dims == 2 and best.cost < 1e9 and start[0] == np.pi and start[1] == 0:
            break  # heads face the camera: the first start finds them
    p = best.x
    return np.exp(p[3]), Rotation.from_rotvec(p[:3]).as_matrix(), p[4:]


def error(points, shape, poses):
    total = weight = 0
    for face, (s, r, t) in zip(points, poses):
        off = (face - (s * shape @ r.T)[:, :2] - t) / np.linalg.norm(face[45] - face[36])
        total += (WEIGHTS[:, None] * off**2).sum()
        weight += WEIGHTS.sum()
    return np.sqrt(total / weight)


def bend(points, poses):
    shape = np.zeros((68, 3))
    for i in range(68):
        normal, right = PRIOR.copy(), PRIOR @ MEAN[i]
        for face, (s, r, t) in zip(points, poses):
            normal += r[:2].T @ r[:2] / len(poses)
            right += r[:2].T @ ((face[i] - t) / s) / len(poses)
        shape[i] = np.linalg.solve(normal, right)
    return shape


def track(points, size, sigma):
    focal, centre = 4 * max(size), np.array(size) / 2
    shape, poses = MEAN, [fit(MEAN, face, WEIGHTS) for face in points]
    generic = error(points, shape, poses)
    for _ in range(3):
        shape = bend(points, poses)
        poses = [fit(shape, face, WEIGHTS) for face in points]
    rows = []
    for s, r, t in poses:
        angles = Rotation.from_matrix(r).as_euler('xyz', degrees=True)
        rows.append([(angles[0] - 180 + 180) % 360 - 180, *angles[1:], *((t - centre) / s), focal / s])
    rows = gaussian_filter1d(np.array(rows), sigma, axis=0)
    faces = []
    for face, row in zip(points, rows):
        r = Rotation.from_euler('xyz', row[:3] + [180, 0, 0], degrees=True).as_matrix()
        depth = shape @ r[2] + row[5]
        at = np.column_stack([(face - centre) * depth[:, None] / focal, depth])
        faces.append((at - row[3:]) @ r)
    return shape, rows, np.array(faces), [generic, error(points, shape, poses)]


fits = []
for k, dims in enumerate([2, 2, 3, 3]):
    shape = numbers(f'shape {k}', (68, 3), -5, 5)
    r = Rotation.from_euler('xyz', [180 + 20 * k, -15 + 9 * k, 30 - 22 * k], degrees=True).as_matrix()
    points = ((7.5 + k) * shape @ r.T)[:, :dims] + numbers(f'shift {k}', (dims,), -100, 100) + numbers(f'noise {k}', (68, dims), -2, 2)
    points = points.astype(np.float32).astype(np.float64)
    s, rotation, shift = fit(shape, points, WEIGHTS)
    fits.append({'dimensions': dims, 'points': rounded(points), 'scale': float(s), 'rotation': rotation.ravel().tolist(), 'shift': shift.tolist()})

frames, size = 7, (640, 480)
person = MEAN * [1.06, 0.97, 1.02] + numbers('person', (68, 3), -0.3, 0.3)
landmarks = []
for k in range(frames):
    face = person.copy()
    face[48:, 1] -= 0.4 * (1 + np.sin(2 * k)) * (np.arange(20) > 5)
    r = Rotation.from_euler('xyz', [180 + 6 * np.sin(k / 2), 14 * np.cos(k / 3), 3 * k - 8], degrees=True).as_matrix()
    at = face @ r.T + [1 + 0.3 * k, -2, 120 - k]
    landmarks.append(900 * at[:, :2] / at[:, 2:] + [330, 230] + numbers(f'landmark noise {k}', (68, 2), -0.4, 0.4))
landmarks = np.array(landmarks).astype(np.float32).astype(np.float64)
smooth = savgol_filter(landmarks, 5, 2, axis=0, mode='interp')
shape, rows, faces, errors = track(smooth, size, 1)

fixture = {
    'madeBy': f'Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}',
    'command': '/usr/bin/python3 reference/portraits-tracker.py',
    'fits': fits, 'landmarks': rounded(landmarks), 'smooth': rounded(smooth[:2]), 'poses': rounded(rows), 'shape': rounded(shape),
    'faces': rounded(faces[[0, 4]]), 'errors': errors,
}
OUT.write_text(json.dumps(fixture, separators=(',', ':')) + '\n')
print(OUT, OUT.stat().st_size, 'bytes', errors)
