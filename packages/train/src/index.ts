export type { CalibrateExpertOptions, ExpertCalibration } from './calibration/calibrate-expert';
export { calibrateExpert } from './calibration/calibrate-expert';
export type { ClipEmbeddings } from './calibration/clip-embeddings';
export { embedClip } from './calibration/clip-embeddings';
export { reliabilityChart } from './calibration/reliability-chart';
export type {
  ClipReading,
  CorrectionPlan,
  GroupCorrections,
  GroupRule,
  PlanCorrectionsOptions,
} from './cleaning/plan-corrections';
export { planCorrections } from './cleaning/plan-corrections';
export type { ReadClipsOptions } from './cleaning/read-clips';
export { readClips } from './cleaning/read-clips';
export type { EvaluateGeneratorOptions, GeneratorEvaluation } from './evaluate-generator/evaluate-generator';
export { evaluateGenerator } from './evaluate-generator/evaluate-generator';
export type { GeneratorFigures, GeneratorSyncFigures } from './evaluate-generator/generator-figures';
export type { EvaluateExpertOptions, ExpertEvaluation } from './expert/evaluate-expert';
export { evaluateExpert } from './expert/evaluate-expert';
export type { ExpertLogEntry } from './expert/expert-curve';
export type { HardestPairsOptions, HardPair } from './expert/hardest-pairs';
export { hardestPairs } from './expert/hardest-pairs';
export type { OverfitExpertOptions, OverfitReport } from './expert/overfit-expert';
export { overfitExpert } from './expert/overfit-expert';
export type { TrainExpertEvent, TrainExpertOptions, TrainExpertReport } from './expert/train-expert';
export { trainExpert } from './expert/train-expert';
export type { NetworkChoice, TrainedNetwork, TrainedNetworkName } from './expert/trained-network';
export { buildNetwork, recipeFor, TRAINED_NETWORKS } from './expert/trained-network';
export type { DataOverrides, TrainingPlanOptions } from './expert/training-plan';
export { assertTrainable } from './expert/training-plan';
export type { ExpertPreset, TrainingPreset } from './expert/training-presets';
export { presetFor, TRAINING_PRESETS } from './expert/training-presets';
export type { DinetScheduleOptions } from './generator/dinet-schedule';
export { dinetSchedule } from './generator/dinet-schedule';
export type { DinetStepReport, DinetTrainerOptions, DinetTrainerState } from './generator/dinet-trainer';
export { DinetTrainer } from './generator/dinet-trainer';
export type { GeneratorLogEntry } from './generator/generator-curve';
export type { ClipDiscriminator, MouthInput, TrainedDiscriminator } from './generator/generator-terms';
export type {
  GeneratorRates,
  GeneratorStepReport,
  GeneratorTrainerState,
  TrainedGenerator,
} from './generator/generator-trainer';
export { GeneratorTrainer } from './generator/generator-trainer';
export type { GeneratorCheck } from './generator/generator-validation';
export type { ExpertMode, GeneratorModule } from './generator/networks/generator-network';
export type { LipGanTrainerOptions } from './generator/networks/lipgan-trainer';
export { LipGanTrainer } from './generator/networks/lipgan-trainer';
export type { GeneratorNetworkName } from './generator/networks/networks';
export { GENERATOR_NETWORKS, loadGenerator } from './generator/networks/networks';
export type { Wav2LipTrainerOptions } from './generator/networks/wav2lip-trainer';
export { Wav2LipTrainer } from './generator/networks/wav2lip-trainer';
export type { GeneratorTrainBatch } from './generator/train-batch';
export type { TrainGeneratorEvent, TrainGeneratorOptions, TrainGeneratorReport } from './generator/train-generator';
export { trainGenerator } from './generator/train-generator';
export type {
  ReferenceStepReport,
  ReferenceTrainBatch,
  ReferenceTrainerOptions,
  ReferenceTrainerState,
} from './reference-attention/reference-trainer';
export { ReferenceTrainer } from './reference-attention/reference-trainer';
export type { ExchangeMemory, ExchangeMemoryOptions } from './replicas/shared-exchange';
export { ExchangeStopped, exchangeMemory, SharedExchange } from './replicas/shared-exchange';
export type { StartTrainerOptions } from './replicas/start-trainer';
export { startTrainer } from './replicas/start-trainer';
export type { RunEvent, RunStepEvent } from './run/run';
export type { TrainingSplit } from './run/training-split';
export { spread, trainingSplit } from './run/training-split';
export type { Json, TrainingState } from './run/training-state';
export { loadTrainingState, saveTrainingState } from './run/training-state';
export type { ReplicaExchange, SyncModel } from './step/batch-gradients';
export type { PlainBatch, StepOptions, Trainer, TrainerSetup, TrainerState } from './step/expert-trainer';
export { NonFiniteLoss } from './step/non-finite-loss';
export type { TrainStepOptions, TrainStepResult } from './step/train-step';
export { trainedParameters, trainStep } from './step/train-step';
export type { RunCost } from './study/run-cost';
export type { FinishedRun, RunStudyOptions, StudyEvent } from './study/run-study';
export { finishedRuns, runStudy } from './study/run-study';
export type { Study, StudyArm, StudyExperiment, StudyMeasure, StudyRun, StudyTraining } from './study/study-plan';
export { assertStudy, shareOfRuns, studyConfig, studyRuns } from './study/study-plan';
export type { ArmResult, ExperimentResult, Finding, Spread, StudyResults } from './study/study-results';
export { studyResults } from './study/study-results';
