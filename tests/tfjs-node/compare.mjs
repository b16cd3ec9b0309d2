/**
 * TensorFlow itself, under tfjs-node, against the cpu and wasm backends: kernels and gradients, ten steps of training of three networks, and
 * what tfjs-node refuses. Run by scripts/check-tfjs-node.mjs in a process of its own. Prints what it measured; too large a difference is a failure.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { load, trainingStep } from '../../bench/support/training-step.mjs';
import { differences, kernelCases, runCases } from '../browser/kernel-cases.mjs';
import { largestDifference } from '../browser/work.mjs';

const { selectBackend } = await load('backends');
const { registerGradients } = await load('nn');
const compare = (what, a, b, bound, least) => {
  const error = largestDifference(a, b, least);
  console.log(`${what}: largest difference ${error.toExponential(1)}`);
  assert.ok(error < bound, `${what}: must differ by less than ${bound}, got ${error}`);
};

// As Node 23 has it: without a function that tfjs-node calls.
delete util.isNullOrUndefined;
await selectBackend({ backend: 'wasm', accelerator: 'none' });
const kernelsOfWasm = new Set(tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName));
console.log((await selectBackend({ backend: 'tfjs-node' })).reason);
console.log(`TensorFlow ${tf.backend().binding.TF_Version}`);
assert.equal(tf.backend().isUsingGpuDevice, false);

/** What the package refuses, or calls, as its source says. */
async function checkRefusals() {
  const topK = tf.tidy(() => tf.topk(tf.tensor1d([1, 5, 3]), 2).values);
  assert.deepEqual([...(await topK.data())], [5, 3]);
  const restored = util.isNullOrUndefined;
  util.isNullOrUndefined = undefined;
  assert.throws(() => tf.topk(tf.tensor1d([1, 5, 3]), 2), /isNullOrUndefined\) is not a function/);
  util.isNullOrUndefined = restored;
  tf.dispose(topK);
  const stock = createRequire(import.meta.resolve('@tensorflow/tfjs-node'))('./kernels/MaxPool.js').maxPoolConfig;
  const x = tf.ones([1, 4, 4, 1]);
  const attrs = { filterSize: 3, strides: 1, pad: 1 };
  assert.throws(() => stock.kernelFunc({ inputs: { x }, backend: tf.backend(), attrs }), /'valid' and 'same' padding/);
  const uneven = [
    [0, 0],
    [1, 0],
    [0, 1],
    [0, 0],
  ];
  assert.throws(() => tf.avgPool(x, 3, 1, uneven), /'valid' and 'same' padding/);
  // Many tensors are one operation here; WebGPU binds eight.
  const many = tf.tidy(() => tf.addN(Array.from({ length: 40 }, (_, i) => tf.fill([2, 3], i))));
  assert.deepEqual([...(await many.data())], Array(6).fill(780));
  tf.dispose([x, many]);
  const missing = [...kernelsOfWasm].filter((name) => !tf.getKernel(name, 'tensorflow')).sort();
  console.log(`kernels of wasm that tfjs-node lacks: ${missing.join(' ')}`);
}

async function checkKernels() {
  const cases = kernelCases(tf).filter(({ name }) => !name.startsWith('GroupNorm')); // fused: tfjs-node composes it
  registerGradients();
  const results = {};
  for (const backend of ['cpu', 'tensorflow']) {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    results[backend] = await runCases(tf, cases);
    assert.equal(tf.memory().numTensors, before, 'tensors left behind');
  }
  const errors = differences(results.tensorflow, results.cpu);
  cases.forEach(({ name }, i) => assert.ok(errors[i] < 2e-5, `${name}: differs by ${errors[i]} of the largest value`));
  const largest = Math.max(...errors).toExponential(1);
  console.log(`${cases.length} kernels and their gradients: largest difference ${largest} of the largest value`);
}

/**
 * Ten losses of each network on both backends; the batches are small, the networks whole. DINet's gradients have kinks:
 * inputs that differ by 1e-7 move them by up to 3 % of the largest on wasm alone.
 */
async function checkTraining() {
  const cases = { lite: [8, 1e-3], prototype: [2, 1e-4], 'dinet-lite': [1, 1e-2] };
  for (const [network, [batch, bound]] of Object.entries(cases)) {
    const losses = {};
    for (const backend of ['wasm', 'tfjs-node']) {
      const { step } = await trainingStep({ network, backend, threads: 1, batch });
      losses[backend] = [];
      for (let index = 0; index < 10; index++) losses[backend].push(Object.values([await step()].flat())[0]);
    }
    const [first, last] = [losses['tfjs-node'][0], losses['tfjs-node'][9]];
    compare(`${network}, losses of ten steps (${first} to ${last})`, losses['tfjs-node'], losses.wasm, bound);
  }
}

for (const check of [checkRefusals, checkKernels, checkTraining]) {
  const started = performance.now();
  await check();
  console.log(`  ${check.name}: ${((performance.now() - started) / 1e3).toFixed(1)} s`);
}
process.exit(0);
