import type { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { AutoencoderKL } from './autoencoder';
import { sampleLatents } from './latent-distribution';

export type FrameEncoderOptions = {
  /** Draws latents from their distribution, as LatentSync does. Default: their means, the same at every call. */
  random?: Random;
};

/**
 * An autoencoder as the `encoder` of a sync network that takes latents (`loadExpert(file, { encoder })`): frames in
 * -1..1 to latents times `scaling_factor`.
 *
 * Source: LatentSync draws latents of `sd-vae-ft-mse` and multiplies them by 0.18215. The means give the same score at
 * every call.
 *
 * @param net borrowed, as long as the encoder is used.
 * @example
 * const vae = await loadAutoencoder('diffusion_pytorch_model.safetensors');
 * const latents = frameEncoder(vae).encode(tf.zeros([16, 256, 256, 3])); // [16, 32, 32, 4]
 */
export function frameEncoder(
  net: AutoencoderKL,
  { random }: FrameEncoderOptions = {},
): { encode(frames: tf.Tensor4D): tf.Tensor4D } {
  return {
    encode: (frames) =>
      tf.tidy(() => {
        const distribution = net.encode(frames);
        const latents = random ? sampleLatents(distribution, random) : distribution.mean;
        return tf.mul(latents, net.config.scaling_factor);
      }),
  };
}
