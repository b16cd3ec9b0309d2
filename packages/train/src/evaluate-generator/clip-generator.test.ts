import '@tensorflow/tfjs-backend-cpu';
import { type Clip, ImageProcessor } from '@lipsync/dataloader';
import { DinetGenerator, LITE_DINET } from '@lipsync/dinet';
import { Random } from '@lipsync/nn';
import { FeaturesAround } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { bytesOf, ClipGenerator, facesOf, frameOf, mouthOf } from './clip-generator';

const size = { height: 52, width: 40 };
const bytes = size.height * size.width * 3;
const random = new Random(3);
const COUNT = 6;
const frames = Uint8Array.from({ length: COUNT * bytes }, () => random.integer(256));
const features = { data: Float32Array.from({ length: 20 * 80 }, () => random.normal()), steps: 20, bins: 80 };

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('ClipGenerator generates each frame as the generator does alone, whatever the batch', async () => {
  const generator = new DinetGenerator(
    { ...LITE_DINET, width: 2, referenceChannels: 4, references: 2, norm: 'batch' },
    { seed: 1 },
  );
  generator.eval();
  const images = new ImageProcessor({ mouth: 32 });
  const sets = [
    [4, 5],
    [4, 5],
    [4, 5],
    [0, 1],
    [0, 1],
    [0, 1],
  ];
  const audio = () => new FeaturesAround(features, { features: 'THESIS_MEL', steps: 16 });
  const before = tf.memory().numTensors;
  const [generated, again] = await new ClipGenerator(generator, images, 2).generate({ frames } as Clip, sets, [
    audio(),
    audio(),
  ]);
  expect(tf.memory().numTensors).toBe(before);
  expect(again).toEqual(generated);
  const face = (frame: number) => facesOf([frameOf(frames, frame, size).data], size);
  const window = await audio().window(4);
  const alone = await bytesOf(
    tf.tidy(() =>
      generator.forward(images.masked(face(4)), tf.concat([face(0), face(1)], 3), tf.tensor3d(window, [1, 80, 16])),
    ),
  );
  const got = frameOf(generated, 4, size).data;
  expect(alone.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i])), 0)).toBeLessThanOrEqual(1); // rounding to bytes
  generator.dispose();
}, 30_000);

test('facesOf and bytesOf undo each other, and mouthOf is the mouth box', async () => {
  const two = [frameOf(frames, 1, size).data, frameOf(frames, 3, size).data];
  const back = await bytesOf(facesOf(two, size));
  expect(back.subarray(bytes)).toEqual(two[1]);
  const mouth = mouthOf(frameOf(frames, 1, size), 32);
  expect([mouth.height, mouth.width]).toEqual([32, 32]);
  expect([...mouth.data.subarray(0, 3)]).toEqual([...two[0].subarray((16 * 40 + 4) * 3, (16 * 40 + 4) * 3 + 3)]);
  expect([...mouth.data.subarray(-3)]).toEqual([...two[0].subarray((47 * 40 + 35) * 3, (47 * 40 + 35) * 3 + 3)]);
});
