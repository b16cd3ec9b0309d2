import type { SyncRecipe } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { AVAlignNetConfig } from '../network/config';
import { noise } from './hashed-numbers';

/** A small network: both towers end in 256 channels, the other blocks are as narrow as GroupNorm allows. */
export const SMALL: AVAlignNetConfig = {
  visual_encoder: { in_channels: 15, block_out_channels: [32, 32, 256], downsample_factors: [4, 4, 2] },
  audio_encoder: { in_channels: 1, block_out_channels: [32, 32, 256], downsample_factors: [4, 4, [5, 1]] },
  input: { frameCount: 5, height: 32, width: 32, featureSteps: 16 },
};

/** A recipe that fits `SMALL`. */
export const RECIPE: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'dinet', size: 32, upright: 'median of five', sampling: 'exact' },
  color: 'RGB',
  range: [-1, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

/** Values from -scale to scale, by `noise`. */
export function random(seed: number, shape: [number, number, number, number], scale = 1): tf.Tensor4D {
  const count = shape.reduce((product, side) => product * side, 1);
  return tf.tensor4d(
    Float32Array.from(noise(seed, count), (value) => value * scale),
    shape,
  );
}
