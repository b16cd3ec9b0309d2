import { performance } from 'node:perf_hooks';
import { selectBackend } from '../packages/backends/dist/index.js';
import { Random } from '../packages/nn/dist/index.js';
import { FeatureManifold } from '../packages/portraits/dist/index.js';

/** Seconds to project a second of features (120 of 512 values) on a base of 100,000; `brute`: each distance in JavaScript. */
const [rows, steps, bins] = [100_000, 120, 512];
await selectBackend({ backend: 'wasm' });
const random = new Random(1);
// A random walk, as features of speech are near their neighbours in time.
const walk = (count) => {
  const data = new Float32Array(count * bins);
  for (let i = 0; i < data.length; i++)
    data[i] = 0.95 * (i < bins ? 0 : data[i - bins]) + 0.2 * (random.uniform() - 0.5);
  return data;
};
const base = walk(rows);
const features = walk(steps);
let start = performance.now();
const manifold = new FeatureManifold({ data: base, steps: rows, bins });
console.log(`base: ${((performance.now() - start) / 1000).toFixed(2)} s`);
for (let run = 0; run < 2; run++) {
  start = performance.now();
  await manifold.project({ data: features, steps, bins });
  console.log(`120 features: ${((performance.now() - start) / 1000).toFixed(2)} s`);
}
start = performance.now();
let least = Infinity;
for (let row = 0; row < rows; row++) {
  let sum = 0;
  for (let i = 0; i < bins; i++) sum += (base[row * bins + i] - features[i]) ** 2;
  least = Math.min(least, sum);
}
console.log(
  `brute: ${((120 * (performance.now() - start)) / 1000).toFixed(2)} s (120 times one, least ${least.toFixed(3)})`,
);
manifold.dispose();
