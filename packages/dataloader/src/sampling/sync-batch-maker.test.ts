import { melSpectrogram, THESIS_MEL } from '@lipsync/audio-mel';
import { Random } from '@lipsync/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AUDIO_DEGRADATION } from '../degrade/audio-degradation';
import { FRAME_DEGRADATION } from '../degrade/frame-degradation';
import { ClipStore } from '../store/clip-store';
import { madeClip, recipe, storeRecipe, temporaryFolder } from '../testing/made-clips';
import type { PairSampling } from './batch-plan';
import type { SyncBatchOptions } from './sync-batch-maker';
import { assertSampling, SyncBatchMaker } from './sync-batch-maker';

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;
const COUNT = 150;
const SPOKEN = [60, 110]; // frames of clip a with speech

/** Bursts of harmonics between the two frames, faint noise elsewhere. */
function speech(from: number, to: number): Int16Array {
  const random = new Random(2);
  return Int16Array.from({ length: COUNT * 640 }, (_, i) => {
    const [t, frame] = [i / 16000, i / 640];
    let value = 20 * random.normal();
    if (frame >= from && frame < to && (t * 4) % 1 < 0.8)
      for (let k = 1; k < 20; k++) value += (2000 / k) * Math.sin(2 * Math.PI * 140 * k * t);
    return Math.round(value);
  });
}

beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  store = await ClipStore.create(folder, storeRecipe);
  await store.write({ ...madeClip('a.mp4.t0.s0', COUNT), audio: speech(SPOKEN[0], SPOKEN[1]) });
  await store.write({ ...madeClip('b.mp4.t0.s0', COUNT), audio: speech(0, 0) });
});
afterAll(() => remove());

const pairs: PairSampling = {
  kind: 'pairs',
  pairs: 200,
  positiveShare: 0.5,
  minDistance: 3,
  crossClipShare: 0,
  lengthInWindows: 2,
};

test('with a least share of speech, windows lie where there is speech, and labels stay right', async () => {
  const make = (minVoiced: number) =>
    new SyncBatchMaker(store, recipe, {
      sampling: { ...pairs, minVoiced },
      augment: null,
      degradation: null,
      seed: 1,
      exclude: [],
    }).make(0);
  const spoken = (start: number) => start + 5 > SPOKEN[0] - 4 && start < SPOKEN[1] + 6;
  const [plain, voiced] = [await make(0), await make(0.6)];
  const shareIn = (batch: typeof plain) => {
    const own = batch.samples.filter(({ featureClip }) => featureClip === 0);
    return own.filter(({ featureStart }) => spoken(featureStart)).length / own.length;
  };
  expect(shareIn(plain)).toBeLessThan(0.6);
  expect(shareIn(voiced)).toBe(1);
  for (const { frameStart, featureStart, label } of voiced.samples) {
    if (label === 1) expect(frameStart).toBe(featureStart);
    else expect(Math.abs(frameStart - featureStart)).toBeGreaterThanOrEqual(3);
  }
  // A clip in which nobody speaks is used as it is.
  const silent = (batch: typeof plain) => batch.samples.filter(({ featureClip }) => featureClip === 1);
  expect(silent(voiced)).toEqual(silent(plain));
});

test('the same options give the same bytes, another seed others', async () => {
  const make = (seed: number) =>
    new SyncBatchMaker(store, recipe, {
      sampling: { ...pairs, pairs: 8, minVoiced: 0.6 },
      augment: null,
      degradation: null,
      seed,
      exclude: [],
    }).make(5);
  const [one, again, other] = [await make(1), await make(1), await make(2)];
  expect(one.samples).toEqual(again.samples);
  expect(Buffer.compare(Buffer.from(one.frames.buffer), Buffer.from(again.frames.buffer))).toBe(0);
  expect(one.samples).not.toEqual(other.samples);
});

test('degradation changes frames and audio, by the seed only; strengths of 0 change nothing', async () => {
  const own = await temporaryFolder();
  const real = await ClipStore.create(own.folder, { ...storeRecipe, bins: 80 });
  const audio = speech(0, COUNT);
  const samples = Float32Array.from(audio, (value) => value / 32768);
  const features = melSpectrogram({ samples, sampleRate: 16000 }, THESIS_MEL);
  await real.write({ ...madeClip('a.mp4.t0.s0', COUNT), audio, features });
  const none = {
    frames: { ...FRAME_DEGRADATION, blur: 0, jpeg: 0 },
    audio: { ...AUDIO_DEGRADATION, room: 0, noise: 0, telephone: 0, gainDb: 0 },
  };
  const make = (degradation: SyncBatchOptions['degradation'], seed = 1) =>
    new SyncBatchMaker(real, recipe, {
      sampling: { ...pairs, pairs: 12 },
      augment: null,
      degradation,
      seed,
      exclude: [],
    }).make(0);
  const [plain, same, one, again] = await Promise.all([
    make(null),
    make(none),
    make({ frames: FRAME_DEGRADATION, audio: AUDIO_DEGRADATION }),
    make({ frames: FRAME_DEGRADATION, audio: AUDIO_DEGRADATION }),
  ]);
  expect(Buffer.compare(Buffer.from(same.frames.buffer), Buffer.from(plain.frames.buffer))).toBe(0);
  // measured 0
  expect(Math.max(...same.features.map((value, i) => Math.abs(value - plain.features[i])))).toBeLessThan(1e-6);
  const share = (a: Float32Array, b: Float32Array) =>
    a.filter((value, i) => Math.abs(value - b[i]) > 0.01).length / a.length;
  expect(share(one.frames, plain.frames)).toBeGreaterThan(0.05); // measured 0.078: the strongest JPEG and blur are rare
  expect(share(one.features, plain.features)).toBeGreaterThan(0.1);
  for (const key of ['frames', 'features'] as const)
    expect(Buffer.compare(Buffer.from(one[key].buffer), Buffer.from(again[key].buffer))).toBe(0);
  await own.remove();
});

test('assertSampling refuses shares outside 0..1', () => {
  expect(() => assertSampling({ ...pairs, minVoiced: 2 }, 5)).toThrow('sampling: minVoiced must be within 0..1, got 2');
});
