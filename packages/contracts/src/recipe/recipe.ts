import type { AudioFeatureName } from '../audio/audio';
import { AUDIO_FEATURES } from '../audio/audio';
import { fail } from '../fail';
import { upgradeRecipe } from './earlier-spelling';

/**
 * A square mouth crop placed by a similarity transform. With `s = max(eye distance, 0.95 · eye-to-mouth)` in pixels of the
 * source (eye distance: between the means of points 36-41 and 42-47; eye-to-mouth: from their middle to the mean of
 * points 48-67), the square has side `side * s`, is centred on the mouth and turned upright by the eye line.
 */
export type SimilarityCrop = {
  kind: 'similarity';
  centre: 'mean 48-67';
  upright: 'eye centres';
  /** Side of the square in units of `s`; 1.18 shows the mouth and some of the chin. */
  side: number;
  /** Pixels on a side. */
  size: number;
  /**
   * `clip median`: one side for the whole track, its median; one centre and angle, too, for tracks of up to 40 frames, a 25-frame moving
   * median and then a 9-frame mean of them for longer ones. `frame`: every frame its own.
   */
  window: 'clip median' | 'frame';
};

/**
 * The thesis's crop: the mouth box of a DINet head crop with one radius for the whole video (mean over windows, a
 * multiple of 4), turned upright by the median of five angles.
 */
export type DinetCrop = {
  kind: 'dinet';
  /** Side of the mouth box in pixels, 64 or 128 in the thesis. */
  size: number;
  /** `median of five`: turned upright a frame by the five reference pairs; `none`: as it stands. */
  upright: 'median of five' | 'none';
  /** `exact`: pixel centres; `half pixel`: the thesis's shift by half a pixel, which blurs a little. */
  sampling: 'exact' | 'half pixel';
};

/**
 * The face track's crop of SyncNet's `run_pipeline`. With `h = max(width, height) / 2` of the face box, its rows are
 * `[y - h, y + h (1 + 2 scale))`, its columns `[x - h (1 + scale), x + h (1 + scale))`; `h` and the centre go through a median filter of 13
 * frames with zeros beyond the track's ends. Outside the frame: gray 110.
 */
export type TrackBoxCrop = {
  kind: 'track box';
  /** 0.4 in all published numbers: LRS's crops have that margin. */
  scale: number;
  /** Pixels on a side; 224 for SyncNet. */
  size: number;
};

/** The face box itself, without a margin, each frame its own, stretched to a square: Wav2Lip's preprocessing. */
export type FaceBoxCrop = {
  kind: 'face box';
  /** Pixels on a side of the whole crop; 96 for Wav2Lip. */
  size: number;
  /** What the network sees of it. */
  rows: 'all' | 'lower half';
};

/**
 * LatentSync's upright face: a similarity transform that places both brows and the nose on a template, on a canvas of 3 by 4 that is
 * squeezed to a square.
 */
export type AlignedFaceCrop = {
  kind: 'aligned face';
  /** Pixels on a side of the whole crop; 256 for LatentSync. */
  size: number;
  /** What the network sees of it. */
  rows: 'all' | 'lower half';
};

/** The whole frame, which must be a face crop already: as it is (`none` refuses other sizes), or stretched to the size. */
export type WholeFrameCrop = {
  kind: 'whole frame';
  /** Pixels on a side; 224 for SyncNet. */
  size: number;
  resize: 'bilinear' | 'none';
};

/**
 * DINet's face image, what its generator paints: with `r = mouth / 2`, `q = floor(r / 4)` and the video's one crop radius R, the rows
 * `[y29 - R, y29 + 2R + floor(R / 4))` and columns `[x33 - R - floor(R / 4), x33 + R + floor(R / 4))` of the frame, made `3r + q` high
 * and `2r + 2q` wide. Its mouth box is `[r, r + mouth) x [q, q + mouth)`.
 */
export type HeadCrop = {
  kind: 'dinet head';
  /** Pixels on a side of the mouth box: 64, 128 or 256; a multiple of 8. */
  mouth: number;
};

/** How stored frames are cut: as a network wants them, or as a generator does. */
export type StoredCrop = SyncCrop | HeadCrop;

/** How a network's frames are cut out of the video's. */
export type SyncCrop = SimilarityCrop | DinetCrop | TrackBoxCrop | FaceBoxCrop | AlignedFaceCrop | WholeFrameCrop;

/** What a network must be fed with: kept in its weights file, checked wherever the network is used. */
export type SyncRecipe = {
  /** Frames in a window. */
  frameCount: number;
  /** Frames per second. */
  fps: number;
  crop: SyncCrop;
  color: 'RGB' | 'BGR';
  /** The values that 0 and 255 become. */
  range: readonly [number, number];
  /** The audio's features; mel spectrograms for most. */
  features: AudioFeatureName;
  /** Time steps of the features in a window. */
  featureSteps: number;
};

/** Checks a recipe that comes from a file, one in the spelling of earlier versions included, and returns it typed. */
export function assertSyncRecipe(where: string, value: unknown): SyncRecipe {
  const recipe = upgradeRecipe(value) as SyncRecipe;
  if (typeof recipe !== 'object' || recipe === null) fail(TypeError, where, 'recipe', 'an object', value);
  for (const key of ['frameCount', 'featureSteps'] as const) {
    if (!(Number.isInteger(recipe[key]) && recipe[key] > 0)) {
      fail(RangeError, where, `recipe.${key}`, 'a whole number above 0', recipe[key]);
    }
  }
  if (!(recipe.fps > 0)) fail(RangeError, where, 'recipe.fps', 'above 0', recipe.fps);
  if (recipe.color !== 'RGB' && recipe.color !== 'BGR') {
    fail(TypeError, where, 'recipe.color', 'RGB or BGR', recipe.color);
  }
  if (!(Array.isArray(recipe.range) && recipe.range.length === 2 && recipe.range[0] < recipe.range[1])) {
    fail(TypeError, where, 'recipe.range', '[low, high] with low < high', recipe.range);
  }
  if (!Object.hasOwn(AUDIO_FEATURES, recipe.features)) {
    fail(TypeError, where, 'recipe.features', Object.keys(AUDIO_FEATURES).join(' or '), recipe.features);
  }
  assertCrop(where, recipe.crop);
  return recipe;
}

function assertCrop(where: string, crop: SyncRecipe['crop']): void {
  if (!(Number.isInteger(crop?.size) && crop.size > 0)) {
    fail(RangeError, where, 'recipe.crop.size', 'a whole number of pixels above 0', crop?.size);
  }
  // From a file, so wider than the type says.
  const field = (name: string, ...allowed: string[]) => {
    const value = (crop as Record<string, unknown>)[name] as string;
    if (!allowed.includes(value)) fail(TypeError, where, `recipe.crop.${name}`, `"${allowed.join('" or "')}"`, value);
  };
  field('kind', 'similarity', 'dinet', 'track box', 'face box', 'aligned face', 'whole frame');
  if (crop.kind === 'similarity') {
    if (!(crop.side > 0 && Number.isFinite(crop.side)))
      fail(RangeError, where, 'recipe.crop.side', 'a number above 0', crop.side);
    field('centre', 'mean 48-67');
    field('upright', 'eye centres');
    field('window', 'clip median', 'frame');
  } else if (crop.kind === 'dinet') {
    if (crop.size % 8 !== 0) fail(RangeError, where, 'recipe.crop.size', 'a multiple of 8', crop.size);
    field('upright', 'median of five', 'none');
    field('sampling', 'exact', 'half pixel');
  } else if (crop.kind === 'track box') {
    if (!(crop.scale >= 0 && Number.isFinite(crop.scale)))
      fail(RangeError, where, 'recipe.crop.scale', 'at least 0', crop.scale);
  } else if (crop.kind === 'whole frame') {
    field('resize', 'bilinear', 'none');
  } else {
    field('rows', 'all', 'lower half');
    if (crop.rows === 'lower half' && crop.size % 2 !== 0)
      fail(RangeError, where, 'recipe.crop.size', 'even for its lower half', crop.size);
  }
}

/**
 * Height and width, in pixels, of the frames that a network sees: the crop's square, or its lower half.
 *
 * @example
 * pictureShape({ kind: 'face box', size: 96, rows: 'lower half' }); // { height: 48, width: 96 }
 */
export function frameShape(crop: SyncCrop): { height: number; width: number } {
  const { size } = crop;
  return { height: 'rows' in crop && crop.rows === 'lower half' ? size / 2 : size, width: size };
}

/**
 * Height and width, in pixels, of stored frames: all rows of a crop.
 *
 * @example
 * storedShape({ kind: 'dinet head', mouth: 64 }); // { height: 104, width: 80 }
 */
export function storedShape(crop: StoredCrop): { height: number; width: number } {
  if (crop.kind !== 'dinet head') return { height: crop.size, width: crop.size };
  const radius = crop.mouth / 2;
  const quarter = Math.floor(radius / 4);
  return { height: 3 * radius + quarter, width: 2 * radius + 2 * quarter };
}

/**
 * First time step of the audio's features in the window whose first frame is `frame`; below 0 before the audio begins.
 *
 * Mel spectrograms and MFCC start with the frame, `floor(stepsPerSecond * frame / fps)`: Wav2Lip's `int(80 * f / 25)`, SyncNet's `4 f`.
 * Speech recogniser's logits stand around the frames: DINet's 9 steps begin 2 before its 5 frames.
 *
 * @throws RangeError for a frame that is not a whole number from 0 on.
 * @example
 * audioWindowStart({ mel: 'THESIS_MEL', fps: 25, frames: 5, melSteps: 16 }, 7); // 22
 */
export function audioWindowStart(
  { features, fps, frameCount, featureSteps }: Pick<SyncRecipe, 'features' | 'fps' | 'frameCount' | 'featureSteps'>,
  frame: number,
): number {
  if (!(Number.isSafeInteger(frame) && frame >= 0))
    fail(RangeError, 'audioWindowStart', 'frame', 'a whole number from 0 on', frame);
  const { stepsPerSecond, centred } = AUDIO_FEATURES[features];
  const start = stepsBefore(frame, { fps, stepsPerSecond });
  return centred ? start - Math.floor((featureSteps - (stepsPerSecond * frameCount) / fps) / 2) : start;
}

/** `floor(stepsPerSecond * frame / fps)`, exact for whole rates. */
export function stepsBefore(frame: number, { fps, stepsPerSecond }: { fps: number; stepsPerSecond: number }): number {
  const steps = stepsPerSecond * frame;
  const start = Math.floor(steps / fps);
  return start * fps > steps ? start - 1 : start; // where the quotient was rounded up to a whole number
}

/** The names of what differs between two recipes, `crop.size` style, in a stable order; empty where they agree. */
export function recipeDifferences(a: SyncRecipe, b: SyncRecipe): string[] {
  const flat = (recipe: SyncRecipe) => {
    const { crop, ...rest } = recipe;
    const entries = [...Object.entries(rest), ...Object.entries(crop).map(([key, value]) => [`crop.${key}`, value])];
    return new Map(entries.map(([key, value]) => [key as string, JSON.stringify(value)]));
  };
  const [left, right] = [flat(a), flat(b)];
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  return names.filter((name) => left.get(name) !== right.get(name));
}
