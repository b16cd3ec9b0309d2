import type * as tf from '@tensorflow/tfjs-core';
import { expectTypeOf, test } from 'vitest';
import type { Axes, FeatureBatch } from './axes';

test('an unlabelled tensor passes for a labelled one, another order does not', () => {
  expectTypeOf<tf.Tensor4D>().toExtend<FeatureBatch>();
  expectTypeOf<Axes<tf.Tensor4D, 'batch time bin channel'>>().not.toExtend<FeatureBatch>();
});
