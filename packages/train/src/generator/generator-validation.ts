import type { EmbeddingBatch, FaceGenerator, SyncExpert } from '@lipsync/contracts/tensors';
import {
  type ClipStore,
  type DinetBatch,
  DinetLoader,
  disposeDinetBatch,
  type ImageProcessor,
} from '@lipsync/dataloader';
import * as tf from '@tensorflow/tfjs-core';
import { type ExpertMouths, featuresForExpert } from './generator-batch';

/** Figures of a generator on a fixed draw of frames. */
export type GeneratorCheck = {
  /** `training`: no clip was held out, so these are clips that it is trained on. */
  on: 'held-out' | 'training';
  frameCount: number;
  /** PSNR of the mouth box, dB, from the mean squared error of all frames. */
  psnr: number;
  /** Mean cosine of the expert, where there is one; of networks that score pairs, their score. */
  cosine?: {
    /** Generated mouths with their audio. */
    generated: number;
    /** Generated mouths with the audio of the next row. */
    generatedOther: number;
    /** True mouths with their audio: the ceiling. */
    real: number;
    realOther: number;
  };
  /** `mean (cosine - 1)²` of generated mouths, with their audio and with that of the next row. */
  syncLoss?: { own: number; other: number };
  /** `mean -ln cosine` of generated mouths with their audio, of experts with cosines: Wav2Lip's sync loss. */
  crossEntropy?: number;
};

export type GeneratorValidationOptions = {
  /** Frames in a row; as many as the expert takes. */
  frameCount: number;
  referenceCount: number;
  audioFrames: number;
  features: 'mel' | 'logits';
  firstFrame?: number;
  on: 'held-out' | 'training';
  clips: readonly string[];
  images: ImageProcessor;
  /** Rows of frames, drawn once. */
  rows: number;
  expert?: SyncExpert;
  mouths?: ExpertMouths;
};

const ROWS_AT_ONCE = 2;
const DRAW = 0x7e57; // keeps its draws apart from the training's

/** Measures a generator on the same rows of frames each time; holds one batch at a time. */
export class GeneratorValidation {
  readonly #loader: DinetLoader;
  readonly #options: GeneratorValidationOptions;

  constructor(store: ClipStore, options: GeneratorValidationOptions) {
    const { frameCount, referenceCount, audioFrames, features, firstFrame, clips, expert } = options;
    this.#loader = new DinetLoader(store, {
      frameCount,
      referenceCount,
      audioFrames,
      features,
      firstFrame,
      clips,
      batchSize: ROWS_AT_ONCE,
      seed: DRAW,
      syncLoudness: expert?.recipe.loudness,
    });
    this.#options = options;
  }

  /** @param generator borrowed; in evaluation mode while it is measured. */
  async check(generator: FaceGenerator): Promise<GeneratorCheck> {
    const { on, rows, frameCount, expert } = this.#options;
    const steps = Math.max(1, Math.ceil(rows / ROWS_AT_ONCE));
    const sums = new Float64Array(8); // squared error, four cosines, two losses, cross-entropy
    const { training } = generator;
    generator.eval();
    try {
      for (let step = 0; step < steps; step++) {
        const batch = await this.#loader.batch(step);
        const figures = tf.tidy(() => this.#figures(generator, batch));
        try {
          (await figures.data()).forEach((value, i) => (sums[i] += value / steps));
        } finally {
          figures.dispose();
          disposeDinetBatch(batch);
        }
      }
    } finally {
      generator.train(training);
    }
    const [error, generated, generatedOther, real, realOther, own, other, crossEntropy] = sums;
    return {
      on,
      frameCount: steps * ROWS_AT_ONCE * frameCount,
      psnr: 10 * Math.log10(1 / error),
      ...(expert ? { cosine: { generated, generatedOther, real, realOther }, syncLoss: { own, other } } : {}),
      ...(expert?.space === 'unit' ? { crossEntropy } : {}),
    };
  }

  dispose(): void {
    this.#loader.dispose();
  }

  #figures(generator: FaceGenerator, batch: DinetBatch): tf.Tensor1D {
    const { frames, references, features: audio, angles } = batch;
    const { images, expert, mouths } = this.#options;
    const generated = generator.forward(images.masked(frames), references, audio);
    const { judged } = images;
    const inBox = tf.sub(1, images.mask(judged));
    const share = (judged.height * judged.width) / (images.height * images.width);
    const error = tf.div(tf.mean(tf.mul(tf.squaredDifference(generated, frames), inBox)), share);
    if (!expert || !mouths) return tf.stack([error, ...Array.from({ length: 7 }, () => tf.scalar(0))]) as tf.Tensor1D;
    const visual = (faces: tf.Tensor4D) => expert.encodeVisual(mouths(faces, angles));
    const features = expert.encodeAudio(featuresForExpert(batch, expert));
    const other = tf.concat<tf.Tensor2D>([tf.slice(features, [1, 0]), tf.slice(features, [0, 0], [1, -1])]);
    const [made, real] = [visual(generated), visual(frames)];
    const [own, apart] = [agreement(expert, made, features), agreement(expert, made, other)];
    const loss = (cosines: tf.Tensor1D) => tf.mean(tf.squaredDifference(cosines, 1));
    const means = [own, apart, agreement(expert, real, features), agreement(expert, real, other)].map((cosines) =>
      tf.mean(cosines),
    );
    const entropy = tf.neg(tf.mean(tf.log(tf.clipByValue(own, 1e-7, 1 - 1e-7)))); // clamped as in the sync loss
    return tf.stack([error, ...means, loss(own), loss(apart), entropy]) as tf.Tensor1D;
  }
}

/** `[rows]`, 1 where frames and audio belong together: the cosine, or the score of a network that scores pairs. */
function agreement(expert: SyncExpert, visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D {
  if (expert.pairDistances) return tf.sub(1, expert.pairDistances(visual, audio));
  return tf.sum<tf.Tensor1D>(tf.mul(visual, audio), 1);
}
