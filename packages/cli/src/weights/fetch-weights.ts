import { constants } from 'node:fs';
import { copyFile, mkdir, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCheckpoint, writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { hashFile } from '@lipsync/dataloader';
import { EXPERT_FILES } from '@lipsync/pretrained';
import { UsageError } from '../terminal/command';
import { whyNoFile } from '../terminal/media-options';
import { PUBLISHED_FILES, type PublishedFile } from './published-weights';

export type FetchOptions = {
  /** Folder that keeps the files. Default `LIPSYNC_CACHE`, else `lipsync` in the system's folder for caches. */
  cache?: string;
  /**
   * Another place for this file or for all files: an https address that ends in `/`, the file's own address, or a folder.
   * Default `LIPSYNC_WEIGHTS_MIRROR`.
   */
  mirror?: string;
  /** Further tries after a broken connection. Default 3. */
  retries?: number;
  onProgress?: (done: number, of: number) => void;
  log?: (line: string) => void;
};

/** A file in the cache. */
export type Fetched = {
  path: string;
  sha256: string;
  bytes: number;
  /** It was in the cache already. */
  cached: boolean;
};

/** Where fetched files are kept. */
export function weightsCache(env: NodeJS.ProcessEnv = process.env): string {
  if (env.LIPSYNC_CACHE) return env.LIPSYNC_CACHE;
  if (process.platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'lipsync');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'lipsync');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lipsync');
}

/** The entry of a name. @throws UsageError that lists the names. */
export function publishedFile(name: string): PublishedFile {
  const found = PUBLISHED_FILES.find((entry) => entry.name === name);
  if (found) return found;
  throw new UsageError(`NAME must be one of ${PUBLISHED_FILES.map((entry) => entry.name).join(', ')}, got ${name}`);
}

/** Name of the weights of `@lipsync/pretrained`, which are installed with the command. */
export const PRETRAINED = 'pretrained';

/**
 * `pretrained` as the path of the packaged weights, a published name as the path of its fetched file, the path of a file
 * or an address as it is.
 *
 * @throws UsageError for what is no file, or a file of another kind; for a published name that was not fetched, it says
 *   how to fetch it.
 */
export async function resolveWeights(
  nameOrPath: string,
  option = '--weights',
  cache = weightsCache(),
): Promise<string> {
  const entry = PUBLISHED_FILES.find(({ name }) => name === nameOrPath);
  const isName = entry !== undefined || nameOrPath === PRETRAINED;
  if (/^https?:/i.test(nameOrPath)) return nameOrPath;
  if (!isName || (await sizeOf(nameOrPath)) !== undefined) {
    await assertWeightsFile(nameOrPath, option);
    return nameOrPath;
  }
  if (!entry) return fileURLToPath(EXPERT_FILES.safetensors.url);
  const path = join(cache, entry.file);
  if ((await sizeOf(path)) !== undefined) return path;
  throw new UsageError(
    `${option} must be a file, or a name that was fetched (lipsync weights fetch ${nameOrPath}), got ${nameOrPath}`,
  );
}

/** Refuses what is no weights file, before anything is started. ONNX files are found by their stem later. */
async function assertWeightsFile(path: string, option: string): Promise<void> {
  if (path.endsWith('.onnx')) return;
  const reason = await whyNoFile(path);
  if (reason !== undefined) throw new UsageError(`${option} must be a file, got ${path || '""'}: ${reason}`);
  try {
    await (await openCheckpoint(path)).close();
  } catch (error) {
    const { message } = error as Error;
    const [, rule] = /^openCheckpoint: .*? (must be .*)$/s.exec(message) ?? [];
    const text = rule ? `${rule}: ${path}` : `must be a weights file, got ${path} (${message})`;
    throw new UsageError(`${option} ${text}`, { cause: error });
  }
}

/**
 * Fetches a published file into the cache, or finds it there: resumes an earlier fetch that was cut off, checks the
 * file, and puts it in its place only when complete.
 *
 * Its SHA-256 is checked against the known one; where none is known, the first fetch writes it beside the file and
 * later ones compare.
 *
 * @throws Error without an address, a connection, the expected file or room on the disk; it says what to do.
 * @example
 * const { path } = await fetchWeights('syncnet-v2');
 */
export async function fetchWeights(name: string, options: FetchOptions = {}): Promise<Fetched> {
  const entry = publishedFile(name);
  const { cache = weightsCache(), mirror = process.env.LIPSYNC_WEIGHTS_MIRROR, retries = 3, log } = options;
  await mkdir(cache, { recursive: true });
  const path = join(cache, entry.file);
  const record = `${path}.sha256`;
  const recorded = await readFile(record, 'utf8').then(
    (text) => text.trim().split(/\s/)[0],
    () => undefined,
  );
  if ((await sizeOf(path)) !== undefined) {
    const sha256 = await hashFile(path);
    assertHash(entry, sha256, recorded, path);
    return { path, sha256, bytes: (await sizeOf(path)) as number, cached: true };
  }
  const part = `${path}.part`;
  const place = placeOf(entry, mirror);
  if (place.kind === 'file') {
    await copyFile(place.path, part, constants.COPYFILE_FICLONE).catch((error: Error) =>
      fail(
        Error,
        `lipsync weights fetch ${name}`,
        '--mirror',
        `a folder with ${entry.file}, or an address`,
        `${mirror} (${error.message})`,
      ),
    );
  } else {
    await download(entry, place.address, part, retries, options);
  }
  const sha256 = await hashFile(part);
  try {
    assertHash(entry, sha256, recorded, place.kind === 'file' ? place.path : place.address);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  if (recorded === undefined) {
    await writeFileAtomic(record, `${sha256}  ${entry.file}\n`);
    if (!entry.sha256)
      log?.(`the SHA-256 of ${entry.file} was unknown: ${sha256} is recorded, later fetches compare with it`);
  }
  await rename(part, path);
  return { path, sha256, bytes: (await sizeOf(path)) as number, cached: false };
}

/** https, or http of this machine, which nobody can listen to. */
const isSafeAddress = (address: string) => /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/])/i.test(address);

type Place = { kind: 'file'; path: string } | { kind: 'address'; address: string };

function placeOf(entry: PublishedFile, mirror: string | undefined): Place {
  if (mirror && /^[a-z]+:\/\//i.test(mirror) && !isSafeAddress(mirror))
    throw new UsageError(`--mirror must be an https address or a folder, got ${mirror}`);
  if (mirror && isSafeAddress(mirror))
    return { kind: 'address', address: mirror.endsWith('/') ? mirror + encodeURIComponent(entry.file) : mirror };
  if (mirror) return { kind: 'file', path: mirror.endsWith(entry.file) ? mirror : join(mirror, entry.file) };
  if (entry.address) return { kind: 'address', address: entry.address };
  return fail(
    Error,
    `lipsync weights fetch ${entry.name}`,
    '--mirror',
    `the file or its address, as it has no lasting one (${entry.note})`,
    'nothing',
  );
}

function assertHash(entry: PublishedFile, sha256: string, recorded: string | undefined, place: string): void {
  const known = entry.sha256 ?? recorded;
  if (known !== undefined && !sha256.startsWith(known)) {
    const source = entry.sha256 ? 'its published name' : 'the first fetch';
    fail(
      Error,
      `lipsync weights fetch ${entry.name}`,
      place,
      `the file whose SHA-256 begins with ${known} (${source})`,
      sha256,
    );
  }
}

/** Appends to `part` until it is whole. */
async function download(
  entry: PublishedFile,
  address: string,
  part: string,
  retries: number,
  options: FetchOptions,
): Promise<void> {
  const where = `lipsync weights fetch ${entry.name}`;
  for (let attempt = 0; ; attempt++) {
    try {
      return await downloadOnce(where, address, part, options);
    } catch (error) {
      if (error instanceof Refused) throw error;
      const { message, cause } = error as Error & { cause?: Error };
      if (attempt >= retries) {
        const by = `download it by hand and give it with --mirror, or put it at ${part.replace(/\.part$/, '')}`;
        fail(Error, where, address, `within reach; if it is not, ${by}`, cause?.message ?? message);
      }
      options.log?.(`connection lost (${cause?.message ?? message}), trying again`);
      await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 250 * 2 ** attempt)));
    }
  }
}

/** An answer that another try will not change. */
class Refused extends Error {}

async function downloadOnce(where: string, address: string, part: string, { onProgress }: FetchOptions): Promise<void> {
  const mark = `${part}.json`; // the version of the file that the part belongs to
  const before = (await sizeOf(part)) ?? 0;
  const validator =
    before > 0
      ? await readFile(mark, 'utf8').then(
          (text) => (JSON.parse(text) as { validator?: string }).validator,
          () => undefined,
        )
      : undefined;
  const headers: Record<string, string> = validator ? { Range: `bytes=${before}-`, 'If-Range': validator } : {};
  const response = await fetch(address, { headers, redirect: 'follow' });
  if (!isSafeAddress(response.url)) {
    await response.body?.cancel();
    throw new Refused(`${where}: ${address} must lead to an https address, got ${response.url}`);
  }
  if (response.status === 416) {
    await rm(part, { force: true });
    throw new Error('the part was longer than the file');
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    const text = `${where}: ${address} must exist, got ${response.status} ${response.statusText}`;
    throw response.status >= 500 || response.status === 429 ? new Error(text) : new Refused(text);
  }
  const resumed = response.status === 206;
  const start = resumed ? before : 0;
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const total = start + length;
  const tag = response.headers.get('etag');
  await writeFileAtomic(
    mark,
    JSON.stringify({
      validator: tag && !tag.startsWith('W/') ? tag : (response.headers.get('last-modified') ?? undefined),
    }),
  );
  const { bavail, bsize } = await statfs(part.slice(0, part.lastIndexOf('/')) || '.').catch(() => ({
    bavail: Infinity,
    bsize: 1,
  }));
  if (length > bavail * bsize)
    throw new Refused(`${where}: the disk must have room for ${length} bytes more, got ${bavail * bsize}`);
  const file = await open(part, resumed ? 'a' : 'w');
  let done = start;
  try {
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      await file.write(piece);
      done += piece.length;
      onProgress?.(done, total);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (Number.isFinite(total) && done !== total) throw new Error(`received ${done} of ${total} bytes`);
  await rm(mark, { force: true });
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );
}
