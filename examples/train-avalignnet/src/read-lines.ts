import { readFile } from 'node:fs/promises';

/** The lines of a list, without empty ones and comments (#). */
export async function readLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
}
