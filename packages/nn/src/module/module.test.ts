import '@tensorflow/tfjs-backend-cpu';
import { type NamedArray, toFloat16 } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Conv2d } from '../layers/conv2d';
import { Linear } from '../layers/linear';
import { Random } from '../random/random';
import { Module } from './module';

class Block extends Module {
  readonly conv = this.register(
    'blocks.0',
    new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: [1, 2], random: new Random(1) }),
  );
  readonly fc = this.register('fc', new Linear({ inFeatures: 3, outFeatures: 2, random: new Random(2) }));
  readonly scale = this.parameter('scale', tf.tensor([1, 2]));
  readonly mean = this.buffer('mean', tf.tensor([0.5]));
  readonly count = this.buffer('count', tf.scalar(3, 'int32'), { stateDtype: 'int64' });

  again(name: string) {
    return this.register(name, new Block());
  }
}

const names = ['scale', 'blocks.0.weight', 'blocks.0.bias', 'fc.weight', 'fc.bias'];

describe('Module', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test('lists parameters and buffers by dotted names, its own first', () => {
    const block = new Block();
    expect([...block.namedParameters().keys()]).toEqual(names);
    expect([...block.namedBuffers().keys()]).toEqual(['mean', 'count']);
    expect(block.namedParameters().get('fc.weight')).toEqual({ variable: block.fc.weight, layout: 'linear' });
    expect([...block.children().keys()]).toEqual(['blocks.0', 'fc']);
    expect(block.parameterCount()).toBe(2 + 12 + 3 + 6 + 2);
    block.dispose();
  });

  test('gives its state in the layout of PyTorch', async () => {
    const block = new Block();
    const state = await block.stateDict();
    expect([...state.keys()]).toEqual([...names, 'mean', 'count']);
    expect(state.get('blocks.0.weight')?.shape).toEqual([3, 2, 1, 2]);
    expect(state.get('fc.weight')?.shape).toEqual([2, 3]);
    expect(state.get('fc.weight')?.data[1]).toBe(block.fc.weight.dataSync()[2]);
    expect(state.get('count')).toEqual({ dtype: 'int64', shape: [], data: BigInt64Array.of(3n) });
    block.dispose();
  });

  test('loading the state of another module makes both equal, without shared memory', async () => {
    const [one, other] = [new Block(), new Block()];
    one.scale.assign(tf.tensor([7, 8]));
    const state = await one.stateDict();
    other.loadStateDict(state);
    for (const array of state.values()) if (array.dtype === 'float32') array.data.fill(-1);
    expect(await other.stateDict()).toEqual(await one.stateDict());
    expect([...other.scale.dataSync()]).toEqual([7, 8]);
  });

  test('two modules may have the same parameter names', () => {
    const [one, other] = [new Block(), new Block()];
    one.scale.assign(tf.tensor([5, 5]));
    expect([...other.scale.dataSync()]).toEqual([1, 2]);
  });

  test('takes half floats and float64', async () => {
    const block = new Block();
    const state = await block.stateDict();
    state.set('scale', toFloat16({ dtype: 'float32', shape: [2], data: Float32Array.of(0.5, 65504) }));
    state.set('mean', { dtype: 'float64', shape: [1], data: Float64Array.of(0.1) });
    block.loadStateDict(state);
    expect([...block.scale.dataSync()]).toEqual([0.5, 65504]);
    expect(block.mean.dataSync()[0]).toBe(Math.fround(0.1));
  });

  test('names every missing, unused and misshapen entry in one error and changes nothing', async () => {
    const block = new Block();
    const state = await block.stateDict();
    const before = await block.stateDict();
    const scalar: NamedArray = { dtype: 'float32', shape: [], data: new Float32Array(1) };
    state.delete('fc.bias');
    state.delete('count');
    state.set('fc.bais', scalar);
    state.set('scale', scalar);
    state.set('fc.weight', { dtype: 'float32', shape: [3, 2], data: new Float32Array(6) });
    expect(() => block.loadStateDict(state, { where: 'load' })).toThrow(
      'load: state must be a state dict with the 7 names and shapes of the module, got 2 missing: fc.bias, count; ' +
        '1 unused: fc.bais; 2 misshapen: scale ([] for [2]), fc.weight ([3, 2] for [2, 3])',
    );
    expect(await block.stateDict()).toEqual(before);
  });

  test('refuses NaN and infinite values by name, whatever their width, and changes nothing', async () => {
    const block = new Block();
    const before = await block.stateDict();
    const state = await block.stateDict();
    state.set('scale', toFloat16({ dtype: 'float32', shape: [2], data: Float32Array.of(0.5, -Infinity) }));
    (state.get('fc.weight') as { data: Float32Array }).data.fill(Number.NaN, 2);
    expect(() => block.loadStateDict(state, { where: 'load' })).toThrow(
      /got 2 with values that are not finite: .*fc\.weight \(NaN at 2, 4 of 6\)/,
    );
    expect(() => block.loadStateDict(state)).toThrow('scale (-Infinity at 1, 1 of 2)');
    expect(await block.stateDict()).toEqual(before);
  });

  test('a new module is in training mode, and train and eval reach every submodule', () => {
    const block = new Block();
    expect([block.training, block.fc.training]).toEqual([true, true]);
    block.eval();
    expect([block.training, block.fc.training]).toEqual([false, false]);
    expect(block.train().fc.training).toBe(true);
  });

  test('disposes its variables once, and refuses use after dispose', async () => {
    const before = tf.memory().numTensors;
    const block = new Block();
    expect(tf.memory().numTensors).toBe(before + 7);
    const state = await block.stateDict();
    block.loadStateDict(state);
    expect(tf.memory().numTensors).toBe(before + 7);
    block.dispose();
    block.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(block.stateDict()).rejects.toThrow(
      'Block.stateDict: this module must be in use, got one that was disposed',
    );
    expect(() => block.loadStateDict(state)).toThrow(/disposed/);
    expect(() => block.fc.forward(tf.ones([1, 3]))).toThrow(/Linear.forward/);
  });

  test('refuses a repeated name', () => {
    const block = new Block();
    expect(() => block.again('fc')).toThrow('Block: name must be unused in this module, got fc');
  });
});
