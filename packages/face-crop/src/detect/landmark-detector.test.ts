import type { LandmarkDetector, VideoFrame } from '@lipsync/contracts';
import type { CompileNetwork } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { meanPoint } from '../crop/landmark-geometry';
import { readBlazefaceWeights } from '../mediapipe/blazeface-networks';
import { readMediapipeWeights } from '../mediapipe/mediapipe-weights';
import { type DrawnFace, drawnFrame } from '../testing/drawn-face';
import { noiseImage } from '../testing/noise-image';
import { createLandmarkDetector, LANDMARK_MODELS } from './landmark-detector';
import { readLandmarkWeights } from './network-weights';

const SIZE = 160;
const scene = (faces: DrawnFace[], index = 0, width = SIZE) => drawnFrame(width, SIZE, faces, index);
const noise = (index: number): VideoFrame => ({
  data: noiseImage(SIZE, index + 20),
  width: SIZE,
  height: SIZE,
  index,
  timeSec: 0,
});

/** The mouth of a drawn face is 0.53 half heights below its middle, its eyes are 0.32 to either side. */
function expectOn(points: Float32Array, face: DrawnFace, tolerance = 0.12): void {
  const [mouthX, mouthY] = meanPoint(points, 48, 67);
  expect(Math.hypot(mouthX - face.x, mouthY - face.y - 0.54 * face.half) / face.half).toBeLessThan(tolerance);
  const [leftX, leftY] = meanPoint(points, 36, 41);
  expect(Math.hypot(leftX - face.x + 0.32 * face.half, leftY - face.y + 0.13 * face.half) / face.half).toBeLessThan(
    tolerance,
  );
}

const WEIGHTS = {
  'blazeface-68': readBlazefaceWeights,
  mediapipe: readMediapipeWeights,
  'face-api': readLandmarkWeights,
};

beforeAll(() => tf.setBackend('wasm'));

describe.each(LANDMARK_MODELS)('%s', (model) => {
  let detector: LandmarkDetector;
  beforeAll(async () => {
    detector = await createLandmarkDetector({ model, detectEvery: 6 });
  });
  afterAll(() => detector.dispose());
  beforeEach(() => detector.reset());

  test('the detector has the name of its model and says which faces are too small', () => {
    expect(detector.name).toBe(model);
    const atInput = { 'blazeface-68': 11, mediapipe: 8, 'face-api': 26 }[model];
    expect(detector.smallestFace!({ width: 1920, height: 1080 })).toBeCloseTo((atInput * 1920) / 1024);
    // frames are not enlarged: in small ones the same faces are too small in pixels
    expect(detector.smallestFace!({ width: 320, height: 240 })).toBeCloseTo((atInput * 320) / 512);
  });

  test('the detector runs its networks where compile says, from arrays to arrays', async () => {
    const shapes = new Set<string>();
    let freed = 0;
    const compile: CompileNetwork = async (forward, shape) => {
      shapes.add(shape.join(' x '));
      return {
        run: async (input, batch) =>
          tf.tidy(() =>
            forward(tf.tensor(input, [batch, ...shape])).map((output) => output.dataSync() as Float32Array),
          ),
        dispose: () => void freed++,
      };
    };
    const frame = scene([{ x: 80, y: 82, half: 44 }]);
    const [expected] = await detector.detect(frame);
    const before = tf.memory().numTensors;
    const elsewhere = await createLandmarkDetector({ model, compile });
    const [found] = await elsewhere.detect(frame);
    expect(found).toEqual(expected);
    elsewhere.dispose();
    await Promise.resolve();
    expect(tf.memory().numTensors).toBe(before);
    expect(shapes.size).toBe(2);
    expect(freed).toBe(2);
  });

  test('the detector finds a drawn face and tracks it as it moves, under one track id', async () => {
    for (let i = 0; i < 12; i++) {
      const face = {
        x: 78 + 8 * Math.sin(i * 0.4),
        y: 74 + 3 * Math.cos(i * 0.3),
        half: 40 + 0.3 * i,
        open: (i % 5) / 5,
      };
      const faces = await detector.detect(scene([face], i));
      expect(faces.map(({ trackId }) => trackId)).toEqual([0]);
      expect(faces[0].score).toBeGreaterThan(0.3);
      expectOn(faces[0].points, face);
    }
  });

  test('the detector keeps two faces apart', async () => {
    const ids = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const left = { x: 80 + i, y: 76, half: 40 };
      const right = { x: 235 - i, y: 78, half: 42, skin: [150, 105, 80], hair: [30, 25, 22] };
      const faces = await detector.detect(scene([left, right], i, 320));
      expect(faces).toHaveLength(2);
      const sorted = [...faces].sort((a, b) => a.points[0] - b.points[0]);
      expectOn(sorted[0].points, left);
      expectOn(sorted[1].points, right);
      ids.add(sorted.map(({ trackId }) => trackId).join());
    }
    expect(ids.size).toBe(1);
  });

  test('the detector tracks at most maxFaces faces', async () => {
    const one = await createLandmarkDetector({ model, maxFaces: 1 });
    const faces = await one.detect(
      scene(
        [
          { x: 80, y: 76, half: 40 },
          { x: 235, y: 78, half: 42 },
        ],
        0,
        320,
      ),
    );
    expect(faces).toHaveLength(1);
    one.dispose();
  });

  test('a cut to an image without a face ends the track, and the face that follows has another track id', async () => {
    const face = { x: 80, y: 74, half: 42 };
    expect(await detector.detect(scene([face], 0))).toHaveLength(1);
    expect(await detector.detect(noise(1))).toEqual([]);
    expect(await detector.detect(noise(2))).toEqual([]);
    const [back] = await detector.detect(scene([face], 3));
    expect(back.trackId).toBe(1);
  });

  test('a screen that changes behind a face does not end its track', async () => {
    const face = { x: 80, y: 74, half: 42 };
    const ids: number[] = [];
    for (let i = 0; i < 6; i++) {
      const frame = scene([face], i);
      const screen = i < 3 ? 20 : 235;
      for (let row = 0; row < SIZE; row++) {
        for (let column = 0; column < SIZE; column++) {
          if (Math.abs(column - 80) < 52 && row > 12) continue;
          frame.data.fill(
            (column + row) % 64 < 32 ? screen : 255 - screen,
            (row * SIZE + column) * 3,
            (row * SIZE + column) * 3 + 3,
          );
        }
      }
      ids.push(...(await detector.detect(frame)).map(({ trackId }) => trackId));
    }
    expect(ids).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('a face that leaves the image while the rest stays ends its track within a detection period', async () => {
    const stays = { x: 80, y: 76, half: 40 };
    for (let i = 0; i < 3; i++)
      expect(await detector.detect(scene([stays, { x: 235, y: 78, half: 42 }], i, 320))).toHaveLength(2);
    let faces = 2;
    for (let i = 3; i < 10; i++) faces = (await detector.detect(scene([stays], i, 320))).length;
    expect(faces).toBe(1);
  });

  test('a face that comes later is found', async () => {
    const found: number[] = [];
    for (let i = 0; i < 9; i++)
      found.push((await detector.detect(scene(i < 2 ? [] : [{ x: 80, y: 74, half: 42 }], i))).length);
    expect(found.slice(0, 2)).toEqual([0, 0]);
    expect(found.at(-1)).toBe(1);
  });

  test('landmarks of five views lie within 3 % of the face of those of one view', async () => {
    const five = await createLandmarkDetector({ model, testTimeViews: 5 });
    const face = { x: 80, y: 74, half: 42 };
    const [a] = await five.detect(scene([face]));
    const [b] = await detector.detect(scene([face]));
    // measured 0.3 px, 0.4 %
    for (let i = 0; i < 136; i++) expect(Math.abs(a.points[i] - b.points[i])).toBeLessThan(0.03 * 2 * face.half);
    five.dispose();
  });

  test('the detector leaves the number of tensors unchanged and returns copies', async () => {
    const frames = [0, 1, 2].map((i) => scene([{ x: 80, y: 74, half: 42 }], i));
    const [first] = await detector.detect(frames[0]);
    const before = tf.memory().numTensors;
    const points = first.points.slice();
    for (let i = 0; i < 12; i++) await detector.detect(frames[i % 3]);
    expect(tf.memory().numTensors).toBe(before);
    expect(first.points).toEqual(points);
  });

  test('the same video gives the same points after reset', async () => {
    const run = async () => {
      detector.reset();
      const all: number[] = [];
      for (let i = 0; i < 4; i++)
        all.push(...(await detector.detect(scene([{ x: 80 + i, y: 74, half: 42 }], i)))[0].points);
      return all;
    };
    expect(await run()).toEqual(await run());
  });

  test('a second call during the first, and a call after dispose, are refused', async () => {
    const before = tf.memory().numTensors;
    const own = await createLandmarkDetector({ model, weights: await WEIGHTS[model]() });
    const first = own.detect(scene([], 0));
    await expect(own.detect(scene([], 1))).rejects.toThrow('detector must be done with the previous frame');
    await first;
    own.dispose();
    own.dispose();
    await expect(own.detect(scene([], 2))).rejects.toThrow('LandmarkDetector.detect: detector must be alive');
    expect(tf.memory().numTensors).toBe(before);
  });

  test('detect refuses a frame whose bytes do not fit', async () => {
    const frame = { data: new Uint8Array(5), width: 2, height: 2, index: 0, timeSec: 0 };
    await expect(detector.detect(frame)).rejects.toThrow(
      'LandmarkDetector.detect: frame.data must be 2 x 2 x 3 bytes long',
    );
  });

  test('a face of 60 pixels in a frame of 1920 x 1080 is found', async () => {
    const face = { x: 1400, y: 300, half: 40 }; // 60 pixels from the brows to the chin
    const [found, ...others] = await detector.detect(drawnFrame(1920, 1080, [face]));
    expect(others).toEqual([]);
    expectOn(found.points, face);
  });
});

test.each([
  [{ testTimeViews: 3 as 5 }, 'createLandmarkDetector: testTimeViews must be 1, 2 or 5, got 3'],
  [{ maxFaces: 0 }, 'maxFaces must be a whole number above 0, got 0'],
  [{ minScore: 1 }, 'minScore must be above 0 and below 1, got 1'],
  [{ detectEvery: 0.5 }, 'detectEvery must be a whole number of frames above 0, got 0.5'],
  [{ model: 'x' as 'mediapipe' }, 'createLandmarkDetector: model must be blazeface-68, mediapipe, face-api, got x'],
  [{ scales: [100] }, 'scales must be one or more multiples of 32, got [100]'],
])('createLandmarkDetector refuses %j', async (options, message) => {
  await expect(createLandmarkDetector(options)).rejects.toThrow(message);
});

test('weights of the other model are refused', async () => {
  const [faceApi, mediapipe] = [await readLandmarkWeights(), await readMediapipeWeights()];
  await expect(createLandmarkDetector({ weights: faceApi })).rejects.toThrow(
    'weights must be those of blazeface-68 (blazeface, landmarks)',
  );
  await expect(createLandmarkDetector({ model: 'face-api', weights: mediapipe })).rejects.toThrow(
    'weights must be those of face-api',
  );
});
