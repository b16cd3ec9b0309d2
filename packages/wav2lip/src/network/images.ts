import { fail } from '@lipsync/contracts';
import { stretchImages } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/** RGB images as BGR, or the other way round: `[n, height, width, 3]`. The caller disposes the result. */
export function swapColours(images: tf.Tensor4D): tf.Tensor4D {
  return tf.reverse(images, [3]);
}

/** RGB images of any size as a network takes them: BGR, `[n, size, size, 3]`. The caller disposes the result. */
export function networkImages(images: tf.Tensor4D, size: number): tf.Tensor4D {
  return tf.tidy(() => stretchImages(swapColours(images), { height: size, width: size }));
}

/** The lower half of images, rows from the middle on. The caller disposes the result. */
export function lowerHalf(images: tf.Tensor4D): tf.Tensor4D {
  const [, height] = images.shape;
  const top = Math.floor(height / 2);
  return tf.slice(images, [0, top, 0, 0], [-1, height - top, -1, -1]);
}

/** Refuses what are not RGB images. */
export function assertImages(where: string, name: string, images: tf.Tensor4D): void {
  if (images.rank !== 4 || images.shape[3] !== 3)
    fail(TypeError, where, name, 'of shape [n, height, width, 3]', images.shape);
}

/** Refuses audio that is no mel windows of so many images. */
export function assertMel(where: string, audio: tf.Tensor3D, count: number): void {
  if (audio.shape.join() !== [count, 80, 16].join())
    fail(TypeError, where, 'audio', `of shape [${count}, 80, 16]`, audio.shape);
}
