import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import { upsampleNearest2x } from './upsample-nearest2x';

const made = (name: string, shape: [number, number, number, number]) =>
  tf.tensor4d(formulaNumbers(name, shape[0] * shape[1] * shape[2] * shape[3], -1, 1), shape);

describe.each(['wasm', 'cpu'] as const)('on %s', (backend) => {
  beforeEach(async () => {
    await selectBackend({ backend });
  });

  test('repeats each pixel four times; its gradient sums the repeats', () => {
    const x = made('x', [2, 2, 3, 2]);
    const y = upsampleNearest2x(x);
    const numbers = y.arraySync();
    const given = x.arraySync();
    expect(numbers.map((map) => map.map((row, i) => row.map((_, j) => map[i][j])))).toEqual(
      given.map((map) => Array.from({ length: 4 }, (_, i) => Array.from({ length: 6 }, (_, j) => map[i >> 1][j >> 1]))),
    );
    const dy = made('dy', [2, 4, 6, 2]);
    const gradient = tf.grad((x) => upsampleNearest2x(x as tf.Tensor4D))(x, dy) as tf.Tensor4D;
    const slopes = dy.arraySync();
    for (const [b, map] of gradient.arraySync().entries()) {
      for (const [i, row] of map.entries()) {
        for (const [j, pixel] of row.entries()) {
          for (const [c, value] of pixel.entries()) {
            const four = [
              [0, 0],
              [0, 1],
              [1, 0],
              [1, 1],
            ].reduce((sum, [u, v]) => sum + slopes[b][2 * i + u][2 * j + v][c], 0);
            expect(value).toBeCloseTo(four, 6); // measured 1.2e-7
          }
        }
      }
    }
    tf.dispose([x, y, dy, gradient]);
  });
});

test('refuses another rank', () => {
  expect(() => upsampleNearest2x(tf.zeros([2, 3, 4]) as never)).toThrow(
    'x must be of shape [batch, height, width, channels]',
  );
});
