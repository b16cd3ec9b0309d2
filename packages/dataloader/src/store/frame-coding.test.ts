import { inflateRawSync } from 'node:zlib';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { CHUNK_FRAMES, decodeChunk, encodeFrames } from './frame-coding';

const size = { height: 5, width: 7 }; // bytes that are no multiple of four
const bytes = 5 * 7 * 3;
const random = new Random(1);
const noise = (frameCount: number) => Uint8Array.from({ length: frameCount * bytes }, () => random.integer(256));

test.each([1, CHUNK_FRAMES, CHUNK_FRAMES + 1, 3 * CHUNK_FRAMES - 1])(
  '%d frames come back as they were, chunk by chunk',
  async (count) => {
    const frames = noise(count);
    const { data, ends } = await encodeFrames(frames, size);
    expect(ends).toHaveLength(Math.ceil(count / CHUNK_FRAMES));
    expect(ends[ends.length - 1]).toBe(data.length);
    for (let index = ends.length - 1; index >= 0; index--) {
      const from = index * CHUNK_FRAMES;
      const held = Math.min(CHUNK_FRAMES, count - from);
      const chunk = await decodeChunk(data.subarray(index === 0 ? 0 : ends[index - 1], ends[index]), held, size);
      expect(Buffer.compare(chunk, frames.subarray(from * bytes, (from + held) * bytes))).toBe(0);
    }
  },
);

test('frames decode by running sums along rows, then over frames, as documented', async () => {
  const frames = noise(3);
  const { data } = await encodeFrames(frames, size);
  const values = inflateRawSync(data);
  for (let i = 0; i < values.length; i++) if (i % 21 >= 3) values[i] += values[i - 3];
  for (let i = bytes; i < values.length; i++) values[i] += values[i - bytes];
  expect(Buffer.compare(values, frames)).toBe(0);
});

test('static and smooth frames compress well', async () => {
  const frames = Uint8Array.from({ length: 50 * bytes }, (_, i) => (i % 21) * 3 + 2 * Math.floor(i / bytes));
  expect((await encodeFrames(frames, size)).data.length).toBeLessThan(frames.length / 20);
});

test('decodeChunk refuses another number of frames', async () => {
  const { data } = await encodeFrames(noise(4), size);
  await expect(decodeChunk(data, 5, size)).rejects.toThrow(
    `decodeChunk: packed must be ${5 * bytes} bytes of frames, got ${4 * bytes}`,
  );
  await expect(decodeChunk(data, 3, size)).rejects.toThrow('decodeChunk: packed must be');
  await expect(decodeChunk(data.subarray(0, 40), 4, size)).rejects.toThrow(
    'decodeChunk: packed must be 4 frames of 5 x 7',
  );
});

test('frames whose bytes are a multiple of four, which are added four at a time, come back as they were', async () => {
  const even = { height: 4, width: 8 };
  const frames = noise(30).subarray(0, 30 * 96);
  const { data, ends } = await encodeFrames(frames, even);
  expect(Buffer.compare(await decodeChunk(data.subarray(0, ends[0]), 25, even), frames.subarray(0, 25 * 96))).toBe(0);
  expect(Buffer.compare(await decodeChunk(data.subarray(ends[0]), 5, even), frames.subarray(25 * 96))).toBe(0);
});
