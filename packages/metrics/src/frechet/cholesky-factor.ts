/** A matrix, row-major. */
export type Matrix = { data: Float64Array; rows: number; columns: number };

/**
 * A factor of a symmetric positive semi-definite matrix: `S = Fᵀ F` with as many rows as `S` has rank.
 *
 * Pivoted Cholesky: the largest remaining diagonal entry is next; it ends where none is above `d · eps · max diag(S)`,
 * LAPACK's rule (`dpstrf`), so what rounding left of a zero eigenvalue is not taken for one. Rows keep the order of the
 * axes of `S`.
 *
 * @param covariance `[d, d]`, row-major; only rows of pivots are read, negative diagonals are taken as zero.
 * @param mostRank Where the rank is known to be at most this: `samples - 1` for a covariance.
 * @returns `[rank, d]`, float64.
 */
export function choleskyFactor(covariance: Float64Array, dimension: number, mostRank = dimension): Matrix {
  const most = Math.max(0, Math.min(dimension, mostRank));
  const left = Float64Array.from({ length: dimension }, (_, i) => covariance[i * dimension + i]);
  const least = dimension * Number.EPSILON * left.reduce((largest, value) => Math.max(largest, value), 0);
  // The axes in the order of the pivots; `left` and the rows follow it, so that a row is worked on from its pivot on.
  const order = Uint32Array.from({ length: dimension }, (_, i) => i);
  const rows: Float64Array[] = [];
  for (let k = 0; k < most; k++) {
    let pivot = k;
    for (let i = k + 1; i < dimension; i++) if (left[i] > left[pivot]) pivot = i;
    if (!(left[pivot] > least)) break;
    for (const each of [order, left, ...rows]) [each[k], each[pivot]] = [each[pivot], each[k]];
    const row = new Float64Array(dimension);
    for (let i = k, start = order[k] * dimension; i < dimension; i++) row[i] = covariance[start + order[i]];
    subtractRows(row, rows, k);
    row[k] = Math.sqrt(left[k]);
    const scale = 1 / row[k];
    for (let i = k + 1; i < dimension; i++) {
      row[i] *= scale;
      left[i] -= row[i] * row[i];
    }
    rows.push(row);
  }
  const data = new Float64Array(rows.length * dimension);
  rows.forEach((row, k) => {
    for (let i = k; i < dimension; i++) data[k * dimension + order[i]] = row[i];
  });
  return { data, rows: rows.length, columns: dimension };
}

/** `row -= sum over k of rows[k][from] · rows[k]` from `from` on, four rows at a time. */
function subtractRows(row: Float64Array, rows: Float64Array[], from: number): void {
  const length = row.length;
  let k = 0;
  for (; k + 3 < rows.length; k += 4) {
    const [r0, r1, r2, r3] = [rows[k], rows[k + 1], rows[k + 2], rows[k + 3]];
    const [f0, f1, f2, f3] = [r0[from], r1[from], r2[from], r3[from]];
    for (let i = from; i < length; i++) row[i] -= f0 * r0[i] + f1 * r1[i] + (f2 * r2[i] + f3 * r3[i]);
  }
  for (; k < rows.length; k++) {
    const source = rows[k];
    const factor = source[from];
    for (let i = from; i < length; i++) row[i] -= factor * source[i];
  }
}
