import { fail } from '@lipsync/contracts';

export type ClusterOptions = {
  /**
   * Largest mean Euclidean distance between the members of two clusters that are joined as one person, above 0. Default
   * 0.52.
   *
   * Measured on 642 broadcast clips of 33 people: clusters of one person joined below 0.50 and of two people above 0.56
   * with one frame per clip, below 0.47 and above 0.53 with the mean of three. dlib's 0.6, meant for pairs of faces,
   * gives 26 and 20 people.
   */
  threshold?: number;
};

/** 1.8 GB of distances. */
const MAX_FACES = 30_000;

/**
 * Clusters face descriptors by identity, with average linkage: the two clusters with the smallest mean distance over
 * all pairs of members are joined, until no two lie within `threshold`.
 *
 * Source: SciPy's `linkage(x, 'average')` cut by `fcluster(…, threshold, 'distance')`, here by the nearest-neighbour
 * chain (Murtagh 1983): the same clusters, see the test. Time and memory grow with the square of the number of faces
 * (200 MB for 10,000). It runs synchronously.
 *
 * The clusters do not depend on the order of the input.
 *
 * @param descriptors of one length, as `FaceEmbedder.embed` gives them; the mean over a few frames of a clip is more
 * stable.
 * @returns a cluster for each descriptor; 0 is the one with the most members. Empty for no descriptors.
 * @throws RangeError if a value is not finite, the threshold is out of range, or there are more than 30,000
 * descriptors; TypeError if their lengths differ.
 * @example
 * import { clusterFaces } from '@lipsync/face-crop';
 * const people = clusterFaces(await Promise.all(portraits.map(({ frame, points }) => embedder.embed(frame, points))));
 */
export function clusterFaces(
  descriptors: readonly Float32Array[],
  { threshold = 0.52 }: ClusterOptions = {},
): number[] {
  const where = 'clusterFaces';
  const count = descriptors.length;
  if (!(threshold > 0 && Number.isFinite(threshold)))
    fail(RangeError, where, 'threshold', 'finite and above 0', threshold);
  if (count > MAX_FACES) fail(RangeError, where, 'descriptors', `at most ${MAX_FACES}`, count);
  descriptors.forEach((descriptor, i) => {
    if (descriptor.length !== descriptors[0].length || descriptor.length === 0) {
      fail(
        TypeError,
        where,
        `descriptors[${i}]`,
        `${descriptors[0].length || 'one or more'} values long`,
        descriptor.length,
      );
    }
    if (!descriptor.every(Number.isFinite))
      fail(RangeError, where, `descriptors[${i}]`, 'finite', 'a value that is not');
  });
  // Sorted, so that rounding and ties do not depend on the order of the input.
  const order = descriptors.map((_, i) => i).sort((a, b) => compare(descriptors[a], descriptors[b]));
  const root = averageLinkage(distances(order.map((i) => descriptors[i])), count, threshold);
  const clusters = new Array<number>(count);
  bySize(root).forEach((cluster, place) => {
    clusters[order[place]] = cluster;
  });
  return clusters;
}

function compare(a: Float32Array, b: Float32Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/** Where the distance of `a` and `b` lies in the lower triangle, row by row. */
const at = (a: number, b: number): number => (a > b ? (a * (a - 1)) / 2 + b : (b * (b - 1)) / 2 + a);

function distances(descriptors: readonly Float32Array[]): Float32Array {
  const count = descriptors.length;
  const length = descriptors[0]?.length ?? 0;
  // side by side in memory, which is twice as fast
  const rows = new Float64Array(count * length);
  descriptors.forEach((descriptor, i) => rows.set(descriptor, i * length));
  const triangle = new Float32Array((count * (count - 1)) / 2);
  let place = 0;
  for (let a = 1; a < count; a++) {
    for (let b = 0; b < a; b++) {
      let sum = 0;
      for (let p = a * length, q = b * length; p < (a + 1) * length; p++, q++) {
        const difference = rows[p] - rows[q];
        sum += difference * difference;
      }
      triangle[place++] = Math.sqrt(sum);
    }
  }
  return triangle;
}

/**
 * Follows nearest neighbours until two are each other's, joins them, and continues from the rest of the chain. With
 * average linkage joining two clusters brings no third one nearer, so the order of joining does not change what is
 * joined within the threshold.
 *
 * @param between distances in the lower triangle; overwritten.
 * @returns for each element the representative of its cluster.
 */
function averageLinkage(between: Float32Array, count: number, threshold: number): number[] {
  const parent = Array.from({ length: count }, (_, i) => i);
  const size = new Float64Array(count).fill(1);
  const alive = parent.slice();
  const chain: number[] = [];
  while (alive.length > 1) {
    if (chain.length === 0) chain.push(alive[0]);
    const tip = chain[chain.length - 1];
    const before = chain[chain.length - 2];
    // the one before wins a tie, or the chain would not end
    let nearest = before ?? -1;
    let least = before === undefined ? Infinity : between[at(tip, before)];
    for (const other of alive) {
      if (other === tip) continue;
      const distance = between[at(tip, other)];
      if (distance < least) [nearest, least] = [other, distance];
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const total = size[tip] + size[nearest];
    // `nearest` represents both from here on
    if (least <= threshold) parent[tip] = nearest;
    alive.splice(alive.indexOf(tip), 1);
    for (const other of alive) {
      if (other === nearest) continue;
      const place = at(nearest, other);
      between[place] = (size[nearest] * between[place] + size[tip] * between[at(tip, other)]) / total;
    }
    size[nearest] = total;
  }
  return parent.map((_, i) => {
    let root = i;
    while (parent[root] !== root) root = parent[root] = parent[parent[root]];
    return root;
  });
}

/** Numbers clusters from 0 by their size, the largest first; of equal ones that whose first member is first. */
function bySize(root: readonly number[]): number[] {
  const members = new Map<number, number>();
  for (const cluster of root) members.set(cluster, (members.get(cluster) ?? 0) + 1);
  const sorted = [...members].sort(([, a], [, b]) => b - a);
  const number = new Map(sorted.map(([cluster], i) => [cluster, i]));
  return root.map((cluster) => number.get(cluster)!);
}
