import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { applySeparable, matrixOf } from './separable';

/** Options of `gaussianBlur`. */
export type GaussianBlurOptions = {
  /** Pixels on a side, odd. Default 5. */
  kernel?: number;
  /** Standard deviation in pixels. Default 3. */
  sigma?: number;
};

/**
 * Gaussian blur of each channel; the border is reflected without repeating the outermost pixel.
 *
 * `w_i = exp(-i² / (2 sigma²))`, divided by their sum, `i` from the middle of the kernel. Differentiable.
 *
 * Source: torchvision `gaussian_blur`, and the coursework's kernel of 5 with sigma 3. Largest difference from
 * torchvision 3e-7, see the test.
 *
 * @param x float32 `[n, height, width, channels]`, sides above half the kernel; borrowed.
 * @returns float32 like `x`. The caller disposes it.
 * @throws RangeError for an even kernel, a sigma that is not above 0, or an image smaller than half the kernel.
 * @example
 * const soft = gaussianBlur(mask); // [n, height, width, 1]
 */
export function gaussianBlur(x: tf.Tensor4D, { kernel = 5, sigma = 3 }: GaussianBlurOptions = {}): tf.Tensor4D {
  if (!(Number.isInteger(kernel) && kernel > 0 && kernel % 2 === 1))
    fail(RangeError, 'gaussianBlur', 'kernel', 'an odd whole number', kernel);
  if (!(sigma > 0 && Number.isFinite(sigma))) fail(RangeError, 'gaussianBlur', 'sigma', 'above 0', sigma);
  const [, height, width] = x.shape;
  if (Math.min(height, width) <= kernel >> 1)
    fail(RangeError, 'gaussianBlur', 'x', `of sides above ${kernel >> 1}`, x.shape);
  return tf.tidy(() => applySeparable(x, blurMatrix(height, kernel, sigma), blurMatrix(width, kernel, sigma)));
}

function blurMatrix(side: number, kernel: number, sigma: number): tf.Tensor2D {
  const half = kernel >> 1;
  const weights = Array.from({ length: kernel }, (_, i) => Math.exp(-((i - half) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((sum, weight) => sum + weight);
  const reflected = (place: number) => (place < 0 ? -place : place >= side ? 2 * (side - 1) - place : place);
  return matrixOf(side, side, (out) => weights.map((weight, i) => [reflected(out + i - half), weight / total]));
}
