import { writeFileAtomic } from '@lipsync/checkpoints';
import { fail, storedShape } from '@lipsync/contracts';
import { ByteCache } from './byte-cache';
import type { Clip, ClipInfo, StoreRecipe } from './clip';
import { assertClip } from './clip';
import type { OpenClip } from './clip-file';
import { encodeClip, openClipFile, readClipInfo } from './clip-file';
import { dropId, parseClipId, sourceName } from './clip-id';
import { CHUNK_FRAMES } from './frame-coding';

/** Why a video, a track or a segment is not in the store. */
export type DropReason =
  | 'broken'
  | 'no video'
  | 'no audio'
  | 'silent'
  | 'no face'
  | 'too short'
  | 'audio too short'
  | 'crop impossible'
  | 'bad landmarks'
  | 'bad features'
  | 'not talking'
  | 'offset unknown'
  | 'offset too large'
  | 'offset stays'
  | 'face too small'
  | 'face turned'
  | 'lips outside'
  | 'blurred'
  | 'detection unsure'
  | 'no speech';

export type Drop = {
  source: string;
  /** Missing where the whole video is dropped. */
  track?: number;
  /** Missing where the whole track is dropped. */
  segment?: number;
  reason: DropReason;
  /** The same in a sentence, with its numbers. */
  detail: string;
};

/** What became of one video; written when all of it is done. */
export type SourceRecord = { source: string; clips: string[]; dropped: Drop[] };

/** Which people are seen in the clips, and for what each clip is kept. */
export type StoreSplit = {
  /** Where `identity` is from: labels of the data set, how the faces look, or nothing known. */
  by: 'label' | 'face' | 'source';
  seed: number;
  validationShare: number;
  clips: Record<string, { identity: string; split: 'train' | 'validation' }>;
};

export type Manifest = {
  format: string;
  version: number;
  recipe: StoreRecipe;
  settings: Record<string, unknown>;
  counts: StoreSummary;
  split?: Omit<StoreSplit, 'clips'>;
  clips: (Omit<ClipInfo, 'count' | 'height' | 'width'> & {
    frameCount: number;
    /** Median angle of the crop, radians. */
    angle: number;
    /** Half the side of the crop in the source, pixels; the median. */
    radius: number;
    sha256: string;
    identity?: string;
    split?: 'train' | 'validation';
  })[];
  dropped: Drop[];
};

export type StoreSummary = {
  /** Videos that are done. */
  sources: number;
  clips: number;
  frameCount: number;
  minutes: number;
  /** Number of drops by reason, in alphabetical order. */
  dropped: Record<string, number>;
};

export type ClipStoreOptions = {
  /** Bytes of clips and decoded frames kept in memory. Default 256 MiB. */
  cacheBytes?: number;
};

const FORMAT = { format: 'lipsync-clips', version: 2 };
const MANIFEST_READERS = 4;

/**
 * Prepared clips in a folder (Node):
 *
 *     store.json                     format, crop, mel and frame rate of all clips; settings of the preparation
 *     clips/<id>.safetensors         frames (compressed), mel [steps, bins], audio, landmarks [N, 68, 2], poses [N, 4];
 *                                    logits [steps, 29] where the preparation was given them
 *     dropped/<id>.json              { source, reason, detail }
 *     sources/<source>.json          what became of a video, written when all of it is done
 *     manifest.json                  sorted list with hashes, offsets, angles, people and split; by `finish`
 *
 * Every file is written whole or not at all, and holds no time and no path of the machine: a preparation that was killed and started
 * again ends in the same bytes.
 *
 * @example
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
  /** Opened clips by `<id>`, decoded chunks by `<id> <index>`. */
  readonly #cache: ByteCache<OpenClip | Uint8Array>;

  private constructor(
    folder: string,
    recipe: StoreRecipe,
    settings: Record<string, unknown>,
    { cacheBytes = 256 * 2 ** 20 }: ClipStoreOptions,
  ) {
    this.folder = folder;
    this.recipe = recipe;
    this.settings = settings;
    this.cacheBytes = cacheBytes;
    this.#cache = new ByteCache(cacheBytes);
  }

  /**
   * Starts a store, or goes on with one that was made in the same way.
   *
   * @param settings Whatever else the clips depend on, such as the length of segments; kept and compared.
   * @throws Error naming what differs from the store that is there.
   */
  static async create(
    folder: string,
    recipe: StoreRecipe,
    settings: Record<string, unknown> = {},
    options: ClipStoreOptions = {},
  ): Promise<ClipStore> {
    const { crop, features, stepsPerSecond, bins, fps } = recipe;
    const wanted = { ...FORMAT, crop: sorted(crop), features, stepsPerSecond, bins, fps, settings: sorted(settings) };
    const found = await readJson(`${folder}/store.json`);
    if (found === undefined) {
      await writeFile(`${folder}/store.json`, `${JSON.stringify(wanted, null, 2)}\n`);
    } else {
      const differs = Object.entries(wanted).filter(
        ([key, value]) => JSON.stringify(found[key]) !== JSON.stringify(value),
      );
      if (differs.length > 0) {
        const rule = `prepared as before (${differs.map(([key]) => `${key} ${JSON.stringify(found[key])}`).join('; ')})`;
        fail(
          Error,
          'ClipStore.create',
          'store',
          rule,
          differs.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join('; '),
        );
      }
    }
    return ClipStore.open(folder, options);
  }

  /** @throws Error where there is no store, TypeError where it is of another format. */
  static async open(folder: string, options: ClipStoreOptions = {}): Promise<ClipStore> {
    const found = await readJson(`${folder}/store.json`);
    if (found === undefined) fail(Error, 'ClipStore.open', 'folder', 'a store with store.json', folder);
    const { format, version, crop, features, stepsPerSecond, bins, fps, settings } = found as typeof FORMAT &
      StoreRecipe & { settings: Record<string, unknown> };
    if (format !== FORMAT.format || version !== FORMAT.version) {
      fail(
        TypeError,
        'ClipStore.open',
        'store.json',
        `${FORMAT.format} ${FORMAT.version}; prepare the videos anew`,
        `${format} ${version}`,
      );
    }
    return new ClipStore(folder, { crop, features, stepsPerSecond, bins, fps }, settings, options);
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
    assertClip('ClipStore.write', clip, this.recipe);
    await writeFile(this.clipPath(clip.id), await encodeClip(clip));
    this.#forget(clip.id, clip.count);
  }

  /** Takes a clip away; nothing where there is none. */
  async remove(id: string): Promise<void> {
    const { rm } = await import('node:fs/promises');
    const opened = this.#cache.get(id) as OpenClip | undefined;
    if (opened) this.#forget(id, opened.count);
    await rm(this.clipPath(id), { force: true });
  }

  /** Notes what was left out and why. */
  async drop(drop: Drop): Promise<void> {
    const id = dropId(drop.source, drop.track, drop.segment);
    await writeFile(`${this.folder}/dropped/${id}.json`, `${JSON.stringify(tidyDrop(drop), null, 2)}\n`);
  }

  /** Notes that a video is done; its clips and drops are on disk. */
  async finishSource(record: SourceRecord): Promise<void> {
    const source = sourceName(record.source);
    const text = JSON.stringify({ source, clips: record.clips, dropped: record.dropped.map(tidyDrop) }, null, 2);
    await writeFile(`${this.folder}/sources/${source}.json`, `${text}\n`);
  }

  /** What became of a video; undefined while it is not done. */
  async source(source: string): Promise<SourceRecord | undefined> {
    return (await readJson(`${this.folder}/sources/${sourceName(source)}.json`)) as SourceRecord | undefined;
  }

  /** What became of all videos that are done, sorted. */
  async sources(): Promise<SourceRecord[]> {
    const names = (await filesBelow(`${this.folder}/sources`, '.json')).sort(byCodeUnit);
    return inParallel(
      names,
      16,
      async (name) => (await readJson(`${this.folder}/sources/${name}.json`)) as SourceRecord,
    );
  }

  /** Ids of all clips, sorted. Half-written files are not among them. */
  async list(): Promise<string[]> {
    const files = await filesBelow(`${this.folder}/clips`, '.safetensors');
    return files.filter((id) => /\.t\d+\.s\d+$/.test(id)).sort(byCodeUnit);
  }

  /** All drops, sorted by source, track and segment. */
  async dropped(): Promise<Drop[]> {
    const names = (await filesBelow(`${this.folder}/dropped`, '.json')).sort(byCodeUnit);
    return Promise.all(names.map(async (name) => (await readJson(`${this.folder}/dropped/${name}.json`)) as Drop));
  }

  /** The header of a clip's file. */
  async info(id: string): Promise<ClipInfo> {
    return readClipInfo(this.clipPath(id), id);
  }

  /** A clip without its frames; its arrays are shared with later reads: do not change them. */
  async open(id: string): Promise<OpenClip> {
    const kept = this.#cache.get(id) as OpenClip | undefined;
    if (kept) return kept;
    const clip = await openClipFile(this.clipPath(id), id);
    const { height, width } = storedShape(this.recipe.crop);
    if (clip.height !== height || clip.width !== width || clip.features.bins !== this.recipe.bins) {
      const got = `${clip.height} x ${clip.width} pixels, ${clip.features.bins} bins`;
      fail(
        TypeError,
        'ClipStore.open',
        id,
        `of ${height} x ${width} pixels and ${this.recipe.bins} bins, as in the store`,
        got,
      );
    }
    this.#cache.set(id, clip, clip.bytes);
    return clip;
  }

  /**
   * Some frames of a clip; decodes no more than the seconds in which they lie.
   *
   * @returns `[count, height, width, 3]`; shared with later reads where they lie in one second: do not change them.
   * @throws RangeError for frames that the clip does not have.
   */
  async frames(id: string, first: number, count: number): Promise<Uint8Array> {
    return (await this.reading(id)).frames(first, count);
  }

  /**
   * A clip of which several windows are wanted: each second is read and decoded once, however little the store may keep.
   *
   * @example
   * const { clip, frames } = await store.reading(id);
   * const windows = await Promise.all(starts.map((start) => frames(start, 10)));
   */
  async reading(
    id: string,
  ): Promise<{ clip: OpenClip; frames: (first: number, count: number) => Promise<Uint8Array> }> {
    const clip = await this.open(id);
    const chunks = new Map<number, Promise<Uint8Array>>();
    const chunkOf = (index: number) => {
      let chunk = chunks.get(index);
      if (!chunk) chunks.set(index, (chunk = this.#chunk(clip, index)));
      return chunk;
    };
    return { clip, frames: (first, count) => framesOf(clip, first, count, chunkOf) };
  }

  /** A whole clip. Its arrays are shared with later reads: do not change them. */
  async read(id: string): Promise<Clip> {
    const { bytes: _b, chunks: _n, chunk: _c, ...clip } = await this.open(id);
    return { ...clip, frames: await this.frames(id, 0, clip.count) };
  }

  async #chunk(clip: OpenClip, index: number): Promise<Uint8Array> {
    const key = `${clip.id} ${index}`;
    const kept = this.#cache.get(key) as Uint8Array | undefined;
    if (kept) return kept;
    const chunk = await clip.chunk(index);
    this.#cache.set(key, chunk, chunk.length);
    return chunk;
  }

  #forget(id: string, count: number): void {
    this.#cache.delete(id);
    for (let index = 0; index * CHUNK_FRAMES < count; index++) this.#cache.delete(`${id} ${index}`);
  }

  /** Counts what is there now; reads headers only. */
  async summary(): Promise<StoreSummary> {
    const ids = await this.list();
    let frameCount = 0;
    for (const info of await inParallel(ids, 16, (id) => this.info(id))) frameCount += info.count;
    return this.#count(ids.length, frameCount, await this.dropped());
  }

  /**
   * Writes manifest.json and returns the counts.
   *
   * @param split Who is seen in each clip and what it is for; see `splitByIdentity`.
   */
  async finish(split?: StoreSplit): Promise<StoreSummary> {
    const ids = await this.list();
    const clips = await inParallel(ids, MANIFEST_READERS, async (id) => {
      const path = this.clipPath(id);
      const {
        poses,
        bytes: _b,
        chunks: _n,
        chunk: _c,
        features: _m,
        audio: _s,
        landmarks: _l,
        identity: _i,
        logits,
        ...opened
      } = await openClipFile(path, id);
      const { count, height: _h, width: _w, ...info } = opened;
      const pose = (field: number) => middle(poses.filter((_, i) => i % 4 === field));
      return {
        ...info,
        frameCount: count,
        featureSteps: _m.steps,
        ...(logits ? { logitSteps: logits.steps } : {}),
        angle: pose(3),
        radius: pose(2) / 2,
        sha256: await hashFile(path),
        ...split?.clips[id],
      };
    });
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
    await writeFile(`${this.folder}/manifest.json`, `${JSON.stringify(manifest, null, 1)}\n`);
    return counts;
  }

  /** What `finish` wrote; undefined before. */
  async manifest(): Promise<Manifest | undefined> {
    return (await readJson(`${this.folder}/manifest.json`)) as Manifest | undefined;
  }

  async #count(clips: number, frameCount: number, drops: Drop[]): Promise<StoreSummary> {
    const reasons = drops.map((drop) => drop.reason).sort(byCodeUnit);
    const dropped: Record<string, number> = {};
    for (const reason of reasons) dropped[reason] = (dropped[reason] ?? 0) + 1;
    const sources = (await filesBelow(`${this.folder}/sources`, '.json')).length;
    return {
      sources,
      clips,
      frameCount,
      minutes: Math.round((1000 * frameCount) / this.recipe.fps / 60) / 1000,
      dropped,
    };
  }

  /** Where a clip's file is. */
  clipPath(id: string): string {
    parseClipId(id); // refuses what would leave the folder
    return `${this.folder}/clips/${id}.safetensors`;
  }
}

/** Frames of a clip out of its chunks; a view where they lie in one. */
async function framesOf(
  clip: OpenClip,
  first: number,
  count: number,
  chunkOf: (index: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (!(Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count > 0 && first + count <= clip.count)) {
    fail(
      RangeError,
      'ClipStore.pictures',
      'first',
      `a frame of ${clip.id} with ${count} from it on among ${clip.count}`,
      first,
    );
  }
  const bytes = clip.height * clip.width * 3;
  const out = new Uint8Array(count * bytes);
  for (let index = Math.floor(first / CHUNK_FRAMES); index * CHUNK_FRAMES < first + count; index++) {
    const chunk = await chunkOf(index);
    const start = index * CHUNK_FRAMES;
    if (start <= first && first + count <= start + chunk.length / bytes) {
      return chunk.subarray((first - start) * bytes, (first - start + count) * bytes);
    }
    const from = Math.max(first, start);
    out.set(chunk.subarray((from - start) * bytes, (first + count - start) * bytes), (from - first) * bytes);
  }
  return out;
}

/** SHA-256 of a file, hexadecimal, in constant memory. */
export async function hashFile(path: string): Promise<string> {
  const [{ createHash }, { createReadStream }] = await Promise.all([import('node:crypto'), import('node:fs')]);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}

/** Maps in order with at most `limit` at work. */
export async function inParallel<A, B>(
  items: readonly A[],
  limit: number,
  work: (item: A) => Promise<B>,
): Promise<B[]> {
  const results = new Array<B>(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** The middle of the sorted values, the lower of two. */
const middle = (values: Float32Array) => values.slice().sort()[(values.length - 1) >> 1];

const byCodeUnit = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The same keys in the same order, whoever wrote them. */
function sorted<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => byCodeUnit(a, b))) as T;
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

async function writeFile(path: string, content: Uint8Array | string): Promise<void> {
  const { mkdir } = await import('node:fs/promises');
  await mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  await writeFileAtomic(path, content);
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  const { readFile } = await import('node:fs/promises');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Names of the files below a folder that end so, without the ending; none where the folder is missing. */
async function filesBelow(folder: string, ending: string, prefix = ''): Promise<string[]> {
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
