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
  const out = new Uint8Array(count * bytes);
  for (let index = Math.floor(first / CHUNK_FRAMES); index * CHUNK_FRAMES < first + count; index++) {
    const chunk = await chunkOf(index);
    const start = index * CHUNK_FRAMES;
    if (start <= first && first + count <= start + chunk.length / bytes) {
      return chunk.subarray((first - start) * bytes, (first - start + count) * bytes);
    }
    const from = Math.max(first, start);
    out.set(chunk.subarray((from - start) * bytes, (first + count - start) * bytes), (from - first) * bytes);
  }
  return out;
}
