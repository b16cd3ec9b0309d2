import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEEPSPEECH_LABELS, HUBERT_LABELS, WAV2VEC2_LABELS } from '@lipsync/audio-mel';
import { type Features, fail } from '@lipsync/contracts';
import { parseNpyLogits } from './npy-logits';

/** Orders of columns by the names of what makes them. */
export const LOGIT_LABELS: Readonly<Record<string, readonly string[]>> = {
  deepspeech: DEEPSPEECH_LABELS,
  hubert: HUBERT_LABELS,
  wav2vec2: WAV2VEC2_LABELS,
};

/** How the rows of files are to be read. */
export type LogitFiles = { labels: keyof typeof LOGIT_LABELS; halve: 'second' | 'mean' };

/** What the system says of a file that is not there, or cannot be by its name. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/**
 * The logits of a video's audio that a speech recogniser made elsewhere: for `talks/a.mp4`, below the folder, `talks/a.logits.npy` or `talks/a.npy`,
 * whichever is there first; `parseNpyLogits` reads it.
 *
 * @param source the video's path relative to its folder, with `/`.
 * @param durationSec length of its audio: tells 25 rows a second from 50, and that all are there.
 * @throws Error where neither is there; the reader's error with the file's name before it. No message holds the folder.
 * @example
 * const { steps } = await readLogits('logits', 'talks/a.mp4', 12.4, { labels: 'hubert', halve: 'second' });
 */
export async function readLogits(
  folder: string,
  source: string,
  durationSec: number,
  { labels, halve }: LogitFiles,
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
