import { fail } from '@lipsync/contracts';
import { RowQueue } from '@lipsync/nn/arrays';
import { type SyncScore, scoreOfCurve } from './offset-curve';
import { AlignmentCollector } from './verdict/alignment-collector';

export type SyncScorerOptions = {
  /**
   * `unit`: embeddings of length 1, distance sqrt(2 - 2 cos). `euclidean`: SyncNet's, as PyTorch's pairwise distance
   * with eps 1e-6.
   */
  space: 'unit' | 'euclidean';
  /** Values per embedding. */
  dimension: number;
  /** Windows per second, one per video frame. Default 25. */
  fps?: number;
  /** Largest offset tried, in frames; `2 * maxShift + 1` are. Default 15, as in all published scores. */
  maxShift?: number;
  /**
   * What a window is compared with where the shift leaves the clip. `zero`: a zero vector, as SyncNet's evaluation
   * does (distance 1 for unit embeddings). `overlap`: nothing; the mean runs over existing pairs, and shifts with fewer
   * than 5 of them are left out. Default `zero`.
   */
  edges?: 'zero' | 'overlap';
  /**
   * Every n-th window has frames: rows of `visual` are those of windows 0, n, 2n …, rows of `audio` those of all. The
   * offset is still exact to the frame, with less work. Above 1 only with `edges: 'zero'`. Default 1, as in all
   * published scores.
   */
  visualStride?: number;
  /** Name of the network, kept in the score: distances of different networks cannot be compared. */
  expert?: string;
};

/** The next embeddings in order, `[rows, dimension]` each; the two may come in pieces of different length. */
export type EmbeddingRows = { visual?: Float32Array; audio?: Float32Array };

const EPSILON = 1e-6; // PyTorch pairwise_distance adds it to every difference
/** Frames that `alignment` reaches to both sides: three seconds at 25 frames per second. */
const WIDEST_SHIFT = 75;
const LENGTH_TOLERANCE = 0.02; // half-precision embeddings are this far from length 1

/**
 * Offset, LSE-D and LSE-C of one face track, from embeddings as they come.
 *
 * `d[i][k] = |v[i] - a[i + k - maxShift]|`, `m[k] = mean over i`, `k* = argmin m` (the first on a tie),
 * `LSE-D = m[k*]`, `LSE-C = median m - m[k*]` (lower middle), `offset = maxShift - k*`: positive, the audio leads.
 *
 * Source: the evaluation of SyncNet v2 (joonson/syncnet_python). Against a PyTorch and SciPy program: offsets equal,
 * all other values within 2e-6 (see the test). Sums are 64-bit.
 *
 * The score's `alignment` reaches further, 75 frames to both sides, for `syncVerdict`; it does not change LSE-D, LSE-C
 * and the offset of lowest distance.
 *
 * Memory: about 250 rows of embeddings where frames and audio arrive in step (the one ahead is kept until the other
 * arrives), and `2 * maxShift + 1` float32 values per window and 1.8 kB per second. `compute` may be called in between.
 *
 * @throws TypeError, RangeError for options and rows that do not fit; `unit` refuses rows that are not of length 1 or
 * 0.
 * @example
 * const scorer = new SyncScorer({ space: 'unit', dimension: 256, expert: 'AVAlignNet' });
 * scorer.update({ visual, audio });
 * console.log(scorer.compute().sentence); // audio is 3 frames (120 ms) early
 */
export class SyncScorer {
  readonly #options: Required<Omit<SyncScorerOptions, 'expert'>> & { expert?: string };
  readonly #shifts: number;
  #visual: RowQueue;
  #audio: RowQueue;
  #distances: RowQueue; // one row per window whose distances are final
  #sums: Float64Array<ArrayBuffer>;
  #alignment: AlignmentCollector;

  constructor(options: SyncScorerOptions) {
    const { space, dimension, fps = 25, maxShift = 15, edges = 'zero', visualStride = 1, expert } = options;
    if (space !== 'unit' && space !== 'euclidean') fail(TypeError, 'SyncScorer', 'space', 'unit or euclidean', space);
    if (edges !== 'zero' && edges !== 'overlap') fail(TypeError, 'SyncScorer', 'edges', 'zero or overlap', edges);
    if (!(fps > 0 && Number.isFinite(fps))) fail(RangeError, 'SyncScorer', 'fps', 'above 0', fps);
    if (!(Number.isInteger(maxShift) && maxShift > 0)) {
      fail(RangeError, 'SyncScorer', 'maxShift', 'a whole number of frames above 0', maxShift);
    }
    if (!(Number.isInteger(visualStride) && visualStride > 0))
      fail(RangeError, 'SyncScorer', 'visualStride', 'a whole number above 0', visualStride);
    if (visualStride > 1 && edges === 'overlap')
      fail(TypeError, 'SyncScorer', 'visualStride', "1 with edges 'overlap'", visualStride);
    if (!(Number.isInteger(dimension) && dimension > 0))
      fail(RangeError, 'SyncScorer', 'dimension', 'a whole number above 0', dimension);
    this.#options = { space, dimension, fps, maxShift, edges, visualStride, expert };
    this.#shifts = 2 * maxShift + 1;
    this.#visual = new RowQueue(dimension);
    this.#audio = new RowQueue(dimension);
    this.#distances = new RowQueue(this.#shifts);
    this.#sums = new Float64Array(this.#shifts);
    this.#alignment = this.#collector();
  }

  /** Takes the next rows of either kind or both. Copies what it needs. */
  update(rows: EmbeddingRows): void {
    const { visual, audio } = rows;
    this.#check('visual', visual);
    this.#check('audio', audio);
    if (visual) this.#visual.push(visual);
    if (audio) this.#audio.push(audio);
    this.#alignment.update(rows);
    this.#advance();
  }

  /** @throws Error before there is at least one window of each kind: zero would look like a score. */
  compute(): SyncScore {
    const { visualStride } = this.#options;
    const [visual, audio] = [this.#visual.count, this.#audio.count];
    const windows = Math.min(visual, Math.ceil(audio / visualStride)); // visual rows that have a row of audio
    if (windows === 0) {
      const got = `${visual} of frames and ${audio} of audio`;
      fail(Error, 'SyncScorer.compute', 'windows so far', 'at least one of each kind (call update first)', got);
    }
    // The last windows are final only now: what lies beyond the shorter sequence is outside.
    const end = Math.min(audio, windows * visualStride);
    const sums = this.#sums.slice();
    const done = this.#distances.count;
    const tail: Float32Array[] = [];
    for (let i = done; i < windows; i++) tail.push(this.#measure(i, end, sums));
    const distanceAt = (i: number, k: number) => (i < done ? this.#distances.row(i)[k] : tail[i - done][k]);
    return scoreOfCurve({ distanceAt, sums, windows, ...this.#options, alignment: this.#alignment.compute() });
  }

  /** Starts the next track. */
  reset(): void {
    const { dimension } = this.#options;
    this.#visual = new RowQueue(dimension);
    this.#audio = new RowQueue(dimension);
    this.#distances = new RowQueue(this.#shifts);
    this.#sums.fill(0);
    this.#alignment = this.#collector();
  }

  #collector(): AlignmentCollector {
    const { dimension, fps, visualStride, maxShift } = this.#options;
    return new AlignmentCollector({ dimension, fps, visualStride, maxShift: Math.max(maxShift, WIDEST_SHIFT) });
  }

  #check(name: 'visual' | 'audio', rows: Float32Array | undefined): void {
    if (rows === undefined) return;
    const { dimension } = this.#options;
    if (!(rows instanceof Float32Array)) fail(TypeError, 'SyncScorer.update', name, 'a Float32Array', typeof rows);
    if (rows.length % dimension !== 0) {
      fail(TypeError, 'SyncScorer.update', name, `whole rows of ${dimension} values`, `${rows.length} values`);
    }
    for (let start = 0; start < rows.length; start += dimension) {
      let squares = 0;
      for (let j = start; j < start + dimension; j++) squares += rows[j] * rows[j];
      if (!Number.isFinite(squares)) {
        fail(RangeError, 'SyncScorer.update', name, 'finite values', `another kind in row ${start / dimension}`);
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
    const { maxShift, visualStride } = this.#options;
    // Beyond it the clip may still end.
    const last = Math.min(
      this.#visual.count - Math.ceil(maxShift / visualStride),
      Math.ceil((this.#audio.count - maxShift) / visualStride),
    );
    for (let i = this.#distances.count; i < last; i++) this.#distances.push(this.#measure(i, Infinity, this.#sums));
    const done = this.#distances.count;
    this.#visual.dropBefore(done);
    this.#audio.dropBefore(done * visualStride - maxShift);
  }

  /** Distances of visual row `i` to all partners below `end`, also added to `sums`. */
  #measure(i: number, end: number, sums: Float64Array): Float32Array {
    const { maxShift, edges, space, visualStride } = this.#options;
    const distance = space === 'unit' ? unitDistance : pairwiseDistance;
    const visual = this.#visual.row(i);
    const distances = new Float32Array(this.#shifts);
    for (let k = 0; k < this.#shifts; k++) {
      const partner = i * visualStride + k - maxShift;
      const inside = partner >= 0 && partner < end;
      if (!inside && edges === 'overlap') {
        distances[k] = Number.NaN;
        continue;
      }
      const value = distance(visual, inside ? this.#audio.row(partner) : undefined);
      distances[k] = value;
      sums[k] += value;
    }
    return distances;
  }
}

/**
 * Euclidean distance by the lengths and the product, `sqrt(2 - 2 cos)` where both have length 1; `b` missing: zeros.
 */
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
 * @param rows `[windows, dimension]` each, one row per video frame; of a longer sequence the rest is ignored, as the
 * reference does.
 * @example
 * const { offsetFrames, lseD, lseC } = scoreEmbeddings({ visual, audio }, { space: 'unit', dimension: 256 });
 */
export function scoreEmbeddings(rows: Required<EmbeddingRows>, options: SyncScorerOptions): SyncScore {
  const scorer = new SyncScorer(options);
  scorer.update(rows);
  return scorer.compute();
}
