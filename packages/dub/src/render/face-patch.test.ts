import { storedShape } from '@lipsync/contracts';
import { headBox, planCrops } from '@lipsync/face-crop';
import { expect, test } from 'vitest';
import { FacePatch } from './face-patch';

const image = (width: number, height: number, value: (x: number, y: number, colour: number) => number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.round(value(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3)),
  ),
});
const generated = (mouth: number, value: (x: number, y: number, colour: number) => number) => {
  const { width, height } = storedShape({ kind: 'dinet head', mouth });
  return Float32Array.from({ length: width * height * 3 }, (_, i) =>
    value(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3),
  );
};

/** A mouth box of a head crop, and its side in the frame. */
const mouthBox = (mouth: number, side: number) => {
  const { height, width, top, left } = headBox(mouth);
  const part = { top, left, height: mouth, width: mouth };
  return { image: { height, width }, part, size: { height: side, width: side } };
};

test.each([
  [16, 40],
  [16, 16],
  [64, 40],
])(
  'a patch of %i pixels over %i changes nothing outside its box, all of its middle, and the edge softly',
  (mouth, side) => {
    const video = image(90, 80, () => 40);
    new FacePatch({ ...mouthBox(mouth, side), feather: 0.1 }).paste(
      video,
      generated(mouth, () => 1),
      { left: 20, top: 30 },
    );
    const at = (x: number, y: number) => video.data[(y * 90 + x) * 3];
    let touched = 0;
    for (let y = 0; y < 80; y++) {
      for (let x = 0; x < 90; x++)
        if ((x < 20 || x >= 20 + side || y < 30 || y >= 30 + side) && at(x, y) !== 40) touched++;
    }
    expect(touched).toBe(0);
    const edge = Math.ceil(0.1 * side);
    for (let i = edge; i < side - edge; i++) expect(at(20 + i, 30 + Math.floor(side / 2))).toBe(255);
    const row = Array.from({ length: Math.floor(side / 2) }, (_, i) => at(20 + i, 30 + Math.floor(side / 2)));
    expect(row).toEqual([...row].sort((a, b) => a - b));
    expect(row[0]).toBeLessThan(255);
  },
);

test('a patch puts back what the head crop cut out, at its place', () => {
  // smooth in space, so that two resizings lose little
  const value = (x: number, y: number, colour: number) => 128 + 60 * Math.sin(x / 17 + colour) + 50 * Math.cos(y / 13);
  const frame = { ...image(220, 240, value), index: 0, timeSec: 0 };
  const points = new Float32Array(136);
  for (let i = 0; i < 68; i++) points.set([110 + 40 * Math.sin(i), 120 + 30 * Math.cos(i)], 2 * i);
  points.set([110, 90, 110, 110], 0);
  points.set([110, 90], 2 * 29);
  points.set([110, 120], 2 * 33);
  points.set([110, 150 + 14], 16);
  const plan = planCrops(
    { id: 0, firstFrame: 0, frameCount: 1, points, score: 1, interpolated: 0 },
    { kind: 'dinet head', mouth: 64 },
  );
  const [x, y, side] = plan.poses;
  expect(headBox(side).mouth).toBe(side);
  const crop = Float32Array.from(plan.cut(frame, 0), (byte) => byte / 255);
  const before = frame.data.slice();
  new FacePatch(mouthBox(64, side)).paste(frame, crop, { left: x - side / 2, top: y - side / 2 });
  const differences = frame.data.map((byte, i) => Math.abs(byte - before[i]));
  expect(differences.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(2);
});

test('a patch at the edge of the frame is cut off there, and bad ones are refused', () => {
  const video = image(30, 30, () => 0);
  const patch = new FacePatch({ ...mouthBox(16, 20), feather: 0 });
  patch.paste(
    video,
    generated(16, () => 1),
    { left: 20, top: -10 },
  );
  patch.paste(
    video,
    generated(16, () => 1),
    { left: 400, top: 0 },
  );
  expect(video.data.reduce((sum, byte) => sum + (byte === 255 ? 1 : 0), 0)).toBe(10 * 10 * 3);
  expect(() =>
    patch.paste(
      video,
      generated(16, () => 1),
      { left: 0.5, top: 0 },
    ),
  ).toThrow('left and top must be whole pixels');
  expect(() => patch.paste(video, new Float32Array(3), { left: 0, top: 0 })).toThrow('face must be');
  expect(() => new FacePatch(mouthBox(16, 0))).toThrow('FacePatch: options.size must be whole numbers of pixels');
  expect(() => new FacePatch({ ...mouthBox(16, 20), feather: 1 })).toThrow('options.feather');
  const part = { top: 0, left: 0, height: 0, width: 8 };
  expect(() => new FacePatch({ ...mouthBox(16, 20), part })).toThrow('options.part must be above 0 on both sides');
});

test('a part that is wider than high keeps its shape: rows and columns have their own sizes', () => {
  const video = image(60, 40, () => 0);
  const face = Float32Array.from({ length: 8 * 8 * 3 }, (_, i) => (Math.floor(i / 3 / 8) < 6 ? 0.2 : 1));
  const part = { top: 4, left: 0, height: 4, width: 8 };
  const patch = new FacePatch({ image: { height: 8, width: 8 }, part, size: { height: 12, width: 40 }, feather: 0 });
  patch.paste(video, face, { left: 10, top: 20 });
  const at = (x: number, y: number) => video.data[(y * 60 + x) * 3];
  expect([at(9, 25), at(50, 25), at(30, 19), at(30, 32)]).toEqual([0, 0, 0, 0]);
  expect([at(10, 21), at(49, 21)]).toEqual([51, 51]); // 0.2
  expect([at(10, 30), at(49, 30)]).toEqual([255, 255]);
});
