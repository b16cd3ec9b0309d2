import { RowQueue } from '@lipsync/nn/arrays';
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

/** Visual rows whose mean is taken off: about a second of video at every window. */
const CENTRED_ROWS = 25;

/** Visual rows of a stretch: about half a second. */
const STRETCH_ROWS = 12;

/**
 * Measures from embeddings as they come how well frames and audio match at every shift, stretch by stretch.
 *
 * Of 25 to 49 windows with frames, `v[i]`, and the audio within `maxShift` of them, `a[j]`, both without their means:
 * `C[i][j] = v[i] · a[j]`, divided by its root mean square over all `|i - j| <= maxShift`. Taking off the means leaves
 * nothing of what a window of either kind has in common with all of the other, which is most of a distance; dividing
 * makes the values of networks with different spaces and lengths alike.
 *
 * Sums are kept for stretches of about half a second: 1.8 kB per second of video for shifts of 75 frames. Of embeddings
 * at most `2 * maxShift + 100` rows are held.
 */
export class AlignmentCollector {
  readonly #options: AlignmentCollectorOptions;
  readonly #visual: RowQueue;
  readonly #audio: RowQueue;
  readonly #stretches: AlignmentStretch[] = [];
  #done = 0; // visual rows that are measured

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
      const end = this.#done + CENTRED_ROWS;
      // The rest of a clip joins the rows before it, which are measured when as many more are there.
      const reach = (end - 1) * visualStride + maxShift;
      if (this.#visual.count < end + CENTRED_ROWS || this.#audio.count <= reach + CENTRED_ROWS * visualStride) break;
      this.#stretches.push(...this.#measure(this.#done, end, this.#audio.count));
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
      const end = rows - start < 2 * CENTRED_ROWS ? rows : start + CENTRED_ROWS;
      stretches.push(...this.#measure(start, end, audioRows));
      start = end;
    }
    return { maxShift, fps, visualStride, stretches };
  }

  /** The stretches of visual rows `from` to `to`, with audio rows below `audioRows`. */
  #measure(from: number, to: number, audioRows: number): AlignmentStretch[] {
    const { dimension, maxShift, visualStride } = this.#options;
    const firstAudio = Math.max(0, from * visualStride - maxShift);
    const endAudio = Math.min(audioRows, (to - 1) * visualStride + maxShift + 1);
    const visual = centred(this.#visual.rows(from, to), dimension);
    const audio = centred(this.#audio.rows(firstAudio, endAudio), dimension);
    const count = Math.max(1, Math.floor((to - from) / STRETCH_ROWS));
    const bound = (t: number) => from + Math.round((t * (to - from)) / count);
    let [squares, total] = [0, 0];
    const measured = Array.from({ length: count }, (_, t) => {
      const sums = new Float64Array(2 * maxShift + 1);
      const pairs = new Uint16Array(2 * maxShift + 1);
      for (let i = bound(t); i < bound(t + 1); i++) {
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
          total++;
        }
      }
      return { firstFrame: bound(t) * visualStride, rows: bound(t + 1) - bound(t), sums, pairs };
    });
    const scale = squares > 0 ? 1 / Math.sqrt(squares / total) : 0;
    return measured.map((stretch) => ({
      ...stretch,
      sums: Float32Array.from(stretch.sums, (sum) => sum * scale),
      movement: visual.variance,
    }));
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
