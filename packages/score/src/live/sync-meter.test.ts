import '@tensorflow/tfjs-backend-cpu';
import type { LandmarkDetector, SyncRecipe } from '@lipsync/contracts';
import { type Embedder, localEmbedder } from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test } from 'vitest';
import { scoreFrames } from '../frames/score-frames';
import { madeExpert, madeTalk, mouthsOf, randomOf, type Talk, voiceOf } from '../testing/made-talk';
import type { MeterReading } from './meter-reading';
import { createSyncMeter, type SyncMeter, type SyncMeterOptions } from './sync-meter';

await tf.setBackend('cpu');
const expert = madeExpert();
let meter: SyncMeter | undefined;
afterEach(() => meter?.dispose());

async function open(options: SyncMeterOptions = {}) {
  const readings: MeterReading[] = [];
  meter = await createSyncMeter({ expert, onReading: (reading) => readings.push(reading), ...options });
  return { meter, readings };
}

type Feed = {
  /** Time stamps of frames and pieces of audio, of their true times. */
  clock?: (sec: number) => number;
  /** Samples that the audio's clock counts for 16000. */
  sampleClock?: number;
  /** Seconds of the first time stamp. */
  fromSec?: number;
  keeps?: (sec: number, kind: 'frame' | 'audio') => boolean;
};

const PIECE = 320;

/** Pushes a talk, frame by frame with the audio up to it, at the pace of the meter. */
async function feed(own: SyncMeter, talk: Talk, voice: Float32Array, options: Feed = {}) {
  const { clock = (sec) => sec, fromSec = 0, keeps = () => true, sampleClock = 1 } = options;
  const rate = 16000 * sampleClock;
  let sample = 0;
  for (const [k, mouth] of mouthsOf(talk).entries()) {
    if (keeps(k / 25, 'frame')) expect(own.pushFrame(mouth, fromSec + clock(k / 25))).toBe(true);
    for (; sample < ((k + 1) * rate) / 25 && sample < voice.length; sample += PIECE) {
      const samples = voice.subarray(sample, sample + PIECE);
      if (keeps(sample / rate, 'audio')) own.pushAudio({ samples, sampleRate: 16000 }, fromSec + clock(sample / rate));
    }
    if (own.waiting > 5) await own.idle();
  }
}

/** Where the made network sees audio that is in place: it hears half a frame late. */
const UNMOVED = -0.5;

/** The audio moved by frames; positive: early. */
function moved(voice: Float32Array, frames: number): Float32Array {
  const out = new Float32Array(voice.length);
  const by = frames * 640;
  if (by >= 0) out.set(voice.subarray(by));
  else out.set(voice.subarray(0, by), -by);
  return out;
}

test('a stream has the verdict of the same frames and audio in one piece', async () => {
  const talk = madeTalk(200, 1);
  const { samples } = voiceOf(talk);
  for (const offset of [0, 3, -9]) {
    const audio = { samples: moved(samples, offset), sampleRate: 16000 };
    const { faces } = await scoreFrames({ mouths: mouthsOf(talk), audio }, { expert });
    const { meter: own } = await open({ windowSec: 8 });
    await feed(own, talk, audio.samples, { fromSec: 1000 });
    const { faces: got, problem, toSec } = await own.flush();
    expect(problem).toBeUndefined();
    expect(toSec).toBeCloseTo(1008 - 4 / 25, 6);
    const [{ verdict }] = got;
    expect(verdict!.offsetFrames).toBe(offset);
    expect(verdict!.sentence).toBe(faces[0].verdict.sentence);
    // The made network has no rule of loudness, so both see the same windows.
    expect(verdict!.exactFrames).toBeCloseTo(faces[0].verdict.exactFrames!, 6);
    expect(verdict!.confidence).toBeCloseTo(faces[0].verdict.confidence!, 6);
    expect(verdict!.overTime[0].fromSec).toBeCloseTo(1000, 6);
    await own.dispose();
  }
});

test('a change of the offset is found in the middle of a stream, and is the only one once it fills the window', async () => {
  const talk = madeTalk(500, 2);
  const { samples } = voiceOf(talk);
  const audio = moved(samples, -2);
  audio.set(moved(samples, 7).subarray(160000), 160000);
  const { meter: own, readings } = await open({ windowSec: 6 });
  await feed(own, talk, audio);
  const last = await own.flush();
  const answers = readings.map(({ faces }) => faces[0]?.verdict?.offsetFrames);
  const at = (sec: number) => answers[readings.findIndex(({ toSec }) => toSec >= sec)];
  expect([at(5), at(9)]).toEqual([-2, -2]);
  expect(at(17)).toBe(7);
  expect(last.faces[0].verdict!.offsetFrames).toBe(7);
  const during = readings.filter(({ toSec }) => toSec > 12 && toSec < 14).map(({ faces }) => faces[0].verdict!);
  expect(during.some(({ reason, parts }) => reason === 'offset changes' && parts.at(-1)!.offsetFrames === 7)).toBe(
    true,
  );
});

test('time stamps that jitter, and a sample clock that is off, do not move the offset', async () => {
  const talk = madeTalk(750, 3);
  const { samples } = voiceOf(talk);
  const random = randomOf(5);
  // 1000 ppm: 30 ms in these 30 s, three quarters of a frame.
  const fast = Float32Array.from({ length: 30 * 16016 }, (_, i) => samples[Math.round(i / 1.001)] ?? 0);
  const { meter: own, readings } = await open({ windowSec: 8 });
  await feed(own, talk, fast, { clock: (sec) => sec + 0.015 * (random() - 0.5), sampleClock: 1.001 });
  await own.flush();
  const exact = readings.filter(({ toSec }) => toSec > 8).map(({ faces }) => faces[0].verdict!.exactFrames!);
  expect(exact.length).toBeGreaterThan(15);
  // Measured 0.25; without correction it would be 0.75.
  for (const value of exact) expect(Math.abs(value - UNMOVED)).toBeLessThan(0.35);
});

test('gaps in frames and in audio are left out, and what stays is measured', async () => {
  const talk = madeTalk(400, 4);
  const { samples } = voiceOf(talk);
  const { meter: own } = await open({ windowSec: 16 });
  const keeps: Feed['keeps'] = (sec, kind) =>
    kind === 'frame' ? !(sec >= 3 && sec < 4.5) && Math.round(sec * 25) % 11 !== 0 : !(sec >= 8 && sec < 10);
  await feed(own, talk, moved(samples, 4), { keeps });
  const { faces } = await own.flush();
  expect(faces[0].verdict!.answer).toBe('early');
  expect(Math.abs(faces[0].verdict!.exactFrames! - 4 - UNMOVED)).toBeLessThan(0.1); // measured 0.01
});

test('a reading says what is missing', async () => {
  const talk = madeTalk(200, 6);
  const { samples } = voiceOf(talk);
  const { meter: own } = await open();
  expect(own.reading).toMatchObject({ problem: 'no frames', faces: [] });
  await feed(own, talk, samples, { keeps: (_, kind) => kind === 'frame' });
  expect((await own.flush()).problem).toBe('no audio');
  await own.dispose();
  const { meter: silent } = await open();
  await feed(silent, talk, samples, { keeps: (_, kind) => kind === 'audio' });
  expect((await silent.flush()).problem).toBe('no frames');
  await silent.dispose();
  const { meter: quiet } = await open();
  await feed(quiet, talk, new Float32Array(samples.length));
  expect((await quiet.flush()).faces[0].verdict).toMatchObject({ answer: 'cannot tell', reason: 'no speech' });
});

test('frames that come too fast are dropped and counted, and what is taken is measured', async () => {
  const talk = madeTalk(300, 7);
  const { samples } = voiceOf(talk);
  const slow = { ...expert, encodeVisual: expert.encodeVisual };
  const { meter: own } = await open({ expert: slow, mostWaiting: 60, windowSec: 12 });
  let taken = 0;
  for (const [k, mouth] of mouthsOf(talk).entries()) {
    if (own.pushFrame(mouth, k / 25)) taken++;
    own.pushAudio({ samples: samples.subarray(k * 640, (k + 1) * 640), sampleRate: 16000 }, k / 25);
    if (k % 100 === 99) await own.idle();
  }
  const { dropped, faces } = await own.flush();
  expect(taken).toBe(180);
  expect(dropped).toEqual({ frames: 120, audioSec: 0 });
  expect(faces[0].verdict).toMatchObject({ answer: 'in sync', offsetFrames: 0 });
});

/** An embedder that takes its time, and minds a call before the last one has ended. */
function slowEmbedder(): Embedder & { calls: number } {
  const embedder = localEmbedder(expert);
  let busy = false;
  const slow = {
    ...embedder,
    calls: 0,
    async visual(windows: readonly Float32Array[]) {
      if (busy) throw new Error('second call meanwhile');
      busy = true;
      slow.calls++;
      await new Promise((resolve) => setTimeout(resolve, 10));
      busy = false;
      return embedder.visual(windows);
    },
  };
  return slow;
}

test('frames and audio that come during a flush wait for it, and are measured after it', async () => {
  const mouths = mouthsOf(madeTalk(100, 9));
  const { samples } = voiceOf(madeTalk(100, 9));
  const { meter: own } = await open({ expert: slowEmbedder(), mostWaiting: 100 });
  const push = (from: number, to: number) => {
    for (let k = from; k < to; k++) {
      expect(own.pushFrame(mouths[k], k / 25)).toBe(true);
      own.pushAudio({ samples: samples.slice(k * 640, (k + 1) * 640), sampleRate: 16000 }, k / 25);
    }
  };
  push(0, 50);
  await own.idle();
  const first = own.flush();
  await new Promise((resolve) => setTimeout(resolve, 5)); // into its embedding
  push(50, 100);
  const second = own.flush();
  expect((await first).toSec).toBeCloseTo(2 - 4 / 25, 6);
  expect(own.waiting).toBeGreaterThan(0);
  const { toSec, faces } = await second;
  expect(toSec).toBeCloseTo(4 - 4 / 25, 6);
  expect(faces[0].verdict).toMatchObject({ answer: 'in sync', offsetFrames: 0 });
});

test('dispose waits for a flush, which gives the last reading', async () => {
  const embedder = slowEmbedder();
  const { meter: own, readings } = await open({ expert: embedder });
  const talk = madeTalk(20, 10);
  await feed(own, talk, voiceOf(talk).samples);
  await own.idle();
  const flushed = own.flush();
  await new Promise((resolve) => setTimeout(resolve, 5));
  let ended = false;
  void flushed.then(() => (ended = true));
  await own.dispose();
  expect(ended).toBe(true);
  expect([embedder.calls, readings]).toEqual([1, []]);
  expect(await flushed).toBe(own.reading);
});

test('frames of a slow source are measured, down to four a second', async () => {
  const talk = madeTalk(200, 11);
  const { samples } = voiceOf(talk);
  const { meter: own } = await open();
  await feed(own, talk, samples, { keeps: (sec, kind) => kind === 'audio' || Math.round(sec * 25) % 6 === 0 });
  const { faces } = await own.flush();
  expect(faces[0].verdict).toMatchObject({ reason: 'low frame rate', evidence: { windows: 196 } });
});

test('a reading leaves out a face that is not in its seconds any more', async () => {
  const talk = madeTalk(250, 12);
  const { samples } = voiceOf(talk);
  const { meter: own, readings } = await open({ windowSec: 2 });
  await feed(own, talk.slice(0, 50), samples);
  for (let k = 50; k < 250; k += 25, await own.idle())
    own.pushAudio({ samples: samples.subarray(k * 640, (k + 25) * 640), sampleRate: 16000 }, k / 25);
  const { fromSec, faces, problem } = await own.flush();
  expect(readings.some((reading) => reading.faces.length === 1)).toBe(true);
  expect(fromSec).toBeGreaterThan(3);
  expect([faces, problem]).toEqual([[], 'no frames']);
});

test('frames that jump back are dropped and counted', async () => {
  const talk = madeTalk(100, 13);
  const [mouth] = mouthsOf(talk);
  const { meter: own } = await open();
  await feed(own, talk, voiceOf(talk).samples, { fromSec: 10 });
  expect([own.pushFrame(mouth, 0), own.pushFrame(mouth, 13.7), own.pushFrame(mouth, 14)]).toEqual([false, true, true]);
  expect((await own.flush()).dropped.frames).toBe(1);
});

test('a borrowed detector begins anew with each meter', async () => {
  let resets = 0;
  const detector = {
    scheme: 'ibug68',
    detect: async () => [],
    reset: () => resets++,
    dispose() {},
  } as LandmarkDetector;
  const recipe: SyncRecipe = { ...expert.recipe, crop: { kind: 'track box', scale: 0.4, size: 8 } };
  await open({ expert: { ...expert, recipe }, detector });
  expect(resets).toBe(1);
});

test('a meter keeps no tensor, and frees what it loaded but not what it was given', async () => {
  let disposed = 0;
  const counted = { ...expert, dispose: () => disposed++ };
  const before = tf.memory().numTensors;
  const { meter: own } = await open({ expert: counted });
  const talk = madeTalk(100, 8);
  await feed(own, talk, voiceOf(talk).samples);
  await own.flush();
  expect(tf.memory().numTensors).toBe(before);
  await own.dispose();
  await own.dispose();
  expect(disposed).toBe(0);
  expect(() => own.pushFrame(mouthsOf(talk)[0], 0)).toThrow('SyncMeter.pushFrame: meter must be alive, got a disposed');
});

test.each([
  [{ windowSec: 0.5 }, 'createSyncMeter: windowSec must be 1 to 60, got 0.5'],
  [{ everySec: 0 }, 'createSyncMeter: everySec must be above 0, got 0'],
  [{ mostWaiting: 1.5 }, 'createSyncMeter: mostWaiting must be a whole number above 0, got 1.5'],
  [{ expert: madeExpert('joint') }, 'createSyncMeter: expert must be one with embeddings, got made, which scores'],
] as [SyncMeterOptions, string][])('createSyncMeter refuses %j', async (options, message) => {
  await expect(open(options)).rejects.toThrow(message);
});

test('pushFrame and pushAudio refuse what they cannot place', async () => {
  const { meter: own } = await open();
  const image = { data: new Uint8Array(5), width: 2, height: 1 };
  expect(() => own.pushFrame(image, 0)).toThrow('image must be 2 x 1 pixels of 3 or 4 bytes each, got 5 bytes');
  expect(() => own.pushFrame({ ...image, data: new Uint8Array(6) })).toThrow('timeSec must be seconds, got NaN');
  const samples = new Float32Array(10);
  expect(() => own.pushAudio({ samples, sampleRate: 44100.5 }, 0)).toThrow(
    'SyncMeter.pushAudio: audio.sampleRate must be a whole number above 0, got 44100.5',
  );
  own.pushAudio({ samples, sampleRate: 16000 }, 0);
  expect(() => own.pushAudio({ samples, sampleRate: 48000 }, 1)).toThrow(
    'SyncMeter.pushAudio: audio.sampleRate must be 16000, as before, got 48000',
  );
});
