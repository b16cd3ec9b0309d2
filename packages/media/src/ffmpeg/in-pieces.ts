/** The bytes of a stream in new arrays of `pieceBytes`, each over a buffer of its own; the last one may be shorter. */
export async function* inPieces(
  stream: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let piece = new Uint8Array(pieceBytes);
  let filled = 0;
  for await (const chunk of stream) {
    for (let offset = 0; offset < chunk.length; ) {
      const part = chunk.subarray(offset, offset + pieceBytes - filled);
      piece.set(part, filled);
      filled += part.length;
      offset += part.length;
      if (filled < pieceBytes) continue;
      yield piece;
      piece = new Uint8Array(pieceBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.slice(0, filled);
}
