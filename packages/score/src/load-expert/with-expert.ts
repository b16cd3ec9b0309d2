import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Embedder } from '@lipsync/metrics';
import { loadExpert } from './load-expert';

/**
 * Calls `use` with the expert that is given, which is borrowed; where none is, with that of `loadExpert()`, which is
 * disposed afterwards.
 */
export async function withExpert<A>(
  { expert, log }: { expert?: SyncExpert | Embedder; log?: (line: string) => void },
  use: (expert: SyncExpert | Embedder) => Promise<A>,
): Promise<A> {
  if (expert) return use(expert);
  const own = await loadExpert(undefined, { log });
  try {
    return await use(own);
  } finally {
    own.dispose();
  }
}
