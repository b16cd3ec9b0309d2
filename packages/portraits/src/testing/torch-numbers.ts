import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { formulaNumbers } from '../../../../tests/support/formula-weights';

/** A fixture of the package. */
export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as T;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);

/** The values that `formula_weights.numbers` makes. */
export function numbers(name: string, shape: number[], low = -1, high = 1): Float32Array {
  return formulaNumbers(name, sizeOf(shape), low, high);
}

/** A tensor, of any rank, of the values that `formula_weights.numbers` makes. */
export function made<T extends tf.Tensor>(name: string, shape: number[], low = -1, high = 1): T {
  return tf.tensor(numbers(name, shape, low, high), shape) as T;
}

/** Largest difference as a share of the largest reference value. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values for ${expected.length}`);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const own = Math.abs(actual[i] - expected[i]);
    difference = Math.max(difference, Number.isNaN(own) ? Infinity : own);
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference === 0 ? 0 : difference / largest;
}
