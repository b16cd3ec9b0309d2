import { fail } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import type { ClipStore, DinetBatch, ImageProcessor } from '@lipsync/dataloader';
import type { DinetConfig } from '@lipsync/dinet';
import * as tf from '@tensorflow/tfjs-core';
import type { DinetTrainBatch } from './dinet-trainer';

/** Faces as a sync network sees their mouths: `[rows, size, size, frames * 3]`; the caller disposes it. */
export type ExpertMouths = (faces: tf.Tensor4D, angles: tf.Tensor1D) => MouthBatch;

/** Frames that the clip discriminator sees in a row. */
export const CLIP_FRAMES = 5;

/** Frames of audio around each frame that is painted: DINet's five. */
const AUDIO_FRAMES = 5;

/** What a `DINetLoader` must be told so that its batches fit a generator. */
export function sizesFor({ references, audio }: DinetConfig, frameCount: number) {
  return {
    frameCount,
    references,
    audioFrames: audio.kind === 'logits' ? audio.steps : AUDIO_FRAMES,
    audio: audio.kind,
  };
}

/** A loader's batch as a trainer takes it: `masked` is new, the rest the loader's. */
export function trainBatchOf(
  batch: DinetBatch,
  { images, row, expert }: { images: ImageProcessor; row: number; expert?: SyncExpert },
): DinetTrainBatch {
  const { frames: real, references, audio, angles } = batch;
  return {
    real,
    masked: images.masked(real),
    references,
    audio,
    angles,
    syncAudio: audioFor(batch, expert),
    frameCount: row,
  };
}

/** What an expert hears of a batch's rows: mel steps, or the logits that DINet's own network takes. */
export function audioFor({ syncAudio, syncLogits }: DinetBatch, expert?: SyncExpert): FeatureBatch {
  return expert?.recipe.features === 'ASR_LOGITS' ? (syncLogits as FeatureBatch) : syncAudio;
}

/**
 * How an expert looks at painted faces: the mouth box turned upright as its recipe says, in its size, colours and range.
 *
 * @throws TypeError where the expert's crop, rate or audio is not what the store's clips can give.
 */
export function expertMouths(
  expert: SyncExpert,
  { store, images, audio }: { store: ClipStore; images: ImageProcessor; audio: 'mel' | 'logits' },
): ExpertMouths {
  const { name, recipe } = expert;
  const { crop, fps, features, frameCount, featureSteps } = recipe;
  if (crop.kind !== 'dinet')
    fail(
      TypeError,
      'expertMouths',
      'expert',
      'one that looks at DINet’s mouth box (recipe.crop.kind dinet)',
      `${name}, ${crop.kind}`,
    );
  const { fps: stored, features: storedFeature, stepsPerSecond } = store.recipe;
  const logits = features === 'ASR_LOGITS';
  if (logits && audio !== 'logits')
    fail(TypeError, 'expertMouths', 'expert', 'one that hears mel, as the generator does', `${name}, ${features}`);
  if (fps !== stored || (!logits && features !== storedFeature)) {
    fail(
      TypeError,
      'expertMouths',
      'expert',
      `one for ${storedFeature} at ${stored} frames a second`,
      `${name}, ${features} at ${fps}`,
    );
  }
  if (frameCount % CLIP_FRAMES !== 0)
    fail(
      TypeError,
      'expertMouths',
      'expert',
      `one that looks at a multiple of ${CLIP_FRAMES} frames`,
      `${name}, ${frameCount}`,
    );
  const steps = logits ? frameCount + 4 : Math.ceil((frameCount * stepsPerSecond) / fps);
  if (featureSteps !== steps)
    fail(
      TypeError,
      'expertMouths',
      'expert',
      `one that hears ${steps} steps with its ${frameCount} frames`,
      `${name}, ${featureSteps} steps`,
    );
  return (faces, angles) =>
    tf.tidy(() => {
      const turned = crop.upright === 'none' ? tf.zerosLike(angles) : angles;
      return images.syncInput(images.mouths(faces, turned, crop.sampling), recipe);
    });
}
