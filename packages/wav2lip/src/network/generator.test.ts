import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareGradients, difference, fillMade, images, mel, REFERENCE, weighted } from '../testing/torch-numbers';
import { assertWav2LipConfig, LITE_WAV2LIP, WAV2LIP, type Wav2LipConfig } from './config';
import { Wav2LipGenerator } from './generator';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

const TINY: Wav2LipConfig = { ...WAV2LIP, width: 1 / 64, size: 32 };

describe('against PyTorch, with the same weights', () => {
  test.each(REFERENCE.generators)('$name: faces, all gradients and running statistics agree', async (reference) => {
    const { width, size, n, height, columns, training, draw, output, gradients, inputs, running } = reference;
    const net = new Wav2LipGenerator({ ...WAV2LIP, width, size }, { seed: 0 });
    const state = await fillMade(net);
    net.train(training);
    const masked = images(`masked ${draw}`, n, height, columns);
    const references = images(`references ${draw}`, n, height, columns);
    const audio = mel(`audio ${draw}`, n);
    const faces = net.forward(masked, references, audio);
    expect(faces.shape).toEqual(masked.shape);
    expect(difference(faces.dataSync(), output)).toBeLessThan(5e-5); // measured 1.3e-5, in training
    net.loadStateDict(state); // resets the running statistics
    const compared = compareGradients(
      net,
      (m, r, a) => weighted(net.forward(m as tf.Tensor4D, r as tf.Tensor4D, a as tf.Tensor3D)),
      {
        masked: [masked, inputs.masked],
        references: [references, inputs.references],
        audio: [audio, inputs.audio],
      },
      gradients,
    );
    expect(compared.wrong).toEqual({});
    expect(Math.abs(compared.loss - reference.loss)).toBeLessThan(1e-6); // measured 1e-7
    const after = await net.stateDict();
    for (const [name, expected] of Object.entries(running)) {
      const bound = 1e-5 * expected.largest + 1e-6;
      expect(difference(after.get(name)!.data as Float32Array, expected)).toBeLessThan(bound);
    }
    net.dispose();
    tf.dispose([masked, references, audio, faces]);
  });

  test('at full width it has the published names, shapes and 36,298,035 parameters', async () => {
    const net = new Wav2LipGenerator(WAV2LIP, { seed: 0 });
    const shapes = [...(await net.stateDict())].map(([name, { shape }]) => [name, shape]);
    expect(shapes.sort()).toEqual([...REFERENCE.shapes.generator].sort());
    expect(net.parameterCount()).toBe(36_298_035);
    expect(REFERENCE.counts.generator).toBe(36_298_035);
    net.dispose();
  });
});

describe('the contract', () => {
  test('hides the lower half, takes one reference, and begins the mel window as it was trained or as published', () => {
    const windows = (['as trained', 'as published'] as const).map((audioWindow) => {
      const net = new Wav2LipGenerator({ ...TINY, audioWindow }, { seed: 0 });
      net.dispose();
      return net.recipe;
    });
    expect(windows.map(({ audio }) => audio.firstFrame)).toEqual([-1, 0]);
    expect(windows[0]).toMatchObject({ hidden: 'lower half', references: 1, crops: ['face box', 'dinet head'] });
  });

  test('one kept reference serves many frames as in forward; forward leaves one tensor', () => {
    const net = new Wav2LipGenerator(TINY, { seed: 0 }).eval();
    const [masked, reference, audio] = [images('m', 2, 32), images('r', 1, 32), mel('a', 2)];
    const before = tf.memory().numTensors;
    const kept = net.encodeReferences(reference);
    const made = net.generate(masked, kept, audio);
    kept.images.dispose();
    expect(tf.memory().numTensors).toBe(before + 1);
    const twice = tf.concat([reference, reference]);
    const whole = net.forward(masked, twice, audio);
    expect([...made.dataSync()]).toEqual([...whole.dataSync()]);
    tf.dispose([masked, reference, audio, made, twice, whole]);
    net.dispose();
  });

  test('first weights depend on the seed only', async () => {
    const numbers = async (seed: number) => {
      const net = new Wav2LipGenerator(TINY, { seed });
      const state = await net.stateDict();
      net.dispose();
      return [...state.values()].flatMap(({ data }) => [...(data as Float32Array).subarray(0, 2)].map(Number));
    };
    expect(await numbers(3)).toEqual(await numbers(3));
    expect(await numbers(3)).not.toEqual(await numbers(4));
  });
});

describe('refusals', () => {
  const zeros = (...shape: number[]) => tf.zeros(shape) as never;
  test.each<[string, (net: Wav2LipGenerator) => unknown, string]>([
    [
      'images without three colours',
      (net) => net.forward(zeros(1, 32, 32, 4), zeros(1, 32, 32, 4), zeros(1, 80, 16)),
      'masked must be of shape [n, height, width, 3], got [1, 32, 32, 4]',
    ],
    [
      'references of another shape',
      (net) => net.forward(zeros(2, 32, 32, 3), zeros(1, 32, 32, 3), zeros(2, 80, 16)),
      'references must be of shape [2, 32, 32, 3], got [1, 32, 32, 3]',
    ],
    [
      'mel windows of other steps',
      (net) => net.forward(zeros(1, 32, 32, 3), zeros(1, 32, 32, 3), zeros(1, 80, 12)),
      'audio must be of shape [1, 80, 16], got [1, 80, 12]',
    ],
    [
      'a config without a width',
      () => assertWav2LipConfig('load', { size: 96 }),
      'load: config.width must be a number',
    ],
    [
      'a size that five halvings do not divide',
      () => new Wav2LipGenerator({ ...LITE_WAV2LIP, size: 80 }, { seed: 0 }),
      'Wav2LipGenerator: config.size must be a multiple of 32 pixels, got 80',
    ],
    [
      'another window of audio',
      () => assertWav2LipConfig('load', { ...WAV2LIP, audioWindow: 'centred' }),
      'config.audioWindow must be "as trained" or "as published", got centred',
    ],
  ])('%s', (_, call, message) => {
    const net = new Wav2LipGenerator(TINY, { seed: 0 }).eval();
    expect(() => call(net)).toThrow(message);
    net.dispose();
  });
});
