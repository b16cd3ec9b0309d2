import type { Waveform } from '@lipsync/contracts';
import { planCrops, trackFromLandmarks } from '@lipsync/face-crop';
import type { TrackedVideo } from '@lipsync/sync-windows';
import { AudioCursor } from '@lipsync/sync-windows';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { facePoints, HEIGHT, madeAudio, WIDTH } from '../../../sync-windows/src/testing/made-video';
import type { OffsetVerdict } from '../store/clip';
import { ClipStore } from '../store/clip-store';
import { recipe, similarity, temporaryFolder } from '../testing/made-clips';
import { finishSegment } from './finish-segment';
import { GENERAL } from './preparation';
import type { OffsetStage } from './segment-offset';

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  store = await ClipStore.create(folder, {
    crop: similarity(1.9, 8),
    features: 'THESIS_MEL',
    stepsPerSecond: 80,
    bins: 80,
    fps: 25,
  });
});
afterEach(() => remove());

const COUNT = 60;
const points = new Float32Array(COUNT * 136);
for (let f = 0; f < COUNT; f++) points.set(facePoints(60), f * 136);
const track = trackFromLandmarks(points);
const segment = {
  track,
  plan: planCrops(track, similarity(1.9, 8)),
  number: 3,
  firstFrame: 0,
  frameCount: COUNT,
  frames: new Uint8Array(COUNT * 192),
};
const video = {
  info: { video: { fps: 29.97002997 } },
  frameSize: { width: WIDTH, height: HEIGHT },
  audioLevel: { speechDb: -20 },
} as TrackedVideo;
async function* audio(): AsyncGenerator<Waveform> {
  yield { samples: madeAudio(COUNT * 640), sampleRate: 16000 };
}
const context = () => ({ source: 'a.mp4', preparation: GENERAL, audio: new AudioCursor(audio()), video, store });

test('a segment becomes the clip of its number, with what is known of its video and person', async () => {
  expect(await finishSegment(segment, { ...context(), sourceSha256: 'ab', person: 'Ann' })).toEqual({
    id: 'a.mp4.t0.s3',
    confidence: undefined,
  });
  const info = await store.info('a.mp4.t0.s3');
  expect(info).toMatchObject({
    frameCount: COUNT,
    person: 'Ann',
    sourceSha256: 'ab',
    video: { fps: 29.97, width: WIDTH, height: HEIGHT },
  });
  expect(info.offset).toBeUndefined();
});

test('audio moved so far that too few frames are left drops the clip', async () => {
  const offset = {
    expert: 'x',
    recipe: { ...recipe, featureSteps: 16 },
    measure: async () => ({ offsetFrames: 45, confidence: 1, distance: 1, windows: 50 }),
  };
  const preparation = { ...GENERAL, maxOffset: 50 };
  expect(await finishSegment(segment, { ...context(), preparation, stages: { offset } })).toEqual({
    reason: 'too short',
    detail: '15 frames after its audio was moved by 45 frames',
  });
  expect(await store.list()).toEqual([]);
});

const verdictOf = (offsetFrames: number | null, reason: OffsetVerdict['reason'] = 'found'): OffsetVerdict => ({
  answer: offsetFrames === null ? 'cannot tell' : offsetFrames === 0 ? 'in sync' : offsetFrames > 0 ? 'early' : 'late',
  reason,
  sentence: 'in a sentence',
  confidence: offsetFrames === null ? 0.01 : 0.98,
  offsetFrames,
  likeliestFrames: offsetFrames ?? -9,
  zScore: 3,
});

/** A stage that gives one verdict after the other, beside a shift of lowest distance that is always 11. */
function stageOf(...verdicts: OffsetVerdict[]) {
  const facts: unknown[] = [];
  const measure: OffsetStage['measure'] = async (windows, known) => {
    facts.push(known);
    for await (const _ of windows);
    return { offsetFrames: 11, confidence: 1, distance: 1, windows: 50, verdict: verdicts.shift()! };
  };
  return { facts, offset: { expert: 'x', recipe: { ...recipe, featureSteps: 16 }, measure } };
}

test('audio is moved by the offset of the verdict, not by the shift of lowest distance', async () => {
  const { facts, offset } = stageOf(verdictOf(-4), verdictOf(0));
  const done = await finishSegment(segment, { ...context(), stages: { offset } });
  expect(done).toMatchObject({ id: 'a.mp4.t0.s3' });
  const { offset: record } = await store.info('a.mp4.t0.s3');
  expect(record).toMatchObject({
    corrected: -4,
    measured: { verdict: verdictOf(-4) },
    after: { verdict: verdictOf(0) },
  });
  expect(facts).toEqual([{ speechShare: expect.any(Number) }, { speechShare: expect.any(Number) }]);
});

test.each<[OffsetVerdict['reason'], string]>([
  ['no match', 'offset unknown'],
  ['still picture', 'offset unknown'],
  ['offset changes', 'offset changes'],
])('a segment of which the verdict is %s is dropped: %s', async (reason, drop) => {
  const { offset } = stageOf(verdictOf(null, reason));
  expect(await finishSegment(segment, { ...context(), stages: { offset } })).toEqual({
    reason: drop,
    detail: 'in a sentence',
  });
  expect(await store.list()).toEqual([]);
});

test('a gate that is not passed is the reason, and nothing is written', async () => {
  const gates = { ...GENERAL.gates, minFaceSize: 500 };
  expect(await finishSegment(segment, { ...context(), preparation: { ...GENERAL, gates } })).toMatchObject({
    reason: 'face too small',
  });
  expect(await store.list()).toEqual([]);
});
