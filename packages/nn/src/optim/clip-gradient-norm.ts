import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { FUSED_KERNELS } from '../kernels/kernels';

/**
 * Scales all gradients together so that their joint norm is at most `maxNorm`.
 *
 * `g ← g · min(1, maxNorm / (norm + 1e-6))`, `norm = sqrt(sum of squares of all elements)`.
 *
 * Source: `torch.nn.utils.clip_grad_norm_` (PyTorch 1.13); largest relative difference below 5e-7 (test limit), on the
 * plain wasm backend 7e-5 for large tensors, whose sums are float32 where it lacks `FUSED_KERNELS.sumOfSquares`. As in
 * PyTorch, an infinite or NaN norm is not refused: check the result.
 *
 * @param gradients by name, of any ranks; the map's tensors are disposed and replaced.
 * @returns the norm before scaling, a float32 scalar. The caller disposes it.
 * @throws RangeError if `maxNorm` is not above 0.
 * @example
 * const norm = clipGradientNorm(gradients, 1);
 */
export function clipGradientNorm(gradients: Map<string, tf.Tensor>, maxNorm: number): tf.Scalar {
  if (!(maxNorm > 0)) fail(RangeError, 'clipGradientNorm', 'maxNorm', 'above 0', maxNorm);
  const names = [...gradients.keys()];
  const [norm, ...scaled] = tf.tidy(() => {
    const squares = names.map((name) => sumOfSquares(gradients.get(name) as tf.Tensor));
    const norm = squares.length > 0 ? tf.sqrt(tf.addN(squares)) : tf.scalar(0);
    const factor = tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1);
    return [norm, ...names.map((name) => tf.mul(gradients.get(name) as tf.Tensor, factor))];
  });
  names.forEach((name, i) => {
    gradients.get(name)?.dispose();
    gradients.set(name, scaled[i]);
  });
  return norm as tf.Scalar;
}

/** Of all elements of a tensor of any rank; computed by one kernel where the backend has it. */
function sumOfSquares(x: tf.Tensor): tf.Scalar {
  if (!tf.getKernel(FUSED_KERNELS.sumOfSquares, tf.getBackend())) return tf.sum(tf.square(x));
  return tf.engine().runKernel(FUSED_KERNELS.sumOfSquares, { x }) as tf.Scalar;
}
