import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../testing/clips';
import { audioArguments, videoArguments } from './encoder-arguments';

const folder = temporaryFolder();

describe.skipIf(process.platform === 'win32')('videoArguments', () => {
  /** A program that lists one encoder. */
  const build = (name: string) => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\necho ' V..... ${name}              some encoder'\n`);
    chmodSync(path, 0o755);
    return { path, source: 'option' as const, version: 'test' };
  };

  test('takes libx264 with the given quality', async () => {
    const args = await videoArguments(build('libx264'), { crf: 23, preset: 'slow' });
    expect(args.slice(0, 6)).toEqual(['-c:v', 'libx264', '-preset', 'slow', '-crf', '23']);
  });

  test('falls back to mpeg4 with a warning where the build has no libx264', async () => {
    const said: string[] = [];
    const args = await videoArguments(build('mpeg4'), { log: (line) => said.push(line) });
    expect(args.slice(0, 2)).toEqual(['-c:v', 'mpeg4']);
    expect(said.join()).toContain('has no libx264');
  });

  test('refuses a quality or preset that x264 does not have', async () => {
    await expect(videoArguments(build('libx264'), { crf: -1 })).rejects.toThrow(
      'options.crf must be from 0 to 51, got -1',
    );
    await expect(videoArguments(build('libx264'), { preset: '-f' as never })).rejects.toThrow('options.preset');
  });
});

test('audioArguments give AAC where the container stores its delay and FLAC in Matroska', () => {
  expect(audioArguments('mp4', {}, 2)).toContain('192k');
  expect(audioArguments('matroska', {})).toContain('flac');
  expect(() => audioArguments('mp4', { audioKbps: 1 })).toThrow('options.audioKbps');
});
