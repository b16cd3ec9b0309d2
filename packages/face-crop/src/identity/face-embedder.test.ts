import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { resolve } from 'node:path';
import type { VideoFrame } from '@lipsync/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fixture from '../../fixtures/embeddings.json';
import { createLandmarkDetector } from '../detect/landmark-detector';
import { readEmbeddingWeights, readLandmarkWeights } from '../detect/network-weights';
import { ffmpegFrames } from '../testing/ffmpeg-frames';
import { REFERENCE_IMAGES } from '../testing/reference-images';
import { SHARED, sharedTest } from '../testing/shared-data';
import { clusterFaces } from './cluster-faces';
import { createFaceEmbedder, embeddingSquare, type FaceEmbedder } from './face-embedder';

let embedder: FaceEmbedder;
beforeAll(async () => {
  await tf.setBackend('wasm');
  embedder = await createFaceEmbedder();
});
afterAll(() => embedder.dispose());

/**
 * 68 points of which only eyes and mouth matter: their square is that of side `side` at `x`, `y`, turned by `angle`.
 */
function pointsOf(x: number, y: number, side: number, angle = 0): Float32Array {
  const points = new Float32Array(136);
  // an eye is 0.45 sides from the mouth, and the middle of the three 0.07 above the square's own
  const eye = [0.2, Math.sqrt(0.45 ** 2 - 0.2 ** 2)];
  const top = -0.07 - eye[1] / 3;
  for (let i = 0; i < 68; i++) {
    const u = i >= 36 && i < 42 ? -eye[0] : i >= 42 && i < 48 ? eye[0] : 0;
    const v = i >= 48 ? top + eye[1] : top;
    points[2 * i] = x + side * (u * Math.cos(angle) - v * Math.sin(angle));
    points[2 * i + 1] = y + side * (u * Math.sin(angle) + v * Math.cos(angle));
  }
  return points;
}

const frameOf = (data: Uint8Array, size: number): VideoFrame => ({
  data,
  width: size,
  height: size,
  index: 0,
  timeSec: 0,
});
const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, i) => value - b[i]));

test('embeddingSquare follows eyes and mouth as the points are rotated, shifted and scaled', () => {
  const { x, y, side, angle } = embeddingSquare(pointsOf(80, 90, 120, 0.3));
  expect(x).toBeCloseTo(80, 5); // measured 1.3e-6: points are float32, whose steps at 80 are 7.6e-6
  expect(y).toBeCloseTo(90, 5); // measured 1.8e-6
  expect(side).toBeCloseTo(120, 5); // measured 8.2e-7
  expect(angle).toBeCloseTo(0.3, 6); // measured 5.5e-9
});

test("embed gives PyTorch's descriptor of the square that it cuts", async () => {
  // the square is the whole image, so the cut changes nothing
  for (const { image, output } of fixture.cases) {
    const descriptor = await embedder.embed(frameOf(REFERENCE_IMAGES[image](), 150), pointsOf(75, 75, 150));
    expect(distance(descriptor, Float32Array.from(output))).toBeLessThan(1e-5); // measured: 1.3e-6
  }
});

test('embed gives nearly the same for an image and for its face rotated by a quarter turn', async () => {
  const bytes = REFERENCE_IMAGES['face 150']();
  const turned = new Uint8Array(bytes.length);
  for (let row = 0; row < 150; row++) {
    for (let column = 0; column < 150; column++) {
      const to = (column * 150 + (149 - row)) * 3;
      turned.set(bytes.subarray((row * 150 + column) * 3, (row * 150 + column) * 3 + 3), to);
    }
  }
  const upright = await embedder.embed(frameOf(bytes, 150), pointsOf(75, 75, 150));
  const lying = await embedder.embed(frameOf(turned, 150), pointsOf(75, 75, 150, Math.PI / 2));
  expect(distance(upright, lying)).toBeLessThan(1e-5); // measured: 1.2e-6
});

test('embed leaves no tensor, also during another call, and dispose frees the weights', async () => {
  const before = tf.memory().numTensors;
  const own = await createFaceEmbedder({ weights: await readEmbeddingWeights() });
  const frame = frameOf(REFERENCE_IMAGES['face 150'](), 150);
  const held = tf.memory().numTensors;
  const [a, b] = await Promise.all([own.embed(frame, pointsOf(75, 75, 150)), own.embed(frame, pointsOf(75, 75, 150))]);
  expect(a).toEqual(b);
  expect(a).toHaveLength(128);
  expect(tf.memory().numTensors).toBe(held);
  own.dispose();
  own.dispose();
  await expect(own.embed(frame, pointsOf(75, 75, 150))).rejects.toThrow('FaceEmbedder.embed: embedder must be alive');
  expect(tf.memory().numTensors).toBe(before);
});

test('embed refuses points that are too few, not finite or coincident, and weights of another network', async () => {
  const frame = frameOf(REFERENCE_IMAGES['face 150'](), 150);
  await expect(embedder.embed(frame, new Float32Array(10))).rejects.toThrow(
    'points must be 68 points, 136 values, got 10',
  );
  for (const value of [NaN, 9]) {
    const points = new Float32Array(136).fill(value);
    await expect(embedder.embed(frame, points)).rejects.toThrow('points must be finite, the eyes apart from the mouth');
  }
  const { landmarks } = await readLandmarkWeights();
  await expect(createFaceEmbedder({ weights: landmarks })).rejects.toThrow(/weights must be those of this network/);
});

// two clips of each of four presenters
const clips = ['01692', '06033', '16198', '06297', '13716', '10042', '10202', '14088'].map(
  (id) => `data/lrw-ar/${id}.mp4`,
);
const { skip, title } = sharedTest('four people in eight real clips are told apart', ...clips);
test.skipIf(skip)(title, async () => {
  const detector = await createLandmarkDetector();
  const descriptors: Float32Array[] = [];
  for (const clip of clips) {
    detector.reset();
    for (const frame of ffmpegFrames(resolve(SHARED, clip), 256, 256)) {
      const [face] = await detector.detect(frame);
      if (!face) continue;
      descriptors.push(await embedder.embed(frame, face.points));
      break;
    }
  }
  detector.dispose();
  const people = clusterFaces(descriptors);
  expect(people.map((person) => people.indexOf(person))).toEqual([0, 0, 2, 2, 4, 4, 6, 6]);
});
