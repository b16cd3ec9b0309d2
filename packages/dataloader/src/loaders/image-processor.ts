import { mouthBatch } from '@lipsync/avalignnet';
import type { SyncRecipe } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import { headBox } from '@lipsync/face-crop';
import * as tf from '@tensorflow/tfjs-core';

export type ImageProcessorOptions = {
  /** Pixels on a side of the mouth box: 64, 128 or 256; the face images have the sizes of `headBox(mouth)`. */
  mouth: number;
};

/**
 * Prepares face images for a generator, and its output for a sync network, as tensor operations with gradients.
 *
 * A face image is DINet's head crop, `[n, height, width, 3]`, RGB, 0..1; `headBox` of @lipsync/face-crop says where its
 * mouth box lies.
 *
 * @example
 * const images = new ImageProcessor({ mouth: 64 });
 * const mouths = images.mouths(generated, batch.angles);
 * const input = images.syncInput(mouths, expert.recipe); // for expert.encodeVisual
 */
export class ImageProcessor {
  /** Height of face images, pixels. */
  readonly height: number;
  /** Width of face images, pixels. */
  readonly width: number;
  /** Side of the mouth box, pixels. */
  readonly mouth: number;
  readonly #top: number;
  readonly #left: number;

  constructor({ mouth }: ImageProcessorOptions) {
    if (!(Number.isInteger(mouth) && mouth > 0 && mouth % 8 === 0))
      fail(RangeError, 'ImageProcessor', 'mouth', 'a multiple of 8 pixels', mouth);
    const { height, width, top, left } = headBox(mouth);
    this.height = height;
    this.width = width;
    this.mouth = mouth;
    this.#top = top;
    this.#left = left;
  }

  /**
   * The face images with their mouth boxes 0, the input of a generator.
   *
   * @param faces float32 `[n, height, width, 3]`.
   * @returns the same shape; the caller disposes it.
   */
  masked(faces: tf.Tensor4D): tf.Tensor4D {
    this.#check('masked', faces);
    return tf.tidy(() => tf.mul<tf.Tensor4D>(faces, this.mask()));
  }

  /** float32 `[1, height, width, 1]`: 0 in the mouth box, 1 elsewhere. The caller disposes it. */
  mask(): tf.Tensor4D {
    const values = new Float32Array(this.height * this.width).fill(1);
    for (let row = this.#top; row < this.#top + this.mouth; row++)
      values.fill(0, row * this.width + this.#left, row * this.width + this.#left + this.mouth);
    return tf.tensor4d(values, [1, this.height, this.width, 1]);
  }

  /**
   * The mouth boxes, each turned upright about its centre by its angle: the crop `dinet` of the thesis, of frames that
   * are tensors.
   *
   * `x = u cos a - w sin a + cx`, `y = u sin a + w cos a + cy`, bilinear, black outside. The gradient goes to the four
   * neighbours of each sampled point. Equal to `mouthCrop` of @lipsync/face-crop but for its rounding to bytes, see the
   * test.
   *
   * @param faces `[n, height, width, 3]`.
   * @param angles `[n]`, radians clockwise, as the loader gives them. No gradient.
   * @param sampling `half pixel`: the thesis's, half a pixel further right and down. Default `exact`.
   * @returns `[n, mouth, mouth, 3]`; the caller disposes it.
   */
  mouths(faces: tf.Tensor4D, angles: tf.Tensor1D, sampling: 'exact' | 'half pixel' = 'exact'): tf.Tensor4D {
    this.#check('mouths', faces);
    const [count] = faces.shape;
    if (angles.rank !== 1 || angles.shape[0] !== count)
      fail(TypeError, 'ImageProcessor.mouths', 'angles', `of shape [${count}]`, [...angles.shape]);
    const { height, width, mouth } = this;
    return tf.tidy(() => {
      const shift = sampling === 'half pixel' ? 0.5 : 0;
      const line = tf.sub(tf.range(0, mouth), (mouth - 1) / 2);
      const across = tf.tile(tf.reshape(line, [1, 1, mouth]), [1, mouth, 1]);
      const down = tf.tile(tf.reshape(line, [1, mouth, 1]), [1, 1, mouth]);
      const [cos, sin] = [tf.cos(angles), tf.sin(angles)].map((value) => tf.reshape(value, [count, 1, 1]));
      // Pixel coordinates: the centre of the box lies between its two middle pixels.
      const x = tf.add(tf.sub(tf.mul(across, cos), tf.mul(down, sin)), this.#left + (mouth - 1) / 2 + shift);
      const y = tf.add(tf.add(tf.mul(across, sin), tf.mul(down, cos)), this.#top + (mouth - 1) / 2 + shift);
      const flat = tf.reshape(faces, [count * height * width, 3]);
      const first = tf.reshape(tf.mul(tf.range(0, count), height * width), [count, 1, 1]);
      const [left, top] = [tf.floor(x), tf.floor(y)];
      const corner = (dx: number, dy: number) => {
        const [column, row] = [tf.add(left, dx), tf.add(top, dy)];
        const inside = tf.mul(
          tf.mul(tf.cast(tf.greaterEqual(column, 0), 'float32'), tf.cast(tf.less(column, width), 'float32')),
          tf.mul(tf.cast(tf.greaterEqual(row, 0), 'float32'), tf.cast(tf.less(row, height), 'float32')),
        );
        const [fx, fy] = [tf.sub(x, left), tf.sub(y, top)];
        const weight = tf.mul(tf.mul(dx === 1 ? fx : tf.sub(1, fx), dy === 1 ? fy : tf.sub(1, fy)), inside);
        const place = tf.add(tf.mul(tf.clipByValue(row, 0, height - 1), width), tf.clipByValue(column, 0, width - 1));
        const index = tf.cast(tf.reshape(tf.add(place, first), [-1]), 'int32') as tf.Tensor1D;
        return tf.mul(tf.gather(flat, index), tf.reshape(weight, [-1, 1]));
      };
      const sum = tf.addN([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)]);
      return tf.reshape(sum, [count, mouth, mouth, 3]) as tf.Tensor4D;
    });
  }

  /**
   * Rows of upright mouths as a sync network takes them: resized, in its colour order and range, its frames one after
   * the other on the channels.
   *
   * @param mouths `[n * frames, mouth, mouth, 3]`, RGB, 0..1.
   * @returns `[n, size, size, frames * 3]`; the caller disposes it.
   */
  syncInput(mouths: tf.Tensor4D, recipe: Pick<SyncRecipe, 'crop' | 'frameCount' | 'color' | 'range'>): tf.Tensor4D {
    const { crop, frameCount } = recipe;
    if (crop.kind !== 'dinet')
      fail(
        TypeError,
        'ImageProcessor.syncInput',
        'recipe.crop.kind',
        'dinet, the crop that a generator makes',
        crop.kind,
      );
    const [count] = mouths.shape;
    if (count % frameCount !== 0)
      fail(TypeError, 'ImageProcessor.syncInput', 'mouths', `rows of ${frameCount} frames`, [...mouths.shape]);
    return tf.tidy(() => {
      const resized =
        crop.size === mouths.shape[1] ? mouths : tf.image.resizeBilinear(mouths, [crop.size, crop.size], false, true);
      const rows = tf.reshape(resized, [count / frameCount, frameCount, crop.size, crop.size, 3]) as tf.Tensor5D;
      return mouthBatch(rows, recipe);
    });
  }

  #check(where: string, faces: tf.Tensor4D): void {
    const [, height, width, colours] = faces.shape;
    if (faces.rank !== 4 || height !== this.height || width !== this.width || colours !== 3) {
      fail(TypeError, `ImageProcessor.${where}`, 'faces', `of shape [n, ${this.height}, ${this.width}, 3]`, [
        ...faces.shape,
      ]);
    }
  }
}
