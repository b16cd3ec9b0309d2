import '@tensorflow/tfjs-backend-wasm';
import type { LandmarkDetector, MediaReader, VideoFrame } from '@lipsync/contracts';
import { createLandmarkDetector } from '@lipsync/face-crop';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawFaces } from '../../../face-crop/src/testing/drawn-face';
import { LANDMARK_QUALITY } from './landmark-quality';
import { openTrackedVideo } from './tracked-video';

// Small faces in 1920 x 1080 with the default detector and settings, from frames to tracks.

const [WIDTH, HEIGHT, FRAMES] = [1920, 1080, 6];
let detector: LandmarkDetector;
beforeAll(async () => {
  await tf.setBackend('wasm');
  detector = await createLandmarkDetector(LANDMARK_QUALITY.fast.detector);
});
afterAll(() => detector.dispose());

/** A reader of a still video, whose `view` halves the frames. */
function still(data: Uint8Array): { reader: MediaReader; passes: string[] } {
  const passes: string[] = [];
  const half = new Uint8Array(data.length / 4);
  for (let i = 0; i < half.length; i++) {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % (WIDTH / 2), Math.floor(i / 3 / (WIDTH / 2))];
    const at = (2 * y * WIDTH + 2 * x) * 3 + c;
    half[i] = (data[at] + data[at + 3] + data[at + WIDTH * 3] + data[at + WIDTH * 3 + 3]) / 4;
  }
  const video = (pixels: Uint8Array, width: number, height: number) => ({
    fps: 25,
    async *[Symbol.asyncIterator](): AsyncGenerator<VideoFrame> {
      passes.push(`${width} x ${height}`);
      for (let index = 0; index < FRAMES; index++) yield { data: pixels, width, height, index, timeSec: index / 25 };
    },
  });
  const reader = {
    probe: async () => ({ video: { width: WIDTH, height: HEIGHT }, audio: {}, durationSec: FRAMES / 25 }),
    frames: () => video(data, WIDTH, HEIGHT),
    view: () => video(half, WIDTH / 2, HEIGHT / 2),
    async *audio() {
      yield { samples: new Float32Array(640 * FRAMES).fill(0.5), sampleRate: 16000 };
    },
  };
  return { reader: reader as unknown as MediaReader, passes };
}

// height from the brows to the chin: 1.4 half heights of a drawn face
test.each([
  { pixels: 160, passes: ['960 x 540'] },
  { pixels: 40, passes: ['960 x 540', '1920 x 1080'] },
  { pixels: 20, passes: ['960 x 540', '1920 x 1080'] },
])('a face of $pixels pixels in frames of 1920 x 1080 is found', async ({ pixels, passes: expected }) => {
  const face = { x: 1300, y: 400, half: pixels / 1.4 };
  const { reader, passes } = still(drawFaces(WIDTH, HEIGHT, [face]));
  const { collect, detectionSide } = LANDMARK_QUALITY.fast;
  const video = await openTrackedVideo({ path: 'a.mp4', reader, detector, collect, detectionSide });
  expect(video.tracks.map(({ frameCount }) => frameCount)).toEqual([FRAMES]);
  expect(passes).toEqual(expected);
  let [x, y] = [0, 0];
  for (let i = 48; i < 68; i++) {
    x += video.tracks[0].points[2 * i] / 20;
    y += video.tracks[0].points[2 * i + 1] / 20;
  }
  expect(Math.hypot(x - face.x, y - face.y - 0.54 * face.half) / face.half).toBeLessThan(0.15);
});
