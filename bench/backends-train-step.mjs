// Training samples a second of the LITE AVAlignNet (forward, backward, clipping, AdamW): wasm, wasm-threaded and PyTorch in turn.
//
//     pnpm build && node bench/backends-train-step.mjs [--batch 72] [--steps 3] [--rounds 2] [--threads 2] [--python /usr/bin/python3]
//
// Two figures each: by the clock (fastest step), and by processor time (all threads, so a busy machine disturbs it less).
// The last columns are PyTorch's figure with as many threads, divided by ours.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '72' },
    steps: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string', default: '/usr/bin/python3' },
    backend: { type: 'string' },
  },
});
const [batch, steps, rounds, threads] = [values.batch, values.steps, values.rounds, values.threads].map(Number);

if (values.backend) await trainOnce(values.backend);
else compareAll();

/** Runs as a child, one backend a process: prints one JSON line. */
async function trainOnce(backend) {
  const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const [{ selectBackend }, { AVAlignNet, LITE, ContrastiveTemperature, contrastLoss, trainStep, trainedParameters }, { AdamW, Random }] =
    await Promise.all(['backends', 'avalignnet', 'nn'].map(load));
  const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
  const selected = await selectBackend({ backend, threads });
  const net = new AVAlignNet(LITE, { seed: 0 });
  const head = new ContrastiveTemperature();
  const optimizer = new AdamW(trainedParameters(net, head), { learningRate: 1e-3 });
  const random = new Random(0);
  const normal = (...shape) => tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()), shape);
  const { frames, height, width, melSteps } = LITE.input;
  const clips = Array.from({ length: batch }, (_, row) => Math.floor(row / 6));
  const windows = { frames: normal(batch, height, width, 3 * frames), mel: normal(batch, 80, melSteps, 1), clips };
  const loss = contrastLoss({ temperature: head });
  const seconds = [];
  for (let step = 0; step <= steps; step++) {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    await trainStep({ net, head, optimizer, batch: windows, loss });
    const { user, system } = process.cpuUsage(cpu);
    if (step > 0) seconds.push([(performance.now() - wall) / 1e3, (user + system) / 1e6]);
  }
  console.log(JSON.stringify({ parameters: net.parameterCount(), threads: selected.threads, seconds }));
}

function compareAll() {
  const self = fileURLToPath(import.meta.url);
  const other = fileURLToPath(new URL('./backends-train-step.py', import.meta.url));
  const ours = (backend) => [process.execPath, [self, '--backend', backend, '--batch', `${batch}`, '--steps', `${steps}`, '--threads', `${threads}`]];
  const torch = (count) => [values.python, [other, `${count}`, `${batch}`, `${steps}`]];
  const rows = [
    { name: 'wasm, 1 thread', run: ours('wasm'), against: 1 },
    { name: 'PyTorch, 1 thread', run: torch(1) },
    { name: `wasm-threaded, ${threads} threads`, run: ours('wasm-threaded'), against: 3 },
    { name: `PyTorch, ${threads} threads`, run: torch(threads) },
  ];
  const best = rows.map(() => [Infinity, Infinity]);
  for (let round = 0; round < rounds; round++) {
    rows.forEach(({ name, run: [command, args] }, row) => {
      try {
        const output = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
        const { seconds } = JSON.parse(output.trim().split('\n').at(-1));
        for (const figures of seconds) figures.forEach((value, kind) => (best[row][kind] = Math.min(best[row][kind], value)));
      } catch (error) {
        console.error(`${name}: not run (${error.message.split('\n')[0]})`);
      }
    });
  }
  const show = (value) => (Number.isFinite(value) ? value.toFixed(2) : '-').padStart(10);
  console.log(`LITE, batch ${batch}, best of ${rounds} x ${steps} steps`);
  console.log(`${''.padEnd(26)}${['samples/s', 'ms a step', 'cpu ms', 'ratio', 'cpu ratio'].map((title) => title.padStart(10)).join('')}`);
  rows.forEach(({ name, against }, row) => {
    const [wall, cpu] = best[row];
    const ratios = against === undefined ? [] : [wall / best[against][0], cpu / best[against][1]];
    console.log(name.padEnd(26) + [batch / wall, 1e3 * wall, 1e3 * cpu, ...ratios].map(show).join(''));
  });
}
