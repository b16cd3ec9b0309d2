"""Reference numbers for the geometry of @lipsync/portraits, by NumPy, SciPy and OpenCV:
/usr/bin/python3 reference/portraits-geometry.py

Writes packages/portraits/fixtures/geometry.json: Gaussian smoothing (scipy.ndimage.gaussian_filter1d), lips that are closed, whole faces
from displacements of the mouth, head poses, rotation matrices (scipy.spatial.transform), projected faces and shoulders, areas of mouths
(cv2.contourArea) and the candidates chosen by them, lines and edge maps (cv2.line). Inputs are made by formula (formula_weights.py).
"""
import json
import platform
import sys
from pathlib import Path

import cv2
import numpy as np
import scipy
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula_weights as formula

OUT = Path(__file__).resolve().parent.parent / 'packages' / 'portraits' / 'fixtures' / 'geometry.json'
MOUTH = list(range(46, 64))
EYES = [27, 65, 28, 68, 29, 67, 30, 66, 31, 72, 32, 69, 33, 70, 34, 71]


def numbers(name, shape, low=-1, high=1):
    return formula.numbers(name, shape, low, high).astype(np.float64)


def rounded(values):
    """Nine digits: float32 has seven."""
    return [float(f'{value:.9g}') for value in np.asarray(values, np.float64).ravel()]


def close_lips(faces, outer):
    faces = faces.copy()
    upper, lower = [63, 62, 61], [58, 59, 60]
    flip = np.where((faces[:, lower, 1] > faces[:, upper, 1]).sum(1) == 3)[0]
    if len(flip) == 0:
        return faces, flip
    half = 0.5 * (faces[flip][:, lower, 1] - faces[flip][:, upper, 1])
    shift = half.mean() if outer == 'all frames' else half.mean(1, keepdims=True)
    faces[flip[:, None], upper, 1] += half
    faces[flip[:, None], lower, 1] -= half
    faces[flip[:, None], np.arange(47, 52), 1] += shift
    faces[flip[:, None], np.arange(57, 52, -1), 1] -= shift
    return faces, flip


def faces_from_mouth(displacements, mean, sigma, amplify, eyes, outer):
    smooth = gaussian_filter1d(displacements.reshape(len(displacements), -1), sigma, axis=0).reshape(-1, 25, 3)
    faces = np.repeat(mean[None], len(displacements), 0)
    faces[:, MOUTH] += smooth[:, 7:] * amplify
    if eyes is not None:
        for k in range(len(faces)):
            faces[k, EYES] = eyes[k % len(eyes)][EYES]
    return close_lips(faces, outer)[0]


def rotation(angles):
    return Rotation.from_euler('xyz', angles, degrees=True).as_matrix()


def project(points, camera):
    k = np.array([[camera['focal'], 0, camera['x']], [0, camera['focal'], camera['y']], [0, 0, 1]])
    image = k @ points.T
    return (image[:2] / image[2]).T


smoothing = []
for frames, sigma in [(12, 0), (12, 0.7), (12, 1.5), (12, 10), (1, 3), (2, 1.5)]:
    values = numbers('smoothing', (frames, 5), -3, 3)
    smooth = values if sigma == 0 else gaussian_filter1d(values, sigma, axis=0)
    smoothing.append({'frameCount': frames, 'sigma': sigma, 'values': rounded(smooth)})

crossing = numbers('crossing', (40, 73, 3))
closed = {}
for outer in ['frame', 'all frames']:
    faces, flip = close_lips(crossing, outer)
    closed[outer] = {'crossed': flip.tolist(), 'mouthY': rounded(faces[flip][:, MOUTH, 1])}

mean = numbers('mean face', (73, 3), -8, 8)
mean[[58, 59, 60], 1] = mean[[63, 62, 61], 1] + 0.5  # lips that cross, unless the displacements part them
displacements = numbers('displacements', (9, 25, 3))
eyes = numbers('eyes', (4, 73, 3), -8, 8)
whole = [{'sigma': sigma, 'amplify': amplify, 'eyes': some, 'outer': outer, 'values': rounded(faces_from_mouth(
    displacements, mean, sigma, amplify, eyes if some else None, outer)[[0, 4, 8]][:, MOUTH + EYES])}
    for sigma, amplify, some, outer in [(1.5, [2, 2, 2], True, 'frame'), (0.5, [1, 1.5, 0.25], False, 'all frames')]]

heads = []
for width, options in [(12, {}), (6, {'amplify': {'rotation': 0.5, 'translation': 1}, 'sigma': {'rotation': 1, 'translation': 2}})]:
    poses = numbers('poses', (20, width), -20, 20)
    amplify, sigma = options.get('amplify', {'rotation': 1, 'translation': 0.5}), options.get('sigma', {'rotation': 5, 'translation': 10})
    rot = gaussian_filter1d(poses[:, :3] * amplify['rotation'], sigma['rotation'], axis=0)
    trans = gaussian_filter1d(poses[:, 3:6] * amplify['translation'], sigma['translation'], axis=0)
    place = [3, -2, 400]
    heads.append({'width': width, 'options': {**options, 'meanTranslation': place}, 'values': rounded(np.hstack([rot, trans + place]))})

angles = [[0, 0, 0], [180, 0, 0], [12.5, -20, 7], [-75, 33, 160], [200, -10, 3]]
rotations = [{'degrees': a, 'values': [float(v) for v in rotation(a).ravel()]} for a in angles]

camera = {'focal': 900.0, 'x': 260.5, 'y': 250.25}
faces = numbers('projected faces', (3, 73, 3), -8, 8)
poses = np.hstack([numbers('projected rotations', (3, 3), -30, 30), numbers('projected translations', (3, 3), -5, 5) + [0, 0, 100]])
poses = poses.astype(np.float32).astype(np.float64)
scale = 1.25
projected = [project((scale * rotation(pose[:3] + [180, 0, 0]) @ face.T).T + pose[3:], camera) for face, pose in zip(faces, poses)]
shoulders = numbers('shoulders', (18, 3), -20, 20) + [0, 30, 110]
reference = [1, -1, 99]
moved = [project(shoulders + 0.5 * (pose[3:] - reference), camera) for pose in poses]

cand_faces = numbers('candidate faces', (60, 73, 3))
angle = np.arange(12) / 12 * 2 * np.pi
for k in range(60):  # outer lips as loops, some of them folded by noise
    wide, high = 2 + numbers(f'wide {k}', (1,), -1, 1)[0], 1 + numbers(f'high {k}', (1,), -0.9, 1)[0]
    cand_faces[k, 46:58, :2] += np.stack([-4 * wide * np.cos(angle), 4 * high * np.sin(angle)], 1)
cand_faces = cand_faces.astype(np.float32)
cand_poses = numbers('candidate poses', (60, 6), -25, 25)
areas = np.array([cv2.contourArea(face[46:58, None, :2]) for face in cand_faces])
order = np.argsort(areas, kind='stable')


def candidates(rank, count):
    chosen = [int(order[rank - 1]), int(order[-rank])]
    low, high = cand_poses[:, :2].min(0), cand_poses[:, :2].max(0)
    for j in range(count):
        target = low + (high - low) * (j + 1) / (count + 1)
        chosen.append(int(np.argmin(np.linalg.norm(cand_poses[:, :2] - target, axis=1))))
    return chosen


chosen = [{'rank': rank, 'rotations': count, 'frames': candidates(rank or 3, count)} for rank, count in [(None, 2), (1, 4), (20, 0)]]

FACE_LINES = [range(0, 15), [15, 16, 17, 18, 19, 20, 15], [21, 22, 23, 24, 25, 26, 21], range(35, 44), [27, 65, 28, 68, 29], [29, 67, 30, 66, 27],
              [33, 69, 32, 72, 31], [31, 71, 34, 70, 33], range(46, 53), [52, 53, 54, 55, 56, 57, 46], [46, 63, 62, 61, 52], [52, 60, 59, 58, 46]]


def runs(image):
    """Lengths of the runs of equal pixels, the first of them black."""
    flat = image.ravel() > 0
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return ([0] if flat[0] else []) + lengths


lines = []
ends = np.floor(formula.numbers('line ends', (60, 4), 6, 58)).astype(int)
ends[0], ends[1], ends[2], ends[3] = [20, 20, 20, 20], [10, 30, 50, 30], [30, 50, 30, 10], [5, 5, 40, 40]
for thickness in [2, 3, 5]:
    image = np.zeros((64, 64 * 60), np.uint8)
    for k, (x0, y0, x1, y1) in enumerate(ends.tolist()):
        cv2.line(image[:, 64 * k:64 * (k + 1)], (x0, y0), (x1, y1), 255, thickness)
    lines.append({'thickness': thickness, 'runs': runs(image)})


def edge_map(points, shoulders, size):
    image = np.zeros((size, size), np.uint8)
    points = np.floor(points).astype(int)
    for line in FACE_LINES:
        line = list(line)
        for a, b in zip(line, line[1:]):
            cv2.line(image, tuple(map(int, points[a])), tuple(map(int, points[b])), 255, 2)
    if shoulders is not None:
        half = len(shoulders) // 2
        for side in np.floor(shoulders).astype(int).reshape(2, half, 2):
            for a, b in zip(side, side[1:]):
                cv2.line(image, tuple(map(int, a)), tuple(map(int, b)), 255, 2)
    return image


map_points, map_shoulders = numbers('map points', (73, 2), 8, 120), numbers('map shoulders', (18, 2), 4, 124)
maps = [{'shoulders': some, 'runs': runs(edge_map(map_points, map_shoulders if some else None, 128))} for some in [False, True]]

fixture = {
    'madeBy': f'Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, OpenCV {cv2.__version__}',
    'command': '/usr/bin/python3 reference/portraits-geometry.py',
    'smoothing': smoothing, 'closed': closed, 'faces': whole, 'heads': heads, 'rotations': rotations,
    'camera': camera, 'scale': scale, 'poses': rounded(poses), 'projected': rounded(projected),
    'shoulders': rounded(shoulders), 'reference': reference, 'moved': rounded(moved),
    'wideHigh': [[float(numbers(f'{name} {k}', (1,), low, 1)[0]) for k in range(60)] for name, low in [('wide', -1), ('high', -0.9)]],
    'candidates': chosen, 'lineEnds': ends.tolist(), 'lines': lines, 'maps': maps,
}
OUT.write_text(json.dumps(fixture, separators=(',', ':')) + '\n')
print(OUT, OUT.stat().st_size, 'bytes')
