import { fail } from '@lipsync/contracts';

/** A sequence of frames with as many values each. */
export type FrameValues = { data: Float32Array; frameCount: number };

/**
 * Smooths each value of a sequence over time with a Gaussian.
 *
 * `y[t] = Σ_k w[k] · x[t + k]`, `w[k] ∝ exp(−k² / 2σ²)`, `|k| ≤ ⌊4σ + 0.5⌋`; at its ends the sequence is continued by its
 * mirror image, the end frame twice.
 *
 * Source: SciPy's `gaussian_filter1d(mode='reflect', truncate=4)`; largest difference 6e-8 of the largest value, the
 * rounding of float32, see the test.
 *
 * @param values borrowed; `data` holds `frameCount` times as many values as a frame has.
 * @param sigma standard deviation in frames; 0 changes nothing.
 * @returns a new array of the same length.
 * @throws TypeError where the values are not those of whole frames; RangeError for a negative sigma.
 * @example
 * import { gaussianFilter } from '@lipsync/portraits';
 * const smooth = gaussianFilter({ data: new Float32Array(30 * 6), frameCount: 30 }, 1.5);
 */
export function gaussianFilter({ data, frameCount }: FrameValues, sigma: number): Float32Array {
  const where = 'gaussianFilter';
  const size = frameSizeOf(where, { data, frameCount });
  if (!(sigma >= 0 && Number.isFinite(sigma))) fail(RangeError, where, 'sigma', 'at least 0', sigma);
  if (sigma === 0) return data.slice();
  const weights = kernelOf(sigma);
  const radius = weights.length - 1;
  const smooth = new Float32Array(data.length);
  const sums = new Float64Array(size);
  for (let frame = 0; frame < frameCount; frame++) {
    sums.fill(0);
    for (let k = -radius; k <= radius; k++) {
      const from = mirrored(frame + k, frameCount) * size;
      const weight = weights[Math.abs(k)];
      for (let i = 0; i < size; i++) sums[i] += weight * data[from + i];
    }
    smooth.set(sums, frame * size);
  }
  return smooth;
}

/** Values in a frame of a sequence; refuses what is no sequence of whole frames. */
export function frameSizeOf(where: string, { data, frameCount }: FrameValues): number {
  if (!(Number.isInteger(frameCount) && frameCount > 0))
    fail(RangeError, where, 'frameCount', 'a whole number above 0', frameCount);
  const size = data?.length / frameCount;
  if (!(data instanceof Float32Array && Number.isInteger(size) && size > 0))
    fail(TypeError, where, 'data', `a Float32Array of ${frameCount} frames`, `${data?.length} values`);
  return size;
}

/** Weights from the middle outwards; both halves together sum to one. */
function kernelOf(sigma: number): Float64Array {
  const weights = Float64Array.from({ length: Math.floor(4 * sigma + 0.5) + 1 }, (_, k) =>
    Math.exp((-0.5 * k * k) / (sigma * sigma)),
  );
  const sum = weights.reduce((total, weight, k) => total + (k === 0 ? weight : 2 * weight), 0);
  return weights.map((weight) => weight / sum);
}

/** The frame that stands for one beyond the ends: d c b a | a b c d | d c b a. */
function mirrored(frame: number, count: number): number {
  const period = 2 * count;
  const at = ((frame % period) + period) % period;
  return at < count ? at : period - 1 - at;
}
