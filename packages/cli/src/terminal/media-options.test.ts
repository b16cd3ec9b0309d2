import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { assertFiles, assertFolderOrFile, withDamageHint } from './media-options';
import { runLipsync } from './run-lipsync';

const folder = mkdtempSync(join(tmpdir(), 'media-options-'));
const file = (name: string) => join(folder, name);
writeFileSync(file('a.mp4'), 'a');
mkdirSync(file('talks'));
symlinkSync(file('gone.mp4'), file('dangling.mp4'));
afterAll(() => rmSync(folder, { recursive: true }));

test('assertFiles takes files, whatever they hold', async () => {
  await assertFiles('VIDEO', [file('a.mp4')]);
  await assertFolderOrFile('VIDEOS', file('talks'));
  await assertFolderOrFile('VIDEOS', file('a.mp4'));
});

const SAVE = 'save it to a file first';
const WRONG: [string, string][] = [
  ['', 'got "": it is empty'],
  ['missing.mp4', 'got missing.mp4: there is no such file'],
  [file('dangling.mp4'), 'there is no such file'],
  [file('a.mp4/b.mp4'), 'there is no such file'],
  [
    'https://example.org/a.mp4',
    `got https://example.org/a.mp4: that is an address, and nothing is downloaded; ${SAVE}`,
  ],
  ['rtmp://example.org/live', `nothing is downloaded; ${SAVE}`],
  ['file:///tmp/a.mp4', 'that is an address; give the path alone'],
  ['-', `got -: standard input cannot be read, because a video is read more than once; ${SAVE}`],
  ['/dev/stdin', 'standard input cannot be read'],
];

test.each(WRONG)('assertFiles refuses %j', async (path, message) => {
  const error = await assertFiles('VIDEO', [path]).catch((reason) => reason);
  expect(error.message).toMatch(/^VIDEO must be a file, got /);
  expect(error.message).toContain(message);
});

test('assertFiles refuses folders, pipes, and all that is wrong in one error', async () => {
  await expect(assertFiles('VIDEO', [file('talks/')])).rejects.toThrow(
    `VIDEO must be a file, got ${file('talks/')}: that is a folder; name the files in it, such as ${file('talks')}/*.mp4`,
  );
  if (process.platform !== 'win32') {
    await expect(assertFiles('VIDEO', ['/dev/null'])).rejects.toThrow(`that is a pipe or a device; ${SAVE}`);
  }
  const error = await assertFiles('VIDEO', [file('a.mp4'), 'x', 'y', ...Array(20).fill('z')]).catch((reason) => reason);
  const lines = error.message.split('\n');
  expect([lines.length, lines[1], lines[10]]).toEqual([
    11,
    'VIDEO must be a file, got y: there is no such file',
    'and 12 more',
  ]);
  await expect(assertFolderOrFile('VIDEOS', 'x')).rejects.toThrow(
    'VIDEOS must be a folder of videos, or one video, got x: there is no such file',
  );
});

test('withDamageHint names the option where damage is the reason', () => {
  expect(withDamageHint('broken: damaged or missing: 3 frames')).toContain('--damage conceal takes what there is');
  expect(withDamageHint('broken: it is no video or audio')).toBe('broken: it is no video or audio');
});

describe('commands refuse what is no file before anything is started', () => {
  let output: CapturedOutput;
  beforeEach(() => {
    output = captureOutput();
  });
  afterEach(() => output.restore());
  const weights = ['--weights', file('a.mp4')];

  test.each([
    [['score', ...weights, 'x.mp4'], 'lipsync score: VIDEO must be a file, got x.mp4: there is no such file\n'],
    [
      ['prepare', 'https://a.b/c', file('out')],
      'lipsync prepare: VIDEOS must be a folder of videos, or one video, got https',
    ],
    [['prepare', file('talks'), file('out')], 'lipsync prepare: VIDEOS must be a folder with videos'],
    [['dub', file('a.mp4'), '-', 'out.mp4', ...weights], 'lipsync dub: AUDIO must be a file, got -: standard input'],
    [['features', folder, 'out.npy', '--model', 'm'], 'lipsync features: AUDIO must be a file'],
    [
      ['evaluate', 'generator', folder, ...weights, '--videos', 'x'],
      '--videos must be a folder of videos, or one video, got x',
    ],
  ])('lipsync %j', async (words, message) => {
    expect(await runLipsync(words as string[])).toBe(2);
    expect(output.err).toContain(message);
    expect(output.err).not.toMatch(/(^|\s)[a-z]+[A-Z]\w+: /); // no names of functions
  });
});
