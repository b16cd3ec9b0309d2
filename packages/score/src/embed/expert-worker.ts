import { type SelectBackendOptions, selectBackend } from '@lipsync/backends';
import { type ExpertFacts, localEmbedder } from '@lipsync/metrics';
import Tinypool from 'tinypool';
import { type LoadExpertOptions, loadExpert } from '../load-expert/load-expert';

/** What a worker thread is started with; without `weights` it takes those of `@lipsync/pretrained`. */
export type ExpertWorkerSetup = { weights?: string; options: LoadExpertOptions; backend: SelectBackendOptions };

/** A batch: windows that lie one after the other in `data`. */
export type EmbedTask = { tower: 'visual' | 'audio'; data: Float32Array; count: number };

/** The program of a worker thread: the expert on a backend of its own. */
const { weights, options, backend } = Tinypool.workerData as ExpertWorkerSetup;
const loaded = selectBackend(backend).then(() => loadExpert(weights, options));
loaded.catch(() => {}); // thrown by the first task

/** What the expert is, once it is loaded. */
export async function facts(): Promise<ExpertFacts> {
  const { name, recipe, embeddingSize, audioEmbeddingSize, space, weightsHash, calibration } = await loaded;
  return { name, recipe, embeddingSize, audioEmbeddingSize, space, weightsHash, calibration };
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
