import { audioFeatures, changeGain } from '@lipsync/audio-mel';
import { SPEECH_LOUDNESS, type SyncRecipe, type Waveform } from '@lipsync/contracts';
import { FeatureWindows, measureAudio } from '@lipsync/sync-windows';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { madeAudio } from '../../../sync-windows/src/testing/made-video';
import { DinetBatchMaker } from '../sampling/dinet-batch-maker';
import { SyncBatchMaker } from '../sampling/sync-batch-maker';
import { madeClip, recipe, storeRecipe as small, temporaryFolder } from '../testing/made-clips';
import { featuresFor, stepsFor } from './clip-features';
import { ClipStore } from './clip-store';

const storeRecipe = { ...small, bins: 80 };
const COUNT = 60;
const GAINS = [0, -20, -40];
const loud: SyncRecipe = { ...recipe, loudness: SPEECH_LOUDNESS };
const plain = madeAudio(COUNT * 640);
let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;

const id = (gainDb: number) => `gain${-gainDb}.mp4.t0.s0`;
/** A recording of 16 bits. */
const recorded = (gainDb: number) =>
  Int16Array.from(changeGain(plain, gainDb), (sample) => Math.round(32767 * Math.max(-1, Math.min(1, sample))));
const clipOf = (gainDb: number, speechDb?: number) => ({
  ...madeClip(id(gainDb), COUNT),
  audio: recorded(gainDb),
  features: audioFeatures('THESIS_MEL').compute({
    samples: Float32Array.from(recorded(gainDb), (value) => value / 32768),
    sampleRate: 16000,
  }),
  ...(speechDb === undefined ? {} : { speechDb }),
});
async function* pieces(audio: Int16Array): AsyncGenerator<Waveform> {
  const samples = Float32Array.from(audio, (value) => value / 32768);
  for (let at = 0; at < samples.length; at += 3000)
    yield { samples: samples.subarray(at, at + 3000), sampleRate: 16000 };
}

beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  store = await ClipStore.create(folder, storeRecipe);
  for (const gainDb of GAINS) await store.write(clipOf(gainDb));
});
afterAll(() => remove());

test.each([
  [0, 'none'],
  [0, SPEECH_LOUDNESS],
  [-20, SPEECH_LOUDNESS],
] as const)(
  'windows of training equal those of scoring bit for bit: the clip at %d dB by the rule %j',
  async (gainDb, loudness) => {
    const used = { ...recipe, loudness };
    const maker = new SyncBatchMaker(store, used, {
      ...{ augment: null, degradation: null, seed: 1, exclude: [], clips: [id(gainDb)] },
      sampling: { kind: 'contrast', clips: 1, windows: 8, minDistance: 3 },
    });
    const { samples, features } = await maker.make(0);
    const length = features.length / samples.length;
    for (const [i, { featureStart }] of samples.entries()) {
      const level = await measureAudio(pieces(recorded(gainDb)));
      const scored = new FeatureWindows(pieces(recorded(gainDb)), used, { level });
      expect(features.slice(i * length, (i + 1) * length)).toEqual(await scored.read(featureStart));
      await scored.close();
    }
  },
);

test('a clip 20 dB quieter trains on nearly the same features, one 40 dB quieter on those plus the noise of 16 bits', async () => {
  const [a, b, c] = await Promise.all(
    GAINS.map(async (gainDb) => featuresFor(await store.read(id(gainDb)), loud, store.recipe)),
  );
  // Where there is sound: mel units of 12.5 dB.
  const apart = (other: Float32Array) => {
    const sounding = [...a.data.keys()].filter((i) => a.data[i] > -2);
    return sounding.reduce((sum, i) => sum + Math.abs(a.data[i] - other[i]), 0) / sounding.length;
  };
  expect(apart(b.data)).toBeLessThan(0.01);
  expect(apart(c.data)).toBeLessThan(0.1);
  expect(apart((await store.read(id(-40))).features.data)).toBeGreaterThan(1);
});

test('the level of the whole file, where the store knows it, counts in place of the clip’s', async () => {
  const [own, file] = [clipOf(0), clipOf(0, -46)].map((clip) => featuresFor(clip, loud, storeRecipe));
  const gainDb = SPEECH_LOUDNESS.levelDb + 46;
  const samples = changeGain(
    Float32Array.from(recorded(0), (value) => value / 32768),
    gainDb,
  );
  expect(file).toEqual(audioFeatures('THESIS_MEL').compute({ samples, sampleRate: 16000 }));
  expect(file.data).not.toEqual(own.data);
  const written = clipOf(0, -46);
  await store.write({ ...written, id: 'level.mp4.t0.s0' });
  expect((await store.info('level.mp4.t0.s0')).speechDb).toBe(-46);
});

test('featuresFor computes once for each rule, and gives stored features as they are', async () => {
  const clip = clipOf(-20);
  expect(featuresFor(clip, recipe, storeRecipe)).toBe(clip.features);
  expect(featuresFor(clip, loud, storeRecipe)).toBe(featuresFor(clip, loud, storeRecipe));
  const other = featuresFor(clip, { features: 'SYNCNET_MFCC' }, storeRecipe);
  expect([other.bins, other]).not.toEqual([80, featuresFor(clip, loud, storeRecipe)]);
  expect(other.bins).toBe(13);
});

test.each([9, 29, 60])('stepsFor knows from a header how many steps a clip of %d frames has', (frameCount) => {
  const clip = { ...madeClip('n.mp4.t0.s0', frameCount), audio: recorded(0).slice(0, frameCount * 640) };
  const info = { frameCount, featureSteps: clip.features.steps };
  expect(stepsFor(info, recipe, storeRecipe)).toBe(clip.features.steps);
  expect(stepsFor(info, loud, storeRecipe)).toBe(
    Math.min(clip.features.steps, featuresFor(clip, loud, storeRecipe).steps),
  );
  expect(stepsFor({ ...info, logitSteps: 7 }, { features: 'ASR_LOGITS' }, storeRecipe)).toBe(7);
});

test('a generator’s supervising network gets audio of its own loudness, the generator what is stored', async () => {
  const { folder: heads, remove: removeHeads } = await temporaryFolder();
  const headStore = await ClipStore.create(heads, { ...storeRecipe, crop: { kind: 'dinet head', mouth: 8 } });
  const frames = new Uint8Array(COUNT * 13 * 10 * 3);
  await headStore.write({ ...clipOf(-40), height: 13, width: 10, frames });
  const options = { batchSize: 1, frameCount: 5, referenceCount: 1, audioFrames: 5, features: 'mel' as const };
  const make = (syncLoudness?: SyncRecipe['loudness']) =>
    new DinetBatchMaker(headStore, { ...options, syncLoudness, seed: 1, exclude: [] }).make(0);
  const [stored, brought] = [await make(), await make(SPEECH_LOUDNESS)];
  expect(brought.features).toEqual(stored.features);
  const most = (values: Float32Array) => Math.max(...values);
  expect(most(brought.syncFeatures) - most(stored.syncFeatures)).toBeGreaterThan(1);
  await removeHeads();
});
