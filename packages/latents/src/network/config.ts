import { fail } from '@lipsync/contracts';

/** Sizes of an autoencoder, under the names of diffusers' `config.json`, which can be given as it is. */
export type AutoencoderConfig = {
  /** Channels of the images. 3. */
  in_channels: number;
  out_channels: number;
  /** Channels of each level, the finest first; each level but the last halves the image. */
  block_out_channels: readonly number[];
  /** Residual blocks of a level of the encoder; the decoder has one more. */
  layers_per_block: number;
  latent_channels: number;
  /** Groups of every GroupNorm; divides all of `block_out_channels`. */
  norm_num_groups: number;
  /** Latents are multiplied by this before a network takes them, so that their variance is about 1. */
  scaling_factor: number;
};

/** The autoencoder of Stable Diffusion 1 and 2, `sd-vae-ft-mse` among them: 83,653,863 parameters; 8 pixels a latent. */
export const SD_VAE: AutoencoderConfig = Object.freeze({
  in_channels: 3,
  out_channels: 3,
  block_out_channels: Object.freeze([128, 256, 512, 512]),
  layers_per_block: 2,
  latent_channels: 4,
  norm_num_groups: 32,
  scaling_factor: 0.18215,
});

/** The same shape for two CPU cores: an eighth of the channels, one block a level; 8 pixels a latent. */
export const LITE_VAE: AutoencoderConfig = Object.freeze({
  ...SD_VAE,
  block_out_channels: Object.freeze([16, 32, 64, 64]),
  layers_per_block: 1,
  norm_num_groups: 8,
});

/**
 * Pixels on a side that become one latent.
 *
 * @example
 * console.log(pixelsPerLatent(SD_VAE)); // 8
 */
export function pixelsPerLatent({ block_out_channels }: AutoencoderConfig): number {
  return 2 ** (block_out_channels.length - 1);
}

/**
 * Refuses a configuration that is not complete, or of another kind of autoencoder. Returns it typed, without the fields
 * of diffusers' file that change nothing here.
 *
 * @throws TypeError for what is no object or asks for blocks that are not built, RangeError for sizes.
 * @example
 * const config = assertAutoencoderConfig('open', JSON.parse('{"block_out_channels": [16, 32]}')); // throws: incomplete
 */
export function assertAutoencoderConfig(where: string, value: unknown): AutoencoderConfig {
  if (typeof value !== 'object' || value === null) return fail(TypeError, where, 'config', 'an object', value);
  const { scaling_factor = SD_VAE.scaling_factor, ...given } = value as Partial<AutoencoderConfig> & BlockTypes;
  const config = { ...given, scaling_factor } as AutoencoderConfig;
  assertBlockTypes(where, given);
  if (!Array.isArray(config.block_out_channels) || config.block_out_channels.length === 0)
    fail(TypeError, where, 'config.block_out_channels', 'a list of numbers', config.block_out_channels);
  const { in_channels, out_channels, block_out_channels, layers_per_block, latent_channels, norm_num_groups } = config;
  const sizes = { in_channels, out_channels, layers_per_block, latent_channels, norm_num_groups };
  for (const [name, size] of Object.entries(sizes)) {
    if (!(Number.isInteger(size) && size > 0))
      fail(RangeError, where, `config.${name}`, 'a whole number above 0', size);
  }
  for (const channels of block_out_channels) {
    if (!(Number.isInteger(channels) && channels > 0 && channels % norm_num_groups === 0)) {
      const rule = `multiples of norm_num_groups (${norm_num_groups})`;
      fail(RangeError, where, 'config.block_out_channels', rule, block_out_channels);
    }
  }
  if (!(scaling_factor > 0 && Number.isFinite(scaling_factor)))
    fail(RangeError, where, 'config.scaling_factor', 'above 0', scaling_factor);
  return { ...sizes, block_out_channels, scaling_factor };
}

/** Fields of diffusers' file that name the kind of blocks. */
type BlockTypes = { act_fn?: unknown; down_block_types?: unknown; up_block_types?: unknown };

function assertBlockTypes(where: string, { act_fn = 'silu', down_block_types = [], up_block_types = [] }: BlockTypes) {
  if (act_fn !== 'silu') fail(TypeError, where, 'config.act_fn', 'silu', act_fn);
  const types = { down_block_types: 'DownEncoderBlock2D', up_block_types: 'UpDecoderBlock2D' };
  for (const [name, list] of Object.entries({ down_block_types, up_block_types })) {
    const only = types[name as keyof typeof types];
    if (!Array.isArray(list) || list.some((type) => type !== only))
      fail(TypeError, where, `config.${name}`, `${only} only`, list);
  }
}
