import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import { readFixture, relativeDifference, type TorchCase, tensorOf } from '../testing/torch-case';
import { avgPool2d, maxPool2d, maxPool3d, type Pool3dOptions, type PoolOptions } from './pooling';

const fixture = readFixture<{
  max2d: TorchCase<PoolOptions & { ceil: boolean }>[];
  avg2d: TorchCase<PoolOptions & { countPadding: boolean }>[];
  max3d: TorchCase<Pool3dOptions>[];
}>('pooling');

/** Largest relative difference, forward and, where it is there, of the gradient by the input. */
function compare<Options>(each: TorchCase<Options>, pool: (x: tf.Tensor) => tf.Tensor, withGradient = true): number {
  return tf.tidy(() => {
    const x = tensorOf(each.x);
    const y = pool(x);
    expect(y.shape).toEqual(each.y.shape);
    const forward = relativeDifference(y.dataSync(), each.y.data);
    if (!withGradient) return forward;
    return Math.max(forward, relativeDifference(tf.grad(pool)(x, tensorOf(each.dy)).dataSync(), each.dx.data));
  });
}

describe('pools', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
    registerGradients();
  });

  test.each(fixture.max2d.map((each) => [each.name, each] as const))(
    'maxPool2d equals PyTorch forward and backward: %s',
    (_, each) => {
      expect(compare(each, (x) => maxPool2d(x, each.options))).toBeLessThan(1e-6); // measured 2.9e-8
    },
  );

  test.each(fixture.avg2d.map((each) => [each.name, each] as const))('avgPool2d equals PyTorch: %s', (_, each) => {
    // measured 1.2e-7
    expect(compare(each, (x) => avgPool2d(x, each.options), each.options.countPadding)).toBeLessThan(1e-6);
  });

  test.each(fixture.max3d.map((each) => [each.name, each] as const))(
    'maxPool3d equals PyTorch forward: %s',
    (_, each) => {
      expect(compare(each, (x) => maxPool3d(x, each.options), false)).toBeLessThan(1e-8); // the fixture has 9 digits
    },
  );

  test('pools leave one tensor, the one they return', () => {
    const [image, clip] = [tf.zeros([1, 4, 4, 2]), tf.zeros([1, 4, 4, 4, 2])];
    const before = tf.memory().numTensors;
    const made = [
      maxPool2d(image, { kernelSize: 3, stride: 2, padding: 1, ceil: true }),
      avgPool2d(image, { kernelSize: 3, stride: 2, padding: 1 }),
      maxPool3d(clip, { kernelSize: [2, 2, 2], padding: 'same' }),
    ];
    expect(tf.memory().numTensors).toBe(before + 3);
    tf.dispose([...made, image, clip]);
  });

  test('pools refuse other ranks, too much padding and images smaller than the kernel', () => {
    expect(() => maxPool2d(tf.zeros([2, 2, 2]), { kernelSize: 2 })).toThrow('maxPool2d: x must be of shape');
    expect(() => avgPool2d(tf.zeros([1, 4, 4, 1]), { kernelSize: 2, padding: 2 })).toThrow(
      'avgPool2d: padding must be',
    );
    expect(() => maxPool2d(tf.zeros([1, 2, 2, 1]), { kernelSize: 3 })).toThrow('at least 3 x 3 with its padding');
    expect(() => maxPool3d(tf.zeros([1, 2, 2, 1]), { kernelSize: [1, 1, 1] })).toThrow('maxPool3d: x must be of shape');
  });
});
