import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXPERT_SHA256 } from '@lipsync/pretrained';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fetchWeights, publishedFile, resolveWeights, weightsCache } from './fetch-weights';
import { PUBLISHED_FILES } from './published-weights';

const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3);
const SHA = createHash('sha256').update(BYTES).digest('hex');

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let answer: Answer;
let requests: IncomingMessage[] = [];
let base = '';
let cache = '';
const server = createServer((request, response) => {
  requests.push(request);
  answer(request, response);
});

/** A server with ranges and validators. */
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
  requests = [];
});

test('fetchWeights fetches, records the hash where none was known, and finds the file next time', async () => {
  answer = whole();
  const lines: string[] = [];
  const seen: number[] = [];
  const got = await fetchWeights('syncnet-v2', {
    cache,
    mirror: base,
    log: (line) => lines.push(line),
    onProgress: (done) => seen.push(done),
  });
  expect(got).toMatchObject({ path: join(cache, 'syncnet_v2.model'), sha256: SHA, bytes: BYTES.length, cached: false });
  expect(new Uint8Array(await readFile(got.path))).toEqual(BYTES);
  expect(requests[0].url).toBe('/files/syncnet_v2.model');
  expect(lines.join()).toContain(`${SHA} is recorded`);
  expect(seen.at(-1)).toBe(BYTES.length);
  expect((await readdir(cache)).sort()).toEqual(['syncnet_v2.model', 'syncnet_v2.model.sha256']);
  expect(await fetchWeights('syncnet-v2', { cache, mirror: base })).toMatchObject({ cached: true });
  expect(requests).toHaveLength(1);
  expect(await resolveWeights('syncnet-v2', '--weights', cache)).toBe(got.path);
});

test('fetchWeights resumes after a broken connection, with the same file only', async () => {
  const answers = [cut(100_000), whole()];
  answer = (request, response) => (answers.shift() as Answer)(request, response);
  const got = await fetchWeights('syncnet-v2', { cache, mirror: base });
  expect(got.sha256).toBe(SHA);
  expect(requests[1].headers.range).toMatch(/^bytes=\d+-$/);
  expect(requests[1].headers['if-range']).toBe('"one"');
});

test('fetchWeights starts again if the file changed on the server, or the server knows no ranges', async () => {
  const other = BYTES.map((byte) => byte ^ 1);
  const answers = [cut(100_000), whole(other, '"two"')];
  answer = (request, response) => (answers.shift() as Answer)(request, response);
  const got = await fetchWeights('syncnet-v2', { cache, mirror: base });
  expect(new Uint8Array(await readFile(got.path))).toEqual(other);
});

test('fetchWeights resumes the partial file of an earlier run', async () => {
  answer = cut(50_000);
  await expect(fetchWeights('syncnet-v2', { cache, mirror: base, retries: 0 })).rejects.toThrow(
    /within reach; if it is not, download it by hand/,
  );
  expect(await readdir(cache)).toContain('syncnet_v2.model.part');
  answer = whole();
  expect((await fetchWeights('syncnet-v2', { cache, mirror: base })).sha256).toBe(SHA);
  expect(requests.at(-1)?.headers.range).toMatch(/^bytes=\d+-$/);
});

test('fetchWeights refuses a file whose hash differs from the published one or from the first fetch', async () => {
  answer = whole();
  await expect(fetchWeights('alexnet', { cache, mirror: base })).rejects.toThrow(
    'the file whose SHA-256 begins with 7be5be79 (its published name)',
  );
  expect(await readdir(cache)).toEqual([]);
  await fetchWeights('syncnet-v2', { cache, mirror: base });
  await rm(join(cache, 'syncnet_v2.model'));
  answer = whole(BYTES.map((byte) => byte ^ 1));
  await expect(fetchWeights('syncnet-v2', { cache, mirror: base })).rejects.toThrow('(the first fetch)');
  await writeFile(join(cache, 'syncnet_v2.model'), 'damaged');
  await expect(fetchWeights('syncnet-v2', { cache, mirror: base })).rejects.toThrow('(the first fetch)');
});

test('fetchWeights reports the status of the server, follows redirects, and tries again after a server error', async () => {
  answer = (_, response) => response.writeHead(404).end();
  await expect(fetchWeights('syncnet-v2', { cache, mirror: base })).rejects.toThrow(
    'syncnet_v2.model must exist, got 404 Not Found',
  );
  expect(requests).toHaveLength(1);
  const answers: Answer[] = [
    (_, response) => response.writeHead(503).end(),
    (_, response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
    whole(),
  ];
  answer = (request, response) => (answers.shift() as Answer)(request, response);
  expect((await fetchWeights('syncnet-v2', { cache, mirror: base })).sha256).toBe(SHA);
  expect(requests.at(-1)?.url).toBe('/elsewhere');
});

test.each(['http://example.org/', 'ftp://example.org/', 'http://127.0.0.1.example.org/'])(
  'fetchWeights takes https only, not %s',
  async (mirror) => {
    await expect(fetchWeights('syncnet-v2', { cache, mirror })).rejects.toThrow(
      `--mirror must be an https address or a folder, got ${mirror}`,
    );
  },
);

test('official addresses are https, and a redirect to another kind is not followed', async () => {
  for (const { address } of PUBLISHED_FILES) if (address) expect(address).toMatch(/^https:/);
  const host = base.replace('127.0.0.1', '0.0.0.0'); // answers here, and is no address of this machine alone
  answer = (request, response) =>
    request.url?.startsWith('/files') && !request.headers.host?.startsWith('0.')
      ? response.writeHead(302, { Location: `${host}elsewhere` }).end()
      : whole()(request, response);
  await expect(fetchWeights('syncnet-v2', { cache, mirror: base })).rejects.toThrow(
    'must lead to an https address, got',
  );
  expect(await readdir(cache)).toEqual([]);
});

test('fetchWeights says what to do if the server does not answer', async () => {
  const gone = 'http://127.0.0.1:9/'; // nothing listens there
  await expect(fetchWeights('syncnet-v2', { cache, mirror: gone, retries: 0 })).rejects.toThrow(
    /127\.0\.0\.1:9\/syncnet_v2\.model must be within reach.*--mirror/,
  );
});

test('fetchWeights takes files from a folder, and says where a file without a lasting address is found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lipsync-mirror-'));
  await writeFile(join(folder, 'lipsync_expert.pth'), BYTES);
  expect((await fetchWeights('wav2lip-expert', { cache, mirror: folder })).sha256).toBe(SHA);
  await rm(folder, { recursive: true });
  await expect(fetchWeights('dinet', { cache, mirror: undefined })).rejects.toThrow(
    'linked from the README of github.com/MRzzm/DINet',
  );
  await expect(fetchWeights('dinet', { cache, mirror: folder })).rejects.toThrow(
    'a folder with clip_training_DINet_256mouth.pth',
  );
});

test('resolveWeights knows the weights that are installed with the command, if no file has their name', async () => {
  const path = await resolveWeights('pretrained', '--weights', cache);
  expect(
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  ).toBe(EXPERT_SHA256);
});

test('unknown names are refused; known ones resolve to the cached file', async () => {
  expect(() => publishedFile('nothing')).toThrow('NAME must be one of syncnet-v2, ');
  expect(await resolveWeights('https://a.b/c.pth', '--weights', cache)).toBe('https://a.b/c.pth');
  expect(await resolveWeights('exported.onnx', '--weights', cache)).toBe('exported.onnx'); // a stem of three files
  await expect(resolveWeights('none.pth', 'FILE', cache)).rejects.toThrow(
    'FILE must be a file, got none.pth: there is no such file',
  );
  await expect(resolveWeights(cache, '--expert', cache)).rejects.toThrow('that is a folder');
  await expect(resolveWeights('-', '--weights', cache)).rejects.toThrow('standard input cannot be read');
  await writeFile(join(cache, 'text.pth'), 'a text');
  await expect(resolveWeights(join(cache, 'text.pth'), '--init', cache)).rejects.toThrow(
    /^--init must be a torch, safetensors, npy or npz file, got one that begins with .*text\.pth$/,
  );
  await expect(resolveWeights('vgg16', '--perceptual', cache)).rejects.toThrow('lipsync weights fetch vgg16');
  expect(weightsCache({ LIPSYNC_CACHE: '/somewhere' })).toBe('/somewhere');
  expect(new Set(PUBLISHED_FILES.map(({ name }) => name)).size).toBe(PUBLISHED_FILES.length);
  for (const { address, note, file, sha256 } of PUBLISHED_FILES) {
    expect(address ?? note).toBeTruthy();
    if (sha256) expect(file).toContain(sha256);
  }
});
