import { fail, melSteps } from '@lipsync/contracts';
import { type AVAlignNetConfig, type DownsampleFactor, tower } from './config';

const AUDIO_CHANNELS = [32, 64, 128, 256, 512, 1024, 2048];
const AUDIO_16_FACTORS: DownsampleFactor[] = [[2, 1], 2, 2, 1, 2, 2, [2, 3]];
const VISUAL_16_CHANNELS = [64, 128, 256, 256, 512, 1024, 2048, 2048];
const LOWER_HALF_FACTORS: DownsampleFactor[] = [[1, 2], 2, 2, 2, 2, 2, 2, 2];
/** The lower half of a 256 x 256 face. */
const LOWER_HALF = { height: 128, width: 256 };

/** The four published StableSyncNet configurations, by the names of their files. */
export const STABLE_SYNCNET = {
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

/** Factor of the last audio block, by the number of frames: what brings 16, 32 and 48 mel steps to one. */
const LAST_AUDIO_FACTOR: Readonly<Record<number, DownsampleFactor>> = { 5: [2, 1], 10: 2, 15: [2, 3] };

export type ThesisOptions = {
  /** Frames in a window. */
  frameCount: 5 | 10 | 15;
  /** Side of the square mouth crop, pixels. */
  size: 64 | 128;
  /**
   * Attention after audio blocks 3 and 4 and visual blocks 4 and 5 (counted from 0), the blocks of the published file.
   * Default false.
   */
  attention?: boolean;
  /** Cap on all widths; the thesis compares 512, 1024 and 2048. Default 2048. */
  maxChannels?: number;
};

/**
 * The thesis's network: square mouth crops, seven blocks per tower.
 *
 * The thesis prints neither factors nor intermediate widths nor the blocks with attention. Ours: the published audio
 * tower's widths and `[64, 128, 256, 256, 512, 1024, 2048]`; the factors of the 16-frame file, adapted to end at 1x1
 * (64 pixels allow only six halvings, so visual block 3 keeps its size); attention after the blocks of the published
 * file. Reasons: `docs/decisions`.
 *
 * @throws RangeError for other frame counts or sizes.
 * @example
 * const config = thesis({ frameCount: 5, size: 128 }); // 2048-d, 258,486,944 parameters
 */
export function thesis(options: ThesisOptions): AVAlignNetConfig {
  const { frameCount, size, attention = false, maxChannels = 2048 } = options;
  if (!(frameCount in LAST_AUDIO_FACTOR)) fail(RangeError, 'thesis', 'frameCount', '5, 10 or 15', frameCount);
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
      [[2, 1], 2, 2, 1, 2, 2, LAST_AUDIO_FACTOR[frameCount]],
      attention ? [0, 0, 0, 1, 1, 0, 0] : undefined,
    ),
    input: { frameCount, height: size, width: size, featureSteps: melSteps(frameCount) },
  };
}

/**
 * Whether a configuration is one of `thesis()`: its input size and down-sampling are the thesis's, at any width, with
 * or without attention.
 */
export function isThesis({ visual_encoder, audio_encoder, input }: AVAlignNetConfig): boolean {
  const { frameCount, height, width, featureSteps } = input;
  if (height !== width || !(frameCount in LAST_AUDIO_FACTOR) || (height !== 64 && height !== 128)) return false;
  const wanted = thesis({ frameCount: frameCount as 5, size: height });
  const factors = (...towers: { downsample_factors: readonly DownsampleFactor[] }[]) =>
    JSON.stringify(towers.map(({ downsample_factors }) => downsample_factors));
  return (
    featureSteps === wanted.input.featureSteps &&
    factors(visual_encoder, audio_encoder) === factors(wanted.visual_encoder, wanted.audio_encoder)
  );
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
 * A small network for CPUs and browsers: 256-d, about 4 M parameters, 0.38 GFLOP forward per sample at 10 frames of 48
 * x 48.
 *
 * Visual widths `[32, 64, 128, 256]` with factors `[4, 2, 2, r]`, audio widths `[32, 32, 64, 128, 256]` with
 * `[2, 2, 2, 2, [5, t]]`; `r` and `t` bring the last map to 1x1. From 78 pixels on a fifth visual block (256, factor 2)
 * stands before the last one, from 158 on a sixth, and so on.
 *
 * Ours. A PyTorch network of this shape reached a validation AUC of 0.87 for single windows on 2 hours of small clips.
 *
 * @throws RangeError if `frameCount` or `size` is not a whole number of at least 5 and 32.
 * @example
 * const config = lite({ frameCount: 5, size: 64 });
 */
export function lite(options: LiteOptions = {}): AVAlignNetConfig {
  const { frameCount = 10, size = 48, attention = false } = options;
  if (!(Number.isInteger(frameCount) && frameCount >= 5)) {
    fail(RangeError, 'lite', 'frameCount', 'a whole number of at least 5', frameCount);
  }
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
    attention ? Array.from({ length: blocks }, (_, block) => (block === blocks - 2 ? 1 : 0)) : undefined;
  return {
    visual_encoder: tower(3 * frameCount, [...widths, 256], [...factors, rest], attend(widths.length + 1)),
    audio_encoder: tower(1, [32, 32, 64, 128, 256], [2, 2, 2, 2, [5, Math.floor(steps / 16)]], attend(5)),
    input: { frameCount, height: size, width: size, featureSteps: steps },
  };
}

/** `lite()`: 10 frames of 48 x 48, 256-d, 4,056,640 parameters. */
export const LITE: AVAlignNetConfig = lite();

/**
 * All named configurations: the published four, the thesis's six (`thesis_<frames>_<size>`), the same with attention
 * (`…_attn`), and `lite`.
 *
 * @example
 * const net = new AVAlignNet(CONFIGURATIONS.thesis_5_128_attn, { seed: 1 });
 */
export const CONFIGURATIONS = {
  ...STABLE_SYNCNET,
  thesis_5_64: thesis({ frameCount: 5, size: 64 }),
  thesis_5_128: thesis({ frameCount: 5, size: 128 }),
  thesis_10_64: thesis({ frameCount: 10, size: 64 }),
  thesis_10_128: thesis({ frameCount: 10, size: 128 }),
  thesis_15_64: thesis({ frameCount: 15, size: 64 }),
  thesis_15_128: thesis({ frameCount: 15, size: 128 }),
  thesis_5_64_attn: thesis({ frameCount: 5, size: 64, attention: true }),
  thesis_5_128_attn: thesis({ frameCount: 5, size: 128, attention: true }),
  thesis_10_64_attn: thesis({ frameCount: 10, size: 64, attention: true }),
  thesis_10_128_attn: thesis({ frameCount: 10, size: 128, attention: true }),
  thesis_15_64_attn: thesis({ frameCount: 15, size: 64, attention: true }),
  thesis_15_128_attn: thesis({ frameCount: 15, size: 128, attention: true }),
  lite: LITE,
} satisfies Record<string, AVAlignNetConfig>;
