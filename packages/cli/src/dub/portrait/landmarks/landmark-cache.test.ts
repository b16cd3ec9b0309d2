import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LandmarkDetector, MediaReader, VideoFrame } from '@lipsync/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LandmarkMaker, landmarkText } from './landmark-cache';

let folder: string;
let decoded = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'landmark-cache-'));
  await writeFile(join(folder, 'talk.mp4'), 'a video');
});
afterAll(() => rm(folder, { recursive: true }));

async function* frames(): AsyncGenerator<VideoFrame> {
  for (let index = 0; index < 9; index++) {
    decoded++;
    yield { data: new Uint8Array(12), width: 2, height: 2, channels: 3, index, timeSec: index / 25 } as VideoFrame;
  }
}

/** A small face in frames 2 to 8, and a large one in all of them but two. */
const detector: LandmarkDetector = {
  scheme: 'ibug68',
  detect: async ({ index }) => {
    const face = (size: number, trackId: number) => ({
      points: Float32Array.from({ length: 136 }, (_, i) => size * ((i * 7) % 11) + index / 3),
      score: 1,
      trackId,
    });
    return [...(index > 1 ? [face(1, 0)] : []), ...(index < 7 ? [face(9, 1)] : [])];
  },
  reset: () => {},
  dispose: () => {},
};

const maker = (settings: string, signal = new AbortController().signal): LandmarkMaker => ({
  ...{ reader: { frames } as unknown as MediaReader, detector, collect: {}, settings, signal },
  ...{ folder: join(folder, 'kept'), onFrame: () => {} },
});
const make = (settings = 'fast') => landmarkText(join(folder, 'talk.mp4'), 'talk', maker(settings));

test('landmarkText takes the larger face, and null where it is not seen', async () => {
  const { frames } = JSON.parse(await make()) as { frames: (number[] | null)[] };
  expect(frames.map((face) => face?.length ?? 0)).toEqual([136, 136, 136, 136, 136, 136, 136, 0, 0]);
  expect(frames[1]?.[1]).toBe(63.333); // a thousandth of a pixel
});

test('landmarkText makes landmarks once, and anew for other settings, another video, a damaged file', async () => {
  const file = join(folder, 'kept/talk.landmarks.json');
  decoded = 0;
  const before = await make();
  expect(decoded).toBe(0);
  expect(await readFile(file, 'utf8')).toBe(before);
  await make('careful');
  expect(decoded).toBe(9);
  await writeFile(file, before.slice(0, 100)); // cut short
  expect(await make()).toBe(before);
  expect(decoded).toBe(18);
  await utimes(join(folder, 'talk.mp4'), 1, 1);
  await make();
  expect(decoded).toBe(27);
});

test('landmarkText writes nothing when it is stopped', async () => {
  const stop = new AbortController();
  stop.abort();
  const stopped = landmarkText(join(folder, 'talk.mp4'), 'stopped', maker('fast', stop.signal));
  await expect(stopped).rejects.toThrow('stopped');
  expect(await readdir(join(folder, 'kept'))).toEqual(['talk.landmarks.json']);
});
