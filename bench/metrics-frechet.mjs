// Seconds of what FID and FVD take: Inception a frame of 299 x 299, I3D a clip of 16 x 224 x 224 (wasm and PyTorch, one thread each, in turn), the
// Fréchet distance of 2048 features (ours and SciPy).
//
//     pnpm build && node bench/metrics-frechet.mjs [--rounds 2] [--python /usr/bin/python3] [--only inception,i3d,distance]
//
// Fastest run wall-clock, CPU time of that run, and the largest memory of the process. The BLAS that SciPy has is printed: plain ones are
// several times slower than OpenBLAS.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    python: { type: 'string', default: '/usr/bin/python3' },
    only: { type: 'string', default: 'inception,i3d,distance' },
    task: { type: 'string' },
  },
});

/** What is measured: samples a run, so that figures are a sample's. */
const TASKS = {
  inception: { samples: 4, what: 'Inception, a frame' },
  i3d: { samples: 1, what: 'I3D, a clip' },
  distance: { samples: 1, what: 'distance, 2048 features' },
};

if (values.task) await measure(values.task);
else compareAll();

async function measure(task) {
  const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const [metrics, { selectBackend }] = await Promise.all(['metrics', 'backends'].map(load));
  const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
  await selectBackend({ backend: 'wasm' });
  const run = task === 'distance' ? distance(metrics) : await forward(metrics, tf, task);
  const times = [];
  for (let i = 0; i < (task === 'distance' ? 1 : 3); i++) {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    await run();
    const { user, system } = process.cpuUsage(cpu);
    times.push([(performance.now() - wall) / 1e3, (user + system) / 1e6]);
  }
  const [wall, cpu] = times.sort((a, b) => a[0] - b[0])[0];
  console.log(JSON.stringify({ wall, cpu, megabytes: process.resourceUsage().maxRSS / 1024 }));
}

async function forward({ InceptionFid, I3D }, tf, task) {
  const network = task === 'inception' ? new InceptionFid() : new I3D();
  const state = await network.stateDict();
  for (const [name, array] of state) {
    if (array.dtype === 'float32')
      array.data.forEach((_, i) => (array.data[i] = name.endsWith('var') ? 1 : 0.03 * Math.sin(i)));
  }
  network.loadStateDict(state);
  const x = tf.randomUniform(
    task === 'inception' ? [TASKS.inception.samples, 299, 299, 3] : [1, 16, 224, 224, 3],
    -1,
    1,
  );
  return async () => {
    const y = network.forward(x);
    await y.data();
    y.dispose();
  };
}

function distance({ FrechetStatistics, frechetDistance }) {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const [a, b] = [0, 0.1].map((shift) => {
    const statistics = new FrechetStatistics(2048);
    for (let i = 0; i < 2100; i += 100)
      statistics.update(Float64Array.from({ length: 100 * 2048 }, () => next() + shift));
    return statistics.moments();
  });
  return () => frechetDistance(a, b);
}

function compareAll() {
  const self = fileURLToPath(import.meta.url);
  const other = fileURLToPath(new URL('./metrics-frechet.py', import.meta.url));
  for (const task of values.only.split(',')) {
    const rows = [
      ['wasm or JavaScript', process.execPath, [self, '--task', task]],
      ['PyTorch or SciPy', values.python, [other, task, `${TASKS[task].samples}`]],
    ];
    const best = rows.map(() => ({ wall: Infinity }));
    for (let round = 0; round < Number(values.rounds); round++) {
      rows.forEach(([name, command, args], row) => {
        try {
          const figures = JSON.parse(execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n').at(-1));
          if (figures.wall < best[row].wall) best[row] = figures;
        } catch (error) {
          console.error(`${name}: not run (${error.message.split('\n')[0]})`);
        }
      });
    }
    rows.forEach(([name], row) => {
      const { wall, cpu, megabytes, note = '' } = best[row];
      const { samples, what } = TASKS[task];
      const seconds = (value) => (value === undefined ? '-' : (value / samples).toFixed(2)).padStart(8);
      console.log(
        `${what.padEnd(26)}${name.padEnd(22)}${seconds(wall)} s${seconds(cpu)} s cpu${(megabytes ?? 0).toFixed(0).padStart(8)} MB  ${note}`,
      );
    });
  }
}
