import { type SelectBackendOptions, selectBackend } from '@lipsync/backends';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ExpertFacts, localEmbedder } from '@lipsync/metrics';
import Tinypool from 'tinypool';
import { type LoadExpertOptions, loadExpert } from '../load-expert/load-expert';
import { inOnnxRuntime } from './engine';

/** What a worker thread is started with; without `weights` it takes those of `@lipsync/pretrained`. */
export type ExpertWorkerSetup = {
  weights?: string;
  options: LoadExpertOptions;
  backend: SelectBackendOptions;
  /** Runs the expert in onnxruntime, with so many threads of its own; the backend then only reads the weights. */
  onnxruntimeThreads?: number;
};

/** A batch: windows that lie one after the other in `data`. */
export type EmbedTask = { tower: 'visual' | 'audio'; data: Float32Array; count: number };

/** The program of a worker thread: the expert on a backend of its own. */
const { weights, options, backend, onnxruntimeThreads } = Tinypool.workerData as ExpertWorkerSetup;
const loaded = loadHere();
loaded.catch(() => {}); // thrown by the first task

/** What the expert is, once it is loaded. */
export async function facts(): Promise<ExpertFacts> {
  const { name, recipe, embeddingSize, audioEmbeddingSize, space, weightsHash, calibration, engine } = await loaded;
  return { name, recipe, embeddingSize, audioEmbeddingSize, space, weightsHash, calibration, engine };
}

async function loadHere(): Promise<SyncExpert> {
  await selectBackend(backend);
  const expert = await loadExpert(weights, options);
  return onnxruntimeThreads === undefined ? expert : inOnnxRuntime(expert, { threads: onnxruntimeThreads });
}

let last: Promise<unknown> = Promise.resolve();

/** Embeds one batch, after those that came before. */
export async function embed({ tower, data, count }: EmbedTask): Promise<unknown> {
  const embedder = localEmbedder(await loaded);
  const length = data.length / count;
  const windows = Array.from({ length: count }, (_, i) => data.subarray(i * length, (i + 1) * length));
  const rows = last.then(() => embedder[tower](windows));
  last = rows.catch(() => {});
  return Tinypool.move(Float32Array.from(await rows).buffer);
}
