import { fail, type GeneratorRecipe } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import type { ClipStore, DinetBatch, ImageProcessor } from '@lipsync/dataloader';
import * as tf from '@tensorflow/tfjs-core';
import type { GeneratorTrainBatch } from './train-batch';

/**
 * Faces `[rows * frameCount, height, width, 3]` to a sync network's input `[rows, size, size, frameCount * 3]`; the
 * caller disposes it.
 */
export type ExpertMouths = (faces: tf.Tensor4D, angles: tf.Tensor1D) => MouthBatch;

/** Frames in a window of the clip discriminator. */
export const CLIP_FRAMES = 5;

/** Frames of audio around each generated frame: DINet's five. */
const AUDIO_FRAMES = 5;

/** Options of `DinetLoader` so that its batches fit a generator. */
export function sizesFor({ references, audio }: Pick<GeneratorRecipe, 'references' | 'audio'>, frameCount: number) {
  return {
    frameCount,
    referenceCount: references,
    audioFrames: audio.kind === 'logits' ? audio.steps : AUDIO_FRAMES,
    features: audio.kind,
    firstFrame: audio.firstFrame,
  };
}

/** A loader's batch in the form that a trainer takes: `masked` is new and the caller's, the rest is the loader's. */
export function trainBatchOf(
  batch: DinetBatch,
  { images, row, expert }: { images: ImageProcessor; row: number; expert?: SyncExpert },
): GeneratorTrainBatch {
  const { frames: real, references, features: audio, angles } = batch;
  const syncAudio = featuresForExpert(batch, expert);
  return { real, masked: images.masked(real), references, audio, angles, syncAudio, frameCount: row };
}

/**
 * The features of a batch's rows that an expert takes, `[rows, bins, steps, 1]`: mel, or the logits of DINet's own
 * network.
 */
export function featuresForExpert({ syncFeatures, syncLogits }: DinetBatch, expert?: SyncExpert): FeatureBatch {
  return expert?.recipe.features === 'ASR_LOGITS' ? (syncLogits as FeatureBatch) : syncFeatures;
}

/**
 * How generated faces become an expert's input, in its size, colours and range: of head crops the mouth box, turned
 * upright as its recipe says; of face boxes the box, or its lower half.
 *
 * @throws TypeError where the expert's crop, frame rate or features cannot be made from the store's clips.
 */
export function expertMouths(
  expert: SyncExpert,
  { store, images, audio }: { store: ClipStore; images: ImageProcessor; audio: 'mel' | 'logits' },
): ExpertMouths {
  const { recipe } = expert;
  const { crop } = recipe;
  assertExpertFits(expert, store, audio);
  if (crop.kind === 'face box' && images.crop.kind === 'face box') return (faces) => images.faceInput(faces, recipe);
  if (crop.kind !== 'dinet' || images.crop.kind !== 'dinet head')
    return fail(
      TypeError,
      'expertMouths',
      'expert',
      'one of DINet’s mouth box (crop dinet) in clips of head crops, or of the face box in clips of those',
      `${expert.name}, ${crop.kind} in ${images.crop.kind}`,
    );
  return (faces, angles) =>
    tf.tidy(() => {
      const turned = crop.upright === 'none' ? tf.zerosLike(angles) : angles;
      return images.syncInput(images.mouths(faces, turned, crop.sampling), recipe);
    });
}

function assertExpertFits({ name, recipe }: SyncExpert, store: ClipStore, audio: 'mel' | 'logits'): void {
  const [where, argument] = ['expertMouths', 'expert'];
  const { fps, features, frameCount, featureSteps } = recipe;
  const { fps: stored, features: storedFeatures, stepsPerSecond } = store.recipe;
  const logits = features === 'ASR_LOGITS';
  if (logits && audio !== 'logits')
    fail(TypeError, where, argument, 'one that takes mel, as the generator does', `${name}, ${features}`);
  if (fps !== stored || (!logits && features !== storedFeatures)) {
    const rule = `one for ${storedFeatures} at ${stored} frames a second`;
    fail(TypeError, where, argument, rule, `${name}, ${features} at ${fps}`);
  }
  if (frameCount % CLIP_FRAMES !== 0)
    fail(TypeError, where, argument, `one that takes a multiple of ${CLIP_FRAMES} frames`, `${name}, ${frameCount}`);
  const steps = logits ? frameCount + 4 : Math.ceil((frameCount * stepsPerSecond) / fps);
  if (featureSteps !== steps) {
    const rule = `one that takes ${steps} steps with its ${frameCount} frames`;
    fail(TypeError, where, argument, rule, `${name}, ${featureSteps} steps`);
  }
}
