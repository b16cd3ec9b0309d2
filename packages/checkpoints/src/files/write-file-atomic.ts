import { fail, nodeModule } from '@lipsync/contracts';

let counter = 0;

/** Content of a file: text, bytes, or pieces of bytes in order. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

function pieces(content: FileContent): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof content === 'string') return [new TextEncoder().encode(content)];
  return content instanceof Uint8Array ? [content] : content;
}

/**
 * Writes a file atomically: a reader of `path`, even after a crash during the write, finds the old content or the new
 * one. The content goes to a temporary file in the same folder, which is flushed to the disk and then renamed. Node
 * only.
 *
 * @param content text (UTF-8), bytes, or pieces that are written in order (for files beyond 2 GiB).
 * @throws Error that names the path if the disk is full; any other error of the file system unchanged. In both cases
 *   the temporary file is removed and `path` keeps its old content.
 * @example
 * await writeFileAtomic('weights.safetensors', encodeSafetensors(state));
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  const { open, rename, unlink } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const { dirname } = await nodeModule<typeof import('node:path')>('node:path');
  const temporary = `${path}.${process.pid}-${counter++}.tmp`;
  let written = 0;
  try {
    const file = await open(temporary, 'w');
    try {
      for await (const piece of pieces(content)) {
        for (let offset = 0; offset < piece.length; ) {
          // A write may take less than it was given, and more than 2 GiB at once is refused.
          const { bytesWritten } = await file.write(piece, offset, Math.min(piece.length - offset, 2 ** 30));
          offset += bytesWritten;
          written += bytesWritten;
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    const code = (error as { code?: string }).code;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      fail(Error, 'writeFileAtomic', 'path', 'on a disk with room', `${path} (${code} after ${written} bytes)`);
    }
    throw error;
  }
  // The rename is an entry of the folder, which is flushed too where folders can be opened (not on Windows).
  const folder = await open(dirname(path), 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
