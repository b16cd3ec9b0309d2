import { toFloat32 } from '@lipsync/checkpoints';
import { fail, nodeModule } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/** The weights of one network as face-api stores them: a manifest and one file of bytes. */
export type StoredNetwork = {
  /** The `.bin` file. */
  bytes: Uint8Array;
  /** The parsed `-weights_manifest.json` file: groups of `{ weights: [{ name, shape, quantization }] }`. */
  manifest: unknown;
};

/** The weights of both networks. */
export type LandmarkWeights = {
  /** `tiny_face_detector_model`. */
  detector: StoredNetwork;
  /** `face_landmark_68_model`. */
  landmarks: StoredNetwork;
};

/** A weight in a manifest of the TensorFlow.js converter. */
export type ManifestEntry = {
  name: string;
  shape: number[];
  dtype: string;
  /** The stored type; `scale` and `min` of `uint8` only. */
  quantization?: { dtype: string; scale?: number; min?: number };
};

const FILES = { detector: 'tiny_face_detector_model', landmarks: 'face_landmark_68_model' } as const;

/**
 * Widens stored weights to float32: `value = byte · scale + min` where the manifest says so.
 *
 * Source: the weight format of tfjs converters, as in `@vladmandic/face-api` 1.7.15; exact.
 *
 * @returns by name, shape and float32 data in the order of the manifest; plain arrays, nothing to dispose.
 * @throws TypeError if the manifest has another form, or the bytes do not fit it.
 * @example
 * const weights = dequantizeWeights(stored.landmarks).get('fc/weights'); // { shape: [256, 136], data }
 */
export function dequantizeWeights(stored: StoredNetwork): Map<string, { shape: number[]; data: Float32Array }> {
  const where = 'dequantizeWeights';
  if (!(stored?.bytes instanceof Uint8Array))
    fail(TypeError, where, 'stored.bytes', 'a Uint8Array', typeof stored?.bytes);
  const groups = stored.manifest as { weights: ManifestEntry[] }[];
  if (!(Array.isArray(groups) && groups.every((group) => Array.isArray(group?.weights)))) {
    fail(TypeError, where, 'stored.manifest', 'a list of groups with weights', stored.manifest);
  }
  return new Map(
    storedEntries(where, groups, stored.bytes).map((item) => [
      item.entry.name,
      { shape: item.entry.shape, data: widened(where, item) },
    ]),
  );
}

/** An entry of a manifest and its bytes. */
type StoredEntry = { entry: ManifestEntry; buffer: ArrayBuffer };

/** Bytes of a stored value. */
const VALUE_BYTES: Record<string, number> = { uint8: 1, float16: 2, float32: 4, int32: 4 };

const storedType = ({ dtype, quantization }: ManifestEntry): string => quantization?.dtype ?? dtype;

/**
 * The entries of a manifest, each with a copy of its bytes, since its offset need not be aligned.
 *
 * @throws TypeError for an unknown type, and where the bytes do not fit the manifest.
 */
export function storedEntries(
  where: string,
  groups: readonly { weights: ManifestEntry[] }[],
  bytes: Uint8Array,
): StoredEntry[] {
  const entries = groups.flatMap((group) => group.weights);
  const sizes = entries.map((entry) => {
    const type = storedType(entry);
    const known = Object.keys(VALUE_BYTES);
    if (!known.includes(type)) fail(TypeError, where, `type of ${entry.name}`, known.join(', '), type);
    return entry.shape.reduce((product, size) => product * size, VALUE_BYTES[type]);
  });
  const length = sizes.reduce((sum, size) => sum + size, 0);
  if (!(bytes instanceof Uint8Array) || bytes.length !== length)
    fail(TypeError, where, 'stored.bytes', `${length} bytes long, as the manifest says`, bytes?.length);
  let offset = 0;
  return entries.map((entry, i) => {
    const start = offset;
    offset += sizes[i];
    return { entry, buffer: bytes.slice(start, offset).buffer };
  });
}

/** The values of an entry as float32: `value · scale + min` of bytes, floats as they are. */
export function widened(where: string, { entry, buffer }: StoredEntry): Float32Array {
  const { name, shape, quantization } = entry;
  const type = storedType(entry);
  if (type === 'float32') return new Float32Array(buffer);
  if (type === 'float16') return toFloat32({ dtype: 'float16', shape, data: new Uint16Array(buffer) });
  if (type !== 'uint8') fail(TypeError, where, `type of ${name}`, 'uint8, float16 or float32', type);
  const { scale = 1, min = 0 } = quantization ?? {};
  const bytes = new Uint8Array(buffer);
  const data = new Float32Array(bytes.length);
  for (let i = 0; i < data.length; i++) data[i] = bytes[i] * scale + min;
  return data;
}

/**
 * Stored weights as tensors, after a check of every name and shape.
 *
 * @returns by name; the caller disposes them.
 * @throws TypeError that lists all missing, unused and misshapen names.
 */
export function weightTensors(
  where: string,
  stored: StoredNetwork,
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, tf.Tensor> {
  const weights = dequantizeWeights(stored);
  const missing = [...shapes.keys()].filter((name) => !weights.has(name));
  const unused = [...weights.keys()].filter((name) => !shapes.has(name));
  const misshapen = [...weights]
    .filter(([name, { shape }]) => shapes.has(name) && shapes.get(name)!.join() !== shape.join())
    .map(([name, { shape }]) => `${name} [${shape.join(', ')}] for [${shapes.get(name)!.join(', ')}]`);
  if (missing.length + unused.length + misshapen.length > 0) {
    const found = Object.entries({ missing, unused, misshapen }).map(
      ([what, names]) => `${what}: ${names.join(' ') || 'none'}`,
    );
    fail(TypeError, where, 'weights', 'those of this network', found.join('; '));
  }
  return new Map([...weights].map(([name, { shape, data }]) => [name, tf.keep(tf.tensor(data, shape, 'float32'))]));
}

/**
 * Reads the weights of both networks.
 *
 * @param from none: the files that come with this package, outside Node by the addresses that bundlers give them. A URL:
 *   of a folder with copies of them, read by `fetch`; end it with a slash.
 * @throws Error if a file is not there.
 */
export async function readLandmarkWeights(from?: URL): Promise<LandmarkWeights> {
  return { detector: await readStoredNetwork('detector', from), landmarks: await readStoredNetwork('landmarks', from) };
}

/** One of both networks; see `readLandmarkWeights`. */
export async function readStoredNetwork(name: keyof LandmarkWeights, from?: URL): Promise<StoredNetwork> {
  return (await networkReader('readLandmarkWeights', from))(FILES[name]);
}

/**
 * Reads the weights of the descriptor network, `face_recognition_model`, 6.4 MB.
 *
 * @param from as of `readLandmarkWeights`, but outside Node a URL is needed: bundlers would copy the file to every page.
 * @throws Error if a file is not there.
 */
export async function readEmbeddingWeights(from?: URL): Promise<StoredNetwork> {
  return (await networkReader('readEmbeddingWeights', from))('face_recognition_model');
}

/** A reader of networks by name: from a folder of the web or from the files that the build puts beside the code. */
async function networkReader(where: string, from?: URL): Promise<(name: string) => Promise<StoredNetwork>> {
  const files = { entry: '@lipsync/face-crop', folder: 'models' };
  const bundled = async () => (await import('./model-files')).MODEL_FILES;
  const read = await fileReader(where, { from, ...files, bundled });
  return async (name) => {
    const manifest: unknown = JSON.parse(new TextDecoder().decode(await read(`${name}-weights_manifest.json`)));
    return { bytes: await read(`${name}.bin`), manifest };
  };
}

/**
 * A reader of files by name.
 *
 * @param options.from a folder of the web. Without, in Node: the folder `folder` beside what `entry` resolves to;
 *   elsewhere the addresses that bundlers give the files, by `bundled`.
 * @throws Error from the reader where a file is not there.
 */
export async function fileReader(
  where: string,
  files: { from?: URL; entry: string; folder: string; bundled: () => Promise<Readonly<Record<string, URL>>> },
): Promise<(name: string) => Promise<Uint8Array>> {
  const { from, entry, folder, bundled } = files;
  if (from) return (name) => fetchBytes(where, new URL(name, from));
  if (typeof process !== 'undefined' && process.versions?.node !== undefined) return packageReader(entry, folder);
  const addresses = await bundled();
  return async (name) => {
    const address = addresses[name];
    if (!address) fail(Error, where, 'weights', `given outside Node: the URL of a folder with ${name}`, 'none');
    return fetchBytes(where, address);
  };
}

async function fetchBytes(where: string, url: URL): Promise<Uint8Array> {
  const response = await fetch(url).catch((error: Error) =>
    fail(Error, where, 'weights', 'a URL that can be read', `${error.message} for ${url}`),
  );
  // Servers of single-page applications answer with a page where a file is missing.
  const isPage = response.headers.get('content-type')?.startsWith('text/html');
  if (!response.ok || isPage)
    fail(Error, where, 'weights', 'a URL that can be read', `${isPage ? 'a page' : response.status} for ${url}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function packageReader(entry: string, folder: string): Promise<(name: string) => Promise<Uint8Array>> {
  const [{ createRequire }, { dirname, join }, { readFile }] = await Promise.all([
    nodeModule<typeof import('node:module')>('node:module'),
    nodeModule<typeof import('node:path')>('node:path'),
    nodeModule<typeof import('node:fs/promises')>('node:fs/promises'),
  ]);
  const root = dirname(createRequire(import.meta.url).resolve(entry));
  return async (name) => new Uint8Array(await readFile(join(root, folder, name)));
}
