import { fail } from '@lipsync/contracts';
import type { ImageFeatures, Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { PortraitTrainer, type PortraitTrainerState } from '../network/portrait-trainer';
import type { PortraitDiscriminator } from './discriminator';
import type { PortraitRenderer } from './renderer';
import {
  discriminatorLoss,
  RENDERER_WEIGHTS,
  type RendererTerm,
  type RendererWeights,
  rendererLosses,
} from './renderer-losses';

/** Options of `RendererTrainer`. */
export type RendererTrainerOptions = {
  renderer: PortraitRenderer;
  discriminator: PortraitDiscriminator;
  /** Factor of each term. Default `RENDERER_WEIGHTS`; `perceptual` counts only with its network. */
  weights?: Partial<RendererWeights>;
  /** VGG-19 with ImageNet's weights; borrowed. */
  perceptual?: ImageFeatures;
  /** Default 1e-4. */
  learningRate?: number;
};

/** Losses of a step: the discriminator's, the sum of the renderer's, and its terms before their weights. */
export type RendererStepReport = { discriminator: number; total: number } & Partial<Record<RendererTerm, number>>;

/**
 * Trains a renderer with its discriminator: of each batch one step of the discriminator, then one of the renderer, Adam
 * with `betas [0.5, 0.999]`.
 *
 * Source: Live Speech Portraits, `Feature2FaceModel.optimize_parameters`. Against PyTorch 1.13, the losses of three
 * steps: see the test. The networks stay the caller's.
 *
 * @example
 * import { PortraitDiscriminator, PortraitRenderer, RENDERER_128, RendererTrainer } from '@lipsync/portraits';
 * import * as tf from '@tensorflow/tfjs-core';
 * const renderer = new PortraitRenderer(RENDERER_128, { seed: 0 });
 * const discriminator = new PortraitDiscriminator({ channels: 16, seed: 1 });
 * const trainer = new RendererTrainer({ renderer, discriminator });
 * const { total } = await trainer.step(tf.zeros([2, 128, 128, 13]), tf.zeros([2, 128, 128, 3]));
 */
export class RendererTrainer {
  readonly #options: RendererTrainerOptions;
  readonly #weights: RendererWeights;
  readonly #renderer: PortraitTrainer;
  readonly #discriminator: PortraitTrainer;

  constructor(options: RendererTrainerOptions) {
    const { renderer, discriminator, learningRate = 1e-4 } = options;
    this.#options = options;
    this.#weights = { ...RENDERER_WEIGHTS, ...options.weights };
    for (const [name, value] of Object.entries(this.#weights)) {
      if (!(value >= 0 && value < Infinity))
        fail(RangeError, 'RendererTrainer', `weights.${name}`, 'a finite number from 0', value);
    }
    const adam = { learningRate, betas: [0.5, 0.999] as [number, number] };
    this.#renderer = new PortraitTrainer(renderer, adam);
    this.#discriminator = new PortraitTrainer(discriminator, adam);
  }

  /** Steps taken. */
  get stepCount(): number {
    return this.#renderer.stepCount;
  }

  /** Sets the step size of both; the published training lowers it to 0 over its last ten epochs. */
  set learningRate(rate: number) {
    this.#renderer.learningRate = rate;
    this.#discriminator.learningRate = rate;
  }

  /**
   * One step on a batch.
   *
   * @param input float32 `[batch, size, size, inputs]`, -1..1: edge map and candidates; borrowed.
   * @param real frames float32 `[batch, size, size, 3]`, RGB -1..1; borrowed.
   * @returns the losses before the step.
   * @throws Error where a loss is not finite.
   */
  async step(input: tf.Tensor4D, real: tf.Tensor4D): Promise<RendererStepReport> {
    const { renderer, discriminator, perceptual } = this.#options;
    renderer.train();
    discriminator.train();
    // The renderer runs again for its own step, and its running statistics follow the batch once.
    const generated = withoutFollowing(renderer, () => renderer.forward(input));
    let terms = new Map<RendererTerm, tf.Scalar>();
    try {
      const judged = await this.#discriminator.step(() => discriminatorLoss(discriminator, { input, real, generated }));
      const total = await this.#renderer.step(() => {
        const options = { discriminator, weights: this.#weights, perceptual };
        terms = rendererLosses({ input, real, generated: renderer.forward(input) }, options);
        for (const term of terms.values()) tf.keep(term);
        const weighted = [...terms].map(([name, term]) => tf.mul(term, this.#weights[name]));
        return tf.addN(weighted) as tf.Scalar;
      });
      const report: RendererStepReport = { discriminator: judged, total };
      for (const [name, term] of terms) report[name] = (await term.data())[0];
      return report;
    } finally {
      tf.dispose([generated, ...terms.values()]);
    }
  }

  /** State of both networks and their optimisers; copies. */
  async state(): Promise<{ renderer: PortraitTrainerState; discriminator: PortraitTrainerState }> {
    return { renderer: await this.#renderer.state(), discriminator: await this.#discriminator.state() };
  }

  /**
   * Restores what `state` gave: the next step has the same bits as without the break.
   *
   * @throws Error with every missing, unused and misshapen name.
   */
  loadState(state: { renderer: PortraitTrainerState; discriminator: PortraitTrainerState }): void {
    this.#renderer.loadState(state.renderer);
    this.#discriminator.loadState(state.discriminator);
  }

  /** Frees the optimisers' state, not the networks. Safe to call twice. */
  dispose(): void {
    this.#renderer.dispose();
    this.#discriminator.dispose();
  }
}

/** The result of `work` in training mode, with the module's running statistics as they were before. */
function withoutFollowing(module: Module, work: () => tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const buffers = [...module.namedBuffers().values()];
    const before = buffers.map(({ variable }) => tf.clone(variable));
    const result = work();
    buffers.forEach(({ variable }, i) => variable.assign(before[i]));
    return result;
  });
}
