import type { AudioFeatureName, Features, StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { AUDIO_FEATURES, assertFeatures, fail, storedShape } from '@lipsync/contracts';
import { viewFraction } from '@lipsync/sync-windows';

/** What all clips of a store have in common. */
export type StoreRecipe = {
  /** How the stored frames were cropped. */
  crop: StoredCrop;
  /** The features of the audio. */
  features: AudioFeatureName;
  /** Time steps of the features a second. */
  stepsPerSecond: number;
  /** Numbers a time step. */
  bins: number;
  /** Frames a second. */
  fps: number;
};

/** What a sync network says of a clip at one time: see `SyncScore`. */
export type OffsetReading = {
  /** Positive: the audio leads (is early). */
  frameCount: number;
  /** LSE-C, in the network's own unit. */
  confidence: number;
  /** LSE-D. */
  distance: number;
  windows: number;
};

/** The offset between frame and audio, and what was done about it. */
export type ClipOffset = {
  /** The network, and its weights. */
  expert: string;
  weightsHash?: string;
  /** Of the video as it was. */
  measured: OffsetReading;
  /** Frames by which the audio was delayed; below 0: brought forward. 0: left as it was. */
  corrected: number;
  /** Measured again after the correction. */
  after?: OffsetReading;
};

/** How well a clip shows its face; what the quality gates look at. */
export type ClipQuality = {
  /** Distance of the outer eye corners or of chin and brows, whichever is larger, pixels of the source; the median over the clip. */
  faceSize: number;
  /** 0 frontal … 1 seen from the side; the median over the clip. See `faceAsymmetry`. */
  asymmetry: number;
  /** Share of the mouth's landmarks that lie inside the frame, in the worst frame. */
  lipsInside: number;
  /** Of the stored frames, the median over five of them; variance of the Laplacian from the command line. */
  sharpness?: number;
  /** Mean gray of the middle frame, 0..255. */
  brightness: number;
  /** Share of frames during which somebody speaks. */
  voiced: number;
  /** Standard deviation of the crop's side, pixels of the source: 0 for a stable crop. */
  sideDeviation: number;
};

/** One prepared clip: a face track, or a piece of it, with its audio. */
export type Clip = {
  id: string;
  /** RGB, 0..255, `[count, height, width, 3]`. */
  frames: Uint8Array;
  /** Number of frames. */
  count: number;
  height: number;
  width: number;
  /** Audio from the clip's first frame on: frame f's window starts at step floor(stepsPerSecond * f / fps). */
  features: Features;
  /** Logits of a speech recogniser, one step a frame from the first on; moved with the audio where `offset` says so. See `parseNpyLogits`. */
  logits?: Features;
  /** The audio itself, 16 kHz mono, full scale 32768, from the clip's first frame on; corrected where `offset` says so. */
  audio: Int16Array;
  /** `[count, 68, 2]`, pixels of the source. */
  landmarks: Float32Array;
  /** `[count, 4]`: centre x, centre y, side, angle of the crop in the source; of a head crop, of its mouth box. */
  poses: Float32Array;
  /** Index in the video of the first frame. */
  firstFrame: number;
  /** Mean detection score of the track, 0..1. */
  score: number;
  /** Frames of the track whose landmarks were filled in between detections. */
  interpolated: number;
  /** SHA-256 of the video file, hexadecimal, where it was given. */
  sourceSha256?: string;
  offset?: ClipOffset;
  quality?: ClipQuality;
  /** The video's own rate and upright size. */
  video?: { fps: number; width: number; height: number };
  /** What the layout of the data set calls the person. */
  person?: string;
  /** `[128]`: how the face looks, to tell people apart; see `createFaceEmbedder`. */
  identity?: Float32Array;
};

/** What a clip's file says of itself without its arrays. */
export type ClipInfo = Omit<Clip, 'frames' | 'features' | 'logits' | 'audio' | 'landmarks' | 'poses' | 'identity'> & {
  featureSteps: number;
  logitSteps?: number;
};

/** Refuses a clip whose arrays do not fit each other or the store. */
export function assertClip(where: string, clip: Clip, recipe: StoreRecipe): void {
  const { count, height, width } = clip;
  if (!(Number.isInteger(count) && count > 0)) fail(RangeError, where, 'clip.count', 'a whole number above 0', count);
  const shape = storedShape(recipe.crop);
  if (height !== shape.height || width !== shape.width) {
    fail(
      TypeError,
      where,
      'clip',
      `of ${shape.height} x ${shape.width} pixels, as in the store`,
      `${height} x ${width}`,
    );
  }
  const lengths: [string, ArrayLike<number>, number][] = [
    ['frames', clip.frames, count * height * width * 3],
    ['landmarks', clip.landmarks, count * 136],
    ['poses', clip.poses, count * 4],
  ];
  for (const [name, data, length] of lengths) {
    if (data.length !== length) fail(TypeError, where, `clip.${name}`, `${length} numbers long`, data.length);
  }
  if (!(clip.audio instanceof Int16Array)) fail(TypeError, where, 'clip.sound', 'an Int16Array', typeof clip.audio);
  assertFeatures(where, clip.features);
  if (clip.features.bins !== recipe.bins)
    fail(TypeError, where, 'clip.mel.bins', `${recipe.bins}, as in the store`, clip.features.bins);
  if (clip.logits) assertLogits(where, clip.logits, recipe);
}

/** Refuses what is no `ASR_LOGITS`, and frames at another rate than these have. */
export function assertLogits(where: string, logits: Features, recipe: Pick<StoreRecipe, 'fps'>): void {
  const { bins, stepsPerSecond } = AUDIO_FEATURES.ASR_LOGITS;
  assertFeatures(where, logits);
  if (logits.bins !== bins) fail(TypeError, where, 'logits.bins', bins.toString(), logits.bins);
  if (recipe.fps !== stepsPerSecond)
    fail(TypeError, where, 'recipe.fps', `${stepsPerSecond}, the rate of logits`, recipe.fps);
}

/** How far the face is turned in each of a clip's frames, radians clockwise. */
export function anglesOf({ poses }: Pick<Clip, 'poses'>): Float32Array {
  return Float32Array.from({ length: poses.length / 4 }, (_, i) => poses[4 * i + 3]);
}

/** Refuses a network whose input cannot be made from a store's clips. */
export function assertStoreFits(where: string, store: StoreRecipe, recipe: SyncRecipe): void {
  if (store.fps !== recipe.fps) fail(TypeError, where, 'recipe.fps', `${store.fps}, as in the store`, recipe.fps);
  if (store.features !== recipe.features)
    fail(TypeError, where, 'recipe.mel', `${store.features}, as in the store`, recipe.features);
  // The mouth of a head frame is cut and turned when a window is: see `cutMouthWindow`.
  if (store.crop.kind === 'dinet head' && recipe.crop.kind === 'dinet') return;
  viewFraction(store.crop, recipe.crop);
}
