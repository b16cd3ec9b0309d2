import { fail } from '@lipsync/contracts';
import type { OpenClip } from './clip-file';
import { CHUNK_FRAMES } from './frame-coding';

/**
 * Frames of a clip out of its chunks.
 *
 * @returns `[count, height, width, 3]`; a view where the frames lie in one chunk.
 */
export async function framesOf(
  clip: OpenClip,
  first: number,
  { count, chunkOf }: { count: number; chunkOf: (index: number) => Promise<Uint8Array> },
): Promise<Uint8Array> {
  const { id, frameCount, height, width } = clip;
  if (!(Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count > 0 && first + count <= frameCount)) {
    const rule = `a frame of ${id} with ${count} from it on among ${frameCount}`;
    fail(RangeError, 'ClipStore.frames', 'first', rule, first);
  }
  const bytes = height * width * 3;
  const last = first + count - 1;
  const firstChunk = Math.floor(first / CHUNK_FRAMES);
  const lastChunk = Math.floor(last / CHUNK_FRAMES);
  if (firstChunk === lastChunk) {
    const at = first - firstChunk * CHUNK_FRAMES;
    return (await chunkOf(firstChunk)).subarray(at * bytes, (at + count) * bytes);
  }
  const out = new Uint8Array(count * bytes);
  for (let index = firstChunk; index <= lastChunk; index++) {
    const start = index * CHUNK_FRAMES;
    const from = Math.max(first, start);
    const chunk = await chunkOf(index);
    out.set(chunk.subarray((from - start) * bytes, (last + 1 - start) * bytes), (from - first) * bytes);
  }
  return out;
}
