import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { bundle } from '../../testing/bundle';

// Beside the package's node_modules, so that Node finds tfjs.
const script = fileURLToPath(new URL(`../../../.threads-${process.pid}.mjs`, import.meta.url));
afterAll(() => rm(script, { force: true }));

const CODE = `
import os from 'node:os';
import { readdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from './select/select-backend';

const left = () => readdirSync(os.tmpdir()).filter((name) => name.startsWith('lipsync-wasm-'));
const before = { cpus: os.cpus, url: URL.createObjectURL, files: left(), events: ['uncaughtException', 'unhandledRejection'].map((e) => process.listenerCount(e)) };
const { threads } = await selectBackend({ backend: 'wasm-threaded', threads: 3 });
const y = tf.conv2d(tf.ones([2, 16, 16, 4]), tf.ones([3, 3, 4, 8]), 1, 'same');
const w = tf.engine().runKernel('Conv2DBackpropFilter', { x: tf.ones([2, 16, 16, 8]), dy: y }, { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 8, 8] });
console.log(JSON.stringify({
  threads, value: (await y.data())[0], gradient: (await w.data())[0],
  cpus: os.cpus === before.cpus, url: URL.createObjectURL === before.url,
  events: ['uncaughtException', 'unhandledRejection'].every((e, i) => process.listenerCount(e) === before.events[i]),
  files: left().filter((name) => !before.files.includes(name)),
}));
`;

test('a script on the threaded backend computes correctly, ends by itself and leaves Node unchanged', async () => {
  await bundle(CODE, script);
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 50_000 });
  const { gradient, ...rest } = JSON.parse(stdout.trim().split('\n').at(-1)!);
  expect(rest).toEqual({ threads: 3, value: 16, cpus: true, url: true, events: true, files: [] });
  // The first tap sees 2 · 15 · 15 positions: 13 · 13 inner ones of the dy of 36, the rest at the top and left edges
  // (24; corner 16).
  expect(gradient).toBe(2 * (14 * 14 * 36 + 2 * 14 * 24 + 16));
});
