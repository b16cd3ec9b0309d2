// Training step and inference on WebGPU in Node: ours, with the stock gradients of convolutions, and with GroupNorm of many operations too; which programs
// take the time. For a machine with a graphics processor, its Vulkan driver and libvulkan1; what else it needs goes into a scratch folder.
//
//     pnpm build && node bench/webgpu-train-step.mjs [--networks lite,thesis] [--batch 72] [--steps 5] [--rounds 3] [--software] [--json FILE]
//
// --software takes SwiftShader, to see that this runs: those figures say nothing about a GPU. Networks: lite (10 frames of 48 x 48), thesis (5 of
// 64 x 64, 2048-d), tiny (for --software).
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installInScratch, swiftShaderEnvironment } from '../tests/browser/scratch.mjs';
import { tiny } from '../tests/browser/work.mjs';

const { values } = parseArgs({
  options: {
    networks: { type: 'string', default: 'lite,thesis' },
    batch: { type: 'string', default: '72' },
    steps: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    software: { type: 'boolean', default: false },
    json: { type: 'string' },
    child: { type: 'string' },
  },
});
const [batch, steps, rounds] = [values.batch, values.steps, values.rounds].map(Number);
/** The programs in the place of ours: none, those of convolutions' gradients, and the composed GroupNorm's too. */
const VARIANTS = ['ours', 'stock gradients', 'stock gradients, composed GroupNorm'];
const SOFTWARE = 'software adapter: these figures say nothing about a GPU';

if (values.child) await measure(...values.child.split('|'));
else compare();

/** One network and variant, in a process of its own; prints one JSON line. */
async function measure(network, variant) {
  const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
  const [{ selectBackend }, avalignnet, nn] = await Promise.all(['backends', 'avalignnet', 'nn'].map(load));
  const tf = await import('@tensorflow/tfjs-core');
  // As selectBackend would, but here, to have the stock kernels before ours take their place.
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  Object.defineProperty((globalThis.navigator ??= {}), 'gpu', { value: gpu, configurable: true });
  await import('@tensorflow/tfjs-backend-webgpu');
  const stock = ['Conv2DBackpropFilter', 'Conv2DBackpropInput'].map((name) => tf.getKernel(name, 'webgpu'));
  const { reason } = await selectBackend({ backend: 'webgpu', allowSoftwareGpu: values.software });
  for (const kernel of variant === 'ours' ? [] : stock) {
    tf.unregisterKernel(kernel.kernelName, 'webgpu');
    tf.registerKernel(kernel);
  }
  if (variant.includes('GroupNorm'))
    for (const name of ['LipsyncGroupNorm', 'LipsyncGroupNormGrad']) tf.unregisterKernel(name, 'webgpu');
  nn.registerGradients();

  const { AVAlignNet, ContrastiveTemperature, contrastLoss, lite, thesis } = avalignnet;
  const { trainStep, trainedParameters } = await load('train');
  const configs = {
    lite: () => lite(),
    thesis: () => thesis({ frameCount: 5, size: 64 }),
    tiny: () => tiny({ melBins: 16, attention: true }),
  };
  const net = new AVAlignNet(configs[network](), { seed: 0 });
  const head = new ContrastiveTemperature();
  const optimizer = new nn.AdamW(trainedParameters(net, head), { learningRate: 1e-3 });
  const random = new nn.Random(0);
  const normal = (...shape) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
      shape,
    );
  const { frameCount, height, width, featureSteps, melBins = 80 } = net.config.input;
  const clips = Array.from({ length: batch }, (_, row) => Math.floor(row / 6));
  const windows = {
    frames: normal(batch, height, width, 3 * frameCount),
    features: normal(batch, melBins, featureSteps, 1),
    clips,
  };
  const loss = contrastLoss({ temperature: head });
  const embed = async () => {
    const { visual, audio } = net.forward(windows.frames, windows.features);
    await Promise.all([visual.data(), audio.data()]);
    tf.dispose([visual, audio]);
  };
  const figures = {
    training: await milliseconds(() => trainStep({ net, head, optimizer, batch: windows, loss })),
    inference: await milliseconds(embed),
  };
  const gradients = () => {
    const { value, gradients } = nn.valueAndGradients(
      [net, head],
      () => loss(net.forward(windows.frames, windows.features), windows).loss,
    );
    value.dispose();
    nn.disposeGradients(gradients);
  };
  figures.programs = await programTimes(tf, gradients);
  console.log(
    JSON.stringify({ reason, parameters: net.parameterCount(), bytes: tf.memory().numBytesInGPU, ...figures }),
  );
  process.exit(0);
}

/** Each step's time after one that compiles. */
async function milliseconds(run) {
  await run();
  const times = [];
  for (let step = 0; step < steps; step++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  return times;
}

/** Milliseconds on the device by program, of one forward and backward pass; empty where it has no timestamps. */
async function programTimes(tf, run) {
  const backend = tf.backend();
  const { runWebGPUProgram } = backend;
  backend.runWebGPUProgram = function (program, ...rest) {
    // tfjs-backend-webgpu's profile goes by the constructor's name; ours are plain objects.
    if (program.constructor === Object)
      program.constructor = { name: program.shaderKey.split('_').slice(0, 2).join('_') };
    return runWebGPUProgram.call(this, program, ...rest);
  };
  const times = {};
  const { getExtraProfileInfo } = await tf.time(run);
  for (const part of getExtraProfileInfo().split(', ')) {
    const [name, ms] = part.split(': ');
    times[name] = (times[name] ?? 0) + Number(ms);
  }
  backend.runWebGPUProgram = runWebGPUProgram;
  return times;
}

function compare() {
  const env = values.software ? swiftShaderEnvironment() : process.env;
  if (!env) return console.log('webgpu-train-step: not run (no SwiftShader here; it comes with chromium)');
  installInScratch(['webgpu', '@tensorflow/tfjs-backend-webgpu']);
  const hook = fileURLToPath(new URL('../tests/browser/from-scratch.mjs', import.meta.url));
  const report = { batch, steps, rounds, ...(values.software && { note: SOFTWARE }), results: [] };
  if (values.software) console.log(SOFTWARE);
  for (const network of values.networks.split(',')) {
    const runs = VARIANTS.map(() => []);
    for (let round = 0; round < rounds; round++) {
      VARIANTS.forEach((variant, i) => {
        const { stdout, stderr, status } = spawnSync(
          process.execPath,
          ['--import', hook, ...process.argv.slice(1), '--child', `${network}|${variant}`],
          { env, encoding: 'utf8' },
        );
        const line = stdout.trim().split('\n').at(-1);
        if (status === 0) runs[i].push(JSON.parse(line));
        else console.error(`${network}, ${variant}: not run (${/Error: .*/.exec(stderr)?.[0] ?? `status ${status}`})`);
      });
    }
    VARIANTS.forEach((variant, i) => {
      if (runs[i].length === 0) return;
      const [{ reason, parameters, bytes, programs }] = runs[i];
      const all = (kind) => runs[i].flatMap((one) => one[kind]);
      const [training, inference] = ['training', 'inference'].map((kind) => spread(all(kind)));
      report.results.push({ network, variant, adapter: reason, parameters, bytes, training, inference, programs });
      console.log(
        `${network}, ${variant}: training ${said(training)}, inference ${said(inference)}, ${(bytes / 2 ** 20).toFixed(0)} MiB; ${reason}`,
      );
      const total = Object.values(programs).reduce((sum, ms) => sum + ms, 0);
      const largest = Object.entries(programs)
        .sort(([, a], [, b]) => b - a)
        .slice(0, 6);
      console.log(
        `  forward and backward: ${largest.map(([name, ms]) => `${name} ${((100 * ms) / total).toFixed(0)} % (${ms.toFixed(1)} ms)`).join(', ')}`,
      );
    });
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

function spread(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    medianMs: sorted[Math.floor(sorted.length / 2)],
    leastMs: sorted[0],
    mostMs: sorted.at(-1),
    runs: times.length,
  };
}

function said({ medianMs, leastMs, mostMs, runs }) {
  return `${((1e3 * batch) / medianMs).toFixed(1)} samples/s (${medianMs.toFixed(1)} ms, ${leastMs.toFixed(1)} to ${mostMs.toFixed(1)} of ${runs})`;
}
