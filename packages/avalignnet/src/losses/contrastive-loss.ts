import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { clipPairs } from './clip-pairs';

/** Largest factor on the cosines. */
const LARGEST_SCALE = 100;

/** Logit of a pair that is left out. */
const MASKED_LOGIT = -1e4;

/**
 * The learned temperature of `contrastiveLoss`: one parameter, `log_temperature`, the logarithm of the factor
 * `1 / temperature` on the cosines, as in CLIP. The factor is at most 100.
 *
 * @example
 * const head = new ContrastiveTemperature(); // factor 14.3
 */
export class ContrastiveTemperature extends Module {
  readonly #logTemperature: tf.Variable;

  /** @param options.temperature start value, above 0; default 0.07. */
  constructor(options: { temperature?: number } = {}) {
    super();
    const { temperature = 0.07 } = options;
    if (!(temperature > 0)) fail(RangeError, 'ContrastiveTemperature', 'temperature', 'above 0', temperature);
    this.#logTemperature = this.parameter('log_temperature', tf.scalar(Math.log(1 / temperature)));
  }

  /** The factor on the cosines, `min(exp(log_temperature), 100)`; the caller disposes it. */
  scale(): tf.Scalar {
    return tf.tidy(() => tf.clipByValue(tf.exp(this.#logTemperature), 0, LARGEST_SCALE) as tf.Scalar);
  }
}

export type ContrastiveLossOptions = {
  /** Clip index of each row. */
  clips: readonly number[];
  /** The learned temperature, or a number for a fixed one. */
  temperature: ContrastiveTemperature | number;
  /** Whether windows of other clips count as negatives. Default `exclude`: the speaker alone tells them apart. */
  otherClips?: 'exclude' | 'include';
};

/**
 * Symmetric InfoNCE: each frame window must find its own audio among those of the same clip, and each audio its frame.
 *
 * `logits [B, B] = visual · audioᵀ / temperature`; the mean of the cross-entropies of rows and of columns against the
 * diagonal. The windows of a clip should lie 3 frames or more apart, or negatives are nearly positives.
 *
 * Source: InfoNCE as in CLIP; the mask is ours. Largest difference from PyTorch 1.13: 2e-7 of the loss, see the test.
 *
 * @param visual unit embeddings, float32 `[batch, D]`, borrowed; row b belongs to row b of `audio`.
 * @param audio unit embeddings, float32 `[batch, D]`, borrowed.
 * @returns float32 scalar; the caller disposes it.
 * @throws RangeError if `clips` is not as long as the batch, or no row has a negative.
 * @example
 * const loss = contrastiveLoss(visual, audio, { clips: [0, 0, 1, 1], temperature: head });
 */
export function contrastiveLoss(
  visual: EmbeddingBatch,
  audio: EmbeddingBatch,
  options: ContrastiveLossOptions,
): tf.Scalar {
  const { clips, temperature, otherClips = 'exclude' } = options;
  const where = 'contrastiveLoss';
  if (typeof temperature === 'number' && !(temperature > 0))
    fail(RangeError, where, 'temperature', 'above 0', temperature);
  const pairs = clipPairs(where, clips, visual.shape[0]);
  const { rows } = pairs;
  if (pairs.sameClipNegatives + (otherClips === 'include' ? pairs.otherClipNegatives : 0) === 0) {
    const rule = otherClips === 'include' ? 'of two rows at least' : 'such that a clip has two rows at least';
    fail(RangeError, where, 'clips', rule, clips);
  }
  return tf.tidy(() => {
    const scale =
      typeof temperature === 'number' ? tf.scalar(Math.min(1 / temperature, LARGEST_SCALE)) : temperature.scale();
    let logits: tf.Tensor2D = tf.mul(tf.matMul(visual, audio, false, true), scale);
    if (otherClips === 'exclude') {
      const allowed = tf.tensor2d(Float32Array.from(pairs.sameClip), [rows, rows]);
      logits = tf.add(tf.mul(logits, allowed), tf.mul(tf.sub(1, allowed), MASKED_LOGIT));
    }
    const own = tf.eye(rows);
    const trueLogProbability = (of: tf.Tensor2D) => tf.sum(tf.mul(tf.logSoftmax(of), own));
    const sum = tf.add(trueLogProbability(logits), trueLogProbability(tf.transpose(logits)));
    return tf.mul(sum, -1 / (2 * rows)) as tf.Scalar;
  });
}
