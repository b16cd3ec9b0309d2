import '@tensorflow/tfjs-backend-cpu';
import type { Waveform } from '@lipsync/contracts';
import type { SyncVerdict } from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import type { PlainImage } from '../frames/images';
import { scoreFrames } from '../frames/score-frames';
import { madeExpert, madeTalk, mouthsOf, randomOf, voiceOf } from '../testing/made-talk';

beforeAll(() => tf.setBackend('cpu'));

const FRAMES = 150;

async function faceOf(mouths: PlainImage[], audio: Waveform, expert = madeExpert()) {
  const { faces, problems } = await scoreFrames({ mouths, audio }, { expert, log: () => {} });
  expect(problems.filter((problem) => problem.startsWith('face'))).toEqual([]);
  return faces[0];
}
const verdictOf = async (mouths: PlainImage[], audio: Waveform): Promise<SyncVerdict> =>
  (await faceOf(mouths, audio)).verdict;

/** Mouths of six seconds, and the voice by how many frames it leads. */
function early(frames: number, seed = 1) {
  const talk = madeTalk(FRAMES + 120, seed);
  return {
    mouths: mouthsOf(talk.slice(60, 60 + FRAMES)),
    audio: voiceOf(talk.slice(60 + frames, 60 + frames + FRAMES)),
  };
}

test.each([
  [0, 'in sync'],
  [4, 'audio is 4 frames (160 ms) early'],
  [-7, 'audio is 7 frames (280 ms) late'],
])('audio that leads by %d frames: %s', async (frames, sentence) => {
  const { mouths, audio } = early(frames);
  const face = await faceOf(mouths, audio);
  expect(face.sentence).toBe(sentence);
  expect(face.offsetFrames).toBe(frames);
  expect(face.verdict).toMatchObject({ reason: 'found', offsetFrames: frames, sentence });
  expect(face.verdict.confidence).toBeGreaterThan(0.95);
  expect(face.verdict.evidence).toMatchObject({ imagesPerSec: 25 });
  expect(face.verdict.evidence.speechShare).toBeGreaterThan(0.5);
  expect(face).not.toHaveProperty('alignment');
  expect(JSON.parse(JSON.stringify(face.verdict))).toEqual(face.verdict);
});

test.each([-30, 45])('audio that leads by %d frames is found beyond the 15 of LSE', async (frames) => {
  const { mouths, audio } = early(frames);
  const face = await faceOf(mouths, audio);
  expect(Math.abs(face.offsetFrames)).toBeLessThanOrEqual(15);
  expect(face.verdict).toMatchObject({ reason: 'found', offsetFrames: frames });
});

test('the voice of somebody else, noise, silence: cannot tell, with a reason', async () => {
  const { mouths } = early(0);
  const random = randomOf(3);
  const noise = Float32Array.from({ length: FRAMES * 640 }, () => 0.3 * (random() - 0.5));
  for (const seed of [2, 3, 4])
    expect(await verdictOf(mouths, early(0, seed).audio)).toMatchObject({ answer: 'cannot tell', offsetFrames: null });
  expect(await verdictOf(mouths, { samples: noise, sampleRate: 16000 })).toMatchObject({
    answer: 'cannot tell',
    reason: 'no speech',
    confidence: 0,
  });
  const silence = { samples: new Float32Array(FRAMES * 640), sampleRate: 16000 };
  expect(await verdictOf(mouths, silence)).toMatchObject({ answer: 'cannot tell', reason: 'no speech' });
});

test('a photograph with speech, and one image a second: cannot tell, with a reason', async () => {
  const { mouths, audio } = early(0);
  const photograph = mouths.map(() => mouths[20]);
  expect(await verdictOf(photograph, audio)).toMatchObject({ answer: 'cannot tell', reason: 'still picture' });
  const slow = mouths.map((_, i) => mouths[25 * Math.floor(i / 25)]);
  const { sentence, reason } = await verdictOf(slow, audio);
  expect(reason).toBe('low frame rate');
  expect(sentence).toMatch(/^cannot tell: only (0.9|1.0) different images a second$/);
});

test.each([11, 13, 15])('%d frames are too few', async (count) => {
  const { mouths, audio } = early(9);
  const short = { samples: audio.samples.slice(0, count * 640), sampleRate: 16000 };
  const verdict = await verdictOf(mouths.slice(0, count), short);
  expect(verdict).toMatchObject({ answer: 'cannot tell', offsetFrames: null });
  expect(verdict.confidence).toBeLessThan(0.5);
});

test('an offset that changes is told with its time', async () => {
  const talk = madeTalk(FRAMES + 120, 5);
  const heard = Array.from({ length: FRAMES }, (_, i) => talk[60 + i + (i < 75 ? 8 : -8)]);
  const verdict = await verdictOf(mouthsOf(talk.slice(60, 60 + FRAMES)), voiceOf(heard));
  expect(verdict).toMatchObject({ answer: 'cannot tell', reason: 'offset changes' });
  expect(verdict.parts.map(({ offsetFrames }) => offsetFrames)).toEqual([8, -8]);
  expect(Math.abs(verdict.parts[1].fromSec - 3)).toBeLessThanOrEqual(0.5);
  expect(verdict.sentence).toMatch(
    /^the offset changes: audio is 8 frames \(320 ms\) early, from [23]\.\d s on audio is 8 frames \(320 ms\) late$/,
  );
});

test('a calibration of your own decides', async () => {
  const { mouths, audio } = early(4);
  const calibration = { source: 'mine', halfAt: [[1, 1000]] as [number, number][], slope: 1, farPenalty: 0 };
  const { faces } = await scoreFrames({ mouths, audio }, { expert: madeExpert(), calibration });
  expect(faces[0].verdict).toMatchObject({ answer: 'cannot tell', calibration: 'mine', confidence: 0 });
});

test('a network without embeddings of length 1 gives the same answers without a confidence', async () => {
  const { mouths, audio } = early(4);
  const { verdict } = await faceOf(mouths, audio, madeExpert('euclidean'));
  expect(verdict).toMatchObject({ answer: 'early', offsetFrames: 4, confidence: null, calibration: 'none' });
});

test('a network of embeddings of length 1 without a calibration of its own borrows none', async () => {
  const { mouths, audio } = early(4);
  const { calibration: _, ...uncalibrated } = madeExpert();
  const { verdict } = await faceOf(mouths, audio, uncalibrated);
  expect(verdict).toMatchObject({
    answer: 'early',
    offsetFrames: 4,
    confidence: null,
    calibration: 'none',
    offBy3: null,
  });
});

test('the calibration of the network says whether the audio is off by 3 frames or more', async () => {
  const [off, near] = [early(5), early(1)];
  expect((await verdictOf(off.mouths, off.audio)).offBy3).toEqual({ atOnePercent: true, atFivePercent: true });
  expect((await verdictOf(near.mouths, near.audio)).offBy3).toEqual({ atOnePercent: false, atFivePercent: false });
});
