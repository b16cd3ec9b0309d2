/**
 * Many scorings in one process: tensors stay as many as they were, memory where it was after the warm-up.
 *
 *     node scripts/check-endurance.mjs [--calls 10000]
 *
 * A call is `scoreVideo` of a video of 10 frames that is made in memory: faces are tracked (a stand-in for the detector gives the landmarks), mouths
 * cropped, mel computed, both towers of a small AVAlignNet run on wasm, distances taken at 31 offsets. The real landmark networks run every 100th call. Calls go in turn through an expert in this thread and through one in two threads.
 *
 * Holds: tensors after the first tenth never change; the highest resident memory of the last quarter is at most 5 % above that of the second.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const load = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url).href);
const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
const [
  { AVAlignNet, LITE, recipeOf, saveAVAlignNet },
  { selectBackend },
  { openEmbedder, scoreVideo },
  { createLandmarkDetector },
] = await Promise.all(['avalignnet', 'backends', 'score', 'face-crop'].map(load));
const { values } = parseArgs({ options: { calls: { type: 'string', default: '10000' } } });
const calls = Number(values.calls);
const [FRAMES, WIDTH, HEIGHT] = [10, 160, 120];

/** A frame whose mouth opens and closes, its landmarks, and an audio track that goes with it. */
function video() {
  const frames = Array.from({ length: FRAMES }, (_, index) => {
    const data = new Uint8Array(WIDTH * HEIGHT * 3);
    for (let i = 0; i < data.length; i++)
      data[i] = (i * 7 + (i >> 5) * 3 + 20 * Math.sin(index) * (i > data.length / 2 ? 1 : 0)) & 255;
    return { data, width: WIDTH, height: HEIGHT, index, timeSec: index / 25 };
  });
  const samples = Float32Array.from({ length: FRAMES * 640 }, (_, i) => 0.4 * Math.sin(i / 5) * Math.sin(i / 900));
  const points = new Float32Array(136);
  for (let i = 0; i < 68; i++) {
    const [x, y] = i >= 36 && i < 42 ? [65, 45] : i >= 42 && i < 48 ? [95, 45] : i >= 48 ? [80, 80] : [80, 60];
    points.set([x + (i % 3), y + (i % 2)], 2 * i);
  }
  return { frames, samples, points };
}

const { frames, samples, points } = video();
const reader = {
  probe: async (path) => ({
    path,
    durationSec: FRAMES / 25,
    video: { codec: 'made', width: WIDTH, height: HEIGHT, fps: 25, rotation: 0, startSec: 0 },
    audio: { codec: 'made', sampleRate: 16000, channels: 1, startSec: 0 },
  }),
  frames: () => ({
    fps: 25,
    async *[Symbol.asyncIterator]() {
      for (const frame of frames) yield { ...frame, data: frame.data.slice() };
    },
  }),
  async *audio() {
    yield { samples: samples.slice(), sampleRate: 16000 };
  },
};
const given = {
  scheme: 'ibug68',
  detect: async () => [{ points: points.slice(), score: 1, trackId: 0 }],
  reset() {},
  dispose() {},
};

const folder = await mkdtemp(join(tmpdir(), 'lipsync-endurance-'));
const opened = [];
try {
  await selectBackend({ backend: 'wasm', accelerator: 'none' });
  const config = {
    visual_encoder: { in_channels: 15, block_out_channels: [32, 256], downsample_factors: [4, 4] },
    audio_encoder: {
      in_channels: 1,
      block_out_channels: [32, 256],
      downsample_factors: [
        [10, 4],
        [8, 4],
      ],
    },
    input: { frameCount: 5, height: 16, width: 16, featureSteps: 16 },
  };
  const lite = recipeOf(LITE);
  const net = new AVAlignNet(config, {
    seed: 1,
    recipe: { ...lite, frameCount: 5, featureSteps: 16, crop: { ...lite.crop, size: 16 } },
  });
  const weights = join(folder, 'small.safetensors');
  await writeFile(weights, await saveAVAlignNet(net));
  net.dispose();
  for (const threads of [1, 2])
    opened.push(await openEmbedder(weights, { backend: 'wasm', threads, accelerator: 'none', log: () => {} }));
  const detector = await createLandmarkDetector();
  opened.push({ dispose: () => detector.dispose() });

  let first;
  const warm = Math.floor(calls / 10);
  let tensors;
  const highest = [0, 0, 0, 0]; // resident bytes by quarter
  const started = performance.now();
  for (let call = 0; call < calls; call++) {
    const score = await scoreVideo('made', { expert: opened[call % 2], reader, detector: given });
    assert.deepEqual(score.problems, []);
    first ??= score;
    assert.deepEqual(score, first, 'every call gives the same score, in threads or not');
    if (call % 100 === 0) await detector.detect(frames[0]);
    const { numTensors } = tf.memory();
    if (call >= warm) {
      tensors ??= numTensors;
      assert.equal(numTensors, tensors, `tensors after call ${call}`);
    }
    const quarter = Math.floor((4 * call) / calls);
    highest[quarter] = Math.max(highest[quarter], process.memoryUsage.rss());
    if (call % 1000 === 999)
      console.log(`${call + 1} calls, ${numTensors} tensors, ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
  }
  const shown = highest.map((bytes) => (bytes / 1e6).toFixed(0)).join(', ');
  const each = (performance.now() - started) / calls;
  console.log(
    `${calls} calls of ${each.toFixed(1)} ms: ${tensors} tensors throughout; highest resident memory by quarter ${shown} MB (last over second ${(highest[3] / highest[1]).toFixed(3)})`,
  );
  assert.ok(highest[3] <= 1.05 * highest[1], `resident memory must stay flat, got ${shown} MB by quarter`);
} finally {
  for (const one of opened) await one.dispose();
  await rm(folder, { recursive: true });
}
