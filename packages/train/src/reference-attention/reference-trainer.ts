import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { AdamW, clipGradientNorm, type Module, Random, valueAndGradients } from '@lipsync/nn';
import {
  changeWindows,
  type DiffAugmentOptions,
  discriminatorLoss,
  drawChanges,
  type GeneratorLossParts,
  lowerHalfMask,
  lowerHalfWindows,
  REFERENCE_STAGES,
  type ReferenceGenerator,
  type ReferenceWeights,
  referenceGeneratorLoss,
  type WindowDiscriminator,
} from '@lipsync/reference-generator';
import * as tf from '@tensorflow/tfjs-core';
import { StepRollback } from '../generator/step-rollback';
import { readScalars, StepTensors } from '../generator/step-tensors';
import type { TrainingState } from '../run/training-state';
import { assertFinite } from '../step/non-finite-loss';

/** A batch of windows of consecutive frames; all tensors float32 and borrowed. */
export type ReferenceTrainBatch = {
  /** `[clips · frames, size, size, 3]`, RGB 0..1, the frames of a clip one after the other. */
  frames: tf.Tensor4D;
  /** `[clips, size, size, references * 3]`, RGB 0..1, of `prepareReferences`. */
  references: tf.Tensor4D;
  /** `[clips · frames, 80, 16]`, mel from -4 to 4. */
  audio: tf.Tensor3D;
  /** `[clips · frames, size, size, 1]`, of `groundTruthMask`; needed with a mask head. */
  truth?: tf.Tensor4D;
};

/** Networks, losses and rates of a `ReferenceTrainer`. */
export type ReferenceTrainerOptions = {
  generator: ReferenceGenerator;
  /** `first` without a discriminator, `second` with one. */
  stage: keyof typeof REFERENCE_STAGES;
  /** Of the second stage; its windows are as many frames as it takes. */
  discriminator?: WindowDiscriminator;
  /** Changes to the stage's weights. */
  weights?: Partial<ReferenceWeights>;
  /** `vggPerceptual(vgg16)`. Default: no perceptual loss. */
  perceptual?: GeneratorLossParts['perceptual'];
  /**
   * The frozen expert's cosine `[clips]` of frames `[clips · frames, size, size, 3]` and the batch that they are of.
   * Default: no loss by an expert.
   */
  expert?: (frames: tf.Tensor4D, batch: ReferenceTrainBatch) => tf.Tensor1D;
  /** Whether the expert is on from the start. Default in the second stage; in the first `switchExpertOn` does it. */
  expertOn?: boolean;
  /** Of both optimisers; a step may set its own. Default 2e-4, as published. */
  learningRate?: number;
  /** Of both optimisers. Default [0.9, 0.999]. */
  betas?: [number, number];
  /** Factor of R1. Default 10. */
  gamma?: number;
  /** Changes of the discriminator's windows. Default those of `drawChanges`. */
  augment?: DiffAugmentOptions | 'none';
  /** Seed of the changes, an integer. Default 0. */
  seed?: number;
  /** A step is refused with `NonFiniteLoss` where the generator's loss or gradient norm is above this. Default 1e4. */
  divergence?: number;
};

/** Figures of a step, from before its updates; losses without their weights, NaN where not used. */
export type ReferenceStepReport = Record<keyof ReferenceWeights, number> & {
  /** The weighted sum. */
  generator: number;
  /** Of the generator. */
  gradientNorm: number;
  /** The discriminator's loss, with R1. */
  discriminator: number;
  /** R1 alone, with its factor. */
  r1: number;
};

/** Everything that resuming a trainer needs: goes into `saveTrainingState` as it is. */
export type ReferenceTrainerState = Pick<TrainingState, 'model' | 'optimizer'> & { extra: { expertOn: boolean } };

const UNCLIPPED = 1e30; // only the norm is wanted

type Learner = { part: 'generator' | 'discriminator'; net: Module; optimizer: AdamW };

/**
 * Trains the reference-attention generator, one step at a time, in its first stage or in the second against a
 * discriminator.
 *
 * A step: the generator fills the lower half of the frames and takes a step on `referenceGeneratorLoss`, with the
 * discriminator's scores as it is; then the discriminator takes a step on the real and the same generated frames, with
 * R1. Both see changed windows (`changeWindows`), each time other ones, which depend on the seed and the number of the
 * step alone.
 *
 * Source: the coursework of 2021; the order of the two is Wav2Lip's. Ten steps of each stage against PyTorch: see the
 * test.
 *
 * Takes the networks over: `dispose` frees them with the optimisers. What `perceptual` and `expert` use stays the
 * caller's.
 *
 * @throws TypeError or RangeError for options that do not fit together.
 * @example
 * import { LITE_REFERENCE_GENERATOR, ReferenceGenerator } from '@lipsync/reference-generator';
 * import { ReferenceTrainer } from '@lipsync/train';
 * const generator = new ReferenceGenerator(LITE_REFERENCE_GENERATOR, { seed: 0 });
 * const trainer = new ReferenceTrainer({ generator, stage: 'first' });
 * const { l1 } = await trainer.step({ frames, references, audio, truth });
 */
export class ReferenceTrainer {
  readonly generator: ReferenceGenerator;
  readonly weights: ReferenceWeights;
  readonly #options: ReferenceTrainerOptions;
  readonly #learners: Learner[];
  #expertOn: boolean;
  #isStepping = false;
  #isDisposed = false;

  constructor(options: ReferenceTrainerOptions) {
    const { generator, discriminator, stage, learningRate = 2e-4, betas } = options;
    this.weights = { ...REFERENCE_STAGES[stage], ...options.weights };
    assertOptions(options, this.weights);
    this.generator = generator;
    this.#options = options;
    this.#expertOn = options.expertOn ?? stage === 'second';
    const learner = (part: Learner['part'], net: Module): Learner => ({
      ...{ part, net },
      optimizer: new AdamW(net.namedParameters(), { learningRate, weightDecay: 0, ...(betas ? { betas } : {}) }),
    });
    const second = discriminator && this.weights.adversarial > 0 ? [learner('discriminator', discriminator)] : [];
    this.#learners = [learner('generator', generator), ...second];
  }

  /** Steps taken. */
  get stepCount(): number {
    return this.#learners[0].optimizer.stepCount;
  }

  /** Whether the loss by the expert is on. */
  get expertOn(): boolean {
    return this.#expertOn;
  }

  /** Switches the expert on, where `isExpertDue` says so; it stays on, and is part of the state. */
  switchExpertOn(): void {
    this.#expertOn = true;
  }

  /**
   * One step on a batch, which is borrowed. Makes no tensor that outlives it, and leaves the networks in their mode.
   *
   * @throws NonFiniteLoss if a loss or gradient is not finite, or the generator's is above `divergence`; all weights,
   *   moments and statistics are then as they were. TypeError for shapes that do not fit together.
   */
  async step(
    batch: ReferenceTrainBatch,
    { learningRate }: { learningRate?: number } = {},
  ): Promise<ReferenceStepReport> {
    const where = 'ReferenceTrainer.step';
    if (this.#isDisposed) fail(Error, where, 'this trainer', 'in use', 'one that was disposed');
    if (this.#isStepping) fail(Error, where, 'step', 'awaited before the next', 'two at once');
    if (learningRate !== undefined) for (const { optimizer } of this.#learners) optimizer.learningRate = learningRate;
    const modes = this.#learners.map(({ net }) => net.training);
    const before = this.#learners.map(({ net, optimizer }) => new StepRollback(net, optimizer));
    const tensors = new StepTensors();
    this.#isStepping = true;
    try {
      for (const { net } of this.#learners) net.train();
      return await this.#stepOn(batch, tensors);
    } catch (error) {
      for (const each of before) each.restore();
      throw error;
    } finally {
      this.#isStepping = false;
      this.#learners.forEach(({ net }, i) => net.train(modes[i]));
      for (const each of before) each.dispose();
      tensors.dispose();
    }
  }

  async #stepOn(batch: ReferenceTrainBatch, tensors: StepTensors): Promise<ReferenceStepReport> {
    const [generator, discriminator] = this.#learners;
    const step = this.stepCount;
    const { blended, gradients, scalars } = this.#generatorGradients(batch, tensors);
    const figures = await readScalars(scalars);
    const { divergence: limit = 1e4 } = this.#options;
    assertFinite('ReferenceTrainer.step', figures, { limited: ['generator', 'gradientNorm'], limit });
    generator.optimizer.step(gradients);
    let ofDiscriminator: Record<string, number> = {};
    if (discriminator) {
      const { gradients: own, scalars } = this.#discriminatorGradients(batch, blended, { step, tensors });
      ofDiscriminator = await readScalars(scalars);
      assertFinite('ReferenceTrainer.step', ofDiscriminator);
      discriminator.optimizer.step(own);
    }
    const missing = { l1: NaN, perceptual: NaN, expert: NaN, mask: NaN, adversarial: NaN, discriminator: NaN, r1: NaN };
    const { discriminatorNorm: _, ...losses } = ofDiscriminator;
    return { ...missing, ...figures, ...losses } as ReferenceStepReport;
  }

  /** The generator's loss, its terms and its gradients; the blended frames for the discriminator. */
  #generatorGradients(batch: ReferenceTrainBatch, tensors: StepTensors) {
    const { generator } = this;
    const { perceptual, expert } = this.#options;
    const step = this.stepCount;
    const scalars: Record<string, tf.Scalar> = {};
    let blended: tf.Tensor4D | undefined;
    const { value, gradients } = valueAndGradients(generator, () => {
      const masked = tf.mul<tf.Tensor4D>(batch.frames, tf.sub(1, hiddenHalf(batch.frames)));
      const faces = generator.generateWithMask(masked, generator.encodeReferences(batch.references), batch.audio);
      const loss = referenceGeneratorLoss(faces, batch, {
        weights: this.#expertOn ? this.weights : { ...this.weights, expert: 0 },
        perceptual,
        expert: expert && ((frames) => expert(frames, batch)),
        discriminator: this.#learners[1] && ((frames) => this.#scores(this.#windows(frames), step, 0)),
      });
      for (const [name, term] of Object.entries(loss.terms)) scalars[name] = tensors.add(tf.keep(tf.clone(term)));
      blended = tensors.add(tf.keep(tf.clone(loss.blended)));
      return loss.total;
    });
    tensors.addGradients(gradients);
    scalars.generator = tensors.add(value);
    scalars.gradientNorm = tensors.add(clipGradientNorm(gradients, UNCLIPPED));
    return { blended: blended as tf.Tensor4D, gradients, scalars };
  }

  #discriminatorGradients(
    { frames }: ReferenceTrainBatch,
    blended: tf.Tensor4D,
    { step, tensors }: { step: number; tensors: StepTensors },
  ) {
    const [real, generated] = [frames, blended].map((x) => tensors.add(this.#windows(x)));
    let r1: tf.Scalar | undefined;
    let draw = 1; // real windows, then generated ones: each is changed in its own way
    const { value, gradients } = valueAndGradients(this.#learners[1].net, () => {
      const score = (windows: tf.Tensor4D) => this.#scores(windows, step, draw++);
      const loss = discriminatorLoss(score, { real, generated, gamma: this.#options.gamma });
      r1 = tensors.add(tf.keep(tf.clone(loss.r1)));
      return loss.total;
    });
    tensors.addGradients(gradients);
    const discriminatorNorm = tensors.add(clipGradientNorm(gradients, UNCLIPPED));
    return { gradients, scalars: { discriminator: tensors.add(value), r1: r1 as tf.Scalar, discriminatorNorm } };
  }

  /** Frames as the discriminator's windows. The caller disposes them. */
  #windows(frames: tf.Tensor4D): tf.Tensor4D {
    return lowerHalfWindows(frames, { frameCount: (this.#options.discriminator as WindowDiscriminator).frameCount });
  }

  /** Scores of windows, changed by the draw of this step. */
  #scores(windows: tf.Tensor4D, step: number, draw: number): tf.Tensor1D {
    const { augment, seed = 0, discriminator } = this.#options;
    return tf.tidy(() => {
      if (augment === 'none') return (discriminator as WindowDiscriminator).forward(windows);
      const changes = drawChanges(windows.shape, { ...augment, random: new Random(seed, step, draw) });
      return (discriminator as WindowDiscriminator).forward(changeWindows(windows, changes));
    });
  }

  /** Weights, statistics, vectors and optimisers, under `generator.` and `discriminator.`; copies. */
  async state(): Promise<ReferenceTrainerState> {
    const state: ReferenceTrainerState = {
      model: new Map(),
      optimizer: { step: this.stepCount, expAvg: new Map(), expAvgSq: new Map() },
      extra: { expertOn: this.#expertOn },
    };
    for (const { part, net, optimizer } of this.#learners) {
      const { expAvg, expAvgSq } = await optimizer.state();
      const into = (target: Map<string, NamedArray>, source: Map<string, NamedArray>) => {
        for (const [name, array] of source) target.set(`${part}.${name}`, array);
      };
      into(state.model, await net.stateDict());
      into(state.optimizer.expAvg, expAvg);
      into(state.optimizer.expAvgSq, expAvgSq);
    }
    return state;
  }

  /**
   * Restores what `state` gave: the next step has the same bits as without the break.
   *
   * @throws Error for a state of another stage, or with missing, unused or misshapen names.
   */
  loadState({ model, optimizer: { step, expAvg, expAvgSq }, extra }: ReferenceTrainerState): void {
    const parts = this.#learners.map(({ part }) => part);
    for (const name of [model, expAvg, expAvgSq].flatMap((map) => [...map.keys()])) {
      if (!parts.some((part) => name.startsWith(`${part}.`)))
        fail(Error, 'ReferenceTrainer.loadState', 'state', `names under ${parts.join(', ')}`, name);
    }
    for (const { part, net, optimizer } of this.#learners) {
      const of = (map: Map<string, NamedArray>) =>
        new Map(
          [...map]
            .filter(([name]) => name.startsWith(`${part}.`))
            .map(([name, array]) => [name.slice(part.length + 1), array]),
        );
      net.loadStateDict(of(model), { where: `ReferenceTrainer.loadState (${part})` });
      optimizer.loadState({ step, expAvg: of(expAvg), expAvgSq: of(expAvgSq) });
    }
    this.#expertOn = extra.expertOn;
  }

  /** Frees networks and optimisers. Safe to call twice. */
  dispose(): void {
    this.#isDisposed = true;
    this.#options.discriminator?.dispose();
    for (const { net, optimizer } of this.#learners) {
      optimizer.dispose();
      net.dispose();
    }
  }
}

/** 1 where a frame `[n, size, size, 3]` is hidden from the generator: `[1, size, size, 1]`. */
function hiddenHalf({ shape: [, height, width] }: tf.Tensor4D): tf.Tensor4D {
  return tf.tensor4d(lowerHalfMask(height, width), [1, height, width, 1]);
}

function assertOptions({ stage, discriminator, divergence }: ReferenceTrainerOptions, weights: ReferenceWeights): void {
  const where = 'ReferenceTrainer';
  if (!Object.hasOwn(REFERENCE_STAGES, stage)) fail(TypeError, where, 'stage', 'first or second', stage);
  for (const [name, value] of Object.entries(weights)) {
    if (!(value >= 0 && value < Infinity)) fail(RangeError, where, `weights.${name}`, 'a finite number from 0', value);
  }
  if (weights.adversarial > 0 && !discriminator)
    fail(TypeError, where, 'discriminator', 'given where weights.adversarial is above 0', discriminator);
  if (divergence !== undefined && !(divergence > 0)) fail(RangeError, where, 'divergence', 'above 0', divergence);
}
