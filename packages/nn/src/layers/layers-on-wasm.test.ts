import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { disposeGradients, valueAndGradients } from '../autograd/value-and-gradients';
import { FUSED_KERNELS } from '../kernels/kernels';
import type { Module } from '../module/module';
import { AdamW } from '../optim/adamw';
import { clipGradientNorm } from '../optim/clip-gradient-norm';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { BatchNorm2d } from './batch-norm2d';
import { Conv2d } from './conv2d';
import { GegluFeedForward } from './geglu-feed-forward';
import { GroupNorm } from './group-norm';
import { InstanceNorm2d } from './instance-norm2d';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { MultiHeadAttention } from './multi-head-attention';

type Layer = Module & { forward(x: tf.Tensor): tf.Tensor };
const random = new Random(1);
const LAYERS: Record<string, (options: never) => Layer> = {
  conv2d: (options: object) => new Conv2d({ ...options, random } as never),
  linear: (options: object) => new Linear({ ...options, random } as never) as Layer,
  'group-norm': (options) => new GroupNorm(options),
  'layer-norm': (options) => new LayerNorm(options),
  'instance-norm': (options) => new InstanceNorm2d(options),
  'batch-norm': (options) => new BatchNorm2d(options),
  'multi-head-attention': (options: object) => new MultiHeadAttention({ ...options, random } as never),
  'geglu-feed-forward': (options: object) => new GegluFeedForward({ ...options, random } as never),
};
const cases = Object.keys(LAYERS).flatMap((layer) =>
  readFixture<{ cases: TorchCase<never>[] }>(layer).cases.map((each) => [layer, each.name, each] as const),
);

describe('layers on the wasm backend', () => {
  beforeAll(async () => {
    await selectBackend({ backend: 'wasm', log: () => {} });
  });

  test('the fused kernels are registered', () => {
    expect(tf.getBackend()).toBe('wasm');
    expect(tf.getKernel(FUSED_KERNELS.groupNorm, 'wasm')).toBeTruthy();
  });

  test.each(cases)('%s equals PyTorch forward and backward: %s', async (layer, _, each) => {
    const made = LAYERS[layer](each.options);
    expect(await compareWithTorch(made, each)).toBeLessThan(1e-5); // measured 3.5e-6 far from zero, else 2e-6
    made.dispose();
  });

  test('a training step leaves no tensor behind', () => {
    const conv = new Conv2d({
      inChannels: 2,
      outChannels: 4,
      kernelSize: 3,
      stride: 2,
      padding: { left: 0, right: 1, top: 0, bottom: 1 },
      random,
    });
    const norm = new GroupNorm({ groups: 2, channels: 4, activation: 'silu' });
    const parameters = new Map([...conv.namedParameters()].map(([name, parameter]) => [`conv.${name}`, parameter]));
    for (const [name, parameter] of norm.namedParameters()) parameters.set(`norm.${name}`, parameter);
    const optimizer = new AdamW(parameters, { learningRate: 0.01 });
    const x = tf.ones<tf.Rank.R4>([2, 6, 6, 2]);
    const counts = Array.from({ length: 3 }, () => {
      const { value, gradients } = valueAndGradients(parameters, () =>
        tf.mean(tf.square(norm.forward(conv.forward(x)))),
      );
      clipGradientNorm(gradients, 1).dispose();
      optimizer.step(gradients);
      disposeGradients(gradients);
      value.dispose();
      return [tf.memory().numTensors, tf.memory().numDataBuffers];
    });
    expect(counts[2]).toEqual(counts[0]);
  });
});
