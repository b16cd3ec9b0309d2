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

/** Selects a backend where the application has set none, and logs which one, once. */
export async function ensureBackend(log?: (line: string) => void): Promise<void> {
  if (!tf.getBackend()) await startBackend({ log });
}
