import { fail, type MelBatch, type MouthBatch, type SyncExpert } from '@lipsync/contracts';
import type { ClipStore, DinetBatch, ImageProcessor } from '@lipsync/dataloader';
import type { DinetConfig } from '@lipsync/dinet';
import type { DinetTrainBatch } from './dinet-trainer';
import * as tf from '@tensorflow/tfjs-core';

/** Faces as a sync network sees their mouths: `[rows, size, size, frames * 3]`; the caller disposes it. */
export type ExpertMouths = (faces: tf.Tensor4D, angles: tf.Tensor1D) => MouthBatch;

/** Pictures that the clip discriminator sees in a row. */
export const CLIP_PICTURES = 5;

/** Pictures of sound around each picture that is painted: DINet's five. */
const AUDIO_PICTURES = 5;

/** What a `DINetLoader` must be told so that its batches fit a generator. */
export function sizesFor({ references, audio }: DinetConfig, frames: number) {
  return { frames, references, audioFrames: audio.kind === 'logits' ? audio.steps : AUDIO_PICTURES, audio: audio.kind };
}

/** A loader's batch as a trainer takes it: `masked` is new, the rest the loader's. */
export function trainBatchOf(batch: DinetBatch, { images, row, expert }: { images: ImageProcessor; row: number; expert?: SyncExpert }): DinetTrainBatch {
  const { frames: real, references, audio, angles } = batch;
  return { real, masked: images.masked(real), references, audio, angles, syncAudio: soundFor(batch, expert), frames: row };
}

/** What an expert hears of a batch's rows: mel steps, or the logits that DINet's own network takes. */
export function soundFor({ syncAudio, syncLogits }: DinetBatch, expert?: SyncExpert): MelBatch {
  return expert?.recipe.mel === 'ASR_LOGITS' ? (syncLogits as MelBatch) : syncAudio;
}

/**
 * How an expert looks at painted faces: the mouth box turned upright as its recipe says, in its size, colours and range.
 *
 * @throws TypeError where the expert's crop, rate or sound is not what the store's clips can give.
 */
export function expertMouths(expert: SyncExpert, { store, images, audio }: { store: ClipStore; images: ImageProcessor; audio: 'mel' | 'logits' }): ExpertMouths {
  const { name, recipe } = expert;
  const { crop, fps, mel, frames, melSteps } = recipe;
  if (crop.kind !== 'dinet') fail(TypeError, 'expertMouths', 'expert', 'one that looks at DINet’s mouth box (recipe.crop.kind dinet)', `${name}, ${crop.kind}`);
  const { fps: stored, mel: storedMel, stepsPerSecond } = store.recipe;
  const logits = mel === 'ASR_LOGITS';
  if (logits && audio !== 'logits') fail(TypeError, 'expertMouths', 'expert', 'one that hears mel, as the generator does', `${name}, ${mel}`);
  if (fps !== stored || (!logits && mel !== storedMel)) {
    fail(TypeError, 'expertMouths', 'expert', `one for ${storedMel} at ${stored} pictures a second`, `${name}, ${mel} at ${fps}`);
  }
  if (frames % CLIP_PICTURES !== 0) fail(TypeError, 'expertMouths', 'expert', `one that looks at a multiple of ${CLIP_PICTURES} pictures`, `${name}, ${frames}`);
  const steps = logits ? frames + 4 : Math.ceil((frames * stepsPerSecond) / fps);
  if (melSteps !== steps) fail(TypeError, 'expertMouths', 'expert', `one that hears ${steps} steps with its ${frames} pictures`, `${name}, ${melSteps} steps`);
  return (faces, angles) =>
    tf.tidy(() => {
      const turned = crop.upright === 'none' ? tf.zerosLike(angles) : angles;
      return images.syncInput(images.mouths(faces, turned, crop.sampling), recipe);
    });
}
