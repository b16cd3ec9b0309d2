import '@tensorflow/tfjs-backend-cpu';
import type { LandmarkDetector } from '@lipsync/contracts';
import { localEmbedder } from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { madeExpert, madeTalk, mouthsOf } from '../testing/made-talk';
import { LiveFaces } from './live-faces';

await tf.setBackend('cpu');

test('a face that vanishes is measured up to the last frame in which it was found', async () => {
  const searched: number[] = [];
  const points = Float32Array.from({ length: 136 }, (_, i) => i % 8);
  const detect: LandmarkDetector['detect'] = async ({ index }) => {
    searched.push(index);
    return index < 20 ? [{ trackId: 1, points, score: 1, box: [0, 0, 8, 8] } as never] : [];
  };
  const detector: LandmarkDetector = { scheme: 'ibug68', detect, reset() {}, dispose() {} };
  const embedder = localEmbedder(madeExpert());
  const faces = new LiveFaces({ embedder, detector, keptFrames: 100, onRows: () => {} });
  for (const [index, image] of mouthsOf(madeTalk(60, 1)).entries()) await faces.take({ image, index, repeated: false });
  expect(searched).toEqual(Array.from({ length: 30 }, (_, k) => 2 * k));
  const [{ rows, seenAt }] = faces.faces;
  expect(seenAt).toBe(18);
  expect(rows.end).toBe(15); // windows of five frames, the last of which ends with frame 18
  expect(faces.seesFace).toBe(false);
});
