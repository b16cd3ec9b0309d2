import { fail } from '@lipsync/contracts';
import type { Matrix } from './cholesky-factor';

/**
 * Singular values of a matrix, without vectors, largest first.
 *
 * Householder reflections from left and right make it bidiagonal (Golub and Kahan 1965); the bidiagonal's entries,
 * taken in turn, are the off-diagonal of a symmetric tridiagonal matrix with zero diagonal whose eigenvalues are the
 * singular values and their negatives; QL with implicit shifts finds these. No square is formed, so small values are as
 * exact as large ones: errors are about 1e-16 of the largest.
 *
 * @returns float64, `min(rows, columns)` of them.
 * @throws Error if QL does not converge, which finite numbers do not bring about.
 * @example
 * singularValues({ data: Float64Array.of(3, 0, 4, 5), rows: 2, columns: 2 }); // 6.708…, 2.236…
 */
export function singularValues(matrix: Matrix): Float64Array {
  const { data, rows, columns } = matrix;
  const entries =
    rows >= columns ? bidiagonal(data.slice(), rows, columns) : bidiagonal(transposed(matrix), columns, rows);
  const eigenvalues = tridiagonalEigenvalues(entries);
  return eigenvalues
    .sort()
    .reverse()
    .slice(0, Math.min(rows, columns))
    .map((value) => Math.max(0, value));
}

function transposed({ data, rows, columns }: Matrix): Float64Array {
  const result = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j];
  }
  return result;
}

/**
 * Makes `a [rows, columns]`, `rows >= columns`, bidiagonal, overwriting it.
 *
 * Left reflection k and right reflection k subtract `u wᵀ` and `z vᵀ`. Both are applied in the pass over the rows that
 * also gathers the next `w = aᵀ u`, so each step reads the matrix twice and writes it once.
 *
 * @returns diagonal and upper diagonal in turn: `d0, e0, d1, e1, … , d(n-1)`.
 */
function bidiagonal(a: Float64Array, rows: number, columns: number): Float64Array {
  const entries = new Float64Array(Math.max(0, 2 * columns - 1));
  let [u, z] = [new Float64Array(rows), new Float64Array(rows)];
  let [w, v] = [new Float64Array(columns), new Float64Array(columns)];
  let [nextU, nextZ] = [new Float64Array(rows), new Float64Array(rows)];
  let [nextW, nextV] = [new Float64Array(columns), new Float64Array(columns)];
  for (let k = 0; k < columns; k++) {
    for (let i = k; i < rows; i++) nextU[i] = a[i * columns + k] - u[i] * w[k] - z[i] * v[k];
    const left = reflection(nextU, k, rows);
    entries[2 * k] = left.value;
    nextW.fill(0);
    subtractAndGather(a, columns, k, rows, { u, w, z, v }, nextU, nextW);
    for (let j = k; j < columns; j++) nextW[j] *= left.factor;
    if (k + 1 < columns) {
      for (let j = k + 1; j < columns; j++) nextV[j] = a[k * columns + j] - nextU[k] * nextW[j];
      const right = reflection(nextV, k + 1, columns);
      entries[2 * k + 1] = right.value;
      let product = 0;
      for (let j = k + 1; j < columns; j++) product += nextW[j] * nextV[j];
      timesVector(a, columns, k + 1, rows, nextV, nextZ);
      for (let i = k + 1; i < rows; i++) nextZ[i] = right.factor * (nextZ[i] - nextU[i] * product);
    }
    [u, nextU, z, nextZ, w, nextW, v, nextV] = [nextU, u, nextZ, z, nextW, w, nextV, v];
  }
  return entries;
}

type Pending = Record<'u' | 'w' | 'z' | 'v', Float64Array>;

/** In rows and columns from `k` on, four rows at a time: `a -= u wᵀ + z vᵀ`, then `sums += aᵀ x`. */
function subtractAndGather(
  a: Float64Array,
  columns: number,
  k: number,
  rows: number,
  { u, w, z, v }: Pending,
  x: Float64Array,
  sums: Float64Array,
): void {
  let i = k;
  for (; i + 3 < rows; i += 4) {
    const a0 = i * columns;
    const a1 = a0 + columns;
    const a2 = a1 + columns;
    const a3 = a2 + columns;
    const [u0, u1, u2, u3] = [u[i], u[i + 1], u[i + 2], u[i + 3]];
    const [z0, z1, z2, z3] = [z[i], z[i + 1], z[i + 2], z[i + 3]];
    const [x0, x1, x2, x3] = [x[i], x[i + 1], x[i + 2], x[i + 3]];
    for (let j = k; j < columns; j++) {
      const wj = w[j];
      const vj = v[j];
      const y0 = a[a0 + j] - u0 * wj - z0 * vj;
      const y1 = a[a1 + j] - u1 * wj - z1 * vj;
      const y2 = a[a2 + j] - u2 * wj - z2 * vj;
      const y3 = a[a3 + j] - u3 * wj - z3 * vj;
      a[a0 + j] = y0;
      a[a1 + j] = y1;
      a[a2 + j] = y2;
      a[a3 + j] = y3;
      sums[j] += x0 * y0 + x1 * y1 + (x2 * y2 + x3 * y3);
    }
  }
  for (; i < rows; i++) {
    const at = i * columns;
    for (let j = k; j < columns; j++) {
      const y = a[at + j] - u[i] * w[j] - z[i] * v[j];
      a[at + j] = y;
      sums[j] += x[i] * y;
    }
  }
}

/** `result[i] = a[i] · x` for rows and columns from `k` on, four rows at a time. */
function timesVector(
  a: Float64Array,
  columns: number,
  k: number,
  rows: number,
  x: Float64Array,
  result: Float64Array,
): void {
  let i = k;
  for (; i + 3 < rows; i += 4) {
    const a0 = i * columns;
    const a1 = a0 + columns;
    const a2 = a1 + columns;
    const a3 = a2 + columns;
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let j = k; j < columns; j++) {
      const xj = x[j];
      s0 += a[a0 + j] * xj;
      s1 += a[a1 + j] * xj;
      s2 += a[a2 + j] * xj;
      s3 += a[a3 + j] * xj;
    }
    result[i] = s0;
    result[i + 1] = s1;
    result[i + 2] = s2;
    result[i + 3] = s3;
  }
  for (; i < rows; i++) {
    let sum = 0;
    for (let j = k; j < columns; j++) sum += a[i * columns + j] * x[j];
    result[i] = sum;
  }
}

/**
 * Makes `x[from … end)` the vector of the reflection `1 - factor · x xᵀ` that moves it onto its first axis, where its
 * length stands as `value`.
 */
function reflection(x: Float64Array, from: number, end: number): { value: number; factor: number } {
  let largest = 0;
  for (let i = from; i < end; i++) largest = Math.max(largest, Math.abs(x[i]));
  if (largest === 0) return { value: 0, factor: 0 };
  let squares = 0;
  for (let i = from; i < end; i++) squares += (x[i] / largest) ** 2;
  const length = largest * Math.sqrt(squares);
  const value = x[from] > 0 ? -length : length; // the sign that does not cancel
  x[from] -= value;
  const halfSquare = value * -x[from]; // |x|² / 2 of the new x
  if (halfSquare === 0) return { value, factor: 0 };
  return { value, factor: 1 / halfSquare };
}

/** Rounds of QL for one eigenvalue; usually fewer than 3. */
const MOST_ROUNDS = 60;

/**
 * Eigenvalues, in no order, of the symmetric tridiagonal matrix of zero diagonal and the given off-diagonal, which is
 * overwritten. QL with implicit shifts (Dubrulle, Martin and Wilkinson 1968).
 */
function tridiagonalEigenvalues(offDiagonal: Float64Array): Float64Array {
  const size = offDiagonal.length + 1;
  const d = new Float64Array(size);
  const e = new Float64Array(size);
  e.set(offDiagonal);
  const norm = offDiagonal.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const zero = Number.EPSILON * norm;
  for (let start = 0; start < size; start++) {
    for (let round = 0; ; round++) {
      let end = start;
      while (end < size - 1 && Math.abs(e[end]) > zero) end++;
      if (end === start) break;
      if (round === MOST_ROUNDS)
        fail(Error, 'singularValues', 'matrix', 'one that QL converges for', `${round} rounds`);
      let g = (d[start + 1] - d[start]) / (2 * e[start]);
      let r = Math.hypot(g, 1);
      g = d[end] - d[start] + e[start] / (g + (g >= 0 ? r : -r));
      let [sine, cosine, p] = [1, 1, 0];
      let i = end - 1;
      for (; i >= start; i--) {
        const f = sine * e[i];
        const b = cosine * e[i];
        r = Math.sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= p;
          e[end] = 0;
          break;
        }
        sine = f / r;
        cosine = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * sine + 2 * cosine * b;
        p = sine * r;
        d[i + 1] = g + p;
        g = cosine * r - b;
      }
      if (r === 0 && i >= start) continue;
      d[start] -= p;
      e[start] = g;
      e[end] = 0;
    }
  }
  return d;
}
