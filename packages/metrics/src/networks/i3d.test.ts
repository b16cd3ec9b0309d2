import { readFileSync } from 'node:fs';
import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { formulaClips, relativeDifference } from '../testing/formula-images';
import { I3D } from './i3d';

type Fixture = { parameters: number; shapes: Record<string, number[]>; short: number[]; long: number[] };
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/i3d.json', import.meta.url), 'utf8')) as Fixture;

describe('I3D', () => {
  let network: I3D;

  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
    network = new I3D();
    network.loadStateDict(formulaStateDict(Object.entries(fixture.shapes)));
  });
  afterAll(() => network.dispose());

  test("has the port's names, shapes and number of parameters", async () => {
    const state = await network.stateDict();
    expect(Object.fromEntries([...state].map(([name, { shape }]) => [name, shape]))).toEqual(fixture.shapes);
    expect(network.parameterCount()).toBe(fixture.parameters);
  });

  test.each([
    ['16 frames of 64 x 64', 'short', 2, 16, 64, 64],
    ['27 frames of 48 x 70, odd sides on the way', 'long', 1, 27, 48, 70],
  ] as const)('gives the logits of PyTorch: %s', (_, name, count, frameCount, height, width) => {
    const clips = formulaClips(name, count, frameCount, height, width);
    const x = tf.tidy(() => tf.sub(tf.mul(clips, 2), 1));
    const before = tf.memory().numTensors;
    const logits = network.forward(x as tf.Tensor5D);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(logits.shape).toEqual([count, 400]);
    const got = logits.dataSync().filter((__, i) => i % 2 === 0);
    expect(relativeDifference(got, fixture[name])).toBeLessThan(1e-5); // measured 2e-6
    tf.dispose([clips, x, logits]);
  });

  test('refuses clips that are too short or too small, and work before weights or after dispose', () => {
    expect(() => network.forward(tf.zeros([1, 8, 64, 64, 3]))).toThrow(
      'at least 9 frames of 32 x 32, got [1, 8, 64, 64, 3]',
    );
    expect(() => network.forward(tf.zeros([1, 9, 64, 31, 3]))).toThrow(
      'I3D.forward: x must be of shape [batch, frames, height, width, 3]',
    );
    const other = new I3D();
    expect(() => other.forward(tf.zeros([1, 16, 64, 64, 3]))).toThrow(
      'one with weights (call loadStateDict first), got one without',
    );
    const state = formulaStateDict(Object.entries(fixture.shapes));
    state.delete('Mixed_3b.b0.conv3d.weight');
    expect(() => other.loadStateDict(state)).toThrow('I3D.loadStateDict: state must be');
    other.dispose();
    expect(() => other.forward(tf.zeros([1, 16, 64, 64, 3]))).toThrow('disposed');
  });
});
