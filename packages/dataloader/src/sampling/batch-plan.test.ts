import { expect, test } from 'vitest';
import type { ContrastSampling, PairSampling } from './batch-plan';
import { planBatch, usableClips } from './batch-plan';

const contrast: ContrastSampling = { kind: 'contrast', clips: 4, windows: 3, minDistance: 3 };
const pairs: PairSampling = {
  kind: 'pairs',
  pairs: 64,
  positiveShare: 0.5,
  minDistance: 1,
  crossClipShare: 0,
  lengthInWindows: 2,
};
const clips = [20, 7, 30, 6, 60, 12, 240].map((windows) => ({ frameCount: windows + 4, windows }));

test('contrast draws different clips, with windows at least the distance apart and in range', () => {
  const usable = usableClips(clips, contrast, 5);
  expect(usable).toEqual([0, 1, 2, 4, 5, 6]); // 6 windows cannot hold 3 at a distance of 3
  for (let step = 0; step < 80; step++) {
    const batch = planBatch(clips, usable, { sampling: contrast, seed: 1, step });
    expect(batch).toHaveLength(12);
    const chosen = [0, 3, 6, 9].map((i) => batch[i].featureClip);
    expect(new Set(chosen).size).toBe(4);
    batch.forEach((sample, i) => {
      expect([sample.frameClip, sample.frameStart]).toEqual([sample.featureClip, sample.featureStart]);
      expect(sample.featureClip).toBe(chosen[Math.floor(i / 3)]);
      expect(sample.featureStart).toBeGreaterThanOrEqual(0);
      expect(sample.featureStart).toBeLessThan(clips[sample.featureClip].windows);
      if (i % 3 > 0) expect(sample.featureStart - batch[i - 1].featureStart).toBeGreaterThanOrEqual(3);
    });
  }
});

test('contrast weighs clips by the square root of their windows, up to 60', () => {
  const two = { ...contrast, clips: 1 };
  const counts = [15, 60, 600].map((windows) => ({ frameCount: windows + 4, windows }));
  const drawn = [0, 0, 0];
  for (let step = 0; step < 5000; step++)
    drawn[planBatch(counts, [0, 1, 2], { sampling: two, seed: 2, step })[0].featureClip]++;
  const total = Math.sqrt(15) + 2 * Math.sqrt(60);
  [Math.sqrt(15), Math.sqrt(60), Math.sqrt(60)].forEach((weight, i) => {
    expect(Math.abs(drawn[i] / 5000 - weight / total)).toBeLessThan(0.03); // standard error 0.007
  });
});

test('pairs: the audio stays at its start, off-sync frames come from elsewhere in the clip', () => {
  for (const minDistance of [1, 3]) {
    const sampling = { ...pairs, minDistance };
    const usable = usableClips(clips, sampling, 5);
    let positives = 0;
    for (let step = 0; step < 30; step++) {
      for (const sample of planBatch(clips, usable, { sampling, seed: 1, step })) {
        expect(sample.frameClip).toBe(sample.featureClip);
        expect(sample.frameStart).toBeGreaterThanOrEqual(0);
        expect(sample.frameStart).toBeLessThan(clips[sample.frameClip].windows);
        const apart = Math.abs(sample.frameStart - sample.featureStart);
        if (sample.label === 1) positives++;
        expect(sample.label === 1 ? apart === 0 : apart >= minDistance).toBe(true);
      }
    }
    expect(Math.abs(positives / 1920 - 0.5)).toBeLessThan(0.05); // standard error 0.011
  }
});

test('pairs: off-sync starts are even over all that are far enough', () => {
  const one = [{ frameCount: 14, windows: 10 }];
  const sampling = { ...pairs, minDistance: 2, positiveShare: 0 };
  const seen = new Map<string, number>();
  for (let step = 0; step < 400; step++) {
    for (const { featureStart, frameStart } of planBatch(one, [0], { sampling, seed: 4, step })) {
      if (featureStart === 5) seen.set(String(frameStart), (seen.get(String(frameStart)) ?? 0) + 1);
    }
  }
  expect([...seen.keys()].sort()).toEqual(['0', '1', '2', '3', '7', '8', '9']);
  const counts = [...seen.values()];
  expect(Math.min(...counts) / Math.max(...counts)).toBeGreaterThan(0.7);
});

test('pairs: the cross-clip share of off-sync frames comes from another clip', () => {
  const sampling = { ...pairs, pairs: 2000, crossClipShare: 0.3 };
  const batch = planBatch(clips, [0, 2, 4], { sampling, seed: 1, step: 0 }).filter((sample) => sample.label === 0);
  const others = batch.filter((sample) => sample.frameClip !== sample.featureClip);
  // measured 0.01; of 2000 pairs 0.3 has a standard deviation of 0.01
  expect(Math.abs(others.length / batch.length - 0.3)).toBeLessThan(0.05);
});

test('a batch depends on seed and step only', () => {
  const usable = usableClips(clips, contrast, 5);
  const batch = planBatch(clips, usable, { sampling: contrast, seed: 5, step: 9 });
  planBatch(clips, usable, { sampling: contrast, seed: 5, step: 10 });
  expect(planBatch(clips, usable, { sampling: contrast, seed: 5, step: 9 })).toEqual(batch);
  expect(planBatch(clips, usable, { sampling: contrast, seed: 5, step: 10 })).not.toEqual(batch);
  expect(planBatch(clips, usable, { sampling: contrast, seed: 6, step: 9 })).not.toEqual(batch);
});

test('usableClips leaves out clips that are shorter than the sampling asks', () => {
  expect(usableClips(clips, { ...pairs, lengthInWindows: 3 }, 5)).toEqual([0, 2, 4, 5, 6]); // 15 frames
  const wav2lip = { ...pairs, lengthInWindows: 3, lengthBeyond: 1 }; // more than 15 frames
  const lengths = [14, 15, 16, 17].map((frameCount) => ({ frameCount, windows: frameCount - 4 }));
  expect(usableClips(lengths, wav2lip, 5)).toEqual([2, 3]);
  expect(() => usableClips(lengths, { ...wav2lip, lengthBeyond: -1 }, 5)).toThrow('sampling: lengthBeyond');
  expect(usableClips(clips, { ...pairs, minDistance: 5 }, 5)).toEqual([0, 2, 4, 5, 6]);
});

test('sampling refuses values out of range', () => {
  expect(() => planBatch(clips, [0, 1], { sampling: contrast, seed: 1, step: 0 })).toThrow(
    'planBatch: clips must be at least 4 long enough for this sampling, got 2 of 7',
  );
  expect(() => usableClips(clips, { ...contrast, windows: 1 }, 5)).toThrow('sampling: windows must be at least 2');
  expect(() => usableClips(clips, { ...pairs, crossClipShare: 2 }, 5)).toThrow(
    'sampling: crossClipShare must be within 0..1, got 2',
  );
  expect(() => usableClips(clips, { ...pairs, minDistance: 0 }, 5)).toThrow(
    'sampling: minDistance must be a whole number above 0',
  );
  expect(() => planBatch(clips, [0], { sampling: pairs, seed: 1, step: -1 })).toThrow('planBatch: step must be');
});

test.each([
  [{ balance: 2 }, 'balance must be within 0..1, got 2'],
  [{ near: { share: -1, leastDistance: 1, mostDistance: 2 } }, 'near.share must be within 0..1, got -1'],
  [{ near: { share: 1, leastDistance: 0, mostDistance: 2 } }, 'near.leastDistance must be a whole number, 1 to'],
  [{ near: { share: 1, leastDistance: 9, mostDistance: 9 } }, 'near.leastDistance must be a whole number, 1 to'],
  [{ near: { share: 1, leastDistance: 2, mostDistance: 1 } }, 'near.mostDistance must be a whole number from 2 on'],
])('contrast refuses %o', (options, message) => {
  expect(() => usableClips(clips, { ...contrast, ...options }, 5)).toThrow(`sampling: ${message}`);
});

test.each([
  [0, 4 / 5],
  [0.5, 2 / 3],
  [1, 1 / 2],
])('contrast with balance %d draws a person with four clips of five in %d of all', (balance, share) => {
  const sampling = { ...contrast, clips: 1, balance };
  const five = ['Ann', 'Ann', 'Ann', 'Ann', 'Bea'].map((person) => ({ frameCount: 24, windows: 20, person }));
  let drawn = 0;
  for (let step = 0; step < 4000; step++)
    if (planBatch(five, [0, 1, 2, 3, 4], { sampling, seed: 3, step })[0].featureClip < 4) drawn++;
  expect(Math.abs(drawn / 4000 - share)).toBeLessThan(0.03); // standard error 0.008
});

test('near windows lie close together, in a share of the clips, from their step on', () => {
  const near = { share: 0.5, leastDistance: 1, mostDistance: 2, fromStep: 10 };
  const sampling = { ...contrast, clips: 2, near };
  const two = [40, 8].map((windows) => ({ frameCount: windows + 4, windows }));
  let [close, far] = [0, 0];
  for (let step = 0; step < 400; step++) {
    const batch = planBatch(two, [0, 1], { sampling, seed: 5, step });
    for (const at of [0, 3]) {
      const starts = batch.slice(at, at + 3).map(({ frameStart }) => frameStart);
      const gaps = [starts[1] - starts[0], starts[2] - starts[1]];
      expect(starts[0]).toBeGreaterThanOrEqual(0);
      expect(starts[2]).toBeLessThan(two[batch[at].frameClip].windows);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(step < 10 ? 3 : 1);
      if (Math.max(...gaps) <= 2) close++;
      else far++;
    }
  }
  expect(Math.abs(close / (close + far) - 0.5 * (390 / 400))).toBeLessThan(0.06); // standard error 0.018
});
