import type { AVAlignNetConfig } from '@lipsync/avalignnet';
import { Random } from '@lipsync/nn';
import type { PlainBatch, TrainerSetup } from '../step/expert-trainer';

const SIDE = 8;

/** As few blocks, as narrow as GroupNorm allows. */
const SMALL: AVAlignNetConfig = {
  visual_encoder: { in_channels: 15, block_out_channels: [32, 256], downsample_factors: [4, 2] },
  audio_encoder: { in_channels: 1, block_out_channels: [32, 32, 256], downsample_factors: [[5, 2], [4, 2], 4] },
  input: { frameCount: 5, height: SIDE, width: SIDE, featureSteps: 16 },
};

/** A run of a small network by the contrast preset. */
export const SMALL_RUN: TrainerSetup = { choice: { config: SMALL }, preset: 'contrast', seed: 3, learningRate: 1e-3 };

/** Rows of noise as plain arrays, two windows a clip. */
export function plainContrastBatch(rows = 8, seed = 1): PlainBatch {
  const random = new Random(seed);
  const noise = (shape: [number, number, number, number]) => {
    const length = shape.reduce((product, side) => product * side, 1);
    return { data: Float32Array.from({ length }, () => random.normal()), shape };
  };
  return {
    frames: noise([rows, SIDE, SIDE, 15]),
    features: noise([rows, 80, 16, 1]),
    clips: Array.from({ length: rows }, (_, row) => row >> 1),
  };
}
