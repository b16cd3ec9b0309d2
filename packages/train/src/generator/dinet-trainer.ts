import { assertGeneratorExpert, type GeneratorSyncExpert } from '@lipsync/avalignnet';
import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { DINET_WEIGHTS, type DinetWeights, lsganDiscriminatorLoss, type PerceptualLoss } from '@lipsync/dinet';
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
import {
  type ClipDiscriminator,
  clipWindows,
  type LossParts,
  lossByGenerated,
  type MouthInput,
  type Term,
  type TrainedDiscriminator,
} from './generator-terms';
import { HeldTape } from './held-tape';
import { StepRollback } from './step-rollback';
import { readScalars, StepTensors } from './step-tensors';
import { assertTrainBatch, type BatchPart, type DinetTrainBatch, disposeParts, divideBatch } from './train-batch';

/** A generator that can be trained: a `DinetGenerator`, or any module with the same `forward`. */
export type TrainedGenerator = Module & {
  /**
   * `masked` `[n, height, width, 3]`, `references` `[n, height, width, references * 3]`, `audio` `[n, bins, steps]` to
   * frames `[n, height, width, 3]`, 0..1.
   */
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D;
};

/** Networks, losses and rates of a `DinetTrainer`. */
export type DinetTrainerOptions = {
  generator: TrainedGenerator;
  /** The discriminator of single frames. */
  frameDiscriminator: TrainedDiscriminator;
  /**
   * The discriminator of the clip stage: takes windows of `frameCount` frames of a row, on the channels. Default: none,
   * the frame stage.
   */
  clipDiscriminator?: ClipDiscriminator;
  /** Of all optimisers; a step may set its own. Default 1e-4, with `dinetSchedule` for later epochs. */
  learningRate?: number;
  /** AdamW's, for all networks. Default 0.01, AdamW's own (the thesis names none); 0 is the Adam of DINet's code. */
  weightDecay?: number;
  /** Changes to `DINET_WEIGHTS`. With `gan: 0` the discriminators are not trained. */
  weights?: Partial<DinetWeights>;
  /** `dinetPerceptual(vgg19)`. Default: no perceptual loss. */
  perceptual?: PerceptualLoss;
  /** A frozen expert, in evaluation mode, borrowed. Default: no sync loss. */
  sync?: { expert: GeneratorSyncExpert; mouthInput: MouthInput };
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
export type DinetStepReport = {
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
export type DinetTrainerState = Pick<TrainingState, 'model' | 'optimizer'>;

const UNCLIPPED = 1e30; // only the norm is wanted; not Infinity, which shaders may not know

type LearnerName = 'generator' | 'frame_discriminator' | 'clip_discriminator';
type Learner<M extends Module = Module> = { part: LearnerName; net: M; optimizer: AdamW };

/** What was generated from the parts of a batch; the last part's tape is still held, for its backward pass. */
type Generated = { frames: tf.Tensor4D[]; held: HeldTape<tf.Tensor4D> };

/**
 * Trains a generator against its discriminators, one step at a time.
 *
 * A step: the generator makes frames; the frame discriminator, and in the clip stage the clip discriminator, take a
 * step on true and generated frames; then the generator takes a step on `10 perceptual + gan (+ gan of clips) + 0.1
 * sync + image`, with the scores of the discriminators as just updated. Discriminators and generator are trained on the
 * same generated frames, as in the source.
 *
 * Cost: the generator goes forward once, and its tape waits while the discriminators are trained (`HeldTape`). With
 * `chunk`, all chunks but the last go forward twice. All losses are means over rows, so the gradients of chunks are
 * those of the whole batch but for rounding (1e-5 of the largest in networks of two layers, 4e-4 in a small
 * `DinetGenerator`, where rounding the frames alone makes 1e-2; see the test). Only BatchNorm takes each chunk's own
 * statistics, which makes the division count; running statistics follow each chunk once.
 *
 * The clip discriminator takes windows that do not overlap: of rows of 10 frames, frames 0-4 and 5-9. Every frame is in
 * one window; the seam is in none.
 *
 * Source: MRzzm/DINet `train_DINet_frame.py`, `train_DINet_clip.py` (Adam 1e-4) and the thesis (AdamW, cosine sync
 * loss, image loss). Against PyTorch 1.13, two steps of both stages: losses differ by less than 5e-6 of themselves,
 * gradients by less than 2e-5 of each tensor's largest.
 *
 * Takes the networks over: `dispose` frees them with the optimisers. Perceptual network and expert stay the caller's.
 *
 * @throws TypeError or RangeError for options that cannot work, Error for an expert in training mode.
 * @example
 * import { DinetDiscriminator, DinetGenerator, LITE_DINET } from '@lipsync/dinet';
 * import { DinetTrainer } from '@lipsync/train';
 * const trainer = new DinetTrainer({
 *   generator: new DinetGenerator(LITE_DINET, { seed: 0 }),
 *   frameDiscriminator: new DinetDiscriminator({ frameCount: 1, seed: 1 }),
 * });
 * const { generator } = await trainer.step({ real, masked, references, audio, frameCount: 1 });
 */
export class DinetTrainer {
  /** Weights of the terms of the generator's loss. */
  readonly weights: DinetWeights;
  readonly generator: TrainedGenerator;
  readonly #options: DinetTrainerOptions;
  readonly #generator: Learner<TrainedGenerator>;
  readonly #frameDiscriminator: Learner<TrainedDiscriminator>;
  readonly #clipDiscriminator?: Learner<ClipDiscriminator>;
  #isStepping = false;
  #isDisposed = false;

  constructor(options: DinetTrainerOptions) {
    const { generator, frameDiscriminator, clipDiscriminator, learningRate = 1e-4, weightDecay } = options;
    this.weights = { ...DINET_WEIGHTS, ...options.weights };
    assertOptions(options, this.weights);
    const learner = <M extends Module>(part: LearnerName, net: M): Learner<M> => {
      const decay = weightDecay === undefined ? {} : { weightDecay };
      return { part, net, optimizer: new AdamW(net.namedParameters(), { learningRate, ...decay }) };
    };
    this.#options = options;
    this.generator = generator;
    this.#generator = learner('generator', generator);
    this.#frameDiscriminator = learner('frame_discriminator', frameDiscriminator);
    this.#clipDiscriminator = clipDiscriminator && learner('clip_discriminator', clipDiscriminator);
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
  async step(batch: DinetTrainBatch, { learningRate }: { learningRate?: number } = {}): Promise<DinetStepReport> {
    this.#assertStep(batch);
    const learners = this.#learners();
    if (learningRate !== undefined) for (const { optimizer } of learners) optimizer.learningRate = learningRate;
    const modes = learners.map(({ net }) => net.training);
    const before = [new StepRollback(this.#generator.net)]; // the forward pass changes BatchNorm's running statistics
    const parts = divideBatch(batch, this.#options.chunk);
    const tensors = new StepTensors();
    this.#isStepping = true;
    try {
      for (const { net } of learners) net.train();
      return await this.#stepOn(parts, before, tensors);
    } catch (error) {
      for (const each of before) each.restore();
      throw error;
    } finally {
      this.#isStepping = false;
      learners.forEach(({ net }, i) => net.train(modes[i]));
      for (const each of before) each.dispose();
      tensors.dispose();
      disposeParts(parts, batch);
    }
  }

  async #stepOn(parts: BatchPart[], before: StepRollback[], tensors: StepTensors): Promise<DinetStepReport> {
    const generated = this.#generate(parts, tensors);
    const discriminators = await this.#stepDiscriminators(parts, generated.frames, { before, tensors });
    const { gradients, losses } = this.#generatorGradients(parts, generated, tensors);
    const norm = tensors.add(clipGradientNorm(gradients, this.#options.clipNorm ?? UNCLIPPED));
    const figures = await readScalars({ ...Object.fromEntries(losses), gradientNorm: norm });
    const { divergence: limit = 1e4 } = this.#options;
    assertFinite('DinetTrainer.step', figures, { limited: ['generator', 'gradientNorm'], limit });
    this.#generator.optimizer.step(gradients);
    const { generator, gradientNorm, perceptual = NaN, gan = NaN, ganClip = NaN, sync = NaN, image = NaN } = figures;
    const { frame_discriminator: frameDiscriminator = NaN, clip_discriminator: clipDiscriminator = NaN } =
      discriminators;
    return { generator, perceptual, gan, ganClip, sync, image, frameDiscriminator, clipDiscriminator, gradientNorm };
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
    if (this.weights.gan === 0) return {};
    const trained = this.#learners()
      .slice(1)
      .map((learner) => ({ ...learner, ...this.#discriminatorGradients(learner, parts, { generated, tensors }) }));
    const figures = await readScalars(
      Object.fromEntries(
        trained.flatMap(({ part, value, norm }) => [
          [part, value],
          [`${part} gradient`, norm],
        ]),
      ),
    );
    assertFinite('DinetTrainer.step', figures);
    for (const { net, optimizer, gradients } of trained) {
      before.push(new StepRollback(net, optimizer));
      optimizer.step(gradients);
    }
    return figures;
  }

  /** A discriminator's loss on the whole batch, its gradients and their norm. */
  #discriminatorGradients(
    learner: Learner,
    parts: BatchPart[],
    { generated, tensors }: { generated: tf.Tensor4D[]; tensors: StepTensors },
  ) {
    const net = learner.net as TrainedDiscriminator | ClipDiscriminator;
    const scores = (frames: tf.Tensor4D) =>
      net.forward(
        learner.part === 'clip_discriminator' ? clipWindows(frames, (net as ClipDiscriminator).frameCount) : frames,
      );
    const sums = tensors.addSums(new GradientAccumulator());
    let value = tf.scalar(0);
    parts.forEach(({ batch, share }, i) => {
      const { value: own, gradients } = valueAndGradients(net, () =>
        lsganDiscriminatorLoss(scores(batch.real), scores(generated[i])),
      );
      sums.add(gradients, share);
      disposeGradients(gradients);
      const sum = tf.tidy(() => tf.add(value, tf.mul(own, share)) as tf.Scalar);
      tf.dispose([value, own]);
      value = sum;
    });
    const gradients = tensors.addGradients(sums.take());
    const norm = tensors.add(clipGradientNorm(gradients, UNCLIPPED));
    return { value: tensors.add(value), gradients, norm };
  }

  /** The generator's losses on the whole batch and their gradients. */
  #generatorGradients(parts: BatchPart[], { frames, held }: Generated, tensors: StepTensors) {
    const sums = tensors.addSums(new GradientAccumulator());
    const losses = new Map<Term | 'generator', tf.Scalar>();
    // The last part first, since its tape is still there; the others go forward again, with the same weights.
    const last = parts.length - 1;
    for (let index = last; index >= 0; index--) {
      const part = parts[index];
      const { terms, byGenerated } = lossByGenerated(this.#lossParts(), part.batch, frames[index]);
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
        fail(Error, 'DinetTrainer.step', 'generator', 'a function of all its parameters', got);
      }
      // each of its parameter's shape
      sums.add(gradients as Map<string, tf.Tensor>, share);
    } finally {
      tf.dispose(found.filter((gradient) => gradient !== null));
    }
  }

  #lossParts(): LossParts {
    const { perceptual, sync } = this.#options;
    return {
      weights: this.weights,
      frameDiscriminator: this.#frameDiscriminator.net,
      clipDiscriminator: this.#clipDiscriminator?.net,
      perceptual,
      sync,
    };
  }

  #assertStep(batch: DinetTrainBatch): void {
    const where = 'DinetTrainer.step';
    if (this.#isDisposed) fail(Error, where, 'this trainer', 'in use', 'one that was disposed');
    if (this.#isStepping) fail(Error, where, 'step', 'awaited before the next', 'two at once');
    const { sync } = this.#options;
    const usesSync = sync !== undefined && this.weights.sync > 0;
    assertTrainBatch(where, batch, { clipFrames: this.#clipDiscriminator?.net.frameCount, sync: usesSync });
    if (usesSync) assertGeneratorExpert(where, sync.expert); // it may have been put into training mode since
  }

  #learners(): Learner[] {
    return [this.#generator, this.#frameDiscriminator, ...(this.#clipDiscriminator ? [this.#clipDiscriminator] : [])];
  }

  /**
   * Weights, running statistics and optimisers, under `generator.`, `frame_discriminator.` and `clip_discriminator.`;
   * copies.
   */
  async state(): Promise<DinetTrainerState> {
    const state: DinetTrainerState = {
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
  loadState({ model, optimizer: { step, expAvg, expAvgSq } }: DinetTrainerState): void {
    const learners = this.#learners();
    const parts = learners.map(({ part }) => part);
    for (const name of [model, expAvg, expAvgSq].flatMap((map) => [...map.keys()])) {
      if (!parts.some((part) => name.startsWith(`${part}.`)))
        fail(Error, 'DinetTrainer.loadState', 'state', `names under ${parts.join(', ')}`, name);
    }
    for (const { part, net, optimizer } of learners) {
      const of = (map: Map<string, NamedArray>) => {
        return new Map(
          [...map].flatMap(([name, array]) =>
            name.startsWith(`${part}.`) ? [[name.slice(part.length + 1), array] as const] : [],
          ),
        );
      };
      net.loadStateDict(of(model), { where: `DinetTrainer.loadState (${part})` });
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

function assertOptions({ sync, chunk, clipNorm, divergence }: DinetTrainerOptions, weights: DinetWeights): void {
  const where = 'DinetTrainer';
  for (const [name, value] of Object.entries(weights)) {
    if (!(value >= 0 && value < Infinity)) fail(RangeError, where, `weights.${name}`, 'a finite number from 0', value);
  }
  if (chunk !== undefined && !(Number.isInteger(chunk) && chunk >= 1))
    fail(RangeError, where, 'chunk', 'a whole number from 1', chunk);
  for (const [name, value] of Object.entries({ divergence, clipNorm })) {
    if (value !== undefined && !(value > 0)) fail(RangeError, where, name, 'above 0', value);
  }
  if (sync) assertGeneratorExpert(where, sync.expert);
}
