import { RowQueue } from '@lipsync/nn';
import type { Alignment, AlignmentStretch } from './alignment';

export type AlignmentCollectorOptions = {
  /** Values per embedding. */
  dimension: number;
  fps: number;
  /** Largest shift, frames. */
  maxShift: number;
  /** Frames from one visual row to the next. */
  visualStride: number;
};

/** Visual rows of a stretch: about a second of video at every window. */
const STRETCH_ROWS = 25;

/**
 * Measures from embeddings as they come how well frames and audio match at every shift, stretch by stretch.
 *
 * In a stretch of 25 to 49 windows with frames, `v[i]`, and the audio within `maxShift` of them, `a[j]`, both without
 * their means over the stretch: `C[i][j] = v[i] · a[j]`, divided by its root mean square over all `|i - j| <= maxShift`.
 * Taking off the means leaves nothing of what a window of either kind has in common with all of the other, which is most
 * of a distance; dividing makes the values of networks with different spaces and lengths alike.
 *
 * Of an hour at 25 frames per second and shifts of 75 frames, 3,600 stretches of 0.9 kB are kept; of embeddings at most
 * `2 * maxShift + 100` rows.
 */
export class AlignmentCollector {
  readonly #options: AlignmentCollectorOptions;
  readonly #visual: RowQueue;
  readonly #audio: RowQueue;
  readonly #stretches: AlignmentStretch[] = [];
  #done = 0; // visual rows in finished stretches

  constructor(options: AlignmentCollectorOptions) {
    this.#options = options;
    this.#visual = new RowQueue(options.dimension);
    this.#audio = new RowQueue(options.dimension);
  }

  /** Takes the next rows of either kind, copied. */
  update({ visual, audio }: { visual?: Float32Array; audio?: Float32Array }): void {
    if (visual) this.#visual.push(visual);
    if (audio) this.#audio.push(audio);
    const { maxShift, visualStride } = this.#options;
    for (;;) {
      const end = this.#done + STRETCH_ROWS;
      // The rest of a clip joins its last stretch, so a stretch is measured when the next one is there.
      const reach = (end - 1) * visualStride + maxShift;
      if (this.#visual.count < end + STRETCH_ROWS || this.#audio.count <= reach + STRETCH_ROWS * visualStride) break;
      this.#stretches.push(this.#measure(this.#done, end, this.#audio.count));
      this.#done = end;
      this.#visual.dropBefore(end);
      this.#audio.dropBefore(end * visualStride - maxShift);
    }
  }

  /** What is known now, the rest that is no stretch yet included. May be called in between. */
  compute(): Alignment {
    const { maxShift, fps, visualStride } = this.#options;
    const rows = Math.min(this.#visual.count, Math.ceil(this.#audio.count / visualStride));
    const stretches = [...this.#stretches];
    const audioRows = Math.min(this.#audio.count, rows * visualStride);
    for (let start = this.#done; start < rows; ) {
      const end = rows - start < 2 * STRETCH_ROWS ? rows : start + STRETCH_ROWS;
      stretches.push(this.#measure(start, end, audioRows));
      start = end;
    }
    return { maxShift, fps, visualStride, stretches };
  }

  /** The stretch of visual rows `from` to `to`, with audio rows below `audioRows`. */
  #measure(from: number, to: number, audioRows: number): AlignmentStretch {
    const { dimension, maxShift, visualStride } = this.#options;
    const firstAudio = Math.max(0, from * visualStride - maxShift);
    const endAudio = Math.min(audioRows, (to - 1) * visualStride + maxShift + 1);
    const visual = centred(this.#visual.rows(from, to), dimension);
    const audio = centred(this.#audio.rows(firstAudio, endAudio), dimension);
    const shifts = 2 * maxShift + 1;
    const sums = new Float64Array(shifts);
    const pairs = new Uint16Array(shifts);
    let [squares, count] = [0, 0];
    for (let i = from; i < to; i++) {
      const row = (i - from) * dimension;
      const centre = i * visualStride;
      const last = Math.min(endAudio - 1, centre + maxShift);
      for (let j = Math.max(firstAudio, centre - maxShift); j <= last; j++) {
        const other = (j - firstAudio) * dimension;
        let product = 0;
        for (let d = 0; d < dimension; d++) product += visual.rows[row + d] * audio.rows[other + d];
        const k = j - centre + maxShift;
        sums[k] += product;
        pairs[k]++;
        squares += product * product;
        count++;
      }
    }
    const scale = squares > 0 ? 1 / Math.sqrt(squares / count) : 0;
    return {
      firstFrame: from * visualStride,
      rows: to - from,
      sums: Float32Array.from(sums, (sum) => sum * scale),
      pairs,
      movement: visual.variance,
    };
  }
}

/** Rows without their mean, and the share of their mean square length that this leaves. */
function centred(rows: Float32Array, dimension: number): { rows: Float32Array; variance: number } {
  const mean = new Float64Array(dimension);
  let [before, after] = [0, 0];
  for (let start = 0; start < rows.length; start += dimension) {
    for (let d = 0; d < dimension; d++) {
      const value = rows[start + d];
      mean[d] += value;
      before += value * value;
    }
  }
  for (let d = 0; d < dimension; d++) mean[d] *= dimension / rows.length;
  const out = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += dimension) {
    for (let d = 0; d < dimension; d++) {
      const value = rows[start + d] - mean[d];
      out[start + d] = value;
      after += value * value;
    }
  }
  return { rows: out, variance: before > 0 ? after / before : 0 };
}
