import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPeople } from './read-people';

test('readPeople reads names by video path and refuses anything else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'read-people-'));
  const path = join(folder, 'labels.json');
  await writeFile(path, '{ "a/b.mp4": "Ada" }');
  expect(await readPeople(path)).toEqual({ 'a/b.mp4': 'Ada' });
  for (const wrong of ['["a"]', '{ "a.mp4": 1 }', 'null', 'no JSON']) {
    await writeFile(path, wrong);
    await expect(readPeople(path)).rejects.toThrow(/prepareFolder: people must be a JSON file of an object/);
  }
  await rm(folder, { recursive: true });
});
