import '@tensorflow/tfjs-backend-cpu';
import type { DinetCrop, SyncRecipe } from '@lipsync/contracts';
import { storedShape } from '@lipsync/contracts';
import { anglesOf, ClipStore, disposeBatch, evaluationPairs, ImageProcessor, SyncLoader } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { madeClip, storeRecipe, temporaryFolder } from '../../../dataloader/src/testing/made-clips';
import type { AugmentationDraw } from '../augmentation-draw';
import { cutMouthWindow } from './mouth-window';

const stored = { kind: 'dinet head', mouth: 16 } as const;
const { height, width } = storedShape(stored); // 26 x 20
const crop = (size: number, rest: Partial<DinetCrop> = {}): DinetCrop => ({
  kind: 'dinet',
  size,
  upright: 'median of five',
  sampling: 'exact',
  ...rest,
});
const random = new Random(5);
const noise = (count: number) => Uint8Array.from({ length: count * height * width * 3 }, () => random.integer(256));
const frames = noise(4);
const angles = [0, 0.3, -0.2, 1];
const plain: AugmentationDraw = {
  view: { scale: 1, aspect: 1, angle: 0, mirrored: false, across: 0, down: 0 },
  colour: { contrast: 1, brightness: 0, gains: [1, 1, 1], gray: false, noise: 0 },
  audio: { gain: 0, tilt: 0, scale: 1, shift: 0, noise: 0, jitterSteps: 0 },
  noiseStarts: [0, 0, 0],
};

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** What the sync loss of a generator shows the network. */
function generated(recipe: Pick<SyncRecipe, 'crop' | 'frameCount' | 'color' | 'range'>): Float32Array {
  const { upright, sampling } = recipe.crop as DinetCrop;
  return tf.tidy(() => {
    const images = new ImageProcessor({ mouth: stored.mouth });
    const faces = tf.tensor4d(
      Float32Array.from(frames, (value) => value / 255),
      [4, height, width, 3],
    );
    const mouths = images.mouths(faces, tf.tensor1d(upright === 'none' ? [0, 0, 0, 0] : angles), sampling);
    return images.syncInput(mouths, recipe).dataSync() as Float32Array;
  });
}

test.each([
  [16, {}],
  [16, { sampling: 'half pixel' }],
  [16, { upright: 'none' }],
  [8, {}],
  [24, { sampling: 'half pixel' }],
  [40, { upright: 'none' }],
] as [number, Partial<DinetCrop>][])(
  'a window of head frames is what a generator’s frames become: %d pixels, %o',
  (size, rest) => {
    const recipe = { frameCount: 4, crop: crop(size, rest), color: 'BGR', range: [-1, 1] } as const;
    const got = cutMouthWindow(frames, 0, { stored, recipe, angles });
    const wanted = generated(recipe);
    expect(got.length).toBe(wanted.length);
    // Measured 6e-7 of -1..1, the float32 coordinates there.
    expect(got.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0)).toBeLessThan(1e-5);
  },
);

test('a variation that changes nothing shows the same, a mirrored one its mirror image, a shifted one the head beside the mouth', () => {
  const recipe = { frameCount: 4, crop: crop(16), color: 'RGB', range: [0, 255] } as const;
  const cut = (view: Partial<AugmentationDraw['view']>) =>
    cutMouthWindow(frames, 0, { stored, recipe, angles, augmentation: { ...plain, view: { ...plain.view, ...view } } });
  const seen = cutMouthWindow(frames, 0, { stored, recipe, angles });
  const far = (a: Float32Array, b: Float32Array) =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
  expect(far(cut({}), seen)).toBeLessThan(1e-3);
  const rowsMirrored = Float32Array.from(seen, (_, i) => {
    const [row, column, channel] = [Math.floor(i / (16 * 12)), Math.floor(i / 12) % 16, i % 12];
    return seen[(row * 16 + 15 - column) * 12 + channel];
  });
  expect(far(cut({ mirrored: true }), rowsMirrored)).toBeLessThan(1e-3);
  // A quarter of half a side is 2 pixels; the first frame is not turned, its box begins at row 8 and column 2.
  const shifted = cut({ across: 0.25, down: -0.25 });
  for (const [row, column] of [
    [0, 0],
    [5, 9],
    [15, 15],
  ]) {
    expect(shifted[(row * 16 + column) * 12]).toBeCloseTo(frames[((row + 8 - 2) * width + column + 2 + 2) * 3], 3);
  }
  expect(shifted.every(Number.isFinite)).toBe(true);
});

test('what lies beyond the head frame is black', () => {
  const white = new Uint8Array(height * width * 3).fill(255);
  const recipe = { frameCount: 1, crop: crop(16), color: 'RGB', range: [0, 255] } as const;
  const window = cutMouthWindow(white, 0, {
    stored,
    recipe,
    angles: [0],
    augmentation: { ...plain, view: { ...plain.view, across: 1 } },
  });
  // Half a side is 8 pixels, 2 of them lie in the frame.
  expect([9, 10].map((column) => Math.round(window[column * 3]))).toEqual([255, 0]);
});

test('cutMouthWindow refuses head frames without their angles', () => {
  const recipe = { frameCount: 4, crop: crop(16), color: 'RGB', range: [0, 255] } as const;
  expect(() => cutMouthWindow(frames, 0, { stored, recipe })).toThrow(
    'cutMouthWindow: angles must be given for head frames',
  );
  expect(() => cutMouthWindow(frames, 0, { stored, recipe, angles: [0, 1] })).toThrow(
    'sampleHeadWindow: angles must be finite',
  );
});

let folder: string;
let remove: () => Promise<void>;
afterAll(() => remove?.());

test('SyncLoader and evaluationPairs cut a store of head frames by the poses of its clips', async () => {
  ({ folder, remove } = await temporaryFolder());
  const store = await ClipStore.create(folder, { ...storeRecipe, crop: stored });
  for (const id of ['a.mp4.t0.s0', 'b.mp4.t0.s0']) {
    const poses = Float32Array.from({ length: 24 * 4 }, (_, i) => (i % 4 === 3 ? Math.sin(i) / 3 : 10));
    await store.write({ ...madeClip(id, 24), frames: noise(24), height, width, poses });
  }
  const recipe: SyncRecipe = {
    frameCount: 5,
    fps: 25,
    crop: crop(8),
    color: 'RGB',
    range: [-1, 1],
    features: 'THESIS_MEL',
    featureSteps: 16,
  };
  const wanted = async (id: string, start: number) => {
    const clip = await store.read(id);
    return cutMouthWindow(clip.frames, start, { stored, recipe, angles: anglesOf(clip) });
  };
  const loader = new SyncLoader(store, recipe, {
    sampling: { kind: 'contrast', clips: 2, windows: 3, minDistance: 3 },
    augment: null,
  });
  const batch = await loader.batch(3);
  expect(batch.frames.shape).toEqual([6, 8, 8, 15]);
  const rows = await batch.frames.data();
  for (let i = 0; i < 6; i++) {
    expect(rows.subarray(i * 960, (i + 1) * 960)).toEqual(await wanted(batch.frameIds[i], batch.frameStarts[i]));
  }
  disposeBatch(batch);
  const varied = await new SyncLoader(store, recipe, {
    sampling: { kind: 'contrast', clips: 2, windows: 3, minDistance: 3 },
  }).batch(3);
  expect((await varied.frames.data()).every((value) => value >= -1 && value <= 1)).toBe(true);
  disposeBatch(varied);
  for await (const clip of evaluationPairs(store, recipe, { perClip: 2 })) {
    const data = await clip.frames.data();
    expect(data.subarray(0, 960)).toEqual(await wanted(clip.id, clip.frameStarts[0]));
    tf.dispose([clip.frames, clip.features]);
  }
});

test('a variation turns about the same centre and in the same direction as the face is turned', () => {
  const one = frames.subarray(0, height * width * 3);
  const turned = (angle: number, view: number) =>
    cutMouthWindow(one, 0, {
      stored,
      recipe: { frameCount: 1, crop: crop(16), color: 'RGB', range: [0, 255] },
      angles: [angle],
      augmentation: { ...plain, view: { ...plain.view, angle: view } },
    });
  const meanOf = (x: Float32Array) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const covariance = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, i) => sum + (value - meanOf(a)) * (b[i] - meanOf(b)), 0);
  const correlation = (a: Float32Array, b: Float32Array) =>
    covariance(a, b) / Math.sqrt(covariance(a, a) * covariance(b, b));
  expect(correlation(turned(0.2, 0.3), turned(0.5, 0))).toBeGreaterThan(0.8);
  expect(correlation(turned(0.2, -0.3), turned(0.5, 0))).toBeLessThan(0.3);
});
