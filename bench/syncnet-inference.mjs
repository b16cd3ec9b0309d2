// Seconds a window of the four sync networks of @lipsync/syncnet (frames and audio, evaluation mode): wasm with one thread and PyTorch in turn.
//
//     pnpm build && node bench/syncnet-inference.mjs [--batch 4] [--rounds 5] [--python /usr/bin/python3]
//
// Medians wall-clock; the last column is PyTorch's time divided by ours. Without PyTorch its column stays empty.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    alone: { type: 'boolean', default: false },
  },
});
const [batch, rounds] = [Number(values.batch), Number(values.rounds)];
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** As a child: prints the medians as JSON. */
async function measure() {
  const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const [{ selectBackend }, { SyncNet, Wav2LipSyncNet, LatentSyncWav2LipSyncNet, DinetSyncNet }] = await Promise.all(
    ['backends', 'syncnet'].map(load),
  );
  const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  const networks = {
    syncnet: [new SyncNet({ seed: 0 }), [224, 224], [13, 20]],
    wav2lip: [new Wav2LipSyncNet({ seed: 0 }), [48, 96], [80, 16]],
    latentsync: [new LatentSyncWav2LipSyncNet({ seed: 0 }), [128, 256], [80, 16]],
    dinet: [new DinetSyncNet({ seed: 0 }), [256, 256], [29, 9]],
  };
  const result = {};
  for (const [name, [net, size, audioSize]] of Object.entries(networks)) {
    const frames = tf.randomUniform([batch, ...size, 15], 0, 1, 'float32', 1);
    const features = tf.randomUniform([batch, ...audioSize, 1], -1, 1, 'float32', 2);
    const seconds = [];
    for (let round = 0; round <= rounds; round++) {
      const started = performance.now();
      const { visual, audio } = net.forward(frames, features);
      const last = name === 'dinet' ? net.pairDistances(visual, audio) : visual;
      await last.data();
      if (round > 0) seconds.push((performance.now() - started) / 1000 / batch);
      tf.dispose([visual, audio, last]);
    }
    result[name] = median(seconds);
    tf.dispose([frames, features]);
    net.dispose();
  }
  console.log(JSON.stringify(result));
}

function compare() {
  const ours = JSON.parse(
    execFileSync(
      process.execPath,
      [fileURLToPath(import.meta.url), '--alone', '--batch', `${batch}`, '--rounds', `${rounds}`],
      { encoding: 'utf8' },
    ),
  );
  let theirs = {};
  try {
    const script = fileURLToPath(new URL('./syncnet-inference.py', import.meta.url));
    theirs = JSON.parse(execFileSync(values.python, [script, `${batch}`, `${rounds}`], { encoding: 'utf8' }));
  } catch (error) {
    console.log(`PyTorch skipped: ${error.message.split('\n')[0]}`);
  }
  console.table(
    Object.entries(ours).map(([network, seconds]) => ({
      network,
      'wasm, 1 thread, ms': +(seconds * 1e3).toFixed(1),
      'PyTorch, 1 thread, ms': theirs[network] === undefined ? '' : +(theirs[network] * 1e3).toFixed(1),
      ratio: theirs[network] === undefined ? '' : +(theirs[network] / seconds).toFixed(2),
    })),
  );
}

if (values.alone) await measure();
else compare();
