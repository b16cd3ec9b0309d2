// Training samples a second and peak memory of the LITE AVAlignNet: one thread, wasm threads, replicas that share each batch, and chunks.
//
//     pnpm build && node bench/data-parallel.mjs [--batch 72] [--steps 5] [--rounds 2] [--threads 2] [--chunk 32] [--only NAME] [--json]
//     node bench/data-parallel.mjs --memory 72,256,512
//
// Each line is a process of its own; rounds are interleaved. Figures are medians over all steps but the first: wall-clock, and by
// CPU time of all threads, which a loaded machine disturbs less. Memory is the most that was resident (VmHWM, with the batch itself).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '72' },
    steps: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    chunk: { type: 'string', default: '32' },
    only: { type: 'string' },
    memory: { type: 'string' },
    json: { type: 'boolean', default: false },
    run: { type: 'string' },
  },
});

if (values.run) await trainOnce(JSON.parse(values.run));
else if (values.memory) compareMemory();
else compareSpeed();

/** Runs as a child: prints one JSON line. */
async function trainOnce({ batch, steps, backend = 'wasm', threads = 1, replicas = 1, chunk }) {
  const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const [{ selectBackend }, { LITE }, { Random }, { startTrainer }] = await Promise.all(
    ['backends', 'avalignnet', 'nn', 'train'].map(load),
  );
  await selectBackend({ backend, threads });
  const { frameCount, height, width, featureSteps } = LITE.input;
  const trainer = await startTrainer(
    { choice: { config: LITE }, preset: 'contrast', seed: 0, learningRate: 1e-3, chunk },
    { rows: batch, replicas },
  );
  const random = new Random(0);
  const normal = (...shape) => ({
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
  });
  const clips = Array.from({ length: batch }, (_, row) => Math.floor(row / 6));
  const windows = {
    frames: normal(batch, height, width, 3 * frameCount),
    features: normal(batch, 80, featureSteps, 1),
    clips,
  };
  const seconds = [];
  let loss = 0;
  for (let step = 0; step <= steps; step++) {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    ({ loss } = await trainer.step(windows, { learningRate: 1e-3, progress: 0 }));
    const { user, system } = process.cpuUsage(cpu);
    if (step > 0) seconds.push([(performance.now() - wall) / 1e3, (user + system) / 1e6]);
  }
  await trainer.dispose();
  const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  console.log(JSON.stringify({ seconds, loss, peakMiB }));
  process.exit(0);
}

function child(setup) {
  const args = [fileURLToPath(import.meta.url), '--run', JSON.stringify(setup)];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return JSON.parse(output.trim().split('\n').at(-1));
}

function tryChild(name, setup) {
  try {
    return child(setup);
  } catch (error) {
    const lines = `${error.stderr ?? ''}`.trim().split('\n');
    console.error(
      `${name}: did not run (${lines.find((line) => /Error|memory/.test(line)) ?? error.message.split('\n')[0]})`,
    );
    return undefined;
  }
}

function compareSpeed() {
  const [batch, steps, rounds, threads, chunk] = [
    values.batch,
    values.steps,
    values.rounds,
    values.threads,
    values.chunk,
  ].map(Number);
  const common = { batch, steps };
  const rows = [
    { name: 'wasm, 1 thread', setup: { ...common } },
    { name: `wasm-threaded, ${threads} threads`, setup: { ...common, backend: 'wasm-threaded', threads } },
    { name: `${threads} replicas`, setup: { ...common, replicas: threads } },
    { name: `1 thread, chunk ${chunk}`, setup: { ...common, chunk } },
    { name: `${threads} replicas, chunk ${chunk}`, setup: { ...common, replicas: threads, chunk } },
  ].filter(({ name }) => !values.only || name.includes(values.only));
  const results = rows.map(() => []);
  for (let round = 0; round < rounds; round++) {
    rows.forEach(({ name, setup }, row) => {
      const result = tryChild(name, setup);
      if (result) results[row].push(result);
    });
  }
  const table = rows.map(({ name }, row) => {
    const all = results[row].flatMap(({ seconds }) => seconds);
    const [wall, cpu] = [0, 1].map((kind) => median(all.map((figures) => figures[kind])));
    const fastest = Math.min(...all.map(([clock]) => clock));
    const slowest = Math.max(...all.map(([clock]) => clock));
    return {
      name,
      samplesPerSec: batch / wall,
      wall,
      fastest,
      slowest,
      cpu,
      peakMiB: Math.max(...results[row].map(({ peakMiB }) => peakMiB)),
      loss: results[row][0]?.loss,
      repeats: all.length,
    };
  });
  if (values.json) return console.log(JSON.stringify({ batch, rounds, steps, table }, null, 2));
  console.log(`LITE, batch ${batch}, medians of ${rounds} x ${steps} steps`);
  console.log(
    `${''.padEnd(28)}${['samples/s', 'ms a step', 'fastest', 'slowest', 'cpu ms', 'peak MiB', 'loss'].map((title) => title.padStart(10)).join('')}`,
  );
  for (const { name, samplesPerSec, wall, fastest, slowest, cpu, peakMiB, loss } of table) {
    const figures = [
      samplesPerSec.toFixed(1),
      (1e3 * wall).toFixed(0),
      (1e3 * fastest).toFixed(0),
      (1e3 * slowest).toFixed(0),
      (1e3 * cpu).toFixed(0),
      peakMiB.toFixed(0),
      loss?.toFixed(6) ?? '-',
    ];
    console.log(`${name.padEnd(28)}${figures.map((text) => text.padStart(10)).join('')}`);
  }
}

function compareMemory() {
  const chunk = Number(values.chunk);
  console.log(
    `LITE, peak MiB of two steps\n${'batch'.padStart(8)}${'whole'.padStart(10)}${`chunk ${chunk}`.padStart(10)}`,
  );
  for (const batch of values.memory.split(',').map(Number)) {
    const [whole, chunked] = [undefined, chunk].map(
      (size) => tryChild(`batch ${batch}`, { batch, steps: 1, chunk: size })?.peakMiB.toFixed(0) ?? '-',
    );
    console.log(`${`${batch}`.padStart(8)}${whole.padStart(10)}${chunked.padStart(10)}`);
  }
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
