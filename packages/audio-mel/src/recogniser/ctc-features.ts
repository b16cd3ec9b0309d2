import type { AsyncAudioFeatures, Features, Waveform } from '@lipsync/contracts';
import { AUDIO_FEATURES, AUDIO_SAMPLE_RATE, assertWaveform, fail } from '@lipsync/contracts';
import type { AsrLogitsOptions } from './asr-logits';
import { asrLogits } from './asr-logits';
import type { TransformersModule } from './load-transformers';
import { loadTransformers } from './load-transformers';

const FRAME_SAMPLES = 640;
/**
 * Samples that two rows per video frame need beyond it: a row of these networks covers 400 samples, the next begins 320
 * later.
 */
const TAIL = 80;

export type CtcFeaturesOptions = {
  /**
   * Folder with config.json, tokenizer.json and onnx/model.onnx, as an absolute path; or the model's id at Hugging
   * Face.
   */
  model: string;
  /** Reads local files only, never from the network. Default true. */
  localOnly?: boolean;
  /** Data type of the model file, as transformers.js names it: `fp32` is onnx/model.onnx. Default `fp32`. */
  dtype?: string;
  /** Labels of the model's columns. Default: from its tokenizer. */
  labels?: readonly string[];
  /**
   * How 50 rows per second become 25: the first row of a frame, whose centre lies 7.5 ms before the frame's, or the
   * `mean` of both, 2.5 ms after it. Default `second`, as of `asrLogits`; use a generator with the setting that it was
   * trained with.
   */
  halve?: AsrLogitsOptions['halve'];
  /**
   * Seconds per run of the model: longer audio is processed in chunks, as the work grows with the square of the length.
   * Default 20.
   */
  chunkSec?: number;
  /** Seconds of context on both sides of a chunk. Default 2. */
  contextSec?: number;
  /** The module @huggingface/transformers. Default: imported. */
  transformers?: TransformersModule;
};

/** A speech recogniser's logits as features. `dispose` ends its session. */
export interface CtcFeatures extends AsyncAudioFeatures {
  readonly name: 'ASR_LOGITS';
  /** Labels of the model's columns. */
  readonly labels: readonly string[];
  dispose(): Promise<void>;
}

/**
 * The logits of a wav2vec2 or HuBERT CTC model, run by transformers.js, as features for a generator: 29 values per
 * video frame, in the order of `DEEPSPEECH_LABELS`.
 *
 * The whole audio is normalised to mean 0 and variance 1 (unless preprocessor_config.json says otherwise) and padded
 * with 80 samples of silence: N frames of 640 samples give exactly 2 N rows, rows 2 f and 2 f + 1 for frame f. They
 * equal PyTorch's rows without the padding for models whose norms do not span the whole audio.
 *
 * Needs `@huggingface/transformers` 4, which the application installs itself: in Node 474 MB with its runtimes
 * (onnxruntime-node, onnxruntime-web, sharp). It contains no models.
 *
 * @returns the features; `dispose` them.
 * @throws Error that says what to install; Error of transformers.js where the model is missing; TypeError where the
 * labels are unknown or incomplete, or a model does not give 50 rows per second.
 * @example
 * import { createCtcFeatures } from '@lipsync/audio-mel';
 * const features = await createCtcFeatures({ model: '/models/wav2vec2-base-960h' });
 * const { data, steps } = await features.compute(waveform); // 16 kHz mono
 * await features.dispose();
 */
export async function createCtcFeatures(options: CtcFeaturesOptions): Promise<CtcFeatures> {
  const where = 'createCtcFeatures';
  const { model: source, localOnly = true, dtype = 'fp32', halve = 'second', chunkSec = 20, contextSec = 2 } = options;
  if (typeof source !== 'string' || source === '') fail(TypeError, where, 'model', 'a folder or a model’s id', source);
  if (!(chunkSec >= 1)) fail(RangeError, where, 'chunkSec', 'at least 1', chunkSec);
  if (!(contextSec >= 0)) fail(RangeError, where, 'contextSec', 'at least 0', contextSec);
  const { AutoModelForCTC, AutoTokenizer, AutoFeatureExtractor, Tensor } =
    options.transformers ?? (await loadTransformers());
  const from = { local_files_only: localOnly };
  const labels = options.labels ?? labelsOf((await AutoTokenizer.from_pretrained(source, from)).get_vocab());
  const extractor = await AutoFeatureExtractor.from_pretrained(source, from).catch((error: Error) => {
    // A model without this file is assumed to use the common settings.
    if (/preprocessor_config/.test(error.message)) return undefined;
    throw error;
  });
  const rate = extractor?.config.sampling_rate ?? AUDIO_SAMPLE_RATE;
  if (rate !== AUDIO_SAMPLE_RATE)
    fail(TypeError, where, 'model', `one for ${AUDIO_SAMPLE_RATE} samples per second`, rate);
  const normalised = extractor?.config.do_normalize ?? true;
  const model = await AutoModelForCTC.from_pretrained(source, { ...from, dtype });
  const wantsMask = Object.values(model.sessions ?? {}).some((session) =>
    session.inputNames?.includes('attention_mask'),
  );

  /** Rows of some video frames, `[2 * frameCount, columns]`. */
  const rowsOf = async (
    samples: Float32Array,
    frameCount: number,
  ): Promise<{ data: Float32Array; columns: number }> => {
    const shape = [1, samples.length];
    const inputs = {
      input_values: new Tensor('float32', samples, shape),
      ...(wantsMask ? { attention_mask: new Tensor('int64', new BigInt64Array(samples.length).fill(1n), shape) } : {}),
    };
    const { logits } = await model(inputs);
    const [, rows, columns] = logits.dims;
    if (rows !== 2 * frameCount)
      fail(
        TypeError,
        where,
        'model',
        `one of 50 rows per second, ${2 * frameCount} for ${samples.length} samples`,
        rows,
      );
    return { data: Float32Array.from(logits.data as ArrayLike<number>), columns };
  };

  const { bins, stepsPerSecond } = AUDIO_FEATURES.ASR_LOGITS;
  return {
    name: 'ASR_LOGITS',
    sampleRate: AUDIO_SAMPLE_RATE,
    bins,
    stepsPerSecond,
    labels,
    async compute(waveform: Waveform): Promise<Features> {
      assertWaveform('CtcFeatures.compute', waveform);
      if (waveform.sampleRate !== AUDIO_SAMPLE_RATE)
        fail(RangeError, 'CtcFeatures.compute', 'waveform.sampleRate', `${AUDIO_SAMPLE_RATE} Hz`, waveform.sampleRate);
      if (waveform.samples.length === 0) fail(RangeError, 'CtcFeatures.compute', 'waveform.samples', 'not empty', 0);
      const samples = normalised ? unitVariance(waveform.samples) : waveform.samples;
      const [chunk, context] = [chunkSec, contextSec].map((seconds) =>
        Math.max(0, Math.round(seconds * stepsPerSecond)),
      );
      const columns = labels.length;
      const data = await rowsInChunks(samples, rowsOf, { columns, chunk, context });
      const shape: [number, number] = [data.length / columns, columns];
      return asrLogits({ data, shape }, { rowsPerSecond: 50, halve, labels });
    },
    async dispose() {
      await model.dispose();
    },
  };
}

/** Runs the model over chunks of `chunk` frames with `context` frames on both sides: `[2 * frames, columns]`. */
async function rowsInChunks(
  samples: Float32Array,
  rowsOf: (samples: Float32Array, frameCount: number) => Promise<{ data: Float32Array; columns: number }>,
  { columns, chunk, context }: { columns: number; chunk: number; context: number },
): Promise<Float32Array> {
  const frameCount = Math.ceil(samples.length / FRAME_SAMPLES);
  const padded = new Float32Array(frameCount * FRAME_SAMPLES + TAIL);
  padded.set(samples);
  const rows = new Float32Array(2 * frameCount * columns);
  for (let first = 0; first < frameCount; first += chunk) {
    const end = Math.min(frameCount, first + chunk);
    const [left, right] = [Math.max(0, first - context), Math.min(frameCount, end + context)];
    const piece = await rowsOf(padded.slice(left * FRAME_SAMPLES, right * FRAME_SAMPLES + TAIL), right - left);
    if (piece.columns > columns) {
      fail(TypeError, 'createCtcFeatures', 'labels', `${piece.columns}, one for each column`, columns);
    }
    for (let row = 0; row < 2 * (end - first); row++) {
      const at = (2 * (first - left) + row) * piece.columns;
      // A tokenizer may have tokens without a column in the model.
      rows.set(piece.data.subarray(at, at + piece.columns), (2 * first + row) * columns);
    }
  }
  return rows;
}

/** Mean 0, variance 1; 1e-7 keeps silence silent. */
function unitVariance(samples: Float32Array): Float32Array {
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const variance = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / samples.length;
  const scale = 1 / Math.sqrt(variance + 1e-7);
  return samples.map((value) => (value - mean) * scale);
}

/** A vocabulary as a list. */
function labelsOf(vocabulary: Map<string, number> | Record<string, number>): string[] {
  const entries = vocabulary instanceof Map ? [...vocabulary] : Object.entries(vocabulary);
  const last = entries.reduce((most, [, index]) => Math.max(most, index), -1);
  const labels = Array.from({ length: last + 1 }, (_, index) => `<${index}>`);
  for (const [label, index] of entries) labels[index] = label;
  return labels;
}
