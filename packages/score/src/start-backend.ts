import * as tf from '@tensorflow/tfjs-core';

export type StartBackendOptions = {
  /** Default `auto`: the fastest that starts. */
  backend?: 'auto' | 'tensorflow' | 'webgpu' | 'webgl' | 'wasm' | 'cpu';
  threads?: number;
  /** Called with a line that names the selected backend. */
  log?: (line: string) => void;
};

/** Selects a TensorFlow.js backend by `@lipsync/backends`, an optional peer. */
export async function startBackend(options: StartBackendOptions = {}): Promise<void> {
  const { selectBackend } = await import('@lipsync/backends');
  await selectBackend(options as Parameters<typeof selectBackend>[0]);
}

/**
 * Selects a backend where the application has set none.
 *
 * @throws Error where there is none and `@lipsync/backends` is not installed.
 */
export async function ensureBackend(log?: (line: string) => void): Promise<void> {
  if (tf.getBackend()) return;
  await startBackend({ log });
}
