import type { SelectBackendOptions } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { loadBackends } from './optional-peers';

/**
 * Selects a TensorFlow.js backend with `@lipsync/backends`, an optional peer: for programs whose only job is to score
 * or to prepare.
 *
 * @throws Error where `@lipsync/backends` is not installed; what `selectBackend` throws.
 * @example
 * await startBackend({ backend: 'wasm' });
 */
export async function startBackend(options: SelectBackendOptions = {}): Promise<void> {
  const { selectBackend } = await loadBackends();
  await selectBackend(options);
}

/**
 * Sees to it that there is a backend: the one that is set; else the best of those that the application has registered,
 * as TensorFlow.js chooses it; else one that `@lipsync/backends` selects and logs.
 *
 * @param assets folder of the `.wasm` files, in browsers. Default: where the bundler puts them.
 */
export async function ensureBackend(log?: (line: string) => void, assets?: URL): Promise<void> {
  if (tf.getBackend()) return;
  if (Object.keys(tf.engine().registryFactory).length > 0) await tf.ready();
  else await startBackend({ log, ...(assets && { wasmPaths: assets.href }) });
}
