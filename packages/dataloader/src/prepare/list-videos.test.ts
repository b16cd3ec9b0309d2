import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listVideos } from './list-videos';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'list-videos-'));
  await mkdir(join(folder, 'b', 'empty'), { recursive: true });
  for (const name of ['z.mp4', 'a.MPG', 'notes.txt', '.hidden.mp4', 'b/c.webm'])
    await writeFile(join(folder, name), '');
});
afterAll(() => rm(folder, { recursive: true }));

test('listVideos finds videos in all folders, sorted, and ignores other files', async () => {
  expect(await listVideos(folder)).toEqual({ folder, sources: ['a.MPG', 'b/c.webm', 'z.mp4'] });
});

test('listVideos takes a single file too', async () => {
  expect(await listVideos(join(folder, 'z.mp4'))).toEqual({ folder, sources: ['z.mp4'] });
});

test('listVideos refuses a missing folder and one without videos', async () => {
  await expect(listVideos(join(folder, 'b', 'empty'))).rejects.toThrow('none in it');
  await expect(listVideos(join(folder, 'nowhere'))).rejects.toThrow('no such file');
});
