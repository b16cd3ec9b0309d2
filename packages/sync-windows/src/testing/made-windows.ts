import type { Features, SimilarityCrop, SyncRecipe } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import type { AugmentationDraw } from '../augment/augmentation-draw';

/** Generated frames, features and augmentations for tests: frame f is all (mark, f, 0), feature step t is all t. */

export function similarity(side: number, size: number): SimilarityCrop {
  return {
    kind: 'similarity',
    centre: 'mean 48-67',
    upright: 'eye centres',
    side,
    size,
    window: 'clip median',
  };
}

export const BINS = 4;

/** Frames are stored in 6x6 pixels. */
export const STORED_SIZE = 6;
export const storedCrop: SimilarityCrop = similarity(1.9, STORED_SIZE);

/** Five frames of 3x3 and 16 feature steps. */
export const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: similarity(1.18, 3),
  color: 'RGB',
  range: [0, 255],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

/** `[count, 6, 6, 3]`. */
export function madeFrames(count: number, mark = 0): Uint8Array {
  const frames = new Uint8Array(count * STORED_SIZE * STORED_SIZE * 3);
  for (let pixel = 0; pixel < frames.length / 3; pixel++) {
    frames[3 * pixel] = mark;
    frames[3 * pixel + 1] = Math.floor(pixel / (STORED_SIZE * STORED_SIZE));
  }
  return frames;
}

export function madeFeatures(steps: number): Features {
  return { data: Float32Array.from({ length: steps * BINS }, (_, i) => Math.floor(i / BINS)), steps, bins: BINS };
}

/** An augmentation that changes nothing. */
export const plainDraw: AugmentationDraw = {
  view: { scale: 1, aspect: 1, angle: 0, mirrored: false, across: 0, down: 0 },
  colour: { contrast: 1, brightness: 0, gains: [1, 1, 1], gray: false, noise: 0 },
  audio: { gain: 0, tilt: 0, scale: 1, shift: 0, noise: 0, jitterSteps: 0 },
  noiseStarts: [0, 0, 0],
};

/** An augmentation that changes everything, another for each seed. */
export function variedDraw(seed: number): AugmentationDraw {
  const random = new Random(seed);
  const within = (reach: number) => random.uniform(-reach, reach);
  return {
    view: {
      scale: 1 + within(0.2),
      aspect: 1 + within(0.1),
      angle: within(0.3),
      mirrored: random.uniform() < 0.5,
      across: within(0.2),
      down: within(0.2),
    },
    colour: {
      contrast: 1 + within(0.5),
      brightness: within(0.5),
      gains: [1 + within(0.2), 1 + within(0.2), 1 + within(0.2)],
      gray: random.uniform() < 0.3,
      noise: 0.05,
    },
    audio: { gain: within(1), tilt: within(1), scale: 1 + within(0.1), shift: within(0.1), noise: 0.1, jitterSteps: 0 },
    noiseStarts: [random.integer(65536), random.integer(65536), random.integer(65536)],
  };
}
