/** Marker of the scan's beginning. */
const SCAN = 0xda;
const END = 0xd9;

/** The JPEG files of a stream in which they follow each other, as ffmpeg's `image2pipe` writes them; new arrays. */
export async function* splitJpegs(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held = new Uint8Array(0);
  let searched = 0;
  for await (const chunk of stream) {
    const joined = new Uint8Array(held.length + chunk.length);
    joined.set(held);
    joined.set(chunk, held.length);
    held = joined;
    for (let end = endOf(held, searched); end > 0; end = endOf(held, searched)) {
      yield held.slice(0, end);
      held = held.slice(end);
      searched = 0;
    }
    searched = Math.max(0, held.length - 1);
  }
  if (held.length > 0) throw new Error(`splitJpegs: stream must end with a whole file, got ${held.length} bytes more`);
}

/** Where the first file ends; 0 where it does not yet. Data before `searched` have no end mark. */
function endOf(bytes: Uint8Array, searched: number): number {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at + 1] !== SCAN) at += 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  // In coded data a byte of ones is followed by zeros or a restart mark.
  for (let i = Math.max(at, searched); i + 1 < bytes.length; i++) {
    if (bytes[i] === 0xff && bytes[i + 1] === END) return i + 2;
  }
  return 0;
}
