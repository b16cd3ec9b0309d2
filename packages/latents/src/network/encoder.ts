import { Module, type Random } from '@lipsync/nn';
import type * as tf from '@tensorflow/tfjs-core';
import { activatedNorm, Downsample, inTurn, MiddleBlock, type Part, ResnetBlock, sameConv } from './blocks';
import type { AutoencoderConfig } from './config';

/**
 * Images to the means and log variances of their latents, before `quant_conv`: `conv_in`, `down_blocks` (`resnets`, then
 * `downsamplers.0` but in the last), `mid_block`, `conv_norm_out`, SiLU, `conv_out`.
 *
 * Source: diffusers, `Encoder` of `AutoencoderKL`.
 */
export class Encoder extends Module {
  readonly #parts: Part[] = [];

  constructor(config: AutoencoderConfig, random: Random) {
    super();
    const { in_channels, block_out_channels, layers_per_block, latent_channels, norm_num_groups: groups } = config;
    const add = (name: string, part: Module & Part) => this.#parts.push(this.register(name, part));
    let inChannels = block_out_channels[0];
    add('conv_in', sameConv(in_channels, inChannels, random));
    for (const [level, outChannels] of block_out_channels.entries()) {
      for (let layer = 0; layer < layers_per_block; layer++) {
        add(`down_blocks.${level}.resnets.${layer}`, new ResnetBlock({ inChannels, outChannels, groups, random }));
        inChannels = outChannels;
      }
      if (level < block_out_channels.length - 1)
        add(`down_blocks.${level}.downsamplers.0`, new Downsample(outChannels, random));
    }
    add('mid_block', new MiddleBlock(inChannels, groups, random));
    add('conv_norm_out', activatedNorm(inChannels, groups));
    add('conv_out', sameConv(inChannels, 2 * latent_channels, random));
  }

  /** `[batch, height, width, in_channels]` to `[batch, height', width', 2 latent_channels]`. The caller disposes it. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return inTurn(this.#parts, x);
  }
}
