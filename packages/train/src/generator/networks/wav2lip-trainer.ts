import { assertGeneratorExpert, generatorSyncLoss } from '@lipsync/avalignnet';
import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import { Module } from '@lipsync/nn';
import {
  absoluteError,
  afterValidation,
  qualityDiscriminatorLoss,
  qualityGeneratorLoss,
  WAV2LIP_SCHEDULE,
  type Wav2LipDiscriminator,
  type Wav2LipSchedule,
  type Wav2LipScheduleState,
  wav2lipWeights,
} from '@lipsync/wav2lip';
import * as tf from '@tensorflow/tfjs-core';
import { LossTerms, type MouthInput } from '../generator-terms';
import {
  type GeneratorRates,
  GeneratorTrainer,
  type GeneratorTrainerState,
  type TrainedGenerator,
} from '../generator-trainer';
import type { GeneratorCheck } from '../generator-validation';
import { StepRollback } from '../step-rollback';
import { assertTrainBatch } from '../train-batch';
import type { ExpertMode } from './generator-network';

/** Networks, schedule and rates of a `Wav2LipTrainer`. */
export type Wav2LipTrainerOptions = Omit<GeneratorRates, 'betas' | 'weightDecay'> & {
  generator: TrainedGenerator;
  /** The quality discriminator. Default: none. */
  discriminator?: Wav2LipDiscriminator;
  /** A frozen expert with cosines, borrowed, in evaluation mode. Default: no sync loss. */
  sync?: {
    expert: SyncExpert;
    mouthInput: MouthInput;
    /**
     * `as published`: its BatchNorm takes the statistics of each batch and its running ones follow, as in the source,
     * which never sets it to evaluation mode. They are restored by `dispose`. Default `eval`.
     */
    mode?: ExpertMode;
  };
  /** Default `WAV2LIP_SCHEDULE`. */
  schedule?: Wav2LipSchedule;
};

const SWITCHED_AT = 'schedule.switched_at';
const EXPERT = 'expert.';

/**
 * Trains a generator as Wav2Lip does: `w sync + g gan + (1 - w - g) |generated - real|`, the generator's step first, then
 * the quality discriminator's, where there is one.
 *
 * The sync loss is `-mean ln cos` of a frozen expert; its weight w is 0 until `validated` gets one below the threshold of
 * the schedule. That is part of `state`, so a run that was resumed goes on as it was.
 *
 * Source: Rudrabha/Wav2Lip, `wav2lip_train.py` and `hq_wav2lip_train.py`: Adam at 1e-4, with betas (0.5, 0.999) for both
 * networks where there is a discriminator. Losses of ten steps: see the test of the schedule in `@lipsync/wav2lip`.
 *
 * Takes generator and discriminator over; the expert stays the caller's.
 *
 * @throws TypeError or RangeError for options that cannot work, Error for an expert in training mode.
 * @example
 * import { Wav2LipTrainer } from '@lipsync/train';
 * import { LITE_WAV2LIP, Wav2LipGenerator } from '@lipsync/wav2lip';
 * const trainer = new Wav2LipTrainer({ generator: new Wav2LipGenerator(LITE_WAV2LIP, { seed: 0 }) });
 * const { image } = await trainer.step({ real, masked, references, audio, frameCount: 5 });
 */
export class Wav2LipTrainer extends GeneratorTrainer {
  readonly #memory: { state: Wav2LipScheduleState };
  readonly #schedule: Wav2LipSchedule;
  readonly #drifting?: { expert: Module; before: StepRollback };

  constructor(options: Wav2LipTrainerOptions) {
    const where = 'Wav2LipTrainer';
    const { generator, discriminator, sync, schedule = WAV2LIP_SCHEDULE } = options;
    wav2lipWeights({}, schedule); // refuses bad ones
    if (schedule.gan > 0 && !discriminator)
      fail(TypeError, where, 'discriminator', 'given for a schedule with a weight for it', 'none');
    if (sync) assertWav2LipExpert(where, sync.expert);
    if (sync?.mode === 'as published' && !(sync.expert instanceof Module))
      fail(TypeError, where, 'sync.expert', 'a network of this process, for statistics of batches', sync.expert.name);
    const memory: { state: Wav2LipScheduleState } = { state: {} };
    const weights = () => wav2lipWeights(memory.state, schedule);
    super(
      generator,
      {
        where,
        discriminators: discriminator
          ? [
              {
                part: 'frame_discriminator',
                net: discriminator,
                loss: ({ real }, generated) =>
                  qualityDiscriminatorLoss(discriminator.forward(real), discriminator.forward(generated)),
              },
            ]
          : [],
        trainsDiscriminators: () => schedule.gan > 0,
        first: 'generator',
        terms({ real, angles, syncAudio }, generated) {
          const factors = weights();
          const terms = new LossTerms();
          if (sync) {
            const loss = sync.mode === 'as published' ? batchStatisticsLoss : runningStatisticsLoss;
            const mouths = () => sync.mouthInput(generated, angles as tf.Tensor1D);
            terms.add('sync', factors.sync, () => loss(sync.expert, mouths(), syncAudio as FeatureBatch));
          }
          if (discriminator)
            terms.add('gan', factors.gan, () => qualityGeneratorLoss(discriminator.forward(generated)));
          terms.add('image', factors.image, () => absoluteError(real, generated));
          return terms.list;
        },
        assertBatch(batch) {
          assertTrainBatch(`${where}.step`, batch, { sync: sync !== undefined && weights().sync > 0 });
          if (sync) assertWav2LipExpert(`${where}.step`, sync.expert);
        },
      },
      { weightDecay: 0, ...(discriminator ? { betas: [0.5, 0.999] } : {}), ...options },
    );
    this.#memory = memory;
    this.#schedule = schedule;
    if (sync?.mode === 'as published') {
      const expert = sync.expert as unknown as Module;
      this.#drifting = { expert, before: new StepRollback(expert) };
    }
  }

  /** The step whose validation set the sync loss in; undefined before. */
  get syncSetIn(): number | undefined {
    return this.#memory.state.switchedAt;
  }

  /** Lets a validation decide whether the sync loss sets in. */
  validated(step: number, { crossEntropy }: Pick<GeneratorCheck, 'crossEntropy'>): void {
    if (crossEntropy === undefined) return;
    this.#memory.state = afterValidation(this.#memory.state, { step, syncLoss: crossEntropy }, this.#schedule);
  }

  /** As `GeneratorTrainer`'s, with the schedule's state and, of an expert that drifts, its running statistics. */
  override async state(): Promise<GeneratorTrainerState> {
    const state = await super.state();
    const switchedAt = BigInt64Array.of(BigInt(this.syncSetIn ?? -1));
    state.model.set(SWITCHED_AT, { dtype: 'int64', shape: [], data: switchedAt });
    if (this.#drifting) {
      const { expert } = this.#drifting;
      const all = await expert.stateDict();
      for (const name of expert.namedBuffers().keys()) state.model.set(`${EXPERT}${name}`, all.get(name) as NamedArray);
    }
    return state;
  }

  /** Restores what `state` gave: the next step has the same bits as without the break. */
  override async loadState({ model, optimizer }: GeneratorTrainerState): Promise<void> {
    const own = new Map([...model].filter(([name]) => name !== SWITCHED_AT && !name.startsWith(EXPERT)));
    super.loadState({ model: own, optimizer });
    const switchedAt = Number((model.get(SWITCHED_AT)?.data as BigInt64Array | undefined)?.[0] ?? -1n);
    this.#memory.state = switchedAt < 0 ? {} : { switchedAt };
    if (!this.#drifting) return;
    const { expert } = this.#drifting;
    const all = await expert.stateDict();
    for (const name of expert.namedBuffers().keys()) {
      const kept = model.get(`${EXPERT}${name}`);
      if (kept) all.set(name, kept);
    }
    expert.loadStateDict(all, { where: 'Wav2LipTrainer.loadState (expert)' });
  }

  override dispose(): void {
    this.#drifting?.before.restore();
    this.#drifting?.before.dispose();
    super.dispose();
  }
}

/** Refuses an expert whose scores are no cosines. */
function assertWav2LipExpert(where: string, expert: SyncExpert): void {
  assertGeneratorExpert(where, expert);
  if (expert.space !== 'unit')
    fail(TypeError, where, 'expert', 'one of cosines (unit)', `${expert.name}, ${expert.space}`);
}

function runningStatisticsLoss(expert: SyncExpert, mouths: MouthBatch, features: FeatureBatch): tf.Scalar {
  return generatorSyncLoss(expert, mouths, features, { formula: 'cross-entropy' });
}

/** The same by BatchNorm's statistics of this batch. */
function batchStatisticsLoss(expert: SyncExpert, mouths: MouthBatch, features: FeatureBatch): tf.Scalar {
  const network = expert as unknown as Module; // checked by the constructor
  network.train();
  try {
    return tf.tidy(() => {
      const cosines = tf.sum<tf.Tensor1D>(tf.mul(expert.encodeVisual(mouths), expert.encodeAudio(features)), 1);
      return tf.neg(tf.mean<tf.Scalar>(tf.log(tf.clipByValue(cosines, 1e-7, 1 - 1e-7))));
    });
  } finally {
    network.eval();
  }
}
