import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openMedia } from '../read/open-media';
import { beep, ffmpeg, flash, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { findFfmpeg } from './find-ffmpeg';

// The package's own install script, told to fetch from a server here that has the layout of its releases and this
// machine's ffmpeg. Nothing leaves the machine.

// Hidden while a test runs: the workspace has it, an application rarely.
const registry = vi.hoisted(() => ({ hidden: false }));
vi.mock('node:module', async (original) => {
  const actual = await original<typeof import('node:module')>();
  const createRequire: typeof actual.createRequire = (from) => {
    const require = actual.createRequire(from);
    const load = (name: string) => {
      if (registry.hidden && name === '@ffmpeg-installer/ffmpeg') throw new Error('hidden by the test');
      return require(name);
    };
    return Object.assign(load, require);
  };
  return { ...actual, createRequire };
});

const folder = temporaryFolder();
const OTHER = process.arch === 'arm64' ? 'x64' : 'arm64';
const { PATH, FFMPEG_PATH } = process.env;
const entry = process.argv[1];
const program = ffmpeg && existsSync(ffmpeg.path) ? readFileSync(realpathSync(ffmpeg.path)) : Buffer.alloc(0);

/** What the server sends for a path; with `cut`, half of it before it hangs up. */
type Answer = { body: Buffer; cut?: boolean };
const answers = new Map<string, Answer>();
let server: Server;

/** The same program, by its header for another processor. */
function forOtherProcessor(): Buffer {
  const other = Buffer.from(program);
  other.writeUInt16LE(OTHER === 'arm64' ? 183 : 62, 18);
  return other;
}

/** An application with ffmpeg-static as npm lays it before the install script runs. The script runs then. */
async function install(name: string, url: string, environment: NodeJS.ProcessEnv = {}) {
  const packed = realpathSync(dirname(createRequire(import.meta.url).resolve('ffmpeg-static/package.json')));
  const modules = join(folder, name, 'node_modules');
  mkdirSync(modules, { recursive: true });
  for (const sibling of readdirSync(dirname(packed))) {
    if (sibling === 'ffmpeg-static') cpSync(packed, join(modules, sibling), { recursive: true });
    else symlinkSync(join(dirname(packed), sibling), join(modules, sibling));
  }
  const { FFMPEG_BIN: _own, ...inherited } = process.env;
  const env = { ...inherited, FFMPEG_BINARIES_URL: url, XDG_CACHE_HOME: join(folder, name, 'cache'), ...environment };
  const cwd = join(modules, 'ffmpeg-static');
  const { status, output } = await new Promise<{ status: unknown; output: string }>((resolve) =>
    execFile(process.execPath, ['install.js'], { cwd, env }, (error, stdout, stderr) =>
      resolve({ status: error?.code ?? 0, output: stdout + stderr }),
    ),
  );
  registry.hidden = true;
  process.argv[1] = join(folder, name, 'main.js'); // packages are looked up from here
  process.env.PATH = folder; // and no other ffmpeg is there
  delete process.env.FFMPEG_PATH;
  return { path: join(cwd, 'ffmpeg'), status, output };
}

/** The error in which the search ends. */
const wordsOfSearch = () => findFfmpeg().then(String, (error: Error) => error.message);

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const isElf = program.toString('latin1', 1, 4) === 'ELF'; // not a script of the system's that starts it

describe.skipIf(!isElf || process.platform !== 'linux')(`ffmpeg-static, installed${SKIPPED}`, () => {
  beforeAll(async () => {
    const packed = gzipSync(program, { level: 1 });
    const release = '/b6.1.1/';
    const own = `ffmpeg-${process.platform}-${process.arch}.gz`;
    answers.set(`/whole${release}${own}`, { body: packed });
    answers.set(`/whole${release}${process.platform}-${process.arch}.README`, { body: Buffer.from('about') });
    answers.set(`/whole${release}${process.platform}-${process.arch}.LICENSE`, { body: Buffer.from('GPL') });
    answers.set(`/whole${release}ffmpeg-${process.platform}-${OTHER}.gz`, {
      body: gzipSync(forOtherProcessor(), { level: 1 }),
    });
    answers.set(`/cut${release}${own}`, { body: packed, cut: true });
    answers.set(`/half${release}${own}`, { body: gzipSync(program.subarray(0, program.length / 2), { level: 1 }) });
    server = createServer((request, response) => {
      const answer = answers.get(request.url ?? '');
      if (!answer) return response.writeHead(404).end();
      response.writeHead(200, { 'content-length': answer.body.length });
      if (!answer.cut) return response.end(answer.body);
      return response.write(answer.body.subarray(0, answer.body.length / 2), () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void server.close());
  afterEach(() => {
    registry.hidden = false;
    process.argv[1] = entry;
    process.env.PATH = PATH;
    if (FFMPEG_PATH === undefined) delete process.env.FFMPEG_PATH;
    else process.env.FFMPEG_PATH = FFMPEG_PATH;
  });

  test('the file that its install script lays is the one that reads videos', async () => {
    const clip = join(folder, 'clip.mkv');
    await make(...flash(25, 1, 0.4), ...beep(1, 0.4), '-c:v', 'ffv1', '-c:a', 'pcm_s16le', clip);
    const { path, status, output } = await install('whole', `${address()}/whole`);
    expect([status, output]).toEqual([0, expect.not.stringContaining('Error')]);
    expect(readFileSync(path).equals(program)).toBe(true);
    expect(statSync(path).mode & 0o111).toBe(0o111);
    expect(readFileSync(`${path}.LICENSE`, 'utf8')).toBe('GPL');
    expect(await findFfmpeg()).toEqual({ path, source: 'ffmpeg-static', version: ffmpeg!.version });
    const { video } = await (await openMedia()).probe(clip);
    expect(video).toMatchObject({ width: 64, height: 48, fps: 25 });
  });

  test('a download that breaks off leaves a file that the next installation keeps, and that is called incomplete', async () => {
    const { path, status } = await install('cut', `${address()}/cut`);
    expect([status, existsSync(path)]).toEqual([1, true]);
    const run = promisify(execFile)(process.execPath, ['install.js'], { cwd: dirname(path) });
    expect((await run).stdout).toContain('installed already');
    expect(await wordsOfSearch()).toMatch(
      /ffmpeg does not run: the file is (empty|incomplete.*) \(delete that file and let the install script/,
    );
  });

  test('half a program is called incomplete', async () => {
    const { status } = await install('half', `${address()}/half`);
    expect(status).toBe(0);
    expect(await wordsOfSearch()).toContain(
      `does not run: the file is incomplete: ${Math.floor(program.length / 2)} of at least ${program.length} bytes`,
    );
  });

  test('a program for another processor is called that', async () => {
    const { status } = await install('other', `${address()}/whole`, { npm_config_arch: OTHER });
    expect(status).toBe(0);
    expect(await wordsOfSearch()).toContain(
      `does not run: it is a program for linux ${OTHER}, and this is linux ${process.arch}`,
    );
  });

  test.each([
    ['no network', () => 'http://127.0.0.1:9', 'ECONNREFUSED'],
    ['a server without the release', () => `${address()}/none`, '404'],
  ])('with %s the installation fails and says so, and the search says what is missing', async (name, url, reason) => {
    const { path, status, output } = await install(name, url());
    expect([status, existsSync(path)]).toEqual([1, false]);
    expect(output).toContain(reason);
    expect(await wordsOfSearch()).toContain(
      'ffmpeg-static: installed, but its install script did not run or could not download the program; PATH: none',
    );
  });
});
