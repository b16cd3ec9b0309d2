import type { SelectBackendOptions } from '@lipsync/backends';
import { fail } from '@lipsync/contracts';
import type { CompileNetwork, SyncExpert } from '@lipsync/contracts/tensors';
import type { Embedder } from '@lipsync/metrics';
import type { OnnxRuntime } from '@lipsync/onnx';
import * as tf from '@tensorflow/tfjs-core';
import { loadOnnx } from '../peers/optional-peers';

/** What can compute the networks. */
export const ENGINES = ['auto', 'onnxruntime', 'tfjs'] as const;

/** One of `ENGINES`. */
export type Engine = (typeof ENGINES)[number];

/** What computes the networks. */
export type EngineOptions = {
  /**
   * `onnxruntime`: several times as fast as wasm on a CPU. `tfjs`: TensorFlow.js. `auto`: onnxruntime where it is there,
   * unless a backend or accelerator is set or asked for by name. In Node it is there where the package onnxruntime-node
   * is installed; in browsers where `ort` is given, a script has set the global `ort`, or the page can import
   * onnxruntime-web. Default `auto`.
   */
  engine?: Engine;
  /** `import * as ort from 'onnxruntime-web'`, or of onnxruntime-node. Default: searched as `engine` says. */
  ort?: OnnxRuntime;
  /** Gets lines such as which engine was selected. */
  log?: (line: string) => void;
};

type Choice = EngineOptions & Pick<SelectBackendOptions, 'backend' | 'accelerator' | 'verbose'>;

/**
 * The onnxruntime that is to compute the networks; undefined: TensorFlow.js is.
 *
 * @param load imports onnxruntime; for tests.
 * @throws RangeError for an unknown engine; Error where onnxruntime is asked for by name and is not there.
 */
export async function chooseOnnxRuntime(
  where: string,
  choice: Choice,
  load: () => Promise<OnnxRuntime> = async () => (await loadOnnx()).loadOnnxRuntime(),
): Promise<OnnxRuntime | undefined> {
  const { engine = 'auto', ort, backend = 'auto', accelerator = 'auto', log = () => {} } = choice;
  if (!ENGINES.includes(engine)) fail(RangeError, where, 'options.engine', `one of ${ENGINES.join(', ')}`, engine);
  if (engine === 'tfjs') return undefined;
  if (engine === 'auto' && (backend !== 'auto' || accelerator === 'onednn')) return undefined;
  const given = ort ?? (globalThis as { ort?: OnnxRuntime }).ort;
  if (given) return given;
  try {
    return await load();
  } catch (error) {
    const { message } = error as Error;
    if (engine === 'onnxruntime') {
      throw new Error(`${where}: options.engine must be one that is installed, got onnxruntime: ${message}`, {
        cause: error,
      });
    }
    // Not installed is no news; installed and broken is.
    if (!/Cannot find|resolve|must be installed/.test(message)) log(`onnxruntime does not start: ${message}`);
    return undefined;
  }
}

/** The engine for an expert, where the options do not name one: the expert's own; TensorFlow.js where its backend is set. */
export function engineFor({ engine, ort, expert }: EngineOptions & { expert?: SyncExpert | Embedder }): Engine {
  if (engine !== undefined) return engine;
  const facts = expert && 'expert' in expert ? expert.expert : expert;
  if (ort || facts?.engine !== undefined) return 'onnxruntime';
  return expert || tf.getBackend() ? 'tfjs' : 'auto';
}

/**
 * What runs the face networks of `createLandmarkDetector` in the engine that these options choose: its option
 * `compile`.
 *
 * @returns undefined where TensorFlow.js runs them.
 * @throws as `openEmbedder`, for the engine.
 * @example
 * const detector = await createLandmarkDetector({ compile: await engineCompiler({ engine: 'onnxruntime' }) });
 */
export async function engineCompiler(choice: Choice = {}): Promise<CompileNetwork | undefined> {
  const ort = await chooseOnnxRuntime('engineCompiler', choice);
  // The networks are small: more threads gain nothing.
  return ort && (await loadOnnx()).onnxCompiler({ ort, threads: 1 });
}

/**
 * An expert in onnxruntime in place of one in TensorFlow.js, which is disposed; one that runs there already as it is.
 */
export async function inOnnxRuntime(
  expert: SyncExpert,
  options: { ort?: OnnxRuntime; threads?: number },
): Promise<SyncExpert> {
  if (expert.engine !== undefined) return expert;
  try {
    return await (await loadOnnx()).runInOnnxRuntime(expert, options);
  } finally {
    expert.dispose();
  }
}

/** What computes an expert's embeddings, for reports. */
export function engineOf({ engine }: Pick<SyncExpert, 'engine'>): string {
  return engine ?? `TensorFlow.js ${tf.version_core} (${tf.getBackend() || 'no backend'})`;
}
