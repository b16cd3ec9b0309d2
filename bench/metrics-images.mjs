// Milliseconds for a pair of frames of 256 pixels: SSIM, PSNR, sharpness, and LPIPS with each network on wasm, beside scikit-image, OpenCV and
// PyTorch on one thread. Weights are random: the time does not depend on them.
//
//     pnpm build && node bench/metrics-images.mjs [--size 256] [--rounds 5] [--batch 1] [--backend wasm] [--python /usr/bin/python3]
//
// The fastest of the rounds counts, one that does not count before; CPU time of all threads beside it, which a loaded machine disturbs less.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '5' },
    batch: { type: 'string', default: '1' },
    backend: { type: 'string', default: 'wasm' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const [size, rounds, batch] = [values.size, values.rounds, values.batch].map(Number);

const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const [{ selectBackend }, { imageFeatureShapes }, metrics] = await Promise.all(['backends', 'nn', 'metrics'].map(load));
const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
await selectBackend({ backend: values.backend, threads: 1 });

const random = (length) => Float32Array.from({ length }, Math.random);
const image = () => ({
  data: Uint8Array.from(random(size * size * 3), (value) => 255 * value),
  height: size,
  width: size,
});
const [real, generated] = [image(), image()];
const bytes = { range: [0, 255] };

/** [milliseconds, processor milliseconds] a pair, the least of each. */
async function time(run, pairs = 1) {
  let best = [Infinity, Infinity];
  for (let round = 0; round <= rounds; round++) {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    await run();
    const { user, system } = process.cpuUsage(cpu);
    const figures = [(performance.now() - wall) / pairs, (user + system) / 1e3 / pairs];
    if (round > 0) best = best.map((value, i) => Math.min(value, figures[i]));
  }
  return best;
}

const ours = {};
for (const variant of ['gaussian', 'uniform7', 'torchmetrics']) {
  ours[`SSIM ${variant}`] = await time(() => metrics.ssim(real, generated, { ...bytes, variant }));
}
ours.PSNR = await time(() => metrics.psnr(real, generated, bytes));
ours.sharpness = await time(() => metrics.laplacianVariance(real, bytes));

const trunks = { alex: 'alexnet', vgg: 'vgg16', squeeze: 'squeezenet1_1' };
for (const [net, trunk] of Object.entries(trunks)) {
  const network = new metrics.Lpips({ net });
  const shapes = [...imageFeatureShapes(trunk)];
  for (const [name, array] of await network.stateDict()) if (name.startsWith('lin')) shapes.push([name, array.shape]);
  const made = ([name, shape]) => {
    const count = shape.reduce((product, side) => product * side, 1);
    const spread = 1 / Math.sqrt(count / shape[0]);
    return [
      name,
      {
        dtype: 'float32',
        shape,
        data: random(count).map((value) => (name.startsWith('lin') ? value : (2 * value - 1) * spread)),
      },
    ];
  };
  network.loadStateDict(new Map(shapes.map(made)));
  const pair = [0, 1].map(() => tf.tensor4d(random(batch * size * size * 3), [batch, size, size, 3]));
  ours[`LPIPS ${net}`] = await time(() => metrics.lpips(network, pair[0], pair[1], { range: [0, 1] }), batch);
  tf.dispose(pair);
  network.dispose();
}

let theirs = {};
try {
  const script = fileURLToPath(new URL('./metrics-images.py', import.meta.url));
  const output = execFileSync(values.python, [script, `${size}`, `${rounds}`, `${batch}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  theirs = JSON.parse(output.trim().split('\n').at(-1));
} catch (error) {
  console.error(`Python: not run (${error.message.split('\n')[0]})`);
}

const show = (value) => (Number.isFinite(value) ? value.toFixed(1) : '-').padStart(10);
console.log(
  `a pair of ${size} x ${size} pixels, ${values.backend}, one thread, LPIPS in batches of ${batch}, best of ${rounds}`,
);
console.log(
  ''.padEnd(20) +
    ['ms', 'cpu ms', 'theirs', 'cpu ms', 'ratio', 'cpu ratio'].map((title) => title.padStart(10)).join(''),
);
for (const [name, [wall, cpu]] of Object.entries(ours)) {
  const [otherWall, otherCpu] = theirs[name] ?? [NaN, NaN];
  console.log(name.padEnd(20) + [wall, cpu, otherWall, otherCpu, wall / otherWall, cpu / otherCpu].map(show).join(''));
}
