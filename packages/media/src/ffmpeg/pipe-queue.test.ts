import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { PipeQueue } from './pipe-queue';

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('read returns exactly the requested bytes, across chunks, in new arrays, and the rest at the end', async () => {
  const pipe = new PassThrough();
  const queue = new PipeQueue(pipe, () => queue?.flow(true));
  queue.flow(true);
  for (const text of ['ab', 'cdefg', 'h']) pipe.write(text);
  const [first, second] = [await queue.read(3), await queue.read(4)];
  expect([first, second].map((bytes) => Buffer.from(bytes!).toString())).toEqual(['abc', 'defg']);
  expect(first!.buffer.byteLength).toBe(3);
  const rest = queue.read(5);
  queue.finish();
  expect(Buffer.from((await rest)!).toString()).toBe('h');
  expect(await queue.read(1)).toHaveLength(0);
});

test('nothing is read before flow, nor after it is stopped', async () => {
  const pipe = new PassThrough();
  const queue = new PipeQueue(pipe, () => undefined);
  pipe.write(Buffer.alloc(10));
  await tick();
  expect(queue.bytes).toBe(0);
  queue.flow(true);
  await tick();
  expect(queue.bytes).toBe(10);
  queue.flow(false);
  pipe.write(Buffer.alloc(10));
  await tick();
  expect(queue.bytes).toBe(10);
});

test('its owner is notified when bytes are awaited, arrive and are taken', async () => {
  const pipe = new PassThrough();
  const seen: string[] = [];
  const queue: PipeQueue = new PipeQueue(pipe, () => {
    seen.push(`${queue.wanted ? 'wanted' : 'quiet'} ${queue.bytes}`);
    queue.flow(true);
  });
  const read = queue.read(2);
  pipe.write('abc');
  await read;
  expect(seen).toEqual(['wanted 0', 'wanted 3', 'quiet 1']);
});

test('a lost queue returns undefined to waiting and later reads, and keeps nothing', async () => {
  const pipe = new PassThrough();
  const queue = new PipeQueue(pipe, () => undefined);
  queue.flow(true);
  pipe.write('abc');
  await tick();
  const waiting = queue.read(10);
  queue.lose();
  expect(await waiting).toBeUndefined();
  expect(await queue.read(1)).toBeUndefined();
  pipe.write('defg');
  await tick();
  expect(queue.bytes).toBe(0);
});
