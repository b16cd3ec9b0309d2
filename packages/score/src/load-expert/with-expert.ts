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
  const own = await openDefaultExpert('scoreVideo', options);
  try {
    return await use(own);
  } finally {
    await own.dispose();
  }
}

/** That of `loadExpert()`, in the engine of the options; the caller disposes it. */
export async function openDefaultExpert(
  where: string,
  options: EngineOptions & AssetOptions,
): Promise<SyncExpert | Embedder> {
  const ort = await chooseOnnxRuntime(where, options);
  return ort ? openEmbedder(undefined, options) : loadExpert(undefined, options);
}
