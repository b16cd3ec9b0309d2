// CPU seconds for a second of speech through the networks of @lipsync/portraits at their published sizes, wasm backend:
//   pnpm --filter @lipsync/portraits build && node bench/portraits.mjs [seconds of audio, default 5]
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../packages/backends/dist/index.js';
import * as portraits from '../packages/portraits/dist/index.js';

const duration = Number(process.argv[2] ?? 5);
await selectBackend({ backend: 'wasm' });
const cpu = async (name, work) => {
  await work(); // the wasm backend packs weights at their first use
  const start = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(start);
  console.log(`${name}: ${((user + system) / 1e6 / duration).toFixed(3)} s of CPU time a second`);
  return result;
};
const samples = Float32Array.from({ length: 16000 * duration }, (_, i) => Math.sin(i * i * 1e-4) * 0.3);
const apc = new portraits.Apc(portraits.APC, { seed: 0 }).eval();
const features = await cpu('mel and APC features', () => portraits.speechFeatures(apc, { samples, sampleRate: 16000 }));
const base = { data: new Float32Array(36_000 * 512), steps: 36_000, bins: 512 };
for (let i = 0; i < base.data.length; i++) base.data[i] = Math.sin(i * 1.7 + i * i * 1e-3);
const manifold = new portraits.FeatureManifold(base);
await cpu('projection on 36,000 features', () => manifold.project(features));
const mouth = new portraits.MouthNetwork(portraits.MOUTH, { seed: 0 }).eval();
await cpu('mouth', () => portraits.mouthMotion(mouth, features));
const pose = new portraits.HeadPoseNetwork(portraits.HEAD_POSE, { seed: 0 }).eval();
await cpu('head pose', () => portraits.sampleHeadPoses(pose, features, { seed: 1 }));
for (const [name, config] of Object.entries({
  'renderer 128': portraits.RENDERER_128,
  'renderer 256': portraits.RENDERER_256,
})) {
  const { size, inputs } = config;
  const renderer = new portraits.PortraitRenderer(config, { seed: 0 }).eval();
  const maps = tf.zeros([4, size, size, 1]);
  const candidates = tf.zeros([1, size, size, inputs - 1]);
  const measure = async (work) => {
    await work();
    const [start, clock] = [process.cpuUsage(), performance.now()];
    await work();
    const { user, system } = process.cpuUsage(start);
    return `${((user + system) / 1000).toFixed(0)} ms of CPU time (${(performance.now() - clock).toFixed(0)} ms)`;
  };
  const frames = await measure(() => tf.tidy(() => renderer.render(maps, candidates)).data());
  console.log(`${name}: four frames ${frames}`);
  if (size === 128) {
    const discriminator = new portraits.PortraitDiscriminator({ channels: 16, seed: 1 });
    const trainer = new portraits.RendererTrainer({ renderer, discriminator });
    const input = tf.randomUniform([4, size, size, inputs], -1, 1, 'float32', 1);
    const real = tf.randomUniform([4, size, size, 3], -1, 1, 'float32', 2);
    console.log(`${name}: a step of training on four frames ${await measure(() => trainer.step(input, real))}`);
    trainer.dispose();
  }
  renderer.dispose();
}
