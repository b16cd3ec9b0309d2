import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import { gaussianBlur } from '../image/gaussian-blur';
import { farthest, made, readFixture } from '../testing/torch-numbers';
import { kMeans } from './k-means';
import { prepareReferences } from './prepare-references';
import { REFERENCE_POINTS, type ReferenceSelection, selectReferences } from './select-references';

type KMeansCase = {
  name: string;
  rows: number;
  columns: number;
  clusters: number;
  centres: number[];
  labels: number[];
  inertia: number;
};
const { kMeans: CASES } = readFixture<{ kMeans: KMeansCase[] }>('masks');

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

const valuesOf = ({ name, rows, columns, clusters }: KMeansCase) =>
  Float64Array.from(
    formulaNumbers(name, rows * columns, 0, 1),
    (value, i) => value + 0.35 * (Math.floor(i / columns) % clusters),
  );

test.each(CASES)('kMeans of $rows rows in $clusters clusters is SciPy’s from the same start', (expected) => {
  const { columns, clusters } = expected;
  const values = valuesOf(expected);
  const result = kMeans({ values, columns }, { clusters, start: values.slice(0, clusters * columns) });
  expect([...result.labels]).toEqual(expected.labels);
  expect(farthest(result.centres, expected.centres)).toBeLessThan(1e-12);
  expect(result.inertia).toBeCloseTo(expected.inertia, 10);
});

test('kMeans draws the same first centres for the same seed, near the best of SciPy’s', () => {
  const values = valuesOf(CASES[0]);
  const of = (seed: number) => kMeans({ values, columns: 6 }, { clusters: 5, seed });
  expect(of(4)).toEqual(of(4));
  const least = Math.min(...Array.from({ length: 8 }, (_, seed) => of(seed).inertia));
  expect(least).toBeLessThan(1.02 * CASES[0].inertia);
});

test('kMeans keeps no empty cluster: at most as many as there are different rows', () => {
  const values = Float32Array.of(1, 1, 1, 5, 5, 1);
  const { centres, labels, inertia } = kMeans({ values, columns: 1 }, { clusters: 4, seed: 1 });
  expect([...centres].sort()).toEqual([1, 5]);
  expect([...labels].map((label) => centres[label])).toEqual([...values]);
  expect(inertia).toBe(0);
  const far = kMeans({ values, columns: 1 }, { clusters: 2, start: Float64Array.of(0, 1000) });
  expect([...far.centres]).toEqual([14 / 6]);
  expect(() => kMeans({ values, columns: 4 }, { clusters: 2 })).toThrow('kMeans: rows must be at least one row of 4');
  expect(() => kMeans({ values, columns: 1 }, { clusters: 0 })).toThrow(
    'clusters must be a whole number from 1, got 0',
  );
  expect(() => kMeans({ values, columns: 4 }, { clusters: 1, start: new Float64Array(3) })).toThrow();
});

/** A clip of frames with three shapes of the mouth, one after the other, with a little noise. */
function clip(frameCount: number, shapes = 3): Float32Array {
  const noise = formulaNumbers('clip', frameCount * 136, -0.1, 0.1);
  return noise.map((value, i) => 40 + value + 10 * (Math.floor(i / 136) % shapes) * (i % 2));
}
const base = { frameCount: 30, landmarks: clip(30), target: { start: 4, length: 5 }, seed: 7 };
const choose = (selection: ReferenceSelection, more: object = {}) => selectReferences({ ...base, selection, ...more });

test('k-means picks one frame of each shape, the same for every window but for those inside it', () => {
  const shapes = choose('k-means', { references: 3, target: undefined }).map(({ frame }) => frame);
  expect(shapes.map((frame) => frame % 3).sort()).toEqual([0, 1, 2]);
  expect(
    choose('k-means', { references: 3, target: { start: shapes[0], length: 1 } }).map(({ frame }) => frame),
  ).toEqual(shapes.slice(1));
  const away = shapes.includes(29) ? 0 : 29;
  const other = choose('k-means', { references: 3, target: { start: away, length: 1 } });
  if (!shapes.includes(away)) expect(other.map(({ frame }) => frame)).toEqual(shapes);
  // Only lips and chin count: moving the brows changes nothing.
  const landmarks = clip(30);
  for (let i = 0; i < landmarks.length; i++) {
    if (!REFERENCE_POINTS.includes(Math.floor((i % 136) / 2))) landmarks[i] = 0;
  }
  expect(choose('k-means', { references: 3, target: undefined, landmarks }).map(({ frame }) => frame)).toEqual(shapes);
});

test('augmentation fills what clusters are missing, by changed frames that were chosen', () => {
  const landmarks = Float32Array.from({ length: 30 * 136 }, (_, i) => (Math.floor(i / 136) % 4) * 3);
  const filled = choose('k-means, augmented', { landmarks, target: undefined });
  expect(filled).toHaveLength(10);
  const plain = filled.filter(({ change }) => !change).map(({ frame }) => frame);
  expect(plain).toHaveLength(4);
  for (const { frame, change } of filled.slice(4)) {
    expect(plain).toContain(frame);
    expect(Math.hypot(change!.a, change!.c)).toBeGreaterThanOrEqual(1 / 1.1);
    expect(Math.abs(change!.shiftX)).toBeLessThanOrEqual(4.8);
  }
  expect(choose('k-means', { landmarks, target: undefined })).toHaveLength(4);
  expect(choose('k-means, augmented', { landmarks })).toEqual(choose('k-means, augmented', { landmarks }));
});

test('no selection takes a frame of the target window; near stays within 30 frames of it', () => {
  for (let start = 0; start < 96; start += 7) {
    const target = { start, length: 5 };
    for (const selection of ['random', 'near', 'k-means', 'k-means, augmented'] as const) {
      const options = { frameCount: 100, landmarks: clip(100), target, seed: start, selection };
      for (const { frame } of selectReferences(options)) {
        expect(frame < start || frame >= start + 5).toBe(true);
        if (selection === 'near') expect(frame >= start - 30 && frame < start + 35).toBe(true);
      }
    }
  }
});

test('selectReferences refuses clips without other frames, missing landmarks and other names', () => {
  expect(() => choose('random', { frameCount: 5, target: { start: 0, length: 5 } })).toThrow(
    'selectReferences: frameCount must be a clip with a frame outside the target window, got 5',
  );
  expect(() => choose('k-means', { landmarks: undefined })).toThrow('landmarks must be 68 points of 30 frames');
  expect(() => choose('best' as never)).toThrow(
    'selection must be random, near, k-means or k-means, augmented, got best',
  );
  expect(() => choose('random', { references: 0 })).toThrow('references must be a whole number from 1');
});

test('prepareReferences puts frames on the channels, changes and blurs them where asked', () => {
  const frames = made<tf.Tensor4D>('frames', [2, 6, 6, 3], 0, 1);
  const quarter = { a: 0, b: 1, c: -1, d: 0, shiftX: 0, shiftY: 0 };
  const before = tf.memory().numTensors;
  const plain = prepareReferences(frames, [{ frame: 3 }, { frame: 8, change: quarter }]);
  expect(tf.memory().numTensors).toBe(before + 1);
  const [given, got] = [frames.arraySync(), plain.arraySync()];
  expect(plain.shape).toEqual([1, 6, 6, 6]);
  expect(got[0][1][4].slice(0, 3)).toEqual(given[0][1][4]);
  // Row 1, column 4 samples column' = row and row' = 5 - column of the second frame.
  expect(farthest(got[0][1][4].slice(3), given[1][1][1])).toBeLessThan(1e-6);
  const blurred = prepareReferences(frames, [{ frame: 0 }, { frame: 1 }], { blur: {} });
  const soft = tf.tidy(() => gaussianBlur(frames).arraySync());
  expect(blurred.arraySync()[0][2][3]).toEqual([...soft[0][2][3], ...soft[1][2][3]]);
  expect(() => prepareReferences(frames, [{ frame: 0 }])).toThrow(
    'prepareReferences: frames must be of shape [1, height, width, 3], got [2, 6, 6, 3]',
  );
  tf.dispose([frames, plain, blurred]);
});
