import { fail, storedShape } from '@lipsync/contracts';
import type { Mel, SyncExpert } from '@lipsync/contracts';
import { ImageProcessor, parseClipId } from '@lipsync/dataloader';
import type { Clip, ClipStore } from '@lipsync/dataloader';
import type { DinetGenerator } from '@lipsync/dinet';
import type { InceptionFeatures, InceptionFid, Lpips } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { assertSeesHeads } from './evaluate-dinet-expert';
import { DINET_ROWS, RowFigures, shownIn, type DinetFigures, type Shown } from './evaluate-dinet-figures';
import { judgeClip } from './evaluate-dinet-judge';
import { bytesOf, ClipPainter, facesOf, pictureOf } from './evaluate-dinet-painter';
import { drawReferences } from './evaluate-dinet-references';
import { pictureSheet } from './evaluate-dinet-sheet';
import { SoundAround } from '@lipsync/sync-windows';

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

const FEWEST = 12; // pictures of a clip, so that references lie away from what is painted

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
  const rows = DINET_ROWS.map((row) => new RowFigures(row, { experts, lpips, fid, fidFeatures, mouth: crop.mouth }));
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
      const painted = await painter.paint(clip, sets, [clip, other].map((sound) => soundOf(sound, generator, store)));
      const shown: Record<Shown, Uint8Array> = {
        painted: painted[0],
        paintedOther: painted[1],
        truth,
        repeat: repeatReference(truth, sets, crop.mouth),
      };
      for (const row of rows) await row.see(shown[shownIn(row)], truth);
      for (const [i, expert] of experts.entries()) {
        const judged = await judgeClip(expert, clip, { store, count, shown, sounds: { own: clip.mel, other: other.mel } });
        windows[i] += judged.windows;
        for (const row of rows) row.hear(i, judged.scores.get(`${shownIn(row)} ${row.sound}`));
      }
      for (const picture of sheetPictures({ wanted: sheet - columns.length, clips: ids.length - done, count, random })) {
        const of = (data: Uint8Array, frame = picture) => pictureOf(data, frame, size).data;
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
function soundOf({ mel, logits }: Sound, { config }: DinetGenerator, { recipe }: ClipStore): SoundAround {
  const { kind, steps } = config.audio;
  if (kind === 'mel') return new SoundAround(mel, { features: recipe.mel, steps });
  if (!logits) return fail(TypeError, 'evaluateDinet', 'clip', 'with logits (prepare with --features), which the generator hears', 'one without');
  return new SoundAround(logits, { features: 'ASR_LOGITS', steps });
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

/** Which pictures of a clip go on the sheet: its share of those still wanted, of the clips still to come. */
function sheetPictures({ wanted, clips, count, random }: { wanted: number; clips: number; count: number; random: Random }): number[] {
  return Array.from({ length: Math.max(0, Math.ceil(wanted / clips)) }, () => random.integer(count)).sort((a, b) => a - b);
}
