import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { ensureBackend } from './start-backend';

test('ensureBackend selects a backend where none is set or registered, and logs it once', async () => {
  const lines: string[] = [];
  await ensureBackend((line) => lines.push(line));
  const selected = tf.getBackend();
  expect(selected).toMatch(/^wasm/);
  expect(lines).toEqual([expect.stringContaining(selected)]);
  await ensureBackend((line) => lines.push(line));
  expect(lines).toHaveLength(1);
});

test('ensureBackend takes what the application has registered, without a word', async () => {
  for (const name of Object.keys(tf.engine().registryFactory)) tf.removeBackend(name);
  await import('@tensorflow/tfjs-backend-cpu');
  expect(tf.getBackend()).toBeFalsy();
  await ensureBackend(() => expect.unreachable());
  expect(tf.getBackend()).toBe('cpu');
});
