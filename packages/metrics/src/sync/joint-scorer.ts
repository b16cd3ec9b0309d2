import { fail } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { type SyncScore, scoreOfCurve } from './offset-curve';
import { RowQueue } from './row-queue';

export type JointScorerOptions = {
  /** Largest offset tried, in frames. Default 15. */
  maxShift?: number;
  /** As in `SyncScorerOptions`; `zero` lets the network judge the images beside an audio track of zeros. Default `zero`. */
  edges?: 'zero' | 'overlap';
};

/**
 * Offset, LSE-D and LSE-C by a network that judges pairs itself (`space: 'joint'`): the distance of every window's images to the audio of every
 * shift is asked of the network, `2 * maxShift + 1` pairs at once.
 *
 * Holds `2 * maxShift + 1` rows of either kind and as many float32 numbers a window. The expert is borrowed.
 *
 * @throws TypeError for an expert without `pairDistances`.
 */
export class JointScorer {
  readonly #expert: SyncExpert & Required<Pick<SyncExpert, 'pairDistances'>>;
  readonly #maxShift: number;
  readonly #edges: 'zero' | 'overlap';
  #visual: RowQueue;
  #audio: RowQueue;
  #rows: Float32Array[] = []; // one a measured window

  constructor(expert: SyncExpert, { maxShift = 15, edges = 'zero' }: JointScorerOptions = {}) {
    if (!expert.pairDistances) fail(TypeError, 'JointScorer', 'expert', 'one with pairDistances', expert.name);
    if (!(Number.isInteger(maxShift) && maxShift > 0)) {
      fail(RangeError, 'JointScorer', 'maxShift', 'a whole number of frames above 0', maxShift);
    }
    this.#expert = expert as SyncExpert & Required<Pick<SyncExpert, 'pairDistances'>>;
    this.#maxShift = maxShift;
    this.#edges = edges;
    this.#visual = new RowQueue(expert.embeddingSize);
    this.#audio = new RowQueue(expert.audioEmbeddingSize ?? expert.embeddingSize);
  }

  /** Takes the next rows, as many of the one as of the other. */
  async update({ visual, audio }: { visual: Float32Array; audio: Float32Array }): Promise<void> {
    this.#visual.push(visual);
    this.#audio.push(audio);
    while (this.#rows.length < Math.min(this.#visual.count, this.#audio.count) - this.#maxShift) {
      this.#rows.push(await this.#measure(this.#rows.length, Infinity));
      this.#visual.dropBefore(this.#rows.length);
      this.#audio.dropBefore(this.#rows.length - this.#maxShift);
    }
  }

  /** @throws Error before any window came. */
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
    });
  }

  /** Starts the next track. */
  reset(): void {
    this.#visual = new RowQueue(this.#visual.dimension);
    this.#audio = new RowQueue(this.#audio.dimension);
    this.#rows = [];
  }

  /** Distances of window `i` to all shifts; what lies before the audio or from `end` on is outside. */
  async #measure(i: number, end: number): Promise<Float32Array> {
    const shifts = 2 * this.#maxShift + 1;
    const partner = (k: number) => i + k - this.#maxShift;
    const inside = (k: number) => partner(k) >= 0 && partner(k) < end;
    const audios = new Float32Array(shifts * this.#audio.dimension);
    for (let k = 0; k < shifts; k++) if (inside(k)) audios.set(this.#audio.row(partner(k)), k * this.#audio.dimension);
    const distances = tf.tidy(() => {
      const images = tf.tile(tf.tensor2d(this.#visual.row(i), [1, this.#visual.dimension]), [shifts, 1]);
      return this.#expert.pairDistances(images, tf.tensor2d(audios, [shifts, this.#audio.dimension]));
    });
    try {
      const row = Float32Array.from(await distances.data());
      return this.#edges === 'zero' ? row : row.map((distance, k) => (inside(k) ? distance : Number.NaN));
    } finally {
      distances.dispose();
    }
  }
}
