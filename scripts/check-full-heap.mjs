/**
 * A network on a heap that is nearly full: right embeddings or a clear error, never a wrong value.
 *
 *     node scripts/check-full-heap.mjs [--config LITE] [--left 0,4,8,16,24,32,48,96] [--backend wasm]
 *
 * For wasm, threaded wasm and the accelerator (where it is built), each run in a process of its own: embeddings of made
 * windows on an empty heap, then with the given MiB left. `--config syncnet_16_pixel --left 400,1600,2600` needs about
 * 3 GB of memory and some minutes a backend. Needs the built packages.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const LIMIT = 1e-5; // other kernels may be chosen, so rounding may differ
const CLEAR = /out of memory/;
const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'LITE' },
    left: { type: 'string', default: '0,4,8,16,24,32,48,96' },
    backend: { type: 'string' },
    inside: { type: 'string' }, // set in the processes that compute: `embed`, or `compare` with the embeddings on stdin
  },
});
if (values.inside) process.exit(await runInside());
const backends = values.backend ? [values.backend] : ['wasm', 'wasm-threaded', 'accelerator'];
process.exit(backends.map(checkBackend).every(Boolean) ? 0 : 1);

/** Whether all runs of a backend hold, or it is not there. */
function checkBackend(backend) {
  const report = (what, { stdout, stderr }) => {
    process.stdout.write(stdout);
    console.log(`full-heap: ${backend}, ${what}: FAILS: ${stderr.split('\n').slice(-12).join('\n')}`);
    return false;
  };
  const expected = start(backend, 'embed');
  if (expected.status !== 0) return report('empty heap', expected);
  if (!expected.stdout.startsWith('[')) {
    process.stdout.write(expected.stdout);
    return true;
  }
  const runs = values.left.split(',').map((left) => {
    const run = start(backend, 'compare', { left, input: expected.stdout });
    if (run.status !== 0) return report(`${left} MiB left`, run);
    process.stdout.write(run.stdout);
    return true;
  });
  return runs.every(Boolean);
}

/** Runs this program in another process, with the given MiB of the heap left. */
function start(backend, inside, { left = '0', input } = {}) {
  const options = Object.entries({ config: values.config, backend, inside, left });
  const args = [fileURLToPath(import.meta.url), ...options.flatMap(([name, value]) => [`--${name}`, value])];
  return spawnSync(process.execPath, args, { input, encoding: 'utf8', timeout: 1_200_000, maxBuffer: 2 ** 28 });
}

/** The exit status of `--inside`. */
async function runInside() {
  const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const [{ selectBackend }, networks] = await Promise.all(['backends', 'avalignnet'].map(load));
  const tf = createRequire(new URL('../packages/avalignnet/package.json', import.meta.url))('@tensorflow/tfjs-core');
  const native = values.backend === 'accelerator';
  try {
    await selectBackend({
      backend: native ? 'wasm' : values.backend,
      accelerator: native ? 'onednn' : 'none',
      threads: 2,
      log: console.error,
    });
  } catch (error) {
    console.log(`full-heap: ${values.backend}: skipped, ${error.message}`);
    return 0;
  }
  if (values.inside === 'embed') {
    console.log(JSON.stringify(embed(tf, networks)));
    return 0;
  }
  const expected = JSON.parse(readFileSync(0, 'utf8'));
  const where = `full-heap: ${values.config} on ${values.backend}, ${values.left} MiB left`;
  fill(tf.backend().wasm, Number(values.left) * 2 ** 20);
  try {
    const error = Math.max(...embed(tf, networks).map((value, i) => Math.abs(value - expected[i])));
    const holds = error <= LIMIT;
    console.log(`${where}: embeddings, largest difference ${error.toExponential(1)}${holds ? '' : ': FAILS'}`);
    return holds ? 0 : 1;
  } catch (error) {
    console.log(`${where}: ${error.message}`);
    return CLEAR.test(error.message) ? 0 : 1;
  }
}

/** Both embeddings of made windows by a network of seed 1. */
function embed(tf, { AVAlignNet, LITE, CONFIGURATIONS, recipeOf }) {
  const config = values.config === 'LITE' ? LITE : CONFIGURATIONS[values.config];
  const { height, width, featureSteps } = config.input;
  const noise = (shape, seed) => tf.randomUniform(shape, -1, 1, 'float32', seed);
  const net = new AVAlignNet(config, { seed: 1, recipe: recipeOf(config) });
  return tf.tidy(() => {
    const frames = noise([1, height, width, config.visual_encoder.in_channels], 1);
    const features = noise([1, 80, featureSteps, 1], 2);
    const { visual, audio } = net.forward(frames, features);
    return [...visual.dataSync(), ...audio.dataSync()];
  });
}

/** Takes the heap except so many bytes; the blocks are never touched, so they cost no memory. */
function fill(wasm, bytes) {
  const held = [];
  for (const size of [2 ** 26, 2 ** 20]) {
    for (let block = wasm._malloc(size); block !== 0; block = wasm._malloc(size)) held.push([block, size]);
  }
  for (let freed = 0; freed < bytes && held.length > 0; ) {
    const [block, size] = held.pop();
    wasm._free(block);
    freed += size;
  }
}
