import { fail } from '@lipsync/contracts';
import { Conv2d, Network, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { type AutoencoderConfig, assertAutoencoderConfig, pixelsPerLatent } from './config';
import { Decoder } from './decoder';
import { Encoder } from './encoder';
import type { LatentDistribution } from './latent-distribution';

/** Log variances are kept within these, as in the source. */
const LOG_VARIANCE = [-30, 20] as const;

/**
 * The image autoencoder of latent diffusion: images to a Gaussian over latents of an eighth of their size (with
 * `SD_VAE`), and latents to images.
 *
 * Source: diffusers, `AutoencoderKL`, parameter names and shapes alike: 83,653,863 parameters with `SD_VAE`. Largest
 * difference of latents and of images from PyTorch in float64 with the same weights 6e-7 of the largest value, of gradients
 * 5e-6.
 *
 * A new network is in training mode, which changes nothing here: it has neither dropout nor batch statistics. The caller
 * calls `dispose()` when done.
 *
 * @throws RangeError or TypeError for a config that is not complete.
 * @example
 * const net = new AutoencoderKL(LITE_VAE, { seed: 0 });
 * const { mean, logVariance } = net.encode(tf.zeros([1, 64, 64, 3])); // [1, 8, 8, 4] each
 * const images = net.decode(mean); // [1, 64, 64, 3]
 * tf.dispose([mean, logVariance, images]);
 * net.dispose();
 */
export class AutoencoderKL extends Network {
  readonly config: AutoencoderConfig;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly #quantConv: Conv2d;
  readonly #postQuantConv: Conv2d;

  constructor(config: AutoencoderConfig, { seed }: { seed: number }) {
    super();
    this.config = assertAutoencoderConfig('AutoencoderKL', config);
    const { latent_channels } = this.config;
    const pointwise = (channels: number, stream: number) =>
      new Conv2d({ inChannels: channels, outChannels: channels, kernelSize: 1, random: new Random(seed, stream) });
    this.#encoder = this.register('encoder', new Encoder(this.config, new Random(seed, 0)));
    this.#decoder = this.register('decoder', new Decoder(this.config, new Random(seed, 1)));
    this.#quantConv = this.register('quant_conv', pointwise(2 * latent_channels, 2));
    this.#postQuantConv = this.register('post_quant_conv', pointwise(latent_channels, 3));
  }

  /**
   * @param images float32 `[n, height, width, in_channels]`, RGB in -1..1; sides are multiples of `pixelsPerLatent`.
   * @returns the distribution of each latent, float32 `[n, height', width', latent_channels]`, not yet multiplied by
   *   `scaling_factor`. The caller disposes both tensors.
   * @throws TypeError for another shape.
   */
  encode(images: tf.Tensor4D): LatentDistribution {
    this.assertUsable('encode');
    const side = pixelsPerLatent(this.config);
    const [, height, width, channels] = images.shape;
    const fits = images.rank === 4 && channels === this.config.in_channels && height % side === 0 && width % side === 0;
    if (!fits || height === 0 || width === 0) {
      const rule = `of shape [n, height, width, ${this.config.in_channels}], sides multiples of ${side}`;
      fail(TypeError, 'AutoencoderKL.encode', 'images', rule, images.shape);
    }
    const [mean, logVariance] = tf.tidy(() => {
      const moments = this.#quantConv.forward(this.#encoder.forward(images));
      const [first, second] = tf.split<tf.Tensor4D>(moments, 2, 3);
      return [first, tf.clipByValue(second, ...LOG_VARIANCE)];
    });
    return { mean, logVariance };
  }

  /**
   * @param latents float32 `[n, height', width', latent_channels]` as `encode` gives them, not multiplied by
   *   `scaling_factor`; borrowed.
   * @returns float32 `[n, height, width, out_channels]`, about -1..1, not clipped. The caller disposes it.
   * @throws TypeError for another shape.
   */
  decode(latents: tf.Tensor4D): tf.Tensor4D {
    this.assertUsable('decode');
    const { latent_channels } = this.config;
    if (latents.rank !== 4 || latents.shape[3] !== latent_channels) {
      const rule = `of shape [n, height, width, ${latent_channels}]`;
      fail(TypeError, 'AutoencoderKL.decode', 'latents', rule, latents.shape);
    }
    return tf.tidy(() => this.#decoder.forward(this.#postQuantConv.forward(latents)));
  }
}
