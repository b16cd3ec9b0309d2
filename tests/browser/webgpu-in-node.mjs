/**
 * WebGPU in Node against the wasm backend: kernels and gradients, training, scoring, LPIPS, landmarks. Run by scripts/check-webgpu.mjs, as a
 * process of its own because Dawn does not let Node end. Prints what it measured; a difference that is too large is a failure.
 */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import { differences, kernelCases, noise, runCases } from './kernel-cases.mjs';
import { largestDifference, score, train } from './work.mjs';

const load = (name) => import(`../../${name}/dist/index.js`);
const packages = ['backends', 'avalignnet', 'nn', 'audio-mel', 'metrics', 'face-crop', 'sync-windows', 'score'].map(
  (name) => load(`packages/${name}`),
);
const lipsync = Object.assign({}, ...(await Promise.all(packages)));
const { FacePainter, articulation, headMotion, person } = await load('examples/embedded-data');

/** LPIPS of two frames with made weights. */
async function imageDistance() {
  const network = new lipsync.Lpips({ net: 'squeeze' });
  const state = [...(await network.stateDict())].map(([name, { dtype, shape }], index) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const spread = name.startsWith('lin') ? 1 : Math.sqrt(6 / Math.max(1, size / shape[0]));
    return [
      name,
      {
        dtype,
        shape,
        data: noise(size, index + 1).map((value) => spread * (name.startsWith('lin') ? Math.abs(value) : value)),
      },
    ];
  });
  network.loadStateDict(new Map(state));
  const pair = [1, 2].map((seed) => tf.tensor4d(noise(32 * 32 * 3, seed), [1, 32, 32, 3]));
  const distances = [...(await lipsync.lpips(network, ...pair, { range: [-1, 1] }))];
  tf.dispose(pair);
  network.dispose();
  return distances;
}

/** Landmarks of a drawn face, pixels. */
async function landmarks() {
  const who = person(0);
  const state = { mouth: articulation(1, 1).at(0), pose: { ...headMotion(who, 1)(0.5), blink: 0 } };
  const data = new FacePainter(who).draw(state, 0);
  const points = [];
  for (const model of lipsync.LANDMARK_MODELS) {
    const detector = await lipsync.createLandmarkDetector({ model, scales: [224] });
    const [face] = await detector.detect({ data, width: 256, height: 256, index: 0, timeSec: 0 });
    detector.dispose();
    points.push(...face.points);
  }
  return points;
}

const cases = kernelCases(tf);
const results = {};
for (const backend of ['wasm', 'webgpu']) {
  const { reason } = await lipsync.selectBackend({ backend, allowSoftwareGpu: true });
  lipsync.registerGradients();
  console.log(reason);
  const before = tf.memory().numTensors;
  const parts = {
    kernels: () => runCases(tf, cases),
    training: () => train(tf, lipsync),
    scoring: () => score(tf, lipsync),
    lpips: imageDistance,
    landmarks,
  };
  results[backend] = {};
  for (const [part, run] of Object.entries(parts)) {
    const started = performance.now();
    results[backend][part] = await run();
    console.log(`  ${part}: ${((performance.now() - started) / 1e3).toFixed(1)} s`);
  }
  assert.equal(tf.memory().numTensors, before, 'tensors left behind');
}

const { wasm, webgpu } = results;
const errors = differences(webgpu.kernels, wasm.kernels);
cases.forEach(({ name }, i) => assert.ok(errors[i] < 2e-5, `${name}: differs by ${errors[i]} of the largest value`));
console.log(
  `${cases.length} kernels and their gradients: largest difference ${Math.max(...errors).toExponential(1)} of the largest value`,
);
/** Bounds are about ten times what was measured. */
const compare = (what, a, b, bound, least) => {
  const error = largestDifference(a, b, least);
  console.log(`${what}: largest difference ${error.toExponential(1)}`);
  assert.ok(error < bound, `${what}: must differ by less than ${bound}, got ${error}`);
};
compare('losses of both steps', webgpu.training.losses, wasm.training.losses, 1e-4);
compare('lengths of their gradients', webgpu.training.gradientNorms, wasm.training.gradientNorms, 1e-3);
compare('averaged weights', webgpu.training.averageSize, wasm.training.averageSize, 1e-5);
compare('scores and embeddings', webgpu.scoring, wasm.scoring, 1e-3, 0.01);
compare('LPIPS', webgpu.lpips, wasm.lpips, 1e-4);
compare('landmarks, pixels', webgpu.landmarks, wasm.landmarks, 1e-3, 1);
process.exit(0);
