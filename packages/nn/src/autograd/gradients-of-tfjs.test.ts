import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients'; // as `@tensorflow/tfjs`, and with it tfjs-node, does
import { beforeAll, expect, test } from 'vitest';
import { registerGradients } from './register-gradients';

beforeAll(() => tf.setBackend('cpu'));

/** The op, the shape of an operand that is broadcast, and that of the other, which is the shape of the result's batch. */
const CASES: [string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, number[], number[]][] = [
  ['Maximum', tf.maximum, [], [2, 3]],
  ['Minimum', tf.minimum, [3], [2, 3]],
  ['SquaredDifference', tf.squaredDifference, [3], [2, 3]],
  ['BatchMatMul', (a, b) => tf.matMul(b, a), [1, 4, 2], [3, 2, 4]],
];

/** What tfjs registered. */
const STOCK = new Map(CASES.map(([name]) => [name, tf.getGradient(name)]));

test.each(CASES)(
  'the gradient that tfjs has for %s fails where an operand broadcasts; ours replaces it',
  (name, f, a, b) => {
    const [x, y] = [tf.randomNormal(a, 0, 1, 'float32', 1), tf.randomNormal(b, 0, 1, 'float32', 2)];
    const value = (x: tf.Tensor, y: tf.Tensor) => tf.sum(tf.square(f(x, y)));
    tf.registerGradient(STOCK.get(name)!);
    expect(() => tf.grads(value)([x, y])).toThrow(`Error in gradient for op ${name}`);
    registerGradients();
    // Tiled to full shape, nothing broadcasts.
    const whole = name === 'BatchMatMul' ? [3, 4, 2] : b;
    const expected = tf.grads((x: tf.Tensor, y: tf.Tensor) => value(tf.add(x, tf.zeros(whole)), y))([x, y]);
    const got = tf.grads(value)([x, y]);
    got.forEach((slope, i) => {
      expect(slope.shape).toEqual([x, y][i].shape);
      expect(tf.max(tf.abs(tf.sub(slope, expected[i]))).dataSync()[0]).toBeLessThan(1e-5); // measured 0 to 1e-6
    });
  },
);

test('other gradients of tfjs stay, and ours are registered once', () => {
  registerGradients();
  const [relu, maximum] = ['Relu', 'Maximum'].map((name) => tf.getGradient(name));
  registerGradients();
  expect(tf.getGradient('Relu')).toBe(relu);
  expect(tf.getGradient('Maximum')).toBe(maximum);
});
