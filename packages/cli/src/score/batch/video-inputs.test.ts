import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { videoInputs } from './video-inputs';

const before = process.cwd();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'video-inputs-')));
beforeAll(() => {
  mkdirSync(join(folder, 'talks/deep'), { recursive: true });
  mkdirSync(join(folder, 'none'));
  const names = ['b.mp4', 'a.mp4', 'talks/c.mkv', 'talks/deep/d.mp4', 'talks/notes.txt', '#hash [1].mp4'];
  for (const name of names) writeFileSync(join(folder, name), name);
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

test.each<[string[], string[]]>([
  [
    ['b.mp4', 'a.mp4'],
    ['b.mp4', 'a.mp4'],
  ],
  [['*.mp4'], ['#hash [1].mp4', 'a.mp4', 'b.mp4']],
  [['./?.mp4'], ['./a.mp4', './b.mp4']],
  [['talks/**/*.{mp4,mkv}'], ['talks/c.mkv', 'talks/deep/d.mp4']],
  [['talks'], [join('talks', 'c.mkv'), join('talks', 'deep/d.mp4')]],
  [
    ['talks/', 'talks/c.mkv'],
    [join('talks', 'c.mkv'), join('talks', 'deep/d.mp4')],
  ], // each once
  [['#hash [1].mp4'], ['#hash [1].mp4']], // a file that looks like a pattern
  [['talks/notes.txt'], ['talks/notes.txt']], // what is named is taken, whatever it is called
])('videoInputs finds %j', async (words, files) => {
  expect((await videoInputs(words)).files).toEqual(files);
});

test('videoInputs finds an absolute pattern', async () => {
  expect((await videoInputs([join(folder, '[ab].mp4')])).files).toEqual([join(folder, 'a.mp4'), join(folder, 'b.mp4')]);
});

test('videoInputs takes Windows’s backslashes in patterns there', async () => {
  const given = videoInputs(['talks\\*.mkv']);
  if (process.platform === 'win32') expect((await given).files).toEqual(['talks/c.mkv']);
  else await expect(given).rejects.toThrow('VIDEO must be a file, got talks\\*.mkv');
});

test('videoInputs takes names from standard input and from a list as they are', async () => {
  const stdin = async () => 'a.mp4\r\n\n# not there.mp4\nb.mp4\n';
  expect((await videoInputs(['-'], { stdin })).files).toEqual(['a.mp4', '# not there.mp4', 'b.mp4']);
  const found = async () => 'a.mp4\0two\nlines.mp4\0';
  expect((await videoInputs(['b.mp4', '-'], { stdin: found })).files).toEqual(['b.mp4', 'a.mp4', 'two\nlines.mp4']);
  writeFileSync('list.txt', '\uFEFF b.mp4\n*.mkv\n');
  expect(await videoInputs([], { list: 'list.txt' })).toEqual({ files: [' b.mp4', '*.mkv'], single: false });
});

test('videoInputs tells one video from what could be more', async () => {
  expect((await videoInputs(['a.mp4'])).single).toBe(true);
  expect((await videoInputs(['a.mp4', 'a.mp4'])).single).toBe(false);
  expect((await videoInputs(['a*.mp4'])).single).toBe(false);
  expect((await videoInputs(['-'], { stdin: async () => 'a.mp4' })).single).toBe(false);
});

test('videoInputs names all that is wrong, before anything is started', async () => {
  const { message } = await videoInputs(['x.mp4', 'a.mp4', 'y*.mp4', 'none', '', 'https://a.b/*.mp4']).catch((e) => e);
  expect(message.split('\n')).toEqual([
    'VIDEO must be a file, got x.mp4: there is no such file',
    'VIDEO must be a pattern of files, got y*.mp4: it matches none',
    'VIDEO must be a folder with videos, got none: it has none',
    'VIDEO must be a file, got "": it is empty',
    expect.stringContaining('got https://a.b/*.mp4: that is an address, and nothing is downloaded'),
  ]);
  const many = await videoInputs(Array.from({ length: 14 }, (_, i) => `x${i}`)).catch((e) => e);
  expect(many.message.split('\n').slice(9)).toEqual([
    'VIDEO must be a file, got x9: there is no such file',
    'and 4 more',
  ]);
  await expect(videoInputs([])).rejects.toThrow('or - for names on standard input, got none');
  await expect(videoInputs(['-'], { stdin: async () => '\n' })).rejects.toThrow(
    'at least one video, got an empty list',
  );
  await expect(videoInputs([], { list: 'gone.txt' })).rejects.toThrow(
    '--list must be a text file with names of videos, got gone.txt: there is no such file',
  );
});
