/** Stride of a block's closing convolution: one number for both axes, or `[height, width]`; `1` has no convolution. */
export type DownsampleFactor = number | readonly number[];

/** One tower, under the keys of the published YAML files. The lists have equal length, one entry per residual block. */
export type TowerConfig = {
  /** Visual: 3 colours (or 4 latent channels) times frames, frame-major. Audio: 1. */
  in_channels: number;
  /** Channels of each block; multiples of 32, the last at least 256 (that is the embedding's size). */
  block_out_channels: readonly number[];
  /** Height counts first: mel bins for the audio tower, frame rows for the visual one. */
  downsample_factors: readonly DownsampleFactor[];
  /** 1: self-attention after this block. Default all 0. */
  attn_blocks?: readonly number[];
  /** Probability of a zero in training mode. Default 0. */
  dropout?: number;
};

/** Size of what the two towers take. */
export type InputSize = {
  /** Frames in a window. */
  frameCount: number;
  /** Pixels (of a latent network: of the latents). */
  height: number;
  /** Pixels (of a latent network: of the latents). */
  width: number;
  /** Time steps of the features in a window. */
  featureSteps: number;
  /** Values per time step. Default 80. */
  melBins?: number;
};

/** A network: the two published sections, and the input size that they were written for. */
export type AVAlignNetConfig = { visual_encoder: TowerConfig; audio_encoder: TowerConfig; input: InputSize };

/** Mel bins where a configuration does not say otherwise. */
export const MEL_BINS = 80;

/** Channels of one frame in the visual tower's input: 3 for pixels, 4 for the latents of LatentSync's VAE. */
export function channelsPerFrame({ visual_encoder, input }: AVAlignNetConfig): number {
  return visual_encoder.in_channels / input.frameCount;
}

/** A tower without dropout. */
export function tower(
  in_channels: number,
  block_out_channels: readonly number[],
  downsample_factors: readonly DownsampleFactor[],
  attn_blocks: readonly number[] = block_out_channels.map(() => 0),
): TowerConfig {
  return { in_channels, block_out_channels, downsample_factors, attn_blocks, dropout: 0 };
}

/** A section with its optional keys written out, as other readers expect them. */
export function completeTower(config: TowerConfig): Required<TowerConfig> {
  const { in_channels, block_out_channels, downsample_factors, attn_blocks, dropout = 0 } = config;
  return {
    in_channels,
    block_out_channels,
    downsample_factors,
    attn_blocks: attn_blocks ?? block_out_channels.map(() => 0),
    dropout,
  };
}
