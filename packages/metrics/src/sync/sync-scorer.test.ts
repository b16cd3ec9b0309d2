import { readFileSync } from 'node:fs';
import { Random } from '@lipsync/nn';
import { describe, expect, test } from 'vitest';
import { SyncScorer, scoreEmbeddings } from './sync-scorer';

type Numbers = { offsetFrames: number; lseD: number; lseC: number; meanDistances: (number | null)[] };
type Case = {
  name: string;
  space: 'unit' | 'euclidean';
  dimension: number;
  visual: number[];
  audio: number[];
  zero: Numbers & { distances: number[]; confidences: number[] };
  overlap?: Numbers;
};
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/lse.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

/** Largest difference; missing numbers must be missing on both sides. */
function difference(got: ArrayLike<number>, wanted: (number | null)[]): number {
  expect(got.length).toBe(wanted.length);
  return Math.max(
    ...wanted.map((value, i) => {
      expect(Number.isNaN(got[i])).toBe(value === null);
      return value === null ? 0 : Math.abs(got[i] - value);
    }),
  );
}

/** Unit rows that follow a seeded track; audio row i belongs to visual row i + `early`. */
function made(windows: number, dimension: number, early: number) {
  let state = 7;
  const next = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648 - 0.5;
  const track = Array.from({ length: windows + 40 }, () => {
    const row = Array.from({ length: dimension }, next);
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  });
  return {
    visual: Float32Array.from(track.slice(20, 20 + windows).flat()),
    audio: Float32Array.from(track.slice(20 + early, 20 + early + windows).flat()),
  };
}

describe.each(fixture.cases)('SyncScorer as PyTorch and SciPy: $name', (one) => {
  const visual = Float32Array.from(one.visual);
  const audio = Float32Array.from(one.audio);
  const options = { space: one.space, dimension: one.dimension };
  // float32 sums of the reference, of values up to 6

  test('the same offset, LSE-D, LSE-C, means, distances and frame-wise confidence', () => {
    const score = scoreEmbeddings({ visual, audio }, options);
    expect(score.offsetFrames).toBe(one.zero.offsetFrames);
    expect(Math.abs(score.lseD - one.zero.lseD)).toBeLessThan(2e-6); // measured 3.8e-7 and, in LSE-C, 1.8e-7
    expect(Math.abs(score.lseC - one.zero.lseC)).toBeLessThan(2e-6);
    const means = score.meanDistances.map((mean) => mean.distance);
    // measured 1.4e-6 of values up to 6, where the reference's float32 mean loses most; four times that
    expect(difference(means, one.zero.meanDistances)).toBeLessThan(6e-6);
    // measured 5.2e-7 and, in confidences, 5.1e-7
    expect(difference(score.perWindow.distances, one.zero.distances)).toBeLessThan(2e-6);
    expect(difference(score.perWindow.confidences, one.zero.confidences)).toBeLessThan(2e-6);
  });

  test('the same over existing pairs only, where the reference has them', () => {
    if (!one.overlap) return; // the euclidean cases: the reference program pads only
    const score = scoreEmbeddings({ visual, audio }, { ...options, edges: 'overlap' });
    expect(score.offsetFrames).toBe(one.overlap.offsetFrames);
    expect(Math.abs(score.lseD - one.overlap.lseD)).toBeLessThan(2e-6); // measured 1.4e-7 and, in LSE-C, 1.2e-7
    expect(Math.abs(score.lseC - one.overlap.lseC)).toBeLessThan(2e-6);
    const means = score.meanDistances.map((mean) => mean.distance);
    expect(difference(means, one.overlap.meanDistances)).toBeLessThan(2e-6); // measured 2.1e-7
  });

  test('pieces of any size, frames and audio apart, give the same bits', () => {
    const whole = scoreEmbeddings({ visual, audio }, options);
    const scorer = new SyncScorer(options);
    const windows = visual.length / one.dimension;
    for (let v = 0, a = 0, piece = 1; v < windows || a < windows; piece = (piece % 9) + 1) {
      scorer.update({ visual: visual.subarray(v * one.dimension, (v + piece) * one.dimension) });
      v = Math.min(windows, v + piece);
      const ahead = Math.min(windows, a + ((piece * 5) % 11));
      scorer.update({ audio: audio.subarray(a * one.dimension, ahead * one.dimension) });
      a = ahead;
      if (Math.min(v, a) > 0) scorer.compute(); // looking in between changes nothing
    }
    expect(scorer.compute()).toEqual(whole);
  });
});

test('audio that leads gives a positive offset, and delaying it by 4 windows lowers the offset by 4', () => {
  for (const edges of ['zero', 'overlap'] as const) {
    const offsets = [3, -1].map((early) => {
      const { visual, audio } = made(90, 16, early);
      return scoreEmbeddings({ visual, audio }, { space: 'unit', dimension: 16, edges });
    });
    expect(offsets.map((score) => score.offsetFrames)).toEqual([3, -1]);
    expect(offsets.map((score) => score.sentence)).toEqual([
      'audio is 3 frames (120 ms) early',
      'audio is 1 frame (40 ms) late',
    ]);
    expect(offsets[0].offsetSec).toBeCloseTo(0.12, 14); // measured 0
  }
});

test('the largest offset that is tried is marked as being at the edge', () => {
  const { visual, audio } = made(120, 16, 15);
  const score = scoreEmbeddings({ visual, audio }, { space: 'unit', dimension: 16 });
  expect([score.offsetFrames, score.atEdge]).toEqual([15, true]);
  expect(scoreEmbeddings({ visual, audio: visual }, { space: 'unit', dimension: 16 }).atEdge).toBe(false);
});

test('windows outside the clip are at distance 1 of a unit embedding', () => {
  const score = scoreEmbeddings(
    { visual: Float32Array.of(1, 0), audio: Float32Array.of(0, 1) },
    { space: 'unit', dimension: 2 },
  );
  const distances = score.meanDistances.map((mean) => mean.distance);
  expect(distances[15]).toBeCloseTo(Math.SQRT2, 6); // measured 0; a float32 step is 1.2e-7
  expect(distances.filter((value) => Math.abs(value - 1) < 1e-6)).toHaveLength(30);
});

test('on a tie the first shift wins, as in the reference', () => {
  const same = new Float32Array(40).fill(1);
  const score = scoreEmbeddings(
    { visual: same, audio: same },
    { space: 'unit', dimension: 1, edges: 'overlap', maxShift: 3 },
  );
  expect([score.offsetFrames, score.lseD, score.lseC]).toEqual([3, 0, 0]);
});

test('of the longer sequence the rest counts as outside', () => {
  const { visual, audio } = made(60, 8, 2);
  const options = { space: 'unit', dimension: 8 } as const;
  const first50 = { visual: visual.subarray(0, 50 * 8), audio: audio.subarray(0, 50 * 8) };
  const both = scoreEmbeddings(first50, options);
  expect(scoreEmbeddings({ ...first50, visual }, options)).toEqual(both);
  expect(scoreEmbeddings({ ...first50, audio }, options)).toEqual(both);
});

test('reset starts afresh, and a score carries the name of its expert', () => {
  const { visual, audio } = made(40, 8, 1);
  const scorer = new SyncScorer({ space: 'unit', dimension: 8, expert: 'AVAlignNet' });
  scorer.update({ visual: audio, audio: visual });
  scorer.reset();
  expect(() => scorer.compute()).toThrow(
    'at least one of each kind (call update first), got 0 of frames and 0 of audio',
  );
  scorer.update({ visual, audio });
  expect(scorer.compute()).toEqual(
    scoreEmbeddings({ visual, audio }, { space: 'unit', dimension: 8, expert: 'AVAlignNet' }),
  );
});

test('SyncScorer refuses rows and options that do not fit', () => {
  expect(() => new SyncScorer({ space: 'cosine' as 'unit', dimension: 2 })).toThrow(
    'SyncScorer: space must be unit or euclidean, got cosine',
  );
  expect(() => new SyncScorer({ space: 'unit', dimension: 2, maxShift: 0 })).toThrow('SyncScorer: maxShift must be');
  const scorer = new SyncScorer({ space: 'unit', dimension: 2 });
  expect(() => scorer.update({ visual: Float32Array.of(3, 4) })).toThrow(
    'SyncScorer.update: visual must be of length 1 (space: unit), got 5.000 in row 0',
  );
  expect(() => scorer.update({ audio: Float32Array.of(1, Number.NaN) })).toThrow('audio must be finite');
  expect(() => scorer.update({ audio: Float32Array.of(1, 0, 1) })).toThrow('whole rows of 2 values');
  scorer.update({ visual: Float32Array.of(1, 0) });
  expect(() => new SyncScorer({ space: 'unit', dimension: 0 })).toThrow('dimension must be a whole number above 0');
  expect(() => scorer.compute()).toThrow('got 1 of frames and 0 of audio');
});

test.each([1, 2, 3, 7])(
  'with frames at every %d. window, means run over these rows and all shifts of the audio',
  (visualStride) => {
    const [windows, dimension, maxShift] = [40, 8, 5];
    const random = new Random(visualStride);
    const unit = (rows: number) => {
      const data = Float32Array.from({ length: rows * dimension }, () => random.normal());
      for (let i = 0; i < rows; i++) {
        const row = data.subarray(i * dimension, (i + 1) * dimension);
        const length = Math.hypot(...row);
        row.forEach((value, j) => (row[j] = value / length));
      }
      return data;
    };
    const [visual, audio] = [unit(windows), unit(windows)];
    const rows = Array.from({ length: Math.ceil(windows / visualStride) }, (_, r) => r * visualStride);
    const given = Float32Array.from(
      rows.flatMap((row) => [...visual.subarray(row * dimension, (row + 1) * dimension)]),
    );
    const scorer = new SyncScorer({ space: 'unit', dimension, maxShift, visualStride });
    for (let start = 0; start < windows; start += 9) {
      const shown = rows.map((row, r) => ({ row, r })).filter(({ row }) => row >= start && row < start + 9);
      const part = Float32Array.from(shown.flatMap(({ r }) => [...given.subarray(r * dimension, (r + 1) * dimension)]));
      scorer.update({ visual: part, audio: audio.subarray(start * dimension, (start + 9) * dimension) });
    }
    const score = scorer.compute();
    expect(score.windows).toBe(rows.length);
    for (const { offsetFrames, distance } of score.meanDistances) {
      const wanted = rows.reduce((sum, row) => {
        const partner = row - offsetFrames;
        let squares = 0;
        for (let j = 0; j < dimension; j++) {
          const other = partner >= 0 && partner < windows ? audio[partner * dimension + j] : 0;
          squares += (visual[row * dimension + j] - other) ** 2;
        }
        return sum + Math.sqrt(squares) / rows.length;
      }, 0);
      expect(distance).toBeCloseTo(wanted, 12); // measured 6.7e-16: both are float64
    }
  },
);

test('visualStride refuses what is not whole, and edges that are left out', () => {
  const options = { space: 'unit', dimension: 2 } as const;
  expect(() => new SyncScorer({ ...options, visualStride: 0 })).toThrow(
    'SyncScorer: visualStride must be a whole number above 0, got 0',
  );
  expect(() => new SyncScorer({ ...options, visualStride: 2, edges: 'overlap' })).toThrow(
    "SyncScorer: visualStride must be 1 with edges 'overlap', got 2",
  );
});
