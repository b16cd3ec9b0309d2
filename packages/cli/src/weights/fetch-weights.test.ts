import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fetchWeights, publishedFile, resolveWeights, weightsCache } from './fetch-weights';
import { PUBLISHED_FILES } from './published-weights';

const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3);
const SHA = createHash('sha256').update(BYTES).digest('hex');

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let answer: Answer;
let asked: IncomingMessage[] = [];
let base = '';
let cache = '';
const server = createServer((request, response) => {
  asked.push(request);
  answer(request, response);
});

/** A server as they should be: ranges, validators. */
const whole =
  (bytes: Uint8Array = BYTES, tag = '"one"'): Answer =>
  ({ headers }, response) => {
    const from = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
    const valid = from !== undefined && headers['if-range'] === tag;
    const start = valid ? Number(from) : 0;
    response.writeHead(valid ? 206 : 200, { ETag: tag, 'Content-Length': bytes.length - start });
    response.end(bytes.subarray(start));
  };
/** Breaks off in the middle. */
const cut =
  (at: number, tag = '"one"'): Answer =>
  (_, response) => {
    response.writeHead(200, { ETag: tag, 'Content-Length': BYTES.length });
    response.write(BYTES.subarray(0, at), () => setTimeout(() => response.destroy(), 100)); // what was sent must arrive first
  };

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}/files/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  if (cache) await rm(cache, { recursive: true, force: true });
  cache = await mkdtemp(join(tmpdir(), 'lipsync-cache-'));
  asked = [];
});

test('fetchWeights fetches, records the hash that was not known, and finds the file next time', async () => {
  answer = whole();
  const said: string[] = [];
  const seen: number[] = [];
  const got = await fetchWeights('syncnet-v2', {
    cache,
    from: base,
    log: (line) => said.push(line),
    onProgress: (done) => seen.push(done),
  });
  expect(got).toMatchObject({ path: join(cache, 'syncnet_v2.model'), sha256: SHA, bytes: BYTES.length, cached: false });
  expect(new Uint8Array(await readFile(got.path))).toEqual(BYTES);
  expect(asked[0].url).toBe('/files/syncnet_v2.model');
  expect(said.join()).toContain(`${SHA} is recorded`);
  expect(seen.at(-1)).toBe(BYTES.length);
  expect((await readdir(cache)).sort()).toEqual(['syncnet_v2.model', 'syncnet_v2.model.sha256']);
  expect(await fetchWeights('syncnet-v2', { cache, from: base })).toMatchObject({ cached: true });
  expect(asked).toHaveLength(1);
  expect(await resolveWeights('syncnet-v2', cache)).toBe(got.path);
});

test('fetchWeights goes on where the connection was cut, with the same file only', async () => {
  const answers = [cut(100_000), whole()];
  answer = (request, response) => (answers.shift() as Answer)(request, response);
  const got = await fetchWeights('syncnet-v2', { cache, from: base });
  expect(got.sha256).toBe(SHA);
  expect(asked[1].headers.range).toMatch(/^bytes=\d+-$/);
  expect(asked[1].headers['if-range']).toBe('"one"');
});

test('fetchWeights starts again where the file changed on the server, or the server knows no ranges', async () => {
  const other = BYTES.map((byte) => byte ^ 1);
  const answers = [cut(100_000), whole(other, '"two"')];
  answer = (request, response) => (answers.shift() as Answer)(request, response);
  const got = await fetchWeights('syncnet-v2', { cache, from: base });
  expect(new Uint8Array(await readFile(got.path))).toEqual(other);
});

test('fetchWeights resumes a part that an earlier run left', async () => {
  answer = cut(50_000);
  await expect(fetchWeights('syncnet-v2', { cache, from: base, retries: 0 })).rejects.toThrow(
    /within reach; if it is not, download it by hand/,
  );
  expect(await readdir(cache)).toContain('syncnet_v2.model.part');
  answer = whole();
  expect((await fetchWeights('syncnet-v2', { cache, from: base })).sha256).toBe(SHA);
  expect(asked.at(-1)?.headers.range).toMatch(/^bytes=\d+-$/);
});

test('fetchWeights refuses another file than the published name or the first fetch says', async () => {
  answer = whole();
  await expect(fetchWeights('alexnet', { cache, from: base })).rejects.toThrow(
    'the file whose SHA-256 begins with 7be5be79 (its published name)',
  );
  expect(await readdir(cache)).toEqual([]);
  await fetchWeights('syncnet-v2', { cache, from: base });
  await rm(join(cache, 'syncnet_v2.model'));
  answer = whole(BYTES.map((byte) => byte ^ 1));
  await expect(fetchWeights('syncnet-v2', { cache, from: base })).rejects.toThrow('(the first fetch)');
  await writeFile(join(cache, 'syncnet_v2.model'), 'damaged');
  await expect(fetchWeights('syncnet-v2', { cache, from: base })).rejects.toThrow('(the first fetch)');
});

test('fetchWeights tells what a server answers, follows where it points, and tries again when it is busy', async () => {
  answer = (_, response) => response.writeHead(404).end();
  await expect(fetchWeights('syncnet-v2', { cache, from: base })).rejects.toThrow(
    'syncnet_v2.model must be there, got 404 Not Found',
  );
  expect(asked).toHaveLength(1);
  const answers: Answer[] = [
    (_, response) => response.writeHead(503).end(),
    (_, response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
    whole(),
  ];
  answer = (request, response) => (answers.shift() as Answer)(request, response);
  expect((await fetchWeights('syncnet-v2', { cache, from: base })).sha256).toBe(SHA);
  expect(asked.at(-1)?.url).toBe('/elsewhere');
});

test('fetchWeights says what to do where nobody answers', async () => {
  const gone = 'http://127.0.0.1:9/'; // nothing listens there
  await expect(fetchWeights('syncnet-v2', { cache, from: gone, retries: 0 })).rejects.toThrow(
    /127\.0\.0\.1:9\/syncnet_v2\.model must be within reach.*--from/,
  );
});

test('fetchWeights takes files from a folder, and says where one without a lasting address is found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lipsync-mirror-'));
  await writeFile(join(folder, 'lipsync_expert.pth'), BYTES);
  expect((await fetchWeights('wav2lip-expert', { cache, from: folder })).sha256).toBe(SHA);
  await rm(folder, { recursive: true });
  await expect(fetchWeights('dinet', { cache, from: undefined })).rejects.toThrow(
    'linked from the README of github.com/MRzzm/DINet',
  );
  await expect(fetchWeights('dinet', { cache, from: folder })).rejects.toThrow(
    'a folder with clip_training_DINet_256mouth.pth',
  );
});

test('names are refused and resolved clearly', async () => {
  expect(() => publishedFile('nothing')).toThrow('NAME must be one of syncnet-v2, ');
  expect(await resolveWeights('my.safetensors', cache)).toBe('my.safetensors');
  await expect(resolveWeights('vgg16', cache)).rejects.toThrow('lipsync weights fetch vgg16');
  expect(weightsCache({ LIPSYNC_CACHE: '/somewhere' })).toBe('/somewhere');
  expect(new Set(PUBLISHED_FILES.map(({ name }) => name)).size).toBe(PUBLISHED_FILES.length);
  for (const { address, note, file, sha256 } of PUBLISHED_FILES) {
    expect(address ?? note).toBeTruthy();
    if (sha256) expect(file).toContain(sha256);
  }
});
