import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { bench, describe } from 'vitest';
import { sampleSquare } from '../src/crop/sample-square';
import { createLandmarkDetector } from '../src/detect/landmark-detector';
import { drawnFrame } from '../src/testing/drawn-face';

// On 256 x 256 images, tfjs wasm, one thread: `npx vitest bench --run --project face-crop` from the repository root.

await tf.setBackend('wasm');
const frames = Array.from({ length: 8 }, (_, i) =>
  drawnFrame(256, 256, [{ x: 128 + i, y: 120, half: 70, open: i / 8 }], i),
);
// there and back, so that the face never jumps
const order = [0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1];
const options = { time: 2000, warmupIterations: 3 };

describe('landmarks of one frame of a tracked face', async () => {
  for (const testTimeViews of [1, 2, 5] as const) {
    const detector = await createLandmarkDetector({ testTimeViews, detectEvery: 1e9 });
    let i = 0;
    bench(
      `${testTimeViews} view${testTimeViews > 1 ? 's' : ''}`,
      async () => void (await detector.detect(frames[order[i++ % 14]])),
      options,
    );
  }
});

describe('the first frame of a video', async () => {
  const detector = await createLandmarkDetector();
  bench(
    'search and refine',
    async () => {
      detector.reset();
      await detector.detect(frames[0]);
    },
    options,
  );
});

describe('mouth crops', () => {
  const out = new Uint8Array(96 * 96 * 3);
  const square = { x: 128, y: 150, side: 104, angle: 0.05 };
  bench('96 x 96', () => void sampleSquare(frames[0], square, 96, { out }), options);
});
