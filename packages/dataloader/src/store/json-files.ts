import { writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';

/** Writes a file whole or not at all, and the folders above it. */
export async function writeStoreFile(path: string, content: Uint8Array | string): Promise<void> {
  const { mkdir } = await import('node:fs/promises');
  await mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  await writeFileAtomic(path, content);
}

/**
 * What a JSON file holds; undefined where there is no such file.
 *
 * @throws TypeError with the file's path where it is not JSON.
 */
export async function readJsonFile(where: string, path: string): Promise<unknown> {
  const { readFile } = await import('node:fs/promises');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(TypeError, where, path, 'JSON', (error as Error).message);
  }
}

/** Names of the files below a folder with an ending, without the ending, `/` between folders; none where the folder is missing. */
export async function filesBelow(folder: string, ending: string, prefix = ''): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory())
      names.push(...(await filesBelow(`${folder}/${entry.name}`, ending, `${prefix}${entry.name}/`)));
    else if (entry.name.endsWith(ending)) names.push(prefix + entry.name.slice(0, -ending.length));
  }
  return names;
}
