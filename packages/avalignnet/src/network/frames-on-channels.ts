import * as tf from '@tensorflow/tfjs-core';

/**
 * Frames of a window, one after the other on the channels: `[batch, time, height, width, colour]` to
 * `[batch, height, width, time * colour]`, channel = frame * colours + colour. Differentiable.
 *
 * @param frames float32 `[batch, time, height, width, colour]`, borrowed.
 * @returns the caller disposes it.
 */
export function framesOnChannels(frames: tf.Tensor5D): tf.Tensor4D {
  const [batch, time, height, width, colours] = frames.shape;
  return tf.tidy(() =>
    tf.reshape<tf.Rank.R4>(tf.transpose(frames, [0, 2, 3, 1, 4]), [batch, height, width, time * colours]),
  );
}

/**
 * The reverse, frames in a row: `[batch, height, width, time * colour]` to `[batch * time, height, width, colour]`.
 * Differentiable.
 *
 * @param frames float32 `[batch, height, width, time * colour]`, borrowed.
 * @returns the caller disposes it.
 */
export function framesInARow(frames: tf.Tensor4D, time: number): tf.Tensor4D {
  const [batch, height, width, channels] = frames.shape;
  return tf.tidy(() => {
    const split = tf.reshape(frames, [batch, height, width, time, channels / time]);
    return tf.reshape<tf.Rank.R4>(tf.transpose(split, [0, 3, 1, 2, 4]), [batch * time, height, width, channels / time]);
  });
}
