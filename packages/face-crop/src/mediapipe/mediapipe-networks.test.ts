import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import fixture from '../../fixtures/mediapipe.json';
import { findFaces } from '../detect/find-faces';
import { landmarksInSquares } from '../detect/landmark-crops';
import { drawnFrame } from '../testing/drawn-face';
import { checksum } from '../testing/input-tensor';
import { REFERENCE_IMAGES } from '../testing/reference-images';
import { BlazeFace, decodeBlazeFace } from './blaze-face';
import { FaceMesh } from './face-mesh';
import { MediapipeNetworks } from './mediapipe-networks';
import { type MediapipeWeights, readMediapipeWeights } from './mediapipe-weights';

let weights: MediapipeWeights;
let detector: BlazeFace;
let mesh: FaceMesh;
beforeAll(async () => {
  await tf.setBackend('wasm');
  weights = await readMediapipeWeights();
  detector = new BlazeFace(weights.blazeface);
  mesh = new FaceMesh(weights.facemesh);
});
afterAll(() => {
  detector.dispose();
  mesh.dispose();
});
afterEach(() => vi.unstubAllGlobals());

/** The image of a case as the network takes it. */
function inputOf(image: string, size: number, sum: number): tf.Tensor4D {
  const bytes = REFERENCE_IMAGES[image]();
  expect(checksum(bytes)).toBe(sum);
  const scale = size === 256 ? (value: number) => value / 127.5 - 1 : (value: number) => value / 255;
  return tf.tensor4d(Float32Array.from(bytes, scale), [1, size, size, 3]);
}

/**
 * Largest differences, with a margin: measured 4.2e-6 of the largest score, 1.7e-4 px of 256 in boxes, 1.4e-4 px of 192
 * in points.
 */
const SCORES = 1e-5;
const BOXES = 4e-4;
const POINTS = 3e-4;

const onBoth = (network: string) =>
  fixture.cases
    .filter((item) => item.network === network)
    .flatMap((item) => ['wasm', 'cpu'].map((backend) => ({ ...item, backend })));

test.each(onBoth('blazeface'))(
  'BlazeFace gives the scores and boxes of $image as PyTorch does, on $backend',
  async ({ image, size, checksum: sum, scores = [], boxes = [], rows = [], backend }) => {
    await tf.setBackend(backend);
    const input = inputOf(image, size, sum);
    const outputs = detector.forward(input);
    const [fine, fineBoxes, coarse, coarseBoxes] = await Promise.all(outputs.map((output) => output.data()));
    const found = [...fine, ...coarse];
    const largest = Math.max(...scores.map(Math.abs)); // before the sigmoid, up to 1302
    found.forEach((value, i) => expect(Math.abs(value - scores[i]) / largest).toBeLessThan(SCORES));
    const all = [...fineBoxes, ...coarseBoxes];
    rows.forEach((row, i) => {
      for (let k = 0; k < 16; k++) expect(Math.abs(all[row * 16 + k] - boxes[i * 16 + k])).toBeLessThan(BOXES);
    });
    tf.dispose([input, ...outputs]);
    await tf.setBackend('wasm');
  },
);

test.each(onBoth('facemesh'))(
  'FaceMesh gives the points of $image as PyTorch does, on $backend',
  async ({ image, size, checksum: sum, mesh: points = [], presence = 0, backend }) => {
    await tf.setBackend(backend);
    const input = inputOf(image, size, sum);
    const outputs = mesh.forward(input);
    const [found, confidence] = await Promise.all(outputs.map((output) => output.data()));
    expect(found).toHaveLength(1404);
    found.forEach((value, i) => expect(Math.abs(value - points[i])).toBeLessThan(POINTS));
    expect(confidence[0] / presence).toBeCloseTo(1, 4); // measured 7.6e-6: noise has 3.6e-6
    tf.dispose([input, ...outputs]);
    await tf.setBackend('wasm');
  },
);

test('a batch gives what its images give alone', async () => {
  const cases = fixture.cases.filter((item) => item.network === 'facemesh');
  const inputs = cases.map(({ image, size, checksum: sum }) => inputOf(image, size, sum));
  const both = tf.concat(inputs);
  const outputs = mesh.forward(both);
  const found = await outputs[0].data();
  cases.forEach(({ mesh: points = [] }, row) => {
    points.forEach((value, i) => expect(Math.abs(found[row * 1404 + i] - value)).toBeLessThan(POINTS));
  });
  tf.dispose([...inputs, both, ...outputs]);
});

test('BlazeFace finds a drawn face, with its tilt, at the stored size and at twice that size', async () => {
  for (const angle of [0, 0.35]) {
    const face = { x: 210, y: 160, half: 90, cos: Math.cos(angle), sin: Math.sin(angle) };
    const frame = drawnFrame(420, 320, [face]);
    for (const scale of [256, 512]) {
      const [found, ...others] = await findFaces(detector, frame, scale, 0.5);
      expect(others).toEqual([]);
      expect(Math.hypot((found.left + found.right) / 2 - 210, (found.top + found.bottom) / 2 - 160)).toBeLessThan(30);
      expect(Math.abs(found.angle! - angle)).toBeLessThan(0.12);
    }
  }
});

test('decodeBlazeFace places cells of both grids in units of the side', () => {
  const outputs = [512, 512 * 16, 384, 384 * 16].map((length) => new Float32Array(length).fill(-9));
  outputs[0][2 * (16 * 3 + 5)] = 2; // row 3, column 5
  outputs[1].set([0, 8, 64, 32, -10, 0, 10, 20], 2 * (16 * 3 + 5) * 16);
  const [box, ...others] = decodeBlazeFace(outputs, 256, 0.5);
  expect(others).toEqual([]);
  expect(box.x).toBeCloseTo((5.5 * 16) / 256, 6); // measured 0
  expect(box.y).toBeCloseTo((3.5 * 16 + 8) / 256, 6);
  expect([box.width, box.height]).toEqual([0.25, 0.125]);
  expect(box.angle).toBeCloseTo(Math.PI / 4, 6); // measured 0
});

test('a detection and the points of its face leave no tensor', async () => {
  const frame = drawnFrame(420, 320, [{ x: 210, y: 160, half: 90 }]);
  const before = tf.memory().numTensors;
  const [{ left, right, top, bottom }] = await findFaces(detector, frame, 256, 0.5);
  expect(tf.memory().numTensors).toBe(before);
  const square = { x: (left + right) / 2, y: (top + bottom) / 2, side: 1.5 * (right - left), angle: 0 };
  const [{ presence }] = await landmarksInSquares(mesh, frame, [square], 2);
  expect(presence).toBeGreaterThan(0.5);
  expect(tf.memory().numTensors).toBe(before);
});

test('networks of which the second cannot be made free the first', () => {
  const before = tf.memory().numTensors;
  const damaged = { graph: {}, bytes: weights.facemesh.bytes };
  expect(() => new MediapipeNetworks({ ...weights, facemesh: damaged })).toThrow('FaceMesh: stored.graph must be');
  expect(tf.memory().numTensors).toBe(before);
});

test('the networks leave what they return and free their weights', () => {
  const before = tf.memory().numTensors;
  const own = [new BlazeFace(weights.blazeface), new FaceMesh(weights.facemesh)] as const;
  const inputs = [tf.zeros<tf.Rank.R4>([1, 256, 256, 3]), tf.zeros<tf.Rank.R4>([1, 192, 192, 3])];
  const held = tf.memory().numTensors;
  const outputs = own.flatMap((network, i) => network.forward(inputs[i]));
  expect(tf.memory().numTensors).toBe(held + 6);
  for (const network of own) {
    network.dispose();
    network.dispose();
  }
  expect(() => own[1].forward(inputs[1])).toThrow('FaceMesh.run: network must be alive, got a disposed one');
  tf.dispose([...inputs, ...outputs]);
  expect(tf.memory().numTensors).toBe(before);
});

test('images of another size and damaged weights are refused', () => {
  const small = tf.zeros<tf.Rank.R4>([1, 96, 100, 3]);
  expect(() => mesh.forward(small)).toThrow('images must be of shape [batch, 192, 192, 3], got [1, 96, 100, 3]');
  expect(() => detector.forward(small)).toThrow('image must be of shape [1, size, size, 3], size a multiple of 32');
  small.dispose();
  const { graph, bytes } = weights.facemesh;
  expect(() => new FaceMesh({ graph, bytes: bytes.subarray(4) })).toThrow(
    /FaceMesh: stored.bytes must be \d+ bytes long/,
  );
  expect(() => new FaceMesh({ graph: {}, bytes })).toThrow('FaceMesh: stored.graph must be a converted graph');
  expect(() => new BlazeFace(weights.facemesh)).toThrow(
    'BlazeFace: stored.graph must be a graph with the node Identity_3',
  );
  const holes = new Uint8Array(bytes.length).fill(0xff);
  expect(() => new FaceMesh({ graph, bytes: holes })).toThrow(/must be finite, got NaN/);
  const nodes = [{ name: 'x', op: 'LSTM' }];
  expect(() => new FaceMesh({ graph: { modelTopology: { node: nodes } }, bytes })).toThrow('got LSTM');
});

test('readMediapipeWeights reads the same from a URL, and says which could not be read', async () => {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@lipsync/mediapipe-weights')), 'models');
  vi.stubGlobal(
    'fetch',
    async (url: URL) => new Response(new Uint8Array(await readFile(join(folder, url.pathname.split('/').pop()!)))),
  );
  const read = await readMediapipeWeights(new URL('https://example.org/models/'));
  for (const name of ['blazeface', 'facemesh'] as const) {
    expect(read[name].graph).toEqual(weights[name].graph);
    expect(Buffer.compare(read[name].bytes, weights[name].bytes)).toBe(0);
  }
  vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
  await expect(readMediapipeWeights(new URL('https://example.org/models/'))).rejects.toThrow(
    'readMediapipeWeights: weights must be a URL that can be read, got 404 for https://example.org/models/blazeface.json',
  );
});
