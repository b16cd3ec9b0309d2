import { fail } from '../common/fail';
import type { StoredCrop } from '../recipe/recipe';

/** A part of a face image, in pixels: rows `[top, top + height)`, columns `[left, left + width)`. */
export type ImageBox = { top: number; left: number; height: number; width: number };

/**
 * What a generator does not see of the frame that it fills. `mouth box`: that of a head crop (`dinet head`). `lower
 * half`: the rows from the middle on. Edges as shares of height and width, 0..1: any other box.
 */
export type HiddenPart = 'mouth box' | 'lower half' | { top: number; left: number; bottom: number; right: number };

/** What a generator takes of the audio for one frame: `[bins, steps]`. */
export type GeneratorAudio = {
  /** Mel spectrogram, or per-frame logits of a speech recogniser. */
  kind: 'mel' | 'logits';
  /** Values of a step. */
  bins: number;
  /** Steps of a window. */
  steps: number;
  /**
   * The frame with which the window begins, counted from the generated one: 0 where it begins with that frame, -1 a
   * frame before it. Default: the window is centred, `-floor(frames / 2)` of the frames that it lasts.
   */
  firstFrame?: number;
};

/** How a generator's inputs are prepared, and how its output is laid back into the video. */
export type GeneratorRecipe = {
  /** The kinds of face images that it can fill. */
  crops: readonly StoredCrop['kind'][];
  /** What is black in the frame that it fills. */
  hidden: HiddenPart;
  /** What of its output is laid over the video's frame: all of it, or what was hidden. */
  laid: 'hidden part' | 'face image';
  /** Reference frames of the same face for each generated frame. */
  references: number;
  /**
   * The references of a dubbed frame, where nobody chooses: other frames of the video, or the frame itself, whose mouth
   * is then that of the old audio. Default `other frames`. In training and evaluation they are always others.
   */
  dubbedWith?: 'other frames' | 'same frame';
  audio: GeneratorAudio;
};

/**
 * The hidden part of face images of a size, in whole pixels.
 *
 * @param image height and width of the face images, and their crop, which says where a mouth box lies.
 * @throws TypeError for the mouth box of images that are no head crops; RangeError for edges that leave no box.
 * @example
 * hiddenBox('lower half', { height: 96, width: 96 }); // { top: 48, left: 0, height: 48, width: 96 }
 */
export function hiddenBox(hidden: HiddenPart, image: { height: number; width: number; crop?: StoredCrop }): ImageBox {
  const { height, width, crop } = image;
  if (hidden === 'mouth box') {
    if (crop?.kind !== 'dinet head') return fail(TypeError, 'hiddenBox', 'image.crop', 'a dinet head', crop?.kind);
    const { mouth } = crop;
    return { top: mouth / 2, left: (width - mouth) / 2, height: mouth, width: mouth };
  }
  if (hidden === 'lower half') {
    const top = Math.floor(height / 2);
    return { top, left: 0, height: height - top, width };
  }
  const [top, bottom] = [Math.round(hidden.top * height), Math.round(hidden.bottom * height)];
  const [left, right] = [Math.round(hidden.left * width), Math.round(hidden.right * width)];
  if (!(top >= 0 && left >= 0 && bottom <= height && right <= width && bottom > top && right > left))
    fail(RangeError, 'hiddenBox', 'hidden', 'edges from 0 to 1 that leave a box', hidden);
  return { top, left, height: bottom - top, width: right - left };
}
