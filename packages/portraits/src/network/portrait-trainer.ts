import { fail } from '@lipsync/contracts';
import {
  AdamW,
  type AdamWState,
  disposeGradients,
  type Module,
  Random,
  setDropoutStep,
  valueAndGradients,
} from '@lipsync/nn';
import type * as tf from '@tensorflow/tfjs-core';

/** Options of `PortraitTrainer`. */
export type PortraitTrainerOptions = {
  /** Step size of Adam; may be changed between steps. Default 1e-4. */
  learningRate?: number;
  /** Adam's shares of its running means. Default [0.9, 0.99], the published motion networks'. */
  betas?: [number, number];
};

/** What a training needs to be continued: weights, buffers and Adam's state, under PyTorch's names; copies. */
export type PortraitTrainerState = { model: Awaited<ReturnType<Module['stateDict']>>; optimizer: AdamWState };

/**
 * Trains a network step by step with Adam, and stops and continues with the same bits: the step decides the dropout, and
 * `drawWindows` the batch.
 *
 * The network stays the caller's, and is in training mode after a step.
 *
 * @example
 * import { drawWindows, MOUTH, MouthNetwork, PortraitTrainer } from '@lipsync/portraits';
 * declare const features: import('@tensorflow/tfjs-core').Tensor3D; // [32, 480, 512]
 * declare const targets: import('@tensorflow/tfjs-core').Tensor3D; // [32, 240, 75]
 * const net = new MouthNetwork(MOUTH, { seed: 0 });
 * const trainer = new PortraitTrainer(net);
 * const loss = await trainer.step(() => net.loss(features, targets));
 * trainer.dispose();
 * net.dispose();
 */
export class PortraitTrainer {
  readonly #net: Module;
  readonly #optimizer: AdamW;

  constructor(net: Module, { learningRate = 1e-4, betas = [0.9, 0.99] }: PortraitTrainerOptions = {}) {
    this.#net = net;
    this.#optimizer = new AdamW(net.namedParameters(), { learningRate, betas, weightDecay: 0 });
  }

  /** Steps taken. */
  get stepCount(): number {
    return this.#optimizer.stepCount;
  }

  get learningRate(): number {
    return this.#optimizer.learningRate;
  }

  set learningRate(rate: number) {
    this.#optimizer.learningRate = rate;
  }

  /**
   * One step.
   *
   * @param loss computes a float32 scalar from the network; called once.
   * @returns the loss before the step.
   * @throws Error where the loss is not finite; the weights are then as they were.
   */
  async step(loss: () => tf.Scalar): Promise<number> {
    this.#net.train();
    setDropoutStep(this.#net, this.stepCount);
    const { value, gradients } = valueAndGradients(this.#net, loss);
    try {
      const [number] = await value.data();
      if (!Number.isFinite(number)) fail(Error, 'PortraitTrainer.step', 'the loss', 'finite', number);
      this.#optimizer.step(gradients);
      return number;
    } finally {
      value.dispose();
      disposeGradients(gradients);
    }
  }

  /** Weights, running statistics and Adam's state; copies. */
  async state(): Promise<PortraitTrainerState> {
    return { model: await this.#net.stateDict(), optimizer: await this.#optimizer.state() };
  }

  /**
   * Restores what `state` gave: the next step has the same bits as without the break.
   *
   * @throws Error with every missing, unused and misshapen name.
   */
  loadState({ model, optimizer }: PortraitTrainerState): void {
    this.#net.loadStateDict(model, { where: 'PortraitTrainer.loadState' });
    this.#optimizer.loadState(optimizer);
  }

  /** Frees Adam's state, not the network. Safe to call twice. */
  dispose(): void {
    this.#optimizer.dispose();
  }
}

/** A piece of a clip. */
export type Window = {
  /** Index of the clip. */
  clip: number;
  /** Its first frame. */
  first: number;
};

/**
 * Pieces of clips for a step of training, drawn by seed and step alone: every piece of every clip is equally likely.
 *
 * @param frameCounts frames of each clip; those that are too short are left out.
 * @param options `frames` of a piece, `batch` pieces, `seed` and `step`: integers.
 * @throws RangeError where no clip is long enough.
 * @example
 * import { drawWindows } from '@lipsync/portraits';
 * drawWindows([180, 180], { frames: 120, batch: 4, seed: 0, step: 0 }); // [{ clip: 1, first: 12 }, …]
 */
export function drawWindows(
  frameCounts: number[],
  { frames, batch, seed, step }: { frames: number; batch: number; seed: number; step: number },
): Window[] {
  const places = frameCounts.map((count) => Math.max(0, count - frames + 1));
  const total = places.reduce((sum, count) => sum + count, 0);
  if (total === 0)
    fail(RangeError, 'drawWindows', 'frameCounts', `of a clip of at least ${frames} frames`, frameCounts);
  const random = new Random(seed, step);
  return Array.from({ length: batch }, () => {
    let first = random.integer(total);
    let clip = 0;
    while (first >= places[clip]) first -= places[clip++];
    return { clip, first };
  });
}
