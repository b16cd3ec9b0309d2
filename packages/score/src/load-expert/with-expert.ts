import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Embedder } from '@lipsync/metrics';
import { chooseOnnxRuntime, type EngineOptions } from '../embed/engine';
import { openEmbedder } from '../embed/open-embedder';
import type { AssetOptions } from '../peers/asset-folder';
import { loadExpert } from './load-expert';

/**
 * Calls `use` with the expert that is given, which is borrowed; where none is, with that of `loadExpert()` in the engine
 * of the options, which is disposed afterwards.
 */
export async function withExpert<A>(
  { expert, ...options }: { expert?: SyncExpert | Embedder } & EngineOptions & AssetOptions,
  use: (expert: SyncExpert | Embedder) => Promise<A>,
): Promise<A> {
  if (expert) return use(expert);
  const ort = await chooseOnnxRuntime('scoreVideo', options);
  const own = ort ? await openEmbedder(undefined, options) : await loadExpert(undefined, options);
  try {
    return await use(own);
  } finally {
    await own.dispose();
  }
}
