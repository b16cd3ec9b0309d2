import { Module, type Random } from '@lipsync/nn';
import type * as tf from '@tensorflow/tfjs-core';
import { activatedNorm, inTurn, MiddleBlock, type Part, ResnetBlock, sameConv, Upsample } from './blocks';
import type { AutoencoderConfig } from './config';

/**
 * Latents, after `post_quant_conv`, to images: `conv_in`, `mid_block`, `up_blocks` (the coarsest first; `resnets`, then
 * `upsamplers.0` but in the last), `conv_norm_out`, SiLU, `conv_out`.
 *
 * Source: diffusers, `Decoder` of `AutoencoderKL`.
 */
export class Decoder extends Module {
  readonly #parts: Part[] = [];

  constructor(config: AutoencoderConfig, random: Random) {
    super();
    const { out_channels, block_out_channels, layers_per_block, latent_channels, norm_num_groups: groups } = config;
    const add = (name: string, part: Module & Part) => this.#parts.push(this.register(name, part));
    const coarsestFirst = [...block_out_channels].reverse();
    let inChannels = coarsestFirst[0];
    add('conv_in', sameConv(latent_channels, inChannels, random));
    add('mid_block', new MiddleBlock(inChannels, groups, random));
    for (const [level, outChannels] of coarsestFirst.entries()) {
      for (let layer = 0; layer <= layers_per_block; layer++) {
        add(`up_blocks.${level}.resnets.${layer}`, new ResnetBlock({ inChannels, outChannels, groups, random }));
        inChannels = outChannels;
      }
      if (level < coarsestFirst.length - 1) add(`up_blocks.${level}.upsamplers.0`, new Upsample(outChannels, random));
    }
    add('conv_norm_out', activatedNorm(inChannels, groups));
    add('conv_out', sameConv(inChannels, out_channels, random));
  }

  /** `[batch, height', width', latent_channels]` to `[batch, height, width, out_channels]`. The caller disposes it. */
  forward(z: tf.Tensor4D): tf.Tensor4D {
    return inTurn(this.#parts, z);
  }
}
