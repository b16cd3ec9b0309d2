import { expect, test } from 'vitest';
import { madePair, madeRows, madeSignal } from '../../testing/made-rows';
import { scoreEmbeddings } from '../sync-scorer';
import { UNIT_RULE } from './calibration';
import { syncVerdict } from './verdict';
import type { VerdictOptions } from './verdict-types';

const DIMENSION = 24;
const options = { space: 'unit', dimension: DIMENSION } as const;
const calibrated = { calibration: UNIT_RULE, windowFrames: 10 };
const verdictOf = (rows: { visual: Float32Array; audio: Float32Array }, facts: VerdictOptions = calibrated) =>
  syncVerdict(scoreEmbeddings(rows, options), facts);

test.each([
  [0, 'in sync', 'in sync'],
  [3, 'early', 'audio is 3 frames (120 ms) early'],
  [-2, 'late', 'audio is 2 frames (80 ms) late'],
  [-30, 'late', 'audio is 30 frames (1200 ms) late'], // beyond the 15 frames of LSE
  [60, 'early', 'audio is 60 frames (2400 ms) early'],
])('audio that leads by %d frames is %s', (early, answer, sentence) => {
  const verdict = verdictOf(madePair(200, early));
  expect(verdict).toMatchObject({ answer, sentence, reason: 'found', offsetFrames: early, offsetSec: early / 25 });
  expect(verdict.confidence).toBeGreaterThan(0.9);
  expect(Math.abs(verdict.exactFrames! - early)).toBeLessThan(0.5);
  expect(verdict.spreadFrames).toBeGreaterThan(0);
  expect(verdict.spreadFrames).toBeLessThan(1);
  expect(verdict.parts).toHaveLength(1);
  expect(verdict.evidence).toMatchObject({ offsetFrames: early, windows: 200, searched: 75 });
  expect(verdict.evidence.agreement).toBeGreaterThan(0.7); // audio of the ends is not there for all
  expect(verdict.overTime.map(({ offsetFrames }) => offsetFrames)).toEqual(Array(3).fill(early));
});

test.each([41, 91, 191])('other audio of %d windows: at most 1 of 50 has an offset', (windows) => {
  const told = Array.from({ length: 50 }, (_, i) => {
    const visual = madePair(windows, 0, { seed: 2 * i + 1 }).visual;
    const { audio } = madePair(windows, 0, { seed: 2 * i + 500 });
    return verdictOf({ visual, audio });
  }).filter(({ answer }) => answer !== 'cannot tell');
  expect(told.length).toBeLessThanOrEqual(1);
});

test('other audio has no offset, whatever its lowest distance, and says within how many frames', () => {
  const { visual } = madePair(191, 0, { seed: 5 });
  const { audio } = madePair(191, 0, { seed: 6 });
  const score = scoreEmbeddings({ visual, audio }, options);
  expect(Math.abs(score.offsetFrames)).toBeLessThanOrEqual(15);
  const verdict = syncVerdict(score, { ...calibrated, speechShare: 0.1, faceSize: 30, turn: 0.8 });
  expect(verdict).toMatchObject({ answer: 'cannot tell', offsetFrames: null, offsetSec: null, exactFrames: null });
  expect(['no match', 'several offsets']).toContain(verdict.reason);
  expect(verdict.confidence).toBeLessThan(0.5);
  expect(verdict.sentence).toMatch(/^cannot tell: .*face of 30 pixels, a face seen from the side, speech in 10 % of/);
});

const pair = madePair(120, 2);
test.each<[string, VerdictOptions]>([
  ['still picture', { imagesPerSec: 0 }],
  ['low frame rate', { imagesPerSec: 1 }],
  ['no speech', { speechShare: 0 }],
])('nothing can be told: %s', (reason, facts) => {
  const verdict = verdictOf(pair, { ...calibrated, ...facts });
  expect(verdict).toMatchObject({ answer: 'cannot tell', reason, offsetFrames: null, confidence: 0 });
  expect(verdict.overTime.every(({ offsetFrames }) => offsetFrames === null)).toBe(true);
  expect(verdictOf(pair, { ...calibrated, imagesPerSec: 12, speechShare: 0.5 }).answer).toBe('early');
});

test('a face that does not move is a photograph, whatever is said', () => {
  const [one] = madeSignal(1, { dimension: DIMENSION });
  const visual = madeRows(Array(120).fill(one), { noise: 0 });
  expect(verdictOf({ visual, audio: pair.audio })).toMatchObject({ answer: 'cannot tell', reason: 'still picture' });
});

test.each([0, 1, 5])('%d windows are too few', (windows) => {
  const cut = (rows: Float32Array) => rows.slice(0, windows * DIMENSION);
  const alignment = windows === 0 ? { maxShift: 75, fps: 25, visualStride: 1, stretches: [] } : undefined;
  const verdict = alignment
    ? syncVerdict({ alignment }, calibrated)
    : verdictOf({ visual: cut(pair.visual), audio: cut(pair.audio) });
  expect(verdict).toMatchObject({ answer: 'cannot tell', reason: 'too short', confidence: 0, offsetFrames: null });
});

test('a network without a calibration has no confidence, but the same answers where the noise is far below', () => {
  expect(verdictOf(madePair(200, -4), {})).toMatchObject({ answer: 'late', offsetFrames: -4, confidence: null });
  expect(verdictOf(madePair(200, -4), {})).toMatchObject({ calibration: 'none', reason: 'found' });
  const other = { visual: pair.visual, audio: madePair(120, 0, { seed: 77 }).audio };
  expect(verdictOf(other, {})).toMatchObject({ answer: 'cannot tell', confidence: null });
});

test('the verdict of euclidean embeddings of any length is that of the same directions', () => {
  const long = madePair(150, 3, { scale: 40 });
  const score = scoreEmbeddings(long, { space: 'euclidean', dimension: DIMENSION });
  const { evidence } = syncVerdict(score);
  expect(evidence.contrast).toBeCloseTo(verdictOf(madePair(150, 3)).evidence.contrast!, 3);
});

/** Audio that leads by 8 frames at first and lags by 8 from a window on. */
function changing(windows: number, at: number, [first, second]: [number, number]) {
  const signal = madeSignal(windows + 60, { dimension: DIMENSION });
  const visual = madeRows(signal.slice(30, 30 + windows), { seed: 8 });
  const heard = Array.from({ length: windows }, (_, i) => signal[30 + i + (i < at ? first : second)]);
  return { visual, audio: madeRows(heard, { seed: 9 }) };
}

test.each<[number, number, [number, number]]>([
  [300, 150, [8, -8]],
  [300, 100, [0, 5]],
  [250, 75, [-12, 2]],
])('of %d windows an offset that changes at window %d, %o, is told with its time', (windows, at, offsets) => {
  const verdict = verdictOf(changing(windows, at, offsets), { ...calibrated, startSec: 2 });
  expect(verdict).toMatchObject({ answer: 'cannot tell', reason: 'offset changes', offsetFrames: null });
  expect(verdict.parts.map(({ offsetFrames }) => offsetFrames)).toEqual(offsets);
  const [before, after] = verdict.parts;
  expect(before.fromSec).toBe(2);
  expect(after.fromSec).toBe(before.toSec);
  expect(Math.abs(after.fromSec - (2 + (at + 5) / 25))).toBeLessThanOrEqual(0.6);
  expect(verdict.sentence).toContain(`from ${after.fromSec.toFixed(1)} s on `);
  expect(verdict.confidence).toBeGreaterThan(0.5);
});

test.each([1, 2, 3, 4, 5])('an offset that stays, or drifts by two frames, is one offset (%d)', (seed) => {
  expect(verdictOf(madePair(400, 2, { seed })).parts).toHaveLength(1);
  expect(verdictOf(changing(300, 150, [0, 2])).parts).toHaveLength(1);
});

test('of other audio no part has an offset', () => {
  const other = { visual: madePair(400, 0, { seed: 3 }).visual, audio: madePair(400, 0, { seed: 4 }).audio };
  expect(verdictOf(other).parts).toMatchObject([{ offsetFrames: null }]);
});

test('the offset of lowest distance is kept where it is a neighbour of the best match', () => {
  const score = scoreEmbeddings(pair, options);
  const { alignment } = score;
  expect(syncVerdict({ alignment, offsetFrames: 1 }, calibrated).offsetFrames).toBe(1);
  expect(syncVerdict({ alignment, offsetFrames: -9 }, calibrated).offsetFrames).toBe(2);
  expect(syncVerdict({ alignment }, calibrated).offsetFrames).toBe(2);
});

test.each([
  [{ halfAt: [] }, 'calibration.halfAt must be [windows, contrast] pairs, windows rising, got '],
  [{ halfAt: [[41, 9] as [number, number], [16, 7] as [number, number]] }, 'windows rising, got [41,9, 16,7]'],
  [{ slope: 0 }, 'syncVerdict: calibration.slope must be above 0, got 0'],
  [{ farPenalty: -1 }, 'syncVerdict: calibration.farPenalty must be at least 0, got -1'],
])('a calibration of %o is refused', (change, message) => {
  expect(() => verdictOf(pair, { calibration: { ...UNIT_RULE, ...change } })).toThrow(message);
});

test('an answer needs the least confidence of the calibration', () => {
  const { confidence } = verdictOf(madePair(60, 2));
  expect(confidence).toBeGreaterThan(0.9);
  const strict = { ...UNIT_RULE, source: 'strict', least: 0.99999 };
  expect(verdictOf(madePair(60, 2), { calibration: { ...strict, least: confidence! } }).answer).toBe('early');
  const verdict = verdictOf(madePair(60, 2), { calibration: { ...strict, slope: 0.1 } });
  expect(verdict).toMatchObject({ answer: 'cannot tell', reason: 'no match', calibration: 'strict' });
  expect(verdict.confidence).toBeGreaterThan(0.5);
});

test('embeddings of length 1 answer without a calibration as by the rule of contrasts, others by their noise', () => {
  for (const seed of [1, 2, 3]) {
    const score = scoreEmbeddings(madePair(60, 2, { seed }), options);
    const [none, rule] = [syncVerdict(score), syncVerdict(score, { calibration: UNIT_RULE })];
    expect([none.answer, none.offsetFrames]).toEqual([rule.answer, rule.offsetFrames]);
    expect([none.confidence, none.calibration, none.offBy3]).toEqual([null, 'none', null]);
    const { evidence, answer } = syncVerdict({ ...score, space: 'euclidean' });
    expect(answer !== 'cannot tell').toBe(evidence.zScore! >= 4.2);
  }
});

test('audio off by 3 frames or more is told by the thresholds of the calibration', () => {
  const calibration = {
    ...UNIT_RULE,
    offBy3: { atOnePercent: [[16, 1000] as [number, number]], atFivePercent: [[16, 0] as [number, number]] },
  };
  const told = (early: number, facts: VerdictOptions = {}) =>
    verdictOf(madePair(120, early), { calibration, ...facts });
  expect(told(5).offBy3).toEqual({ atOnePercent: false, atFivePercent: true });
  expect(told(5).evidence.offMargin).toBeGreaterThan(0);
  expect(told(1).offBy3).toEqual({ atOnePercent: false, atFivePercent: false });
  expect(told(1).evidence.offMargin).toBeLessThan(0);
  expect(told(5, { imagesPerSec: 0 }).offBy3).toBeNull();
  expect(verdictOf(madePair(120, 5)).offBy3).toBeNull();
});

test('an offset that drifts slowly is told with its stretches of time', () => {
  const windows = 700;
  const signal = madeSignal(windows + 60, { dimension: DIMENSION });
  const heard = Array.from({ length: windows }, (_, i) => signal[30 + i + Math.round((6 * i) / windows)]);
  const visual = madeRows(signal.slice(30, 30 + windows), { seed: 8 });
  const { drift, overTime } = verdictOf({ visual, audio: madeRows(heard, { seed: 9 }) });
  expect(drift!.toFrames - drift!.fromFrames).toBeGreaterThanOrEqual(4);
  expect(drift!.fromSec).toBeLessThan(10);
  expect(drift!.toSec).toBeGreaterThan(18);
  for (const { offsetFrames, exactFrames, fromSec, toSec } of overTime) {
    const truth = (6 * 25 * (fromSec + toSec)) / 2 / windows;
    expect(Math.abs(exactFrames! - truth)).toBeLessThan(1.2);
    expect(Math.abs(exactFrames! - offsetFrames!)).toBeLessThanOrEqual(0.5);
  }
  expect(verdictOf(madePair(400, 2)).drift).toBeNull();
  expect(verdictOf({ visual, audio: madePair(windows, 0, { seed: 77 }).audio }).drift).toBeNull();
});
