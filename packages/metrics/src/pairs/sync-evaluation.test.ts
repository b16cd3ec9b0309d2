import { describe, expect, test } from 'vitest';
import { SyncEvaluation } from './sync-evaluation';

describe('SyncEvaluation', () => {
  test('adds batches up', () => {
    const evaluation = new SyncEvaluation();
    evaluation.update([0.9, 0.2], [0, 4]);
    evaluation.update(Float32Array.of(0.4), [0]);
    const report = evaluation.compute();
    expect(report.accuracy).toEqual({ balanced: 0.75, inSync: 0.5, offSync: 1 });
    expect(report.auc).toBe(1);
    expect(report.best.balanced).toBe(1);
    expect(report.pairs).toEqual({ inSync: 2, offSync: 1 });
    expect(report.meanInSync).toBeCloseTo(0.65, 7); // measured 3e-9: scores are float32
    // measured 3.7e-9
    expect(report.crossEntropy).toBeCloseTo(-((Math.log(0.9) + Math.log(0.4)) / 2 + Math.log(0.8)) / 2, 7);
    expect(evaluation.compute({ threshold: 0.3 }).accuracy.balanced).toBe(1);
  });

  test('has nothing to report before an update, nor after reset', () => {
    const evaluation = new SyncEvaluation();
    expect(() => evaluation.compute()).toThrow(RangeError);
    evaluation.update([0.9, 0.2], [0, 4]);
    evaluation.reset();
    expect(() => evaluation.compute()).toThrow(RangeError);
  });

  test('reports accuracy by offset and by clip, and leaves out near pairs where asked to', () => {
    const evaluation = new SyncEvaluation();
    evaluation.update([0.9, 0.8, 0.6, 0.1], [0, 0, -1, 5], { clip: 'a' });
    evaluation.update([0.3, 0.7, 0.2], [0, 1, -5], { clip: 'b' });
    evaluation.update([0.9], [0], { clip: 'in sync only' });
    const all = evaluation.compute();
    expect(all.pairs).toEqual({ inSync: 4, offSync: 4 });
    expect(all.byOffset).toEqual([
      { offsetFrames: 0, pairs: 4, accuracy: 0.75 },
      { offsetFrames: 1, pairs: 2, accuracy: 0 },
      { offsetFrames: 5, pairs: 2, accuracy: 1 },
    ]);
    expect(all.byClip).toEqual([
      { clip: 'a', pairs: { inSync: 2, offSync: 2 }, balanced: 0.75, inSync: 1, offSync: 0.5 },
      { clip: 'b', pairs: { inSync: 1, offSync: 2 }, balanced: 0.25, inSync: 0, offSync: 0.5 },
    ]);
    const far = evaluation.compute({ minDistance: 3 });
    expect(far.pairs).toEqual({ inSync: 4, offSync: 2 });
    expect([all.accuracy.balanced, far.accuracy.balanced]).toEqual([0.625, 0.875]);
    expect(far.byOffset.map(({ offsetFrames }) => offsetFrames)).toEqual([0, 5]);
  });

  test('refuses offsets that are not finite or not as many as scores, and NaN, and then keeps nothing of the batch', () => {
    const evaluation = new SyncEvaluation();
    expect(() => evaluation.update([0.5, 0.5], [1])).toThrow('offsets must be as many as scores (2), got 1');
    expect(() => evaluation.update([0.5, 0.5], [1, NaN])).toThrow('offsets must be finite, got NaN');
    expect(() => evaluation.update([0.5, NaN], [1, 0])).toThrow('scores must be numbers, got NaN at 1');
    expect(() => evaluation.compute()).toThrow(RangeError);
  });
});
