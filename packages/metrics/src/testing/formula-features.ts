/** The features of reference/metrics-frechet.py, bit by bit. */

/** [0, 1) of a whole number: the finaliser of MurmurHash3. */
function uniform(index: number, seed: number): number {
  let bits = (Math.imul(index, 0x9e3779b1) + Math.imul(seed, 0x85ebca6b)) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 4294967296;
}

/** `[samples, dimension]`; neighbours are correlated, axis j is scaled by `2^-floor(octaves j / dimension)`. */
export function formulaFeatures(
  samples: number,
  dimension: number,
  octaves: number,
  shift: number,
  seed: number,
): Float64Array {
  const features = new Float64Array(samples * dimension);
  for (let i = 0; i < samples; i++) {
    for (let j = 0; j < dimension; j++) {
      const before = (j + dimension - 1) % dimension;
      const value = uniform(i * dimension + j, seed) + 0.5 * uniform(i * dimension + before, seed) + shift;
      features[i * dimension + j] = value * 2 ** -Math.floor((octaves * j) / dimension);
    }
  }
  return features;
}
