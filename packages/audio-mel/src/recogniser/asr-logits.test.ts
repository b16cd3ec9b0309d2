import { describe, expect, test } from 'vitest';
import { asrLogits, DEEPSPEECH_LABELS, HUBERT_LABELS, WAV2VEC2_LABELS } from './asr-logits';

/** Row r, column c is 100 r + c. */
const counting = (count: number, columns = 29) => ({
  data: Float32Array.from({ length: count * columns }, (_, i) => 100 * Math.floor(i / columns) + (i % columns)),
  shape: [count, columns],
});
const firstColumn = ({ data, steps, bins }: { data: Float32Array; steps: number; bins: number }) =>
  Array.from({ length: steps }, (_, i) => data[i * bins]);

describe('asrLogits', () => {
  test('keeps rows at 25 per second, with and without an axis of size one', () => {
    const rows = counting(7);
    const logits = asrLogits(rows);
    expect(logits).toEqual({ data: rows.data, steps: 7, bins: 29 });
    expect(logits.data).not.toBe(rows.data);
    expect(asrLogits({ data: Float64Array.from(rows.data), shape: [7, 1, 29] })).toEqual(logits);
  });

  test('keeps every second of 50 rows per second, or averages two; an odd last row is kept', () => {
    expect(firstColumn(asrLogits(counting(5), { rowsPerSecond: 50 }))).toEqual([0, 200, 400]);
    expect(firstColumn(asrLogits(counting(5), { rowsPerSecond: 50, halve: 'mean' }))).toEqual([50, 250, 400]);
  });

  test('the duration of the audio decides the rate, within a quarter of a second', () => {
    expect(asrLogits(counting(249), { durationSec: 10 }).steps).toBe(249);
    expect(asrLogits(counting(499), { durationSec: 10 }).steps).toBe(250); // wav2vec2 has a row less
    expect(() => asrLogits(counting(300), { durationSec: 10 })).toThrow(
      'asrLogits: rows must be 250 at 25 per second or 500 at 50 per second for 10.00 s of audio, got 300',
    );
    expect(() => asrLogits(counting(249), { durationSec: 10, rowsPerSecond: 50 })).toThrow(
      'must be 500 at 50 per second for 10.00 s of audio, got 249',
    );
    expect(asrLogits(counting(300), { durationSec: 10, toleranceSec: 2 }).steps).toBe(300);
  });

  test('labels put the columns of HuBERT and wav2vec2 into the order of DeepSpeech', () => {
    expect([DEEPSPEECH_LABELS, HUBERT_LABELS, WAV2VEC2_LABELS].map(({ length }) => length)).toEqual([29, 29, 32]);
    for (const labels of [HUBERT_LABELS, WAV2VEC2_LABELS]) {
      const { data } = asrLogits(counting(1, labels.length), { labels });
      expect([data[0], data[1], data[26], data[27], data[28]]).toEqual(
        ['|', 'A', 'Z', "'", labels[0]].map((label) => labels.indexOf(label)),
      );
      expect(new Set(data).size).toBe(29);
    }
    expect(asrLogits(counting(2), { labels: DEEPSPEECH_LABELS })).toEqual(asrLogits(counting(2)));
  });

  test('refuses other shapes, labels and values', () => {
    expect(() => asrLogits({ data: new Float32Array(58), shape: [2, 2, 29] })).toThrow(
      '[rows, columns] or [rows, 1, columns]',
    );
    expect(() => asrLogits({ data: new Float32Array(0), shape: [0, 29] })).toThrow('[0, 29] and 0');
    expect(() => asrLogits(counting(2, 32))).toThrow(
      'rows must be of 29 columns, or options.labels given, got 32 columns',
    );
    expect(() => asrLogits(counting(2, 32), { labels: HUBERT_LABELS })).toThrow(
      'labels must be 32, one for each column, got 29',
    );
    expect(() => asrLogits(counting(1), { labels: [...HUBERT_LABELS.slice(0, 28), 'Q'] })).toThrow(
      'with one "q", got two',
    );
    expect(() => asrLogits(counting(1), { labels: HUBERT_LABELS.map((label) => label || '#') })).toThrow(
      'with one blank, got none',
    );
    const rows = counting(3);
    rows.data[30] = NaN;
    expect(() => asrLogits(rows)).toThrow('asrLogits: rows must be finite, got NaN in row 1');
    expect(() => asrLogits(counting(3), { rowsPerSecond: 30 as never })).toThrow(
      'rowsPerSecond must be 25 or 50, got 30',
    );
    expect(() => asrLogits(counting(3), { halve: 'median' as never })).toThrow('halve must be second or mean');
    expect(() => asrLogits(counting(3), { durationSec: 0 })).toThrow('durationSec must be above 0, got 0');
  });
});
