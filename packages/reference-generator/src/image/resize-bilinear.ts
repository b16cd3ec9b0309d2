import * as tf from '@tensorflow/tfjs-core';
import { applySeparable, matrixOf } from './separable';

/**
 * Bilinear resize of square maps, as `torch.nn.functional.interpolate(mode='bilinear', align_corners=False)`: output
 * pixel `i` is at `(i + 0.5) · side / newSide - 0.5` in the input, clamped to it.
 *
 * @param x float32 `[n, side, side, channels]`, borrowed.
 * @returns float32 `[n, newSide, newSide, channels]`. The caller disposes it.
 */
export function resizeBilinear(x: tf.Tensor4D, newSide: number): tf.Tensor4D {
  const side = x.shape[1];
  return tf.tidy(() => {
    const matrix = matrixOf(newSide, side, (out) => {
      const place = Math.max(0, ((out + 0.5) * side) / newSide - 0.5);
      const before = Math.min(Math.floor(place), side - 1);
      const share = place - before;
      return [
        [before, 1 - share],
        [Math.min(before + 1, side - 1), share],
      ];
    });
    return applySeparable(x, matrix, matrix);
  });
}
