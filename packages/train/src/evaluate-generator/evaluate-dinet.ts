import type { Features } from '@lipsync/contracts';
import { fail, storedShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Clip, ClipStore } from '@lipsync/dataloader';
import { ImageProcessor, parseClipId } from '@lipsync/dataloader';
import type { DinetGenerator } from '@lipsync/dinet';
import type { InceptionFeatures, InceptionFid, Lpips } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import { FeaturesAround } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { assertSeesHeads } from './evaluate-dinet-expert';
import { DINET_ROWS, type DinetFigures, RowFigures, type Shown, shownIn } from './evaluate-dinet-figures';
import { judgeClip } from './evaluate-dinet-judge';
import { bytesOf, ClipGenerator, facesOf, frameOf } from './evaluate-dinet-painter';
import { drawReferences } from './evaluate-dinet-references';
import { frameSheet } from './evaluate-dinet-sheet';

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
  /** Default 2048; others are not FID, for few frames. */
  fidFeatures?: InceptionFeatures;
  /** What the other audio is: that of another clip, or the clip's own, moved by half its length. Default `clip`; where no other is long enough, `shifted`. */
  otherAudio?: 'clip' | 'shifted';
  /** Most frames of a clip, from its first on. Default all. */
  framesPerClip?: number;
  /** Frames in the generator at a time. Default 8. */
  batch?: number;
  /** Of references and the sheet. Default 0. */
  seed?: number;
  /** Frames on the sheet; 0 for no sheet. Default 8. */
  sheet?: number;
  /** Told of every clip. */
  onClip?: (done: number, total: number) => void;
};

export type DinetEvaluation = {
  clips: number;
  frameCount: number;
  /** Ids of clips that are too short. */
  leftOut: string[];
  mouth: number;
  references: number;
  otherAudio: 'clip' | 'shifted';
  experts: { name: string; weightsHash?: string; crop: string; windows: number }[];
  rows: DinetFigures[];
  /** How the figures are measured. */
  conventions: string[];
  /** What to know when reading them. */
  notes: string[];
  /** PNG; rows: source, masked, first reference, painted, truth, painted to other audio. Undefined where none was asked for. */
  sheet?: Uint8Array;
};

const FEWEST = 12; // frames of a clip, so that references lie away from what is painted

/**
 * Judges a generator on clips that it did not learn from: every frame is painted with the clip's own audio, of which there is a truth, and with
 * another audio, beside two baselines that paint nothing: the input copied, and one reference's mouth repeated.
 *
 * References are of the same clip (`drawReferences`), audio is cut as `DINetLoader` does. Frames are rounded to 8 bits, as a video's, before anything
 * is measured. The whole face image is what the generator painted: nothing is laid over the truth. Holds one clip at a time.
 *
 * @throws TypeError where the store, the generator or an expert do not go together, RangeError where no clip is long enough.
 * @example
 * const { rows, sheet } = await evaluateDinet({ generator: await loadDinet('weights.safetensors'), store, clips: held, experts: [expert] });
 */
export async function evaluateDinet(options: EvaluateDinetOptions): Promise<DinetEvaluation> {
  const {
    generator,
    store,
    experts = [],
    lpips,
    fid,
    fidFeatures,
    batch = 8,
    seed = 0,
    sheet = 8,
    onClip = () => {},
  } = options;
  const { framesPerClip = Infinity, otherAudio = 'clip' } = options;
  const where = 'evaluateDinet';
  const { crop } = store.recipe;
  if (crop.kind !== 'dinet head')
    return fail(TypeError, where, 'store', 'of head crops (prepare with --head)', crop.kind);
  for (const expert of experts) assertSeesHeads(where, store.recipe, expert);
  if (!(Number.isInteger(batch) && batch > 0)) fail(RangeError, where, 'batch', 'a whole number above 0', batch);
  const ids = options.clips ?? (await store.list());
  const size = storedShape(crop);
  const images = new ImageProcessor(crop);
  const painter = new ClipGenerator(generator, images, batch);
  const rows = DINET_ROWS.map((row) => new RowFigures(row, { experts, lpips, fid, fidFeatures, mouth: crop.mouth }));
  const { references } = generator.config;
  const leftOut: string[] = [];
  const columns: Uint8Array[][] = [];
  const windows = experts.map(() => 0);
  let [clips, frameCount, shifted] = [0, 0, 0];
  const { training } = generator;
  generator.eval();
  try {
    for (const [done, id] of ids.entries()) {
      const clip = await store.read(id);
      const count = Math.min(usableCount(clip, store), framesPerClip);
      if (count < FEWEST) {
        leftOut.push(id);
        onClip(done + 1, ids.length);
        continue;
      }
      const random = new Random(seed, ...new TextEncoder().encode(id));
      const sets = drawReferences(count, references, random);
      const other =
        (otherAudio === 'clip' ? await audioOfOther(ids, done, { store, count }) : undefined) ??
        audioMoved(clip, count, store);
      if (other.moved) shifted++;
      const truth = clip.frames.subarray(0, count * size.height * size.width * 3);
      const generated = await painter.generate(
        clip,
        sets,
        [clip, other].map((audio) => audioOf(audio, generator, store)),
      );
      const shown: Record<Shown, Uint8Array> = {
        generated: generated[0],
        generatedOther: generated[1],
        truth,
        repeat: repeatReference(truth, sets, crop.mouth),
      };
      for (const row of rows) await row.see(shown[shownIn(row)], truth);
      for (const [i, expert] of experts.entries()) {
        const judged = await judgeClip(expert, clip, {
          store,
          count,
          shown,
          audios: { own: clip.features, other: other.features },
        });
        windows[i] += judged.windows;
        for (const row of rows) row.hear(i, judged.scores.get(`${shownIn(row)} ${row.audio}`));
      }
      for (const picture of sheetFrames({ wanted: sheet - columns.length, clips: ids.length - done, count, random })) {
        const of = (data: Uint8Array, frame = picture) => frameOf(data, frame, size).data;
        const masked = await bytesOf(tf.tidy(() => images.masked(facesOf([of(truth)], size))));
        columns.push([
          of(truth),
          masked,
          of(truth, sets[picture][0]),
          of(shown.generated),
          of(truth),
          of(shown.generatedOther),
        ]);
      }
      clips++;
      frameCount += count;
      onClip(done + 1, ids.length);
    }
    if (clips === 0)
      fail(RangeError, where, 'clips', `at least 1 of ${FEWEST} frames or more`, `${leftOut.length} that are shorter`);
    const figures = rows.map((row) => row.figures());
    const real = rows.find(({ of, audio }) => of === 'copy-input' && audio === 'own')!;
    for (const [i, row] of rows.entries())
      if (fid && (row.audio === 'own' || row.of === 'generated')) figures[i].fid = row.fidFrom(real);
    return {
      clips,
      frameCount,
      leftOut,
      mouth: crop.mouth,
      references,
      otherAudio: shifted === clips ? 'shifted' : 'clip',
      experts: experts.map(({ name, weightsHash, recipe }, i) => ({
        name,
        weightsHash,
        crop: recipe.crop.kind,
        windows: windows[i],
      })),
      rows: figures,
      conventions: rows[0].conventions(),
      notes: [
        ...(shifted > 0 && shifted < clips
          ? [`for ${shifted} clips no other audio was long enough: their own, moved by half their length`]
          : []),
        ...(leftOut.length > 0 ? [`${leftOut.length} clips are too short`] : []),
        ...(fid && frameCount < 2048
          ? [`FID of ${frameCount} frames is too high: compare it only with that of as many`]
          : []),
      ],
      ...(columns.length > 0 ? { sheet: frameSheet(columns, size) } : {}),
    };
  } finally {
    generator.train(training);
  }
}

type Audio = Pick<Clip, 'features' | 'logits'>;

/** Frames that have audio. */
function usableCount({ count, features, logits }: Clip, { recipe }: ClipStore): number {
  return Math.min(count, Math.floor((features.steps * recipe.fps) / recipe.stepsPerSecond), logits?.steps ?? Infinity);
}

/** The audio of the next clip of another video that is as long; of any other where no such is. */
async function audioOfOther(
  ids: readonly string[],
  at: number,
  { store, count }: { store: ClipStore; count: number },
): Promise<(Audio & { moved: boolean }) | undefined> {
  const others = [...ids.slice(at + 1), ...ids.slice(0, at)];
  const source = parseClipId(ids[at]).source;
  const strangers = others.filter((id) => parseClipId(id).source !== source);
  for (const id of [...strangers, ...others.filter((one) => !strangers.includes(one))]) {
    const { featureSteps } = await store.info(id);
    if (Math.floor((featureSteps * store.recipe.fps) / store.recipe.stepsPerSecond) < count) continue;
    const { features, logits } = await store.read(id);
    return { features, logits, moved: false };
  }
  return undefined;
}

/** The clip's own audio, its second half first. */
function audioMoved({ features, logits }: Audio, count: number, { recipe }: ClipStore): Audio & { moved: boolean } {
  const moved = ({ data, steps, bins }: Features, perFrame: number): Features => {
    const by = Math.floor((count >> 1) * perFrame) * bins;
    const turned = new Float32Array(data.length);
    turned.set(data.subarray(by));
    turned.set(data.subarray(0, by), data.length - by);
    return { data: turned, steps, bins };
  };
  return {
    features: moved(features, recipe.stepsPerSecond / recipe.fps),
    ...(logits ? { logits: moved(logits, 1) } : {}),
    moved: true,
  };
}

/** What the generator hears around each frame. */
function audioOf({ features, logits }: Audio, { config }: DinetGenerator, { recipe }: ClipStore): FeaturesAround {
  const { kind, steps } = config.audio;
  if (kind === 'mel') return new FeaturesAround(features, { features: recipe.features, steps });
  if (!logits)
    return fail(
      TypeError,
      'evaluateDinet',
      'clip',
      'with logits (prepare with --features), which the generator hears',
      'one without',
    );
  return new FeaturesAround(logits, { features: 'ASR_LOGITS', steps });
}

/** True frames with the mouth box of their first reference. */
function repeatReference(truth: Uint8Array, sets: readonly number[][], mouth: number): Uint8Array {
  const { height, width } = storedShape({ kind: 'dinet head', mouth });
  const out = truth.slice();
  const left = (width - mouth) / 2;
  sets.forEach(([reference], frame) => {
    for (let row = mouth / 2; row < mouth / 2 + mouth; row++) {
      const at = (row * width + left) * 3;
      const from = reference * height * width * 3 + at;
      out.set(truth.subarray(from, from + mouth * 3), frame * height * width * 3 + at);
    }
  });
  return out;
}

/** Which frames of a clip go on the sheet: its share of those still wanted, of the clips still to come. */
function sheetFrames({
  wanted,
  clips,
  count,
  random,
}: {
  wanted: number;
  clips: number;
  count: number;
  random: Random;
}): number[] {
  return Array.from({ length: Math.max(0, Math.ceil(wanted / clips)) }, () => random.integer(count)).sort(
    (a, b) => a - b,
  );
}
