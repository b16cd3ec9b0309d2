/** What works on plain arrays and numbers. This entry does not load TensorFlow.js. */
export { Random } from './random/random';
export { RowQueue } from './rows/row-queue';
export { lowerMedian, median, medianFilter } from './statistics/median';
