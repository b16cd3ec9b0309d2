import { fail, storedShape } from '@lipsync/contracts';
import type { Mel, SyncExpert } from '@lipsync/contracts';
import { cutMelWindow, ImageProcessor, parseClipId, windowCount } from '@lipsync/dataloader';
import type { Clip, ClipStore } from '@lipsync/dataloader';
import { disposeReferences } from '@lipsync/dinet';
import type { DinetGenerator, DinetReferences } from '@lipsync/dinet';
import {
  batchOf,
  batchSizeFor,
  embedPictures,
  embedSound,
  FidScorer,
  frechetDistance,
  LaplacianVarianceScorer,
  LpipsScorer,
  PsnrScorer,
  scoreEmbeddings,
  SsimScorer,
  WindowScorer,
} from '@lipsync/metrics';
import type { InceptionFeatures, InceptionFid, Lpips, Picture, SyncScore } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { assertSeesHeads, headWindows } from './evaluate-dinet-expert';
import { drawReferences } from './evaluate-dinet-references';
import { pictureSheet } from './evaluate-dinet-sheet';
import { SoundAround } from './sound-around';

export type EvaluateDinetOptions = {
  /** Paints; borrowed, in evaluation mode while it does. */
  generator: DinetGenerator;
  /** Of head crops. */
  store: ClipStore;
  /** The clips to judge on; those that were held out. Default: all of the store. */
  clips?: readonly string[];
  /** Sync networks that judge, borrowed: with a crop `dinet` or `similarity`, hearing what the store holds. Default none. */
  experts?: readonly SyncExpert[];
  /** For LPIPS, with weights; borrowed. Default: without. */
  lpips?: Lpips;
  /** For FID, with weights; borrowed. Default: without. */
  fid?: InceptionFid;
  /** Default 2048; others are not FID, for few pictures. */
  fidFeatures?: InceptionFeatures;
  /** What the other sound is: that of another clip, or the clip's own, moved by half its length. Default `clip`; where no other is long enough, `shifted`. */
  otherSound?: 'clip' | 'shifted';
  /** Most pictures of a clip, from its first on. Default all. */
  picturesPerClip?: number;
  /** Pictures in the generator at a time. Default 8. */
  batch?: number;
  /** Of references and the sheet. Default 0. */
  seed?: number;
  /** Pictures on the sheet; 0 for no sheet. Default 8. */
  sheet?: number;
  /** Told of every clip. */
  onClip?: (done: number, total: number) => void;
};

/** What one sync network says of all clips. */
export type DinetSyncFigures = {
  /** Means over the clips; NaN where none was long enough. */
  lseD: number;
  lseC: number;
  /** Share of clips whose offset was found within 1 frame of 0. */
  inSync: number;
};

/** One row of the table. Figures that need a truth are there for the own sound alone. */
export type DinetFigures = {
  /** `copy-input`: the true pictures, whatever the sound. `repeat-reference`: the true picture with the mouth box of its first reference. */
  of: 'generated' | 'copy-input' | 'repeat-reference';
  sound: 'own' | 'other';
  ssim?: number;
  psnr?: number;
  mouthSsim?: number;
  mouthPsnr?: number;
  lpips?: number;
  fid?: number;
  /** Variance of the Laplacian in the mouth box. */
  sharpness: number;
  /** In the order of `experts`. */
  sync: DinetSyncFigures[];
};

export type DinetEvaluation = {
  clips: number;
  pictures: number;
  /** Ids of clips that are too short. */
  leftOut: string[];
  mouth: number;
  references: number;
  otherSound: 'clip' | 'shifted';
  experts: { name: string; weightsHash?: string; crop: string; windows: number }[];
  rows: DinetFigures[];
  /** How the figures are measured. */
  conventions: string[];
  /** What to know when reading them. */
  notes: string[];
  /** PNG; rows: source, masked, first reference, painted, truth, painted to other sound. Undefined where none was asked for. */
  sheet?: Uint8Array;
};

const ROWS = [
  { of: 'generated', sound: 'own' },
  { of: 'copy-input', sound: 'own' },
  { of: 'repeat-reference', sound: 'own' },
  { of: 'generated', sound: 'other' },
  { of: 'copy-input', sound: 'other' },
  { of: 'repeat-reference', sound: 'other' },
] as const;
/** Sets of pictures: of the baselines both sounds hear the same ones. */
type Shown = 'painted' | 'paintedOther' | 'truth' | 'repeat';
const shownIn = ({ of, sound }: { of: DinetFigures['of']; sound: DinetFigures['sound'] }): Shown =>
  of === 'copy-input' ? 'truth' : of === 'repeat-reference' ? 'repeat' : sound === 'own' ? 'painted' : 'paintedOther';
const FEWEST = 12; // pictures of a clip, so that references lie away from what is painted
const RANGE = { range: [0, 255] } as const;

/**
 * Judges a generator on clips that it did not learn from: every picture is painted with the clip's own sound, of which there is a truth, and with
 * another sound, beside two baselines that paint nothing: the input copied, and one reference's mouth repeated.
 *
 * References are of the same clip (`drawReferences`), sound is cut as `DINetLoader` does. Pictures are rounded to 8 bits, as a film's, before anything
 * is measured. The whole face image is what the generator painted: nothing is laid over the truth. Holds one clip at a time.
 *
 * @throws TypeError where the store, the generator or an expert do not go together, RangeError where no clip is long enough.
 * @example
 * const { rows, sheet } = await evaluateDinet({ generator: await loadDinet('weights.safetensors'), store, clips: held, experts: [expert] });
 */
export async function evaluateDinet(options: EvaluateDinetOptions): Promise<DinetEvaluation> {
  const { generator, store, experts = [], lpips, fid, fidFeatures, batch = 8, seed = 0, sheet = 8, onClip = () => {} } = options;
  const { picturesPerClip = Infinity, otherSound = 'clip' } = options;
  const where = 'evaluateDinet';
  const { crop } = store.recipe;
  if (crop.kind !== 'dinet head') return fail(TypeError, where, 'store', 'of head crops (prepare with --head)', crop.kind);
  for (const expert of experts) assertSeesHeads(where, store.recipe, expert);
  if (!(Number.isInteger(batch) && batch > 0)) fail(RangeError, where, 'batch', 'a whole number above 0', batch);
  const ids = options.clips ?? (await store.list());
  const size = storedShape(crop);
  const images = new ImageProcessor(crop);
  const painter = new ClipPainter(generator, images, batch);
  const rows = ROWS.map((row) => new RowFigures(row, { experts, lpips, fid, fidFeatures, mouth: crop.mouth }));
  const { references } = generator.config;
  const leftOut: string[] = [];
  const columns: Uint8Array[][] = [];
  const windows = experts.map(() => 0);
  let [clips, pictures, shifted] = [0, 0, 0];
  const { training } = generator;
  generator.eval();
  try {
    for (const [done, id] of ids.entries()) {
      const clip = await store.read(id);
      const count = Math.min(usableCount(clip, store), picturesPerClip);
      if (count < FEWEST) {
        leftOut.push(id);
        onClip(done + 1, ids.length);
        continue;
      }
      const random = new Random(seed, ...new TextEncoder().encode(id));
      const sets = drawReferences(count, references, random);
      const other = (otherSound === 'clip' ? await soundOfOther(ids, done, { store, count }) : undefined) ?? soundMoved(clip, count, store);
      if (other.moved) shifted++;
      const truth = clip.frames.subarray(0, count * size.height * size.width * 3);
      const painted = await painter.paint(clip, sets, [soundOf(clip, generator), soundOf(other, generator)]);
      const shown: Record<Shown, Uint8Array> = {
        painted: painted[0],
        paintedOther: painted[1],
        truth,
        repeat: repeatReference(truth, sets, crop.mouth),
      };
      for (const row of rows) await row.see(shown[shownIn(row)], truth);
      for (const [i, expert] of experts.entries()) {
        const judged = await judge(expert, clip, { store, count, shown, sounds: { own: clip.mel, other: other.mel } });
        windows[i] += judged.windows;
        for (const row of rows) row.hear(i, judged.scores.get(`${shownIn(row)} ${row.sound}`));
      }
      for (const picture of sheetPictures({ wanted: sheet - columns.length, clips: ids.length - done, count, random })) {
        const of = (data: Uint8Array, frame = picture) => pictureOf(data, frame, size).data as Uint8Array;
        const masked = await bytesOf(tf.tidy(() => images.masked(facesOf([of(truth)], size))));
        columns.push([of(truth), masked, of(truth, sets[picture][0]), of(shown.painted), of(truth), of(shown.paintedOther)]);
      }
      clips++;
      pictures += count;
      onClip(done + 1, ids.length);
    }
    if (clips === 0) fail(RangeError, where, 'clips', `at least 1 of ${FEWEST} pictures or more`, `${leftOut.length} that are shorter`);
    const figures = rows.map((row) => row.figures());
    const real = rows.find(({ of, sound }) => of === 'copy-input' && sound === 'own')!;
    for (const [i, row] of rows.entries()) if (fid && (row.sound === 'own' || row.of === 'generated')) figures[i].fid = row.fidFrom(real);
    return {
      clips,
      pictures,
      leftOut,
      mouth: crop.mouth,
      references,
      otherSound: shifted === clips ? 'shifted' : 'clip',
      experts: experts.map(({ name, weightsHash, recipe }, i) => ({ name, weightsHash, crop: recipe.crop.kind, windows: windows[i] })),
      rows: figures,
      conventions: rows[0].conventions(),
      notes: [
        ...(shifted > 0 && shifted < clips ? [`for ${shifted} clips no other sound was long enough: their own, moved by half their length`] : []),
        ...(leftOut.length > 0 ? [`${leftOut.length} clips are too short`] : []),
        ...(fid && pictures < 2048 ? [`FID of ${pictures} pictures is too high: compare it only with that of as many`] : []),
      ],
      ...(columns.length > 0 ? { sheet: pictureSheet(columns, size) } : {}),
    };
  } finally {
    generator.train(training);
  }
}

type Sound = Pick<Clip, 'mel' | 'logits'>;

/** Pictures that have sound. */
function usableCount({ count, mel, logits }: Clip, { recipe }: ClipStore): number {
  return Math.min(count, Math.floor((mel.steps * recipe.fps) / recipe.stepsPerSecond), logits?.steps ?? Infinity);
}

/** The sound of the next clip of another video that is as long; of any other where no such is. */
async function soundOfOther(ids: readonly string[], at: number, { store, count }: { store: ClipStore; count: number }): Promise<(Sound & { moved: boolean }) | undefined> {
  const others = [...ids.slice(at + 1), ...ids.slice(0, at)];
  const source = parseClipId(ids[at]).source;
  const strangers = others.filter((id) => parseClipId(id).source !== source);
  for (const id of [...strangers, ...others.filter((one) => !strangers.includes(one))]) {
    const { melSteps } = await store.info(id);
    if (Math.floor((melSteps * store.recipe.fps) / store.recipe.stepsPerSecond) < count) continue;
    const { mel, logits } = await store.read(id);
    return { mel, logits, moved: false };
  }
  return undefined;
}

/** The clip's own sound, its second half first. */
function soundMoved({ mel, logits }: Sound, count: number, { recipe }: ClipStore): Sound & { moved: boolean } {
  const moved = ({ data, steps, bins }: Mel, perPicture: number): Mel => {
    const by = Math.floor((count >> 1) * perPicture) * bins;
    const turned = new Float32Array(data.length);
    turned.set(data.subarray(by));
    turned.set(data.subarray(0, by), data.length - by);
    return { data: turned, steps, bins };
  };
  return { mel: moved(mel, recipe.stepsPerSecond / recipe.fps), ...(logits ? { logits: moved(logits, 1) } : {}), moved: true };
}

/** What the generator hears around each picture. */
function soundOf({ mel, logits }: Sound, { config }: DinetGenerator): SoundAround {
  const { kind, steps } = config.audio;
  if (kind === 'mel') return new SoundAround(mel, { features: 'THESIS_MEL', steps });
  if (!logits) return fail(TypeError, 'evaluateDinet', 'clip', 'with logits (prepare with --features), which the generator hears', 'one without');
  return new SoundAround(logits, { features: 'ASR_LOGITS', steps });
}

/** Paints all pictures of a clip, each set of references encoded once. */
class ClipPainter {
  constructor(
    readonly generator: DinetGenerator,
    readonly images: ImageProcessor,
    readonly batch: number,
  ) {}

  /** @returns the painted pictures, 8 bits, once a sound. */
  async paint(clip: Clip, sets: readonly number[][], sounds: readonly SoundAround[]): Promise<Uint8Array[]> {
    const { generator, images } = this;
    const size = { height: images.height, width: images.width };
    const bytes = size.height * size.width * 3;
    const out = sounds.map(() => new Uint8Array(sets.length * bytes));
    const bySet = new Map<string, number[]>();
    sets.forEach((set, picture) => bySet.set(set.join(), [...(bySet.get(set.join()) ?? []), picture]));
    const heard = await Promise.all(sounds.map((sound) => windowsOf(sound, sets.length)));
    const { bins, steps } = generator.config.audio;
    for (const pictures of bySet.values()) {
      const shown = sets[pictures[0]].map((frame) => pictureOf(clip.frames, frame, size).data as Uint8Array);
      const references: DinetReferences = tf.tidy(() => generator.encodeReferences(tf.concat(shown.map((picture) => facesOf([picture], size)), 3)));
      try {
        for (let first = 0; first < pictures.length; first += this.batch) {
          const some = pictures.slice(first, first + this.batch);
          for (const [k, windows] of heard.entries()) {
            const painted = tf.tidy(() => {
              const faces = facesOf(some.map((frame) => pictureOf(clip.frames, frame, size).data as Uint8Array), size);
              const audio = tf.stack(some.map((frame) => tf.tensor2d(windows[frame], [bins, steps]))) as tf.Tensor3D;
              return generator.paint(images.masked(faces), references, audio);
            });
            const data = await bytesOf(painted);
            some.forEach((frame, i) => out[k].set(data.subarray(i * bytes, (i + 1) * bytes), frame * bytes));
          }
        }
      } finally {
        disposeReferences(references);
      }
    }
    return out;
  }
}

async function windowsOf(sound: SoundAround, count: number): Promise<Float32Array[]> {
  const windows: Float32Array[] = [];
  for (let picture = 0; picture < count; picture++) windows.push(await sound.window(picture));
  await sound.close();
  return windows;
}

/** `[n, height, width, 3]`, 0..1. */
function facesOf(pictures: readonly Uint8Array[], { height, width }: { height: number; width: number }): tf.Tensor4D {
  const values = new Float32Array(pictures.length * height * width * 3);
  pictures.forEach((picture, i) => {
    for (let k = 0, to = i * picture.length; k < picture.length; k++, to++) values[to] = picture[k] / 255;
  });
  return tf.tensor4d(values, [pictures.length, height, width, 3]);
}

/** Pictures of 0..1 as 8 bits; disposes them. */
async function bytesOf(faces: tf.Tensor4D): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await faces.data(), (value) => Math.round(Math.min(1, Math.max(0, value)) * 255));
  } finally {
    faces.dispose();
  }
}

function pictureOf(frames: Uint8Array, index: number, { height, width }: { height: number; width: number }): Picture {
  const bytes = height * width * 3;
  return { data: frames.subarray(index * bytes, (index + 1) * bytes), height, width };
}

/** The mouth box of a face image. */
function mouthOf({ data, width }: Picture, mouth: number): Picture {
  const box = new Uint8Array(mouth * mouth * 3);
  const left = (width - mouth) / 2;
  for (let row = 0; row < mouth; row++) {
    const from = ((row + mouth / 2) * width + left) * 3;
    box.set((data as Uint8Array).subarray(from, from + mouth * 3), row * mouth * 3);
  }
  return { data: box, height: mouth, width: mouth };
}

/** True pictures with the mouth box of their first reference. */
function repeatReference(truth: Uint8Array, sets: readonly number[][], mouth: number): Uint8Array {
  const { height, width } = storedShape({ kind: 'dinet head', mouth });
  const out = truth.slice();
  const left = (width - mouth) / 2;
  sets.forEach(([reference], picture) => {
    for (let row = mouth / 2; row < mouth / 2 + mouth; row++) {
      const at = (row * width + left) * 3;
      const from = reference * height * width * 3 + at;
      out.set(truth.subarray(from, from + mouth * 3), picture * height * width * 3 + at);
    }
  });
  return out;
}

type Judged = { windows: number; scores: Map<string, SyncScore> };

/** What an expert says of all sets of pictures with both sounds; each window is embedded once. */
async function judge(
  expert: SyncExpert,
  clip: Clip,
  { store, count, shown, sounds }: { store: ClipStore; count: number; shown: Record<Shown, Uint8Array>; sounds: Record<DinetFigures['sound'], Mel> },
): Promise<Judged> {
  const { recipe, space, name } = expert;
  const cut = headWindows(store.recipe, recipe, clip);
  const windows = Math.min(...Object.values(sounds).map((mel) => windowCount(count, mel.steps, recipe)));
  const scores = new Map<string, SyncScore>();
  if (windows < 1) return { windows: 0, scores };
  const starts = Array.from({ length: windows }, (_, start) => start);
  const pairs = [...new Set(ROWS.map((row) => `${shownIn(row)} ${row.sound}`))].map((pair) => pair.split(' ') as [Shown, DinetFigures['sound']]);
  const melAt = (sound: DinetFigures['sound'], start: number) => cutMelWindow(sounds[sound], start, { recipe });
  if (space === 'joint') {
    for (const [pictures, sound] of pairs) {
      const windowAt = cut(shown[pictures]);
      const scorer = new WindowScorer(expert);
      for (const start of starts) await scorer.update({ frames: windowAt(start), mel: melAt(sound, start) });
      scores.set(`${pictures} ${sound}`, await scorer.compute());
    }
    return { windows, scores };
  }
  const inBatches = async (embed: (some: number[]) => Promise<Float32Array>) => {
    const rows = new Float32Array(windows * expert.embeddingSize);
    const size = batchSizeFor(recipe);
    for (let first = 0; first < windows; first += size) rows.set(await embed(starts.slice(first, first + size)), first * expert.embeddingSize);
    return rows;
  };
  const seen = new Map<string, Float32Array>();
  for (const pictures of new Set(pairs.map(([one]) => one))) {
    const windowAt = cut(shown[pictures]);
    seen.set(pictures, await inBatches((some) => embedPictures(expert, some.map(windowAt))));
  }
  const heard = new Map<string, Float32Array>();
  for (const sound of ['own', 'other'] as const) heard.set(sound, await inBatches((some) => embedSound(expert, some.map((start) => melAt(sound, start)))));
  for (const [pictures, sound] of pairs) {
    const score = scoreEmbeddings(seen.get(pictures)!, heard.get(sound)!, expert.embeddingSize, { space, fps: recipe.fps, expert: name });
    scores.set(`${pictures} ${sound}`, score);
  }
  return { windows, scores };
}

/** Adds up one row of the table. */
class RowFigures {
  readonly of: DinetFigures['of'];
  readonly sound: DinetFigures['sound'];
  readonly #mouth: number;
  readonly #ssim = [new SsimScorer(RANGE), new SsimScorer(RANGE)];
  readonly #psnr = [new PsnrScorer(RANGE), new PsnrScorer(RANGE)];
  readonly #sharpness = new LaplacianVarianceScorer(RANGE);
  readonly #lpips?: LpipsScorer;
  readonly #fid?: FidScorer;
  readonly #sync: SyncScore[][];

  constructor(
    { of, sound }: Pick<DinetFigures, 'of' | 'sound'>,
    { experts, lpips, fid, fidFeatures, mouth }: Pick<EvaluateDinetOptions, 'lpips' | 'fid' | 'fidFeatures'> & { experts: readonly SyncExpert[]; mouth: number },
  ) {
    this.of = of;
    this.sound = sound;
    this.#mouth = mouth;
    this.#sync = experts.map(() => []);
    if (lpips && sound === 'own') this.#lpips = new LpipsScorer(lpips, RANGE);
    if (fid && (sound === 'own' || of === 'generated')) this.#fid = new FidScorer({ network: fid, features: fidFeatures });
  }

  /** Takes the pictures of a clip. */
  async see(frames: Uint8Array, truth: Uint8Array): Promise<void> {
    const size = storedShape({ kind: 'dinet head', mouth: this.#mouth });
    const count = frames.length / (size.height * size.width * 3);
    for (let first = 0; first < count; first += 8) {
      const indices = Array.from({ length: Math.min(8, count - first) }, (_, i) => first + i);
      const [made, real] = [frames, truth].map((set) => indices.map((index) => pictureOf(set, index, size)));
      for (const [i, picture] of made.entries()) {
        const mouth = mouthOf(picture, this.#mouth);
        this.#sharpness.update(mouth);
        if (this.sound === 'other') continue;
        const pairs: [Picture, Picture][] = [[real[i], picture], [mouthOf(real[i], this.#mouth), mouth]];
        pairs.forEach(([left, right], k) => {
          this.#ssim[k].update(left, right);
          this.#psnr[k].update(left, right);
        });
      }
      if (!this.#lpips && !this.#fid) continue;
      const batches = [batchOf(real), batchOf(made)];
      try {
        await this.#lpips?.update(batches[0], batches[1]);
        if (this.#fid) {
          const shares = tf.tidy(() => tf.div<tf.Tensor4D>(batches[1], 255));
          try {
            await this.#fid.update(shares, 'generated');
          } finally {
            shares.dispose();
          }
        }
      } finally {
        tf.dispose(batches);
      }
    }
  }

  /** Takes what an expert says of a clip, if it does. */
  hear(expert: number, score: SyncScore | undefined): void {
    if (score && Number.isFinite(score.lseD)) this.#sync[expert].push(score);
  }

  /** The distance of this row's pictures to the true ones. */
  fidFrom(real: RowFigures): number {
    return real === this ? 0 : frechetDistance(real.#fid!.statistics('generated'), this.#fid!.statistics('generated')).value;
  }

  figures(): DinetFigures {
    const { of, sound } = this;
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      of,
      sound,
      ...(sound === 'own'
        ? {
            ssim: this.#ssim[0].compute().value,
            psnr: this.#psnr[0].compute().value,
            mouthSsim: this.#ssim[1].compute().value,
            mouthPsnr: this.#psnr[1].compute().value,
            ...(this.#lpips ? { lpips: this.#lpips.compute().value } : {}),
          }
        : {}),
      sharpness: this.#sharpness.compute().value,
      sync: this.#sync.map((scores) => ({
        lseD: mean(scores.map(({ lseD }) => lseD)),
        lseC: mean(scores.map(({ lseC }) => lseC)),
        inSync: mean(scores.map(({ offsetFrames }) => (Math.abs(offsetFrames) <= 1 ? 1 : 0))),
      })),
    };
  }

  /** How the figures of a row with a truth are measured. */
  conventions(): string[] {
    const scores = [this.#ssim[0], this.#psnr[0], this.#sharpness, ...(this.#lpips ? [this.#lpips] : [])].map((scorer) => scorer.compute());
    const fid = this.#fid?.protocol;
    return [
      ...scores.map(({ metric, convention }) => `${metric}: ${convention}`),
      ...(fid ? [`fid: ${fid.network}, ${fid.features} features, resized to ${fid.size} as ${fid.preprocessing} does`] : []),
      ...(this.#sync.length > 0 ? ['lse-d, lse-c: shifts of -15..15 frames, zeros beyond the ends, mean over clips'] : []),
    ];
  }
}

/** Which pictures of a clip go on the sheet: its share of those still wanted, of the clips still to come. */
function sheetPictures({ wanted, clips, count, random }: { wanted: number; clips: number; count: number; random: Random }): number[] {
  return Array.from({ length: Math.max(0, Math.ceil(wanted / clips)) }, () => random.integer(count)).sort((a, b) => a - b);
}
