import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { balancedCrossEntropy } from './balanced-cross-entropy';
import { binaryCrossEntropy, pairCosine } from './binary-cross-entropy';
import { clipPairs } from './clip-pairs';
import type { ContrastiveTemperature } from './contrastive-loss';
import { contrastiveLoss } from './contrastive-loss';

/** A training batch of windows; row b of the frames belongs to row b of the features, unless `labels` marks it as off. */
export type ExpertBatch = {
  /** float32 `[batch, height, width, frameCount * 3]`. */
  frames: MouthBatch;
  /** float32 `[batch, bins, featureSteps, 1]`. */
  features: FeatureBatch;
  /** `[batch]`, 1: in sync, 0: off. For `pairLoss`. */
  labels?: tf.Tensor1D;
  /** Clip index of each row. For `contrastLoss`, whose rows are all in sync. */
  clips?: readonly number[];
};

/** Embeddings of both towers, float32 `[batch, D]`, rows of length 1. */
export type SyncEmbeddings = { visual: EmbeddingBatch; audio: EmbeddingBatch };

/**
 * A loss of a batch, and the mean cosines of its pairs in sync and off; float32 scalars. A mean is NaN where the batch
 * has no such pair.
 */
export type ExpertLossParts = { loss: tf.Scalar; positiveCosine: tf.Scalar; negativeCosine: tf.Scalar };

/**
 * A training loss of an expert with embeddings of length 1. It runs inside a tidy and must be differentiable in the
 * embeddings.
 */
export type ExpertLoss = (embeddings: SyncEmbeddings, batch: ExpertBatch) => ExpertLossParts;

/**
 * Binary cross-entropy on independent labelled pairs, the training loss of LatentSync and the thesis. It needs much
 * data: on a few hours of video it stays at 0.693.
 *
 * @returns the loss; it throws TypeError for a batch without labels.
 *
 * @example
 * const { loss } = pairLoss()(net.forward(frames, features), { frames, features, labels });
 */
export function pairLoss(): ExpertLoss {
  return ({ visual, audio }, { labels }) => {
    if (labels === undefined) fail(TypeError, 'pairLoss', 'batch.labels', 'a tensor [batch] of 0 and 1', labels);
    const cosine = pairCosine(visual, audio);
    const inSync = tf.cast(labels, 'float32');
    const masked = (mask: tf.Tensor1D) => tf.div(tf.sum(tf.mul(cosine, mask)), tf.sum(mask)) as tf.Scalar;
    return {
      loss: binaryCrossEntropy(cosine, labels),
      positiveCosine: masked(inSync),
      negativeCosine: masked(tf.sub<tf.Tensor1D>(1, inSync)),
    };
  };
}

export type ContrastLossOptions = {
  /** The learned temperature, whose parameter must be given to the optimizer; a number is a fixed temperature. */
  temperature: ContrastiveTemperature | number;
  /** Whether windows of other clips count as negatives of InfoNCE. Default `exclude`. */
  otherClips?: 'exclude' | 'include';
  /** Weight of the balanced cross-entropy beside InfoNCE; see `rampedWeight`. Default 0. */
  crossEntropyWeight?: number;
  /** Share of same-clip negatives in the balanced cross-entropy, 0..1. Default 0.7. */
  sameClipShare?: number;
};

/**
 * InfoNCE over windows of the same clip, plus `crossEntropyWeight` times the balanced cross-entropy over the batch.
 *
 * It learns from little data: InfoNCE alone first, cross-entropy blended in later (`rampedWeight`). `negativeCosine` is
 * the mean over other windows of the same clips, or of other clips where there are none.
 *
 * @throws RangeError for a negative weight; the loss throws RangeError for a batch without `clips`.
 *
 * @example
 * const loss = contrastLoss({ temperature: head, crossEntropyWeight: rampedWeight(step / steps) });
 */
export function contrastLoss(options: ContrastLossOptions): ExpertLoss {
  const { temperature, otherClips, crossEntropyWeight = 0, sameClipShare } = options;
  if (!(crossEntropyWeight >= 0)) {
    fail(RangeError, 'contrastLoss', 'crossEntropyWeight', 'at least 0', crossEntropyWeight);
  }
  return ({ visual, audio }, { clips = [] }) => {
    const cosines = meanCosine(visual, audio, clips);
    const contrast = contrastiveLoss(visual, audio, { clips, temperature, otherClips });
    if (crossEntropyWeight === 0) return { loss: contrast, ...cosines };
    const balanced = balancedCrossEntropy(visual, audio, { clips, sameClipShare });
    return { loss: tf.add(contrast, tf.mul(balanced, crossEntropyWeight)) as tf.Scalar, ...cosines };
  };
}

/** Mean of the diagonal of `visual · audioᵀ`, and of its other same-clip entries (other clips' where there are none). */
function meanCosine(visual: EmbeddingBatch, audio: EmbeddingBatch, clips: readonly number[]) {
  const { rows, sameClip, sameClipNegatives, otherClipNegatives } = clipPairs('contrastLoss', clips, visual.shape[0]);
  const negatives = sameClipNegatives || otherClipNegatives;
  const wanted = sameClipNegatives > 0 ? 1 : 0;
  const mask = Float32Array.from(sameClip, (same, index) =>
    index % (rows + 1) !== 0 && same === wanted ? 1 / negatives : 0,
  );
  const similarity = tf.matMul(visual, audio, false, true);
  return {
    positiveCosine: tf.mean<tf.Scalar>(pairCosine(visual, audio)),
    negativeCosine: tf.sum<tf.Scalar>(tf.mul(similarity, tf.tensor2d(mask, [rows, rows]))),
  };
}

export type RampOptions = {
  /** Share of the run before the ramp, 0..1. Default 0.4. */
  start?: number;
  /** Share of the run at the end of the ramp, above `start`. Default 0.7. */
  end?: number;
  /** Weight after the ramp. Default 0.7. */
  weight?: number;
};

/**
 * A weight that is 0, then rises linearly, then stays constant: by default 0 until 40 % of a run, 0.7 from 70 % on.
 *
 * @param progress share of the run that is done, 0..1.
 * @throws RangeError for a progress that is not finite, or an end that is not above the start.
 * @example
 * rampedWeight(0.55); // 0.35
 */
export function rampedWeight(progress: number, options: RampOptions = {}): number {
  const { start = 0.4, end = 0.7, weight = 0.7 } = options;
  if (!Number.isFinite(progress)) fail(RangeError, 'rampedWeight', 'progress', 'a share of the run, 0..1', progress);
  if (!(end > start)) fail(RangeError, 'rampedWeight', 'end', `above start (${start})`, end);
  return weight * Math.min(1, Math.max(0, (progress - start) / (end - start)));
}
