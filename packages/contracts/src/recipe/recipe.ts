import type { AudioFeatureName } from '../audio/audio';
import { AUDIO_FEATURES } from '../audio/audio';
import { fail } from '../common/fail';
import { upgradeRecipe } from './earlier-spelling';
import { assertLoudness, type Loudness } from './loudness';

/**
 * A square mouth crop placed by a similarity transform. With `s = max(eye distance, 0.95 · eye-to-mouth)` in pixels of
 * the source (eye distance: between the means of points 36-41 and 42-47; eye-to-mouth: from their middle to the mean of
 * points 48-67), the square has side `side * s`, is centred on the mouth and turned upright by the eye line.
 */
export type SimilarityCrop = {
  kind: 'similarity';
  centre: 'mean 48-67';
  upright: 'eye centres';
  /** Side of the square in units of `s`; 1.18 covers the mouth and part of the chin. */
  side: number;
  /** Pixels on a side. */
  size: number;
  /**
   * `clip median`: the track's median side; of tracks of up to 40 frames also the median centre and angle, of longer
   * ones a moving median over 25 frames, then a moving mean over 9. `frame`: each frame has its own square.
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
  /**
   * `median of five`: each frame is turned upright by the median of five angles between landmarks; `none`: not turned.
   */
  upright: 'median of five' | 'none';
  /**
   * `exact`: samples at pixel centres; `half pixel`: shifted by half a pixel as in the thesis, which blurs slightly.
   */
  sampling: 'exact' | 'half pixel';
};

/**
 * The crop of a face track in SyncNet's `run_pipeline`. With `h = max(width, height) / 2` of the face box, its rows are
 * `[y - h, y + h (1 + 2 scale))`, its columns `[x - h (1 + scale), x + h (1 + scale))`; `h` and the centre are
 * median-filtered over 13 frames with zeros beyond the track's ends. Outside the frame: gray 110.
 */
export type TrackBoxCrop = {
  kind: 'track box';
  /** 0.4 in all published results: LRS's crops have that margin. */
  scale: number;
  /** Pixels on a side; 224 for SyncNet. */
  size: number;
};

/** The face box of each frame, without a margin, stretched to a square: Wav2Lip's preprocessing. */
export type FaceBoxCrop = {
  kind: 'face box';
  /** Pixels on a side of the whole crop; 96 for Wav2Lip. */
  size: number;
  /** Rows that the network takes. */
  rows: 'all' | 'lower half';
};

/**
 * LatentSync's aligned face: a similarity transform maps both brows and the nose to a template on a canvas of 3 by 4,
 * which is then scaled to a square.
 */
export type AlignedFaceCrop = {
  kind: 'aligned face';
  /** Pixels on a side of the whole crop; 256 for LatentSync. */
  size: number;
  /** Rows that the network takes. */
  rows: 'all' | 'lower half';
};

/** The whole frame, which must be a face crop already. */
export type WholeFrameCrop = {
  kind: 'whole frame';
  /** Pixels on a side; 224 for SyncNet. */
  size: number;
  /** `bilinear`: stretched to the size; `none`: frames of another size are refused. */
  resize: 'bilinear' | 'none';
};

/**
 * DINet's face image, which its generator takes and produces. With `r = mouth / 2`, `q = floor(r / 4)` and one crop
 * radius R for the video: rows `[y29 - R, y29 + 2R + floor(R / 4))` and columns `[x33 - R - floor(R / 4), x33 + R +
 * floor(R / 4))` of the frame, scaled to `3r + q` by `2r + 2q`. Its mouth box is `[r, r + mouth) x [q, q + mouth)`.
 */
export type HeadCrop = {
  kind: 'dinet head';
  /** Pixels on a side of the mouth box: 64, 128 or 256; a multiple of 8. */
  mouth: number;
};

/** How the frames of prepared clips are cropped: for a sync network, or for DINet's generator. */
export type StoredCrop = SyncCrop | HeadCrop;

/** How a sync network's frames are cropped from the video. */
export type SyncCrop = SimilarityCrop | DinetCrop | TrackBoxCrop | FaceBoxCrop | AlignedFaceCrop | WholeFrameCrop;

/** How the inputs of a sync network are prepared. Kept in its weights file and checked wherever the network is used. */
export type SyncRecipe = {
  /** Frames in a window. */
  frameCount: number;
  /** Frames per second. */
  fps: number;
  crop: SyncCrop;
  color: 'RGB' | 'BGR';
  /** The values to which 0 and 255 are mapped. */
  range: readonly [number, number];
  /** The audio features. */
  features: AudioFeatureName;
  /** Time steps of the features in a window. */
  featureSteps: number;
  /** How loud the audio is made before its features are computed. Default `none`, also of files that do not say. */
  loudness?: Loudness;
};

/**
 * Checks a recipe from a file; one in the spelling of earlier versions is converted.
 *
 * @param where names the caller's function in errors.
 * @throws TypeError or RangeError that names the first field that is wrong.
 * @example
 * const recipe = assertSyncRecipe('loadExpert', JSON.parse(text));
 */
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
  const loudness = assertLoudness(where, recipe.loudness ?? 'none');
  if (loudness !== 'none' && recipe.features === 'ASR_LOGITS')
    fail(
      TypeError,
      where,
      'recipe.loudness',
      'none for ASR_LOGITS, which are not computed from audio here',
      loudness.kind,
    );
  return recipe.loudness === undefined ? recipe : { ...recipe, loudness };
}

function assertCrop(where: string, crop: SyncRecipe['crop']): void {
  if (!(Number.isInteger(crop?.size) && crop.size > 0)) {
    fail(RangeError, where, 'recipe.crop.size', 'a whole number of pixels above 0', crop?.size);
  }
  // The value comes from a file, so it may be wider than its type.
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
 * Height and width, in pixels, of the frames that a network takes: the crop's square, or its lower half.
 *
 * @example
 * frameShape({ kind: 'face box', size: 96, rows: 'lower half' }); // { height: 48, width: 96 }
 */
export function frameShape(crop: SyncCrop): { height: number; width: number } {
  const { size } = crop;
  return { height: 'rows' in crop && crop.rows === 'lower half' ? size / 2 : size, width: size };
}

/**
 * Height and width, in pixels, of stored frames: always all rows of the crop.
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
 * First time step of the audio features that belong to the window whose first frame is `frame`; negative before the
 * audio begins.
 *
 * Windows of mel spectrograms and MFCC start with the frame, `floor(stepsPerSecond * frame / fps)`: Wav2Lip's `int(80 *
 * f / 25)`, SyncNet's `4 f`. Windows of logits are centred on the frames: DINet's 9 steps begin 2 before its 5 frames.
 *
 * @throws RangeError for a frame that is not a whole number from 0 on.
 * @example
 * audioWindowStart({ features: 'THESIS_MEL', fps: 25, frameCount: 5, featureSteps: 16 }, 7); // 22
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

/**
 * Time steps before a frame: `floor(stepsPerSecond * frame / fps)`, exact also where the quotient rounds up to a whole
 * number.
 *
 * @example
 * stepsBefore(7, { fps: 25, stepsPerSecond: 80 }); // 22
 */
export function stepsBefore(frame: number, { fps, stepsPerSecond }: { fps: number; stepsPerSecond: number }): number {
  const steps = stepsPerSecond * frame;
  const start = Math.floor(steps / fps);
  return start * fps > steps ? start - 1 : start; // where the quotient was rounded up to a whole number
}

/**
 * Names of the fields in which two recipes differ, such as `crop.size`, sorted; empty where they agree.
 *
 * @example
 * recipeDifferences(expert.recipe, store.recipe); // for example ['crop.size', 'range']
 */
export function recipeDifferences(a: SyncRecipe, b: SyncRecipe): string[] {
  const flat = (recipe: SyncRecipe) => {
    const { crop, loudness = 'none', ...rest } = recipe;
    const entries = [
      ...Object.entries({ ...rest, loudness }),
      ...Object.entries(crop).map(([key, value]) => [`crop.${key}`, value]),
    ];
    return new Map(entries.map(([key, value]) => [key as string, JSON.stringify(value)]));
  };
  const [left, right] = [flat(a), flat(b)];
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  return names.filter((name) => left.get(name) !== right.get(name));
}
