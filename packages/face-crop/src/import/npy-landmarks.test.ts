import { expect, test } from 'vitest';
import { parseNpyLandmarks } from './npy-landmarks';

const KINDS = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i4': Int32Array,
  '<i8': BigInt64Array,
  '<u2': Uint16Array,
  '|u1': Uint8Array,
};

/** An npy file of version 1. */
function npy(descr: keyof typeof KINDS | '<f2' | '|b1', shape: number[], values: number[]): Uint8Array {
  const kind = descr === '<f2' ? Uint16Array : descr === '|b1' ? Uint8Array : KINDS[descr];
  const data =
    kind === BigInt64Array ? BigInt64Array.from(values, BigInt) : (kind as Float64ArrayConstructor).from(values);
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((side) => `${side},`).join(' ')}), }\n`;
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer), 10 + header.length);
  return bytes;
}
/** 136 values of a face in frame `frame`, whole and below 256. */
const face = (frame: number) => Array.from({ length: 136 }, (_, i) => 10 + frame + i);
const none = (value: number) => new Array<number>(136).fill(value);

test.each(Object.keys(KINDS) as (keyof typeof KINDS)[])(
  'parseNpyLandmarks reads %s and moves pixel centres to +0.5',
  (descr) => {
    const [track, ...others] = parseNpyLandmarks(npy(descr, [2, 68, 2], [...face(0), ...face(5)]));
    expect(others).toEqual([]);
    expect(track).toMatchObject({ id: 0, firstFrame: 0, frameCount: 2, score: 1, interpolated: 0 });
    expect([...track.points]).toEqual([...face(0), ...face(5)].map((value) => value + 0.5));
  },
);

test.each([
  [[2, 136], 2],
  [[68, 2], 1],
  [[136], 1],
  [[1, 68, 2], 1],
])('parseNpyLandmarks takes the shape %j', (shape, frameCount) => {
  const values = Array.from({ length: frameCount }, (_, frame) => face(frame)).flat();
  const [track] = parseNpyLandmarks(npy('<f4', shape, values), { pixelCentre: 0.5 });
  expect(track.frameCount).toBe(frameCount);
  expect([...track.points]).toEqual(values);
});

test('parseNpyLandmarks takes one file per frame, null where there is no face', () => {
  const files = [npy('<i4', [68, 2], face(0)), null, npy('<f8', [136], face(4)), npy('<f8', [1, 68, 2], none(NaN))];
  const [track] = parseNpyLandmarks(files);
  expect(track).toMatchObject({ firstFrame: 0, frameCount: 3, interpolated: 1 });
  expect([0, 136, 272].map((at) => track.points[at])).toEqual([10.5, 12.5, 14.5]);
});

test('parseNpyLandmarks treats NaN and 0 as no face, interpolates short gaps and splits at long ones', () => {
  const rows = [none(NaN), face(0), none(NaN), none(0), face(3), none(NaN), none(NaN), face(8)];
  const tracks = parseNpyLandmarks(npy('<f4', [8, 68, 2], rows.flat()), { maxGap: 2 });
  expect(
    tracks.map(({ id, firstFrame, frameCount, interpolated }) => [id, firstFrame, frameCount, interpolated]),
  ).toEqual([[0, 1, 7, 4]]);
  expect(tracks[0].points[136]).toBe(11.5); // a third of the way from 10 to 13, and the half pixel
  const parts = parseNpyLandmarks(npy('<f4', [8, 68, 2], rows.flat()), { maxGap: 1, minFrames: 1 });
  expect(parts.map(({ firstFrame, frameCount }) => [firstFrame, frameCount])).toEqual([
    [1, 1],
    [4, 1],
    [7, 1],
  ]);
  expect(parseNpyLandmarks(npy('<f4', [2, 68, 2], [...none(NaN), ...none(NaN)]))).toEqual([]);
  expect(parseNpyLandmarks(npy('<f4', [0, 68, 2], []))).toEqual([]);
});

test.each<[string, Uint8Array | (Uint8Array | null)[], string]>([
  [
    'three coordinates',
    npy('<f4', [1, 68, 3], [...face(0), ...face(0).slice(68)]),
    'array must be [frames, 68, 2], [frames, 136] or one frame of [68, 2] or [136], got [1, 68, 3]',
  ],
  ['several faces', npy('<f4', [1, 1, 68, 2], face(0)), 'got [1, 1, 68, 2]'],
  ['other points', npy('<f4', [1, 5, 2], face(0).slice(0, 10)), 'got [1, 5, 2]'],
  ['a number alone', npy('<f4', [], [1]), 'got []'],
  ['half floats', npy('<f2', [68, 2], face(0)), 'array must be of float32, float64 or whole numbers, got float16'],
  [
    'flags',
    npy(
      '|b1',
      [68, 2],
      face(0).map(() => 1),
    ),
    'got bool',
  ],
  [
    'a broken row',
    npy('<f4', [2, 68, 2], [...face(0), NaN, ...face(1).slice(1)]),
    'frame 1 must be finite, or all NaN where there is no face, got NaN at point 0',
  ],
  [
    'infinity',
    npy('<f4', [1, 68, 2], [...face(1).slice(1), Infinity]),
    'frame 0 must be finite, or all NaN where there is no face, got Infinity at point 67',
  ],
  [
    'shares of the frame',
    npy(
      '<f8',
      [1, 68, 2],
      face(0).map((value) => value / 160),
    ),
    'points must be pixels, not shares of the frame, got faces of at most 0.838 pixels',
  ],
  [
    'a video in a list',
    [null, npy('<f4', [2, 68, 2], [...face(0), ...face(1)])],
    'file 1 must be the landmarks of one frame, got 2 frames',
  ],
])('parseNpyLandmarks refuses %s', (_, files, message) => {
  expect(() => parseNpyLandmarks(files)).toThrow(`parseNpyLandmarks: ${message.startsWith('got') ? '' : message}`);
  expect(() => parseNpyLandmarks(files)).toThrow(message);
});

test('parseNpyLandmarks refuses another file and another centre', () => {
  expect(() => parseNpyLandmarks(new Uint8Array(20))).toThrow('an npy file');
  expect(() => parseNpyLandmarks(npy('<f4', [68, 2], face(0)), { pixelCentre: 1 as 0 })).toThrow(
    'pixelCentre must be 0 or 0.5, got 1',
  );
});
