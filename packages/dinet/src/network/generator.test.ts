import { selectBackend } from '@lipsync/backends';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  compareGradients,
  difference,
  fillMade,
  type GeneratorCase,
  made,
  REFERENCE,
  weighted,
} from '../testing/torch-numbers';
import { DINET, type DinetConfig, THESIS_DINET } from './config';
import { DinetGenerator, disposeReferences } from './generator';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

/** As in reference/dinet.py: AdaAT's transforms a tenth as large, so that rounding errors are not amplified. */
const calmed = (name: string) => (/^adaAT\.(scale|rotation|translation)\./.test(name) ? 0.1 : 1);

const inputsOf = ({
  n,
  height,
  width,
  config,
  draw,
}: Pick<GeneratorCase, 'n' | 'height' | 'width' | 'config' | 'draw'>) => {
  const peak = config.audio.kind === 'mel' ? 4 : 3;
  return {
    masked: made<tf.Tensor4D>(`masked ${draw}`, [n, height, width, 3], 0, 1),
    references: made<tf.Tensor4D>(`references ${draw}`, [n, height, width, 3 * config.references], 0, 1),
    audio: made<tf.Tensor3D>(`audio ${draw}`, [n, config.audio.bins, config.audio.steps], -peak, peak),
  };
};

const TINY: DinetConfig = { ...THESIS_DINET, width: 2, referenceChannels: 4, references: 2 };
const tinyInputs = (n = 2) => inputsOf({ n, height: 72, width: 72, config: TINY, draw: 0 });

describe('against PyTorch, with the same weights', () => {
  test.each(REFERENCE.generators)(
    '$name: names, generated faces, all gradients and running statistics agree',
    async (reference) => {
      const { config, training, shapes, output, gradients, inputs, running } = reference;
      const net = new DinetGenerator(config, { seed: 0 });
      const state = await fillMade(net, calmed);
      expect([...state].map(([name, { shape }]) => [name, shape]).sort()).toEqual([...shapes].sort());
      net.train(training);
      const { masked, references, audio } = inputsOf(reference);
      const generated = net.forward(masked, references, audio);
      expect(generated.shape).toEqual(masked.shape);
      expect(difference(generated.dataSync(), output)).toBeLessThan(7e-5); // measured 1.8e-5, four times that
      net.loadStateDict(state); // resets the running statistics
      const given = {
        masked: [masked, inputs.masked],
        references: [references, inputs.references],
        audio: [audio, inputs.audio],
      } as const;
      const loss = (m: tf.Tensor, r: tf.Tensor, a: tf.Tensor) =>
        weighted(net.forward(m as tf.Tensor4D, r as tf.Tensor4D, a as tf.Tensor3D));
      const compared = compareGradients(net, loss as never, given as never, gradients);
      expect(compared.wrong).toEqual({});
      expect(Math.abs(compared.loss - reference.loss)).toBeLessThan(6e-7); // measured 1.4e-7, four times that
      const after = await net.stateDict();
      for (const [name, expected] of Object.entries(running)) {
        // measured 3.2e-7 where the largest is 0.15
        expect(difference(after.get(name)!.data as Float32Array, expected)).toBeLessThan(
          1e-5 * expected.largest + 1e-6,
        );
      }
      net.dispose();
      tf.dispose([masked, references, audio, generated]);
    },
  );
});

describe('sizes', () => {
  test('at the original widths it has the published names, shapes and 19,190,275 parameters', async () => {
    const net = new DinetGenerator(DINET, { seed: 0 });
    const state = await net.stateDict();
    expect([...state].map(([name, { shape }]) => [name, shape]).sort()).toEqual([...REFERENCE.shapes.DINET].sort());
    expect(net.parameterCount()).toBe(19_190_275);
    expect(REFERENCE.counts.DINET).toBe(19_190_275);
    net.dispose();
  });

  test('the thesis’s variant has 128 reference channels and 11,522,179 parameters', () => {
    const net = new DinetGenerator(THESIS_DINET, { seed: 0 });
    expect(net.parameterCount()).toBe(REFERENCE.counts.THESIS_DINET);
    expect(net.parameterCount()).toBe(11_522_179);
    net.dispose();
  });
});

describe('InstanceNorm over time', () => {
  /**
   * How strongly generated faces depend on the audio: root mean square of the gradient of their weighted mean by the
   * audio.
   */
  async function audioGradient(audioNorm: DinetConfig['audioNorm']): Promise<number> {
    registerGradients();
    const net = new DinetGenerator(
      { ...THESIS_DINET, width: 8, referenceChannels: 32, references: 1, audioNorm },
      { seed: 1 },
    );
    await fillMade(net, calmed); // He's spread: weights as large as trained ones
    const slope = tf.tidy(() => {
      const masked = made<tf.Tensor4D>('masked', [1, 72, 72, 3], 0, 1);
      const byAudio = tf.grad((audio) => weighted(net.forward(masked, masked, audio as tf.Tensor3D)));
      return tf.sqrt(tf.mean(tf.square(byAudio(made('audio', [1, 29, 5], -10, 10))))).dataSync()[0];
    });
    net.dispose();
    return slope;
  }

  test('makes the audio features constant: faces depend on audio less than a ten-thousandth as much as with the default', async () => {
    const [layer, instance] = [await audioGradient('layer'), await audioGradient('instance')];
    expect(layer).toBeGreaterThan(1e-4); // measured 0.0016
    expect(instance).toBeLessThan(1e-4 * layer); // measured 4.1e-8, 2.6e-5 of it
  });

  test('in PyTorch the encoder gives 0.5 for any audio, with less than a ninth of the default’s spread', () => {
    const [layer, instance] = ['layer', 'instance'].map(
      (kind) => REFERENCE.audioFeatures.find(({ audioNorm }) => audioNorm === kind)!,
    );
    expect(instance.mean).toBeCloseTo(0.5, 1); // measured 0.0048, in PyTorch
    expect(instance.spread).toBeLessThan(layer.spread / 9);
  });
});

describe('references', () => {
  test('encoded once, serve many frames as in forward', () => {
    const net = new DinetGenerator(TINY, { seed: 0 }).eval() as DinetGenerator;
    const { masked, references, audio } = tinyInputs();
    const one = tf.slice(references, [0, 0, 0, 0], [1, -1, -1, -1]);
    const encoded = net.encodeReferences(one);
    const generated = net.generate(masked, encoded, audio);
    const twice = tf.concat([one, one]);
    const whole = net.forward(masked, twice, audio);
    expect(tf.tidy(() => tf.max(tf.abs(tf.sub(generated, whole))).dataSync()[0])).toBeLessThan(1e-6); // measured 0
    disposeReferences(encoded);
    disposeReferences(encoded);
    tf.dispose([masked, references, audio, one, generated, twice, whole]);
    net.dispose();
  });
});

test.each([
  ['plain', 36, 32],
  ['norm', 68, 64],
] as const)('the smallest frames with alignmentEnd %s work in training mode', (alignmentEnd, height, width) => {
  const config = { ...TINY, alignmentEnd };
  const net = new DinetGenerator(config, { seed: 0 });
  const { masked, references, audio } = inputsOf({ n: 1, height, width, config, draw: 0 });
  expect(net.forward(masked, references, audio).shape).toEqual([1, height, width, 3]);
  net.dispose();
});

describe('ownership', () => {
  test('forward leaves one tensor, encodeReferences two, dispose none of the network’s', () => {
    const inputs = tinyInputs();
    const start = tf.memory().numTensors;
    const net = new DinetGenerator(TINY, { seed: 0 });
    const before = tf.memory().numTensors;
    const generated = net.forward(inputs.masked, inputs.references, inputs.audio);
    expect(tf.memory().numTensors).toBe(before + 1);
    const encoded = net.encodeReferences(inputs.references);
    expect(tf.memory().numTensors).toBe(before + 3);
    disposeReferences(encoded);
    generated.dispose();
    net.dispose();
    expect(tf.memory().numTensors).toBe(start);
    expect(() => net.forward(inputs.masked, inputs.references, inputs.audio)).toThrow('one that was disposed');
    tf.dispose(Object.values(inputs));
  });

  test('first weights depend on the seed only', async () => {
    const numbers = async (seed: number) => {
      const net = new DinetGenerator(TINY, { seed });
      const state = await net.stateDict();
      net.dispose();
      return [...state.values()].flatMap(({ data }) => [...(data as Float32Array).subarray(0, 4)]);
    };
    expect(await numbers(3)).toEqual(await numbers(3));
    expect(await numbers(3)).not.toEqual(await numbers(4));
  });
});

describe('refusals', () => {
  const net = () => new DinetGenerator(TINY, { seed: 0 });
  const zeros = (...shape: number[]) => tf.zeros(shape) as never;
  test.each([
    [
      'masked frames with other channels',
      () => net().forward(zeros(1, 72, 72, 4), zeros(1, 72, 72, 6), zeros(1, 29, 5)),
      'masked must be of shape [n, height, width, 3]',
    ],
    [
      'another number of references',
      () => net().forward(zeros(1, 72, 72, 3), zeros(1, 72, 72, 3), zeros(1, 29, 5)),
      'references must be of shape [n, height, width, 6]',
    ],
    [
      'references of another size',
      () => net().forward(zeros(1, 72, 72, 3), zeros(1, 72, 76, 6), zeros(1, 29, 5)),
      'references must be 1 or 1 of frames of 72 x 72, got 1 of 72 x 76',
    ],
    ['sides that are no multiples of 4', () => net().encodeReferences(zeros(1, 74, 72, 6)), 'multiples of 4'],
    [
      'audio of other steps',
      () => net().forward(zeros(1, 72, 72, 3), zeros(1, 72, 72, 6), zeros(1, 29, 9)),
      'audio must be of shape [1, 29, 5], got [1, 29, 9]',
    ],
    [
      'frames too small for InstanceNorm',
      () => net().encodeReferences(zeros(1, 32, 32, 6)),
      'references must be larger than 32 pixels on one side',
    ],
    [
      'frames too small for an alignment that ends with InstanceNorm',
      () => new DinetGenerator({ ...TINY, alignmentEnd: 'norm' }, { seed: 0 }).encodeReferences(zeros(1, 64, 64, 6)),
      'references must be larger than 64 pixels on one side',
    ],
    [
      'a config without a width',
      () => new DinetGenerator({ ...TINY, width: undefined as never }, { seed: 0 }),
      'DinetGenerator: config.width must be a whole number above 0',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});
