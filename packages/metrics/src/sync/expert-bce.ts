import { fail } from '@lipsync/contracts';
import type { MetricScore } from '../metric-description';
import { RunningMean } from '../running-mean';

/** A clip, one row or value per video frame: embeddings of frames and audio, or their cosines. */
export type ExpertClip =
  | { visual: Float32Array; audio: Float32Array; dimension: number }
  | { cosines: ArrayLike<number> };

export type ExpertBceOptions = {
  /**
   * Windows from one that counts to the next, beginning with the first. Default 5, the length of Wav2Lip's window, so
   * that none overlap.
   */
  step?: number;
};

const LEAST = 1e-3;
/** Of float32 embeddings of length 1. */
const SLACK = 1e-4;

function assertStep(where: string, step: number): void {
  if (!(Number.isInteger(step) && step > 0)) fail(RangeError, where, 'step', 'a whole number above 0', step);
}

/** Cosine of every `step`-th window; 0 where an embedding is zero. */
function cosinesOf(where: string, clip: ExpertClip, step: number): number[] {
  if ('cosines' in clip) {
    const every = Array.from({ length: Math.ceil(clip.cosines.length / step) }, (_, i) => clip.cosines[i * step]);
    const bad = every.findIndex((value) => !(Math.abs(value) <= 1 + SLACK));
    if (bad >= 0) fail(RangeError, where, 'cosines', 'within -1..1', `${every[bad]} at window ${bad * step}`);
    return every;
  }
  const { visual, audio, dimension } = clip;
  if (!(Number.isInteger(dimension) && dimension > 0))
    fail(RangeError, where, 'dimension', 'a whole number above 0', dimension);
  if (!(visual instanceof Float32Array) || visual.length % dimension !== 0) {
    fail(
      TypeError,
      where,
      'visual',
      `a Float32Array of whole rows of ${dimension} numbers`,
      (visual as Float32Array)?.length,
    );
  }
  if (!(audio instanceof Float32Array) || audio.length !== visual.length) {
    fail(
      TypeError,
      where,
      'audio',
      `a Float32Array of ${visual.length} numbers, as visual is`,
      (audio as Float32Array)?.length,
    );
  }
  const cosines: number[] = [];
  for (let row = 0; row < visual.length; row += step * dimension) {
    let [product, left, right] = [0, 0, 0];
    for (let i = row; i < row + dimension; i++) {
      product += visual[i] * audio[i];
      left += visual[i] * visual[i];
      right += audio[i] * audio[i];
    }
    const cosine = product === 0 ? 0 : product / Math.sqrt(left * right);
    if (!Number.isFinite(cosine))
      fail(RangeError, where, 'embeddings', 'finite', `another kind in row ${row / dimension}`);
    cosines.push(cosine);
  }
  return cosines;
}

const crossEntropy = (cosine: number): number => -Math.log(Math.min(1, Math.max(LEAST, cosine)));

/**
 * Cross-entropy of an expert's certainty that frames and audio belong together: the mean of `-ln clip(cosine, 0.001,
 * 1)` over every fifth window.
 *
 * 0 for a cosine of 1, 6.9 for 0 and below. More informative than the mean cosine, whose values cluster at the ends.
 * Comparable for the same expert only.
 *
 * @returns 0..6.91.
 * @throws TypeError, RangeError for rows that do not fit; an empty clip is refused.
 * @example
 * expertBce({ visual, audio, dimension: 512 });
 */
export function expertBce(clip: ExpertClip, { step = 5 }: ExpertBceOptions = {}): number {
  assertStep('expertBce', step);
  const cosines = cosinesOf('expertBce', clip, step);
  if (cosines.length === 0) fail(RangeError, 'expertBce', 'clip', 'of at least one window', 'none');
  return cosines.reduce((sum, cosine) => sum + crossEntropy(cosine), 0) / cosines.length;
}

/**
 * Expert BCE over many clips: the mean over all windows that count.
 *
 * @example
 * const scorer = new ExpertBceScorer({ expert: 'AVAlignNet' });
 * scorer.update({ visual, audio, dimension: 256 });
 * console.log(formatScore(scorer.compute()));
 */
export class ExpertBceScorer {
  readonly #step: number;
  readonly #expert: string | undefined;
  readonly #losses = new RunningMean();
  readonly #cosines = new RunningMean();

  /** @param options.expert Name of the network, for the report. */
  constructor({ step = 5, expert }: ExpertBceOptions & { expert?: string } = {}) {
    assertStep('ExpertBceScorer', step);
    this.#step = step;
    this.#expert = expert;
  }

  /** Takes a whole clip: the count of windows starts anew with each. */
  update(clip: ExpertClip): void {
    for (const cosine of cosinesOf('ExpertBceScorer.update', clip, this.#step)) {
      this.#losses.add(crossEntropy(cosine));
      this.#cosines.add(cosine);
    }
  }

  /** @throws Error before the first window. */
  compute(): MetricScore & { meanCosine: number } {
    const by = this.#expert === undefined ? '' : ` by ${this.#expert}`;
    return {
      metric: 'expert-bce',
      value: this.#losses.mean('ExpertBceScorer.compute'),
      meanCosine: this.#cosines.mean('ExpertBceScorer.compute'),
      samples: this.#losses.count,
      convention: `mean of -ln clip(cosine, 0.001, 1)${by} over every ${this.#step === 1 ? '' : `${this.#step}. `}window of a clip`,
      notes: [],
    };
  }

  reset(): void {
    this.#losses.reset();
    this.#cosines.reset();
  }
}
