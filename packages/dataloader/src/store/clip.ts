import type { AudioFeatureName, Features, StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { AUDIO_FEATURES, assertFeatures, fail, storedShape } from '@lipsync/contracts';
import type { SyncVerdict } from '@lipsync/metrics';
import { viewFraction } from '@lipsync/sync-windows';

/** What all clips of a store have in common. */
export type StoreRecipe = {
  /** How the stored frames were cropped. */
  crop: StoredCrop;
  /** Name of the audio features. */
  features: AudioFeatureName;
  /** Time steps of the features per second. */
  stepsPerSecond: number;
  /** Values per time step. */
  bins: number;
  /** Frames per second. */
  fps: number;
};

/** A sync network's measurement of one clip: see `SyncScore`. */
export type OffsetReading = {
  /** Positive: the audio leads (is early). */
  offsetFrames: number;
  /** LSE-C, in the network's own unit. */
  confidence: number;
  /** LSE-D. */
  distance: number;
  /** Windows that were compared. */
  windows: number;
  /** Whether the offset can be relied on. Missing where the stage gives none, and in earlier stores. */
  verdict?: OffsetVerdict;
};

/** The part of a `SyncVerdict` that a clip keeps. */
export type OffsetVerdict = Pick<SyncVerdict, 'answer' | 'reason' | 'sentence' | 'confidence' | 'offsetFrames'> & {
  /** The best offset, whether or not it can be relied on, and how far it stands out of the noise. */
  likeliestFrames: number | null;
  zScore: number | null;
};

/** The offset between video and audio, and the correction. */
export type ClipOffset = {
  /** Name of the network, and SHA-256 of its weights. */
  expert: string;
  weightsHash?: string;
  /** Measured on the video as it was. */
  measured: OffsetReading;
  /** Frames by which the audio was delayed; negative: brought forward. 0: left as it was. */
  corrected: number;
  /** Measured again after the correction. */
  after?: OffsetReading;
};

/** How well a clip shows its face; the quality gates compare these. */
export type ClipQuality = {
  /** Distance of the outer eye corners or of chin and brows, whichever is larger, pixels of the source; the median over the clip. */
  faceSize: number;
  /** 0 frontal … 1 profile; the median over the clip. See `faceAsymmetry`. */
  asymmetry: number;
  /** Share of the mouth's landmarks inside the frame, 0..1, in the frame with the fewest. */
  lipsInside: number;
  /** Distance of the face's box from the middle of the frame: 0 in the middle, 1 at an edge; the median over the clip. Missing in earlier stores. */
  offCentre?: number;
  /** Sharpness of the stored frames, by the stage `sharpness`: the median over five of them. */
  sharpness?: number;
  /** Mean gray of the middle frame, 0..255. */
  brightness: number;
  /** Share of frames with speech, 0..1. */
  voiced: number;
  /** Standard deviation of the crop's side, pixels of the source: 0 for a stable crop. */
  sideDeviation: number;
};

/** One prepared clip: a face track, or a piece of it, with its audio. */
export type Clip = {
  id: string;
  /** `[frameCount, height, width, 3]`, RGB, 0..255. */
  frames: Uint8Array;
  frameCount: number;
  height: number;
  width: number;
  /** Features of the audio from the clip's first frame on: the window of frame f starts at step floor(stepsPerSecond * f / fps). */
  features: Features;
  /** Logits of a speech recogniser, one step per frame from the first on; moved with the audio by `offset.corrected`. See `parseNpyLogits`. */
  logits?: Features;
  /** 16 kHz mono, full scale 32768, from the clip's first frame on, as loud as in the video; moved by `offset.corrected`. */
  audio: Int16Array;
  /** Level of the speech in the whole file of the audio, dB of full scale; missing in earlier stores. See `speechLevel`. */
  speechDb?: number;
  /** `[frameCount, 68, 2]`, pixels of the source. */
  landmarks: Float32Array;
  /** `[frameCount, 4]`: centre x, centre y, side, angle of the crop in the source; of a head crop, of its mouth box. */
  poses: Float32Array;
  /** Index in the video of the first frame. */
  firstFrame: number;
  /** Mean detection score of the track, 0..1. */
  score: number;
  /** Frames of the track whose landmarks were interpolated between detections. */
  interpolated: number;
  /** SHA-256 of the video file, hexadecimal, where it was given. */
  sourceSha256?: string;
  offset?: ClipOffset;
  quality?: ClipQuality;
  /** The video's own rate and upright size. */
  video?: { fps: number; width: number; height: number };
  /** Label of the person, by the layout of the data set. */
  person?: string;
  /** `[128]`: embedding of the face, to tell people apart; see `createFaceEmbedder`. */
  faceEmbedding?: Float32Array;
};

/** A clip's header: everything but its arrays. */
export type ClipInfo = Omit<
  Clip,
  'frames' | 'features' | 'logits' | 'audio' | 'landmarks' | 'poses' | 'faceEmbedding'
> & {
  featureSteps: number;
  logitSteps?: number;
};

/** Refuses a clip whose arrays do not fit each other or the store. */
export function assertClip(where: string, clip: Clip, recipe: StoreRecipe): void {
  const { frameCount, height, width } = clip;
  if (!(Number.isInteger(frameCount) && frameCount > 0))
    fail(RangeError, where, 'clip.frameCount', 'a whole number above 0', frameCount);
  const shape = storedShape(recipe.crop);
  if (height !== shape.height || width !== shape.width) {
    const wanted = `of ${shape.height} x ${shape.width} pixels, as in the store`;
    fail(TypeError, where, 'clip', wanted, `${height} x ${width}`);
  }
  const lengths: [string, ArrayLike<number>, number][] = [
    ['frames', clip.frames, frameCount * height * width * 3],
    ['landmarks', clip.landmarks, frameCount * 136],
    ['poses', clip.poses, frameCount * 4],
  ];
  for (const [name, data, length] of lengths) {
    if (data.length !== length) fail(TypeError, where, `clip.${name}`, `${length} values long`, data.length);
  }
  if (!(clip.audio instanceof Int16Array)) fail(TypeError, where, 'clip.audio', 'an Int16Array', typeof clip.audio);
  assertFeatures(where, clip.features);
  if (clip.features.bins !== recipe.bins)
    fail(TypeError, where, 'clip.features.bins', `${recipe.bins}, as in the store`, clip.features.bins);
  if (clip.logits) assertLogits(where, clip.logits, recipe);
}

/** Refuses features that are not `ASR_LOGITS`, and a frame rate that differs from theirs. */
export function assertLogits(where: string, logits: Features, recipe: Pick<StoreRecipe, 'fps'>): void {
  const { bins, stepsPerSecond } = AUDIO_FEATURES.ASR_LOGITS;
  assertFeatures(where, logits);
  if (logits.bins !== bins) fail(TypeError, where, 'logits.bins', bins.toString(), logits.bins);
  if (recipe.fps !== stepsPerSecond)
    fail(TypeError, where, 'recipe.fps', `${stepsPerSecond}, the rate of logits`, recipe.fps);
}

/**
 * How far the face is turned in each of a clip's frames.
 *
 * @returns float32 `[frameCount]`, radians clockwise; a new array.
 * @example
 * const angles = anglesOf(clip);
 */
export function anglesOf({ poses }: Pick<Clip, 'poses'>): Float32Array {
  return Float32Array.from({ length: poses.length / 4 }, (_, i) => poses[4 * i + 3]);
}

/** Refuses a network whose input cannot be made from a store's clips. Whether clips hold logits is known of each clip only: see `featuresFor`. */
export function assertStoreFits(where: string, store: StoreRecipe, recipe: SyncRecipe): void {
  if (store.fps !== recipe.fps) fail(TypeError, where, 'recipe.fps', `${store.fps}, as in the store`, recipe.fps);
  if (store.features !== recipe.features && recipe.features !== 'ASR_LOGITS')
    fail(TypeError, where, 'recipe.features', `${store.features}, as in the store`, recipe.features);
  // The mouth of a head frame is cut and turned when a window is: see `cutMouthWindow`.
  if (store.crop.kind === 'dinet head' && recipe.crop.kind === 'dinet') return;
  viewFraction(store.crop, recipe.crop);
}

/** Values a time step of the features that a recipe asks for. */
export function binsFor(store: StoreRecipe, { features }: Pick<SyncRecipe, 'features'>): number {
  return features === store.features ? store.bins : AUDIO_FEATURES[features].bins;
}
