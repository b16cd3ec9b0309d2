export { describeOffset } from './describe-offset';
export { lowerMedian, medianFilter } from './median';
export { SyncScorer, scoreEmbeddings } from './sync-scorer';
export type { EmbeddingRows, SyncScore, SyncScorerOptions } from './sync-scorer';
export { WindowScorer, scoreWindows } from './window-scorer';
export type { ScoringWindow, WindowScorerOptions } from './window-scorer';
