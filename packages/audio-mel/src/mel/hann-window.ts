/** Periodic Hann window of `length` samples, centred in `size`. */
export function hannWindow(length: number, size: number): Float64Array {
  const window = new Float64Array(size);
  const left = Math.floor((size - length) / 2);
  for (let n = 0; n < length; n++) window[left + n] = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length);
  return window;
}
