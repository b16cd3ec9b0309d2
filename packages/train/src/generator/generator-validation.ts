import type { EmbeddingBatch, SyncExpert } from '@lipsync/contracts';
import { DINetLoader, disposeDinetBatch, type ClipStore, type DinetBatch, type ImageProcessor } from '@lipsync/dataloader';
import type { DinetGenerator } from '@lipsync/dinet';
import * as tf from '@tensorflow/tfjs-core';
import { soundFor, type ExpertMouths } from './generator-batch';

/** How good a generator is on a fixed draw of pictures. */
export type GeneratorCheck = {
  /** `training`: no clip was held out, so these are clips that it learned from. */
  on: 'held-out' | 'training';
  pictures: number;
  /** Of the mouth box, dB, of the mean squared error of all pictures. */
  psnr: number;
  /** Mean cosine of the expert, where there is one; of networks that judge pairs, their score. */
  cosine?: {
    /** Painted mouths with the sound that they were painted to. */
    painted: number;
    /** Painted mouths with the sound of the next row. */
    paintedOther: number;
    /** True mouths with their sound: the ceiling. */
    real: number;
    realOther: number;
  };
  /** `mean (cosine - 1)²` of painted mouths, with their sound and with that of the next row. */
  syncLoss?: { own: number; other: number };
};

export type GeneratorValidationOptions = {
  /** Pictures in a row; as many as the expert looks at. */
  frames: number;
  references: number;
  audioFrames: number;
  audio: 'mel' | 'logits';
  on: 'held-out' | 'training';
  clips: readonly string[];
  images: ImageProcessor;
  /** Rows of pictures, drawn once. */
  rows: number;
  expert?: SyncExpert;
  mouths?: ExpertMouths;
};

const ROWS_AT_ONCE = 2;
const DRAW = 0x7e57; // keeps its draws apart from the training's

/** Measures a generator on the same rows of pictures again and again; holds one batch at a time. */
export class GeneratorValidation {
  readonly #loader: DINetLoader;
  readonly #options: GeneratorValidationOptions;

  constructor(store: ClipStore, options: GeneratorValidationOptions) {
    const { frames, references, audioFrames, audio, clips } = options;
    this.#loader = new DINetLoader(store, { frames, references, audioFrames, audio, clips, batch: ROWS_AT_ONCE, seed: DRAW });
    this.#options = options;
  }

  /** @param generator Borrowed; in evaluation mode while it is measured. */
  async check(generator: DinetGenerator): Promise<GeneratorCheck> {
    const { on, rows, frames, expert } = this.#options;
    const steps = Math.max(1, Math.ceil(rows / ROWS_AT_ONCE));
    const sums = new Float64Array(7); // squared error, four cosines, two losses
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
    const [error, painted, paintedOther, real, realOther, own, other] = sums;
    return {
      on,
      pictures: steps * ROWS_AT_ONCE * frames,
      psnr: 10 * Math.log10(1 / error),
      ...(expert ? { cosine: { painted, paintedOther, real, realOther }, syncLoss: { own, other } } : {}),
    };
  }

  dispose(): void {
    this.#loader.dispose();
  }

  #figures(generator: DinetGenerator, batch: DinetBatch): tf.Tensor1D {
    const { frames, references, audio, angles } = batch;
    const { images, expert, mouths } = this.#options;
    const painted = generator.forward(images.masked(frames), references, audio);
    const inBox = tf.sub(1, images.mask());
    const share = (images.mouth * images.mouth) / (images.height * images.width);
    const error = tf.div(tf.mean(tf.mul(tf.squaredDifference(painted, frames), inBox)), share);
    if (!expert || !mouths) return tf.stack([error, ...Array.from({ length: 6 }, () => tf.scalar(0))]) as tf.Tensor1D;
    const seen = (faces: tf.Tensor4D) => expert.encodeFrames(mouths(faces, angles));
    const sound = expert.encodeAudio(soundFor(batch, expert));
    const other = tf.concat<tf.Tensor2D>([tf.slice(sound, [1, 0]), tf.slice(sound, [0, 0], [1, -1])]);
    const [made, true_] = [seen(painted), seen(frames)];
    const [own, apart] = [agreement(expert, made, sound), agreement(expert, made, other)];
    const loss = (cosines: tf.Tensor) => tf.mean(tf.squaredDifference(cosines, 1));
    const means = [own, apart, agreement(expert, true_, sound), agreement(expert, true_, other)].map((cosines) => tf.mean(cosines));
    return tf.stack([error, ...means, loss(own), loss(apart)]) as tf.Tensor1D;
  }
}

/** `[rows]`, 1 where pictures and sound belong together: the cosine, or the score of a network that judges pairs. */
function agreement(expert: SyncExpert, vision: EmbeddingBatch, sound: EmbeddingBatch): tf.Tensor1D {
  if (expert.pairDistances) return tf.sub(1, expert.pairDistances(vision, sound));
  return tf.sum<tf.Tensor1D>(tf.mul(vision, sound), 1);
}
