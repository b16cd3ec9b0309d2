import { fail, nodeModule } from '@lipsync/contracts';

let counter = 0;

/** What stands in a file: text, bytes, or pieces of bytes one after the other. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

function pieces(content: FileContent): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof content === 'string') return [new TextEncoder().encode(content)];
  return content instanceof Uint8Array ? [content] : content;
}

/**
 * Writes a file so that whoever reads `path`, even after a crash in the middle, finds the old content or the new one
 * and nothing between: a temporary file beside it, flushed to the disk, then renamed. Node only.
 *
 * @param content text (UTF-8), bytes, or pieces that are written in order (for files beyond 2 GiB).
 * @throws Error that says so if the disk is full; any other error of the file system as it is. The temporary file is
 *   removed and `path` untouched in both cases.
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
  // The rename itself lives in the folder; where folders cannot be opened (Windows) it is on the disk soon enough.
  const folder = await open(dirname(path), 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
