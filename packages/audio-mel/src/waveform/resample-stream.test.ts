import { expect, test } from 'vitest';
import { resample } from './resample';
import { resampleStream } from './resample-stream';

async function joined(pieces: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const parts: number[] = [];
  for await (const piece of pieces) for (const value of piece) parts.push(value);
  return Float32Array.from(parts);
}

async function* inPieces(samples: Float32Array, length: number) {
  for (let at = 0; at < samples.length; at += length) yield samples.slice(at, at + length);
}

test.each([
  [44100, 16000, 20],
  [48000, 16000, 17.31],
  [8000, 16000, 9],
  [22050, 16000, 0.01],
  [11025, 16000, 8.0001],
])('resampleStream from %d to %d Hz, %d s, is resample of the whole, bit for bit', async (from, to, seconds) => {
  const samples = Float32Array.from(
    { length: Math.round(from * seconds) },
    (_, i) => Math.sin(i * i * 1e-6) + 0.3 * Math.sin(0.7 * i),
  );
  const expected = resample({ samples, sampleRate: from }, to).samples;
  expect(await joined(resampleStream(inPieces(samples, from), { from, to }))).toEqual(expected);
  expect(await joined(resampleStream(inPieces(samples, 441), { from, to, blockSec: 0.5 }))).toEqual(expected);
});

test('resampleStream passes pieces on where the rate stays', async () => {
  const piece = Float32Array.of(1, 2);
  for await (const one of resampleStream(inPieces(piece, 2), { from: 16000, to: 16000 })) expect(one).toEqual(piece);
});
