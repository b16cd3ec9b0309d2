import { selectBackend } from '@lipsync/backends';
import { disposeGradients, Module, Random, toTorchLayout, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, expect, test } from 'vitest';
import { type DiscriminatorLoss, discriminatorLoss } from '../losses/adversarial-losses';
import { filledDiscriminator } from '../testing/filled-discriminator';
import { difference, farthest, type LossNumbers, made, readFixture } from '../testing/torch-numbers';
import { changeWindows, drawChanges } from './diff-augment';
import { leakyRelu, WindowDiscriminator } from './discriminator';
import { lowerHalfWindows } from './lower-half-windows';
import { SpectralNormConv2d } from './spectral-norm-conv2d';

const NUMBERS = readFixture<LossNumbers>('losses');
const [FIVE, MOVED, PRINTED] = NUMBERS.discriminators;
const CASES = [FIVE, MOVED, { ...PRINTED, steps: PRINTED.steps.slice(0, 1) }];

afterAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

/** Shares of the bound 1e-4 of the largest reference value, plus 1e-7. */
function shareOf(values: ArrayLike<number>, expected: Parameters<typeof difference>[1]): number {
  return difference(values, expected) / (1e-4 * expected.largest + 1e-7);
}

test.each(CASES)(
  '$name: steps with R1 and spectral normalisation have PyTorch’s losses, gradients and vectors',
  async (reference) => {
    await selectBackend({ backend: 'wasm' });
    const { n, size, frames, width, gamma, penalised, maps, rate } = reference;
    const net = await filledDiscriminator(new WindowDiscriminator({ frameCount: frames, size, width, seed: 0 }));
    expect([...(await net.stateDict()).keys()].sort()).toEqual([...reference.names].sort());
    const changes = maps?.map((map) => ({ map, minimum: false }));
    const score = (x: tf.Tensor4D) => tf.tidy(() => net.forward(changes ? changeWindows(x, changes) : x));
    let largest = 0;
    for (const [step, expected] of reference.steps.entries()) {
      const [real, generated] = ['real', 'generated'].map((which) =>
        made<tf.Tensor4D>(`${which} ${step}`, [n, size / 2, size, 3 * frames], 0, 1),
      );
      let terms: Omit<DiscriminatorLoss, 'total'> | undefined;
      const { value, gradients } = valueAndGradients(net, () => {
        const { total, ...rest } = discriminatorLoss(score, { real, generated, gamma, penalised });
        terms = tf.keep(rest.r1) && rest;
        for (const term of Object.values(rest)) tf.keep(term);
        return total;
      });
      for (const name of ['real', 'generated', 'r1'] as const) {
        expect(terms![name].dataSync()[0] / expected.terms[name]).toBeCloseTo(1, 4);
      }
      for (const [name, gradient] of gradients) {
        const { variable, layout } = net.namedParameters().get(name)!;
        const values = toTorchLayout(gradient.dataSync() as Float32Array, variable.shape, layout);
        largest = Math.max(largest, shareOf(values, expected.gradients[name]));
        tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(gradient, rate))));
      }
      const state = await net.stateDict();
      for (const [name, vector] of Object.entries(expected.vectors))
        largest = Math.max(largest, shareOf(state.get(name)!.data as Float32Array, vector));
      disposeGradients(gradients);
      tf.dispose([value, real, generated, terms]);
    }
    expect(largest).toBeLessThan(1); // measured 0.11
    net.dispose();
  },
);

/** A small discriminator of the same operations, for the slow backend. */
class Small extends Module {
  readonly #random = new Random(1);
  readonly #first = this.register('0', this.#conv(3, 4, { kernelSize: 3, stride: 2, padding: 1 }));
  readonly #last = this.register('1', this.#conv(4, 1, { kernelSize: 3 }));

  #conv(inChannels: number, outChannels: number, rest: { kernelSize: number; stride?: number; padding?: number }) {
    return new SpectralNormConv2d({ inChannels, outChannels, ...rest, random: this.#random });
  }

  forward(x: tf.Tensor4D): tf.Tensor1D {
    return tf.tidy(() => tf.reshape(this.#last.forward(leakyRelu(this.#first.forward(x))), [-1]) as tf.Tensor1D);
  }
}

test('on cpu, R1’s gradient is that of wasm, and of finite differences', async () => {
  const changes = drawChanges([2, 6, 6, 3], { random: new Random(2), erosion: 'minimum', chance: 1 });
  const gradients: Float32Array[] = [];
  for (const backend of ['wasm', 'cpu'] as const) {
    await selectBackend({ backend });
    const net = new Small().eval();
    const [real, generated] = ['real', 'generated'].map((name) => made<tf.Tensor4D>(name, [2, 6, 6, 3], 0, 1));
    const score = (x: tf.Tensor4D) => tf.tidy(() => net.forward(changeWindows(x, changes)));
    const r1 = () => discriminatorLoss(score, { real, generated, gamma: 50 }).r1;
    const { variable } = net.namedParameters().get('0.weight_orig')!;
    const { grads, value } = tf.variableGrads(r1, [variable]);
    const gradient = Float32Array.from(grads[variable.name].dataSync());
    gradients.push(gradient);
    const start = variable.clone();
    const step = 1e-2;
    for (const index of [0, 17, 50, 107]) {
      const at = (change: number) =>
        tf.tidy(() => {
          const moved = start.dataSync().slice();
          moved[index] += change;
          variable.assign(tf.tensor(moved, variable.shape));
          return r1().dataSync()[0];
        });
      // measured 2e-4 of the largest: differences of float32, divided by 0.02
      const slope = (at(step) - at(-step)) / (2 * step);
      expect(Math.abs(slope - gradient[index])).toBeLessThan(2e-3 * Math.max(...gradient.map(Math.abs)));
    }
    net.dispose();
    tf.dispose([real, generated, grads, value, start]);
  }
  expect(farthest(gradients[1], gradients[0])).toBeLessThan(1e-5 * Math.max(...gradients[0].map(Math.abs)));
});

test('in evaluation mode the vectors stay, and each layer’s largest singular value comes near 1 in training', async () => {
  await selectBackend({ backend: 'wasm' });
  const net = new WindowDiscriminator({ frameCount: 1, size: 64, width: 1, seed: 2 });
  const x = made<tf.Tensor4D>('seen', [2, 32, 64, 3], 0, 1);
  const vectors = async () => [...(await net.stateDict())].filter(([name]) => /_[uv]$/.test(name));
  const first = await vectors();
  net.eval();
  const before = tf.memory().numTensors;
  const scores = net.forward(x);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(scores.shape).toEqual([2]);
  expect(await vectors()).toEqual(first);
  net.train();
  for (let i = 0; i < 30; i++) net.forward(x).dispose();
  net.eval();
  // With the value found, more steps change nothing.
  const [once, again] = [net.forward(x), net.train().forward(x)].map((y) => [...y.dataSync()]);
  expect(farthest(once, again)).toBeLessThan(1e-4 * Math.max(...once.map(Math.abs)));
  net.dispose();
  tf.dispose([x, scores]);
});

test('WindowDiscriminator has PyTorch’s number of parameters, and refuses other shapes', () => {
  const counts = [5, 1].map((frameCount) => {
    const net = new WindowDiscriminator({ frameCount, seed: 0 });
    const count = net.parameterCount();
    if (frameCount === 1)
      expect(() => net.forward(tf.zeros([1, 96, 96, 3]))).toThrow(
        'WindowDiscriminator.forward: x must be of shape [n, 48, 96, 3], got [1, 96, 96, 3]',
      );
    net.dispose();
    return count;
  });
  expect(counts).toEqual([NUMBERS.parameters.clip, NUMBERS.parameters.frame]);
  expect(() => new WindowDiscriminator({ size: 80, seed: 0 })).toThrow('size must be a multiple of 32 from 64, got 80');
  expect(() => new WindowDiscriminator({ frameCount: 0, seed: 0 })).toThrow('frameCount must be a whole number from 1');
});

test('lowerHalfWindows puts the lower halves of a window on the channels, in either order of colours', () => {
  const frames = made<tf.Tensor4D>('frames', [4, 4, 3, 3], 0, 1);
  const [all, rgb, bgr] = tf.tidy(() =>
    [
      frames,
      lowerHalfWindows(frames, { frameCount: 2 }),
      lowerHalfWindows(frames, { frameCount: 2, color: 'BGR' }),
    ].map((x) => x.arraySync() as number[][][][]),
  );
  expect([rgb.length, rgb[0].length, rgb[0][0].length, rgb[0][0][0].length]).toEqual([2, 2, 3, 6]);
  for (const [window, frame, colour] of [
    [0, 1, 2],
    [1, 0, 1],
    [1, 1, 0],
  ]) {
    const pixel = all[2 * window + frame][3][2][colour];
    expect(rgb[window][1][2][3 * frame + colour]).toBe(pixel);
    expect(bgr[window][1][2][3 * frame + 2 - colour]).toBe(pixel);
  }
  expect(() => lowerHalfWindows(frames)).toThrow('lowerHalfWindows: frames must be of shape [n * 5, height, width, 3]');
  frames.dispose();
});
