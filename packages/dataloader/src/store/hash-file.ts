/**
 * SHA-256 of a file (Node), in constant memory.
 *
 * @returns 64 hexadecimal digits, lower case.
 * @throws the system's error where the file cannot be read.
 * @example
 * import { hashFile } from '@lipsync/dataloader';
 * const sourceSha256 = await hashFile('videos/a.mp4');
 */
export async function hashFile(path: string): Promise<string> {
  const [{ createHash }, { createReadStream }] = await Promise.all([import('node:crypto'), import('node:fs')]);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}
