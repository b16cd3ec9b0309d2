import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import {
  assertGeneratorExpert,
  DINET_WEIGHTS,
  type DinetWeights,
  type GeneratorSyncExpert,
  generatorSyncLoss,
  imageLoss,
  lsganDiscriminatorLoss,
  lsganGeneratorLoss,
  type PerceptualLoss,
} from '@lipsync/dinet';
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
import { evenShare } from '../step/even-share';
import { HeldTape } from './held-tape';
import { assertFinite } from './non-finite-loss';
import { StepRollback } from './step-rollback';

/** Faces `[rows * frames, height, width, 3]`, RGB in 0..1, to the expert's frames, with gradients: `ImageProcessor.mouths` and `syncInput`. */
export type MouthInput = (generated: tf.Tensor4D, angles: tf.Tensor1D) => MouthBatch;

/** What paints: a `DinetGenerator`, or any module with the same `forward`. */
export type TrainedGenerator = Module & {
  forward(masked: tf.Tensor4D, references: tf.Tensor4D, audio: tf.Tensor3D): tf.Tensor4D;
};

/** What judges frames: a `DinetDiscriminator`, or any module that gives a map of raw scores. */
export type TrainedDiscriminator = Module & { forward(frames: tf.Tensor4D): tf.Tensor };

export type DinetTrainerOptions = {
  generator: TrainedGenerator;
  /** Judges single frames. */
  frameDiscriminator: TrainedDiscriminator;
  /** Judges windows of `frames` frames of a row, one after the other on the channels: DINet's stage of clips. Default: stage of frames. */
  clipDiscriminator?: TrainedDiscriminator & { readonly frameCount: number };
  /** Of all optimisers; each step may name its own. Default 1e-4, with `dinetSchedule` for later epochs. */
  learningRate?: number;
  /** Of AdamW, for all. Default 0.01, AdamW's (the thesis names none); 0 is the Adam of DINet's code. */
  weightDecay?: number;
  /** Changes to `DINET_WEIGHTS`. With `gan: 0` the discriminators rest. */
  weights?: Partial<DinetWeights>;
  /** `dinetPerceptual(vgg19)`. Default: the loss is without it. */
  perceptual?: PerceptualLoss;
  /** A frozen expert, in evaluation mode. Default: the loss is without it. */
  sync?: { expert: GeneratorSyncExpert; mouthInput: MouthInput };
  /** Most rows in the networks at a time: memory is that of so many, whatever the batch. Default all. */
  chunk?: number;
  /** Largest length of the generator's gradient; a longer one is scaled down. Default none, as published. */
  clipNorm?: number;
  /** Generator's loss or length of its gradient from which a step is refused with `NonFiniteLoss`. Default 1e4; Infinity for none. */
  divergence?: number;
  /** `mixed`: forward and backward in half floats. No backend of TensorFlow.js trains so; it is refused. Default `float32`. */
  precision?: 'float32' | 'mixed';
};

/** Rows of frames, one after the other; all borrowed. */
export type DinetTrainBatch = {
  /** What is to be painted: `[rows * frames, height, width, 3]`, RGB, 0..1. */
  real: tf.Tensor4D;
  /** The same with the mouth box 0. */
  masked: tf.Tensor4D;
  /** `[rows * frames, height, width, references * 3]`. */
  references: tf.Tensor4D;
  /** `[rows * frames, bins, steps]`. */
  audio: tf.Tensor3D;
  /** `[rows * frames]`, radians; needed by the sync loss. */
  angles?: tf.Tensor1D;
  /** The audio that the expert hears: `[windows, bins, steps, 1]`, as many windows as `mouthInput` makes of the frames, usually one a row. */
  syncAudio?: FeatureBatch;
  /** Frames in a row. */
  frameCount: number;
};

/** Figures of a step, before its change of the generator; losses without their weights, NaN where not used. */
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

/** Everything that continues a trainer: goes into `saveTrainingState` as it is. */
export type DinetTrainerState = Pick<TrainingState, 'model' | 'optimizer'>;

const UNCLIPPED = 1e30; // only the length is wanted; not Infinity, which shaders may not know

type Part = 'generator' | 'frame_discriminator' | 'clip_discriminator';
type Term = 'perceptual' | 'gan' | 'ganClip' | 'sync' | 'image';
type Rows = { batch: DinetTrainBatch; share: number };
type Learner<M extends Module = Module> = { part: Part; net: M; optimizer: AdamW };

/**
 * Trains a generator against its discriminators, one step at a time.
 *
 * A step: the generator paints; the frame discriminator learns from what is real and what is painted, in the stage of clips the clip discriminator too;
 * then the generator learns from `10 perceptual + gan (+ gan of clips) + 0.1 sync + image`, with the scores of the discriminators as they have
 * just become. The discriminators see the very frames that the generator is taught by, as in the source.
 *
 * What it costs: the generator goes forward once, and its tape waits while the discriminators learn (`HeldTape`). With `chunk`, all chunks but the
 * last go forward twice. All losses are means over rows, so divided gradients are those of the whole batch but for rounding (1e-5 of the largest in
 * networks of two layers, 4e-4 in a small `DinetGenerator`, where rounding the frames alone makes 1e-2; see the test). Only BatchNorm takes each
 * chunk's statistics by itself, follows each chunk once, and makes the division count.
 *
 * The clip discriminator sees windows that do not overlap: of rows of 10 frames, frames 0-4 and 5-9, so every frame is judged once and the
 * seam is not.
 *
 * Source: MRzzm/DINet `train_DINet_frame.py`, `train_DINet_clip.py` (Adam 1e-4) and the thesis (AdamW, cosine sync loss, image loss). Against
 * PyTorch 1.13, two steps of both stages: losses differ by less than 5e-6 of themselves, gradients by less than 2e-5 of each tensor's largest.
 *
 * Takes the networks over: `dispose` frees them with the optimisers. Perceptual network and expert stay the caller's.
 *
 * @throws TypeError or RangeError for options that cannot work, Error for `precision: 'mixed'` and for an expert in training mode.
 * @example
 * const trainer = new DinetTrainer({
 *   generator: new DinetGenerator(LITE_DINET, { seed: 0 }),
 *   frameDiscriminator: new DinetDiscriminator({ frames: 1, seed: 1 }),
 * });
 * const { generator } = await trainer.step({ real, masked, references, audio, frames: 1 });
 */
export class DinetTrainer {
  /** What the generator's loss is made of. */
  readonly weights: DinetWeights;
  readonly generator: TrainedGenerator;
  private readonly options: DinetTrainerOptions;
  private readonly generatorLearner: Learner<TrainedGenerator>;
  private readonly frameDiscriminator: Learner<TrainedDiscriminator>;
  private readonly clipDiscriminator?: Learner<TrainedDiscriminator & { readonly frameCount: number }>;
  private isStepping = false;
  private isDisposed = false;

  constructor(options: DinetTrainerOptions) {
    const {
      generator,
      frameDiscriminator,
      clipDiscriminator,
      learningRate = 1e-4,
      weightDecay,
      weights,
      sync,
      chunk,
      clipNorm,
    } = options;
    const { divergence = 1e4, precision = 'float32' } = options;
    const where = 'DinetTrainer';
    this.weights = { ...DINET_WEIGHTS, ...weights };
    for (const [name, value] of Object.entries(this.weights)) {
      if (!(value >= 0 && value < Infinity))
        fail(RangeError, where, `weights.${name}`, 'a finite number from 0', value);
    }
    if (chunk !== undefined && !(Number.isInteger(chunk) && chunk >= 1))
      fail(RangeError, where, 'chunk', 'a whole number from 1', chunk);
    for (const [name, value] of Object.entries({ divergence, clipNorm })) {
      if (value !== undefined && !(value > 0)) fail(RangeError, where, name, 'above 0', value);
    }
    if (precision !== 'float32') {
      const rule = "'float32' here: no backend of TensorFlow.js has kernels that train in half floats";
      fail(Error, where, 'precision', rule, `${precision} on ${tf.getBackend()}`);
    }
    if (sync) assertGeneratorExpert(where, sync.expert);
    const learner = <M extends Module>(part: Part, net: M): Learner<M> => {
      return {
        part,
        net,
        optimizer: new AdamW(net.namedParameters(), {
          learningRate,
          ...(weightDecay === undefined ? {} : { weightDecay }),
        }),
      };
    };
    this.options = options;
    this.generator = generator;
    this.generatorLearner = learner('generator', generator);
    this.frameDiscriminator = learner('frame_discriminator', frameDiscriminator);
    this.clipDiscriminator = clipDiscriminator && learner('clip_discriminator', clipDiscriminator);
  }

  /** Steps taken. */
  get stepCount(): number {
    return this.generatorLearner.optimizer.stepCount;
  }

  /**
   * One step on a batch, which is borrowed.
   *
   * Makes no tensor that outlives it. Networks are left in the mode that they were in.
   *
   * @throws NonFiniteLoss if a loss or gradient is not finite, or the generator's above `explosion`; all weights, moments and running statistics are
   *   then as they were. TypeError for shapes that do not fit together.
   */
  async step(batch: DinetTrainBatch, { learningRate }: { learningRate?: number } = {}): Promise<DinetStepReport> {
    if (this.isDisposed) fail(Error, 'DinetTrainer.step', 'this trainer', 'in use', 'one that was disposed');
    if (this.isStepping) fail(Error, 'DinetTrainer.step', 'step', 'awaited before the next', 'two at once');
    this.assertBatch(batch);
    const learners = this.learners();
    if (learningRate !== undefined) for (const { optimizer } of learners) optimizer.learningRate = learningRate;
    const modes = learners.map(({ net }) => net.training);
    const before = [new StepRollback(this.generatorLearner.net)]; // BatchNorm follows in the forward pass
    const chunks = this.divide(batch);
    const made = new Made();
    this.isStepping = true;
    try {
      for (const { net } of learners) net.train();
      return await this.stepOn(chunks, before, made);
    } catch (error) {
      for (const each of before) each.restore();
      throw error;
    } finally {
      this.isStepping = false;
      learners.forEach(({ net }, i) => net.train(modes[i]));
      for (const each of before) each.dispose();
      made.dispose();
      disposeChunks(chunks, batch);
    }
  }

  private async stepOn(chunks: Rows[], before: StepRollback[], made: Made): Promise<DinetStepReport> {
    const generatorLearner = this.generatorLearner.net;
    const generate = ({ batch: { masked, references, audio } }: Rows) =>
      generatorLearner.forward(masked, references, audio);
    const last = chunks.length - 1;
    const generated = chunks.slice(0, last).map((rows) => made.add(tf.tidy(() => generate(rows))));
    const held = made.hold(new HeldTape(() => generate(chunks[last])));
    generated.push(held.output);

    const judged = [];
    for (const discriminator of this.weights.gan > 0 ? [this.frameDiscriminator, this.clipDiscriminator] : []) {
      if (discriminator)
        judged.push({ ...discriminator, ...this.discriminatorGradients(discriminator, chunks, generated, made) });
    }
    const judgeFigures = await read(
      Object.fromEntries(
        judged.flatMap(({ part, value, norm }) => [
          [part, value],
          [`${part} gradient`, norm],
        ]),
      ),
    );
    assertFinite(judgeFigures);
    for (const { net, optimizer, gradients } of judged) {
      before.push(new StepRollback(net, optimizer));
      optimizer.step(gradients);
    }

    // The last chunk first, since its tape is still there; the others are painted anew, by the same weights.
    const sums = made.own(new GradientAccumulator());
    const losses = new Map<Term | 'generator', tf.Scalar>();
    const variables = generatorLearner.namedParameters();
    for (let index = last; index >= 0; index--) {
      const rows = chunks[index];
      const { terms, byGenerated } = this.lossByGenerated(rows, generated[index]);
      for (const [name, value] of terms) {
        const sum = losses.get(name);
        losses.set(name, made.add(tf.tidy(() => tf.add(sum ?? 0, tf.mul(value, rows.share)) as tf.Scalar)));
        value.dispose();
      }
      const statistics = index < last ? new StepRollback(generatorLearner) : undefined; // followed once already
      const tape = index < last ? new HeldTape(() => generate(rows)) : held;
      try {
        const found = tape.gradients(
          [...variables.values()].map(({ variable }) => variable),
          byGenerated,
        );
        const gradients = new Map([...variables.keys()].map((name, i) => [name, found[i]]));
        const missing = [...gradients].flatMap(([name, gradient]) => (gradient ? [] : [name]));
        try {
          if (missing.length > 0)
            fail(
              Error,
              'DinetTrainer.step',
              'generator',
              'a function of all its parameters',
              `one without ${missing.join(', ')}`,
            );
          sums.add(gradients as Map<string, tf.Tensor>, rows.share);
        } finally {
          tf.dispose(found.filter((gradient) => gradient !== null));
        }
        statistics?.restore();
      } finally {
        statistics?.dispose();
        if (index < last) tape.dispose();
        byGenerated.dispose();
      }
    }
    const gradients = made.map(sums.take());
    const norm = made.add(clipGradientNorm(gradients, this.options.clipNorm ?? UNCLIPPED));
    const figures = await read({ ...Object.fromEntries(losses), gradientNorm: norm });
    const { generator, gradientNorm, perceptual = NaN, gan = NaN, ganClip = NaN, sync = NaN, image = NaN } = figures;
    assertFinite(figures, ['generator', 'gradientNorm'], this.options.divergence ?? 1e4);
    this.generatorLearner.optimizer.step(gradients);
    const { frame_discriminator: frameDiscriminator = NaN, clip_discriminator: clipDiscriminator = NaN } = judgeFigures;
    return { generator, perceptual, gan, ganClip, sync, image, frameDiscriminator, clipDiscriminator, gradientNorm };
  }

  /** A discriminator's loss on the whole batch, its gradients and their length. */
  private discriminatorGradients(
    { part, net }: Learner<TrainedDiscriminator>,
    chunks: Rows[],
    generated: tf.Tensor4D[],
    made: Made,
  ) {
    const sums = made.own(new GradientAccumulator());
    let value = tf.scalar(0);
    chunks.forEach(({ batch, share }, i) => {
      const seen = (frames: tf.Tensor4D) => net.forward(part === 'clip_discriminator' ? this.windows(frames) : frames);
      const { value: own, gradients } = valueAndGradients(net, () =>
        lsganDiscriminatorLoss(seen(batch.real), seen(generated[i])),
      );
      sums.add(gradients, share);
      disposeGradients(gradients);
      const sum = tf.tidy(() => tf.add(value, tf.mul(own, share)) as tf.Scalar);
      tf.dispose([value, own]);
      value = sum;
    });
    const gradients = made.map(sums.take());
    const norm = made.add(clipGradientNorm(gradients, UNCLIPPED));
    return { value: made.add(value), gradients, norm };
  }

  /** The generator's losses on some rows and the gradient of their weighted sum by what was painted; all the caller's. */
  private lossByGenerated(
    { batch }: Rows,
    generated: tf.Tensor4D,
  ): { terms: Map<Term | 'generator', tf.Scalar>; byGenerated: tf.Tensor4D } {
    const terms = new Map<Term | 'generator', tf.Scalar>();
    let refusal: unknown;
    const { value, grad } = tf.valueAndGrad((frames) => {
      try {
        const made = this.terms(batch, frames as tf.Tensor4D);
        for (const { name, value } of made) terms.set(name, tf.keep(tf.clone(value)));
        // The last term is 0, but a function of the frames where all weights are 0, too.
        return tf.addN([...made.map(({ value, weight }) => tf.mul(value, weight)), tf.mul(tf.sum(frames), 0)]);
      } catch (error) {
        // Thrown through tfjs, the error would leave all maps of the forward pass behind: it frees them after a backward pass only.
        refusal = error;
        return tf.sum(frames);
      }
    })(generated);
    if (refusal !== undefined) {
      tf.dispose([value, grad, ...terms.values()]);
      throw refusal;
    }
    terms.set('generator', value as tf.Scalar);
    return { terms, byGenerated: grad as tf.Tensor4D };
  }

  private terms(batch: DinetTrainBatch, generated: tf.Tensor4D): { name: Term; value: tf.Scalar; weight: number }[] {
    const { weights, frameDiscriminator, clipDiscriminator } = this;
    const { perceptual, sync } = this.options;
    const { real, angles, syncAudio } = batch;
    const made: { name: Term; value: tf.Scalar; weight: number }[] = [];
    const add = (name: Term, weight: number, value: () => tf.Scalar) => {
      if (weight > 0) made.push({ name, value: value(), weight });
    };
    if (perceptual) add('perceptual', weights.perceptual, () => perceptual(real, generated));
    add('gan', weights.gan, () => lsganGeneratorLoss(frameDiscriminator.net.forward(generated)));
    if (clipDiscriminator)
      add('ganClip', weights.gan, () => lsganGeneratorLoss(clipDiscriminator.net.forward(this.windows(generated))));
    if (sync) {
      add('sync', weights.sync, () =>
        generatorSyncLoss(sync.expert, sync.mouthInput(generated, angles as tf.Tensor1D), syncAudio as FeatureBatch),
      );
    }
    add('image', weights.image, () => imageLoss(real, generated));
    return made;
  }

  /** Frames `[n, height, width, 3]` as the clip discriminator's windows `[n / frames, height, width, frames * 3]`. */
  private windows(frames: tf.Tensor4D): tf.Tensor4D {
    const length = (this.clipDiscriminator as NonNullable<typeof this.clipDiscriminator>).net.frameCount;
    const [count, height, width] = frames.shape;
    return tf.tidy(() => {
      const rows = tf.reshape(frames, [count / length, length, height, width, 3]);
      return tf.reshape(tf.transpose(rows, [0, 2, 3, 1, 4]), [
        count / length,
        height,
        width,
        length * 3,
      ]) as tf.Tensor4D;
    });
  }

  private assertBatch(batch: DinetTrainBatch): void {
    const where = 'DinetTrainer.step';
    const { real, masked, references, audio, angles, syncAudio, frameCount } = batch;
    const [count, height, width] = real.shape;
    if (real.rank !== 4 || real.shape[3] !== 3)
      fail(TypeError, where, 'batch.real', 'of shape [rows * frames, height, width, 3]', real.shape);
    if (!(Number.isInteger(frameCount) && frameCount >= 1 && count > 0 && count % frameCount === 0)) {
      fail(RangeError, where, 'batch.frames', `a whole number that divides the ${count} frames`, frameCount);
    }
    if (masked.shape.join() !== real.shape.join())
      fail(TypeError, where, 'batch.masked', `of shape [${real.shape.join(', ')}]`, masked.shape);
    if (references.rank !== 4 || references.shape.slice(0, 3).join() !== [count, height, width].join()) {
      fail(
        TypeError,
        where,
        'batch.references',
        `of shape [${count}, ${height}, ${width}, references * 3]`,
        references.shape,
      );
    }
    if (audio.rank !== 3 || audio.shape[0] !== count)
      fail(TypeError, where, 'batch.audio', `of shape [${count}, bins, steps]`, audio.shape);
    const length = this.clipDiscriminator?.net.frameCount;
    if (length !== undefined && frameCount % length !== 0) {
      fail(
        RangeError,
        where,
        'batch.frames',
        `a multiple of the ${length} frames that the clip discriminator looks at`,
        frameCount,
      );
    }
    if (!this.options.sync || this.weights.sync === 0) return;
    assertGeneratorExpert(where, this.options.sync.expert); // it may have been put into training mode since
    if (angles?.shape.join() !== String(count))
      fail(TypeError, where, 'batch.angles', `of shape [${count}], for the sync loss`, angles?.shape);
    const rows = count / frameCount;
    if (!syncAudio || syncAudio.rank !== 4 || syncAudio.shape[0] % rows !== 0) {
      fail(
        TypeError,
        where,
        'batch.syncAudio',
        `of shape [windows, bins, steps, 1] with as many windows for each of ${rows} rows`,
        syncAudio?.shape,
      );
    }
  }

  /** The batch in parts of at most `chunk` rows, as even as can be. Only the batch itself is not a copy. */
  private divide(batch: DinetTrainBatch): Rows[] {
    const { real, masked, references, audio, angles, syncAudio, frameCount } = batch;
    const rows = real.shape[0] / frameCount;
    const parts = Math.ceil(rows / Math.min(rows, this.options.chunk ?? rows));
    if (parts === 1) return [{ batch, share: 1 }];
    return Array.from({ length: parts }, (_, part) => {
      const [first, end] = evenShare(rows, part, parts);
      const of = <T extends tf.Tensor>(x: T): T => {
        const each = x.shape[0] / rows;
        return tf.slice(
          x,
          [first * each, ...new Array<number>(x.rank - 1).fill(0)],
          [(end - first) * each, ...x.shape.slice(1)],
        );
      };
      const own = { real: of(real), masked: of(masked), references: of(references), audio: of(audio) };
      return {
        batch: { ...own, angles: angles && of(angles), syncAudio: syncAudio && of(syncAudio), frameCount },
        share: (end - first) / rows,
      };
    });
  }

  private learners(): Learner[] {
    return [
      this.generatorLearner,
      this.frameDiscriminator,
      ...(this.clipDiscriminator ? [this.clipDiscriminator] : []),
    ];
  }

  /** Weights, running statistics and optimisers, under `generator.`, `frame_discriminator.` and `clip_discriminator.`; copies. */
  async state(): Promise<DinetTrainerState> {
    const state: DinetTrainerState = {
      model: new Map(),
      optimizer: { step: this.stepCount, expAvg: new Map(), expAvgSq: new Map() },
    };
    for (const { part, net, optimizer } of this.learners()) {
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
   * Takes over what `state` gave: the next step has the same bits as if there had been no break.
   *
   * @throws Error for a state of another stage, or with missing, unused or misshapen names.
   */
  loadState({ model, optimizer: { step, expAvg, expAvgSq } }: DinetTrainerState): void {
    const learners = this.learners();
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
    this.isDisposed = true;
    for (const { net, optimizer } of this.learners()) {
      optimizer.dispose();
      net.dispose();
    }
  }
}

/** What a step makes and frees at its end, however it ends. */
class Made {
  private readonly parts: { dispose(): void }[] = [];

  add<T extends tf.Tensor>(tensor: T): T {
    this.parts.push(tensor);
    return tensor;
  }

  map(gradients: Map<string, tf.Tensor>): Map<string, tf.Tensor> {
    this.parts.push({ dispose: () => disposeGradients(gradients) });
    return gradients;
  }

  hold<T extends tf.Tensor>(tape: HeldTape<T>): HeldTape<T> {
    this.parts.push(tape);
    return tape;
  }

  own(sums: GradientAccumulator): GradientAccumulator {
    this.parts.push(sums);
    return sums;
  }

  dispose(): void {
    for (const part of this.parts) part.dispose();
  }
}

/** Reads named scalars, borrowed, at one go. */
async function read(scalars: Record<string, tf.Scalar>): Promise<Record<string, number>> {
  const names = Object.keys(scalars);
  if (names.length === 0) return {};
  const stacked = tf.tidy(() => tf.stack(names.map((name) => scalars[name])));
  try {
    const values = await stacked.data();
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  } finally {
    stacked.dispose();
  }
}

function disposeChunks(chunks: Rows[], batch: DinetTrainBatch): void {
  for (const { batch: own } of chunks) {
    if (own !== batch)
      tf.dispose([
        own.real,
        own.masked,
        own.references,
        own.audio,
        ...(own.angles ? [own.angles] : []),
        ...(own.syncAudio ? [own.syncAudio] : []),
      ]);
  }
}
