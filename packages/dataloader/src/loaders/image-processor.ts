import { mouthBatch } from '@lipsync/avalignnet';
import type { HiddenPart, ImageBox, StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { fail, frameShape, hiddenBox, storedShape } from '@lipsync/contracts';
import { stretchImages } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

export type ImageProcessorOptions = {
  /** What the generator does not see. Default: the mouth box of head crops, the lower half of others. */
  hidden?: HiddenPart;
} & (
  | {
      /** Head crops: pixels on a side of the mouth box, 64, 128 or 256; the sizes are those of `headBox(mouth)`. */
      mouth: number;
    }
  | {
      /** Face images of any crop. */
      crop: StoredCrop;
    }
);

/**
 * Prepares face images for a generator, and its output for a sync network, as tensor operations with gradients.
 *
 * A face image is DINet's head crop or a face box, `[n, height, width, 3]`, RGB, 0..1.
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
  /** The part that a generator does not see. */
  readonly hidden: ImageBox;
  /** The part in which generated faces are judged: the mouth box of head crops, else what is hidden. */
  readonly judged: ImageBox;
  /** How the face images were cropped. */
  readonly crop: StoredCrop;

  constructor(options: ImageProcessorOptions) {
    const crop: StoredCrop = 'crop' in options ? options.crop : { kind: 'dinet head', mouth: options.mouth };
    if (crop.kind === 'dinet head' && !(Number.isInteger(crop.mouth) && crop.mouth > 0 && crop.mouth % 8 === 0))
      fail(RangeError, 'ImageProcessor', 'mouth', 'a multiple of 8 pixels', crop.mouth);
    const shape = storedShape(crop);
    const isHead = crop.kind === 'dinet head';
    this.height = shape.height;
    this.width = shape.width;
    this.hidden = hiddenBox(options.hidden ?? (isHead ? 'mouth box' : 'lower half'), { ...shape, crop });
    this.judged = isHead ? hiddenBox('mouth box', { ...shape, crop }) : this.hidden;
    this.crop = crop;
  }

  /**
   * The face images with their hidden part 0, the input of a generator.
   *
   * @param faces float32 `[n, height, width, 3]`.
   * @returns the same shape; the caller disposes it.
   */
  masked(faces: tf.Tensor4D): tf.Tensor4D {
    this.#check('masked', faces);
    return tf.tidy(() => tf.mul<tf.Tensor4D>(faces, this.mask()));
  }

  /** float32 `[1, height, width, 1]`: 0 in a box, the hidden part by default, 1 elsewhere. The caller disposes it. */
  mask({ top, left, height, width }: ImageBox = this.hidden): tf.Tensor4D {
    const values = new Float32Array(this.height * this.width).fill(1);
    for (let row = top; row < top + height; row++)
      values.fill(0, row * this.width + left, row * this.width + left + width);
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
    if (this.crop.kind !== 'dinet head')
      fail(TypeError, 'ImageProcessor.mouths', 'this', 'of head crops (dinet head)', this.crop.kind);
    const [count] = faces.shape;
    if (angles.rank !== 1 || angles.shape[0] !== count)
      fail(TypeError, 'ImageProcessor.mouths', 'angles', `of shape [${count}]`, [...angles.shape]);
    const { height, width } = this;
    const { top: boxTop, left: boxLeft, height: mouth } = this.judged;
    return tf.tidy(() => {
      const shift = sampling === 'half pixel' ? 0.5 : 0;
      const line = tf.sub(tf.range(0, mouth), (mouth - 1) / 2);
      const across = tf.tile(tf.reshape(line, [1, 1, mouth]), [1, mouth, 1]);
      const down = tf.tile(tf.reshape(line, [1, mouth, 1]), [1, 1, mouth]);
      const [cos, sin] = [tf.cos(angles), tf.sin(angles)].map((value) => tf.reshape(value, [count, 1, 1]));
      // Pixel coordinates: the centre of the box lies between its two middle pixels.
      const x = tf.add(tf.sub(tf.mul(across, cos), tf.mul(down, sin)), boxLeft + (mouth - 1) / 2 + shift);
      const y = tf.add(tf.add(tf.mul(across, sin), tf.mul(down, cos)), boxTop + (mouth - 1) / 2 + shift);
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
      const resized = stretchImages(mouths, { height: crop.size, width: crop.size });
      const rows = tf.reshape(resized, [count / frameCount, frameCount, crop.size, crop.size, 3]) as tf.Tensor5D;
      return mouthBatch(rows, recipe);
    });
  }

  /**
   * Rows of face boxes as a sync network of the same crop takes them: whole or their lower half, in its colour order and
   * range, its frames one after the other on the channels.
   *
   * @param faces `[n * frames, size, size, 3]`, RGB, 0..1.
   * @returns `[n, rows, size, frames * 3]`; the caller disposes it.
   */
  faceInput(faces: tf.Tensor4D, recipe: Pick<SyncRecipe, 'crop' | 'frameCount' | 'color' | 'range'>): tf.Tensor4D {
    const where = 'ImageProcessor.faceInput';
    this.#check('faceInput', faces);
    const { crop, frameCount } = recipe;
    if (crop.kind !== 'face box' || this.crop.kind !== 'face box') {
      const got = `${crop.kind} of ${this.crop.kind}`;
      return fail(TypeError, where, 'recipe.crop.kind', 'face box, of images that are face boxes', got);
    }
    const count = faces.shape[0] / frameCount;
    if (!Number.isInteger(count)) fail(TypeError, where, 'faces', `rows of ${frameCount} frames`, [...faces.shape]);
    const { height, width } = frameShape(crop);
    return tf.tidy(() => {
      const whole = stretchImages(faces, { height: crop.size, width: crop.size });
      const seen = tf.slice(whole, [0, crop.size - height, 0, 0], [-1, height, -1, -1]);
      return mouthBatch(tf.reshape(seen, [count, frameCount, height, width, 3]) as tf.Tensor5D, recipe);
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
