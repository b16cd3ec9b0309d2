import { type NamedArray, toFloat32 } from './named-array';

/** Values of an array that are not finite. */
export type NonFinite = {
  count: number;
  /** The first of them: `NaN`, `Infinity` or `-Infinity`, and its place in row-major order. */
  value: number;
  index: number;
};

/**
 * Finds NaN and infinite values.
 *
 * @returns undefined where all are finite, as integers always are.
 * @example
 * nonFiniteValues({ dtype: 'float32', shape: [2], data: Float32Array.of(0, NaN) }); // { count: 1, value: NaN, index: 1 }
 */
export function nonFiniteValues(array: NamedArray): NonFinite | undefined {
  if (!/float/.test(array.dtype)) return undefined;
  const values = array.dtype === 'float64' ? array.data : toFloat32(array);
  let found: NonFinite | undefined;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value - value === 0) continue; // finite; quicker than Number.isFinite
    if (found) found.count++;
    else found = { count: 1, value, index: i };
  }
  return found;
}
