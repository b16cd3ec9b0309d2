import type { Clip } from '../store/clip';
import { openClipBytes } from '../store/clip-file';

/** A whole clip from its file's bytes; its arrays may share memory with them. */
export async function decodeClip(bytes: Uint8Array, id: string): Promise<Clip> {
  const { chunks, chunk, bytes: _, ...clip } = openClipBytes(bytes, id);
  const pieces = await Promise.all(Array.from({ length: chunks }, (_none, index) => chunk(index)));
  const frames = new Uint8Array(clip.frameCount * clip.height * clip.width * 3);
  let at = 0;
  for (const piece of pieces) {
    frames.set(piece, at);
    at += piece.length;
  }
  return { ...clip, frames };
}
