/**
 * The mouth and the head pose of one speaker, learned from recordings and measured on unseen sentences:
 *
 *     pnpm build && node bench/portraits-grid.mjs FOLDER CACHE [--videos N] [--size 64] [--apc 150] [--mouth 300] [--pose 0]
 *
 * FOLDER holds videos of one person, CACHE takes their landmarks (`NAME.json`, made where they are missing). Every sixth video is unseen.
 * Prints the error of the mouth's 25 points beside that of the mean face and of the prediction shifted in time.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../packages/backends/dist/index.js';
import { collectTracks, createLandmarkDetector } from '../packages/face-crop/dist/index.js';
import { openMedia } from '../packages/media/dist/index.js';
import * as portraits from '../packages/portraits/dist/index.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    Object.entries({ videos: '1000', size: '64', apc: '150', mouth: '300', pose: '0', seed: '0' }).map(
      ([name, value]) => [name, { type: 'string', default: value }],
    ),
  ),
});
const option = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
const [folder, cache] = positionals;
const FPS = 60;
const seconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;

await selectBackend({ backend: 'wasm' });
const reader = await openMedia();
mkdirSync(cache, { recursive: true });
let detector;

/** The longest track of a video, from the cache where it has one. */
async function trackOf(name) {
  const file = join(cache, `${name}.json`);
  if (!existsSync(file)) {
    detector ??= await createLandmarkDetector({ testTimeViews: 2 });
    const tracks = await collectTracks(reader.frames(join(folder, name), { fps: 25 }), detector, { stride: 1 });
    writeFileSync(
      file,
      JSON.stringify(tracks.map(({ points, ...track }) => ({ ...track, boxes: undefined, points: [...points] }))),
    );
  }
  const tracks = JSON.parse(readFileSync(file, 'utf8')).sort((a, b) => b.frameCount - a.frameCount);
  return { ...tracks[0], points: Float32Array.from(tracks[0].points) };
}

async function clipOf(name) {
  const track = portraits.trackPortrait(await trackOf(name), { image: { width: 360, height: 288 } });
  const pieces = [];
  for await (const { samples } of reader.audio(join(folder, name), { sampleRate: 16000 })) pieces.push(...samples);
  const waveform = { samples: Float32Array.from(pieces), sampleRate: 16000 };
  return portraits.trainingClip(track, waveform, { fps: 25 });
}

const names = readdirSync(folder)
  .filter((name) => /\.(mpg|mp4|mkv|mov|webm)$/.test(name))
  .slice(0, option.videos);
const clips = [];
for (const name of names) {
  try {
    clips.push(await clipOf(name));
  } catch (error) {
    console.log(`left out: ${name}: ${error.message}`);
  }
}
const unseen = clips.filter((_, i) => i % 6 === 5);
const seen = clips.filter((_, i) => i % 6 !== 5);
const minutes = seen.reduce((sum, { frameCount }) => sum + frameCount, 0) / FPS / 60;
console.log(
  `${seen.length} videos (${minutes.toFixed(1)} min) to learn from, ${unseen.length} unseen; ${seconds().toFixed(0)} s of CPU time`,
);

/** Rows of the windows of a step, side by side: `[batch, frames, size]`. */
function batchOf(windows, { frames, size, of }, all = seen) {
  const out = new Float32Array(windows.length * frames * size);
  windows.forEach(({ clip, first }, i) =>
    out.set(of(all[clip]).subarray(first * size, (first + frames) * size), i * frames * size),
  );
  return tf.tensor3d(out, [windows.length, frames, size]);
}

async function train(title, net, { steps, frames, batch, learningRate, loss }) {
  const trainer = new portraits.PortraitTrainer(net, { learningRate });
  const start = seconds();
  let mean = 0;
  for (let step = 0; step < steps; step++) {
    if (step === Math.floor(0.75 * steps)) trainer.learningRate = learningRate / 5;
    const windows = portraits.drawWindows(
      seen.map((clip) => clip.frameCount),
      { frames, batch, seed: option.seed, step },
    );
    const { compute, tensors } = loss(windows);
    const value = await trainer.step(compute);
    tf.dispose(tensors);
    mean = step === 0 ? value : 0.95 * mean + 0.05 * value;
    if (step % 50 === 0 || step === steps - 1)
      console.log(`${title} step ${step}: loss ${mean.toFixed(4)}, ${(seconds() - start).toFixed(0)} s of CPU time`);
  }
  trainer.dispose();
  net.eval();
}

// 1. Features
const { size } = option;
const apc = new portraits.Apc({ melBins: 80, hiddenSize: size, layers: 3 }, { seed: option.seed, predicts: true });
await train('APC', apc, {
  steps: option.apc,
  frames: 40,
  batch: 24,
  learningRate: 2e-3,
  loss: (windows) => {
    const mel = batchOf(windows, { frames: 40, size: 160, of: (clip) => clip.mel.data });
    return { compute: () => tf.tidy(() => apc.loss(tf.reshape(mel, [windows.length, 80, 80]))), tensors: [mel] };
  },
});
for (const clip of clips) {
  const mel = tf.tensor3d(clip.mel.data, [1, clip.mel.steps, 80]);
  const features = apc.forward(mel);
  clip.features = { data: (await features.data()).slice(), steps: clip.mel.steps, bins: size };
  tf.dispose([mel, features]);
}

// 2. Mouth: displacements from the mean of what was seen
const mean = new Float64Array(219);
const frames = seen.reduce((sum, clip) => sum + clip.frameCount, 0);
for (const { faces } of seen) for (let i = 0; i < faces.length; i++) mean[i % 219] += faces[i] / frames;
for (const clip of clips) clip.mouth = portraits.mouthDisplacements(clip.faces, mean);
const mouth = new portraits.MouthNetwork(
  { featureSize: size, hiddenSize: size, layers: 3, endSize: 2 * size, outputs: 75, lookAhead: 18 },
  { seed: option.seed },
);
await train('mouth', mouth, {
  steps: option.mouth,
  frames: 72,
  batch: 20,
  learningRate: 1e-3,
  loss: (windows) => {
    const features = batchOf(windows, { frames: 72, size: 2 * size, of: (clip) => clip.features.data });
    const targets = batchOf(windows, { frames: 72, size: 75, of: (clip) => clip.mouth });
    return {
      compute: () => tf.tidy(() => mouth.loss(tf.reshape(features, [windows.length, 144, size]), targets)),
      tensors: [features, targets],
    };
  },
});

/** Root mean square distance of a point, in the unit of the faces; prediction of frame `t + shift` beside frame `t`. */
function distance(predicted, wanted, shift = 0) {
  let [sum, points] = [0, 0];
  const frames = wanted.length / 75;
  for (let t = Math.max(0, -shift); t < Math.min(frames, frames - shift); t++) {
    for (let i = 0; i < 75; i++) sum += (predicted[(t + shift) * 75 + i] - wanted[t * 75 + i]) ** 2;
    points += 25;
  }
  return Math.sqrt(sum / points);
}
/** Correlation of the opening between the middles of the inner lips. */
const opening = (data) =>
  Float64Array.from({ length: data.length / 75 }, (_, t) => data[t * 75 + 3 * 22 + 1] - data[t * 75 + 3 * 20 + 1]);
function correlation(a, b) {
  const centre = (x) => x.map((value) => value - x.reduce((sum, each) => sum + each, 0) / x.length);
  const [x, y] = [centre(a), centre(b)];
  const product = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y));
}
const rows = { own: [], mean: [], projected: [], correlation: [], shifted: {} };
const base = seen.flatMap(({ features }) => [...features.data]);
const manifold = new portraits.FeatureManifold({
  data: Float32Array.from(base),
  steps: base.length / size,
  bins: size,
});
for (const clip of unseen) {
  const predicted = await portraits.mouthMotion(mouth, clip.features);
  const projected = await portraits.mouthMotion(mouth, await manifold.project(clip.features));
  rows.own.push(distance(predicted, clip.mouth));
  rows.projected.push(distance(projected, clip.mouth));
  rows.mean.push(distance(new Float32Array(clip.mouth.length), clip.mouth));
  rows.correlation.push(Math.abs(correlation(opening(predicted), opening(clip.mouth))));
  for (const shift of [-24, -12, -6, -3, 3, 6, 12, 24])
    (rows.shifted[shift] ??= []).push(distance(predicted, clip.mouth, shift));
}
const average = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
console.log(
  `unseen: mouth network ${average(rows.own).toFixed(4)}, on projected features ${average(rows.projected).toFixed(4)}, mean face ${average(rows.mean).toFixed(4)}`,
);
console.log(
  `shifted by frames of 1/60 s: ${Object.entries(rows.shifted)
    .sort((a, b) => a[0] - b[0])
    .map(([shift, list]) => `${shift}: ${average(list).toFixed(4)}`)
    .join(', ')}`,
);
console.log(
  `better than the mean face on ${rows.own.filter((value, i) => value < rows.mean[i]).length} of ${unseen.length}; correlation of the opening ${average(rows.correlation).toFixed(3)}`,
);

// 3. Head pose, with fewer layers than published (a receptive field of 63 frames), since a sentence has 180 frames
if (option.pose > 0) {
  const centre = new Float64Array(12);
  for (const { poses } of seen)
    for (let i = 0; i < poses.length; i++) if (i % 12 < 6) centre[i % 12] += poses[i] / frames;
  for (const clip of clips) clip.poses = clip.poses.map((value, i) => value - centre[i % 12]);
  const variance = new Float64Array(12);
  for (const { poses } of seen) for (let i = 0; i < poses.length; i++) variance[i % 12] += poses[i] ** 2 / frames;
  const pose = new portraits.HeadPoseNetwork(
    { featureSize: size, poseSize: 12, channels: 32, skipChannels: 64, blocks: 2, layers: 5, lookAhead: 15 },
    { seed: option.seed },
  );
  const lossOf = (windows, of, length) => {
    const features = batchOf(windows, { frames: length, size: 2 * size, of: (clip) => clip.features.data }, of);
    const poses = batchOf(windows, { frames: length, size: 12, of: (clip) => clip.poses }, of);
    const compute = () => tf.tidy(() => pose.loss(poses, tf.reshape(features, [windows.length, 2 * length, size])));
    return { compute, tensors: [features, poses] };
  };
  await train('head pose', pose, {
    steps: option.pose,
    frames: 140,
    batch: 12,
    learningRate: 1e-3,
    loss: (windows) => lossOf(windows, seen, 140),
  });
  const own = [];
  const normal = [];
  const motions = [];
  for (const [clip, { poses, frameCount, features }] of unseen.entries()) {
    const { compute, tensors } = lossOf([{ clip, first: 0 }], unseen, frameCount);
    own.push((await compute().data())[0]);
    tf.dispose(tensors);
    let sum = 0;
    for (let i = 0; i < poses.length; i++) {
      const deviation = Math.max(0.03, Math.sqrt(variance[i % 12]));
      sum += 0.5 * Math.log(2 * Math.PI) + Math.log(deviation) + 0.5 * (poses[i] / deviation) ** 2;
    }
    normal.push(sum / poses.length);
    const sampled = await portraits.sampleHeadPoses(pose, features, { seed: clip });
    const spread = (data) =>
      Math.sqrt(data.filter((_, i) => i % 12 < 3).reduce((all, value) => all + value ** 2, 0) / (data.length / 4));
    motions.push([spread(poses), spread(sampled)]);
  }
  console.log(
    `head pose, unseen, -ln likelihood a value: network ${average(own).toFixed(3)}, one normal distribution ${average(normal).toFixed(3)}`,
  );
  console.log(
    `rotations about the mean: recorded ${average(motions.map(([a]) => a)).toFixed(2)} degrees, sampled ${average(motions.map(([, b]) => b)).toFixed(2)}`,
  );
}
console.log(`${seconds().toFixed(0)} s of CPU time`);
