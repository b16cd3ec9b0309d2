import { fileReader } from '../detect/network-weights';
import type { StoredGraph } from './stored-graph';

/** The weights of MediaPipe's networks. */
export type MediapipeWeights = {
  /** `blazeface`. */
  blazeface: StoredGraph;
  /** `facemesh`. */
  facemesh: StoredGraph;
};

/**
 * Reads the weights of MediaPipe's networks.
 *
 * @param from none: from the npm package `@lipsync/mediapipe-weights`, outside Node by the addresses that bundlers give its
 *   files. A URL: of a folder with copies of that package's `dist/models`, read by `fetch`; end it with a slash.
 * @throws Error if a file is not there.
 */
export async function readMediapipeWeights(from?: URL): Promise<MediapipeWeights> {
  return { blazeface: await readGraph('blazeface', from), facemesh: await readGraph('facemesh', from) };
}

/** One of the networks; see `readMediapipeWeights`. */
export async function readGraph(name: keyof MediapipeWeights, from?: URL): Promise<StoredGraph> {
  const read = await fileReader('readMediapipeWeights', {
    from,
    entry: '@lipsync/mediapipe-weights',
    folder: 'models',
    bundled: async () => (await import('@lipsync/mediapipe-weights')).MEDIAPIPE_FILES,
  });
  const graph: unknown = JSON.parse(new TextDecoder().decode(await read(`${name}.json`)));
  return { graph, bytes: await read(`${name}.bin`) };
}
