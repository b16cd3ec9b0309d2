export type { GaussianBlurOptions } from './image/gaussian-blur';
export { gaussianBlur } from './image/gaussian-blur';
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
export type { LoadReferenceGeneratorOptions } from './weights/weights';
export { loadReferenceGenerator, referenceGeneratorMetadata, saveReferenceGenerator } from './weights/weights';
