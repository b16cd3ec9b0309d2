import type { Features } from '@lipsync/contracts';
import { AUDIO_FEATURES, fail } from '@lipsync/contracts';

const letters = (text: string) => [...text];

/**
 * What the 29 logits of DeepSpeech 0.1 stand for, in its order: space, a to z, apostrophe, blank (`''`). The order of `ASR_LOGITS` here.
 *
 * Source: the alphabet of DeepSpeech 0.1, whose features DINet was published with.
 */
export const DEEPSPEECH_LABELS: readonly string[] = Object.freeze([...letters(" abcdefghijklmnopqrstuvwxyz'"), '']);

/**
 * What the 29 logits of torchaudio's CTC bundles stand for (`HUBERT_ASR_LARGE`, `WAV2VEC2_ASR_BASE_960H` …): blank, `|` between words, letters.
 *
 * Source: `get_labels()` of these bundles.
 */
export const HUBERT_LABELS: readonly string[] = Object.freeze(['', ...letters("|ETAONIHSRDLUMWCFGYPBVK'XJQZ")]);

/** The same of Hugging Face's models `facebook/hubert-large-ls960-ft`, `facebook/wav2vec2-base-960h` …, which have three marks more. */
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
  /** Rows a second, 25 or 50. Default: whichever the audio's length asks for where that is given, else 25. */
  rowsPerSecond?: 25 | 50;
  /** Length of the audio, seconds: as many rows must be there. Default: not checked. */
  durationSec?: number;
  /** Seconds by which the rows may be more or fewer than the audio. Default 0.25. */
  toleranceSec?: number;
  /** How 50 rows a second become 25: every `second` row, the first of two, as DINet does; or the `mean` of two. Default `second`. */
  halve?: 'second' | 'mean';
  /**
   * What each column stands for; the columns are then put into the order of `DEEPSPEECH_LABELS`, and those that are not among them left out.
   * Capital letters, `|` for the space and `-`, `_`, `<pad>` or `<blank>` for the blank are known. Default: 29 columns, which stay as they are.
   */
  labels?: readonly string[];
};

/**
 * Logits of a speech recogniser for each frame, as DINet listens to them: `ASR_LOGITS`, 29 numbers 25 times a second.
 *
 * Row k of 25 a second belongs to frame k. A generator trained on one recogniser's logits does not understand another's, even in the same order:
 * their sizes differ.
 *
 * Source: DINet's preparation (DeepSpeech 0.1, 50 rows a second, every second one kept; raw logits, no softmax).
 *
 * @param rows `[rows, columns]` or `[rows, 1, columns]`, such as a file of `decodeNpy` of @lipsync/nn through `toFloat32`.
 * @returns `[steps, 29]`, float32; a new array.
 * @throws TypeError for another shape or labels that lack one, RangeError for numbers that are not finite and rows that do not fit the length.
 * @example
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
      '[rows, columns] or [rows, 1, columns] with as many numbers',
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

/** For each of our labels the column that stands for it. */
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
    const rule = `${rates.map((each) => `${Math.round(each * durationSec)} at ${each} a second`).join(' or ')} for ${durationSec.toFixed(2)} s of audio`;
    fail(RangeError, where, 'rows', rule, count);
  }
  return rate;
}
