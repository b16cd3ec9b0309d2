import { readFileSync } from 'node:fs';
import '@tensorflow/tfjs-backend-cpu';
import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import { relativeDifference } from '../testing/formula-images';
import { RESIZE_RULES, type ResizeRule, resizeImages } from './resize-images';

type Case = { height: number; width: number; to: [number, number] } & Record<ResizeRule, number[]>;
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/resize.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

describe.each(['cpu', 'wasm'] as const)('resizeImages on %s', (backend) => {
  const table = fixture.cases.flatMap((each) =>
    RESIZE_RULES.map((rule) => [each.height, each.width, each.to, rule, each] as const),
  );

  test.each(table)('%d x %d to %j, %s: as the program it is named after', async (height, width, to, rule, each) => {
    await selectBackend({ backend });
    const x = tf.tensor4d(formulaNumbers(`resize ${height} ${width}`, 2 * height * width * 3, 0, 1), [
      2,
      height,
      width,
      3,
    ]);
    const before = tf.memory().numTensors;
    const y = resizeImages(x, to, rule);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(y.shape).toEqual([2, ...to, 3]);
    const got = y.dataSync().filter((_, i) => i % 3 === 0);
    expect(relativeDifference(got, each[rule])).toBeLessThan(5e-6); // measured 2e-6, wasm's bilinear; else 4e-7
    tf.dispose([x, y]);
  });
});

test('images of the size that is wanted stay as they are, as a tensor of its own', () => {
  const x = tf.ones<tf.Rank.R4>([1, 4, 5, 3]);
  const y = resizeImages(x, [4, 5], 'area');
  x.dispose();
  expect(y.dataSync()).toEqual(new Float32Array(60).fill(1));
  y.dispose();
});

test('resizeImages refuses other ranks, sizes and rules', () => {
  const x = tf.ones<tf.Rank.R4>([1, 4, 5, 3]);
  expect(() => resizeImages(x, [0, 4], 'area')).toThrow(
    'resizeImages: to must be two whole numbers above 0, got [0, 4]',
  );
  expect(() => resizeImages(x, [4, 4], 'cubic' as 'area')).toThrow('resizeImages: rule must be bilinear, bilinear-tf1');
  expect(() => resizeImages(tf.reshape(x, [4, 5, 3]) as never, [4, 4], 'area')).toThrow(
    'images must be of shape [batch',
  );
  x.dispose();
});
