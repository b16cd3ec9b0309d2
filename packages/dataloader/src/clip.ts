import { assertMel, cropSideFactor, fail } from '@lipsync/contracts';
import type { AudioFeatureName, Mel, SyncCrop, SyncRecipe } from '@lipsync/contracts';

/** What all clips of a store have in common. */
export type StoreRecipe = {
  /** How the stored pictures were cropped; `size` is their side in pixels. */
  crop: SyncCrop;
  /** The features of the sound. */
  mel: AudioFeatureName;
  /** Time steps of the features a second. */
  stepsPerSecond: number;
  /** Numbers a time step. */
  bins: number;
  /** Pictures a second. */
  fps: number;
};

/** One prepared clip: a face track, or a piece of it, with its sound. */
export type Clip = {
  id: string;
  /** RGB, 0..255, `[count, size, size, 3]`. */
  frames: Uint8Array;
  /** Number of pictures. */
  count: number;
  /** Pixels on a side. */
  size: number;
  /** Sound from the clip's first picture on: picture f's window starts at step floor(stepsPerSecond * f / fps). */
  mel: Mel;
  /** `[count, 68, 2]`, pixels of the source. */
  landmarks: Float32Array;
  /** `[count, 4]`: centre x, centre y, side, angle of the crop in the source. */
  poses: Float32Array;
  /** Index in the video of the first picture. */
  firstFrame: number;
  /** Mean detection score of the track, 0..1. */
  score: number;
  /** Pictures of the track whose landmarks were filled in between detections. */
  interpolated: number;
  /** SHA-256 of the video file, hexadecimal, where it was given. */
  sourceSha256?: string;
};

/** What a clip's file says of itself without being read whole. */
export type ClipInfo = Omit<Clip, 'frames' | 'mel' | 'landmarks' | 'poses'> & { melSteps: number };

/** Refuses a clip whose arrays do not fit each other or the store. */
export function assertClip(where: string, clip: Clip, recipe: StoreRecipe): void {
  const { count, size } = clip;
  if (!(Number.isInteger(count) && count > 0)) fail(RangeError, where, 'clip.count', 'a whole number above 0', count);
  if (size !== recipe.crop.size) fail(TypeError, where, 'clip.size', `${recipe.crop.size}, as in the store`, size);
  const lengths: [string, Uint8Array | Float32Array, number][] = [
    ['frames', clip.frames, count * size * size * 3],
    ['landmarks', clip.landmarks, count * 136],
    ['poses', clip.poses, count * 4],
  ];
  for (const [name, data, length] of lengths) {
    if (data.length !== length) fail(TypeError, where, `clip.${name}`, `${length} numbers long`, data.length);
  }
  assertMel(where, clip.mel);
  if (clip.mel.bins !== recipe.bins) fail(TypeError, where, 'clip.mel.bins', `${recipe.bins}, as in the store`, clip.mel.bins);
}

/**
 * The part of the stored picture that a network sees, as a fraction of its side; 1 where both crops are the same.
 *
 * @throws TypeError where the network's crop cannot be taken out of the stored one: other kind, centre, smoothing or a
 * wider side; other crops must be the same in all but the rows that are seen, as all rows are stored.
 * @example
 * viewFraction(stored, recipe.crop); // 1.18 / 1.9
 */
export function viewFraction(stored: StoreRecipe['crop'], wanted: SyncRecipe['crop']): number {
  if (stored.kind === 'similarity' && wanted.kind === 'similarity') {
    const differs = (['centre', 'upright', 'window'] as const).find((key) => stored[key] !== wanted[key]);
    if (differs) fail(TypeError, 'viewFraction', `wanted.${differs}`, `"${stored[differs]}", as the pictures were stored`, wanted[differs]);
    const fraction = cropSideFactor(wanted) / cropSideFactor(stored);
    if (fraction > 1) fail(TypeError, 'viewFraction', 'wanted.side', `at most the stored "${stored.side}"`, wanted.side);
    return fraction;
  }
  const [left, right] = [stored, wanted].map((crop) => JSON.stringify(Object.entries(crop).filter(([key]) => key !== 'rows').sort()));
  if (left !== right) fail(TypeError, 'viewFraction', 'wanted', `the stored crop ${JSON.stringify(stored)}`, wanted);
  return 1;
}

/** Refuses a network whose input cannot be made from a store's clips. */
export function assertStoreFits(where: string, store: StoreRecipe, recipe: SyncRecipe): void {
  if (store.fps !== recipe.fps) fail(TypeError, where, 'recipe.fps', `${store.fps}, as in the store`, recipe.fps);
  if (store.mel !== recipe.mel) fail(TypeError, where, 'recipe.mel', `${store.mel}, as in the store`, recipe.mel);
  viewFraction(store.crop, recipe.crop);
}
