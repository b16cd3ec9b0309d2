import { readdir } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { melSpectrogram, THESIS_MEL } from '@lipsync/audio-mel';
import type { SyncRecipe } from '@lipsync/contracts';
import { trackFromLandmarks } from '@lipsync/face-crop';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MadeVideo } from '../../../sync-windows/src/testing/made-video';
import { facePoints, HEIGHT, madeAudio, madeMedia, WIDTH } from '../../../sync-windows/src/testing/made-video';
import type { Clip, StoreRecipe } from '../store/clip';
import { ClipStore } from '../store/clip-store';
import { hashFile } from '../store/hash-file';
import { recipe, similarity, temporaryFolder } from '../testing/made-clips';
import type { Preparation } from './preparation';
import { GENERAL } from './preparation';
import type { PrepareOptions } from './prepare-video';
import { prepareVideo } from './prepare-video';
import type { OffsetStage } from './segment-offset';

const storeRecipe: StoreRecipe = {
  crop: similarity(1.9, 8),
  features: 'THESIS_MEL',
  stepsPerSecond: 80,
  bins: 80,
  fps: 25,
};
/** The general preparation with what is given instead. */
const but = (options: Partial<Preparation>) => ({ preparation: { ...GENERAL, ...options } });
const face = { from: 0, to: 1e9, x: 60 };

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  store = await ClipStore.create(folder, storeRecipe);
});
afterEach(() => remove());

function media(videos: Record<string, MadeVideo>) {
  const made = madeMedia(videos);
  const prepare = (path: string, options: Partial<PrepareOptions> = {}, into = store) =>
    prepareVideo(
      { path, source: path.replace('in/', ''), reader: made.reader, detector: made.detectorFor(path), ...options },
      into,
    );
  return { ...made, prepare };
}

async function content(): Promise<Record<string, string>> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => `${entry.parentPath}/${entry.name}`).sort();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await hashFile(path)])));
}

test('a short video becomes one clip with its frames, audio, landmarks and poses', async () => {
  const { prepare } = media({ 'in/sub/a.mp4': { frameCount: 30, faces: [face] } });
  const result = await prepare('in/sub/a.mp4', { sourceSha256: 'abc' });
  expect(result).toEqual({ source: 'sub/a.mp4', clips: ['sub/a.mp4.t0.s0'], dropped: [], alreadyDone: false });
  const clip = await store.read('sub/a.mp4.t0.s0');
  expect(clip).toMatchObject({
    frameCount: 30,
    height: 8,
    width: 8,
    firstFrame: 0,
    score: 0.5,
    interpolated: 0,
    sourceSha256: 'abc',
  });
  for (let f = 0; f < 30; f++) expect(clip.frames[f * 8 * 8 * 3]).toBe(f);
  expect(clip.landmarks.subarray(136, 272)).toEqual(facePoints(60));
  // s = max(20, 0.95 * 22) = 20.9 pixels, and the side 1.9 s
  expect([...clip.poses.subarray(4, 8)].map((value) => Math.round(1000 * value) / 1000)).toEqual([60, 52, 39.71, 0]);
  const whole = melSpectrogram({ samples: madeAudio(30 * 640), sampleRate: 16000 }, THESIS_MEL);
  expect(clip.features.steps).toBe(97); // all there is: 96 steps of 30 frames and the last
  expect(clip.features.data).toEqual(whole.data.slice(0, 97 * 80));
  expect([...clip.audio.subarray(0, 2000)]).toEqual([...madeAudio(2000)].map((sample) => Math.round(sample * 32768)));
});

test('a long track is cut where frame and feature step meet; its features are those of the whole audio', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 420, faces: [{ from: 3, to: 410, x: 60 }] } });
  const { clips } = await prepare('in/a.mp4', { ...but({ segmentSec: 5, minSegmentSec: 1.5 }), keepBytes: 0 });
  const infos = await Promise.all(clips.map((id) => store.info(id)));
  expect(infos.map((info) => [info.id, info.firstFrame, info.frameCount])).toEqual([
    ['a.mp4.t0.s0', 5, 125],
    ['a.mp4.t0.s1', 130, 125],
    ['a.mp4.t0.s2', 255, 155],
  ]);
  const whole = melSpectrogram({ samples: madeAudio(420 * 640), sampleRate: 16000 }, THESIS_MEL);
  for (const { id, firstFrame, frameCount: count } of infos) {
    const clip = await store.read(id);
    const start = (firstFrame / 5) * 16;
    expect(clip.features.steps).toBe(Math.ceil(3.2 * count) + 1);
    expect(clip.features.data).toEqual(whole.data.slice(start * 80, (start + clip.features.steps) * 80));
    for (let f = 0; f < count; f++) expect(clip.frames[f * 192]).toBe((firstFrame + f) & 255);
  }
});

test('faces that appear together and one after the other each get their clips', async () => {
  const faces = [
    { from: 0, to: 60, x: 40 },
    { from: 20, to: 100, x: 80 },
    { from: 40, to: 46, x: 60 },
  ];
  const { prepare, counts } = media({ 'in/a.mp4': { frameCount: 100, faces } });
  const { clips, dropped } = await prepare('in/a.mp4');
  expect(clips.sort()).toEqual(['a.mp4.t0.s0', 'a.mp4.t1.s0']);
  expect(dropped).toEqual([
    {
      source: 'a.mp4',
      track: 2,
      reason: 'too short',
      detail: '6 frames, fewer than 20 from a place where frame and feature step meet',
    },
  ]);
  const [first, second] = await Promise.all(['a.mp4.t0.s0', 'a.mp4.t1.s0'].map((id) => store.read(id)));
  expect([first.firstFrame, first.frameCount, second.firstFrame, second.frameCount]).toEqual([0, 60, 20, 80]);
  expect([first.poses[0], second.poses[0]]).toEqual([40, 80]);
  expect(counts.open).toBe(0);
});

test('small videos are decoded once, larger ones twice, with the same clips', async () => {
  const one = media({ 'in/a.mp4': { frameCount: 40, faces: [face] } });
  await one.prepare('in/a.mp4', { keepBytes: 40 * WIDTH * HEIGHT * 3 });
  expect([one.counts.framePasses, one.counts.audioPasses]).toEqual([1, 1]);
  const before = await content();
  await remove();
  store = await ClipStore.create(folder, storeRecipe);
  const two = media({ 'in/a.mp4': { frameCount: 40, faces: [face] } });
  await two.prepare('in/a.mp4', { keepBytes: 40 * WIDTH * HEIGHT * 3 - 1 });
  expect(two.counts.framePasses).toBe(2);
  expect(await content()).toEqual(before);
});

test('every kind of unusable video is dropped by its reason, and the store counts them', async () => {
  const { prepare, counts } = media({
    'in/mute.mp4': { frameCount: 30, faces: [face], hasAudio: false },
    'in/silent.mp4': { frameCount: 30, faces: [face], amplitude: 1e-4 },
    'in/nobody.mp4': { frameCount: 30, faces: [] },
    'in/short.mp4': { frameCount: 12, faces: [face] },
    'in/click.mp4': { frameCount: 30, faces: [face], samples: 300 },
    'in/cut-sound.mp4': { frameCount: 60, faces: [face], samples: 5000 },
    'in/breaks.mp4': { frameCount: 60, faces: [face], breaksAt: 40 },
  });
  const names = ['mute', 'silent', 'nobody', 'short', 'click', 'cut-sound', 'breaks', 'no-video'];
  const reasons = [];
  for (const name of names) {
    const { clips, dropped } = await prepare(`in/${name}.mp4`);
    expect(clips).toEqual([]);
    reasons.push(dropped.map((drop) => drop.reason).join());
  }
  expect(reasons).toEqual([
    'no audio',
    'silent',
    'no face',
    'too short',
    'audio too short',
    'audio too short',
    'broken',
    'broken',
  ]);
  const drops = await store.dropped();
  expect(drops.find((drop) => drop.source === 'no-video.mp4')!.detail).toBe(
    'probe: path must be a video, got no-video.mp4: [mov] moov atom not found',
  );
  expect(drops.find((drop) => drop.source === 'nobody.mp4')!.detail).toBe('no face found in 30 frames');
  expect((await store.summary()).dropped).toEqual({
    broken: 2,
    'no face': 1,
    'no audio': 1,
    silent: 1,
    'audio too short': 2,
    'too short': 1,
  });
  expect(counts.open).toBe(0);
});

test('a segment without audio is dropped alone', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 300, faces: [face], silentFrom: 100 * 640 } });
  const { clips, dropped } = await prepare('in/a.mp4', but({ segmentSec: 4 }));
  expect(clips).toEqual(['a.mp4.t0.s0']);
  expect(dropped.map((drop) => [drop.segment, drop.reason])).toEqual([
    [1, 'silent'],
    [2, 'silent'],
  ]);
});

test('landmarks that are given replace the detector, and may be longer than the frames', async () => {
  const points = new Float32Array(62 * 136);
  for (let f = 0; f < 62; f++) points.set(facePoints(60), f * 136);
  const { prepare, counts } = media({
    'in/a.mp4': { frameCount: 60, faces: [] },
    'in/b.mp4': { frameCount: 60, faces: [], breaksAt: 55 },
  });
  const tracks = [trackFromLandmarks(points)];
  const { clips } = await prepare('in/a.mp4', {
    detector: undefined,
    tracks,
    ...but({ segmentSec: 1, minSegmentSec: 0.5 }),
  });
  expect(clips).toEqual(['a.mp4.t0.s0', 'a.mp4.t0.s1']);
  expect((await store.info('a.mp4.t0.s1')).frameCount).toBe(35); // 60 frames, though the landmarks go to 62
  expect(counts.framePasses).toBe(1);
  // A file that breaks off after its first clip leaves none.
  const broken = await prepare('in/b.mp4', {
    detector: undefined,
    tracks,
    ...but({ segmentSec: 1, minSegmentSec: 0.5 }),
  });
  expect([broken.clips, broken.dropped.map((drop) => drop.reason)]).toEqual([[], ['broken']]);
  expect(await store.list()).toEqual(clips);
});

test('a stopped run resumes and ends in the same bytes; a finished video is left alone', async () => {
  const videos = { 'in/a.mp4': { frameCount: 200, faces: [face] }, 'in/b.mp4': { frameCount: 200, faces: [] } };
  const options = but({ segmentSec: 2, minSegmentSec: 1 });
  const straight = media(videos);
  const first = await straight.prepare('in/a.mp4', options);
  await straight.prepare('in/b.mp4', options);
  await store.finish();
  const wanted = await content();

  await remove();
  store = await ClipStore.create(folder, storeRecipe);
  const again = media(videos);
  const write = store.write.bind(store);
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const spy = vi
    .spyOn(store, 'write')
    .mockImplementation((clip) => (clip.id.endsWith('s2') ? Promise.reject(full) : write(clip)));
  await expect(again.prepare('in/a.mp4', options)).rejects.toBe(full); // a full disk is not the video's fault
  expect(again.counts.open).toBe(0);
  expect(await store.source('a.mp4')).toBeUndefined();
  expect(await store.dropped()).toEqual([]);
  spy.mockRestore();
  await again.prepare('in/b.mp4', options);
  expect(await again.prepare('in/a.mp4', options)).toEqual(first);
  await store.finish();
  expect(await content()).toEqual(wanted);

  const passes = again.counts.framePasses;
  expect(await again.prepare('in/a.mp4', options)).toEqual({ ...first, alreadyDone: true });
  expect(again.counts.framePasses).toBe(passes);
});

test('progress is reported in both passes', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 60, faces: [face] } });
  const seen: string[] = [];
  await prepare('in/a.mp4', {
    onProgress: ({ phase, frameCount, ofFrames }) => seen.push(`${phase} ${frameCount} of ${ofFrames}`),
  });
  expect(seen).toEqual(['faces 25 of 60', 'faces 50 of 60', 'clips 25 of 60', 'clips 50 of 60']);
});

test('prepareVideo refuses sources outside the folder and clips of no frame', async () => {
  const { prepare } = media({});
  await expect(prepare('in/a.mp4', { source: '../a.mp4' })).rejects.toThrow('inside it');
  await expect(prepare('in/a.mp4', but({ minFrames: 0 }))).rejects.toThrow(
    'prepareVideo: preparation.minFrames must be >=1, got 0',
  );
  await expect(prepare('in/a.mp4', { detector: undefined })).rejects.toThrow(
    'detector must be given where tracks are not',
  );
});

/** A network that finds what it is told, call by call, and notes what it was shown. */
function toldOffsets(...offsets: number[]) {
  const featureWindows: Float32Array[][] = [];
  const stage: OffsetStage = {
    expert: 'told',
    weightsHash: 'ff',
    recipe: { ...recipe, featureSteps: 16 },
    async measure(windows) {
      const seen: Float32Array[] = [];
      for await (const { features } of windows) seen.push(features);
      featureWindows.push(seen);
      return { offsetFrames: offsets[featureWindows.length - 1], confidence: 0.5, distance: 1, windows: seen.length };
    },
  };
  return { stage, featureWindows };
}

test('an offset is measured, the audio moved by it and measured again; the clip keeps all three', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 100, faces: [face] } });
  const { stage, featureWindows } = toldOffsets(-3, 0);
  const { clips } = await prepare('in/a.mp4', { stages: { offset: stage } });
  const clip = await store.read(clips[0]);
  const reading = { confidence: 0.5, distance: 1 };
  expect(clip.offset).toEqual({
    expert: 'told',
    weightsHash: 'ff',
    measured: { offsetFrames: -3, ...reading, windows: featureWindows[0].length },
    corrected: -3,
    after: { offsetFrames: 0, ...reading, windows: featureWindows[1].length },
  });
  // The audio came 3 frames late: the audio of frame f now stands at f, and there is none for the last three frames.
  const audio = madeAudio(100 * 640);
  expect([...clip.audio.subarray(0, 640)]).toEqual(
    [...audio.subarray(3 * 640, 4 * 640)].map((sample) => Math.round(sample * 32768)),
  );
  expect(clip.audio).toHaveLength(97 * 640);
  expect([clip.frameCount, clip.firstFrame]).toEqual([100, 0]);
  const moved = melSpectrogram({ samples: audio.slice(3 * 640), sampleRate: 16000 }, THESIS_MEL);
  expect(clip.features.data.subarray(8 * 80, 40 * 80)).toEqual(moved.data.slice(8 * 80, 40 * 80));
});

test('delayed audio leaves out the frames before it', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 100, faces: [face] } });
  const { clips } = await prepare('in/a.mp4', { stages: { offset: toldOffsets(7, 1).stage } });
  const clip = await store.read(clips[0]);
  expect([clip.firstFrame, clip.frameCount, clip.offset?.corrected]).toEqual([10, 90, 7]);
  expect(clip.frames[0]).toBe(10);
  const audio = madeAudio(100 * 640);
  expect([...clip.audio.subarray(0, 640)]).toEqual(
    [...audio.subarray(3 * 640, 4 * 640)].map((sample) => Math.round(sample * 32768)),
  );
});

test.each([
  ['stays as it is within a frame', [1], {}, 0, undefined],
  ['stays as it is where it is only measured', [9], { offset: 'measure' }, 0, undefined],
  ['stays as it is where the network is not sure', [9], { correctionConfidence: 0.6 }, 0, undefined],
  ['drops the clip where it is too large', [9], { maxOffset: 8 }, 0, 'offset too large'],
  ['drops the clip where the network knows nothing', [0], { minConfidence: 0.6 }, 0, 'offset unknown'],
  ['drops the clip where it stays after the correction', [9, 9], {}, 0, 'offset stays'],
] as const)('an offset %s', async (_, told, options, corrected, reason) => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 100, faces: [face] } });
  const { clips, dropped } = await prepare('in/a.mp4', {
    stages: { offset: toldOffsets(...told).stage },
    ...but(options),
  });
  expect(dropped.map((drop) => drop.reason)).toEqual(reason ? [reason] : []);
  if (!reason)
    expect((await store.info(clips[0])).offset).toMatchObject({ corrected, measured: { offsetFrames: told[0] } });
});

test('a network of another crop and other features gets its own', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 60, faces: [face] } });
  const shown: [number, number][] = [];
  const whole: SyncRecipe = {
    ...recipe,
    crop: { kind: 'whole frame', size: 4, resize: 'bilinear' },
    features: 'SYNCNET_MFCC',
    featureSteps: 20,
  };
  const offset: OffsetStage = {
    expert: 'whole',
    recipe: whole,
    async measure(windows) {
      for await (const { frames, features } of windows) shown.push([frames.length, features.length]);
      return { offsetFrames: 0, confidence: 1, distance: 1, windows: shown.length };
    },
  };
  await prepare('in/a.mp4', { stages: { offset } });
  expect(shown.length).toBeGreaterThan(50);
  expect(new Set(shown.map(String))).toEqual(new Set([`${4 * 4 * 15},${13 * 20}`]));
});

test('of two faces at the same time the talking one is kept, or the larger, or both', async () => {
  const faces = [
    { from: 0, to: 60, x: 40 },
    { from: 0, to: 60, x: 80 },
  ];
  const confident = (): OffsetStage => {
    let calls = 0;
    return {
      ...toldOffsets().stage,
      async measure(windows) {
        let count = 0;
        for await (const _ of windows) count++;
        return { offsetFrames: 0, confidence: [0.2, 0.4][calls++], distance: 1, windows: count };
      },
    };
  };
  const kept = async (preparation: Partial<Preparation>, offset?: OffsetStage) => {
    await remove();
    store = await ClipStore.create(folder, storeRecipe);
    const { prepare } = media({ 'in/a.mp4': { frameCount: 60, faces } });
    const { clips, dropped } = await prepare('in/a.mp4', {
      ...but(preparation),
      ...(offset ? { stages: { offset } } : {}),
    });
    expect(await store.list()).toEqual(clips);
    return [clips, dropped.map((drop) => `${drop.track} ${drop.reason}`)];
  };
  expect(await kept({ faces: 'talking' }, confident())).toEqual([['a.mp4.t1.s0'], ['0 not talking']]);
  expect(await kept({ faces: 'all' }, confident())).toEqual([['a.mp4.t0.s0', 'a.mp4.t1.s0'], []]);
  expect(await kept({ faces: 'talking' })).toEqual([['a.mp4.t0.s0', 'a.mp4.t1.s0'], []]); // nobody can tell
});

test('no track continues over a cut', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 100, faces: [face] } });
  const shots = () => ({ push: ({ index }: { index: number }) => (index === 42 ? [40] : []), finish: () => [] });
  const { clips } = await prepare('in/a.mp4', { stages: { shots } });
  const infos = await Promise.all(clips.map((id) => store.info(id)));
  expect(infos.map(({ firstFrame, frameCount: count }) => [firstFrame, count])).toEqual([
    [0, 40],
    [40, 60],
  ]);
});

test('quality is measured, gates drop by it, and the face of each clip is embedded once', async () => {
  const { prepare } = media({ 'in/a.mp4': { frameCount: 60, faces: [face] } });
  const looks: number[] = [];
  const stages = {
    sharpness: () => 12,
    embed: async ({ index }: { index: number }) => Float32Array.of(looks.push(index)),
  };
  const { clips } = await prepare('in/a.mp4', { stages, person: 'Ann' });
  const clip = await store.read(clips[0]);
  expect(looks).toEqual([30]);
  expect([clip.person, [...clip.faceEmbedding!]]).toEqual(['Ann', [1]]);
  expect(clip.quality).toMatchObject({ sharpness: 12, lipsInside: 1, sideDeviation: 0, brightness: 30 });
  expect(clip.quality!.faceSize).toBeGreaterThan(0);
  const gates = async (gate: Partial<Preparation['gates']>) => {
    await remove();
    store = await ClipStore.create(folder, storeRecipe);
    return (await prepare('in/a.mp4', { stages, ...but({ gates: { ...GENERAL.gates, ...gate } }) })).dropped.map(
      (drop) => drop.reason,
    );
  };
  expect(await gates({ minFaceSize: 1000 })).toEqual(['face too small']);
  expect(await gates({ minSharpness: 13 })).toEqual(['blurred']);
  expect(await gates({ minScore: 0.6 })).toEqual(['detection unsure']);
  expect(await gates({ minLipsInside: 1, minSharpness: 12 })).toEqual([]);
  await expect(prepare('in/b.mp4', but({ gates: { ...GENERAL.gates, minSharpness: 1 } }))).rejects.toThrow(
    'stages.sharpness must be given',
  );
});

test("a store of head crops holds DINet's face images, and clips say where their mouths are", async () => {
  await remove();
  store = await ClipStore.create(folder, { ...storeRecipe, crop: { kind: 'dinet head', mouth: 8 } });
  const { prepare } = media({ 'in/a.mp4': { frameCount: 60, faces: [face] } });
  const { clips, dropped } = await prepare('in/a.mp4');
  expect(dropped).toEqual([]);
  const clip = await store.read(clips[0]);
  expect([clip.height, clip.width, clip.frames.length]).toEqual([13, 10, 60 * 13 * 10 * 3]);
});

test('memory does not grow with the number of clips: their frames are released', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held: WeakRef<Uint8Array>[] = [];
  const write = store.write.bind(store);
  // No spy: it would keep what it was called with.
  store.write = (clip) => {
    held.push(new WeakRef(clip.frames));
    return write(clip);
  };
  const { prepare } = media({ 'in/a.mp4': { frameCount: 500, faces: [face] } });
  let alive = 0;
  const count = () => {
    collect();
    alive = Math.max(alive, held.filter((frames) => frames.deref() !== undefined).length);
  };
  const { clips } = await prepare('in/a.mp4', {
    ...but({ segmentSec: 2, minSegmentSec: 1 }),
    keepBytes: 0,
    onProgress: ({ phase, frameCount }) => phase === 'clips' && frameCount % 100 === 75 && count(),
  });
  expect(clips).toHaveLength(10);
  expect(alive).toBeLessThanOrEqual(2);
});

test('logits of the whole audio are cut like its frames and moved with it; a video whose logits are bad is dropped', async () => {
  // Row r is all r.
  const rows = (steps: number) => ({
    data: Float32Array.from({ length: steps * 29 }, (_, i) => Math.floor(i / 29)),
    steps,
    bins: 29,
  });
  const firsts = ({ logits }: Clip) => Array.from({ length: logits!.steps }, (_, i) => logits!.data[29 * i]);
  const { prepare } = media({
    'in/a.mp4': { frameCount: 100, faces: [face] },
    'in/b.mp4': { frameCount: 100, faces: [face] },
    'in/c.mp4': { frameCount: 100, faces: [face] },
  });
  const durations: number[] = [];
  const logits = (durationSec: number) => {
    durations.push(durationSec);
    return rows(99);
  };
  const late = await prepare('in/a.mp4', { logits, stages: { offset: toldOffsets(-3, 0).stage } });
  expect(firsts(await store.read(late.clips[0]))).toEqual(Array.from({ length: 96 }, (_, i) => i + 3));
  const early = await prepare('in/b.mp4', { logits, stages: { offset: toldOffsets(7, 1).stage } });
  expect(firsts(await store.read(early.clips[0]))).toEqual(Array.from({ length: 90 }, (_, i) => i + 3));
  expect(durations).toEqual([4, 4]);
  const bad = await prepare('in/c.mp4', { logits: async () => Promise.reject(new Error('in/c.mp4: no rows')) });
  expect(bad).toMatchObject({ clips: [], dropped: [{ reason: 'bad features', detail: 'c.mp4: no rows' }] });
  await store.finish();
  const { logitSteps } = (await store.manifest())!.clips[0];
  expect(logitSteps).toBe(96);
  const other = await temporaryFolder();
  const slow = await ClipStore.create(other.folder, { ...storeRecipe, fps: 20 });
  await expect(prepare('in/a.mp4', { logits }, slow)).rejects.toThrow(
    'prepareVideo: store.recipe.fps must be 25, the rate of logits, got 20',
  );
  await other.remove();
});
