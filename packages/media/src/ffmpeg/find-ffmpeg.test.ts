import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../testing/clips';
import { ffmpegFor, findFfmpeg } from './find-ffmpeg';

const folder = temporaryFolder();

/** The program of the optional package, where it is installed for this platform. */
function installed(): string | undefined {
  try {
    return createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg').path;
  } catch {
    return undefined;
  }
}

/** A program that says it is ffmpeg. */
function fake(name: string, version: string): string {
  mkdirSync(join(folder, name), { recursive: true });
  const path = join(folder, name, 'ffmpeg');
  writeFileSync(path, `#!/bin/sh\necho "ffmpeg version ${version} Copyright"\n`);
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(process.platform === 'win32')('findFfmpeg', () => {
  const { PATH, FFMPEG_PATH } = process.env;
  beforeEach(() => {
    delete process.env.FFMPEG_PATH;
  });
  afterEach(() => {
    process.env.PATH = PATH;
    if (FFMPEG_PATH === undefined) delete process.env.FFMPEG_PATH;
    else process.env.FFMPEG_PATH = FFMPEG_PATH;
  });

  test('takes the option before everything else, and reports its version', async () => {
    process.env.FFMPEG_PATH = fake('environment', '2');
    const path = fake('option', '1.2-test');
    expect(await findFfmpeg({ ffmpegPath: path })).toEqual({ path, source: 'option', version: '1.2-test' });
  });

  test('takes FFMPEG_PATH before PATH', async () => {
    process.env.FFMPEG_PATH = fake('environment', '2');
    process.env.PATH = join(folder, 'path');
    fake('path', '3');
    expect(await findFfmpeg()).toMatchObject({ source: 'FFMPEG_PATH', version: '2' });
  });

  test('an option or FFMPEG_PATH that does not run is an error, and no other is tried', async () => {
    await expect(findFfmpeg({ ffmpegPath: join(folder, 'none') })).rejects.toThrow(
      'options.ffmpegPath must be an ffmpeg that runs',
    );
    process.env.FFMPEG_PATH = join(folder, 'none');
    await expect(findFfmpeg()).rejects.toThrow('findFfmpeg: FFMPEG_PATH must be an ffmpeg that runs');
    const path = join(folder, 'notffmpeg');
    writeFileSync(path, '#!/bin/sh\necho hello\n');
    chmodSync(path, 0o755);
    await expect(findFfmpeg({ ffmpegPath: path })).rejects.toThrow('does not say that it is ffmpeg');
    await expect(findFfmpeg({ ffmpegPath: folder })).rejects.toThrow(`got ${folder} (does not run: it is not a file)`);
  });

  test('looks through PATH, past files that cannot be run and relative folders', async () => {
    mkdirSync(join(folder, 'dead'), { recursive: true });
    writeFileSync(join(folder, 'dead', 'ffmpeg'), 'not executable');
    const path = fake('live', '4');
    process.env.PATH = ['relative', join(folder, 'dead'), join(folder, 'live')].join(delimiter);
    const found = await findFfmpeg({ log: () => undefined });
    // Where ffmpeg-static has its file, it comes first.
    if (found.source !== 'ffmpeg-static') expect(found).toEqual({ path, source: 'PATH', version: '4' });
  });

  test.skipIf(!installed())(
    "takes the registry's build last and says aloud that it is old (where it is installed)",
    async () => {
      process.env.PATH = folder;
      const said: string[] = [];
      const found = await findFfmpeg({ log: (line) => said.push(line) });
      if (found.source === 'ffmpeg-static') return;
      expect(found).toMatchObject({ path: installed(), source: '@ffmpeg-installer/ffmpeg' });
      expect(said.join()).toContain('a build of 2018');
    },
  );

  test('logs that a found program does not run before it takes the next', async () => {
    mkdirSync(join(folder, 'broken', 'node_modules', 'ffmpeg-static'), { recursive: true });
    const broken = join(folder, 'broken', 'node_modules', 'ffmpeg-static', 'ffmpeg');
    writeFileSync(broken, '');
    writeFileSync(join(folder, 'broken', 'node_modules', 'ffmpeg-static', 'index.js'), `module.exports = '${broken}'`);
    const path = fake('next', '5');
    process.env.PATH = join(folder, 'next');
    const entry = process.argv[1];
    process.argv[1] = join(folder, 'broken', 'main.js');
    const said: string[] = [];
    const found = await findFfmpeg({ log: (line) => said.push(line) }).finally(() => {
      process.argv[1] = entry;
    });
    // Where the workspace's ffmpeg-static has its file, that is found before.
    if (found.source === 'ffmpeg-static') return;
    expect(found.path).toBe(path);
    expect(said).toEqual([
      `@lipsync/media: ffmpeg-static: ${broken} does not run: the file is empty (delete that file and let the install script of ffmpeg-static run again); using the ffmpeg of PATH, ${path}`,
    ]);
  });

  test('logs its warning once for many readers', async () => {
    process.env.PATH = folder;
    const said: string[] = [];
    const options = { log: (line: string) => said.push(line) };
    const all = await Promise.allSettled([ffmpegFor(options), ffmpegFor(options), ffmpegFor(options)]);
    expect(new Set(all.map((one) => (one.status === 'fulfilled' ? one.value.path : one.reason.message))).size).toBe(1);
    expect(said.length).toBeLessThanOrEqual(1);
  });
});
