import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/** Options of `lowerHalfWindows`. */
export type LowerHalfWindowsOptions = {
  /** Frames of a window. Default 5. */
  frameCount?: number;
  /** Order of the colours in the result; the frames are RGB. Wav2Lip's expert takes BGR. Default `RGB`. */
  color?: 'RGB' | 'BGR';
};

/**
 * The lower half of frames, those of a window on the channels: what the discriminator scores and what Wav2Lip's expert
 * sees. Differentiable.
 *
 * @param frames float32 `[n · frameCount, size, size, 3]`, the frames of a window one after the other; borrowed.
 * @returns float32 `[n, size / 2, size, frameCount * 3]`, channel = frame * 3 + colour. The caller disposes it.
 * @throws TypeError if the shape does not fit.
 * @example
 * const windows = lowerHalfWindows(tf.zeros([10, 96, 96, 3]), { color: 'BGR' }); // [2, 48, 96, 15]
 */
export function lowerHalfWindows(
  frames: tf.Tensor4D,
  { frameCount = 5, color = 'RGB' }: LowerHalfWindowsOptions = {},
): tf.Tensor4D {
  const [n = 0, height = 0, width, channels] = frames.shape;
  if (frames.rank !== 4 || channels !== 3 || n === 0 || n % frameCount !== 0 || height % 2 !== 0) {
    const rule = `of shape [n * ${frameCount}, height, width, 3], the height even`;
    fail(TypeError, 'lowerHalfWindows', 'frames', rule, frames.shape);
  }
  return tf.tidy(() => {
    const half = height / 2;
    const lower = tf.slice(frames, [0, half, 0, 0], [n, half, width, 3]);
    // Not tf.reverse, which has no gradient here.
    const colours = [2, 1, 0].map((colour) => tf.slice(lower, [0, 0, 0, colour], [n, half, width, 1]));
    const ordered = color === 'RGB' ? lower : tf.concat<tf.Tensor4D>(colours, 3);
    const windows = tf.reshape(ordered, [n / frameCount, frameCount, half, width, 3]);
    const beside = tf.transpose(windows, [0, 2, 3, 1, 4]);
    return tf.reshape(beside, [n / frameCount, half, width, 3 * frameCount]) as tf.Tensor4D;
  });
}
