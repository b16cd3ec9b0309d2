// Where a training step's time goes: seconds and calls of every kernel of the backend, over some steps.
//
//     pnpm build && node bench/profile-kernels.mjs [--network lite|thesis|prototype] [--backend wasm-threaded] [--threads 2] [--batch 72] [--steps 2]
//
// Kernels that another kernel calls count for the caller. "rest" is JavaScript between kernels: the tape, uploads, waiting.
import { parseArgs } from 'node:util';
import { trainingStep } from './support/training-step.mjs';

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'lite' },
    backend: { type: 'string', default: 'wasm-threaded' },
    threads: { type: 'string', default: '2' },
    batch: { type: 'string' },
    steps: { type: 'string', default: '2' },
    shapes: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);
const { tf, selected, step } = await trainingStep({
  network: values.network,
  backend: values.backend,
  threads: Number(values.threads),
  batch: values.batch === undefined ? undefined : Number(values.batch),
});

const figures = new Map();
let depth = 0;
for (const kernel of tf.getKernelsForBackend(tf.getBackend())) {
  tf.unregisterKernel(kernel.kernelName, kernel.backendName);
  tf.registerKernel({
    ...kernel,
    kernelFunc: (args) => {
      if (depth > 0) return kernel.kernelFunc(args);
      depth++;
      const started = performance.now();
      try {
        return kernel.kernelFunc(args);
      } finally {
        depth--;
        const key = values.shapes
          ? `${kernel.kernelName} ${Object.values(args.inputs)
              .map((x) => `[${x?.shape}]`)
              .join(' ')}`
          : kernel.kernelName;
        const figure = figures.get(key) ?? { ms: 0, calls: 0 };
        figure.ms += performance.now() - started;
        figure.calls++;
        figures.set(key, figure);
      }
    },
  });
}

await step();
figures.clear();
const started = performance.now();
for (let i = 0; i < steps; i++) await step();
const whole = performance.now() - started;
let inside = 0;
console.log(
  `${values.network} on ${selected.name}, ${selected.threads} threads: ${(whole / steps).toFixed(1)} ms a step`,
);
for (const [name, { ms, calls }] of [...figures].sort((a, b) => b[1].ms - a[1].ms)) {
  inside += ms;
  console.log(
    `${(ms / steps).toFixed(2).padStart(9)} ms ${((100 * ms) / whole).toFixed(1).padStart(5)} % ${String(calls / steps).padStart(6)} calls  ${name}`,
  );
}
console.log(
  `${((whole - inside) / steps).toFixed(2).padStart(9)} ms ${((100 * (whole - inside)) / whole).toFixed(1).padStart(5)} %               rest`,
);
