import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type ByteInput, openByteSource } from './byte-source';

const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 251);
const folder = mkdtempSync(`${tmpdir()}/lipsync-bytes-`);
const path = `${folder}/weights #1.bin`;
writeFileSync(path, bytes);
afterAll(() => rmSync(folder, { recursive: true }));

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Answer = (response: ServerResponse, from: number, to: number, request: IncomingMessage) => void;
const ranged: Answer = (response, from, to) =>
  response.writeHead(206, { 'Content-Range': `bytes ${from}-${to}/${bytes.length}` }).end(bytes.subarray(from, to + 1));

/** Starts a server with these answers and returns its URL. */
async function serve(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    answer(response, Number(from), Number(to), request);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/weights.bin?token=secret`;
}

describe('openByteSource', () => {
  const inputs: [string, () => Promise<ByteInput> | ByteInput][] = [
    ['a path', () => path],
    ['a file URL', () => pathToFileURL(path)],
    ['a Blob', () => new Blob([bytes])],
    ['bytes', () => bytes],
    ['an address', () => serve(ranged)],
    ['a URL', async () => new URL(await serve(ranged))],
  ];
  test.each(inputs)('reads %s by range, from the first byte to the last, and nothing beyond', async (_, input) => {
    const source = await openByteSource(await input());
    expect(source.size).toBe(300);
    expect(await source.read(0, 300)).toEqual(bytes);
    expect(await source.read(100, 7)).toEqual(bytes.subarray(100, 107));
    expect(await source.read(300, 0)).toEqual(new Uint8Array(0));
    for (const [offset, length] of [
      [299, 2],
      [301, 0],
      [-1, 1],
      [0, -1],
      [0, 2 ** 60],
      [0.5, 1],
      [Number.NaN, 1],
    ]) {
      await expect(source.read(offset, length)).rejects.toThrow(
        /^ByteSource.read: .* must be 300 bytes long, got a range of/,
      );
    }
    await source.close();
    await source.close();
  });

  test('returns a source of the caller unchanged', async () => {
    const source = await openByteSource(bytes);
    expect(await openByteSource(source)).toBe(source);
  });

  test('leaves the query of a URL, which may hold secrets, out of its name', async () => {
    const source = await openByteSource(await serve(ranged));
    expect(source.name).toMatch(/weights.bin$/);
    const refused = openByteSource(await serve((response) => response.writeHead(404).end('no')));
    await expect(refused).rejects.toThrow(/weights.bin must be served by ranges .*, got 404 Not Found$/);
    await expect(refused).rejects.not.toThrow('secret');
  });

  test.each<[string, Answer, string]>([
    ['sends the whole file', (response) => response.end(bytes), 'got 200 without a range'],
    ['does not say which part it sends', (response) => response.writeHead(206).end('x'), 'got 206 without a range'],
    [
      'sends another part',
      (response, from, to) => ranged(response, from + 1, to + 1, {} as IncomingMessage),
      'must be 1 bytes from 0, got 1 from 1',
    ],
    ['sends less', (response) => response.writeHead(206, { 'Content-Range': 'bytes 0-0/300' }).end(), 'got 0 from 0'],
    [
      'sends more',
      (response) => response.writeHead(206, { 'Content-Range': 'bytes 0-0/300' }).end(bytes),
      'must be 1 bytes long, got more',
    ],
  ])('refuses a server that %s', async (_, answer, message) => {
    await expect(openByteSource(await serve(answer))).rejects.toThrow(message);
  });

  test('says why an address cannot be reached', async () => {
    const address = await serve(ranged);
    await new Promise((resolve) => servers.pop()!.close(resolve));
    const refused = openByteSource(address);
    await expect(refused).rejects.toThrow(
      /^openByteSource: .*weights.bin must be an address that can be reached, got .*ECONNREFUSED/,
    );
    await expect(refused).rejects.not.toThrow('secret');
  });

  test('stops reading from a server that sends without end', async () => {
    let sent = 0;
    const address = await serve((response) => {
      response.writeHead(206, { 'Content-Range': 'bytes 0-0/300' });
      const more = () => {
        while (!response.destroyed && response.write(new Uint8Array(65536))) sent += 65536;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    await expect(openByteSource(address)).rejects.toThrow('got more');
    expect(sent).toBeLessThan(64 * 2 ** 20);
  });

  test('refuses a file whose size changes while it is open', async () => {
    const short = `${folder}/short.bin`;
    writeFileSync(short, bytes);
    const source = await openByteSource(short);
    truncateSync(short, 10);
    await expect(source.read(5, 100)).rejects.toThrow('must be 300 bytes long, as it was');
    await source.close();
    let size = 300;
    const remote = await openByteSource(
      await serve((response, from, to) =>
        response.writeHead(206, { 'Content-Range': `bytes ${from}-${to}/${size}` }).end(bytes.subarray(from, to + 1)),
      ),
    );
    size = 400;
    await expect(remote.read(0, 4)).rejects.toThrow('must be 300 bytes long, as it was, got 400');
  });

  test('refuses folders, missing files and other things', async () => {
    await expect(openByteSource(folder)).rejects.toThrow('openByteSource: input must be a file');
    await expect(openByteSource(`${folder}/missing`)).rejects.toThrow('ENOENT');
    await expect(openByteSource(3 as unknown as string)).rejects.toThrow(
      'openByteSource: input must be a path, a URL, a Blob, bytes or a ByteSource',
    );
  });
});
