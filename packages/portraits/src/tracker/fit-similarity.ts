import { type Matrix3, rotated } from '../post-processing/camera';

/** A rotation, scale and shift that lay a shape over points. */
export type Similarity = { scale: number; rotation: Matrix3; shift: readonly [number, number, number] };

/** Points to fit: `[count, dimensions]`, and how much each counts. */
type WeightedPoints = { points: ArrayLike<number>; dimensions: 2 | 3; weights: ArrayLike<number> };

/**
 * The similarity that lays a shape over points best: minimises `Σ w · |P(scale · R · X + shift) − x|²`.
 *
 * With two dimensions `P` drops z: that is a pose under weak perspective. With three it drops nothing. Starts from the
 * best affine map and refines by Gauss-Newton steps; z of the shift is 0 with two dimensions.
 *
 * @param shape borrowed; `[count, 3]`, not flat.
 */
export function fitSimilarity(shape: ArrayLike<number>, target: WeightedPoints): Similarity {
  const { dimensions, weights } = target;
  const centred = centre(shape, { points: shape, dimensions: 3, weights });
  const aim = centre(target.points, target);
  let rotation = startRotation(centred.values, aim.values, target);
  let scale = startScale(centred.values, aim.values, { rotation, ...target });
  for (let step = 0; step < 50; step++) {
    const [turn, grow] = gaussNewton(centred.values, aim.values, { rotation, scale, dimensions, weights });
    rotation = multiply(turned(turn), rotation);
    scale *= Math.exp(grow);
    if (Math.hypot(...turn, grow) < 1e-13) break;
  }
  const middle = rotated(rotation, ...(centred.middle as [number, number, number]));
  const shift = [0, 1, 2].map((axis) => (axis < dimensions ? aim.middle[axis] - scale * middle[axis] : 0));
  return { scale, rotation, shift: shift as [number, number, number] };
}

function centre(values: ArrayLike<number>, { dimensions, weights }: WeightedPoints) {
  const middle = new Array<number>(dimensions).fill(0);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    total += weights[i];
    for (let axis = 0; axis < dimensions; axis++) middle[axis] += weights[i] * values[i * dimensions + axis];
  }
  for (let axis = 0; axis < dimensions; axis++) middle[axis] /= total;
  return { middle, values: Float64Array.from(values, (value, i) => value - middle[i % dimensions]) };
}

/** The rotation next to the best affine map. */
function startRotation(shape: Float64Array, aim: Float64Array, { dimensions, weights }: WeightedPoints): Matrix3 {
  const spread = new Float64Array(9);
  const cross = new Float64Array(3 * dimensions);
  for (let i = 0; i < weights.length; i++) {
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) spread[3 * a + b] += weights[i] * shape[3 * i + a] * shape[3 * i + b];
      for (let d = 0; d < dimensions; d++) cross[3 * d + a] += weights[i] * aim[dimensions * i + d] * shape[3 * i + a];
    }
  }
  const rows = [0, 1].map((d) => solve(spread, cross.subarray(3 * d, 3 * d + 3)));
  // half of the angle by which both rows miss a right angle is taken from each
  const [u, v] = rows.map(unit);
  const [sum, difference] = [unit(u.map((value, i) => value + v[i])), unit(u.map((value, i) => value - v[i]))];
  const first = sum.map((value, i) => (value + difference[i]) * Math.SQRT1_2);
  const second = sum.map((value, i) => (value - difference[i]) * Math.SQRT1_2);
  return [...first, ...second, ...crossProduct(first, second)] as unknown as Matrix3;
}

function startScale(
  shape: Float64Array,
  aim: Float64Array,
  { rotation, dimensions, weights }: { rotation: Matrix3 } & Omit<WeightedPoints, 'points'>,
): number {
  let [together, alone] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    const seen = rotated(rotation, shape[3 * i], shape[3 * i + 1], shape[3 * i + 2]);
    for (let d = 0; d < dimensions; d++) {
      together += weights[i] * seen[d] * aim[dimensions * i + d];
      alone += weights[i] * seen[d] * seen[d];
    }
  }
  return Math.max(together / alone, 1e-9);
}

/** The next small rotation vector, and logarithm of a factor of the scale. */
function gaussNewton(
  shape: Float64Array,
  aim: Float64Array,
  state: { rotation: Matrix3; scale: number; dimensions: number; weights: ArrayLike<number> },
): [turn: number[], grow: number] {
  const { rotation, scale, dimensions, weights } = state;
  const normal = new Float64Array(16);
  const right = new Float64Array(4);
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    const [x, y, z] = rotated(rotation, shape[3 * i], shape[3 * i + 1], shape[3 * i + 2]).map((v) => v * scale);
    // how each coordinate answers to turns about x, y, z and to the scale
    const answers = [
      [0, z, -y, x],
      [-z, 0, x, y],
      [y, -x, 0, z],
    ];
    for (let d = 0; d < dimensions; d++) {
      const row = answers[d];
      const miss = aim[dimensions * i + d] - row[3];
      for (let a = 0; a < 4; a++) {
        right[a] += weights[i] * row[a] * miss;
        for (let b = 0; b < 4; b++) normal[4 * a + b] += weights[i] * row[a] * row[b];
      }
    }
  }
  const [turnX, turnY, turnZ, grow] = solve(normal, right);
  return [[turnX, turnY, turnZ], grow];
}

/** The rotation about a vector by its length. */
function turned([x, y, z]: readonly number[]): Matrix3 {
  const angle = Math.hypot(x, y, z);
  const s = angle < 1e-8 ? 1 : Math.sin(angle) / angle;
  const c = angle < 1e-8 ? 0.5 : (1 - Math.cos(angle)) / (angle * angle);
  return [
    ...[1 - c * (y * y + z * z), c * x * y - s * z, c * x * z + s * y],
    ...[c * x * y + s * z, 1 - c * (x * x + z * z), c * y * z - s * x],
    ...[c * x * z - s * y, c * y * z + s * x, 1 - c * (x * x + y * y)],
  ] as unknown as Matrix3;
}

function multiply(a: Matrix3, b: Matrix3): Matrix3 {
  const columns = [0, 1, 2].map((j) => rotated(a, b[j], b[3 + j], b[6 + j]));
  return [0, 1, 2].flatMap((i) => columns.map((column) => column[i])) as unknown as Matrix3;
}

/** Solves `A · x = b` of a symmetric positive matrix; a direction that nothing decides gets 0. */
export function solve(matrix: Float64Array, right: ArrayLike<number>): number[] {
  const n = right.length;
  const a = matrix.slice();
  const x = Array.from(right);
  const least = 1e-14 * Math.max(...Array.from({ length: n }, (_, i) => Math.abs(a[i * n + i])));
  for (let i = 0; i < n; i++) {
    const pivot = a[i * n + i];
    for (let row = i + 1; row < n; row++) {
      const factor = Math.abs(pivot) > least ? a[row * n + i] / pivot : 0;
      for (let column = i; column < n; column++) a[row * n + column] -= factor * a[i * n + column];
      x[row] -= factor * x[i];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let column = i + 1; column < n; column++) x[i] -= a[i * n + column] * x[column];
    x[i] = Math.abs(a[i * n + i]) > least ? x[i] / a[i * n + i] : 0;
  }
  return x;
}

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

function crossProduct(a: readonly number[], b: readonly number[]): number[] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
