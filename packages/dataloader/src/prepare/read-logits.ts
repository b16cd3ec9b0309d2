import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEEPSPEECH_LABELS, HUBERT_LABELS, WAV2VEC2_LABELS } from '@lipsync/audio-mel';
import { type Features, fail } from '@lipsync/contracts';
import { parseNpyLogits } from './npy-logits';

/** Orders of columns by the recogniser that makes them. */
export const LOGIT_LABELS: Readonly<Record<string, readonly string[]>> = {
  deepspeech: DEEPSPEECH_LABELS,
  hubert: HUBERT_LABELS,
  wav2vec2: WAV2VEC2_LABELS,
};

/** How files of logits are read. */
export type LogitFiles = {
  /** What their columns stand for. */
  labels: keyof typeof LOGIT_LABELS;
  /** How 50 rows per second become 25: every `second` row, or the `mean` of two. */
  halve: 'second' | 'mean';
};

/** The system's codes for a file that is not there, or cannot be by its name. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/**
 * The logits of a video's audio that a speech recogniser made elsewhere: for `talks/a.mp4`, below the folder,
 * `talks/a.logits.npy` or `talks/a.npy`, whichever is there first; `parseNpyLogits` reads it.
 *
 * @param source the video's path relative to its folder, with `/`.
 * @param options.durationSec length of its audio, seconds: tells 25 rows per second from 50, and that all are there.
 * @returns `[steps, 29]`, float32, 25 steps per second; a new array.
 * @throws Error where neither file is there; the reader's error with the file's name before it. No message contains the
 *   folder.
 * @example
 * const { steps } = await readLogits('logits', 'talks/a.mp4', { durationSec: 12.4, labels: 'hubert', halve: 'second' });
 */
export async function readLogits(
  folder: string,
  source: string,
  { durationSec, labels, halve }: LogitFiles & { durationSec: number },
): Promise<Features> {
  const stem = source.replace(/(?<=[^/])\.[^./]+$/, '');
  const names = [`${stem}.logits.npy`, `${stem}.npy`];
  for (const name of names) {
    try {
      const bytes = await readFile(join(folder, name));
      return parseNpyLogits(bytes, { durationSec, labels: LOGIT_LABELS[labels], halve });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!ABSENT.has(code ?? '')) throw new Error(`readLogits: ${name}: ${message}`, { cause: error });
    }
  }
  return fail(Error, 'readLogits', 'file', names.join(' or '), 'neither');
}
