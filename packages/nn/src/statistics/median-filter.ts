import { fail } from '@lipsync/contracts';

/**
 * The middle value; of an even count the lower of the two in the middle, as PyTorch's `median` takes it.
 *
 * @throws RangeError for an empty list.
 * @example
 * lowerMedian([4, 1, 3, 2]); // 2
 */
export function lowerMedian(values: ArrayLike<number>): number {
  if (values.length === 0) fail(RangeError, 'lowerMedian', 'values', 'not empty', '0 values');
  const sorted = Float64Array.from(values).sort();
  return sorted[(sorted.length - 1) >> 1];
}

/**
 * Moving median with zeros beyond both ends, as SciPy's `signal.medfilt`.
 *
 * `result[i] = median(values[i - size/2 … i + size/2])`, as long as `values`, float64.
 *
 * @param size Odd length of the window.
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
