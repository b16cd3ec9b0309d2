/**
 * Every expert as ONNX files, run in onnxruntime: the embeddings must be those of the network itself to 1e-4, for batches of 1, 3 and 8 (1 and
 * 3 for the two largest).
 *
 * Fetches onnxruntime-node into node_modules/.cache, outside the lockfile (288 MB), unless LIPSYNC_ONNXRUNTIME names a folder that has it; skips, with its
 * reason, where that is impossible. `node scripts/check-onnx.mjs --quick` leaves the large networks out. Needs the built packages.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SKIPPED } from './skipped.mjs';

const VERSION = '1.30.0';
const TOLERANCE = 1e-4;
const quick = process.argv.includes('--quick');

/** onnxruntime-node, from a folder or fetched; undefined, with the reason logged, where it cannot be had. */
function findRuntime() {
  const folder = resolve(process.env.LIPSYNC_ONNXRUNTIME ?? 'node_modules/.cache/lipsync-onnxruntime');
  if (!existsSync(join(folder, 'node_modules/onnxruntime-node/package.json'))) {
    mkdirSync(folder, { recursive: true });
    const words = [
      'install',
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--prefix',
      folder,
      `onnxruntime-node@${VERSION}`,
    ];
    const { status, stderr, error } = spawnSync('npm', words, {
      encoding: 'utf8',
      timeout: 150_000,
      shell: process.platform === 'win32',
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }, // its own download, of CUDA, is not needed
    });
    if (status !== 0)
      return console.log(
        `onnx: skipped, onnxruntime-node ${VERSION} could not be fetched (${error?.message ?? stderr.trim().split('\n').pop()})`,
      );
  }
  try {
    return createRequire(join(folder, 'package.json'))('onnxruntime-node');
  } catch (error) {
    return console.log(
      `onnx: skipped, onnxruntime-node does not run on ${process.platform} ${process.arch} (${error.message.split('\n')[0]})`,
    );
  }
}

const ort = findRuntime();
if (!ort) process.exit(SKIPPED);

const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const [{ selectBackend }, avalignnet, syncnet, onnx, { loadExpert }, { EXPERT_FILES }] = await Promise.all(
  ['backends', 'avalignnet', 'syncnet', 'onnx', 'score', 'pretrained'].map(load),
);
const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
await selectBackend({ backend: 'wasm', log: () => {} });

const recipeOf = ({ input: { frameCount, height, featureSteps } }) => ({
  frameCount,
  fps: 25,
  crop: { kind: 'whole frame', size: height, resize: 'none' },
  color: 'RGB',
  range: [0, 1],
  features: 'THESIS_MEL',
  featureSteps,
});
const aligned = (config) => () => new avalignnet.AVAlignNet(config, { seed: 1, recipe: recipeOf(config) });
const { lite, thesis, LITE } = avalignnet;
const experts = {
  'AVAlignNet LITE': aligned(LITE),
  'AVAlignNet lite, 5 frames of 64, attention': aligned(lite({ frameCount: 5, size: 64, attention: true })),
  'AVAlignNet lite, 5 frames of 96': aligned(lite({ frameCount: 5, size: 96 })),
  'AVAlignNet thesis 5x64, 256 channels, attention': aligned(
    thesis({ frameCount: 5, size: 64, maxChannels: 256, attention: true }),
  ),
  SyncNet: () => new syncnet.SyncNet({ seed: 1, width: quick ? 0.25 : 1 }),
  'Wav2Lip’s': () => new syncnet.Wav2LipSyncNet({ seed: 1, width: quick ? 0.25 : 1 }),
  'LatentSync’s': () => new syncnet.LatentSyncWav2LipSyncNet({ seed: 1, width: quick ? 0.25 : 1 }),
  'DINet’s, 64 px': () => new syncnet.DinetSyncNet({ seed: 1, recipe: syncnet.dinetRecipe(64) }),
  'DINet’s, 256 px, maximum': () => new syncnet.DinetSyncNet({ seed: 1, pool: 'max', channels: quick ? 32 : 128 }),
};

/** Networks so large that their largest batch is left out. */
const heavy = new Set(quick ? [] : ['LatentSync’s', 'DINet’s, 256 px, maximum']);

/** Gives norms weights and statistics that change their input, which those of a new network do not. */
function stir(net) {
  for (const [name, { variable }] of [...net.namedParameters(), ...net.namedBuffers()]) {
    if (variable.dtype !== 'float32' || variable.shape.length !== 1) continue;
    const [low, high] = /var$/.test(name) ? [0.5, 1.5] : /weight$/.test(name) ? [0.75, 1.25] : [-0.2, 0.2];
    tf.tidy(() => variable.assign(tf.randomUniform(variable.shape, low, high, 'float32', name.length)));
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'lipsync-onnx-'));
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const checker = spawnSync(python, ['-c', 'import onnx; print(onnx.__version__)'], { encoding: 'utf8' });
console.log(
  `onnx: onnxruntime-node ${VERSION}; ${checker.status === 0 ? `onnx.checker ${checker.stdout.trim()}` : 'no onnx for Python: its checker is left out'}`,
);

let worst = 0;
let failed = false;
/** Largest difference, as a share of the largest value. */
async function difference(ours, theirs) {
  const [a, b] = [await ours.data(), await theirs.data()];
  const largest = a.reduce((most, number) => Math.max(most, Math.abs(number)), 1e-12);
  return (
    a.reduce((most, number, i) => Math.max(most, Number.isNaN(b[i]) ? Infinity : Math.abs(number - b[i])), 0) / largest
  );
}

try {
  for (const [title, make] of Object.entries(experts)) {
    const net = make();
    stir(net);
    const started = performance.now();
    const files = await onnx.exportOnnx(net);
    const halves = await onnx.exportOnnx(net, { float16: true });
    const [paths, halfPaths] = [{}, {}];
    for (const [kind, all, into] of [
      ['', files, paths],
      ['.float16', halves, halfPaths],
    ]) {
      for (const [part, pieces] of Object.entries(all)) {
        into[part] = join(scratch, `expert${kind}.${part}.onnx`);
        writeFileSync(into[part], Buffer.concat(pieces));
      }
    }
    if (checker.status === 0) {
      const script =
        'import onnx, sys\nfor path in sys.argv[1:]: onnx.checker.check_model(onnx.load(path), full_check=True)';
      const { status, stderr } = spawnSync(
        python,
        ['-c', script, ...Object.values(paths), ...(heavy.has(title) ? [] : Object.values(halfPaths))],
        { encoding: 'utf8' },
      );
      if (status !== 0) {
        failed = true;
        console.error(`onnx: ${title}: onnx.checker refuses it\n${stderr.split('\n').slice(-4).join('\n')}`);
      }
    }
    const { recipe } = net;
    const expert = await onnx.readOnnxExpert(paths, { ort, threads: 1 });
    const half = await onnx.readOnnxExpert(halfPaths, { ort, threads: 1 });
    const before = tf.memory().numTensors;
    const found = { visual: 0, audio: 0, pair: 0, float16: 0 };
    for (const batch of heavy.has(title) ? [1, 3] : [1, 3, 8]) {
      const height =
        'rows' in recipe.crop && recipe.crop.rows === 'lower half' ? recipe.crop.size / 2 : recipe.crop.size;
      const bins = { ASR_LOGITS: 29, SYNCNET_MFCC: 13 }[recipe.features] ?? 80;
      const frames = tf.randomUniform(
        [batch, height, recipe.crop.size, recipe.frameCount * 3],
        ...recipe.range,
        'float32',
        batch,
      );
      const features = tf.randomUniform([batch, bins, recipe.featureSteps, 1], -4, 4, 'float32', batch + 1);
      const ours = [net.encodeVisual(frames), net.encodeAudio(features)];
      const theirs = [expert.encodeVisual(frames), expert.encodeAudio(features)];
      found.visual = Math.max(found.visual, await difference(ours[0], theirs[0]));
      found.audio = Math.max(found.audio, await difference(ours[1], theirs[1]));
      if (batch === 1) {
        const rounded = [half.encodeVisual(frames), half.encodeAudio(features)];
        for (const i of [0, 1]) found.float16 = Math.max(found.float16, await difference(ours[i], rounded[i]));
        tf.dispose(rounded);
      }
      if (net.pairDistances) {
        const distances = [net.pairDistances(...ours), expert.pairDistances(...ours)];
        found.pair = Math.max(found.pair, await difference(...distances));
        tf.dispose(distances);
      }
      tf.dispose([ours, theirs, frames, features]);
    }
    const left = tf.memory().numTensors - before;
    expert.dispose();
    half.dispose();
    const bytes = (all) =>
      Object.values(all)
        .flat()
        .reduce((sum, piece) => sum + piece.length, 0);
    const [size, halfSize] = [bytes(files), bytes(halves)].map((count) => `${(count / 1e6).toFixed(1)} MB`);
    const largest = Math.max(found.visual, found.audio, found.pair);
    worst = Math.max(worst, largest);
    const ok = largest <= TOLERANCE && left === 0;
    failed ||= !ok;
    const figures = Object.entries(found)
      .filter(([, number]) => number > 0)
      .map(([part, number]) => `${part} ${number.toExponential(1)}`);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `onnx: ${title}: ${figures.join(', ')}; ${size}, float16 ${halfSize}; ${seconds} s${left ? `; ${left} tensors left` : ''}${ok ? '' : ' FAILED'}`,
    );
    net.dispose();
  }
  await checkPretrained();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`onnx: largest difference ${worst.toExponential(1)} of the largest number (at most ${TOLERANCE})`);
process.exit(failed ? 1 : 0);

/** The files of @lipsync/pretrained: both parts in onnxruntime against the weights in TensorFlow.js, embeddings of length 1. */
async function checkPretrained() {
  const expert = await loadExpert();
  const { visual, audio } = EXPERT_FILES;
  const packaged = await onnx.readOnnxExpert({ visual: visual.url, audio: audio.url }, { ort, threads: 1 });
  const { recipe } = expert;
  const frames = tf.randomUniform([3, recipe.crop.size, recipe.crop.size, 3 * recipe.frameCount], ...recipe.range);
  const features = tf.randomUniform([3, 80, recipe.featureSteps, 1], -4, 4);
  const found = [];
  for (const [method, input] of [
    ['encodeVisual', frames],
    ['encodeAudio', features],
  ]) {
    const [ours, theirs] = [expert[method](input), packaged[method](input)];
    found.push(await difference(ours, theirs));
    tf.dispose([ours, theirs]);
  }
  const ok = Math.max(...found) <= TOLERANCE && packaged.weightsHash === expert.weightsHash;
  failed ||= !ok;
  console.log(
    `onnx: @lipsync/pretrained: ${found.map((number) => number.toExponential(1)).join(', ')}${ok ? '' : ' FAILED'}`,
  );
  tf.dispose([frames, features]);
  for (const one of [expert, packaged]) one.dispose();
}
