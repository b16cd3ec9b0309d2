import type { Features } from '@lipsync/contracts';
import { AUDIO_FEATURES, fail } from '@lipsync/contracts';

const letters = (text: string) => [...text];

/**
 * Labels of DeepSpeech 0.1's 29 logits, in its order: space, a to z, apostrophe, blank (`''`). `ASR_LOGITS` features
 * have this order.
 *
 * Source: the alphabet of DeepSpeech 0.1, whose features DINet was published with.
 */
export const DEEPSPEECH_LABELS: readonly string[] = Object.freeze([...letters(" abcdefghijklmnopqrstuvwxyz'"), '']);

/**
 * Labels of the 29 logits of torchaudio's CTC bundles (`HUBERT_ASR_LARGE`, `WAV2VEC2_ASR_BASE_960H` …): blank, `|`
 * between words, letters.
 *
 * Source: `get_labels()` of these bundles.
 */
export const HUBERT_LABELS: readonly string[] = Object.freeze(['', ...letters("|ETAONIHSRDLUMWCFGYPBVK'XJQZ")]);

/**
 * Labels of the 32 logits of Hugging Face's `facebook/hubert-large-ls960-ft`, `facebook/wav2vec2-base-960h` …: three
 * special tokens more.
 */
export const WAV2VEC2_LABELS: readonly string[] = Object.freeze([
  '<pad>',
  '<s>',
  '</s>',
  '<unk>',
  ...HUBERT_LABELS.slice(1),
]);

/** Other names of the blank. */
const BLANKS = new Set(['', '-', '_', '<pad>', '[pad]', '<blank>', '<blk>']);
const FRAME_RATE = AUDIO_FEATURES.ASR_LOGITS.stepsPerSecond;

export type AsrLogitsOptions = {
  /** Rows per second, 25 or 50. Default: the one that fits `durationSec` where that is given, else 25. */
  rowsPerSecond?: 25 | 50;
  /** Length of the audio in seconds, against which the number of rows is checked. Default: not checked. */
  durationSec?: number;
  /** Seconds by which the rows may be longer or shorter than the audio. Default 0.25. */
  toleranceSec?: number;
  /**
   * How 50 rows per second become 25: `second` keeps every second row, the first of two, as DINet does; `mean` averages
   * two. Default `second`.
   */
  halve?: 'second' | 'mean';
  /**
   * Label of each column. Columns are reordered to `DEEPSPEECH_LABELS`, other columns are dropped. Capital letters, `|`
   * for the space and `-`, `_`, `<pad>` or `<blank>` for the blank are understood. Default: 29 columns in that order
   * already.
   */
  labels?: readonly string[];
};

/**
 * A speech recogniser's logits as `ASR_LOGITS` features, which DINet takes: 29 values per step, 25 steps per second.
 *
 * Row k of 25 per second belongs to video frame k. A generator trained on one recogniser's logits does not work with
 * another's, even in the same order: their magnitudes differ.
 *
 * Source: DINet's preparation (DeepSpeech 0.1, 50 rows per second, every second one kept; raw logits, no softmax).
 *
 * @param rows `[rows, columns]` or `[rows, 1, columns]`, such as an npy file read by `decodeNpy` of
 * @lipsync/checkpoints.
 * @returns `[steps, 29]`, float32; a new array.
 * @throws TypeError for another shape or labels without one of the 29; RangeError for values that are not finite and a
 * number of rows that does not fit the duration.
 * @example
 * import { asrLogits, HUBERT_LABELS } from '@lipsync/audio-mel';
 * const logits = asrLogits({ data, shape: [500, 1, 29] }, { durationSec: 10, labels: HUBERT_LABELS });
 */
export function asrLogits(
  rows: { data: ArrayLike<number>; shape: readonly number[] },
  options: AsrLogitsOptions = {},
): Features {
  const where = 'asrLogits';
  const { halve = 'second', labels } = options;
  const { data, shape } = rows;
  const [count, columns] = [shape[0], shape[shape.length - 1]];
  const fits =
    (shape.length === 2 || (shape.length === 3 && shape[1] === 1)) && count > 0 && count * columns === data.length;
  if (!fits)
    fail(
      TypeError,
      where,
      'rows',
      '[rows, columns] or [rows, 1, columns] with as many values',
      `[${shape.join(', ')}] and ${data.length}`,
    );
  if (halve !== 'second' && halve !== 'mean') fail(TypeError, where, 'halve', 'second or mean', halve);
  const from = columnsOf(where, columns, labels);
  const rate = rateOf(where, count, options);
  const together = rate / FRAME_RATE;
  const { bins } = AUDIO_FEATURES.ASR_LOGITS;
  const steps = Math.ceil(count / together);
  const out = new Float32Array(steps * bins);
  for (let step = 0; step < steps; step++) {
    const first = step * together;
    const used = halve === 'mean' ? Math.min(together, count - first) : 1;
    for (let bin = 0; bin < bins; bin++) {
      let sum = 0;
      for (let row = first; row < first + used; row++) sum += data[row * columns + from[bin]];
      out[step * bins + bin] = sum / used;
    }
  }
  const bad = Array.prototype.findIndex.call(data, (value: number) => !Number.isFinite(value));
  if (bad >= 0) fail(RangeError, where, 'rows', 'finite', `${data[bad]} in row ${Math.floor(bad / columns)}`);
  return { data: out, steps, bins };
}

/** The column of each label. */
function columnsOf(where: string, columns: number, labels: readonly string[] | undefined): number[] {
  const { length } = DEEPSPEECH_LABELS;
  if (!labels) {
    if (columns !== length)
      fail(TypeError, where, 'rows', `of ${length} columns, or options.labels given`, `${columns} columns`);
    return DEEPSPEECH_LABELS.map((_, column) => column);
  }
  if (labels.length !== columns) fail(TypeError, where, 'labels', `${columns}, one for each column`, labels.length);
  const plain = labels.map((label) => {
    const small = label.toLowerCase();
    return small === '|' ? ' ' : BLANKS.has(small) ? '' : small;
  });
  return DEEPSPEECH_LABELS.map((label) => {
    const column = plain.indexOf(label);
    if (column < 0 || plain.lastIndexOf(label) !== column) {
      const got = column < 0 ? 'none' : 'two';
      fail(TypeError, where, 'labels', `with one ${label === '' ? 'blank' : JSON.stringify(label)}`, got);
    }
    return column;
  });
}

function rateOf(
  where: string,
  count: number,
  { rowsPerSecond, durationSec, toleranceSec = 0.25 }: AsrLogitsOptions,
): number {
  if (rowsPerSecond !== undefined && rowsPerSecond !== 25 && rowsPerSecond !== 50)
    fail(RangeError, where, 'rowsPerSecond', '25 or 50', rowsPerSecond);
  if (durationSec === undefined) return rowsPerSecond ?? FRAME_RATE;
  if (!(Number.isFinite(durationSec) && durationSec > 0))
    fail(RangeError, where, 'durationSec', 'above 0', durationSec);
  const rates = rowsPerSecond ? [rowsPerSecond] : [25, 50];
  const off = (rate: number) => Math.abs(count / rate - durationSec);
  const rate = rates.reduce((a, b) => (off(b) < off(a) ? b : a));
  if (off(rate) > toleranceSec) {
    const counts = rates.map((each) => `${Math.round(each * durationSec)} at ${each} per second`).join(' or ');
    const rule = `${counts} for ${durationSec.toFixed(2)} s of audio`;
    fail(RangeError, where, 'rows', rule, count);
  }
  return rate;
}
