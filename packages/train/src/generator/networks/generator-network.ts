import type { ByteInput } from '@lipsync/checkpoints';
import type { StoredCrop } from '@lipsync/contracts';
import type { FaceGenerator, SyncExpert } from '@lipsync/contracts/tensors';
import type { DinetWeights } from '@lipsync/dinet';
import type { ImageFeatures, Network } from '@lipsync/nn';
import type { Wav2LipSchedule } from '@lipsync/wav2lip';
import type { MouthInput } from '../generator-terms';
import type { GeneratorTrainer } from '../generator-trainer';
import type { GeneratorCheck } from '../generator-validation';

/** A generator whose weights can be read, written and trained. */
export type GeneratorModule = Network & FaceGenerator;

/** How the expert's BatchNorm works while it teaches: by its running statistics, or by those of the batch. */
export type ExpertMode = 'eval' | 'as published';

/** What a trainer is made of; each network takes what it knows. */
export type TrainerParts = {
  generator: GeneratorModule;
  stage: 'frame' | 'clip';
  seed: number;
  learningRate: number;
  chunk?: number;
  clipNorm?: number;
  /** Of the discriminators, in the network's own unit. Default: the generator's. */
  discriminatorWidth?: number;
  /** Of DINet. */
  weights?: Partial<DinetWeights>;
  perceptual: ImageFeatures | 'none';
  sync?: { expert: SyncExpert; mouthInput: MouthInput; mode: ExpertMode };
  /** Of Wav2Lip. */
  schedule?: Wav2LipSchedule;
};

/** A trainer that may learn from validations, such as when its sync loss sets in. */
export type RunTrainer = GeneratorTrainer & {
  /** Called after each validation between steps. */
  validated?(step: number, check: GeneratorCheck): void;
  /** The step from which on its sync loss counts, where that is decided on the way. */
  readonly syncSetIn?: number;
};

/** All that `trainGenerator` has to know of a network. */
export type GeneratorNetwork<Config extends object = object> = {
  /** For reports and titles. */
  title: string;
  /** The name of its generators. */
  generator: string;
  /** Configurations by name; `lite` is the default. */
  configs: Readonly<Record<string, Config>>;
  /** Refuses a configuration that is not complete. */
  assertConfig(where: string, value: unknown): Config;
  build(config: Config, seed: number): GeneratorModule;
  load(source: ByteInput): Promise<GeneratorModule>;
  /** The metadata of its weights file. @param crop the face images that it was trained with. */
  metadata(generator: GeneratorModule, crop: StoredCrop): Record<string, string>;
  /** The default stage, and rows of a batch in each. */
  stage: 'frame' | 'clip';
  batch: { frame: number; clip: number };
  /** Whether the rate falls to 0 over the second half of a run. */
  rate: 'constant' | 'falling';
  /** What it is trained by, beside the absolute or squared error. */
  takes: { perceptual: boolean; expert: boolean };
  /** Takes the generator over. */
  trainer(parts: TrainerParts): RunTrainer;
  /** The width of a new discriminator where none is given. */
  discriminatorWidth(generator: GeneratorModule): number;
};
