/**
 * A set-up file of vitest: tests that select the backend `wasm` run on tfjs-node instead, their numbers and tolerances
 * unchanged. `cpu` stays what it is.
 */
import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, vi } from 'vitest';

vi.mock('@lipsync/backends', async (original) => {
  const actual = await original<typeof import('@lipsync/backends')>();
  const onTfjsNode: typeof actual.selectBackend = (options) =>
    actual.selectBackend({ log: options?.log, backend: 'tfjs-node' });
  return { ...actual, selectBackend: onTfjsNode, enableWasmTraining: () => undefined };
});

await selectBackend();
const engine = tf.engine();
const setBackend = engine.setBackend.bind(engine);
engine.setBackend = (name: string) => setBackend(name === 'wasm' ? 'tensorflow' : name);
afterAll(() => {
  if (tf.getBackend() === 'wasm') throw new Error('a test ran on wasm');
});
