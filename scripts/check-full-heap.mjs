/**
 * A network on a heap that is nearly full: right embeddings or a clear error, never nonsense.
 *
 *     node scripts/check-full-heap.mjs [--config LITE] [--left 0,4,8,16,24,32,48,96] [--backend wasm]
 *
 * For plain wasm, threaded wasm and the accelerator (where it is built), each in a process of its own: embeddings of
 * made windows on an empty heap, then with so many MiB left. `--config syncnet_16_pixel --left 400,1600,2600` needs
 * about 3 GB of memory and some minutes a backend. Needs the built packages.
 */
import { spawnSync } from 'node:child_process';
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
    inside: { type: 'boolean', default: false },
  },
});
const lefts = values.left.split(',').map(Number);
if (!values.inside) {
  let failed = false;
  for (const backend of values.backend ? [values.backend] : ['wasm', 'wasm-threaded', 'accelerator']) {
    for (const left of lefts) {
      const args = [fileURLToPath(import.meta.url), '--inside', '--config', values.config, '--left', String(left)];
      const { status, stdout, stderr } = spawnSync(process.execPath, [...args, '--backend', backend], {
        encoding: 'utf8',
        timeout: 1_200_000,
      });
      process.stdout.write(stdout);
      if (status === 0) continue;
      failed = true;
      console.log(`full-heap: ${backend}, ${left} MiB left: FAILS: ${stderr.split('\n').slice(-12).join('\n')}`);
    }
  }
  process.exit(failed ? 1 : 0);
}

const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const [{ selectBackend }, { AVAlignNet, LITE, CONFIGURATIONS, recipeOf }] = await Promise.all(
  ['backends', 'avalignnet'].map(load),
);
const tf = createRequire(new URL('../packages/avalignnet/package.json', import.meta.url))('@tensorflow/tfjs-core');
const native = values.backend === 'accelerator';
try {
  await selectBackend({
    backend: native ? 'wasm' : values.backend,
    accelerator: native ? 'onednn' : 'none',
    threads: 2,
  });
} catch (error) {
  console.log(`full-heap: ${values.backend}: skipped, ${error.message}`);
  process.exit(0);
}
const config = values.config === 'LITE' ? LITE : CONFIGURATIONS[values.config];
const { height, width, featureSteps } = config.input;
const { wasm } = tf.backend();
const [left] = lefts;
const where = `full-heap: ${values.config} on ${values.backend}, ${left} MiB left`;

/** Both embeddings of made windows by a network of seed 1. */
function embed() {
  const noise = (shape, seed) => tf.randomUniform(shape, -1, 1, 'float32', seed);
  const net = new AVAlignNet(config, { seed: 1, recipe: recipeOf(config) });
  return tf.tidy(() => {
    const frames = noise([1, height, width, config.visual_encoder.in_channels], 1);
    const features = noise([1, 80, featureSteps, 1], 2);
    const { visual, audio } = net.forward(frames, features);
    return [...visual.dataSync(), ...audio.dataSync()];
  });
}

/** Takes the heap but so many bytes; the blocks are never touched and cost no memory. */
function fill(bytes) {
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

// A process for each: the second network would find the memory of the first one.
let expected;
if (process.env.LIPSYNC_EXPECTED === undefined) {
  const args = [fileURLToPath(import.meta.url), '--inside', '--config', values.config, '--left', 'Infinity'];
  const run = spawnSync(process.execPath, [...args, '--backend', values.backend], {
    encoding: 'utf8',
    env: { ...process.env, LIPSYNC_EXPECTED: 'print' },
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  expected = JSON.parse(run.stdout);
} else {
  console.log(JSON.stringify(embed()));
  process.exit(0);
}
fill(left * 2 ** 20);
try {
  const values = embed();
  const error = Math.max(...values.map((value, i) => Math.abs(value - expected[i])));
  console.log(`${where}: embeddings, largest difference ${error.toExponential(1)}${error <= LIMIT ? '' : ': FAILS'}`);
  process.exit(error <= LIMIT ? 0 : 1);
} catch (error) {
  console.log(`${where}: ${error.message}`);
  process.exit(CLEAR.test(error.message) ? 0 : 1);
}
