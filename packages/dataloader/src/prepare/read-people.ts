import { readFile } from 'node:fs/promises';
import { fail } from '@lipsync/contracts';

/**
 * Who is seen in which video, from a JSON file: `{ "talks/a.mp4": "Ada", … }`, paths relative to the folder of videos with `/` between folders.
 *
 * @throws TypeError where the file holds something else.
 * @example
 * const people = await readPeople('labels.json');
 * console.log(people['talks/a.mp4']);
 */
export async function readPeople(path: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(path, 'utf8');
  let people: unknown;
  try {
    people = JSON.parse(text);
  } catch {
    // refused below
  }
  if (!isNames(people))
    return fail(TypeError, 'prepareFolder', 'people', 'a JSON file of an object { "video path": "name" }', path);
  return people;
}

const isNames = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((name) => typeof name === 'string');
