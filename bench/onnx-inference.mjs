// Windows a second of exported experts in onnxruntime-node and of the same networks in PyTorch, in turn.
//
//     pnpm build && node bench/onnx-inference.mjs --ort FOLDER [--networks lite,thesis_5_64,syncnet] [--batch 8,32] [--threads 1,2] [--rounds 7]
//
// FOLDER has node_modules/onnxruntime-node (scripts/check-onnx.mjs fetches one into node_modules/.cache/lipsync-onnxruntime). A pass is both towers of
// a batch. Medians of the clock and of CPU time; ratios are ours by PyTorch's: below 1 is faster. Without PyTorch its columns stay empty.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    ort: { type: 'string', default: 'node_modules/.cache/lipsync-onnxruntime' },
    networks: { type: 'string', default: 'lite,thesis_5_64,syncnet' },
    batch: { type: 'string', default: '8,32' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string', default: '/usr/bin/python3' },
    spin: { type: 'string', default: '0' },
    level: { type: 'string', default: 'all' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const list = (text) => text.split(',');
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const ort = createRequire(join(resolve(values.ort), 'package.json'))('onnxruntime-node');
const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const [{ selectBackend }, { AVAlignNet, CONFIGURATIONS }, { SyncNet }, { exportOnnx }] = await Promise.all(
  ['backends', 'avalignnet', 'syncnet', 'onnx'].map(load),
);
await selectBackend({ backend: 'wasm', log: () => {} });

function expertOf(name) {
  if (name === 'syncnet') return { net: new SyncNet({ seed: 0 }), frames: [224, 224, 15], features: [13, 20, 1] };
  const { input } = CONFIGURATIONS[name];
  const { frameCount, height, width, featureSteps } = input;
  const recipe = {
    frameCount,
    fps: 25,
    crop: { kind: 'whole frame', size: height, resize: 'none' },
    color: 'RGB',
    range: [0, 1],
    features: 'THESIS_MEL',
    featureSteps,
  };
  return {
    net: new AVAlignNet(CONFIGURATIONS[name], { seed: 0, recipe }),
    frames: [height, width, 3 * frameCount],
    features: [80, featureSteps, 1],
  };
}

/** PyTorch in a process of its own, asked line by line; undefined, with the reason logged, where there is none. */
async function openTorch(threads) {
  const child = spawn(values.python, [fileURLToPath(new URL('./onnx-inference.py', import.meta.url)), threads], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  child.on('error', (error) => (stderr += error.message));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).done) return console.log(`PyTorch skipped: ${stderr.trim().split('\n').pop()}`);
  return {
    async pass(name, batch) {
      child.stdin.write(`${name} ${batch}\n`);
      return (await lines.next()).value.split(' ').map(Number);
    },
    close: () => child.stdin.end(),
  };
}

async function ourPass(sessions, feeds) {
  const [wall, processor] = [performance.now(), process.cpuUsage()];
  for (const [i, session] of sessions.entries()) await session.run(feeds[i]);
  const { user, system } = process.cpuUsage(processor);
  return [(performance.now() - wall) / 1e3, (user + system) / 1e6];
}

const rows = [];
for (const name of list(values.networks)) {
  const { net, ...shapes } = expertOf(name);
  const files = await exportOnnx(net);
  net.dispose();
  const models = [files.visual, files.audio].map((pieces) => Buffer.concat(pieces));
  for (const threads of list(values.threads)) {
    const torch = await openTorch(threads);
    const options = {
      intraOpNumThreads: Number(threads),
      interOpNumThreads: 1,
      graphOptimizationLevel: values.level,
      extra: { session: { intra_op: { allow_spinning: values.spin } } },
      ...(values.profile ? { enableProfiling: true, profileFilePrefix: values.profile } : {}),
    };
    const sessions = [];
    for (const model of models) sessions.push(await ort.InferenceSession.create(model, options));
    for (const batch of list(values.batch).map(Number)) {
      const feeds = ['frames', 'features'].map((input) => {
        const shape = [batch, ...shapes[input]];
        const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
        return { [input]: new ort.Tensor('float32', data, shape) };
      });
      const [ours, theirs] = [[], []];
      for (let round = 0; round <= Number(values.rounds); round++) {
        const [a, b] = [await ourPass(sessions, feeds), await torch?.pass(name, batch)];
        if (round === 0) continue; // the first is slower on both sides
        ours.push(a);
        if (b) theirs.push(b);
      }
      const [wall, processor] = [0, 1].map((i) => median(ours.map((pass) => pass[i])));
      const row = {
        network: name,
        threads: Number(threads),
        batch,
        'windows/s': +(batch / wall).toFixed(1),
        ms: +(wall * 1e3).toFixed(1),
      };
      if (theirs.length > 0) {
        const [torchWall, torchProcessor] = [0, 1].map((i) => median(theirs.map((pass) => pass[i])));
        const ratios = ours.map((pass, i) => pass[0] / theirs[i][0]).sort((a, b) => a - b);
        row['PyTorch windows/s'] = +(batch / torchWall).toFixed(1);
        row['ratio, clock'] = +(wall / torchWall).toFixed(2);
        row['of pairs'] = `${ratios[0].toFixed(2)}-${ratios.at(-1).toFixed(2)}`;
        row['ratio, processor'] = +(processor / torchProcessor).toFixed(2);
      }
      rows.push(row);
      if (!values.json) console.log(JSON.stringify(row));
    }
    if (values.profile) for (const session of sessions) session.endProfiling();
    torch?.close();
    for (const session of sessions) await session.release();
  }
}
if (values.json) console.log(JSON.stringify(rows, null, 2));
else console.table(rows);
