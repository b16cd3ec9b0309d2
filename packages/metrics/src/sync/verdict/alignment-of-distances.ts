import type { Alignment, AlignmentStretch } from './alignment';

const STRETCH_ROWS = 25;

/**
 * The match of frames and audio by a network that gives distances of pairs instead of embeddings; otherwise as
 * `AlignmentCollector`: what a window of either kind has in common with all of the other is taken off the distances.
 *
 * @param distances `[2 * maxShift + 1]` for each window, from an offset of `maxShift` down; the partner of window `i`
 *   at index `k` is `i + k - maxShift`.
 */
export function alignmentOfDistances(
  distances: readonly Float32Array[],
  { maxShift, fps }: Pick<Alignment, 'maxShift' | 'fps'>,
): Alignment {
  const count = Math.max(1, Math.floor(distances.length / STRETCH_ROWS));
  const bounds = Array.from({ length: count + 1 }, (_, t) => (t === count ? distances.length : t * STRETCH_ROWS));
  const stretches = Array.from({ length: count }, (_, t) =>
    stretchOf(distances, { maxShift, from: bounds[t], to: bounds[t + 1] }),
  );
  return { maxShift, fps, visualStride: 1, stretches: distances.length > 0 ? stretches : [] };
}

function stretchOf(
  distances: readonly Float32Array[],
  { maxShift, from, to }: { maxShift: number; from: number; to: number },
): AlignmentStretch {
  const shifts = 2 * maxShift + 1;
  const pairsOf = function* () {
    for (let i = from; i < to; i++)
      for (let k = 0; k < shifts; k++) {
        const j = i + k - maxShift;
        if (j >= 0 && j < distances.length) yield { i, j, k };
      }
  };
  const byRow = new Means();
  for (const { i, k } of pairsOf()) byRow.add(i, -distances[i][k]);
  const byAudio = new Means();
  for (const { i, j, k } of pairsOf()) byAudio.add(j, -distances[i][k] - byRow.of(i));
  const [sums, pairs] = [new Float64Array(shifts), new Uint16Array(shifts)];
  let [squares, all, total] = [0, 0, 0];
  for (const { i, j, k } of pairsOf()) {
    const value = -distances[i][k] - byRow.of(i) - byAudio.of(j);
    sums[k] += value;
    pairs[k]++;
    squares += value * value;
    all += distances[i][k] ** 2;
    total++;
  }
  const scale = squares > 0 ? 1 / Math.sqrt(squares / total) : 0;
  return {
    firstFrame: from,
    rows: to - from,
    sums: Float32Array.from(sums, (sum) => sum * scale),
    pairs,
    movement: all > 0 ? squares / all : 0,
  };
}

/** Running means by index. */
class Means {
  readonly #sums = new Map<number, { sum: number; count: number }>();

  add(index: number, value: number): void {
    const { sum, count } = this.#sums.get(index) ?? { sum: 0, count: 0 };
    this.#sums.set(index, { sum: sum + value, count: count + 1 });
  }

  of(index: number): number {
    const { sum, count } = this.#sums.get(index)!;
    return sum / count;
  }
}
