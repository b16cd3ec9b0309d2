import { type ImageFeatures, type PerceptualRecipe, perceptualDistance } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { PortraitDiscriminator } from './discriminator';

/** The factor of each term of the renderer's loss; 0 leaves the term out. */
export type RendererWeights = {
  /** `mean (D(generated) - 1)²`, summed over the scales. */
  gan: number;
  /** `mean |generated - real|`. */
  colour: number;
  /** L1 of VGG-19's features at five layers, summed; needs the network. */
  perceptual: number;
  /** L1 of the discriminator's maps, times `4 / layers`, the mean over the scales. */
  featureMatching: number;
};

/** The published weights. The thesis gives feature matching 1; the code's style loss is not part of either. */
export const RENDERER_WEIGHTS: Readonly<RendererWeights> = Object.freeze({
  gan: 1,
  colour: 100,
  perceptual: 10,
  featureMatching: 10,
});

/** VGG-19 at relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, L1, summed. */
const PERCEPTUAL: PerceptualRecipe = Object.freeze({
  architecture: 'vgg19',
  layers: [1, 6, 11, 20, 29],
  distance: 'l1',
  combine: 'sum',
  scales: 'full',
});

/** What the losses compare, float32, -1..1. */
export type RendererPair = {
  /** The renderer's input `[batch, height, width, inputs]`. */
  input: tf.Tensor4D;
  /** Frames `[batch, height, width, 3]`. */
  real: tf.Tensor4D;
  generated: tf.Tensor4D;
};

const meanSquare = (scores: tf.Tensor4D, target: number) => tf.mean(tf.square(tf.sub(scores, target)));
const meanDistance = (a: tf.Tensor, b: tf.Tensor) => tf.mean(tf.abs(tf.sub(a, b)));
const sum = (terms: tf.Tensor[]) => tf.addN(terms) as tf.Scalar;

/** Score maps of each scale. */
const scoresOf = (judged: tf.Tensor4D[][]) => judged.map((maps) => maps[maps.length - 1]);

/**
 * The discriminator's loss, least squares: over all scales the sum of `mean (D(real) - 1)² + ½ mean D(generated)²`. The
 * published code counts real frames twice.
 *
 * @returns float32 scalar. The caller disposes it.
 */
export function discriminatorLoss(
  discriminator: PortraitDiscriminator,
  { input, real, generated }: RendererPair,
): tf.Scalar {
  return tf.tidy(() => {
    const judged = [real, generated].map((frames) => discriminator.forward(tf.concat4d([input, frames], 3)));
    const [ofReal, ofGenerated] = judged.map(scoresOf);
    return sum([
      ...ofReal.map((scores) => meanSquare(scores, 1)),
      ...ofGenerated.map((scores) => tf.mul(meanSquare(scores, 0), 0.5)),
    ]);
  });
}

/** What `rendererLosses` uses. */
export type RendererLossOptions = {
  discriminator: PortraitDiscriminator;
  weights: RendererWeights;
  /** VGG-19 with ImageNet's weights. */
  perceptual?: ImageFeatures;
};

/** Names of the terms. */
export type RendererTerm = keyof RendererWeights;

/**
 * The terms of the renderer's loss that have a weight, each before its weight.
 *
 * @returns float32 scalars, each differentiable by `generated`. The caller disposes them.
 */
export function rendererLosses(pair: RendererPair, options: RendererLossOptions): Map<RendererTerm, tf.Scalar> {
  return new Map(Object.entries(tf.tidy(() => Object.fromEntries(termsOf(pair, options))))) as Map<
    RendererTerm,
    tf.Scalar
  >;
}

function termsOf(
  { input, real, generated }: RendererPair,
  { discriminator, weights, perceptual }: RendererLossOptions,
): Map<RendererTerm, tf.Scalar> {
  const terms = new Map<RendererTerm, tf.Scalar>();
  if (weights.gan > 0 || weights.featureMatching > 0) {
    const judged = discriminator.forward(tf.concat4d([input, generated], 3));
    terms.set('gan', sum(scoresOf(judged).map((scores) => meanSquare(scores, 1))));
    if (weights.featureMatching > 0) {
      const wanted = discriminator.forward(tf.concat4d([input, real], 3));
      const distances = judged.flatMap((maps, scale) =>
        // one layer more than those of stride 2, and the scores
        maps.map((map, j) => tf.mul(meanDistance(map, wanted[scale][j]), 4 / (maps.length - 1) / judged.length)),
      );
      terms.set('featureMatching', sum(distances));
    }
  }
  if (weights.colour > 0) terms.set('colour', meanDistance(generated, real) as tf.Scalar);
  if (weights.perceptual > 0 && perceptual) {
    const unit = (frames: tf.Tensor4D) => tf.mul<tf.Tensor4D>(tf.add(frames, 1), 0.5);
    const options = { network: perceptual, recipe: PERCEPTUAL };
    terms.set('perceptual', tf.mean(perceptualDistance(unit(real), unit(generated), options)));
  }
  return terms;
}
