/** The part of the contracts that speaks of TensorFlow.js tensors; the rest does not need it. */
export type { Axes, EmbeddingBatch, FeatureBatch, MouthBatch } from './expert/axes';
export type { SyncExpert } from './expert/sync-expert';
export { assertFeatureBatch, assertMouthBatch } from './expert/sync-expert';
