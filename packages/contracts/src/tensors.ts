/** Types and checks that mention TensorFlow.js tensors. The main entry does not need TensorFlow.js. */
export type { Axes, EmbeddingBatch, FeatureBatch, MouthBatch } from './expert/axes';
export type { CompiledNetwork, CompileNetwork } from './expert/compile-network';
export type { SyncExpert } from './expert/sync-expert';
export { assertFeatureBatch, assertMouthBatch } from './expert/sync-expert';
export type { EncodedReferences, FaceGenerator } from './generator/face-generator';
