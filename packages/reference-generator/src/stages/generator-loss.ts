import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { adversarialLoss } from '../losses/adversarial-losses';
import { expertLoss, maskedL1, maskLoss } from '../losses/image-losses';
import { lowerHalfMask } from '../masks/ground-truth-mask';
import { blendByMask } from '../network/blend';
import type { GeneratedFaces } from '../network/generator';
import type { ReferenceWeights } from './stages';

/** What the generator's loss is computed with; a term whose part is missing is left out. */
export type GeneratorLossParts = {
  /** As of `REFERENCE_STAGES`; `expert: 0` before it is switched on. */
  weights: ReferenceWeights;
  /** `vggPerceptual(vgg16)`. */
  perceptual?: (generated: tf.Tensor4D, real: tf.Tensor4D) => tf.Scalar;
  /** The frozen expert's cosine `[clips]` of blended frames `[clips · frames, size, size, 3]` and their audio. */
  expert?: (frames: tf.Tensor4D) => tf.Tensor1D;
  /** The discriminator's scores `[n]` of blended frames. */
  discriminator?: (frames: tf.Tensor4D) => tf.Tensor1D;
};

/** The generator's loss: the sum, its terms without their weights, and the frames that it is a loss of. */
export type GeneratorLoss = {
  /** float32 `[n, size, size, 3]`: the generated mouths in the frames. */
  blended: tf.Tensor4D;
  total: tf.Scalar;
  terms: Partial<Record<keyof ReferenceWeights, tf.Scalar>>;
};

/**
 * The loss of the generator in either stage (formula 15): `l1 + perceptual + expert + mask + adversarial`, each with its
 * weight. The discriminator's own loss is minimised by turns, not added.
 *
 * The masked L1 is that of the generated image inside its predicted mask; everything else sees the image blended into
 * the frames by that mask. Without a mask head both use the fixed lower half.
 *
 * @param faces of `ReferenceGenerator.generateWithMask`, borrowed.
 * @param target `frames` float32 `[n, size, size, 3]`, RGB 0..1; `truth` float32 `[n, size, size, 1]`, of `groundTruthMask`,
 *   needed with a mask head and a weight of the mask; borrowed.
 * @returns the caller's tensors.
 * @throws TypeError where the true masks are missing or shapes do not fit.
 * @example
 * const parts = { weights: REFERENCE_STAGES.first };
 * const { value, gradients } = valueAndGradients(net, () =>
 *   referenceGeneratorLoss(net.generateWithMask(masked, references, audio), { frames, truth }, parts).total);
 */
export function referenceGeneratorLoss(
  faces: GeneratedFaces,
  target: { frames: tf.Tensor4D; truth?: tf.Tensor4D },
  { weights, perceptual, expert, discriminator }: GeneratorLossParts,
): GeneratorLoss {
  const { image, mask } = faces;
  const { frames, truth } = target;
  if (mask && weights.mask > 0 && !truth)
    fail(TypeError, 'referenceGeneratorLoss', 'target.truth', 'given for a generator with a mask head', truth);
  return tf.tidy(() => {
    const region = mask ?? fixedMask(image.shape);
    const blended = blendByMask(image, frames, { mask: region });
    const terms: GeneratorLoss['terms'] = {};
    if (weights.l1 > 0) terms.l1 = maskedL1(image, frames, region);
    if (perceptual && weights.perceptual > 0) terms.perceptual = perceptual(blended, frames);
    if (expert && weights.expert > 0) terms.expert = expertLoss(expert(blended));
    if (mask && truth && weights.mask > 0) terms.mask = maskLoss(mask, truth);
    if (discriminator && weights.adversarial > 0) terms.adversarial = adversarialLoss(discriminator(blended));
    const weighted = Object.entries(terms).map(([name, value]) =>
      tf.mul(value, weights[name as keyof ReferenceWeights]),
    );
    // The last term is 0, but a function of every parameter, whatever the weights are.
    const total = tf.addN<tf.Scalar>([...weighted, tf.mul(tf.sum(blended), 0)] as tf.Scalar[]);
    return { blended, total, terms };
  });
}

function fixedMask([n, height, width]: readonly number[]): tf.Tensor4D {
  return tf.tile(tf.tensor4d(lowerHalfMask(height, width), [1, height, width, 1]), [n, 1, 1, 1]);
}
