import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../testing/backend';
import { random, SMALL } from '../testing/small';
import { DownEncoder } from './down-encoder';

beforeAll(useWasm);

// The values are compared with PyTorch where whole networks are, in avalignnet.test.ts.
describe('DownEncoder', () => {
  test('counts attention blocks in the names of its blocks', () => {
    const net = new DownEncoder({ ...SMALL.audio_encoder, attn_blocks: [1, 0, 1] }, new Random(1));
    const names = [...net.namedParameters().keys()];
    expect(names[0]).toBe('conv_in.weight');
    expect(names).toContain('down_blocks.1.attn.to_q.weight');
    expect(names).toContain('down_blocks.3.conv_shortcut.weight');
    expect(names).toContain('down_blocks.4.ff.net.0.proj.bias');
    expect(names.at(-1)).toBe('norm_out.bias');
    net.dispose();
  });

  test('does not change with the scale of what norm_out normalises', async () => {
    const net = new DownEncoder(SMALL.audio_encoder, new Random(1));
    const features = random(1, [2, 80, 16, 1], 4);
    const before = net.forward(features);
    const state = await net.stateDict();
    for (const name of ['down_blocks.2.downsample_conv.weight', 'down_blocks.2.downsample_conv.bias']) {
      const data = state.get(name)?.data as Float32Array;
      data.forEach((value, index) => (data[index] = value * 8));
    }
    net.loadStateDict(state);
    // measured 2.8e-5: the norm's epsilon does not scale along
    expect(largestDifference(net.forward(features).dataSync(), before.dataSync())).toBeLessThan(2e-4);
    net.dispose();
  });

  test('gives zeros, not NaN, where no entry is above 0', async () => {
    const net = new DownEncoder(SMALL.audio_encoder, new Random(1));
    const state = await net.stateDict();
    (state.get('norm_out.weight')!.data as Float32Array).fill(0);
    (state.get('norm_out.bias')!.data as Float32Array).fill(-1);
    net.loadStateDict(state);
    expect(tf.max(tf.abs(net.forward(random(1, [1, 80, 16, 1])))).dataSync()[0]).toBe(0);
    net.dispose();
  });

  test('leaves one tensor', () => {
    const net = new DownEncoder(SMALL.audio_encoder, new Random(1));
    const features = random(1, [1, 80, 16, 1]);
    const before = tensors();
    const embedding = net.forward(features);
    expect(tensors()).toBe(before + 1);
    embedding.dispose();
    net.dispose();
  });
});
