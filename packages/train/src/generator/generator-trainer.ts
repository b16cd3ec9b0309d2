import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import {
  AdamW,
  clipGradientNorm,
  disposeGradients,
  GradientAccumulator,
  type Module,
  valueAndGradients,
} from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { TrainingState } from '../run/training-state';
import { assertFinite } from '../step/non-finite-loss';
import { type LossTerm, lossByGenerated, type Term } from './generator-terms';
import { HeldTape } from './held-tape';
import { StepRollback } from './step-rollback';
import { readScalars, StepTensors } from './step-tensors';
import { type BatchPart, disposeParts, divideBatch, type GeneratorTrainBatch } from './train-batch';

/** A generator that can be trained: any module with the `forward` of a `FaceGenerator`. */
export type TrainedGenerator = Module & {
  /**
   * `masked` `[n, height, width, 3]`, `references` `[n, height, width, references * 3]`, `audio` `[n, bins, steps]` to
   * frames `[n, height, width, 3]`, 0..1.
   */
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D;
};

/** A network that is trained to tell generated frames from real ones. */
export type DiscriminatorRole = {
  /** Its part of a state, and its figure in the report. */
  part: 'frame_discriminator' | 'clip_discriminator';
  net: Module;
  /** Its loss on some rows and what was generated from them, a function of all of its parameters. */
  loss(batch: GeneratorTrainBatch, generated: tf.Tensor4D): tf.Scalar;
};

/** What a trainer makes of a generator: who judges it, and what it is judged by. */
export type GeneratorObjective = {
  /** Names the trainer in messages. */
  where: string;
  discriminators: readonly DiscriminatorRole[];
  /** Whether the discriminators are trained in this step. */
  trainsDiscriminators(): boolean;
  /**
   * Who takes its step first. Discriminators that do judge the generator by their new weights, as in DINet; else by
   * those of the step before, as in Wav2Lip.
   */
  first: 'discriminators' | 'generator';
  /** The terms of the generator's loss on some rows. */
  terms(batch: GeneratorTrainBatch, generated: tf.Tensor4D): LossTerm[];
  /** Refuses a batch that does not fit. */
  assertBatch(batch: GeneratorTrainBatch): void;
};

/** Rates and limits of a `GeneratorTrainer`. */
export type GeneratorRates = {
  /** Of all optimisers; a step may set its own. Default 1e-4. */
  learningRate?: number;
  /** AdamW's, for all networks. Default 0.01, AdamW's own; 0 is Adam. */
  weightDecay?: number;
  /** Of all optimisers. Default [0.9, 0.999]. */
  betas?: [number, number];
  /** Most rows in the networks at a time: memory is that of one chunk, whatever the batch. Default: all. */
  chunk?: number;
  /** Largest norm of the generator's gradients; larger ones are scaled down. Default: not clipped, as published. */
  clipNorm?: number;
  /**
   * A step is refused with `NonFiniteLoss` where the generator's loss or its gradient norm is above this. Default 1e4;
   * Infinity for no limit.
   */
  divergence?: number;
};

/** Figures of a step, from before the generator's update; losses without their weights, NaN where not used. */
export type GeneratorStepReport = {
  /** The weighted sum. */
  generator: number;
  perceptual: number;
  gan: number;
  ganClip: number;
  sync: number;
  image: number;
  frameDiscriminator: number;
  clipDiscriminator: number;
  /** Of the generator, before clipping. */
  gradientNorm: number;
};

/** Everything that resuming a trainer needs: goes into `saveTrainingState` as it is. */
export type GeneratorTrainerState = Pick<TrainingState, 'model' | 'optimizer'>;

const UNCLIPPED = 1e30; // only the norm is wanted; not Infinity, which shaders may not know

type LearnerName = 'generator' | DiscriminatorRole['part'];
type Learner<M extends Module = Module> = { part: LearnerName; net: M; optimizer: AdamW };

/** What was generated from the parts of a batch; the last part's tape is still held, for its backward pass. */
type Generated = { frames: tf.Tensor4D[]; held: HeldTape<tf.Tensor4D> };

/**
 * Trains a generator against its discriminators, one step at a time, by an objective.
 *
 * A step: the generator makes frames; the discriminators take a step on true and generated frames, and the generator
 * takes one on the terms of its loss, in the order of the objective. Both are trained on the same generated frames.
 *
 * Cost: the generator goes forward once, and its tape waits while the discriminators are trained (`HeldTape`). With
 * `chunk`, all chunks but the last go forward twice. All losses are means over rows, so the gradients of chunks are
 * those of the whole batch but for rounding. Only BatchNorm takes each chunk's own statistics, which makes the division
 * count; running statistics follow each chunk once.
 *
 * Takes the networks over: `dispose` frees them with the optimisers.
 */
export class GeneratorTrainer {
  readonly generator: TrainedGenerator;
  readonly #objective: GeneratorObjective;
  readonly #rates: GeneratorRates;
  readonly #generator: Learner<TrainedGenerator>;
  readonly #discriminators: Learner[];
  #isStepping = false;
  #isDisposed = false;

  constructor(generator: TrainedGenerator, objective: GeneratorObjective, rates: GeneratorRates = {}) {
    assertRates(objective.where, rates);
    const { learningRate = 1e-4, weightDecay, betas } = rates;
    const learner = <M extends Module>(part: LearnerName, net: M): Learner<M> => {
      const chosen = { ...(weightDecay === undefined ? {} : { weightDecay }), ...(betas ? { betas } : {}) };
      return { part, net, optimizer: new AdamW(net.namedParameters(), { learningRate, ...chosen }) };
    };
    this.generator = generator;
    this.#objective = objective;
    this.#rates = rates;
    this.#generator = learner('generator', generator);
    this.#discriminators = objective.discriminators.map(({ part, net }) => learner(part, net));
  }

  /** Steps taken. */
  get stepCount(): number {
    return this.#generator.optimizer.stepCount;
  }

  /**
   * One step on a batch, which is borrowed.
   *
   * Makes no tensor that outlives it. Networks are left in the mode that they were in.
   *
   * @throws NonFiniteLoss if a loss or gradient is not finite, or the generator's is above `divergence`; all weights,
   *   moments and running statistics are then as they were. TypeError for shapes that do not fit together.
   */
  async step(
    batch: GeneratorTrainBatch,
    { learningRate }: { learningRate?: number } = {},
  ): Promise<GeneratorStepReport> {
    this.#assertStep(batch);
    const learners = this.#learners();
    if (learningRate !== undefined) for (const { optimizer } of learners) optimizer.learningRate = learningRate;
    const modes = learners.map(({ net }) => net.training);
    const before = learners.map(({ net }) => new StepRollback(net)); // forward passes change BatchNorm's running statistics
    const parts = divideBatch(batch, this.#rates.chunk);
    const tensors = new StepTensors();
    this.#isStepping = true;
    try {
      for (const { net } of learners) net.train();
      return await this.#stepOn(parts, before, tensors);
    } catch (error) {
      for (const each of before.reverse()) each.restore(); // the oldest last
      throw error;
    } finally {
      this.#isStepping = false;
      learners.forEach(({ net }, i) => net.train(modes[i]));
      for (const each of before) each.dispose();
      tensors.dispose();
      disposeParts(parts, batch);
    }
  }

  async #stepOn(parts: BatchPart[], before: StepRollback[], tensors: StepTensors): Promise<GeneratorStepReport> {
    const generated = this.#generate(parts, tensors);
    const judge = () => this.#stepDiscriminators(parts, generated.frames, { before, tensors });
    const discriminatorsFirst = this.#objective.first === 'discriminators';
    let discriminators = discriminatorsFirst ? await judge() : {};
    const figures = await this.#stepGenerator(parts, generated, { before, tensors });
    if (!discriminatorsFirst) discriminators = await judge();
    const { generator, gradientNorm, perceptual = NaN, gan = NaN, ganClip = NaN, sync = NaN, image = NaN } = figures;
    const { frame_discriminator: frameDiscriminator = NaN, clip_discriminator: clipDiscriminator = NaN } =
      discriminators;
    return { generator, perceptual, gan, ganClip, sync, image, frameDiscriminator, clipDiscriminator, gradientNorm };
  }

  /** The generator's step; its figures by name. */
  async #stepGenerator(
    parts: BatchPart[],
    generated: Generated,
    { before, tensors }: { before: StepRollback[]; tensors: StepTensors },
  ): Promise<Record<string, number>> {
    const { gradients, losses } = this.#generatorGradients(parts, generated, tensors);
    const norm = tensors.add(clipGradientNorm(gradients, this.#rates.clipNorm ?? UNCLIPPED));
    const figures = await readScalars({ ...Object.fromEntries(losses), gradientNorm: norm });
    const { divergence: limit = 1e4 } = this.#rates;
    assertFinite(`${this.#objective.where}.step`, figures, { limited: ['generator', 'gradientNorm'], limit });
    const { net, optimizer } = this.#generator;
    if (this.#objective.first === 'generator') before.push(new StepRollback(net, optimizer));
    optimizer.step(gradients);
    return figures;
  }

  /** Frames of all parts; of the last part with their tape. */
  #generate(parts: BatchPart[], tensors: StepTensors): Generated {
    const last = parts.length - 1;
    const frames = parts.slice(0, last).map((part) => tensors.add(tf.tidy(() => this.#forward(part))));
    const held = tensors.addTape(new HeldTape(() => this.#forward(parts[last])));
    return { frames: [...frames, held.output], held };
  }

  #forward({ batch: { masked, references, audio } }: BatchPart): tf.Tensor4D {
    return this.#generator.net.forward(masked, references, audio);
  }

  /** One step of each discriminator; their losses by name. */
  async #stepDiscriminators(
    parts: BatchPart[],
    generated: tf.Tensor4D[],
    { before, tensors }: { before: StepRollback[]; tensors: StepTensors },
  ): Promise<Record<string, number>> {
    if (!this.#objective.trainsDiscriminators()) return {};
    const trained = this.#discriminators.map((learner, role) => {
      return { ...learner, ...this.#discriminatorGradients(role, parts, { generated, tensors }) };
    });
    const figures = await readScalars(
      Object.fromEntries(
        trained.flatMap(({ part, value, norm }) => [
          [part, value],
          [`${part} gradient`, norm],
        ]),
      ),
    );
    assertFinite(`${this.#objective.where}.step`, figures);
    for (const { net, optimizer, gradients } of trained) {
      before.push(new StepRollback(net, optimizer));
      optimizer.step(gradients);
    }
    return figures;
  }

  /** A discriminator's loss on the whole batch, its gradients and their norm. */
  #discriminatorGradients(
    role: number,
    parts: BatchPart[],
    { generated, tensors }: { generated: tf.Tensor4D[]; tensors: StepTensors },
  ) {
    const { net, loss } = this.#objective.discriminators[role];
    const sums = tensors.addSums(new GradientAccumulator());
    let value = tensors.add(tf.scalar(0));
    parts.forEach(({ batch, share }, i) => {
      const { value: own, gradients } = valueAndGradients(net, () => loss(batch, generated[i]));
      sums.add(gradients, share);
      disposeGradients(gradients);
      value = tensors.add(tf.tidy(() => tf.add(value, tf.mul(own, share)) as tf.Scalar));
      own.dispose();
    });
    const gradients = tensors.addGradients(sums.take());
    const norm = tensors.add(clipGradientNorm(gradients, UNCLIPPED));
    return { value, gradients, norm };
  }

  /** The generator's losses on the whole batch and their gradients. */
  #generatorGradients(parts: BatchPart[], { frames, held }: Generated, tensors: StepTensors) {
    const sums = tensors.addSums(new GradientAccumulator());
    const losses = new Map<Term | 'generator', tf.Scalar>();
    // The last part first, since its tape is still there; the others go forward again, with the same weights.
    const last = parts.length - 1;
    for (let index = last; index >= 0; index--) {
      const part = parts[index];
      const { terms, byGenerated } = lossByGenerated((made) => this.#objective.terms(part.batch, made), frames[index]);
      for (const [name, value] of terms) {
        const sum = losses.get(name);
        losses.set(name, tensors.add(tf.tidy(() => tf.add(sum ?? 0, tf.mul(value, part.share)) as tf.Scalar)));
        value.dispose();
      }
      const statistics = index < last ? new StepRollback(this.#generator.net) : undefined; // followed once already
      const tape = index < last ? new HeldTape(() => this.#forward(part)) : held;
      try {
        this.#addGradients(sums, tape, { byGenerated, share: part.share });
        statistics?.restore();
      } finally {
        statistics?.dispose();
        if (index < last) tape.dispose();
        byGenerated.dispose();
      }
    }
    return { gradients: tensors.addGradients(sums.take()), losses };
  }

  /** Adds one part's gradients by the generator's parameters. */
  #addGradients(
    sums: GradientAccumulator,
    tape: HeldTape<tf.Tensor4D>,
    { byGenerated, share }: { byGenerated: tf.Tensor4D; share: number },
  ): void {
    const parameters = this.#generator.net.namedParameters();
    const variables = [...parameters.values()].map(({ variable }) => variable);
    const found = tape.gradients(variables, byGenerated);
    try {
      const gradients = new Map([...parameters.keys()].map((name, i) => [name, found[i]]));
      const missing = [...gradients].flatMap(([name, gradient]) => (gradient ? [] : [name]));
      if (missing.length > 0) {
        const got = `one without ${missing.join(', ')}`;
        fail(Error, `${this.#objective.where}.step`, 'generator', 'a function of all its parameters', got);
      }
      // each of its parameter's shape
      sums.add(gradients as Map<string, tf.Tensor>, share);
    } finally {
      tf.dispose(found.filter((gradient) => gradient !== null));
    }
  }

  #assertStep(batch: GeneratorTrainBatch): void {
    const where = `${this.#objective.where}.step`;
    if (this.#isDisposed) fail(Error, where, 'this trainer', 'in use', 'one that was disposed');
    if (this.#isStepping) fail(Error, where, 'step', 'awaited before the next', 'two at once');
    this.#objective.assertBatch(batch);
  }

  #learners(): Learner[] {
    return [this.#generator, ...this.#discriminators];
  }

  /**
   * Weights, running statistics and optimisers, under `generator.`, `frame_discriminator.` and `clip_discriminator.`;
   * copies.
   */
  async state(): Promise<GeneratorTrainerState> {
    const state: GeneratorTrainerState = {
      model: new Map(),
      optimizer: { step: this.stepCount, expAvg: new Map(), expAvgSq: new Map() },
    };
    for (const { part, net, optimizer } of this.#learners()) {
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
  loadState({ model, optimizer: { step, expAvg, expAvgSq } }: GeneratorTrainerState): void | Promise<void> {
    const learners = this.#learners();
    const parts = learners.map(({ part }) => part);
    for (const name of [model, expAvg, expAvgSq].flatMap((map) => [...map.keys()])) {
      if (!parts.some((part) => name.startsWith(`${part}.`)))
        fail(Error, `${this.#objective.where}.loadState`, 'state', `names under ${parts.join(', ')}`, name);
    }
    for (const { part, net, optimizer } of learners) {
      const of = (map: Map<string, NamedArray>) => {
        return new Map(
          [...map].flatMap(([name, array]) =>
            name.startsWith(`${part}.`) ? [[name.slice(part.length + 1), array] as const] : [],
          ),
        );
      };
      net.loadStateDict(of(model), { where: `${this.#objective.where}.loadState (${part})` });
      optimizer.loadState({ step, expAvg: of(expAvg), expAvgSq: of(expAvgSq) });
    }
  }

  /** Frees networks and optimisers. Safe to call twice. */
  dispose(): void {
    this.#isDisposed = true;
    for (const { net, optimizer } of this.#learners()) {
      optimizer.dispose();
      net.dispose();
    }
  }
}

/** Refuses rates and limits that cannot work. */
function assertRates(where: string, { chunk, clipNorm, divergence }: GeneratorRates): void {
  if (chunk !== undefined && !(Number.isInteger(chunk) && chunk >= 1))
    fail(RangeError, where, 'chunk', 'a whole number from 1', chunk);
  for (const [name, value] of Object.entries({ divergence, clipNorm })) {
    if (value !== undefined && !(value > 0)) fail(RangeError, where, name, 'above 0', value);
  }
}
