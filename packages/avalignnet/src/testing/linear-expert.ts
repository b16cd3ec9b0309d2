import type { SyncRecipe } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import { Linear, l2Normalize, Module, Random, relu } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

const BINS = 80;

/** Two linear towers. `unit`: embeddings of length 1; `joint`: their product gives a map of 2 x 2 scores. */
export class LinearExpert extends Module implements SyncExpert {
  readonly name = 'linear towers';
  readonly embeddingSize = 8;
  readonly recipe: SyncRecipe = {
    frameCount: 5,
    fps: 25,
    crop: { kind: 'dinet', size: 8, upright: 'none', sampling: 'exact' },
    color: 'RGB',
    range: [0, 1],
    features: 'THESIS_MEL',
    featureSteps: 16,
  };
  readonly #visual: Linear;
  readonly #audio: Linear;
  readonly #cells: Linear;
  constructor(
    readonly space: 'unit' | 'joint' | 'euclidean' = 'unit',
    seed = 2,
  ) {
    super();
    const random = new Random(seed, 3);
    this.#visual = this.register('visual', new Linear({ inFeatures: 8 * 8 * 15, outFeatures: 8, random }));
    this.#audio = this.register('sound', new Linear({ inFeatures: BINS * 16, outFeatures: 8, random }));
    this.#cells = this.register('cells', new Linear({ inFeatures: 8, outFeatures: 4, random }));
    this.eval();
  }
  encodeVisual(frames: MouthBatch): EmbeddingBatch {
    return tf.tidy(() => this.#finish(this.#visual.forward(tf.reshape(frames, [frames.shape[0], -1]))));
  }
  encodeAudio(features: FeatureBatch): EmbeddingBatch {
    return tf.tidy(() => this.#finish(this.#audio.forward(tf.reshape(features, [features.shape[0], -1]))));
  }
  scoreMap(frames: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor4D {
    return tf.tidy(
      () => tf.reshape(this.#cells.forward(tf.mul(frames, audio)), [frames.shape[0], 2, 2, 1]) as tf.Tensor4D,
    );
  }
  #finish(x: tf.Tensor): EmbeddingBatch {
    return (this.space === 'unit' ? l2Normalize(relu(x) as tf.Tensor2D) : x) as EmbeddingBatch;
  }
}
