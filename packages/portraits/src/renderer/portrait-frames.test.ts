import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { Apc } from '../audio/apc';
import { drawEdgeMap } from '../edge-map/draw-edge-map';
import { HeadPoseNetwork } from '../motion/head-pose-network';
import { MouthNetwork } from '../motion/mouth-network';
import { made, numbers } from '../testing/torch-numbers';
import { drawPortrait, type PortraitPerson, portraitMotion } from './portrait-frames';
import { PortraitRenderer } from './renderer';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

function makePerson(): PortraitPerson {
  const motion = { featureSize: 4, lookAhead: 15 };
  const mouth = { ...motion, hiddenSize: 4, layers: 1, endSize: 4, outputs: 75, lookAhead: 18 };
  const pose = { ...motion, poseSize: 12, channels: 4, skipChannels: 4, blocks: 1, layers: 2 };
  return {
    apc: new Apc({ melBins: 80, hiddenSize: 4, layers: 1 }, { seed: 1 }).eval(),
    mouth: new MouthNetwork(mouth, { seed: 2 }).eval(),
    headPose: new HeadPoseNetwork(pose, { seed: 3 }).eval(),
    mean: numbers('face', [219], -5, 5),
    camera: { focal: 60, x: 16, y: 16 },
  };
}
const speech = { samples: numbers('speech', [8000], -0.3, 0.3), sampleRate: 16000 };
const options = { seed: 4, head: { meanTranslation: [0, 0, 60] as const } };

test('portraitMotion gives faces, poses and pixels for all frames but those of the look-ahead, by the seed', async () => {
  const person = makePerson();
  const before = tf.memory().numTensors;
  const motion = await portraitMotion(speech, person, options);
  expect(tf.memory().numTensors).toBe(before);
  expect(motion.frameCount).toBe(15); // 30 frames of half a second, less 15
  expect([motion.faces.length, motion.poses.length, motion.points.length]).toEqual([15 * 219, 15 * 6, 15 * 146]);
  expect(await portraitMotion(speech, person, options)).toEqual(motion);
  const other = await portraitMotion(speech, person, { ...options, seed: 5 });
  expect(other.faces).toEqual(motion.faces);
  expect(other.poses).not.toEqual(motion.poses);
  await expect(portraitMotion({ ...speech, samples: speech.samples.slice(0, 4000) }, person, options)).rejects.toThrow(
    "portraitMotion: waveform must be longer than 15 frames of 1/60 s (the head pose's lookAhead), got 15",
  );
});

test('drawPortrait gives the renderer’s image of each edge map, in batches of any size, and leaves no tensor', async () => {
  const sizes = { size: 32, levels: 5, channels: 1, inputs: 13, residualBlocks: 1 };
  const renderer = new PortraitRenderer(sizes, { seed: 0 }).eval();
  const candidates = made<tf.Tensor4D>('candidates', [1, 32, 32, 12]);
  const points = numbers('points', [3, 146], 0, 32);
  const before = tf.memory().numTensors;
  const frames: Uint8Array[] = [];
  for await (const rgb of drawPortrait(points, { renderer, candidates, batch: 2 })) frames.push(rgb);
  expect(tf.memory().numTensors).toBe(before);
  expect(frames.map(({ length }) => length)).toEqual([3072, 3072, 3072]);
  const map = drawEdgeMap(points.subarray(292), { width: 32, height: 32 });
  const wanted = tf.tidy(() => {
    const input = tf.tensor4d(
      Float32Array.from(map, (value) => value / 127.5 - 1),
      [1, 32, 32, 1],
    );
    return renderer.render(input, candidates).dataSync();
  });
  for (const [i, value] of wanted.entries()) expect(Math.abs(frames[2][i] - 127.5 * (value + 1))).toBeLessThan(0.51);

  const all = async (given: Float32Array) => {
    for await (const rgb of drawPortrait(given, { renderer, candidates })) expect(rgb.length).toBe(3072);
  };
  await expect(all(points.slice(1))).rejects.toThrow('drawPortrait: points must be [frameCount, 73, 2], got 437');
  renderer.train();
  await expect(all(points)).rejects.toThrow('renderer must be in evaluation mode (call eval()), got one in training');
  renderer.dispose();
  candidates.dispose();
});
