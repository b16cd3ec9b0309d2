import { storedShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { InceptionFeatures, InceptionFid, Lpips, SyncScore } from '@lipsync/metrics';
import {
  batchOf,
  FidScorer,
  frechetDistance,
  LaplacianVarianceScorer,
  LpipsScorer,
  PsnrScorer,
  SsimScorer,
  syncVerdict,
} from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';
import { type ByteFrame, frameOf, mouthOf } from './clip-generator';

/** Scores of one sync network over all clips. */
export type GeneratorSyncFigures = {
  /** Means over the clips; NaN where none was long enough. */
  lseD: number;
  lseC: number;
  /** Share of clips whose offset of lowest distance is within 1 frame of 0: of unrelated audio about a tenth. */
  inSync: number;
  /** Share of clips for which `syncVerdict` has an answer, and one within 1 frame of 0. */
  surelyInSync: number;
};

/** One row of the table. Figures that need a true frame are there for the clip's own audio only. */
export type GeneratorFigures = {
  /**
   * `copy-input`: the true frames, whatever the audio. `repeat-reference`: the true frame with the mouth box of its
   * first reference.
   */
  of: 'generated' | 'copy-input' | 'repeat-reference';
  audio: 'own' | 'other';
  ssim?: number;
  psnr?: number;
  mouthSsim?: number;
  mouthPsnr?: number;
  lpips?: number;
  fid?: number;
  /** Variance of the Laplacian in the mouth box. */
  sharpness: number;
  /** In the order of `experts`. */
  sync: GeneratorSyncFigures[];
};

/** The rows of the table, in order. */
export const GENERATOR_ROWS = [
  { of: 'generated', audio: 'own' },
  { of: 'copy-input', audio: 'own' },
  { of: 'repeat-reference', audio: 'own' },
  { of: 'generated', audio: 'other' },
  { of: 'copy-input', audio: 'other' },
  { of: 'repeat-reference', audio: 'other' },
] as const;
/** Sets of frames; those of the baselines do not depend on the audio. */
export type Shown = 'generated' | 'generatedOther' | 'truth' | 'repeat';
/** The set of a row. */
export const shownIn = ({ of, audio }: { of: GeneratorFigures['of']; audio: GeneratorFigures['audio'] }): Shown =>
  of === 'copy-input'
    ? 'truth'
    : of === 'repeat-reference'
      ? 'repeat'
      : audio === 'own'
        ? 'generated'
        : 'generatedOther';
const RANGE = { range: [0, 255] } as const;

export type RowOptions = {
  experts: readonly SyncExpert[];
  lpips?: Lpips;
  fid?: InceptionFid;
  fidFeatures?: InceptionFeatures;
  mouth: number;
};

/** Adds up one row of the table. */
export class RowFigures {
  readonly of: GeneratorFigures['of'];
  readonly audio: GeneratorFigures['audio'];
  readonly #mouth: number;
  readonly #ssim = [new SsimScorer(RANGE), new SsimScorer(RANGE)];
  readonly #psnr = [new PsnrScorer(RANGE), new PsnrScorer(RANGE)];
  readonly #sharpness = new LaplacianVarianceScorer(RANGE);
  readonly #lpips?: LpipsScorer;
  readonly #fid?: FidScorer;
  readonly #experts: readonly SyncExpert[];
  readonly #sync: SyncScore[][];

  constructor(
    { of, audio }: Pick<GeneratorFigures, 'of' | 'audio'>,
    { experts, lpips, fid, fidFeatures, mouth }: RowOptions,
  ) {
    this.of = of;
    this.audio = audio;
    this.#mouth = mouth;
    this.#experts = experts;
    this.#sync = experts.map(() => []);
    if (lpips && audio === 'own') this.#lpips = new LpipsScorer(lpips, RANGE);
    if (fid && (audio === 'own' || of === 'generated'))
      this.#fid = new FidScorer({ network: fid, features: fidFeatures });
  }

  /** Adds the frames of a clip. */
  async addFrames(frames: Uint8Array, truth: Uint8Array): Promise<void> {
    const size = storedShape({ kind: 'dinet head', mouth: this.#mouth });
    const count = frames.length / (size.height * size.width * 3);
    for (let first = 0; first < count; first += 8) {
      const indices = Array.from({ length: Math.min(8, count - first) }, (_, i) => first + i);
      const [made, real] = [frames, truth].map((set) => indices.map((index) => frameOf(set, index, size)));
      for (const [i, frame] of made.entries()) {
        const mouth = mouthOf(frame, this.#mouth);
        this.#sharpness.update(mouth);
        if (this.audio === 'other') continue;
        const pairs: [ByteFrame, ByteFrame][] = [
          [real[i], frame],
          [mouthOf(real[i], this.#mouth), mouth],
        ];
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

  /** Adds an expert's score of a clip, where there is one. */
  addScore(expert: number, score: SyncScore | undefined): void {
    if (score && Number.isFinite(score.lseD)) this.#sync[expert].push(score);
  }

  /** The distance of this row's frames to the true ones. */
  fidFrom(real: RowFigures): number {
    return real === this
      ? 0
      : frechetDistance(real.#fid!.statistics('generated'), this.#fid!.statistics('generated')).value;
  }

  figures(): GeneratorFigures {
    const { of, audio } = this;
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      of,
      audio,
      ...(audio === 'own'
        ? {
            ssim: this.#ssim[0].compute().value,
            psnr: this.#psnr[0].compute().value,
            mouthSsim: this.#ssim[1].compute().value,
            mouthPsnr: this.#psnr[1].compute().value,
            ...(this.#lpips ? { lpips: this.#lpips.compute().value } : {}),
          }
        : {}),
      sharpness: this.#sharpness.compute().value,
      sync: this.#sync.map((scores, i) => ({
        lseD: mean(scores.map(({ lseD }) => lseD)),
        lseC: mean(scores.map(({ lseC }) => lseC)),
        inSync: mean(scores.map(({ offsetFrames }) => (Math.abs(offsetFrames) <= 1 ? 1 : 0))),
        surelyInSync: mean(scores.map((score) => (surelyInSync(score, this.#experts[i]) ? 1 : 0))),
      })),
    };
  }

  /** How the figures of a row with a truth are measured. */
  conventions(): string[] {
    const scores = [this.#ssim[0], this.#psnr[0], this.#sharpness, ...(this.#lpips ? [this.#lpips] : [])].map(
      (scorer) => scorer.compute(),
    );
    const fid = this.#fid?.protocol;
    return [
      ...scores.map(({ metric, convention }) => `${metric}: ${convention}`),
      ...(fid
        ? [`fid: ${fid.network}, ${fid.features} features, resized to ${fid.size} as ${fid.preprocessing} does`]
        : []),
      ...(this.#sync.length > 0
        ? ['lse-d, lse-c: shifts of -15..15 frames, zeros beyond the ends, mean over clips']
        : []),
    ];
  }
}

function surelyInSync(score: SyncScore, { calibration }: SyncExpert): boolean {
  const { offsetFrames } = syncVerdict(score, { calibration });
  return offsetFrames !== null && Math.abs(offsetFrames) <= 1;
}
