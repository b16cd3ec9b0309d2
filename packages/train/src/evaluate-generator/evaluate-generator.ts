import { fail, storedShape } from '@lipsync/contracts';
import type { FaceGenerator, SyncExpert } from '@lipsync/contracts/tensors';
import type { Clip, ClipStore } from '@lipsync/dataloader';
import { ImageProcessor } from '@lipsync/dataloader';
import { headBox } from '@lipsync/face-crop';
import type { InceptionFeatures, InceptionFid, Lpips } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { assertFaceImages } from '../generator/face-images';
import { audioOfOtherClip, framesWithAudio, generatorAudio, shiftedAudio } from './clip-audio';
import { bytesOf, ClipGenerator, facesOf, frameOf } from './clip-generator';
import { drawReferences } from './draw-references';
import { assertFitsHeads, type SourceFrames } from './expert-windows';
import { frameSheet } from './frame-sheet';
import { GENERATOR_ROWS, type GeneratorFigures, RowFigures, type Shown, shownIn } from './generator-figures';
import { scoreClip } from './score-clip';

export type EvaluateGeneratorOptions = {
  /** Borrowed; in evaluation mode while it is evaluated. */
  generator: FaceGenerator;
  /** Clips of head crops. */
  store: ClipStore;
  /** Ids of the clips to evaluate on: those held out from the training. Default: all of the store. */
  clips?: readonly string[];
  /** Sync networks that score the frames, borrowed: any crop but `whole frame`. Default none. */
  experts?: readonly SyncExpert[];
  /**
   * The source video of a clip, for experts whose crop is larger than a face image (SyncNet, Wav2Lip, LatentSync):
   * generated faces are then laid back into its frames. Default: such crops are cut from the face image, filled
   * outside, and `notes` states how much that is.
   */
  sourceFrames?: SourceFrames;
  /** For LPIPS, with weights; borrowed. Default: no LPIPS. */
  lpips?: Lpips;
  /** For FID, with weights; borrowed. Default: no FID. */
  fid?: InceptionFid;
  /** Features of the Inception network. Default 2048; other layers are for few frames, and are not FID. */
  fidFeatures?: InceptionFeatures;
  /**
   * The other audio: of another clip, or the clip's own with its halves exchanged. Default `clip`; where no other clip
   * is long enough, `shifted`.
   */
  otherAudio?: 'clip' | 'shifted';
  /** Most frames of a clip, from its first on. Default: all. */
  framesPerClip?: number;
  /** Frames in the generator at a time. Default 8. */
  batch?: number;
  /** Seed of the references and the sheet. Default 0. */
  seed?: number;
  /** Frames on the sheet; 0 for no sheet. Default 8. */
  sheet?: number;
  /** Called after each clip. */
  onClip?: (done: number, total: number) => void;
};

/** What `evaluateGenerator` measured: one row for each generator, baseline and audio. */
export type GeneratorEvaluation = {
  /** Clips evaluated. */
  clips: number;
  /** Frames evaluated. */
  frameCount: number;
  /** Ids of clips that are too short. */
  leftOut: string[];
  /** Side of the mouth box in pixels. */
  mouth: number;
  /** Reference frames of the generator. */
  references: number;
  otherAudio: 'clip' | 'shifted';
  experts: { name: string; weightsHash?: string; crop: string; windows: number }[];
  rows: GeneratorFigures[];
  /** How each figure is measured. */
  conventions: string[];
  /** What a reader of the figures should know. */
  notes: string[];
  /**
   * PNG; rows: source, masked, first reference, generated, truth, generated to other audio. Undefined where none was
   * asked for.
   */
  sheet?: Uint8Array;
};

const FEWEST = 12; // frames of a clip, so that references lie away from the generated frame
const FID_FRAMES = 2048; // fewer give a FID that is too high

/**
 * Evaluates a generator on clips that it was not trained on. Every frame is generated twice, with the clip's own audio,
 * for which there is a true frame, and with another audio, beside two baselines that generate nothing: the input
 * copied, and one reference's mouth repeated.
 *
 * References are of the same clip (`drawReferences`); audio is cut as `DinetLoader` does. Frames are rounded to 8 bits,
 * as in a video, before anything is measured. The whole face image is the generator's: nothing of the truth is laid
 * over it. Holds one clip at a time.
 *
 * @throws TypeError where store, generator and experts do not fit each other, RangeError where no clip is long enough.
 * @example
 * import { ClipStore } from '@lipsync/dataloader';
 * import { evaluateGenerator, loadGenerator } from '@lipsync/train';
 * const generator = await loadGenerator('weights.safetensors');
 * const { rows } = await evaluateGenerator({ generator, store: await ClipStore.open('heads') });
 * console.log(rows[0].mouthPsnr);
 * generator.dispose();
 */
export async function evaluateGenerator(options: EvaluateGeneratorOptions): Promise<GeneratorEvaluation> {
  const { generator, store, onClip = () => {} } = options;
  const ids = options.clips ?? (await store.list());
  const evaluation = new Evaluation(options, ids);
  const { training } = generator;
  generator.eval();
  try {
    for (let done = 0; done < ids.length; done++) {
      await evaluation.add(done);
      onClip(done + 1, ids.length);
    }
    return evaluation.result();
  } finally {
    generator.train(training);
  }
}

/** A clip with what was generated from it. */
type GeneratedClip = {
  clip: Clip;
  frameCount: number;
  /** Indices of the references of each frame. */
  sets: number[][];
  shown: Record<Shown, Uint8Array>;
  random: Random;
};

/** Figures and sheet of an evaluation, clip by clip. */
class Evaluation {
  readonly #options: EvaluateGeneratorOptions;
  readonly #ids: readonly string[];
  readonly #mouth: number;
  readonly #size: { height: number; width: number };
  readonly #images: ImageProcessor;
  readonly #generator: ClipGenerator;
  readonly #experts: readonly SyncExpert[];
  readonly #rows: RowFigures[];
  readonly #leftOut: string[] = [];
  readonly #columns: Uint8Array[][] = [];
  readonly #windows: number[];
  readonly #outside: number[];
  #clips = 0;
  #frameCount = 0;
  #shifted = 0;

  constructor(options: EvaluateGeneratorOptions, ids: readonly string[]) {
    const where = 'evaluateGenerator';
    const { generator, store, experts = [], lpips, fid, fidFeatures, batch = 8 } = options;
    const { crop } = store.recipe;
    if (crop.kind !== 'dinet head') fail(TypeError, where, 'store', 'of head crops (dinet head)', crop.kind);
    assertFaceImages(where, generator, crop);
    for (const expert of experts) assertFitsHeads(where, store.recipe, expert);
    if (!(Number.isInteger(batch) && batch > 0)) fail(RangeError, where, 'batch', 'a whole number above 0', batch);
    this.#options = options;
    this.#ids = ids;
    this.#mouth = crop.mouth;
    this.#size = storedShape(crop);
    this.#images = new ImageProcessor({ crop, hidden: generator.recipe.hidden });
    this.#generator = new ClipGenerator(generator, this.#images, batch);
    this.#experts = experts;
    this.#rows = GENERATOR_ROWS.map(
      (row) => new RowFigures(row, { experts, lpips, fid, fidFeatures, mouth: crop.mouth }),
    );
    this.#windows = experts.map(() => 0);
    this.#outside = experts.map(() => 0);
  }

  /** Evaluates the clip at a position of the list, or leaves it out where it is too short. */
  async add(at: number): Promise<void> {
    const { store, framesPerClip = Infinity, seed = 0, otherAudio = 'clip' } = this.#options;
    const id = this.#ids[at];
    const clip = await store.read(id);
    const frameCount = Math.min(framesWithAudio(clip, store.recipe), framesPerClip);
    if (frameCount < FEWEST) {
      this.#leftOut.push(id);
      return;
    }
    const random = new Random(seed, ...new TextEncoder().encode(id));
    const { generator } = this.#generator;
    const sets = drawReferences(frameCount, generator.recipe.references, random);
    const found = otherAudio === 'clip' ? await audioOfOtherClip(this.#ids, at, { store, frameCount }) : undefined;
    if (!found) this.#shifted++;
    const audios = { own: clip, other: found ?? shiftedAudio(clip, frameCount, store.recipe) };
    const around = [audios.own, audios.other].map((audio) => generatorAudio(audio, generator.recipe, store.recipe));
    const [generated, generatedOther] = await this.#generator.generate(clip, sets, around);
    const truth = clip.frames.subarray(0, frameCount * this.#size.height * this.#size.width * 3);
    const shown = { generated, generatedOther, truth, repeat: repeatReference(truth, sets, this.#mouth) };
    for (const row of this.#rows) await row.addFrames(shown[shownIn(row)], truth);
    const { sourceFrames } = this.#options;
    for (const [i, expert] of this.#experts.entries()) {
      const made = await scoreClip(expert, clip, { store, frameCount, shown, audios, sourceFrames });
      this.#windows[i] += made.windows;
      this.#outside[i] += made.outside * made.windows;
      for (const row of this.#rows) row.addScore(i, made.scores.get(`${shownIn(row)} ${row.audio}`));
    }
    await this.#addToSheet({ clip, frameCount, sets, shown, random }, this.#ids.length - at);
    this.#clips++;
    this.#frameCount += frameCount;
  }

  /** @throws RangeError where no clip was long enough. */
  result(): GeneratorEvaluation {
    const { generator } = this.#generator;
    const [clips, leftOut] = [this.#clips, this.#leftOut];
    if (clips === 0) {
      const rule = `at least 1 of ${FEWEST} frames or more`;
      fail(RangeError, 'evaluateGenerator', 'clips', rule, `${leftOut.length} that are shorter`);
    }
    const [columns, windows] = [this.#columns, this.#windows];
    return {
      ...{ clips, frameCount: this.#frameCount, leftOut, mouth: this.#mouth, references: generator.recipe.references },
      otherAudio: this.#shifted === clips ? 'shifted' : 'clip',
      experts: this.#experts.map(({ name, weightsHash, recipe }, i) => {
        return { name, weightsHash, crop: recipe.crop.kind, windows: windows[i] };
      }),
      rows: this.#figures(),
      conventions: this.#rows[0].conventions(),
      notes: this.#notes(),
      ...(columns.length > 0 ? { sheet: frameSheet(columns, this.#size) } : {}),
    };
  }

  #figures(): GeneratorFigures[] {
    const real = this.#rows.find(({ of, audio }) => of === 'copy-input' && audio === 'own')!;
    return this.#rows.map((row) => {
      const figures = row.figures();
      const hasFid = this.#options.fid && (row.audio === 'own' || row.of === 'generated');
      return hasFid ? { ...figures, fid: row.fidFrom(real) } : figures;
    });
  }

  #notes(): string[] {
    const notes: string[] = [];
    const [shifted, left, frames] = [this.#shifted, this.#leftOut.length, this.#frameCount];
    if (shifted > 0 && shifted < this.#clips)
      notes.push(`for ${shifted} clips no other audio was long enough: their own, its halves exchanged`);
    if (left > 0) notes.push(`${left} clips are too short`);
    if (this.#options.fid && frames < FID_FRAMES)
      notes.push(`FID of ${frames} frames is too high: compare it only with FID of as many frames`);
    this.#experts.forEach(({ name }, i) => {
      const share = this.#outside[i] / Math.max(1, this.#windows[i]);
      if (share > 0)
        notes.push(
          `${(100 * share).toFixed(0)} % of the crop of ${name} lies outside of the face image and was filled: compare its scores only within this table`,
        );
    });
    return notes;
  }

  /** Adds this clip's share of the frames that the sheet still lacks. */
  async #addToSheet({ clip, frameCount, sets, shown, random }: GeneratedClip, clipsLeft: number): Promise<void> {
    const wanted = Math.max(0, Math.ceil(((this.#options.sheet ?? 8) - this.#columns.length) / clipsLeft));
    const chosen = Array.from({ length: wanted }, () => random.integer(frameCount)).sort((a, b) => a - b);
    for (const index of chosen) {
      const of = (data: Uint8Array, frame = index) => frameOf(data, frame, this.#size).data;
      const source = of(clip.frames);
      const masked = await bytesOf(tf.tidy(() => this.#images.masked(facesOf([source], this.#size))));
      const reference = of(clip.frames, sets[index][0]);
      this.#columns.push([source, masked, reference, of(shown.generated), source, of(shown.generatedOther)]);
    }
  }
}

/** True frames with the mouth box of their first reference. */
function repeatReference(truth: Uint8Array, sets: readonly number[][], mouth: number): Uint8Array {
  const { height, width, top, left } = headBox(mouth);
  const out = truth.slice();
  sets.forEach(([reference], frame) => {
    for (let row = top; row < top + mouth; row++) {
      const at = (row * width + left) * 3;
      const from = reference * height * width * 3 + at;
      out.set(truth.subarray(from, from + mouth * 3), frame * height * width * 3 + at);
    }
  });
  return out;
}
