import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { VideoScore } from '@lipsync/score';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CropCollector } from './crop-collector';
import { writePreview } from './preview-file';
import { pageOf } from './report-file';
import { lacksPage } from './write-pictures';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'write-pictures-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('lacksPage: a single video for any picture, one of several where it has no page', async () => {
  const [report, preview] = [join(folder, 'all.html'), join(folder, 'a.png')];
  await writeFile(report, 'of another video');
  const single = [{ report }, { preview }, {}].map((options) => lacksPage(options, 'a.mp4', false));
  expect(await Promise.all(single)).toEqual([true, true, false]);
  expect(await lacksPage({ report }, 'a.mp4', true)).toBe(true);
  await mkdir(dirname(pageOf(report, 'a.mp4')));
  await writeFile(pageOf(report, 'a.mp4'), '');
  expect(await lacksPage({ report }, 'a.mp4', true)).toBe(false);
  expect(await lacksPage({ report }, 'b.mp4', true)).toBe(true);
});

test('pageOf keeps names within what file systems take, and apart', () => {
  const [a, b] = ['a', 'b'].map((end) => basename(pageOf('all.html', `${'name '.repeat(48)}${end}.mp4`)));
  expect(a).toMatch(/^(name_){20}-[0-9a-f]{8}\.html$/);
  expect(a).not.toBe(b);
});

test('writePreview makes the folder of its file', async () => {
  const crop = { frameIndex: 3, width: 4, height: 4, data: new Uint8Array(48) };
  const crops = { of: () => ({ spread: [crop], lively: [] }) } as unknown as CropCollector;
  const path = join(folder, 'new', 'folder', 'a.png');
  await writePreview(path, { faces: [{ track: 0, place: null }] } as unknown as VideoScore, crops);
  expect((await readFile(path)).subarray(1, 4).toString()).toBe('PNG');
});
