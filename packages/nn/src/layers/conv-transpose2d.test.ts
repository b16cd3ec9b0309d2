import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Module } from '../module/module';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { ConvTranspose2d, type ConvTranspose2dOptions } from './conv-transpose2d';

const { cases } = readFixture<{ cases: TorchCase<Omit<ConvTranspose2dOptions, 'random'>>[] }>('conv-transpose2d');
const random = new Random(1);
type Layer = Module & { forward(x: tf.Tensor): tf.Tensor };

describe('ConvTranspose2d', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const layer = new ConvTranspose2d({ ...each.options, random });
      expect(await compareWithTorch(layer as unknown as Layer, each)).toBeLessThan(1e-6); // measured 4e-7
      layer.dispose();
    },
  );

  test('leaves one tensor, the one it returns', () => {
    const layer = new ConvTranspose2d({ inChannels: 2, outChannels: 3, kernelSize: 3, stride: 2, padding: 1, random });
    const x = tf.zeros<tf.Rank.R4>([1, 4, 4, 2]);
    const before = tf.memory().numTensors;
    const y = layer.forward(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([x, y]);
    layer.dispose();
  });

  test('refuses invalid sizes and other shapes', () => {
    const sizes = { inChannels: 2, outChannels: 3, kernelSize: 3, random };
    expect(() => new ConvTranspose2d({ ...sizes, kernelSize: 0 })).toThrow('ConvTranspose2d: kernelSize must be');
    expect(() => new ConvTranspose2d({ ...sizes, padding: 3 })).toThrow('padding must be a whole number from 0 to 2');
    expect(() => new ConvTranspose2d({ ...sizes, stride: 2, padding: 1, outputPadding: 2 })).toThrow(
      'outputPadding must be a whole number from 0 to 1, got 2',
    );
    const layer = new ConvTranspose2d({ ...sizes, padding: 2 });
    expect(() => layer.forward(tf.zeros([1, 4, 4, 3]))).toThrow('[batch, height, width, 2], got [1, 4, 4, 3]');
    expect(() => layer.forward(tf.zeros([1, 2, 2, 2]))).toThrow('of more pixels');
    layer.dispose();
  });
});
