/** Options of `localWeights`. */
type LocalWeightsOptions = {
  /** Number of neighbours, at least 1. */
  count: number;
  /** Values of a vector. */
  size: number;
  /** Share of the mean squared distance from the first neighbour that is added to the diagonal; at least 0. */
  ridge: number;
};

/**
 * Weights, of sum 1, with which neighbours come nearest to a vector.
 *
 * With the first neighbour `f_1` as origin, `A = [f_2 - f_1, …, f_K - f_1]` and `b = h - f_1`: `w_2..K = (AᵀA + λ I)⁻¹
 * Aᵀ b`, `λ = ridge · trace(AᵀA) / (K - 1)`, and `w_1 = 1 - sum of w_2..K`. By Cholesky's decomposition in float64.
 * Directions in which the neighbours do not differ get no weight, so repeated neighbours do no harm.
 *
 * @param target `[size]`, `h`.
 * @param neighbours `[count * size]`, the nearest first.
 * @returns float64 `[count]`.
 */
export function localWeights(
  target: Float32Array,
  neighbours: Float32Array,
  { count, size, ridge }: LocalWeightsOptions,
): Float64Array {
  const unknowns = count - 1;
  const gram = new Float64Array(unknowns * unknowns);
  const right = new Float64Array(unknowns);
  for (let row = 0; row < unknowns; row++) {
    const from = (row + 1) * size;
    for (let column = 0; column <= row; column++) {
      const other = (column + 1) * size;
      let sum = 0;
      for (let i = 0; i < size; i++) {
        sum += (neighbours[from + i] - neighbours[i]) * (neighbours[other + i] - neighbours[i]);
      }
      gram[row * unknowns + column] = sum;
    }
    for (let i = 0; i < size; i++) right[row] += (neighbours[from + i] - neighbours[i]) * (target[i] - neighbours[i]);
  }
  let trace = 0;
  for (let i = 0; i < unknowns; i++) trace += gram[i * unknowns + i];
  for (let i = 0; i < unknowns; i++) gram[i * unknowns + i] += (ridge * trace) / unknowns;
  solvePositive(gram, right);
  const weights = new Float64Array(count);
  weights[0] = 1;
  for (let i = 0; i < unknowns; i++) {
    weights[i + 1] = right[i];
    weights[0] -= right[i];
  }
  return weights;
}

/**
 * Solves `M x = right` in place, `M` symmetric and positive semidefinite `[n * n]`, of which the lower triangle is
 * read. Unknowns whose pivot is rounding error get 0.
 */
function solvePositive(m: Float64Array, right: Float64Array): void {
  const n = right.length;
  for (let row = 0; row < n; row++) {
    const full = m[row * n + row];
    for (let column = 0; column <= row; column++) {
      let sum = m[row * n + column];
      for (let k = 0; k < column; k++) sum -= m[row * n + k] * m[column * n + k];
      if (column < row) m[row * n + column] = m[column * n + column] > 0 ? sum / m[column * n + column] : 0;
      else m[row * n + row] = sum > 1e-13 * full ? Math.sqrt(sum) : 0;
    }
  }
  for (let row = 0; row < n; row++) {
    let sum = right[row];
    for (let k = 0; k < row; k++) sum -= m[row * n + k] * right[k];
    right[row] = m[row * n + row] > 0 ? sum / m[row * n + row] : 0;
  }
  for (let row = n - 1; row >= 0; row--) {
    let sum = right[row];
    for (let k = row + 1; k < n; k++) sum -= m[k * n + row] * right[k];
    right[row] = m[row * n + row] > 0 ? sum / m[row * n + row] : 0;
  }
}
