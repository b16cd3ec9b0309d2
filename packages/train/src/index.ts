export type { DinetEvaluation, EvaluateDinetOptions } from './evaluate-generator/evaluate-dinet';
export { evaluateDinet } from './evaluate-generator/evaluate-dinet';
export type { DinetFigures, DinetSyncFigures } from './evaluate-generator/evaluate-dinet-figures';
export type { ExpertEvaluation } from './expert/evaluate-expert';
export { evaluateExpert } from './expert/evaluate-expert';
export type { TrainEvent, TrainExpertOptions, TrainPreset, TrainReport } from './expert/train-expert';
export { trainExpert } from './expert/train-expert';
export type { NetworkChoice, TrainedNetwork, TrainedNetworkName } from './expert/trained-network';
export { buildNetwork, recipeFor, recipeOf, TRAINED_NETWORKS } from './expert/trained-network';
export type { TrainingPreset } from './expert/training-presets';
export { TRAINING_PRESETS } from './expert/training-presets';
export type { DinetScheduleOptions } from './generator/dinet-schedule';
export { dinetSchedule } from './generator/dinet-schedule';
export type {
  DinetStepReport,
  DinetTrainBatch,
  DinetTrainerOptions,
  DinetTrainerState,
  MouthInput,
  TrainedDiscriminator,
  TrainedGenerator,
} from './generator/dinet-trainer';
export { DinetTrainer } from './generator/dinet-trainer';
export type { GeneratorCheck } from './generator/generator-validation';
export { NonFiniteLoss } from './generator/non-finite-loss';
export type { TrainGeneratorEvent, TrainGeneratorOptions, TrainGeneratorReport } from './generator/train-generator';
export { trainGenerator } from './generator/train-generator';
export type { ExchangeMemory, ExchangeMemoryOptions } from './replicas/shared-exchange';
export { ExchangeStopped, exchangeMemory, SharedExchange } from './replicas/shared-exchange';
export type { StartTrainerOptions } from './replicas/start-trainer';
export { startTrainer } from './replicas/start-trainer';
export type { TrainingLogEntry } from './run/training-curve';
export { trainingCurve } from './run/training-curve';
export { spread, trainingSplit } from './run/training-split';
export type { Json, TrainingState } from './run/training-state';
export { loadTrainingState, saveTrainingState } from './run/training-state';
export type { ReplicaExchange, SyncModel } from './step/batch-gradients';
export { evenShare } from './step/even-share';
export type { TrainStepOptions, TrainStepResult } from './step/train-step';
export { trainedParameters, trainStep } from './step/train-step';
export type { StepOptions, Trainer, TrainerSetup, TrainerState } from './step/trainer';
