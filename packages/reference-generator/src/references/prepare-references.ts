import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { warpAffine } from '../discriminator/warp-affine';
import { type GaussianBlurOptions, gaussianBlur } from '../image/gaussian-blur';
import type { SelectedReference } from './select-references';

/** Options of `prepareReferences`. */
export type PrepareReferencesOptions = {
  /** Blur of the references while a generator is trained, so that it cannot copy them; none in use. Default none. */
  blur?: GaussianBlurOptions;
};

/**
 * The images of selected references in the form that generators take: changed where they stand in for a cluster, blurred
 * where asked for, on the channels.
 *
 * @param frames float32 `[references, height, width, 3]`, RGB 0..1: the frame of each reference; borrowed.
 * @param selected as many, of `selectReferences`.
 * @returns float32 `[1, height, width, references * 3]`, channel = frame * 3 + colour. The caller disposes it.
 * @throws TypeError if the numbers differ.
 * @example
 * const references = prepareReferences(frames, selected, { blur: { kernel: 5, sigma: 3 } });
 */
export function prepareReferences(
  frames: tf.Tensor4D,
  selected: readonly SelectedReference[],
  { blur }: PrepareReferencesOptions = {},
): tf.Tensor4D {
  const [count, height, width] = frames.shape;
  if (count !== selected.length || frames.shape[3] !== 3)
    fail(TypeError, 'prepareReferences', 'frames', `of shape [${selected.length}, height, width, 3]`, frames.shape);
  const still = { a: 1, b: 0, c: 0, d: 1, shiftX: 0, shiftY: 0 };
  return tf.tidy(() => {
    const changes = selected.map(({ change }) => change ?? still);
    const moved = selected.some(({ change }) => change) ? warpAffine(frames, changes) : frames;
    const seen = blur ? gaussianBlur(moved, blur) : moved;
    return tf.reshape(tf.transpose(seen, [1, 2, 0, 3]), [1, height, width, 3 * count]) as tf.Tensor4D;
  });
}
