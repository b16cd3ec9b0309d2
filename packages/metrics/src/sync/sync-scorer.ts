import { fail } from '@lipsync/contracts';
import { type SyncScore, scoreOfCurve } from './offset-curve';
import { RowQueue } from './row-queue';

export type SyncScorerOptions = {
  /** `unit`: embeddings of length 1, distance sqrt(2 - 2 cos). `euclidean`: SyncNet's, as PyTorch's pairwise distance with eps 1e-6. */
  space: 'unit' | 'euclidean';
  /** Windows per second, one a video frame. Default 25. */
  fps?: number;
  /** Largest offset tried, in frames; `2 * maxShift + 1` are. Default 15, as in all published numbers. */
  maxShift?: number;
  /**
   * What a window is compared with where the shift leaves the clip. `zero`: a zero vector, as SyncNet's evaluation
   * does (distance 1 for unit embeddings). `overlap`: nothing; the mean runs over existing pairs, and shifts with fewer
   * than 5 of them are left out. Default `zero`.
   */
  edges?: 'zero' | 'overlap';
  /**
   * Every how many windows have images: rows of images are those of windows 0, n, 2n …, rows of audio those of all. The offset is still read to
   * the frame, with less work. Above 1 only with `outside: 'zero'`. Default 1, as in all published numbers.
   */
  every?: number;
  /** Name of the network, kept in the score: distances of different networks cannot be compared. */
  expert?: string;
};

/** Embeddings in order, `[rows, dimension]`; images and audio may come in pieces of different length. */
export type EmbeddingRows = { visual?: Float32Array; audio?: Float32Array; dimension: number };

const EPSILON = 1e-6; // PyTorch pairwise_distance adds it to every difference
const LENGTH_TOLERANCE = 0.02; // half-precision embeddings are this far from length 1

/**
 * Offset, LSE-D and LSE-C of one face track, from embeddings as they come.
 *
 * `d[i][k] = |v[i] - a[i + k - maxShift]|`, `m[k] = mean over i`, `k* = argmin m` (the first on a tie),
 * `LSE-D = m[k*]`, `LSE-C = median m - m[k*]` (lower middle), `offset = maxShift - k*`: positive, the audio leads.
 *
 * Source: the evaluation of SyncNet v2 (joonson/syncnet_python). Against a PyTorch and SciPy program: offsets equal,
 * all other numbers within 2e-6 (see the test). Sums are 64-bit.
 *
 * Memory: `3 * maxShift` rows of embeddings where images and audio arrive in step (what runs ahead is kept until the
 * other comes), and `2 * maxShift + 1` float32 numbers a window. `compute` may be called in between.
 *
 * @throws TypeError, RangeError for options and rows that do not fit; `unit` refuses rows that are not of length 1 or 0.
 * @example
 * const scorer = new SyncScorer({ space: 'unit', expert: 'AVAlignNet' });
 * scorer.update({ visual, audio, dimension: 256 });
 * console.log(scorer.compute().sentence); // audio is 3 frames (120 ms) early
 */
export class SyncScorer {
  readonly #options: Required<Omit<SyncScorerOptions, 'expert'>> & { expert?: string };
  readonly #shifts: number;
  #visual?: RowQueue;
  #audio?: RowQueue;
  #done = 0; // windows whose distances are final
  #distances: Float32Array<ArrayBuffer>;
  #sums: Float64Array<ArrayBuffer>;

  constructor(options: SyncScorerOptions) {
    const { space, fps = 25, maxShift = 15, edges = 'zero', every = 1, expert } = options;
    if (space !== 'unit' && space !== 'euclidean') fail(TypeError, 'SyncScorer', 'space', 'unit or euclidean', space);
    if (edges !== 'zero' && edges !== 'overlap') fail(TypeError, 'SyncScorer', 'outside', 'zero or overlap', edges);
    if (!(fps > 0 && Number.isFinite(fps))) fail(RangeError, 'SyncScorer', 'fps', 'above 0', fps);
    if (!(Number.isInteger(maxShift) && maxShift > 0)) {
      fail(RangeError, 'SyncScorer', 'maxShift', 'a whole number of frames above 0', maxShift);
    }
    if (!(Number.isInteger(every) && every > 0))
      fail(RangeError, 'SyncScorer', 'every', 'a whole number above 0', every);
    if (every > 1 && edges === 'overlap') fail(TypeError, 'SyncScorer', 'every', '1 with outside: overlap', every);
    this.#options = { space, fps, maxShift, edges, every, expert };
    this.#shifts = 2 * maxShift + 1;
    this.#distances = new Float32Array(64 * this.#shifts);
    this.#sums = new Float64Array(this.#shifts);
  }

  /** Takes the next rows of either kind or both. Copies what it needs. */
  update(rows: EmbeddingRows): void {
    const { visual, audio, dimension } = rows;
    if (!(Number.isInteger(dimension) && dimension > 0)) {
      fail(RangeError, 'SyncScorer.update', 'dimension', 'a whole number above 0', dimension);
    }
    if (this.#visual && this.#visual.dimension !== dimension) {
      fail(RangeError, 'SyncScorer.update', 'dimension', `${this.#visual.dimension}, as before`, dimension);
    }
    this.#check('visual', visual, dimension);
    this.#check('audio', audio, dimension);
    this.#visual ??= new RowQueue(dimension);
    this.#audio ??= new RowQueue(dimension);
    if (visual) this.#visual.push(visual);
    if (audio) this.#audio.push(audio);
    this.#advance();
  }

  /** @throws Error before there is at least one window of each kind: zero would look like a score. */
  compute(): SyncScore {
    const { every } = this.#options;
    // Rows of images that have a row of audio.
    const windows = Math.min(this.#visual?.count ?? 0, Math.ceil((this.#audio?.count ?? 0) / every));
    if (windows === 0) {
      const got = `${this.#visual?.count ?? 0} of images and ${this.#audio?.count ?? 0} of audio`;
      fail(Error, 'SyncScorer.compute', 'windows so far', 'at least one of each kind (call update first)', got);
    }
    // The last windows are final only now: what lies beyond the shorter sequence is outside.
    const end = Math.min(this.#audio!.count, windows * every);
    const sums = this.#sums.slice();
    const tail = new Float32Array((windows - this.#done) * this.#shifts);
    for (let i = this.#done; i < windows; i++) {
      this.#measure(i, end, tail, (i - this.#done) * this.#shifts, sums);
    }
    const distanceAt = (i: number, k: number) =>
      i < this.#done ? this.#distances[i * this.#shifts + k] : tail[(i - this.#done) * this.#shifts + k];

    return scoreOfCurve({ distanceAt, sums, windows, ...this.#options });
  }

  /** Starts the next track. */
  reset(): void {
    this.#visual = undefined;
    this.#audio = undefined;
    this.#done = 0;
    this.#distances = new Float32Array(64 * this.#shifts);
    this.#sums.fill(0);
  }

  #check(name: 'visual' | 'audio', rows: Float32Array | undefined, dimension: number): void {
    if (rows === undefined) return;
    if (!(rows instanceof Float32Array)) fail(TypeError, 'SyncScorer.update', name, 'a Float32Array', typeof rows);
    if (rows.length % dimension !== 0) {
      fail(TypeError, 'SyncScorer.update', name, `whole rows of ${dimension} numbers`, `${rows.length} numbers`);
    }
    for (let start = 0; start < rows.length; start += dimension) {
      let squares = 0;
      for (let j = start; j < start + dimension; j++) squares += rows[j] * rows[j];
      if (!Number.isFinite(squares)) {
        fail(RangeError, 'SyncScorer.update', name, 'finite numbers', `another kind in row ${start / dimension}`);
      }
      // An all-zero row is what a tower gives when its last ReLU lets nothing through.
      if (this.#options.space === 'unit' && squares !== 0 && Math.abs(Math.sqrt(squares) - 1) > LENGTH_TOLERANCE) {
        const length = Math.sqrt(squares).toPrecision(4);
        fail(
          RangeError,
          'SyncScorer.update',
          name,
          'of length 1 (space: unit)',
          `${length} in row ${start / dimension}`,
        );
      }
    }
  }

  /** Measures the windows whose farthest partner is there. */
  #advance(): void {
    const visual = this.#visual!;
    const audio = this.#audio!;
    const { maxShift, every } = this.#options;
    // Beyond it the clip may still end.
    const last = Math.min(visual.count - Math.ceil(maxShift / every), Math.ceil((audio.count - maxShift) / every));
    if (last <= this.#done) return;
    if (last * this.#shifts > this.#distances.length) {
      const larger = new Float32Array(Math.max(2 * this.#distances.length, last * this.#shifts));
      larger.set(this.#distances.subarray(0, this.#done * this.#shifts));
      this.#distances = larger;
    }
    for (; this.#done < last; this.#done++) {
      this.#measure(this.#done, Infinity, this.#distances, this.#done * this.#shifts, this.#sums);
    }
    visual.dropBefore(this.#done);
    audio.dropBefore(this.#done * every - maxShift);
  }

  /** Distances of row `i` of images to all partners below `end`, written at `at` and added to `sums`. */
  #measure(i: number, end: number, out: Float32Array, at: number, sums: Float64Array): void {
    const { maxShift, edges, space, every } = this.#options;
    const distance = space === 'unit' ? unitDistance : pairwiseDistance;
    const visual = this.#visual!.row(i);
    for (let k = 0; k < this.#shifts; k++) {
      const partner = i * every + k - maxShift;
      const inside = partner >= 0 && partner < end;
      if (!inside && edges === 'overlap') {
        out[at + k] = Number.NaN;
        continue;
      }
      const value = distance(visual, inside ? this.#audio!.row(partner) : undefined);
      out[at + k] = value;
      sums[k] += value;
    }
  }
}

/** Euclidean distance by the lengths and the product, `sqrt(2 - 2 cos)` where both have length 1; `b` missing: zeros. */
function unitDistance(a: Float32Array, b: Float32Array | undefined): number {
  let squares = 0;
  let product = 0;
  for (let j = 0; j < a.length; j++) {
    const other = b === undefined ? 0 : b[j];
    squares += a[j] * a[j] + other * other;
    product += a[j] * other;
  }
  return Math.sqrt(Math.max(0, squares - 2 * product));
}

/** `|a - b + 1e-6|` as PyTorch's `pairwise_distance`; `b` missing: zeros. */
function pairwiseDistance(a: Float32Array, b: Float32Array | undefined): number {
  let squares = 0;
  for (let j = 0; j < a.length; j++) {
    const difference = a[j] - (b === undefined ? 0 : b[j]) + EPSILON;
    squares += difference * difference;
  }
  return Math.sqrt(squares);
}

/**
 * Offset, LSE-D and LSE-C of embeddings that are all there: `SyncScorer` in one call.
 *
 * @param visual `[windows, dimension]`, one row a video frame.
 * @param audio The same of the audio; of a longer sequence the rest is ignored, as the reference does.
 * @example
 * const { offsetFrames, lseD, lseC } = scoreEmbeddings(visual, audio, 256, { space: 'unit' });
 */
export function scoreEmbeddings(
  visual: Float32Array,
  audio: Float32Array,
  dimension: number,
  options: SyncScorerOptions,
): SyncScore {
  const scorer = new SyncScorer(options);
  scorer.update({ visual, audio, dimension });
  return scorer.compute();
}
