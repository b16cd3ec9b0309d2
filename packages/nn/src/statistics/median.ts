import { fail } from '@lipsync/contracts';

/** A sorted float64 copy. */
function sorted(where: string, values: ArrayLike<number>): Float64Array {
  if (values.length === 0) fail(RangeError, where, 'values', 'not empty', '0 values');
  return Float64Array.from(values).sort();
}

/**
 * The middle value; of an even count the mean of the two in the middle, as NumPy's `median`.
 *
 * @param values any order; not changed. NaN sorts last.
 * @throws RangeError for an empty list.
 * @example
 * median([4, 1, 3, 2]); // 2.5
 */
export function median(values: ArrayLike<number>): number {
  const ordered = sorted('median', values);
  return (ordered[(ordered.length - 1) >> 1] + ordered[ordered.length >> 1]) / 2;
}

/**
 * The middle value; of an even count the lower of the two in the middle, as PyTorch's `median`.
 *
 * @param values any order; not changed. NaN sorts last.
 * @throws RangeError for an empty list.
 * @example
 * lowerMedian([4, 1, 3, 2]); // 2
 */
export function lowerMedian(values: ArrayLike<number>): number {
  const ordered = sorted('lowerMedian', values);
  return ordered[(ordered.length - 1) >> 1];
}

/**
 * Moving median with zeros beyond both ends, as SciPy's `signal.medfilt`; equal to it.
 *
 * `result[i] = median(values[i - size/2 … i + size/2])`.
 *
 * @param size length of the window, odd.
 * @returns float64, as long as `values`.
 * @throws RangeError for a size that is not odd and above 0.
 * @example
 * medianFilter([1, 9, 2, 3], 3); // 1, 2, 3, 2
 */
export function medianFilter(values: ArrayLike<number>, size: number): Float64Array {
  if (!(Number.isInteger(size) && size > 0 && size % 2 === 1)) {
    fail(RangeError, 'medianFilter', 'size', 'odd and above 0', size);
  }
  const half = size >> 1;
  const window = new Float64Array(size);
  return Float64Array.from({ length: values.length }, (_, centre) => {
    for (let k = 0; k < size; k++) {
      const from = centre + k - half;
      window[k] = from >= 0 && from < values.length ? values[from] : 0;
    }
    return lowerMedian(window);
  });
}
