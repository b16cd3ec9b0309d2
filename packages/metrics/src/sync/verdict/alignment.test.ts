import { expect, test } from 'vitest';
import { madePair } from '../../testing/made-rows';
import { type Alignment, alignmentCurve } from './alignment';
import { AlignmentCollector } from './alignment-collector';
import { alignmentOfDistances } from './alignment-of-distances';
import { UNIT_RULE, valueAt } from './calibration';
import { ImageCounter } from './image-counter';

const DIMENSION = 24;
const whole = { dimension: DIMENSION, fps: 25, maxShift: 75, visualStride: 1 };

function collect(
  { visual, audio }: { visual: Float32Array; audio: Float32Array },
  {
    piece = visual.length,
    audioPiece = piece,
    ...options
  }: Partial<typeof whole> & { piece?: number; audioPiece?: number },
): Alignment {
  const collector = new AlignmentCollector({ ...whole, ...options });
  for (let at = 0, audioAt = 0; at < visual.length || audioAt < audio.length; at += piece, audioAt += audioPiece)
    collector.update({ visual: visual.slice(at, at + piece), audio: audio.slice(audioAt, audioAt + audioPiece) });
  return collector.compute();
}

test.each([
  [16, 16],
  [1, 1],
  [7, 31],
  [40, 3],
])('rows in pieces of %d and %d give what they give at once', (piece, audioPiece) => {
  const rows = madePair(230, 4);
  const pieces = { piece: piece * DIMENSION, audioPiece: audioPiece * DIMENSION };
  expect(collect(rows, pieces)).toEqual(collect(rows, {}));
});

test('stretches are of 10 to 24 windows and cover all', () => {
  for (const windows of [10, 49, 50, 74, 124, 230]) {
    const { stretches } = collect(madePair(windows, 0), {});
    let at = 0;
    for (const { firstFrame, rows, pairs } of stretches) {
      expect(firstFrame).toBe(at);
      expect(pairs[75]).toBe(rows);
      expect(rows).toBeLessThan(25);
      expect(rows).toBeGreaterThanOrEqual(10);
      at += rows;
    }
    expect(at).toBe(windows);
  }
});

test('sums are those of a plain double loop over centred rows', () => {
  const { visual, audio } = madePair(30, 1);
  const row = (rows: Float32Array, i: number) => rows.subarray(i * DIMENSION, (i + 1) * DIMENSION);
  const mean = (rows: Float32Array) =>
    Array.from(
      { length: DIMENSION },
      (_, d) => Array.from({ length: 30 }, (_, i) => row(rows, i)[d]).reduce((a, b) => a + b) / 30,
    );
  const [visualMean, audioMean] = [mean(visual), mean(audio)];
  const match = (i: number, j: number) =>
    Array.from(
      { length: DIMENSION },
      (_, d) => (row(visual, i)[d] - visualMean[d]) * (row(audio, j)[d] - audioMean[d]),
    ).reduce((a, b) => a + b);
  let squares = 0;
  const sums = new Array(151).fill(0);
  for (let i = 0; i < 30; i++)
    for (let j = 0; j < 30; j++) {
      sums[j - i + 75] += match(i, j);
      squares += match(i, j) ** 2;
    }
  const { stretches } = collect({ visual, audio }, {});
  expect(stretches).toHaveLength(2);
  const scale = Math.sqrt(squares / 900);
  for (const [k, sum] of sums.entries())
    expect(stretches[0].sums[k] + stretches[1].sums[k]).toBeCloseTo(sum / scale, 4); // float32 rows
  expect(stretches.map(({ pairs }) => pairs[75 - 29])).toEqual([0, 1]);
  expect(stretches.map(({ pairs }) => pairs[75 + 30])).toEqual([0, 0]);
});

test('every second window with frames finds the same offset, with nearly the same contrast', () => {
  const { visual, audio } = madePair(200, -6);
  const half = Float32Array.from({ length: visual.length / 2 }, (_, i) => {
    const [row, d] = [Math.floor(i / DIMENSION), i % DIMENSION];
    return visual[2 * row * DIMENSION + d];
  });
  const [all, some] = [collect({ visual, audio }, {}), collect({ visual: half, audio }, { visualStride: 2 })].map(
    alignmentCurve,
  );
  expect([all.offsetFrames, some.offsetFrames]).toEqual([-6, -6]);
  expect([all.windows, some.windows]).toEqual([200, 200]);
  expect(some.contrast / all.contrast).toBeGreaterThan(0.85);
  expect(some.contrast / all.contrast).toBeLessThan(1.15);
});

test('unrelated rows have a strength of mean 0 and variance about 5, and no great contrast', () => {
  let [sum, squares, count] = [0, 0, 0];
  for (let seed = 1; seed <= 20; seed++) {
    const rows = { visual: madePair(200, 0, { seed }).visual, audio: madePair(200, 0, { seed: seed + 300 }).audio };
    const { strength } = alignmentCurve(collect(rows, {}));
    for (const value of strength) {
      sum += value;
      squares += value * value;
      count++;
    }
  }
  expect(Math.abs(sum / count)).toBeLessThan(0.5);
  expect(squares / count).toBeGreaterThan(2.5); // means over ten steps: 20/3 without the stretches' own means
  expect(squares / count).toBeLessThan(7);
});

test('a match that gets better up to the last offset is at the edge', () => {
  expect(alignmentCurve(collect(madePair(60, 20), {})).atEdge).toBe(false);
  expect(alignmentCurve(collect(madePair(60, 39), {})).atEdge).toBe(true); // the last tried of so short a clip
  const { atEdge, offsetFrames } = alignmentCurve(collect(madePair(200, 21), { maxShift: 20 }));
  expect([atEdge, offsetFrames]).toEqual([true, 20]);
});

test('distances of pairs say what embeddings say', () => {
  const { visual, audio } = madePair(90, 5);
  const [windows, maxShift] = [90, 15];
  const distances = Array.from({ length: windows }, (_, i) =>
    Float32Array.from({ length: 31 }, (_, k) => {
      const j = i + k - maxShift;
      if (j < 0 || j >= windows) return 7; // beyond the ends anything may stand
      let product = 0;
      for (let d = 0; d < DIMENSION; d++) product += visual[i * DIMENSION + d] * audio[j * DIMENSION + d];
      return Math.sqrt(2 - 2 * product);
    }),
  );
  const curve = alignmentCurve(alignmentOfDistances(distances, { maxShift, fps: 25 }));
  expect(curve.offsetFrames).toBe(5);
  expect(curve.contrast).toBeGreaterThan(10);
  expect(alignmentOfDistances([], { maxShift, fps: 25 }).stretches).toEqual([]);
});

test('valueAt is linear in the logarithm of the windows between the points of a calibration', () => {
  const calibration = {
    ...UNIT_RULE,
    halfAt: [
      [10, 6],
      [40, 10],
    ] as [number, number][],
  };
  expect([5, 10, 20, 40, 900].map((windows) => valueAt(calibration.halfAt, windows))).toEqual([6, 6, 8, 10, 10]);
});

/** Frames whose pixels are all of one value, which changes every `every` frames. */
function imagesPerSec(every: number, count = 100, noise = 0): number | undefined {
  const counter = new ImageCounter();
  const value = (frame: number) => (Math.floor(frame / every) % 2) + noise * Math.sin(frame);
  for (let f = 0; f < count; f++)
    counter.add(
      Float32Array.from({ length: 4 * 6 }, (_, i) => value(f - 1 + Math.floor((i % 6) / 3))),
      2,
    );
  return counter.perSec(25);
}

test.each([
  [1, 25],
  [2, 12.5],
  [5, 5],
  [25, 1],
])('images that are shown %d times are %d a second', (every, wanted) => {
  expect(imagesPerSec(every, 251)).toBeCloseTo(wanted, 0);
  expect(imagesPerSec(every, 251, 1e-3)).toBeCloseTo(wanted, 0); // what an encoder leaves of nothing
});

test('a photograph is no image a second; of less than two seconds nothing is known', () => {
  expect(imagesPerSec(1e9)).toBe(0);
  expect(imagesPerSec(1, 30)).toBeUndefined();
});
