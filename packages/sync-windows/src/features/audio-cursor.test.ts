import type { Waveform } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { AudioCursor } from './audio-cursor';

let closed = 0;
async function* counting(length: number, piece: number): AsyncGenerator<Waveform> {
  try {
    for (let start = 0; start < length; start += piece) {
      const samples = Float32Array.from({ length: Math.min(piece, length - start) }, (_, i) => start + i + 1);
      yield { samples, sampleRate: 16000 };
    }
  } finally {
    closed++;
  }
}

test.each([1, 7, 1000])(
  'reads any part of an audio track that comes in pieces of %d, silence around it',
  async (piece) => {
    const cursor = new AudioCursor(counting(50, piece));
    expect([...(await cursor.read(-3, 4))]).toEqual([0, 0, 0, 1, 2, 3, 4]);
    expect(cursor.length).toBeUndefined();
    expect([...(await cursor.read(2, 5))]).toEqual([3, 4, 5]);
    expect([...(await cursor.read(47, 53))]).toEqual([48, 49, 50, 0, 0, 0]);
    expect([...(await cursor.read(60, 62))]).toEqual([0, 0]);
    expect(cursor.length).toBe(50);
  },
);

test('holds no more than what was not forgotten, and refuses to go back', async () => {
  const cursor = new AudioCursor(counting(100_000, 1000));
  for (let from = 0; from < 90_000; from += 1000) {
    cursor.forget(from);
    expect((await cursor.read(from, from + 1500))[0]).toBe(from + 1);
    expect(cursor.held).toBeLessThanOrEqual(3000);
  }
  await expect(cursor.read(10, 20)).rejects.toThrow(
    'AudioCursor.read: start must be at least 89000, as earlier ones are forgotten, got 10',
  );
});

test('close ends the decoding, twice over', async () => {
  const before = closed;
  const cursor = new AudioCursor(counting(100, 10));
  await cursor.read(0, 15);
  await cursor.close();
  await cursor.close();
  expect(closed).toBe(before + 1);
});
