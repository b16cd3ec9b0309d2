import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HUBERT_LABELS } from '@lipsync/audio-mel';
import { encodeNpy } from '@lipsync/checkpoints';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LogitFiles, readLogits } from './read-logits';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-logits-'));
});
afterEach(() => rm(folder, { recursive: true }));

const AS_THEY_ARE: LogitFiles = { labels: 'deepspeech', halve: 'second' };
/** Row r, column c is r + 100 c, more by `mark`. */
const put = async (name: string, rows: number, mark = 0, columns = 29) => {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  const data = Float32Array.from(
    { length: rows * columns },
    (_, i) => mark + Math.floor(i / columns) + 100 * (i % columns),
  );
  await writeFile(join(folder, name), encodeNpy({ dtype: 'float32', shape: [rows, columns], data }));
};

test('readLogits reads .logits.npy before .npy', async () => {
  await put('talks/a.b.npy', 50, 0.25);
  expect((await readLogits(folder, 'talks/a.b.mp4', { durationSec: 2, ...AS_THEY_ARE })).data[0]).toBe(0.25);
  await put('talks/a.b.logits.npy', 100, 0.5);
  const { data, steps } = await readLogits(folder, 'talks/a.b.mp4', { durationSec: 2, ...AS_THEY_ARE });
  expect([steps, data[0], data[29]]).toEqual([50, 0.5, 2.5]);
  expect((await readLogits(folder, 'talks/a.b.mp4', { durationSec: 2, labels: 'hubert', halve: 'mean' })).data[0]).toBe(
    1 + 100 * HUBERT_LABELS.indexOf('|'),
  );
});

test('readLogits says what is missing or does not fit, without the folder', async () => {
  await expect(readLogits(folder, 'a.mp4', { durationSec: 2, ...AS_THEY_ARE })).rejects.toThrow(
    /^readLogits: file must be a\.logits\.npy or a\.npy, got neither$/,
  );
  await put('a.npy', 60);
  await expect(readLogits(folder, 'a.mp4', { durationSec: 2, ...AS_THEY_ARE })).rejects.toThrow(
    /^readLogits: a\.npy: asrLogits: rows must be 50 at 25 per second or 100 at 50/,
  );
  await mkdir(join(folder, 'b.logits.npy'));
  await expect(readLogits(folder, 'b.mp4', { durationSec: 2, ...AS_THEY_ARE })).rejects.toThrow(
    /^readLogits: b\.logits\.npy: EISDIR/,
  );
});
