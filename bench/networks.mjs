// Training steps and inference of LITE, the thesis's network (5 frames of 64 x 64, at most 512 channels), the 0.88 M network, SyncNet 2016
// and DINet (the thesis's, and LITE_DINET; mouth of 64 pixels, a frame a sample, a step of the stage of frames without VGG-19), a backend at a time, beside PyTorch with as many threads.
//
//     pnpm build && node bench/networks.mjs [--mode train,infer] [--networks lite,thesis,prototype,syncnet,dinet-lite,dinet] [--threads 1,2] [--rounds 5] [--steps 3]
//                                           [--backends wasm,onednn,tfjs-node] [--python /usr/bin/python3] [--json]
//
// Every figure is of a process of its own; the rounds go through all of them in turn, so that a loaded machine slows all alike. A round's figure is its median
// step, the one shown the median of the rounds, with the lowest and highest; the ratio is that of medians, ours by PyTorch's: below 1 is faster.
// "processor" counts all threads. GFLOP/s counts multiplications and additions of convolutions and products as written (Winograd's form does
// fewer), three times the forward pass for a step. The accelerator's rows need `lipsync accelerate`, tfjs-node's
// scripts/build-tfjs-node.mjs, PyTorch's --python.
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inference, trainingStep } from './support/training-step.mjs';

const BATCH = {
  train: { lite: 72, thesis: 8, prototype: 8, 'dinet-lite': 8, dinet: 2 },
  infer: { lite: 32, thesis: 8, prototype: 8, syncnet: 4, 'dinet-lite': 8, dinet: 2 },
};

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'train,infer' },
    networks: { type: 'string', default: 'lite,thesis,prototype,syncnet,dinet-lite,dinet' },
    backends: { type: 'string', default: 'wasm,onednn,tfjs-node' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '3' },
    python: { type: 'string', default: '/usr/bin/python3' },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
});
/** Of PyTorch and oneDNN, and of TensorFlow, which takes no number through tfjs-node. */
const threadsOf = (threads) => ({
  OMP_NUM_THREADS: `${threads}`,
  OMP_WAIT_POLICY: 'passive',
  TF_NUM_INTRAOP_THREADS: `${threads}`,
  TF_NUM_INTEROP_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '2',
});
const [rounds, steps] = [Number(values.rounds), Number(values.steps)];
const list = (text) => text.split(',').filter(Boolean);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

if (values.child) await measure(JSON.parse(values.child));
else compare();

/** As a child: prints `[wall, processor]` seconds of each step after two that do not count. */
async function measure({ mode, network, backend, threads, batch }) {
  const wasm = {
    backend: threads > 1 ? 'wasm-threaded' : 'wasm',
    accelerator: backend === 'onednn' ? 'onednn' : 'none',
  };
  const options = { network, batch, threads, ...(backend === 'tfjs-node' ? { backend } : wasm) };
  const { step, parameters, flops } = await (mode === 'train' ? trainingStep : inference)(options);
  const operations = await flops();
  const seconds = [];
  for (let index = 0; index < steps + 2; index++) {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    await step();
    const { user, system } = process.cpuUsage(cpu);
    if (index > 1) seconds.push([(performance.now() - wall) / 1e3, (user + system) / 1e6]);
  }
  console.log(
    JSON.stringify({
      parameters,
      flops: operations * (mode === 'train' ? 3 : 1),
      seconds,
      peakBytes: process.resourceUsage().maxRSS * 1024,
    }),
  );
  process.exit(0);
}

function compare() {
  const tfjsNode = new URL('../scripts/use-tfjs-node.mjs', import.meta.url).href;
  const script = fileURLToPath(new URL('./support/train-step.py', import.meta.url));
  const rows = [];
  for (const mode of list(values.mode)) {
    for (const network of list(values.networks)) {
      const batch = BATCH[mode]?.[network];
      if (batch === undefined) continue;
      for (const threads of list(values.threads).map(Number)) {
        for (const backend of [...list(values.backends), 'PyTorch'])
          rows.push({ mode, network, batch, threads, backend, clock: [], processor: [] });
      }
    }
  }
  const skipped = new Set();
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      const { mode, network, batch, threads, backend } = row;
      if (skipped.has(backend)) continue;
      const [program, args] =
        backend === 'PyTorch'
          ? [values.python, [script, network, `${threads}`, `${batch}`, `${steps}`, mode]]
          : [
              process.execPath,
              [
                ...(backend === 'tfjs-node' ? ['--import', tfjsNode] : []),
                fileURLToPath(import.meta.url),
                '--steps',
                `${steps}`,
                '--child',
                JSON.stringify({ mode, network, batch, threads, backend }),
              ],
            ];
      try {
        const output = execFileSync(program, args, {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
          env: { ...process.env, ...threadsOf(threads) },
        });
        const { seconds, peakBytes, parameters, flops } = JSON.parse(output.trim().split('\n').at(-1));
        row.clock.push(median(seconds.map(([wall]) => wall)));
        row.processor.push(median(seconds.map(([, cpu]) => cpu)));
        Object.assign(row, { peakBytes, parameters, flops });
      } catch (error) {
        skipped.add(backend);
        console.error(
          `${backend}: skipped (${(error.stderr || error.message).trim().split('\n').at(-1).slice(0, 160)})`,
        );
      }
    }
    console.error(`round ${round + 1} of ${rounds}, load ${loadavg()[0].toFixed(1)}`);
  }
  const done = rows.filter(({ clock }) => clock.length > 0).map((row) => summary(row, rows));
  if (values.json) console.log(JSON.stringify({ rounds, steps, load: loadavg()[0], rows: done }, null, 2));
  else print(done);
}

function summary({ clock, processor, ...row }, rows) {
  const torch = rows.find(
    ({ backend, mode, network, threads }) =>
      backend === 'PyTorch' && mode === row.mode && network === row.network && threads === row.threads,
  );
  const other = row.backend !== 'PyTorch' && torch?.clock.length > 0 ? torch : undefined;
  const seconds = median(clock);
  // Round by round, so that what slowed a whole round counts for both.
  const ratios = other ? clock.map((value, round) => value / other.clock[round]) : [];
  return {
    ...row,
    seconds,
    processorSeconds: median(processor),
    lowest: Math.min(...clock),
    highest: Math.max(...clock),
    perSecond: row.batch / seconds,
    gflops: row.flops ? row.flops / seconds / 1e9 : undefined,
    ...(other
      ? {
          ratio: seconds / median(other.clock),
          ratioLowest: Math.min(...ratios),
          ratioHighest: Math.max(...ratios),
          processorRatio: median(processor) / median(other.processor),
        }
      : {}),
  };
}

function print(rows) {
  const titles = [
    '',
    'samples/s',
    'ms',
    'lowest',
    'highest',
    'cpu ms',
    'GFLOP/s',
    'peak MB',
    'ratio',
    '(spread)',
    'cpu ratio',
  ];
  const line = ([first, ...rest]) => console.log(first.padEnd(44) + rest.map((text) => text.padStart(11)).join(''));
  line(titles);
  const number = (value, digits) => (value === undefined ? '' : value.toFixed(digits));
  for (const row of rows) {
    const spread = row.ratio === undefined ? '' : `${row.ratioLowest.toFixed(2)}-${row.ratioHighest.toFixed(2)}`;
    line([
      `${row.mode} ${row.network} x${row.batch}, ${row.backend}, ${row.threads} thread${row.threads > 1 ? 's' : ''}`,
      number(row.perSecond, 1),
      number(1e3 * row.seconds, 1),
      number(1e3 * row.lowest, 1),
      number(1e3 * row.highest, 1),
      number(1e3 * row.processorSeconds, 1),
      number(row.gflops, 1),
      number(row.peakBytes / 2 ** 20, 0),
      number(row.ratio, 2),
      spread,
      number(row.processorRatio, 2),
    ]);
  }
}
