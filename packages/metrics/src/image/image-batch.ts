import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { Image } from './image';

/**
 * The images of a batch, read back from the backend, for metrics that work on arrays.
 *
 * @param batch float32 or int32 `[batch, height, width, 1 or 3]`; borrowed.
 * @throws TypeError for another shape.
 * @example
 * const [first] = await imagesOf(generated);
 * ssim(real, first, { range: [0, 1] });
 */
export async function imagesOf(batch: tf.Tensor4D): Promise<Image[]> {
  if (batch.rank !== 4 || (batch.shape[3] !== 1 && batch.shape[3] !== 3)) {
    fail(TypeError, 'imagesOf', 'batch', 'of shape [batch, height, width, 1 or 3]', batch.shape);
  }
  const [count, height, width, channels] = batch.shape;
  const all = Float32Array.from(await batch.data()); // the backend may own the array
  const size = height * width * channels;
  return Array.from({ length: count }, (_, i) => ({ data: all.subarray(i * size, (i + 1) * size), height, width }));
}

/**
 * Images as one batch, for metrics that work on tensors.
 *
 * @param images All of one size; values stay as they are.
 * @returns float32 `[batch, height, width, 1 or 3]`. The caller disposes it.
 * @throws TypeError for images of different size, or none.
 * @example
 * const batch = batchOf([frame]); // of a decoded video: [1, height, width, 3] in 0..255
 */
export function batchOf(images: readonly Image[]): tf.Tensor4D {
  if (images.length === 0) fail(TypeError, 'batchOf', 'images', 'at least one', 'none');
  const [{ height, width, data }] = images;
  const channels = data.length / (height * width);
  if (channels !== 1 && channels !== 3) fail(TypeError, 'batchOf', 'images', 'of 1 or 3 numbers a pixel', channels);
  const all = new Float32Array(images.length * data.length);
  images.forEach((image, i) => {
    if (image.height !== height || image.width !== width || image.data.length !== data.length) {
      const rule = `all of ${height} x ${width} pixels and ${data.length} numbers`;
      fail(
        TypeError,
        'batchOf',
        'images',
        rule,
        `${image.height} x ${image.width} and ${image.data.length} at index ${i}`,
      );
    }
    all.set(image.data, i * data.length);
  });
  return tf.tensor4d(all, [images.length, height, width, channels]);
}
