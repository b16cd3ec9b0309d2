import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { type GaussianBlurOptions, gaussianBlur } from '../image/gaussian-blur';

/**
 * `x` without a gradient: the losses and the blend use the predicted mask but do not train it, or it would open holes
 * where the image is bad.
 *
 * @param x float32 of any shape, borrowed.
 * @returns float32 like `x`. The caller disposes it.
 * @example
 * const fixed = stopGradient(mask);
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  return tf.customGrad((x) => ({
    value: tf.clone(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
  }))(x) as T;
}

/**
 * Puts generated faces into the frames where the mask says so: `B · image + (1 - B) · frame` with `B` the blurred mask.
 * No gradient reaches the mask.
 *
 * Source: the coursework, `B = GaussianBlur(stop_grad(mask))` with kernel 5 and sigma 3.
 *
 * @param image float32 `[n, height, width, 3]`, borrowed.
 * @param frames float32 like `image`: the frames as they are, not masked; borrowed.
 * @param options `mask` float32 `[n, height, width, 1]`, 0..1, borrowed; and those of `gaussianBlur`.
 * @returns float32 like `image`. The caller disposes it.
 * @throws TypeError if the shapes do not fit.
 * @example
 * const output = blendByMask(image, frames, { mask });
 */
export function blendByMask(
  image: tf.Tensor4D,
  frames: tf.Tensor4D,
  { mask, ...blur }: { mask: tf.Tensor4D } & GaussianBlurOptions,
): tf.Tensor4D {
  const [n, height, width] = image.shape;
  if (frames.shape.join() !== image.shape.join())
    fail(TypeError, 'blendByMask', 'frames', `of shape [${image.shape.join(', ')}]`, frames.shape);
  if (mask.shape.join() !== [n, height, width, 1].join())
    fail(TypeError, 'blendByMask', 'mask', `of shape [${n}, ${height}, ${width}, 1]`, mask.shape);
  return tf.tidy(() => {
    const share = gaussianBlur(stopGradient(mask), blur);
    return tf.add<tf.Tensor4D>(tf.mul(share, image), tf.mul(tf.sub(1, share), frames));
  });
}
