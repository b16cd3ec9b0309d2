import { type NamedArray, toFloat32 } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';

/** Mean and covariance of a set of features. */
export type FrechetMoments = {
  /** `[d]`, float64. */
  mean: Float64Array;
  /** `[d, d]`, row-major, symmetric, float64, over `count - 1`. */
  covariance: Float64Array;
  /** Number of samples, where it is known. */
  count?: number;
};

/** Refuses moments whose arrays do not fit together or hold values that are not finite. */
export function assertMoments(where: string, name: string, moments: FrechetMoments): void {
  const { mean, covariance } = moments ?? {};
  if (!(mean instanceof Float64Array && mean.length > 0))
    fail(TypeError, where, `${name}.mean`, 'a Float64Array', typeof mean);
  if (!(covariance instanceof Float64Array && covariance.length === mean.length ** 2)) {
    fail(
      TypeError,
      where,
      `${name}.covariance`,
      `a Float64Array of ${mean.length} * ${mean.length} numbers`,
      covariance?.length,
    );
  }
  for (const [field, values] of Object.entries({ mean, covariance })) {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) fail(RangeError, where, `${name}.${field}`, 'finite', `${values[bad]} at ${bad}`);
  }
}

/**
 * Moments as arrays under the names of pytorch-fid's `.npz` files, `mu` and `sigma`, and `count` (int64) where it is
 * known: for `encodeSafetensors`.
 *
 * @example
 * await writeFileAtomic('real.safetensors', encodeSafetensors(momentsToArrays(statistics.moments())));
 */
export function momentsToArrays(moments: FrechetMoments): Map<string, NamedArray> {
  assertMoments('momentsToArrays', 'moments', moments);
  const { mean, covariance, count } = moments;
  const arrays = new Map<string, NamedArray>([
    ['mu', { dtype: 'float64', shape: [mean.length], data: mean.slice() }],
    ['sigma', { dtype: 'float64', shape: [mean.length, mean.length], data: covariance.slice() }],
  ]);
  if (count !== undefined) arrays.set('count', { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(count)) });
  return arrays;
}

/**
 * Moments from the arrays of a statistics file: pytorch-fid's `.npz` (`mu`, `sigma`) or those of `momentsToArrays`.
 * Other arrays are ignored.
 *
 * pytorch-fid does not write the number of samples, so `FrechetStatistics.from` cannot continue from its moments.
 *
 * @throws TypeError where `mu` or `sigma` is missing, of another shape or not of floating point.
 * @example
 * const { state } = await readStateDict('real.npz', { widen: false });
 * const fid = new FidScorer({ network, real: momentsFromArrays(state) });
 */
export function momentsFromArrays(arrays: ReadonlyMap<string, NamedArray>): FrechetMoments {
  const where = 'momentsFromArrays';
  const [mu, sigma, count] = ['mu', 'sigma', 'count'].map((name) => arrays.get(name));
  if (mu?.shape.length !== 1) fail(TypeError, where, 'mu', 'an array of one axis', mu?.shape);
  const [size] = mu.shape;
  if (sigma?.shape.length !== 2 || sigma.shape.some((side) => side !== size)) {
    fail(TypeError, where, 'sigma', `of shape [${size}, ${size}], as mu is`, sigma?.shape);
  }
  const moments: FrechetMoments = { mean: doubles(where, 'mu', mu), covariance: doubles(where, 'sigma', sigma) };
  if (count !== undefined) {
    if (count.data.length !== 1) fail(TypeError, where, 'count', 'one number', `${count.data.length} numbers`);
    moments.count = Number(count.data[0]);
  }
  assertMoments(where, 'arrays', moments);
  return moments;
}

function doubles(where: string, name: string, array: NamedArray): Float64Array {
  if (array.dtype === 'float64') return array.data.slice();
  if (!array.dtype.includes('float')) fail(TypeError, where, name, 'of floating point', array.dtype);
  return Float64Array.from(toFloat32(array));
}
