import type { VideoFrame } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import fixture from '../../fixtures/shots.json';
import { ShotDetector, type ShotDetectorOptions, smallHsv } from './shot-detector';

const [WIDTH, HEIGHT] = [64, 48];

function scene(number: number, time: number): Uint8Array {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0, i = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      for (let colour = 0; colour < 3; colour++, i++) {
        data[i] = Math.floor(
          127 + 90 * Math.sin((x * (number + 1) + 2 * y * (colour + 1)) / 17 + number * 2.1 + colour + time * 0.05),
        );
      }
    }
  }
  return data;
}

/** The video of reference/face-crop-shots.py. */
function video(): Uint8Array[] {
  const images = [
    ...Array.from({ length: 40 }, (_, t) => scene(0, t)),
    ...Array.from({ length: 30 }, (_, t) => scene(1, t)),
  ];
  images[55] = images[55].map((value) => Math.min(255, value + 12));
  for (let t = 0; t < 30; t++) {
    const share = (t + 1) / 31;
    const [from, to] = [scene(1, 30 + t), scene(2, t)];
    images.push(from.map((value, i) => Math.floor((1 - share) * value + share * to[i])));
  }
  return [
    ...images,
    ...Array.from({ length: 5 }, (_, t) => scene(0, t)),
    ...Array.from({ length: 25 }, (_, t) => scene(1, t)),
  ];
}

const frameOf = (data: Uint8Array, index: number, width = WIDTH, height = HEIGHT): VideoFrame => ({
  data,
  width,
  height,
  index,
  timeSec: index / 25,
});
async function* frames(): AsyncGenerator<VideoFrame> {
  for (const [index, data] of video().entries()) yield frameOf(data, index);
}

test('hue, saturation and value are those of OpenCV, for colours all over the cube', () => {
  const levels = Array.from({ length: 18 }, (_, i) => 15 * i);
  const ramp = Uint8Array.from(levels.flatMap((r) => levels.flatMap((g) => levels.flatMap((b) => [r, g, b]))));
  const hsv = smallHsv(frameOf(ramp, 0, 1, 18 ** 3));
  const sums = [0, 0, 0];
  for (let i = 0; i < hsv.length; i++) sums[i % 3] += hsv[i] * ((Math.floor(i / 3) + 1) % 251);
  expect(sums).toEqual(fixture.hsv);
});

async function cutsOf(video: AsyncIterable<VideoFrame>, options: ShotDetectorOptions): Promise<number[]> {
  const detector = new ShotDetector(options);
  const cuts: number[] = [];
  for await (const frame of video) cuts.push(...detector.push(frame));
  return [...cuts, ...detector.finish()];
}

test.each([
  ['adaptive', {}, fixture.adaptiveCuts],
  ['adaptive with the threshold 2', { threshold: 2, minContent: 3 }, fixture.adaptiveCutsOfTwo],
  ['content', { method: 'content' as const }, fixture.contentCuts],
])(
  '%s finds the cuts that the reference finds: no fade, and none too soon after another',
  async (_name, options, cuts) => {
    expect(await cutsOf(frames(), options)).toEqual(cuts);
  },
);

test('a cut is reported as soon as its window is complete, once', async () => {
  const detector = new ShotDetector();
  const told: [number, number[]][] = [];
  for await (const frame of frames()) {
    const cuts = detector.push(frame);
    if (cuts.length > 0) told.push([frame.index, cuts]);
  }
  expect(told).toEqual([
    [42, [40]],
    [102, [100]],
  ]);
  expect(detector.finish()).toEqual([]);
});

test('a large frame is subsampled to about 128 columns, and after reset another size is accepted', () => {
  expect(smallHsv(frameOf(new Uint8Array(1920 * 1080 * 3), 0, 1920, 1080))).toHaveLength(
    Math.ceil(1920 / 15) * Math.ceil(1080 / 15) * 3,
  );
  const detector = new ShotDetector();
  detector.push(frameOf(new Uint8Array(12), 0, 2, 2));
  expect(() => detector.push(frameOf(new Uint8Array(27), 1, 3, 3))).toThrow(
    'frame must be of 2 x 2 pixels, as the one before, got 3 x 3',
  );
  detector.reset();
  expect(detector.push(frameOf(new Uint8Array(27), 0, 3, 3))).toEqual([]);
});

test('ShotDetector refuses options out of range', () => {
  expect(() => new ShotDetector({ threshold: -1 })).toThrow('ShotDetector: threshold must be at least 0, got -1');
  expect(() => new ShotDetector({ window: 0 })).toThrow('ShotDetector: window must be a whole number above 0, got 0');
  expect(() => new ShotDetector({ method: 'hash' as never })).toThrow(
    'ShotDetector: method must be adaptive or content, got hash',
  );
});
