import { fail, frameShape, type SyncRecipe } from '@lipsync/contracts';
import { l2Normalize, Random } from '@lipsync/nn';
import type * as tf from '@tensorflow/tfjs-core';
import { type ConvRow, ConvTower, mapAfter } from './conv-block';
import { SyncNetwork } from './sync-network';

/** Wav2Lip's input: the lower half of face boxes of 96 px, BGR from 0 to 1. */
export const WAV2LIP_RECIPE: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'face box', size: 96, rows: 'lower half' },
  color: 'BGR',
  range: [0, 1],
  features: 'WAV2LIP_MEL',
  featureSteps: 16,
  loudness: 'none',
};

/** Input of LatentSync's deepened form: the lower half of aligned faces of 256 px, RGB from -1 to 1. */
export const LATENTSYNC_WAV2LIP_RECIPE: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'aligned face', size: 256, rows: 'lower half' },
  color: 'RGB',
  range: [-1, 1],
  features: 'LATENTSYNC_MEL',
  featureSteps: 16,
  loudness: 'none',
};

export type Wav2LipSyncNetOptions = {
  /** Seed of the first weights, an integer. */
  seed: number;
  /** Share of the published channels; 1 loads the published file. Default 1. */
  width?: number;
  /**
   * Default that of the published network. Other frame counts, sizes and mel steps are accepted as long as the towers
   * leave a map; the last convolution but one then spans the whole map, as the published one does with its 3 x 3.
   */
  recipe?: SyncRecipe;
};

type Towers = { visual: ConvRow[]; audio: ConvRow[] };

/** Repeats a row. */
const times = (count: number, row: ConvRow): ConvRow[] => Array.from({ length: count }, () => row);
const residual = (channels: number): ConvRow => ({ kernel: 3, padding: 1, channels, residual: true });
const down = (channels: number, stride: number | [number, number] = 2): ConvRow => ({
  kernel: 3,
  stride,
  padding: 1,
  channels,
});

/** Rows of Wav2Lip's `SyncNet_color` before the one that spans the whole map. */
const WAV2LIP: Towers = {
  visual: [
    { kernel: 7, padding: 3, channels: 32 },
    { kernel: 5, stride: [1, 2], padding: 1, channels: 64 },
    ...times(2, residual(64)),
    down(128),
    ...times(3, residual(128)),
    down(256),
    ...times(2, residual(256)),
    down(512),
    ...times(2, residual(512)),
    down(512),
  ],
  audio: [
    { kernel: 3, padding: 1, channels: 32 },
    ...times(2, residual(32)),
    down(64, [3, 1]),
    ...times(2, residual(64)),
    down(128, 3),
    ...times(2, residual(128)),
    down(256, [3, 2]),
    ...times(2, residual(256)),
  ],
};

const leaky = (rows: ConvRow[]): ConvRow[] => rows.map((row) => ({ ...row, leak: 0.2 }));

/** Rows of LatentSync's `Wav2LipSyncNet` before the one that spans the whole map. */
const LATENTSYNC: Towers = {
  visual: [
    ...leaky([
      { kernel: 7, padding: 3, channels: 32 },
      { kernel: 5, stride: [1, 2], padding: 1, channels: 64 },
      ...times(2, residual(64)),
      down(128),
      ...times(3, residual(128)),
      down(256, 3),
      ...times(2, residual(256)),
      down(512),
      ...times(2, residual(512)),
      down(1024),
      ...times(2, residual(1024)),
    ]),
    down(1024),
  ],
  audio: leaky([...WAV2LIP.audio, { kernel: 3, padding: 1, channels: 512 }, ...times(2, residual(512))]),
};

/**
 * One published network: its input, its towers' rows, the length of its embeddings, the names of its towers (visual
 * first).
 */
type Published = { recipe: SyncRecipe; towers: Towers; embedding: number; names: [string, string] };

/** Two towers of convolution blocks whose last output, at least 0 everywhere, is divided by its length. */
abstract class ConvSyncNet extends SyncNetwork {
  readonly space = 'unit';
  readonly embeddingSize: number;
  readonly #visual: ConvTower;
  readonly #audio: ConvTower;

  protected constructor(published: Published, { seed, width = 1, recipe = published.recipe }: Wav2LipSyncNetOptions) {
    super(recipe);
    const { towers, embedding, names } = published;
    const where = new.target.name;
    if (!(width > 0 && Number.isFinite(width))) fail(RangeError, where, 'width', 'above 0', width);
    const { frameCount, crop, featureSteps, features } = this.recipe;
    if (!features.endsWith('_MEL')) fail(TypeError, where, 'recipe.features', 'a mel spectrogram of 80 bins', features);
    const channels = (rows: ConvRow[]) =>
      rows.map((row) => ({ ...row, channels: Math.max(1, Math.round(row.channels * width)) }));
    this.embeddingSize = Math.max(1, Math.round(embedding * width));
    const tower = (inChannels: number, rows: ConvRow[], height: number, columns: number, stream: number) => {
      const [h, w] = mapAfter(height, columns, rows);
      if (!(h >= 1 && w >= 1))
        fail(
          RangeError,
          where,
          'recipe',
          'of frames and audio that leave a map',
          `${height} x ${columns} (${h} x ${w})`,
        );
      const end: ConvRow[] = [
        { kernel: [h, w], channels: this.embeddingSize },
        { kernel: 1, channels: this.embeddingSize },
      ];
      return new ConvTower(inChannels, [...channels(rows), ...end], new Random(seed, stream));
    };
    const { height, width: columns } = frameShape(crop);
    const [visual, audio] = names;
    // In the order of the source, which is that of its state dict.
    this.#visual = this.register(visual, tower(frameCount * 3, towers.visual, height, columns, 1));
    this.#audio = this.register(audio, tower(1, towers.audio, 80, featureSteps, 0));
    this.eval();
  }

  protected visualTower(frames: tf.Tensor4D): tf.Tensor2D {
    return l2Normalize(this.#visual.forward(frames)) as tf.Tensor2D;
  }

  protected audioTower(features: tf.Tensor4D): tf.Tensor2D {
    return l2Normalize(this.#audio.forward(features)) as tf.Tensor2D;
  }
}

/**
 * Wav2Lip's lip-sync expert: embeds the lower half of five faces and 0.2 s of mel spectrogram as 512 values each, at
 * least 0 and of length 1; their cosine is high where they are in sync.
 *
 * Source: Rudrabha/Wav2Lip, `SyncNet_color`, parameter names and shapes alike (`face_encoder`, `audio_encoder`);
 * 16,435,072 parameters. Largest difference from PyTorch 1.13 with the same weights below 1e-4 of the largest value,
 * see the test.
 *
 * The caller calls `dispose()` when done.
 *
 * @example
 * const expert = new Wav2LipSyncNet({ seed: 0 });
 * const visual = expert.encodeVisual(tf.zeros([2, 48, 96, 15])); // [2, 512]
 */
export class Wav2LipSyncNet extends ConvSyncNet {
  readonly name = 'Wav2Lip';
  constructor(options: Wav2LipSyncNetOptions) {
    const names: [string, string] = ['face_encoder', 'audio_encoder'];
    super({ recipe: WAV2LIP_RECIPE, towers: WAV2LIP, embedding: 512, names }, options);
  }
}

/**
 * LatentSync's deepened form of Wav2Lip's expert, the thesis's probable baseline: 128 x 256 pixels, embeddings of 1024
 * values, leaky ReLU.
 *
 * Source: ByteDance LatentSync, `Wav2LipSyncNet`, parameter names alike (`audio_encoder`, `visual_encoder`). Largest
 * difference from PyTorch 1.13 with the same weights below 1e-4 of the largest value, see the test.
 *
 * The caller calls `dispose()` when done.
 *
 * @example
 * const expert = new LatentSyncWav2LipSyncNet({ seed: 0 });
 * const visual = expert.encodeVisual(tf.zeros([2, 128, 256, 15])); // [2, 1024]
 */
export class LatentSyncWav2LipSyncNet extends ConvSyncNet {
  readonly name = 'LatentSync Wav2Lip';
  constructor(options: Wav2LipSyncNetOptions) {
    const names: [string, string] = ['visual_encoder', 'audio_encoder'];
    super({ recipe: LATENTSYNC_WAV2LIP_RECIPE, towers: LATENTSYNC, embedding: 1024, names }, options);
  }
}
