import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFfmpeg } from '@lipsync/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeEmbeddedDataset } from './embedded-dataset';

const ffmpeg = await findFfmpeg().catch(() => undefined);

test('more held-out people than people are refused', async () => {
  await expect(writeEmbeddedDataset('x', { people: 1, heldOutPeople: 2 })).rejects.toThrow(
    'writeEmbeddedDataset: options.heldOutPeople must be at most people (1), got 2',
  );
  await expect(writeEmbeddedDataset('x', { clipsPerPerson: 0 })).rejects.toThrow(/options\.clipsPerPerson/);
});

describe.skipIf(!ffmpeg)(`writeEmbeddedDataset${ffmpeg ? '' : ' (skipped: no ffmpeg here)'}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'embedded-data-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const wanted = { people: 2, clipsPerPerson: 2, durationSec: 0.4, heldOutPeople: 1, seed: 3 };

  test('clips, labels and the held-out list; a stopped run continues and keeps what is there', async () => {
    const stop = new AbortController();
    const onProgress = (done: number) => done === 3 && stop.abort();
    await expect(writeEmbeddedDataset(folder, { ...wanted, onProgress, signal: stop.signal })).rejects.toThrow(
      /abort/i,
    );
    const first = await stat(join(folder, 'p00-c0.mp4'));

    const seen: string[] = [];
    const clips = await writeEmbeddedDataset(folder, {
      ...wanted,
      onProgress: (done, total, clip) => seen.push(`${done}/${total} ${clip.file}`),
    });
    expect(seen).toEqual(['1/4 p00-c0.mp4', '2/4 p00-c1.mp4', '3/4 p01-c0.mp4', '4/4 p01-c1.mp4']);
    expect((await stat(join(folder, 'p00-c0.mp4'))).mtimeMs).toBe(first.mtimeMs);
    expect(clips.map((clip) => [clip.person, clip.heldOut])).toEqual([
      ['p00', false],
      ['p00', false],
      ['p01', true],
      ['p01', true],
    ]);
    expect(JSON.parse(await readFile(join(folder, 'labels.json'), 'utf8'))).toEqual({
      'p00-c0.mp4': 'p00',
      'p00-c1.mp4': 'p00',
      'p01-c0.mp4': 'p01',
      'p01-c1.mp4': 'p01',
    });
    expect(await readFile(join(folder, 'held-out.txt'), 'utf8')).toBe('p01-c0\np01-c1\n');
    expect(await readdir(folder)).toHaveLength(7);
  });

  test('a folder made with other options is refused, not mixed', async () => {
    await expect(writeEmbeddedDataset(folder, { ...wanted, seed: 4 })).rejects.toThrow(
      /folder must be empty or made with/,
    );
  });
});
