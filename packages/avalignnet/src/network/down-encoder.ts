import type { Random } from '@lipsync/nn';
import { Conv2d, GroupNorm, l2Normalize, Module, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { AttentionBlock } from './attention-block';
import type { TowerConfig } from './config';
import { NORM_EPSILON, ResnetBlock } from './resnet-block';
import { GROUPS } from './tower-sizes';

/**
 * One tower: `conv_in`, then `down_blocks` (residual blocks, each followed by an attention block where `attn_blocks` is
 * 1; the indices in the names count both), then `norm_out`, ReLU and division by the length.
 *
 * Source: DownEncoder2D of StableSyncNet. The ReLU makes every entry at least 0, so cosines lie in 0..1.
 */
export class DownEncoder extends Module {
  readonly #convIn: Conv2d;
  readonly #blocks: (ResnetBlock | AttentionBlock)[] = [];
  readonly #normOut: GroupNorm;

  /** @param config one that `assertConfig` accepts. */
  constructor(config: TowerConfig, random: Random) {
    super();
    const { in_channels, block_out_channels, downsample_factors, attn_blocks, dropout = 0 } = config;
    let inChannels = block_out_channels[0];
    this.#convIn = this.register(
      'conv_in',
      new Conv2d({ inChannels: in_channels, outChannels: inChannels, kernelSize: 3, padding: 1, random }),
    );
    block_out_channels.forEach((outChannels, block) => {
      this.#append(new ResnetBlock({ inChannels, outChannels, factor: downsample_factors[block], dropout, random }));
      if (attn_blocks?.[block]) this.#append(new AttentionBlock({ channels: outChannels, dropout, random }));
      inChannels = outChannels;
    });
    this.#normOut = this.register(
      'norm_out',
      new GroupNorm({ groups: GROUPS, channels: inChannels, epsilon: NORM_EPSILON }),
    );
  }

  #append(block: ResnetBlock | AttentionBlock): void {
    this.#blocks.push(this.register(`down_blocks.${this.#blocks.length}`, block));
  }

  /**
   * @param x float32 `[batch, height, width, in_channels]`, borrowed.
   * @returns float32 `[batch, channels of the last block]`, rows of length 1 (0 where all entries are 0). The caller
   *   disposes it.
   */
  forward(x: tf.Tensor4D): tf.Tensor2D {
    return tf.tidy(() => {
      let h: tf.Tensor4D = this.#convIn.forward(x);
      for (const block of this.#blocks) {
        const next = block.forward(h);
        h.dispose(); // a gradient tape keeps its own reference; without one the memory is free for the next block
        h = next;
      }
      const [batch, , , channels] = h.shape;
      return l2Normalize(relu(tf.reshape<tf.Rank.R2>(this.#normOut.forward(h), [batch, channels])));
    });
  }
}
