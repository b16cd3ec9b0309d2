export type { DiffAugmentOptions, WindowChange } from './discriminator/diff-augment';
export { changeWindows, drawChanges } from './discriminator/diff-augment';
export type { WindowDiscriminatorOptions } from './discriminator/discriminator';
export { WindowDiscriminator } from './discriminator/discriminator';
export type { LowerHalfWindowsOptions } from './discriminator/lower-half-windows';
export { lowerHalfWindows } from './discriminator/lower-half-windows';
export type { SpectralNormConv2dOptions } from './discriminator/spectral-norm-conv2d';
export { SpectralNormConv2d } from './discriminator/spectral-norm-conv2d';
export type { AffineMap } from './discriminator/warp-affine';
export { warpAffine } from './discriminator/warp-affine';
export type { GaussianBlurOptions } from './image/gaussian-blur';
export { gaussianBlur } from './image/gaussian-blur';
export type { DiscriminatorLoss, DiscriminatorLossOptions } from './losses/adversarial-losses';
export { adversarialLoss, discriminatorLoss } from './losses/adversarial-losses';
export { expertLoss, maskedL1, maskLoss, vggPerceptual } from './losses/image-losses';
export type { Point } from './masks/convex-hull';
export { convexHull } from './masks/convex-hull';
export type { GroundTruthMaskOptions } from './masks/ground-truth-mask';
export { GROUND_TRUTH_POINTS, groundTruthMask, lowerHalfMask } from './masks/ground-truth-mask';
export { referenceWeights } from './network/attention';
export { blendByMask, stopGradient } from './network/blend';
export type { ReferenceAttention, ReferenceGeneratorConfig } from './network/config';
export {
  assertReferenceGeneratorConfig,
  LITE_REFERENCE_GENERATOR,
  REFERENCE_GENERATOR,
} from './network/config';
export type { GeneratedFaces } from './network/generator';
export { ReferenceGenerator } from './network/generator';
export type { Clusters, KMeansOptions, Rows } from './references/k-means';
export { kMeans } from './references/k-means';
export type { PrepareReferencesOptions } from './references/prepare-references';
export { prepareReferences } from './references/prepare-references';
export type {
  ReferenceSelection,
  SelectedReference,
  SelectReferencesOptions,
} from './references/select-references';
export { REFERENCE_POINTS, selectReferences } from './references/select-references';
export type { GeneratorLoss, GeneratorLossParts } from './stages/generator-loss';
export { referenceGeneratorLoss } from './stages/generator-loss';
export type { ExpertSwitch, ReferenceWeights, StageRateOptions } from './stages/stages';
export { EXPERT_SWITCH, isExpertDue, REFERENCE_STAGES, stageRate } from './stages/stages';
export type { TableFigures, TableRow } from './stages/table-4-1';
export { TABLE_4_1 } from './stages/table-4-1';
export type { LoadReferenceGeneratorOptions } from './weights/weights';
export { loadReferenceGenerator, referenceGeneratorMetadata, saveReferenceGenerator } from './weights/weights';
