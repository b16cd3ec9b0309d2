import type { Waveform } from '@lipsync/contracts';
import { planCrops, trackFromLandmarks } from '@lipsync/face-crop';
import type { TrackedVideo } from '@lipsync/sync-windows';
import { AudioCursor } from '@lipsync/sync-windows';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { facePoints, HEIGHT, madeAudio, WIDTH } from '../../../sync-windows/src/testing/made-video';
import { ClipStore } from '../store/clip-store';
import { recipe, similarity, temporaryFolder } from '../testing/made-clips';
import { finishSegment } from './finish-segment';
import { GENERAL } from './preparation';

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

test('a gate that is not passed is the reason, and nothing is written', async () => {
  const gates = { ...GENERAL.gates, minFaceSize: 500 };
  expect(await finishSegment(segment, { ...context(), preparation: { ...GENERAL, gates } })).toMatchObject({
    reason: 'face too small',
  });
  expect(await store.list()).toEqual([]);
});
