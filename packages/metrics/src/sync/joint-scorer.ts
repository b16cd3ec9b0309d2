import { fail } from '@lipsync/contracts';
import { RowQueue } from '@lipsync/nn/arrays';
import type { Embedder } from './embedder';
import { type SyncScore, scoreOfCurve } from './offset-curve';
import { alignmentOfDistances } from './verdict/alignment-of-distances';

export type JointScorerOptions = {
  /** Largest offset tried, in frames. Default 15. */
  maxShift?: number;
  /**
   * As in `SyncScorerOptions`; `zero` lets the network score the frames beside an embedding of zeros. Default `zero`.
   */
  edges?: 'zero' | 'overlap';
};

type PairEmbedder = Pick<Embedder<never>, 'expert' | 'pairDistances'>;

/**
 * Offset, LSE-D and LSE-C by a network that scores pairs itself (`space: 'joint'`): the network is asked for the
 * distance of each window's frames to the audio of every shift, `2 * maxShift + 1` pairs per call.
 *
 * Holds `2 * maxShift + 1` rows of either modality and as many float32 values per window. The embedder is borrowed.
 *
 * @throws TypeError for an embedder without `pairDistances`.
 * @example
 * const scorer = new JointScorer(localEmbedder(expert));
 * await scorer.update({ visual, audio });
 * const { sentence } = await scorer.compute();
 */
export class JointScorer {
  readonly #expert: PairEmbedder['expert'];
  readonly #pairDistances: NonNullable<PairEmbedder['pairDistances']>;
  readonly #maxShift: number;
  readonly #edges: 'zero' | 'overlap';
  #visual: RowQueue;
  #audio: RowQueue;
  #rows: Float32Array[] = []; // one per measured window

  constructor(embedder: PairEmbedder, { maxShift = 15, edges = 'zero' }: JointScorerOptions = {}) {
    const { expert } = embedder;
    if (!embedder.pairDistances) fail(TypeError, 'JointScorer', 'embedder', 'one with pairDistances', expert.name);
    if (!(Number.isInteger(maxShift) && maxShift > 0)) {
      fail(RangeError, 'JointScorer', 'maxShift', 'a whole number of frames above 0', maxShift);
    }
    this.#expert = expert;
    this.#pairDistances = embedder.pairDistances.bind(embedder);
    this.#maxShift = maxShift;
    this.#edges = edges;
    this.#visual = new RowQueue(expert.embeddingSize);
    this.#audio = new RowQueue(expert.audioEmbeddingSize ?? expert.embeddingSize);
  }

  /**
   * Takes the next embeddings, `[rows, embeddingSize]` and `[rows, audioEmbeddingSize]`, as many of one as of the
   * other.
   */
  async update({ visual, audio }: { visual: Float32Array; audio: Float32Array }): Promise<void> {
    this.#visual.push(visual);
    this.#audio.push(audio);
    while (this.#rows.length < Math.min(this.#visual.count, this.#audio.count) - this.#maxShift) {
      this.#rows.push(await this.#measure(this.#rows.length, Infinity));
      this.#visual.dropBefore(this.#rows.length);
      this.#audio.dropBefore(this.#rows.length - this.#maxShift);
    }
  }

  /** @throws Error before the first window. */
  async compute(): Promise<SyncScore> {
    const windows = Math.min(this.#visual.count, this.#audio.count);
    if (windows === 0)
      fail(Error, 'JointScorer.compute', 'windows so far', 'at least one (call update first)', windows);
    const rows = [...this.#rows];
    while (rows.length < windows) rows.push(await this.#measure(rows.length, windows));
    const shifts = 2 * this.#maxShift + 1;
    const sums = Array.from({ length: shifts }, (_, k) =>
      rows.reduce((sum, row) => sum + (Number.isNaN(row[k]) ? 0 : row[k]), 0),
    );
    const { name, recipe, space } = this.#expert;
    return scoreOfCurve({
      distanceAt: (i, k) => rows[i][k],
      sums,
      windows,
      maxShift: this.#maxShift,
      fps: recipe.fps,
      edges: this.#edges,
      space,
      expert: name,
      alignment: alignmentOfDistances(rows, { maxShift: this.#maxShift, fps: recipe.fps }),
    });
  }

  /** Starts the next track. */
  reset(): void {
    this.#visual = new RowQueue(this.#visual.dimension);
    this.#audio = new RowQueue(this.#audio.dimension);
    this.#rows = [];
  }

  /** Distances of window `i` to all shifts; windows before the audio or from `end` on count as outside. */
  async #measure(i: number, end: number): Promise<Float32Array> {
    const shifts = 2 * this.#maxShift + 1;
    const partner = (k: number) => i + k - this.#maxShift;
    const inside = (k: number) => partner(k) >= 0 && partner(k) < end;
    const visual = new Float32Array(shifts * this.#visual.dimension);
    const audio = new Float32Array(shifts * this.#audio.dimension);
    for (let k = 0; k < shifts; k++) {
      visual.set(this.#visual.row(i), k * this.#visual.dimension);
      if (inside(k)) audio.set(this.#audio.row(partner(k)), k * this.#audio.dimension);
    }
    const distances = await this.#pairDistances(visual, audio);
    return Float32Array.from(distances, (distance, k) => (this.#edges === 'zero' || inside(k) ? distance : Number.NaN));
  }
}
