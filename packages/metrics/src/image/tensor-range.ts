import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { ValueRange } from './image';

/**
 * Least and largest value of two batches of any rank, in one reading from the backend.
 *
 * @throws RangeError for values outside of the range, but for rounding.
 */
export async function tensorRange(
  where: string,
  real: tf.Tensor,
  generated: tf.Tensor,
  [low, high]: ValueRange,
): Promise<{ least: number; largest: number }> {
  const ends = tf.tidy(() => tf.stack([real, generated].flatMap((x) => [tf.min(x), tf.max(x)])));
  const values = Array.from(await ends.data());
  ends.dispose();
  const slack = 1e-6 * (high - low);
  values.forEach((value, i) => {
    if (value >= low - slack && value <= high + slack) return;
    fail(RangeError, where, i < 2 ? 'real' : 'generated', `within range (${low}..${high})`, value);
  });
  return { least: Math.min(...values), largest: Math.max(...values) };
}
