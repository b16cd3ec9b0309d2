import type { NamedArray } from '@lipsync/checkpoints';
import type { SyncRecipe } from '@lipsync/contracts';
import { assertSyncRecipe, fail } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import { Module, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { pairCosine } from '../losses/binary-cross-entropy';
import type { SyncEmbeddings } from '../losses/sync-loss';
import type { AVAlignNetConfig } from './config';
import { MEL_BINS } from './config';
import { DownEncoder } from './down-encoder';
import { assertConfig } from './tower-sizes';

export type AVAlignNetOptions = {
  /** Seed of the first weights, an integer. */
  seed: number;
  /** How its input is prepared: needed wherever it serves as a `SyncExpert`. Must fit the configuration's input size. */
  recipe?: SyncRecipe;
};

/**
 * Two towers that place a window of mouth frames and a window of audio in one space, near each other where they are in
 * sync.
 *
 * Takes any configuration whose towers end at 1x1; parameters have the published names
 * (`visual_encoder.down_blocks.3.attn.to_q.weight`). A new network is in evaluation mode, as in the source; `train()` matters for
 * dropout only.
 *
 * Source: the thesis's AVAlignNet and LatentSync's StableSyncNet, which it follows. Largest difference of the embeddings
 * from a PyTorch class of the same description: 1e-6, see the test.
 *
 * The caller calls `dispose()` when done.
 *
 * @throws RangeError or TypeError if the configuration cannot work, with the sizes of the maps where they do not end at 1x1.
 * @example
 * const net = new AVAlignNet(LITE, { seed: 1 });
 * const { vision, audio } = net.forward(tf.zeros([2, 48, 48, 30]), tf.zeros([2, 80, 32, 1])); // [2, 256] each
 */
export class AVAlignNet extends Module implements SyncExpert {
  readonly name = 'AVAlignNet';
  readonly space = 'unit';
  readonly config: AVAlignNetConfig;
  /** Length of an embedding. */
  readonly embeddingSize: number;
  /** SHA-256 of the file that the weights came from; gone once they are replaced or trained on. */
  weightsHash?: string;
  private readonly givenRecipe?: SyncRecipe;
  private readonly audioEncoder: DownEncoder;
  private readonly visualEncoder: DownEncoder;

  constructor(config: AVAlignNetConfig, options: AVAlignNetOptions) {
    super();
    const { seed, recipe } = options;
    this.config = assertConfig('AVAlignNet', config);
    if (recipe !== undefined) this.givenRecipe = assertRecipeFits('AVAlignNet', config, recipe);
    this.embeddingSize = config.visual_encoder.block_out_channels.at(-1) as number;
    // A stream a tower: the audio tower starts the same whatever the visual one looks like.
    this.audioEncoder = this.register('audio_encoder', new DownEncoder(config.audio_encoder, new Random(seed, 0)));
    this.visualEncoder = this.register('visual_encoder', new DownEncoder(config.visual_encoder, new Random(seed, 1)));
    this.eval();
  }

  /**
   * What it must be fed with.
   *
   * @throws Error if it was built or loaded without one.
   */
  get recipe(): SyncRecipe {
    if (!this.givenRecipe) fail(Error, 'AVAlignNet.recipe', 'the network', 'built or loaded with a recipe', 'none');
    return this.givenRecipe;
  }

  /** Whether `recipe` can be read. */
  get hasRecipe(): boolean {
    return this.givenRecipe !== undefined;
  }

  /**
   * Embeddings of frame windows.
   *
   * @param frames float32 `[batch, height, width, frames * 3]` in the recipe's value range, channel = frame · 3 + colour;
   *   borrowed.
   * @returns float32 `[batch, embeddingSize]`, entries at least 0, rows of length 1. The caller disposes it.
   * @throws TypeError for another shape or dtype.
   */
  encodeVisual(frames: MouthBatch): EmbeddingBatch {
    this.assertUsable('encodeVisual');
    this.assertFrames('AVAlignNet.encodeVisual', frames);
    return this.visualEncoder.forward(frames);
  }

  /**
   * Embeddings of audio windows.
   *
   * @param features float32 `[batch, melBins, melSteps, 1]`, borrowed.
   * @returns float32 `[batch, embeddingSize]`, entries at least 0, rows of length 1. The caller disposes it.
   * @throws TypeError for another shape or dtype.
   */
  encodeAudio(features: FeatureBatch): EmbeddingBatch {
    this.assertUsable('encodeAudio');
    this.assertFeatures('AVAlignNet.encodeAudio', features);
    return this.audioEncoder.forward(features);
  }

  /**
   * Both towers at once, as the source has it: frames first. The caller disposes both embeddings.
   *
   * @throws TypeError for another shape or dtype of either, before anything is computed.
   */
  forward(frames: MouthBatch, features: FeatureBatch): SyncEmbeddings {
    this.assertUsable();
    this.assertFrames('AVAlignNet.forward', frames);
    this.assertFeatures('AVAlignNet.forward', features);
    return tf.tidy(() => ({ visual: this.encodeVisual(frames), audio: this.encodeAudio(features) }));
  }

  /**
   * Cosine of each frame window with the audio window in its row.
   *
   * @returns float32 `[batch]`, 0..1 up to rounding; the thesis reads it as the chance of being in sync. The caller disposes it.
   * @throws TypeError for other shapes or batches of unlike size.
   */
  score(frames: MouthBatch, features: FeatureBatch): tf.Tensor1D {
    return tf.tidy(() => {
      const { visual, audio } = this.forward(frames, features);
      return pairCosine(visual, audio);
    });
  }

  private assertFrames(where: string, frames: MouthBatch): void {
    const { height, width } = this.config.input;
    assertBatch(where, 'frames', frames, [height, width, this.config.visual_encoder.in_channels]);
  }

  private assertFeatures(where: string, features: FeatureBatch): void {
    const { melBins = MEL_BINS, featureSteps } = this.config.input;
    assertBatch(where, 'features', features, [melBins, featureSteps, 1]);
  }

  override train(mode = true): this {
    if (mode) this.weightsHash = undefined;
    return super.train(mode);
  }

  override loadStateDict(state: Map<string, NamedArray>, options?: { where?: string }): void {
    super.loadStateDict(state, options);
    this.weightsHash = undefined;
  }
}

function assertBatch(where: string, argument: string, tensor: tf.Tensor, sides: number[]): void {
  const { shape, dtype } = tensor;
  if (shape.length !== 4 || shape[0] < 1 || sides.some((side, axis) => shape[axis + 1] !== side)) {
    fail(TypeError, where, argument, `of shape [batch, ${sides.join(', ')}]`, shape);
  }
  if (dtype !== 'float32') fail(TypeError, where, argument, 'float32', dtype);
}

/** Refuses a recipe that prepares something else than the network takes; names each size that differs. */
export function assertRecipeFits(where: string, config: AVAlignNetConfig, value: unknown): SyncRecipe {
  const recipe = assertSyncRecipe(where, value);
  const { frameCount, height, width, featureSteps } = config.input;
  const sizes: [string, number, number][] = [
    ['frameCount', recipe.frameCount, frameCount],
    ['crop.size', recipe.crop.size, height],
    ['crop.size', recipe.crop.size, width],
    ['featureSteps', recipe.featureSteps, featureSteps],
    ['frameCount * 3', recipe.frameCount * 3, config.visual_encoder.in_channels],
  ];
  for (const [key, given, wanted] of sizes) {
    if (given !== wanted) fail(RangeError, where, `recipe.${key}`, `${wanted}, as in the configuration`, given);
  }
  return recipe;
}
