import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join } from 'node:path';
import { programFault } from './program-file';

/** Where ffmpeg was found, in the order of search. */
export type FfmpegSource = 'option' | 'FFMPEG_PATH' | 'ffmpeg-static' | 'PATH' | '@ffmpeg-installer/ffmpeg';

/** An ffmpeg that has been run once to test it. */
export type Ffmpeg = {
  /** Absolute path of the program, or the value of the option or of FFMPEG_PATH. */
  path: string;
  source: FfmpegSource;
  /** As printed by `-version`, such as `5.1.9-0+deb12u1`. */
  version: string;
};

export type FindFfmpegOptions = {
  /** The program to use; an error where it does not run. Default: search. */
  ffmpegPath?: string;
  /** Receives warnings, one line at a time. Default `console.warn`. */
  log?: (line: string) => void;
};

const WAYS_TO_GET_ONE = [
  'install it with the system (`apt-get install ffmpeg`, `brew install ffmpeg`, `winget install ffmpeg`)',
  'name it in the environment variable FFMPEG_PATH or in the option `ffmpegPath`',
  'let `ffmpeg-static` run its install script (pnpm: `pnpm approve-builds`), which downloads a build from GitHub',
  '`npm install @ffmpeg-installer/ffmpeg`, a build of 2018 that comes from the npm registry',
].join('; ');

/**
 * Finds ffmpeg and runs it once (`-version`) to test it.
 *
 * Order: the option, `FFMPEG_PATH`, the package `ffmpeg-static` (its file may be missing: its install script downloads
 * it), `PATH`, and last `@ffmpeg-installer/ffmpeg`, with a warning, as that build has had no security fix since 2018.
 * An option or a `FFMPEG_PATH` that does not run is an error and nothing else is tried. Packages are looked up from
 * this package and from the program's entry file, never from the working folder.
 *
 * @throws Error that lists what was tried and how to install ffmpeg.
 * @example
 * import { findFfmpeg } from '@lipsync/media';
 * const { path, version } = await findFfmpeg();
 */
export async function findFfmpeg(options: FindFfmpegOptions = {}): Promise<Ffmpeg> {
  const { ffmpegPath, log = (line: string) => console.warn(line) } = options;
  if (ffmpegPath !== undefined) return demanded(ffmpegPath, 'option', 'options.ffmpegPath');
  const fromEnvironment = process.env.FFMPEG_PATH;
  if (fromEnvironment) return demanded(fromEnvironment, 'FFMPEG_PATH', 'FFMPEG_PATH');

  const tried: string[] = [];
  const failed: string[] = [];
  const routes: [FfmpegSource, () => Found | Promise<Found>][] = [
    ['ffmpeg-static', ffmpegStatic],
    ['PATH', onPath],
    ['@ffmpeg-installer/ffmpeg', ffmpegInstaller],
  ];
  for (const [source, look] of routes) {
    const { path, missing } = await look();
    if (path === undefined) {
      tried.push(`${source}: ${missing}`);
      continue;
    }
    try {
      const version = await versionOf(path);
      for (const broken of failed) log(`@lipsync/media: ${broken}; using the ffmpeg of ${source}, ${path}`);
      if (source === '@ffmpeg-installer/ffmpeg') {
        log(
          `@lipsync/media: using the ffmpeg of ${source}, a build of 2018 without later security fixes; install a newer one for files you do not trust`,
        );
      }
      return { path, source, version };
    } catch (error) {
      failed.push(`${source}: ${path} ${(error as Error).message}${source === 'ffmpeg-static' ? AGAIN : ''}`);
      tried.push(failed.at(-1)!);
    }
  }
  throw new Error(
    `findFfmpeg: ffmpeg must be there, got none (${tried.join('; ')}). Ways to get one: ${WAYS_TO_GET_ONE}`,
  );
}

/** The path of a program, or why there is none. */
type Found = { path: string; missing?: undefined } | { path?: undefined; missing: string };

/** The install script leaves a file alone that is there, whole or not. */
const AGAIN = ' (delete that file and let the install script of ffmpeg-static run again)';

const found = new Map<string, Promise<Ffmpeg>>();

/** `findFfmpeg`, once for the same option and environment: a warning is logged once per process. */
export function ffmpegFor(options: FindFfmpegOptions): Promise<Ffmpeg> {
  const key = JSON.stringify([options.ffmpegPath, process.env.FFMPEG_PATH, process.env.PATH]);
  let search = found.get(key);
  if (!search) {
    search = findFfmpeg(options);
    found.set(key, search);
    search.catch(() => found.delete(key));
  }
  return search;
}

async function demanded(path: string, source: FfmpegSource, argument: string): Promise<Ffmpeg> {
  try {
    return { path, source, version: await versionOf(path) };
  } catch (error) {
    throw new Error(`findFfmpeg: ${argument} must be an ffmpeg that runs, got ${path} (${(error as Error).message})`);
  }
}

function versionOf(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(path, ['-hide_banner', '-version'], { timeout: 20_000, windowsHide: true }, (error, stdout, stderr) => {
      const version = /^ffmpeg version (\S+)/m.exec(stdout ?? '')?.[1];
      if (version) return resolve(version);
      if (!error) return reject(new Error('does not say that it is ffmpeg'));
      const words = [error.message.split('\n')[0], /error while loading shared libraries.*/.exec(stderr)?.[0]];
      const known = programFault(path).catch(() => undefined);
      known.then((fault) => reject(new Error(`does not run: ${fault ?? words.filter(Boolean).join(', ')}`)));
    });
  });
}

/**
 * What a package gives, resolved from here and from the program's entry file: under pnpm only one of them may see it.
 */
function requireOptional(name: string): unknown[] {
  return [import.meta.url, process.argv[1]].flatMap((from) => {
    try {
      return from ? [createRequire(from)(name)] : [];
    } catch {
      return []; // not installed as seen from there, or not for this platform
    }
  });
}

async function firstFile(paths: unknown[]): Promise<string | undefined> {
  for (const path of paths) if (typeof path === 'string' && (await isFile(path))) return path;
  return undefined;
}

async function ffmpegStatic(): Promise<Found> {
  const paths = requireOptional('ffmpeg-static');
  const path = await firstFile(paths);
  if (path !== undefined) return { path };
  if (paths.length === 0) return { missing: 'not installed' };
  return { missing: 'installed, but its install script did not run or could not download the program' };
}

async function ffmpegInstaller(): Promise<Found> {
  const path = await firstFile(
    requireOptional('@ffmpeg-installer/ffmpeg').map((one) => (one as { path?: string }).path),
  );
  return path === undefined ? { missing: 'not installed' } : { path };
}

async function onPath(): Promise<Found> {
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue; // a relative entry would run a file of the folder one happens to stand in
    const path = join(folder, name);
    if (!(await isFile(path))) continue;
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return { path };
  }
  return { missing: 'none' };
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
