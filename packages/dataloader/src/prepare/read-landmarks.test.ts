import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLandmarks } from './read-landmarks';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-landmarks-'));
});
afterEach(() => rm(folder, { recursive: true }));

const put = async (name: string, content: string | Uint8Array) => {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), content);
};
/** 136 numbers of a face whose first point lies at (x, x). */
const face = (x: number) => Array.from({ length: 136 }, (_, i) => x + (i >> 1));
const ibug = (x: number) => JSON.stringify({ scheme: 'ibug68', frames: [null, face(x), face(x)] });
function openFace(x: number): string {
  const columns = ['x', 'y'].flatMap((axis) => Array.from({ length: 68 }, (_, i) => `${axis}_${i}`));
  const points = face(x).filter((_, i) => i % 2 === 0);
  return `${['frame', 'confidence', 'success', ...columns].join(', ')}\n${[2, 0.9, 1, ...points, ...points].join(', ')}\n`;
}
function npy(x: number): Uint8Array {
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 68, 2), }\n";
  const numbers = new Uint8Array(Float64Array.from([...new Array<number>(136).fill(Number.NaN), ...face(x)]).buffer);
  return Buffer.concat([
    Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0),
    Buffer.from(header),
    numbers,
  ]);
}
const mediapipe = (x: number) =>
  JSON.stringify({
    width: 1000,
    height: 1000,
    frames: [null, Array.from({ length: 478 }, () => [x / 1000, x / 1000, 0])],
  });
const seen = async (source: string, others?: string[]) => {
  const tracks = await readLandmarks(folder, source, others);
  return tracks?.map(({ firstFrame, frameCount, points }) => [firstFrame, frameCount, Math.round(points[0] * 10) / 10]);
};

test('readLandmarks reads each kind of file, the first in order that is there', async () => {
  expect(await seen('sub/a.mp4')).toBeUndefined();
  await put('sub/a.mediapipe.json', mediapipe(50));
  expect(await seen('sub/a.mp4')).toEqual([[1, 1, 50]]);
  await put('sub/a.npy', npy(40));
  expect(await seen('sub/a.mp4')).toEqual([[1, 1, 40.5]]);
  await put('sub/a.csv', openFace(30));
  expect(await seen('sub/a.mp4')).toEqual([[1, 1, 30.5]]);
  await put('sub/a.landmarks.json', ibug(20));
  expect(await seen('sub/a.mp4')).toEqual([[1, 2, 20]]);
  await put('sub/a.mp4.landmarks.json', ibug(10));
  expect(await seen('sub/a.mp4')).toEqual([[1, 2, 10]]);
});

test('readLandmarks looks at further paths last, wherever they are', async () => {
  await put('split/landmarks/b.csv', openFace(30));
  await put('split/videos/b.txt', 'no landmarks');
  const others = ['videos/b.txt', 'videos/b.csv', '../split/landmarks/b.csv'];
  folder = join(folder, 'split');
  expect(await seen('videos/b.mp4', others)).toEqual([[1, 1, 30.5]]);
  await put('videos/b.npy', npy(40));
  expect(await seen('videos/b.mp4', others)).toEqual([[1, 1, 40.5]]);
  folder = dirname(folder);
});

test('readLandmarks keeps to the name of the video: dots, no ending, other videos, names that no file can have', async () => {
  await put('a.b.csv', openFace(30));
  await put('.hidden.csv', openFace(31));
  expect(await seen('a.b.mp4')).toEqual([[1, 1, 30.5]]);
  expect(await seen('a.b')).toBeUndefined();
  expect(await seen('a.mp4')).toBeUndefined();
  expect(await seen('.hidden')).toEqual([[1, 1, 31.5]]);
  expect(await seen(`${'long'.repeat(62)}.mp4`)).toBeUndefined();
  expect(await seen('a.b.csv/x.mp4')).toBeUndefined();
});

test('readLandmarks gives an empty list where a file has no face', async () => {
  await put('a.landmarks.json', '{"scheme":"ibug68","frames":[null]}');
  expect(await seen('a.mp4')).toEqual([]);
});

test.each<[string, string | Uint8Array, string, new () => Error]>([
  ['a.mp4.landmarks.json', '{"scheme":"dlib5"}', 'parseLandmarkFile: scheme must be "ibug68", got dlib5', TypeError],
  ['a.csv', 'word,start,end\n', 'parseOpenFaceCsv: text must be a table with the column frame', TypeError],
  ['a.npy', new Uint8Array(20), 'decodeNpy: bytes must be an npy file', Error],
  ['a.npy', npy(Number.POSITIVE_INFINITY), 'parseNpyLandmarks: frame 1 must be finite', RangeError],
  [
    'a.mediapipe.json',
    '{"frames":[]}',
    'parseMediapipeFile: width must be a number of pixels above 0, got undefined',
    RangeError,
  ],
])('a broken %s is named, with what is wrong', async (name, content, message, kind) => {
  await put(name, content);
  const error = await readLandmarks(folder, 'a.mp4').catch((reason: Error) => reason);
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toContain(`readLandmarks: ${join(folder, name)}: ${message}`);
});

test('a folder in the place of a file is named', async () => {
  await mkdir(join(folder, 'a.npy'));
  await expect(readLandmarks(folder, 'a.mp4')).rejects.toThrow(`readLandmarks: ${join(folder, 'a.npy')}: EISDIR`);
});
