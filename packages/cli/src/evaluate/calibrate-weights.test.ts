import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import { decodeSafetensors, encodeNpy, encodeSafetensors } from '@lipsync/checkpoints';
import { readCalibration } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';
import type { ExpertCalibration } from '@lipsync/train';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertCanBeCalibrated, calibrateWeights, describeCalibration } from './calibrate-weights';

const fit: ExpertCalibration = {
  calibration: { source: '40 clips of 9 people', halfAt: [[16, 6]], slope: 0.8, farPenalty: 2, least: 0.7421 },
  reliability: {
    expectedCalibrationError: 0.0183,
    bins: [
      { from: 0, to: 0.1, cases: 300, meanConfidence: 0.03, shareRight: 0.05 },
      { from: 0.9, to: 1, cases: 280, meanConfidence: 0.98, shareRight: 0.97 },
    ],
    groups: [
      {
        group: '1 s',
        expectedCalibrationError: 0.031,
        true: { cases: 100, right: 0.4, wrong: 0.01, refused: 0.59 },
        other: { cases: 100, answered: 0.02 },
      },
      { group: '8 s', expectedCalibrationError: 0.02, true: null, other: null },
    ],
    otherAnswered: 0.0134,
    trueRefused: 0.042,
    offBy3: { atOnePercent: { falseAlarms: 0.009, found: 0.7 }, atFivePercent: { falseAlarms: 0.048, found: 0.85 } },
  },
  clips: 40,
  people: 9,
  unknown: ['a.mp4.t0.s0'],
};

test('describeCalibration prints the error, the reliability, and the answers by length', () => {
  expect(describeCalibration(fit).split('\n')).toEqual([
    '40 clips of 9 people (1 clips of unknown offset), measured on people outside the fit',
    'expected calibration error 0.0183',
    '   confidence       cases        mean       right',
    '      0.0-0.1         300       0.030       0.050',
    '      0.9-1.0         280       0.980       0.970',
    'an answer needs a confidence of 0.7421: other audio has one in 1.3 %; right audio of 3 s and more has none in 4.2 %',
    '       length       error       right       wrong   no answer other audio',
    '          1 s       0.031      40.0 %       1.0 %      59.0 %       2.0 %',
    '          8 s       0.020           -           -           -           -',
    'off by 3 frames or more, at 1 %: false alarms 0.9 %, found 70.0 %',
    'off by 3 frames or more, at 5 %: false alarms 4.8 %, found 85.0 %',
  ]);
  const { trueRefused: _, offBy3: __, ...bare } = fit.reliability;
  const lines = describeCalibration({ ...fit, reliability: bare });
  expect(lines).toMatch(/other audio has one in 1\.3 %$/m);
  expect(lines).not.toContain('off by');
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'calibrate-weights-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('weights in other formats than safetensors are refused, with the command that converts them', async () => {
  const path = join(folder, 'weights.npy');
  await writeFile(path, encodeNpy({ dtype: 'float32', shape: [1], data: Float32Array.of(1) }));
  for (const name of [path, 'expert.visual.onnx'])
    await expect(assertCanBeCalibrated(name)).rejects.toThrow(
      '--weights must be a safetensors file for --calibrate (lipsync weights convert makes one), got',
    );
});

const recipe = { ...recipeOf(LITE), frameCount: 1, featureSteps: 1, crop: { ...recipeOf(LITE).crop, size: 4 } };

/** Clips whose frame k is as bright as its audio at k is loud. */
async function madeStore(names: readonly string[], frameCount: number): Promise<ClipStore> {
  const stored = { crop: recipe.crop, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 80, fps: 25 } as const;
  const store = await ClipStore.create(join(folder, 'clips'), stored);
  for (const name of names) {
    const random = new Random(1, name.charCodeAt(0));
    const level = Float32Array.from({ length: frameCount }, () => random.integer(256));
    const steps = Math.ceil((80 * frameCount) / 25) + 1;
    const at = (step: number) => level[Math.min(frameCount - 1, Math.ceil(step / 3.2))] / 127.5 - 1;
    const data = Float32Array.from({ length: steps * 80 }, (_, index) => at(Math.floor(index / 80)));
    await store.write({
      id: clipId(name, 0, 0),
      frames: Uint8Array.from({ length: frameCount * 48 }, (_, index) => level[Math.floor(index / 48)]),
      ...{ frameCount, height: 4, width: 4, audio: new Int16Array(frameCount * 640) },
      features: { data, steps, bins: 80 },
      ...{ landmarks: new Float32Array(frameCount * 136), poses: new Float32Array(frameCount * 4) },
      ...{ firstFrame: 0, score: 1, interpolated: 0 },
    });
  }
  return store;
}

test('calibrateWeights writes a copy of the weights with the calibration, and the reliability diagram', async () => {
  await tf.setBackend('cpu');
  const places = (levels: tf.Tensor) => {
    const circles = [3, 7, 11].flatMap((speed) => [tf.cos(tf.mul(levels, speed)), tf.sin(tf.mul(levels, speed))]);
    return tf.div(tf.stack(circles, 1), Math.sqrt(3)) as tf.Tensor2D;
  };
  const expert: SyncExpert = {
    ...{ name: 'circles', recipe, embeddingSize: 6, space: 'unit' },
    encodeVisual: (frames) => tf.tidy(() => places(tf.mean(frames, [1, 2, 3]))),
    encodeAudio: (features) => tf.tidy(() => places(tf.mean(features, [1, 2, 3]))),
    dispose() {},
  };
  const store = await madeStore(['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4'], 55);
  const [weights, out] = [join(folder, 'weights.safetensors'), join(folder, 'calibrated.safetensors')];
  const half = { dtype: 'float16', shape: [2], data: Uint16Array.of(1, 2) } as const;
  await writeFile(weights, encodeSafetensors(new Map([['a', { ...half, shape: [2] }]]), { recipe: '{}' }));
  const options = { store, clips: await store.list(), weights, out, seed: 1, onClip: () => {} };
  const { fit: found, chart } = await calibrateWeights(expert, options);
  const { tensors, metadata } = decodeSafetensors(await readFile(out));
  expect(tensors).toEqual(decodeSafetensors(await readFile(weights)).tensors);
  expect(metadata.recipe).toBe('{}');
  expect(readCalibration('test', metadata.calibration)).toEqual(found.calibration);
  expect(chart).toBe(join(folder, 'calibrated.reliability.svg'));
  expect(await readFile(chart, 'utf8')).toContain('circles: expected calibration error');
});
