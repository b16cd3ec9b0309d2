import { openByteSource } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import {
  assertFeatureBatch,
  assertMouthBatch,
  type EmbeddingBatch,
  type FeatureBatch,
  type MouthBatch,
  type SyncExpert,
} from '@lipsync/contracts/tensors';
import type * as tf from '@tensorflow/tfjs-core';
import type { OnnxExpertInfo, OnnxPart } from '../export-onnx';
import { inputNames } from '../format/earlier-names';
import { expertOfMetadata, readOnnxMetadata } from '../format/onnx-metadata';
import {
  describeOnnxRuntime,
  loadOnnxRuntime,
  type OnnxRuntime,
  type OrtSession,
  type OrtTensor,
} from './load-onnxruntime';
import { type OnnxInput, type OnnxRunOptions, openSession } from './open-session';
import { PendingTensors } from './pending-tensors';

/** The files of an expert; `pair` only for `joint` networks. */
export type OnnxInputs = { visual: OnnxInput; audio: OnnxInput; pair?: OnnxInput };

/**
 * A `SyncExpert` that runs in onnxruntime, made by `readOnnxExpert` or `createOnnxExpert`. Its embeddings are pending
 * tensors: read them with `await x.data()`. It holds sessions: `dispose` it.
 *
 * @example
 * const expert: OnnxExpert = await readOnnxExpert({ visual: 'expert.visual.onnx', audio: 'expert.audio.onnx' });
 * console.log(expert.name, expert.recipe);
 */
export class OnnxExpert implements SyncExpert {
  readonly name: string;
  readonly recipe: SyncExpert['recipe'];
  readonly embeddingSize: number;
  readonly audioEmbeddingSize?: number;
  readonly space: SyncExpert['space'];
  readonly weightsHash?: string;
  readonly calibration?: SyncExpert['calibration'];
  /** Name and version of onnxruntime's package. */
  readonly engine: string;
  /** Only `joint` networks have it. */
  readonly pairDistances?: NonNullable<SyncExpert['pairDistances']>;
  readonly #pending = new PendingTensors('OnnxExpert');
  /** Calls run one at a time: in Node a call blocks anyway, in a browser the second would wait. */
  #queue: Promise<unknown> = Promise.resolve();
  #isDisposed = false;

  readonly #ort: OnnxRuntime;
  readonly #sessions: { visual: OrtSession; audio: OrtSession; pair?: OrtSession };

  /** Made by `createOnnxExpert` and `readOnnxExpert`. */
  constructor(
    info: OnnxExpertInfo,
    ort: OnnxRuntime,
    sessions: { visual: OrtSession; audio: OrtSession; pair?: OrtSession },
  ) {
    this.#ort = ort;
    this.#sessions = sessions;
    this.name = info.name;
    this.recipe = info.recipe;
    this.embeddingSize = info.embeddingSize;
    this.audioEmbeddingSize = info.audioEmbeddingSize;
    this.space = info.space;
    this.weightsHash = info.weightsHash;
    this.calibration = info.calibration;
    this.engine = describeOnnxRuntime(ort);
    if (sessions.pair) this.pairDistances = (frames, audio) => this.#measurePairs(frames, audio);
  }

  /**
   * Embeddings of frame windows.
   *
   * @param frames float32 `[batch, height, width, frames * 3]` in the recipe's colour order and range; borrowed, may be
   * disposed at once.
   * @returns float32 `[batch, embeddingSize]`, pending: `await x.data()` waits, and throws what onnxruntime throws. The
   * caller disposes it.
   * @throws TypeError for another shape or dtype.
   */
  encodeVisual(frames: MouthBatch): EmbeddingBatch {
    this.#assertUsable('encodeVisual');
    assertMouthBatch('OnnxExpert.encodeVisual', this.recipe, frames.shape);
    return this.#run<tf.Rank.R2>('visual', { frames }, 'embedding', [frames.shape[0], this.embeddingSize]);
  }

  /**
   * Embeddings of audio windows.
   *
   * @param features float32 `[batch, bins, featureSteps, 1]`; borrowed, may be disposed at once.
   * @returns as `encodeVisual`.
   * @throws TypeError for another shape or dtype.
   */
  encodeAudio(features: FeatureBatch): EmbeddingBatch {
    this.#assertUsable('encodeAudio');
    assertFeatureBatch('OnnxExpert.encodeAudio', this.recipe, features.shape);
    return this.#run<tf.Rank.R2>('audio', { features }, 'embedding', [
      features.shape[0],
      this.audioEmbeddingSize ?? this.embeddingSize,
    ]);
  }

  #measurePairs(frames: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D {
    this.#assertUsable('pairDistances');
    const sides = [frames.shape[0], this.embeddingSize, frames.shape[0], this.audioEmbeddingSize ?? this.embeddingSize];
    if (`${[...frames.shape, ...audio.shape]}` !== `${sides}`) {
      const rule = `of shapes [batch, ${sides[1]}] and [batch, ${sides[3]}]`;
      fail(TypeError, 'OnnxExpert.pairDistances', 'embeddings', rule, `[${frames.shape}] and [${audio.shape}]`);
    }
    return this.#run<tf.Rank.R1>('pair', { frames, audio }, 'distance', [frames.shape[0]]);
  }

  /** Ends the sessions after the running calls. Safe to call twice; finished embeddings remain readable. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    const sessions = Object.values(this.#sessions).filter((session) => session !== undefined);
    void this.#queue.then(() => Promise.all(sessions.map((session) => session.release()))).catch(() => {});
  }

  #assertUsable(method: string): void {
    if (this.#isDisposed) fail(Error, `OnnxExpert.${method}`, 'this expert', 'in use', 'one that was disposed');
  }

  #run<R extends tf.Rank>(
    part: OnnxPart,
    inputs: Record<string, tf.Tensor>,
    output: string,
    shape: tf.ShapeMap[R],
  ): tf.Tensor<R> {
    for (const [name, { dtype }] of Object.entries(inputs))
      if (dtype !== 'float32') fail(TypeError, 'OnnxExpert', name, 'float32', dtype);
    // The caller may dispose its tensors before they have been read: reading begins now, and the engine returns a copy
    // or the values themselves.
    const reads = Object.values(inputs).map(
      async (tensor) => [[...tensor.shape] as number[], await tensor.data()] as const,
    );
    const before = this.#queue;
    const result = (async () => {
      const read = await Promise.all(reads);
      await before;
      const session = this.#sessions[part] as OrtSession;
      const names = inputNames(Object.keys(inputs), session.inputNames);
      const feeds = Object.fromEntries(
        read.map(([dims, data], i) => [
          names[i],
          new this.#ort.Tensor('float32', data as Float32Array, dims) as OrtTensor,
        ]),
      );
      const outputs = await session.run(feeds);
      return outputs[output].data as Float32Array;
    })();
    this.#queue = result.catch(() => {});
    return this.#pending.tensor<R>(result, shape);
  }
}

/**
 * An expert that runs in onnxruntime, from the files of `exportOnnx`, whose metadata describe it. Files of earlier
 * versions open, too.
 *
 * @param files all parts of one export.
 * @returns the expert; the caller disposes it.
 * @throws Error where onnxruntime is not installed, with what to install, or where the files are not parts of one
 * expert.
 * @example
 * import { readOnnxExpert } from '@lipsync/onnx';
 * const expert = await readOnnxExpert({ visual: 'expert.visual.onnx', audio: 'expert.audio.onnx' });
 * const embedding = await expert.encodeVisual(frames).data();
 */
export async function readOnnxExpert(files: OnnxInputs, options: OnnxRunOptions = {}): Promise<OnnxExpert> {
  const where = 'readOnnxExpert';
  const infos: OnnxExpertInfo[] = [];
  for (const [wanted, input] of Object.entries(files)) {
    if (input === undefined) continue;
    const source = await openByteSource(input);
    try {
      const { part, ...info } = expertOfMetadata(where, source.name, await readOnnxMetadata(source));
      if (part !== wanted)
        fail(Error, where, wanted, `the expert’s ${wanted} file`, `${source.name}, its ${part} file`);
      infos.push(info);
    } finally {
      await source.close();
    }
  }
  const [info, ...others] = infos;
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(info))) {
    const found = infos.map(({ name, weightsHash }) => `${name} (weights ${weightsHash?.slice(0, 12)})`).join(' and ');
    fail(Error, where, 'files', 'parts of one export', found);
  }
  if (info.space === 'joint' && !files.pair)
    fail(Error, where, 'pair', `given for ${info.name}, which scores pairs`, 'none');
  return createOnnxExpert({ ...files, ...options, info });
}

/**
 * An expert that runs in onnxruntime, described by the caller.
 *
 * @param options.visual model from `frames`, float32 `[batch, height, width, frameCount * 3]`, to `embedding`,
 * `[batch, embeddingSize]`.
 * @param options.audio model from `features`, float32 `[batch, bins, featureSteps, 1]`, to `embedding`.
 * @param options.pair model from two embeddings, `frames` and `audio`, to `distance`, `[batch]`; of `joint` networks.
 * @param options.info the expert's name, recipe and sizes; `readOnnxExpert` takes them from the files.
 * @returns the expert; the caller disposes it.
 * @throws Error where onnxruntime is not installed, with what to install; onnxruntime's own errors for a model that it
 * refuses.
 * @example
 * import { createOnnxExpert } from '@lipsync/onnx';
 * const info = { name: 'mine', space: 'unit', recipe, embeddingSize: 512 } as const;
 * const expert = await createOnnxExpert({ visual: 'visual.onnx', audio: 'audio.onnx', info });
 */
export async function createOnnxExpert(
  options: OnnxInputs & OnnxRunOptions & { info: OnnxExpertInfo },
): Promise<OnnxExpert> {
  const { info, executionProviders, threads } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0))
    fail(RangeError, 'createOnnxExpert', 'threads', 'a whole number above 0', threads);
  const ort = options.ort ?? (await loadOnnxRuntime());
  const sessions: Partial<Record<OnnxPart, OrtSession>> = {};
  try {
    for (const part of ['visual', 'audio', 'pair'] as const) {
      const input = options[part];
      if (input === undefined) continue;
      sessions[part] = await openSession(ort, input, { executionProviders, threads });
    }
    return new OnnxExpert(info, ort, sessions as { visual: OrtSession; audio: OrtSession });
  } catch (error) {
    for (const session of Object.values(sessions)) await session?.release();
    throw error;
  }
}
