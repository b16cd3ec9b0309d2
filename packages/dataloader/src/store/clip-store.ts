import { fail, storedShape } from '@lipsync/contracts';
import { lowerMedian } from '@lipsync/nn';
import { LRUCache } from 'lru-cache';
import { byCodeUnit, sortedKeys } from './canonical-json';
import { checkJson } from './check-json';
import type { Clip, ClipInfo, StoreRecipe } from './clip';
import { assertClip } from './clip';
import type { OpenClip } from './clip-file';
import { encodeClip, openClipFile, readClipInfo } from './clip-file';
import { framesOf } from './clip-frames';
import { dropId, parseClipId, sourceName } from './clip-id';
import {
  EARLIER_VERSION,
  upgradeDrop,
  upgradeManifest,
  upgradeSourceRecord,
  upgradeStoreHeader,
  withLandmarkDetector,
} from './earlier-spelling';
import { CHUNK_FRAMES } from './frame-coding';
import { hashFile } from './hash-file';
import { filesBelow, readJsonFile, writeStoreFile } from './json-files';
import { mapLimited } from './map-limited';
import { describeDifferences, storeDifferences } from './store-differences';
import type { Drop, Manifest, SourceRecord, StoreHeader, StoreSplit, StoreSummary } from './store-records';
import { dropSchema, manifestSchema, sourceRecordSchema, storeHeaderSchema } from './store-records';

export type ClipStoreOptions = {
  /** Bytes of clips and decoded frames kept in memory. Default 256 MiB. */
  cacheBytes?: number;
};

const FORMAT = { format: 'lipsync-clips', version: 3 };
const HEADERS_AT_ONCE = 16;
const MANIFEST_READERS = 4;

/**
 * Prepared clips in a folder (Node):
 *
 *     store.json              format, crop, features and frame rate of all clips; settings of the preparation
 *     clips/<id>.safetensors  frames (compressed), features [steps, bins], audio [samples], landmarks [frames, 68, 2],
 *                             poses [frames, 4]; logits [steps, 29], face_embedding [128] where there are any
 *     dropped/<id>.json       { source, reason, detail }
 *     sources/<source>.json   clips, drops and notes of a video, written when all of it is done
 *     manifest.json           sorted list with hashes, offsets, angles, people and split; written by `finish`
 *
 * Every file is written whole or not at all, and holds no time and no path of the machine: a preparation that was
 * killed and started again ends in the same bytes.
 *
 * Stores of version 2 are read only: they train and report as before. `mergeStores(newFolder, [earlier])` copies one
 * into a store of the present version, in which its preparation can be resumed.
 *
 * @example
 * import { ClipStore } from '@lipsync/dataloader';
 * const store = await ClipStore.open('clips');
 * const clip = await store.read((await store.list())[0]);
 */
export class ClipStore {
  readonly folder: string;
  readonly recipe: StoreRecipe;
  /** What the clips depend on beside the recipe. */
  readonly settings: Record<string, unknown>;
  /** Bytes of clips and decoded frames that may be kept in memory. */
  readonly cacheBytes: number;
  /** Whether the store is of an earlier version, which is read only. */
  readonly readOnly: boolean;
  /** Opened clips by `<id>`, decoded chunks by `<id> <index>`. */
  readonly #cache: LRUCache<string, OpenClip | Uint8Array>;

  private constructor(folder: string, header: StoreHeader, { cacheBytes = 256 * 2 ** 20 }: ClipStoreOptions) {
    const { crop, features, stepsPerSecond, bins, fps, settings, version } = header;
    this.folder = folder;
    this.recipe = { crop, features, stepsPerSecond, bins, fps };
    this.settings = settings;
    this.cacheBytes = cacheBytes;
    this.readOnly = version === EARLIER_VERSION;
    this.#cache = new LRUCache({ maxSize: Math.max(1, Math.floor(cacheBytes)) });
  }

  /**
   * Starts a store, or resumes one that was made with the same recipe and settings.
   *
   * @param settings Whatever else the clips depend on, such as the length of segments; kept and compared.
   * @throws Error that names what differs from the store that is there; Error for one of an earlier version, which is
   *   read only.
   * @example
   * const store = await ClipStore.create('clips', recipe, { segmentSec: 10 });
   */
  static async create(
    folder: string,
    recipe: StoreRecipe,
    settings: Record<string, unknown> = {},
    options: ClipStoreOptions = {},
  ): Promise<ClipStore> {
    const { crop, features, stepsPerSecond, bins, fps } = recipe;
    const wanted = sortedKeys({ crop, features, stepsPerSecond, bins, fps, settings });
    const found = await readHeader('ClipStore.create', folder);
    if (found === undefined) {
      const header = { ...FORMAT, crop: wanted.crop, features, stepsPerSecond, bins, fps, settings: wanted.settings };
      await writeStoreFile(`${folder}/store.json`, `${JSON.stringify(header, null, 2)}\n`);
    } else {
      if (found.version === EARLIER_VERSION) failReadOnly('ClipStore.create', folder);
      const differences = storeDifferences(found, wanted);
      if (differences.length > 0) {
        const rule = `prepared as before (${describeDifferences(differences, 'first')})`;
        fail(Error, 'ClipStore.create', 'store', rule, describeDifferences(differences, 'second'));
      }
    }
    return ClipStore.open(folder, options);
  }

  /**
   * Opens a store that is there.
   *
   * @throws Error where there is no store, TypeError where it is of another format.
   * @example
   * const store = await ClipStore.open('clips');
   */
  static async open(folder: string, options: ClipStoreOptions = {}): Promise<ClipStore> {
    const header = await readHeader('ClipStore.open', folder);
    if (header === undefined) fail(Error, 'ClipStore.open', 'folder', 'a store with store.json', folder);
    return new ClipStore(folder, header, options);
  }

  /** Whether the clip is there. */
  async has(id: string): Promise<boolean> {
    const { access } = await import('node:fs/promises');
    return access(this.clipPath(id)).then(
      () => true,
      () => false,
    );
  }

  /** Writes a clip, over one of the same id. */
  async write(clip: Clip): Promise<void> {
    this.#assertWritable('ClipStore.write');
    assertClip('ClipStore.write', clip, this.recipe);
    await writeStoreFile(this.clipPath(clip.id), await encodeClip(clip));
    this.#forget(clip.id, clip.frameCount);
  }

  /** Removes a clip; nothing where there is none. */
  async remove(id: string): Promise<void> {
    this.#assertWritable('ClipStore.remove');
    const { rm } = await import('node:fs/promises');
    const opened = this.#cache.get(id);
    if (opened && !(opened instanceof Uint8Array)) this.#forget(id, opened.frameCount);
    await rm(this.clipPath(id), { force: true });
  }

  /** Records what was left out and why. */
  async drop(drop: Drop): Promise<void> {
    this.#assertWritable('ClipStore.drop');
    const id = dropId(drop.source, drop.track, drop.segment);
    await writeStoreFile(`${this.folder}/dropped/${id}.json`, `${JSON.stringify(tidyDrop(drop), null, 2)}\n`);
  }

  /** Records that a video is done; its clips and drops are on disk. */
  async finishSource(record: SourceRecord): Promise<void> {
    this.#assertWritable('ClipStore.finishSource');
    const source = sourceName(record.source);
    const { clips, dropped, notes = [] } = record;
    const noted = notes.length > 0 ? { notes } : {};
    const text = JSON.stringify({ source, clips, dropped: dropped.map(tidyDrop), ...noted }, null, 2);
    await writeStoreFile(`${this.folder}/sources/${source}.json`, `${text}\n`);
  }

  /** Clips and drops of a video; undefined while it is not done. */
  async source(source: string): Promise<SourceRecord | undefined> {
    const name = `sources/${sourceName(source)}.json`;
    const found = await readJsonFile('ClipStore.source', `${this.folder}/${name}`);
    if (found === undefined) return undefined;
    return checkJson(sourceRecordSchema, this.readOnly ? upgradeSourceRecord(found) : found, {
      where: 'ClipStore.source',
      name: `${name}: `,
    });
  }

  /** Clips and drops of all videos that are done, sorted. */
  async sources(): Promise<SourceRecord[]> {
    const names = (await filesBelow(`${this.folder}/sources`, '.json')).sort(byCodeUnit);
    const records = await mapLimited(names, HEADERS_AT_ONCE, (name) => this.source(name));
    return records.filter((record) => record !== undefined);
  }

  /** Ids of all clips, sorted. Half-written files are not among them. */
  async list(): Promise<string[]> {
    const files = await filesBelow(`${this.folder}/clips`, '.safetensors');
    return files.filter((id) => /\.t\d+\.s\d+$/.test(id)).sort(byCodeUnit);
  }

  /** All drops, sorted by source, track and segment. */
  async dropped(): Promise<Drop[]> {
    const names = (await filesBelow(`${this.folder}/dropped`, '.json')).sort(byCodeUnit);
    return mapLimited(names, HEADERS_AT_ONCE, async (name) => {
      const found = await readJsonFile('ClipStore.dropped', `${this.folder}/dropped/${name}.json`);
      return checkJson(dropSchema, this.readOnly ? upgradeDrop(found) : found, {
        where: 'ClipStore.dropped',
        name: `dropped/${name}.json: `,
      });
    });
  }

  /** The header of a clip's file. */
  async info(id: string): Promise<ClipInfo> {
    return readClipInfo(this.clipPath(id), id);
  }

  /** A clip without its frames; its arrays are shared with later reads: do not change them. */
  async open(id: string): Promise<OpenClip> {
    const kept = this.#cache.get(id);
    if (kept && !(kept instanceof Uint8Array)) return kept;
    const clip = await openClipFile(this.clipPath(id), id);
    const { height, width } = storedShape(this.recipe.crop);
    if (clip.height !== height || clip.width !== width || clip.features.bins !== this.recipe.bins) {
      const wanted = `of ${height} x ${width} pixels and ${this.recipe.bins} bins, as in the store`;
      const got = `${clip.height} x ${clip.width} pixels, ${clip.features.bins} bins`;
      fail(TypeError, 'ClipStore.open', id, wanted, got);
    }
    this.#cache.set(id, clip, { size: clip.bytes });
    return clip;
  }

  /**
   * Some frames of a clip; decodes no more than the seconds in which they lie.
   *
   * @returns `[count, height, width, 3]`, RGB, 0..255; shared with later reads where they lie in one second: do not
   *   change them.
   * @throws RangeError for frames that the clip does not have.
   * @example
   * const window = await store.frames(id, 20, 5);
   */
  async frames(id: string, first: number, count: number): Promise<Uint8Array> {
    return (await this.reader(id)).frames(first, count);
  }

  /**
   * A clip of which several windows are wanted: each second is read and decoded once, however little the store may
   * keep.
   *
   * @example
   * const { frames } = await store.reader(id);
   * const windows = await Promise.all(starts.map((start: number) => frames(start, 10)));
   */
  async reader(id: string): Promise<{ clip: OpenClip; frames: (first: number, count: number) => Promise<Uint8Array> }> {
    const clip = await this.open(id);
    const chunks = new Map<number, Promise<Uint8Array>>();
    const chunkOf = (index: number) => {
      let chunk = chunks.get(index);
      if (!chunk) chunks.set(index, (chunk = this.#chunk(clip, index)));
      return chunk;
    };
    return { clip, frames: (first, count) => framesOf(clip, first, { count, chunkOf }) };
  }

  /** A whole clip. Its arrays are shared with later reads: do not change them. */
  async read(id: string): Promise<Clip> {
    const { bytes: _b, chunks: _n, chunk: _c, ...clip } = await this.open(id);
    return { ...clip, frames: await this.frames(id, 0, clip.frameCount) };
  }

  async #chunk(clip: OpenClip, index: number): Promise<Uint8Array> {
    const key = `${clip.id} ${index}`;
    const kept = this.#cache.get(key);
    if (kept instanceof Uint8Array) return kept;
    const chunk = await clip.chunk(index);
    this.#cache.set(key, chunk, { size: chunk.length });
    return chunk;
  }

  #forget(id: string, count: number): void {
    this.#cache.delete(id);
    for (let index = 0; index * CHUNK_FRAMES < count; index++) this.#cache.delete(`${id} ${index}`);
  }

  /** Counts what is in the folder now; reads headers only. */
  async summary(): Promise<StoreSummary> {
    const ids = await this.list();
    let frameCount = 0;
    for (const info of await mapLimited(ids, HEADERS_AT_ONCE, (id) => this.info(id))) frameCount += info.frameCount;
    return this.#count(ids.length, frameCount, await this.dropped());
  }

  /**
   * Writes manifest.json and returns the counts.
   *
   * @param split Who is seen in each clip and which side of the split it is on; see `splitStore`.
   */
  async finish(split?: StoreSplit): Promise<StoreSummary> {
    this.#assertWritable('ClipStore.finish');
    const ids = await this.list();
    const clips = await mapLimited(ids, MANIFEST_READERS, async (id) => ({
      ...(await manifestEntry(this.clipPath(id), id)),
      ...split?.clips[id],
    }));
    const dropped = await this.dropped();
    const frameCount = clips.reduce((sum, clip) => sum + clip.frameCount, 0);
    const counts = await this.#count(ids.length, frameCount, dropped);
    const manifest: Manifest = {
      ...FORMAT,
      recipe: this.recipe,
      settings: this.settings,
      counts,
      ...(split ? { split: { by: split.by, seed: split.seed, validationShare: split.validationShare } } : {}),
      clips,
      dropped,
    };
    await writeStoreFile(`${this.folder}/manifest.json`, `${JSON.stringify(manifest, null, 1)}\n`);
    return counts;
  }

  /** What `finish` wrote; undefined before. */
  async manifest(): Promise<Manifest | undefined> {
    const found = await readJsonFile('ClipStore.manifest', `${this.folder}/manifest.json`);
    if (found === undefined) return undefined;
    return checkJson(manifestSchema, this.readOnly ? upgradeManifest(found) : found, {
      where: 'ClipStore.manifest',
      name: 'manifest.json: ',
    });
  }

  async #count(clips: number, frameCount: number, drops: Drop[]): Promise<StoreSummary> {
    const reasons = drops.map((drop) => drop.reason).sort(byCodeUnit);
    const dropped: Record<string, number> = {};
    for (const reason of reasons) dropped[reason] = (dropped[reason] ?? 0) + 1;
    const sources = (await filesBelow(`${this.folder}/sources`, '.json')).length;
    const minutes = Math.round((1000 * frameCount) / this.recipe.fps / 60) / 1000;
    return { sources, clips, frameCount, minutes, dropped };
  }

  /** Path of a clip's file. */
  clipPath(id: string): string {
    parseClipId(id); // refuses what would leave the folder
    return `${this.folder}/clips/${id}.safetensors`;
  }

  #assertWritable(where: string): void {
    if (this.readOnly) failReadOnly(where, this.folder);
  }
}

function failReadOnly(where: string, folder: string): never {
  const rule = `of version ${FORMAT.version} to be changed (copy it with mergeStores into a new folder, where a preparation resumes)`;
  return fail(Error, where, 'store', rule, `version ${EARLIER_VERSION}, which is read only, in ${folder}`);
}

/** `store.json` of a folder, in the present spelling; undefined where there is none. */
async function readHeader(where: string, folder: string): Promise<StoreHeader | undefined> {
  const found = (await readJsonFile(where, `${folder}/store.json`)) as Partial<StoreHeader> | undefined;
  if (found === undefined) return undefined;
  const { format, version } = found ?? {};
  if (format !== FORMAT.format || (version !== FORMAT.version && version !== EARLIER_VERSION)) {
    const rule = `${FORMAT.format} ${EARLIER_VERSION} or ${FORMAT.version}; prepare the videos again`;
    fail(TypeError, where, 'store.json', rule, `${format} ${version}`);
  }
  const header = version === EARLIER_VERSION ? upgradeStoreHeader(found) : found;
  const checked = checkJson(storeHeaderSchema, header, { where, name: 'store.json: ' });
  return { ...checked, settings: withLandmarkDetector(checked.settings) };
}

/** A clip as the manifest lists it, without its person and split. */
async function manifestEntry(path: string, id: string): Promise<Manifest['clips'][number]> {
  const clip = await openClipFile(path, id);
  const { poses, bytes: _b, chunks: _n, chunk: _c, features, audio: _a, landmarks: _l, ...rest } = clip;
  const { faceEmbedding: _e, logits, height: _h, width: _w, frameCount, ...info } = rest;
  const pose = (field: number) => lowerMedian(poses.filter((_, i) => i % 4 === field));
  return {
    ...info,
    frameCount,
    featureSteps: features.steps,
    ...(logits ? { logitSteps: logits.steps } : {}),
    angle: pose(3),
    radius: pose(2) / 2,
    sha256: await hashFile(path),
  };
}

function tidyDrop({ source, track, segment, reason, detail }: Drop): Drop {
  return {
    source: sourceName(source),
    ...(track === undefined ? {} : { track }),
    ...(segment === undefined ? {} : { segment }),
    reason,
    detail,
  };
}
