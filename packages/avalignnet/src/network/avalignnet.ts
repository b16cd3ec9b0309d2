import type { SyncRecipe } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import { Conv2d, type Module, Random, TwoTowerExpert, type WindowShapes } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { pairCosine } from '../losses/binary-cross-entropy';
import { type AVAlignNetConfig, channelsPerFrame, MEL_BINS } from './config';
import { DownEncoder } from './down-encoder';
import { framesInARow, framesOnChannels } from './frames-on-channels';
import { countParameters } from './parameter-shapes';
import { assertRecipeFits } from './recipe-of';
import { assertConfig } from './tower-sizes';

/**
 * Turns frames into what the visual tower takes. For `syncnet_16_latent`: LatentSync's VAE (sd-vae-ft-mse), whose
 * latents are multiplied by 0.18215.
 */
export interface FrameEncoder {
  /**
   * @param frames float32 `[n, height, width, 3]` in the recipe's colour order and range, borrowed.
   * @returns float32 `[n, height', width', channels]`, such as `[n, 32, 32, 4]` of 256 x 256 pixels; the caller
   *   disposes it.
   */
  encode(frames: tf.Tensor4D): tf.Tensor4D;
}

export type AVAlignNetOptions = {
  /** Seed of the first weights, an integer. */
  seed: number;
  /**
   * How its input is prepared: needed wherever it serves as a `SyncExpert`. Must fit the configuration's input size;
   * see `recipeOf`.
   */
  recipe?: SyncRecipe;
  /**
   * Turns the recipe's frames into the visual tower's input: needed by networks of latents that have a recipe.
   * Borrowed. Default none.
   */
  encoder?: FrameEncoder;
};

/** Parameters above which a network's weights do not fit twice into the 4 GiB of wasm: 1 GiB of float32. */
const LARGE = 2 ** 28;

/** Makes all convolutions below a module free their packed kernels after each call. */
function freePackedKernels(module: Module): void {
  if (module instanceof Conv2d) module.freesPackedKernel = true;
  for (const child of module.children().values()) freePackedKernels(child);
}

/**
 * A sync expert of two towers that embed a window of mouth frames and a window of audio in one space; the cosine of the
 * two embeddings is high where they are in sync.
 *
 * Takes any configuration whose towers end at 1x1; parameters have the published names
 * (`visual_encoder.down_blocks.3.attn.to_q.weight`). A new network is in evaluation mode, as in the source; `train()`
 * matters for dropout only.
 *
 * Source: the thesis's AVAlignNet and LatentSync's StableSyncNet, which it follows. Largest difference of the
 * embeddings from a PyTorch class of the same description: 1e-6, see the test.
 *
 * Embeddings `[batch, embeddingSize]` have entries of at least 0 and rows of length 1. The caller calls `dispose()`
 * when done.
 *
 * @throws RangeError or TypeError if the configuration cannot work, with the sizes of the maps where they do not end at
 *   1x1.
 * @example
 * const net = new AVAlignNet(LITE, { seed: 1, recipe: recipeOf(LITE) });
 * const { visual, audio } = net.forward(tf.zeros([2, 48, 48, 30]), tf.zeros([2, 80, 32, 1])); // [2, 256] each
 */
export class AVAlignNet extends TwoTowerExpert {
  readonly name = 'AVAlignNet';
  readonly space = 'unit';
  readonly config: AVAlignNetConfig;
  /** Length of an embedding. */
  readonly embeddingSize: number;
  readonly #encoder: FrameEncoder | undefined;
  readonly #audioEncoder: DownEncoder;
  readonly #visualEncoder: DownEncoder;

  constructor(config: AVAlignNetConfig, options: AVAlignNetOptions) {
    const { seed, recipe, encoder } = options;
    const checked = assertConfig('AVAlignNet', config);
    if (encoder && !recipe) fail(TypeError, 'AVAlignNet', 'options.recipe', 'given with options.encoder', recipe);
    super(recipe && assertRecipeFits('AVAlignNet', checked, recipe, encoder !== undefined));
    this.config = checked;
    this.#encoder = encoder;
    this.embeddingSize = checked.visual_encoder.block_out_channels.at(-1) as number;
    // One random stream per tower: the audio tower starts the same whatever the visual one is.
    this.#audioEncoder = this.register('audio_encoder', new DownEncoder(checked.audio_encoder, new Random(seed, 0)));
    this.#visualEncoder = this.register('visual_encoder', new DownEncoder(checked.visual_encoder, new Random(seed, 1)));
    if (countParameters(checked).total > LARGE) freePackedKernels(this);
    this.eval();
  }

  /**
   * Cosine of each frame window with the audio window in its row.
   *
   * @param frames float32 `[batch, height, width, frameCount * 3]`, borrowed.
   * @param features float32 `[batch, bins, featureSteps, 1]`, borrowed.
   * @returns float32 `[batch]`, 0..1 up to rounding; the thesis reads it as the probability of sync. The caller
   *   disposes it.
   * @throws TypeError for other shapes, or batches of different sizes.
   */
  score(frames: MouthBatch, features: FeatureBatch): tf.Tensor1D {
    return tf.tidy(() => {
      const { visual, audio } = this.forward(frames, features);
      return pairCosine(visual, audio);
    });
  }

  protected override windowShapes(): WindowShapes {
    const { height, width, featureSteps, melBins = MEL_BINS } = this.config.input;
    const features = [melBins, featureSteps, 1] as const;
    // With an encoder the frames are the recipe's pixels, without one what the tower takes.
    if (this.#encoder) return { frames: super.windowShapes().frames, features };
    return { frames: [height, width, this.config.visual_encoder.in_channels], features };
  }

  protected visualTower(frames: MouthBatch): EmbeddingBatch {
    return this.#visualEncoder.forward(this.#encoder ? this.#encoded(frames, this.#encoder) : frames);
  }

  protected audioTower(features: FeatureBatch): EmbeddingBatch {
    return this.#audioEncoder.forward(features);
  }

  /** Encodes each frame and puts the results on the channels, `[batch, height', width', in_channels]`. */
  #encoded(frames: MouthBatch, encoder: FrameEncoder): tf.Tensor4D {
    const { frameCount, height, width } = this.config.input;
    const [batch] = frames.shape;
    const encoded = encoder.encode(framesInARow(frames, frameCount));
    const shape = [height, width, channelsPerFrame(this.config)] as const;
    if (encoded.rank !== 4 || encoded.shape.join() !== [batch * frameCount, ...shape].join()) {
      const rule = `[${batch * frameCount}, ${shape.join(', ')}] from encode`;
      fail(TypeError, 'AVAlignNet', 'options.encoder', rule, `[${encoded.shape.join(', ')}]`);
    }
    return framesOnChannels(tf.reshape<tf.Rank.R5>(encoded, [batch, frameCount, ...shape]));
  }
}
