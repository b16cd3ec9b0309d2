import { expect, test } from 'vitest';
import { inPieces } from './in-pieces';

async function pieces(chunks: number[][], pieceBytes: number): Promise<number[][]> {
  async function* stream() {
    for (const chunk of chunks) yield Uint8Array.from(chunk);
  }
  const found: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of inPieces(stream(), pieceBytes)) found.push(piece);
  // Each over a buffer of its own: none is written to later.
  expect(found.every(({ buffer, length }) => buffer.byteLength === length)).toBe(true);
  return found.map((piece) => [...piece]);
}

test('inPieces cuts a stream into pieces of one length, wherever its chunks end', async () => {
  expect(await pieces([[1, 2, 3], [], [4], [5, 6, 7, 8, 9, 10, 11]], 3)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
    [10, 11],
  ]);
  expect(await pieces([[1], [2], [3], [4]], 2)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(await pieces([], 2)).toEqual([]);
});
