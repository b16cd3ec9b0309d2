import '@tensorflow/tfjs-backend-cpu';
import type { DinetCrop, SyncRecipe } from '@lipsync/contracts';
import { storedShape } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { cutMouthWindow } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluationPairs } from '../sampling/evaluation-pairs';
import { anglesOf } from '../store/clip';
import { ClipStore } from '../store/clip-store';
import { madeClip, storeRecipe, temporaryFolder } from '../testing/made-clips';
import { ImageProcessor } from './image-processor';
import { disposeBatch, SyncLoader } from './sync-loader';

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
