import { describe, expect, test } from 'vitest';
import { projectFaces, rotated } from '../post-processing/camera';
import { MEAN_FACE } from './mean-face';
import { parseOpenFace3d } from './openface-3d';
import { points73 } from './points-73';
import { headRotation } from './portrait-track';

const CAMERA = { focal: 700, x: 320.5, y: 240.5 };
/** Angles and place of a head in mm. */
const POSES = Array.from({ length: 6 }, (_, k) => [4 * k - 8, 3 * k, 2 - k, 20 + k, -15, 600 - 5 * k]);

/** A table as OpenFace writes it: blanks in the header, frames from 1, pixel centres at whole numbers. */
function table({
  flat = true,
  edit = (row: string[]) => row,
}: {
  flat?: boolean;
  edit?: (row: string[], index: number) => string[];
} = {}) {
  const columns = (names: string, count: number) =>
    [...names].flatMap((name) => Array.from({ length: count }, (_, i) => `${name}_${i}`));
  const header = [
    'frame',
    'face_id',
    'confidence',
    'success',
    ...(flat ? columns('xy', 68) : []),
    ...columns('XYZ', 68),
  ];
  const rows = POSES.map((pose, k) => {
    const r = headRotation(pose);
    const points = Array.from({ length: 68 }, (_, i) => {
      const [x, y, z] = rotated(
        r,
        ...([0, 1, 2].map((axis) => 10.5 * MEAN_FACE[3 * i + axis]) as [number, number, number]),
      );
      return [x + pose[3], y + pose[4], z + pose[5]];
    });
    const seen = (axis: 0 | 1) =>
      points.map((p) => (CAMERA.focal * p[axis]) / p[2] + (axis ? CAMERA.y : CAMERA.x) - 0.5);
    const space = [0, 1, 2].flatMap((axis) => points.map((p) => p[axis]));
    return edit(
      [
        String(k + 1),
        '0',
        '0.9',
        '1',
        ...[...(flat ? [...seen(0), ...seen(1)] : []), ...space].map((v) => v.toFixed(6)),
      ],
      k,
    );
  });
  return [header.join(', '), ...rows.map((row) => row.join(', '))].join('\n');
}

describe('parseOpenFace3d', () => {
  const [track] = parseOpenFace3d(table(), { poseSigma: 0 });

  test('finds camera and poses of a made head', () => {
    expect(track.camera.focal).toBeCloseTo(700, 2);
    expect(track.camera.x).toBeCloseTo(320.5, 2);
    expect(track.camera.y).toBeCloseTo(240.5, 2);
    POSES.forEach((pose, k) => {
      for (let i = 0; i < 3; i++) expect(track.poses[6 * k + i]).toBeCloseTo(pose[i], 3);
      for (let i = 3; i < 6; i++) expect(10.5 * track.poses[6 * k + i]).toBeCloseTo(pose[i], 2);
    });
    expect(track.error.person).toBeLessThan(1e-5);
  });

  test('gives faces that project to its points', () => {
    const frames = { data: track.faces, frameCount: 6 };
    const points = projectFaces(frames, { data: track.poses, frameCount: 6 }, { camera: track.camera });
    const again = projectFaces(
      { data: points73(MEAN_FACE, 3), frameCount: 1 },
      { data: Float32Array.from(POSES[3].map((v, i) => (i < 3 ? v : v / 10.5))), frameCount: 1 },
      { camera: CAMERA },
    );
    for (let i = 0; i < 146; i++) expect(points[3 * 146 + i]).toBeCloseTo(again[i], 2);
  });

  test('takes a camera in place of points in 2D', () => {
    const [given] = parseOpenFace3d(table({ flat: false }), { camera: CAMERA, poseSigma: 0 });
    expect(given.poses[0]).toBeCloseTo(track.poses[0], 4);
  });

  test('frames without success are filled, or split the track', () => {
    const text = table({ edit: (row, k) => (k === 2 || k === 3 ? row.map((cell, i) => (i === 3 ? '0' : cell)) : row) });
    expect(parseOpenFace3d(text).map(({ frameCount }) => frameCount)).toEqual([6]);
    expect(parseOpenFace3d(text, { maxGap: 1 }).map(({ firstFrame, frameCount }) => [firstFrame, frameCount])).toEqual([
      [0, 2],
      [4, 2],
    ]);
    expect(parseOpenFace3d(text, { minConfidence: 0.95 })).toEqual([]);
    expect(parseOpenFace3d(text, { face: 7 })).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    ['text must be a table with the column frame, got', () => parseOpenFace3d('')],
    ['text must be a table with the column X_0', () => parseOpenFace3d('frame, x_0\n1, 2')],
    ['options.camera must be given: the table has no points in 2D', () => parseOpenFace3d(table({ flat: false }))],
    [
      'row 3 must be 344 cells long, got 10',
      () => parseOpenFace3d(table({ edit: (row, k) => (k === 1 ? row.slice(0, 10) : row) })),
    ],
    [
      'row 2, X_5 must be a finite number, got " nan"',
      () => parseOpenFace3d(table({ edit: (row) => row.map((c, i) => (i === 145 ? 'nan' : c)) })),
    ],
    [
      'row 2, Z_0 must be in front of the camera',
      () => parseOpenFace3d(table({ edit: (row) => row.map((c, i) => (i === 276 ? '-4' : c)) })),
    ],
    ['row 3, frame must be above 1, got 1', () => parseOpenFace3d(table({ edit: (row) => ['1', ...row.slice(1)] }))],
  ])('refuses: %s', (message, run) => {
    expect(run).toThrow(`parseOpenFace3d: ${message}`);
  });
});
