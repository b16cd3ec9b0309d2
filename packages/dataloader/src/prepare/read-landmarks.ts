import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaceTrack } from '@lipsync/contracts';
import { parseLandmarkFile, parseMediapipeFile, parseNpyLandmarks, parseOpenFaceCsv } from '@lipsync/face-crop';

/** Parsers by the ending of a file's name. */
const READERS: Readonly<Record<string, (bytes: Buffer) => FaceTrack[]>> = {
  '.landmarks.json': (bytes) => parseLandmarkFile(bytes.toString('utf8')),
  '.csv': (bytes) => parseOpenFaceCsv(bytes.toString('utf8')),
  '.npy': (bytes) => parseNpyLandmarks(bytes),
  '.mediapipe.json': (bytes) => parseMediapipeFile(bytes.toString('utf8')),
};
/** The system's codes for a file that is not there, or cannot be by its name. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/**
 * Landmarks of a video that were made elsewhere: the first of these files that is there. For `talks/a.mp4`, below the
 * folder,
 *
 * 1. `talks/a.mp4.landmarks.json` and `talks/a.landmarks.json`: `parseLandmarkFile`;
 * 2. `talks/a.csv`: OpenFace, `parseOpenFaceCsv`;
 * 3. `talks/a.npy`: 68 points, `parseNpyLandmarks`;
 * 4. `talks/a.mediapipe.json`: face meshes, `parseMediapipeFile`;
 * 5. the `others`, recognised by their endings.
 *
 * @param folder the videos' own, or another with the same paths below it.
 * @param source the video's path relative to its folder, with `/`.
 * @param others further paths relative to the folder, such as `describe(source).landmarks` of a data set's layout.
 * @returns undefined where there is no such file; an empty list where there is one without a face.
 * @throws the parser's error with the file's path before it, or the system's if a file cannot be read.
 * @example
 * const tracks = await readLandmarks('in', 'talks/a.mp4');
 */
export async function readLandmarks(
  folder: string,
  source: string,
  others: readonly string[] = [],
): Promise<FaceTrack[] | undefined> {
  const stem = source.replace(/(?<=[^/])\.[^./]+$/, '');
  const names = [`${source}.landmarks.json`, ...Object.keys(READERS).map((ending) => stem + ending), ...others];
  for (const name of names) {
    const read = Object.entries(READERS).find(([ending]) => name.endsWith(ending))?.[1];
    const path = join(folder, name);
    const bytes = read && (await readFile(path).catch(unlessAbsent(path)));
    if (bytes) return named(path, () => read(bytes));
  }
  return undefined;
}

/** Undefined for a file that is not there; else the system's error with the path before it. */
function unlessAbsent(path: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (ABSENT.has(error.code ?? '')) return undefined;
    throw new Error(`readLandmarks: ${path}: ${error.message}`, { cause: error });
  };
}

/** The result of `read`; its errors keep their kind and have the path before them. */
function named<A>(path: string, read: () => A): A {
  try {
    return read();
  } catch (error) {
    const kind = [TypeError, RangeError].find((known) => error instanceof known) ?? Error;
    throw new kind(`readLandmarks: ${path}: ${(error as Error).message}`, { cause: error });
  }
}
