import { fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';

/** Rows of numbers in sequence: `rows · columns` values. */
export type Rows = { values: Float32Array | Float64Array; columns: number };

export type KMeansOptions = {
  /** Number of clusters, at least 1. */
  clusters: number;
  /** Seed of the first centres (k-means++), an integer. Ignored with `start`. Default 0. */
  seed?: number;
  /** First centres, `clusters · columns` values; default: drawn. */
  start?: Float64Array;
  /** Most rounds. Default 100. */
  rounds?: number;
};

/** The result of `kMeans`. */
export type Clusters = {
  /** `[clusters, columns]`, float64; only those of clusters that have rows. */
  centres: Float64Array;
  /** The cluster of each row, numbered as the centres. */
  labels: Int32Array;
  /** Sum of the squared distances of the rows from their centres. */
  inertia: number;
};

/**
 * Groups rows of numbers around the means of the groups (Lloyd's algorithm), until no row changes its group.
 *
 * First centres by k-means++ (Arthur and Vassilvitskii 2007): rows, each with a chance proportional to its squared
 * distance from the centres so far. Clusters that end without rows are left out, so there may be fewer than asked for:
 * never more than there are different rows. From the same start as SciPy's `kmeans2`: the same labels, and centres to
 * 1e-12, see the test.
 *
 * @throws RangeError for no row, fewer than one cluster, or a start of another size.
 * @example
 * const { labels } = kMeans({ values: Float32Array.of(0, 1, 9, 10), columns: 1 }, { clusters: 2 }); // 0 0 1 1, or 1 1 0 0
 */
export function kMeans(rows: Rows, { clusters, seed = 0, start, rounds = 100 }: KMeansOptions): Clusters {
  const { values, columns } = rows;
  const count = values.length / columns;
  if (!(Number.isInteger(count) && count >= 1))
    fail(RangeError, 'kMeans', 'rows', `at least one row of ${columns} numbers`, values.length);
  if (!(Number.isInteger(clusters) && clusters >= 1))
    fail(RangeError, 'kMeans', 'clusters', 'a whole number from 1', clusters);
  if (start && start.length !== clusters * columns)
    fail(RangeError, 'kMeans', 'start', `${clusters} centres of ${columns} numbers`, start.length);
  let centres = start?.slice() ?? firstCentres(rows, clusters, new Random(seed));
  let labels = new Int32Array(count).fill(-1);
  for (let round = 0; round < rounds; round++) {
    const next = nearest(rows, centres);
    if (next.every((label, row) => label === labels[row])) break;
    labels = next;
    centres = means(rows, labels, centres);
  }
  return filledOnly(rows, labels, centres);
}

/** Squared distance of a row from a centre. */
function distance({ values, columns }: Rows, row: number, centres: Float64Array, centre: number): number {
  let sum = 0;
  for (let i = 0; i < columns; i++) sum += (values[row * columns + i] - centres[centre * columns + i]) ** 2;
  return sum;
}

function firstCentres(rows: Rows, clusters: number, random: Random): Float64Array {
  const { values, columns } = rows;
  const count = values.length / columns;
  const chosen: number[] = [];
  const far = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let next = random.integer(count);
  while (chosen.length < clusters && next >= 0) {
    chosen.push(next);
    const centre = Float64Array.from(values.subarray(next * columns, (next + 1) * columns));
    for (let row = 0; row < count; row++) far[row] = Math.min(far[row], distance(rows, row, centre, 0));
    let left = random.uniform() * far.reduce((sum, value) => sum + value, 0);
    // Rows that equal a centre have no chance; where all do, there is no further centre.
    next = far.findIndex((value) => value > 0 && (left -= value) < 0);
    if (next < 0) next = far.findIndex((value) => value > 0); // rounding left none, or there is none
  }
  return Float64Array.from(chosen.flatMap((row) => [...values.subarray(row * columns, (row + 1) * columns)]));
}

/** The nearest centre of each row, the first of equals. */
function nearest(rows: Rows, centres: Float64Array): Int32Array<ArrayBuffer> {
  const labels = new Int32Array(rows.values.length / rows.columns);
  for (let row = 0; row < labels.length; row++) {
    let least = Number.POSITIVE_INFINITY;
    for (let centre = 0; centre < centres.length / rows.columns; centre++) {
      const squared = distance(rows, row, centres, centre);
      if (squared < least) [least, labels[row]] = [squared, centre];
    }
  }
  return labels;
}

/** The mean of each cluster's rows; a cluster without rows keeps its centre. */
function means({ values, columns }: Rows, labels: Int32Array, centres: Float64Array): Float64Array {
  const sums = new Float64Array(centres.length);
  const counts = new Int32Array(centres.length / columns);
  labels.forEach((label, row) => {
    counts[label]++;
    for (let i = 0; i < columns; i++) sums[label * columns + i] += values[row * columns + i];
  });
  return sums.map((sum, i) => {
    const count = counts[Math.floor(i / columns)];
    return count > 0 ? sum / count : centres[i];
  });
}

function filledOnly(rows: Rows, labels: Int32Array, centres: Float64Array): Clusters {
  const { columns } = rows;
  const kept = [...new Set(labels)].sort((a, b) => a - b);
  const number = new Map(kept.map((label, i) => [label, i]));
  let inertia = 0;
  labels.forEach((label, row) => (inertia += distance(rows, row, centres, label)));
  return {
    centres: Float64Array.from(kept.flatMap((label) => [...centres.subarray(label * columns, (label + 1) * columns)])),
    labels: labels.map((label) => number.get(label) as number),
    inertia,
  };
}
