import type { AsrLogitsOptions } from '@lipsync/audio-mel';
import { asrLogits } from '@lipsync/audio-mel';
import { decodeNpy, toFloat32 } from '@lipsync/checkpoints';
import type { Features } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

const FLOATS = new Set(['float16', 'float32', 'float64']);

/**
 * Reads the logits of a speech recogniser from an npy file: one row of 29 values per frame, `ASR_LOGITS`.
 *
 * @param bytes the whole file: `[rows, columns]` or `[rows, 1, columns]`, floats of 16, 32 or 64 bits.
 * @param options of `asrLogits`: `durationSec` tells 25 rows per second from 50 and that all are there; `labels` says
 *   what the columns stand for, needed where they are not the 29 of DeepSpeech. 32 columns without labels are refused.
 * @returns `[steps, 29]`, float32; a new array.
 * @throws Error if it is no npy file; TypeError for other types, shapes and labels; RangeError for values that are not
 *   finite and rows that do not fit the duration.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { HUBERT_LABELS } from '@lipsync/audio-mel';
 * import { parseNpyLogits } from '@lipsync/dataloader';
 * const logits = parseNpyLogits(await readFile('talk.npy'), { durationSec: 12.4, labels: HUBERT_LABELS });
 */
export function parseNpyLogits(bytes: Uint8Array, options: AsrLogitsOptions = {}): Features {
  const array = decodeNpy(bytes);
  if (!FLOATS.has(array.dtype))
    fail(TypeError, 'parseNpyLogits', 'array', 'of float16, float32 or float64', array.dtype);
  return asrLogits({ data: toFloat32(array), shape: array.shape }, options);
}
