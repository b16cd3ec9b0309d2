import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFfmpeg, openMedia } from '@lipsync/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { articulation, mouthOpening } from './articulation';
import { landmarkPath, writeTalkingFace } from './talking-face';

const ffmpeg = await findFfmpeg().catch(() => undefined);

describe('writeTalkingFace refuses', () => {
  test('a delay of half a second and more, and a clip shorter than a frame', async () => {
    const wanted = { seed: 1, personSeed: 1, durationSec: 1 };
    await expect(writeTalkingFace('x.mp4', { ...wanted, audioDelayFrames: 26 })).rejects.toThrow(
      'writeTalkingFace: options.audioDelayFrames must be a whole number from -25 to 25, got 26',
    );
    await expect(writeTalkingFace('x.mp4', { ...wanted, durationSec: 0.01 })).rejects.toThrow(/options\.durationSec/);
  });
});

test('landmarkPath stands beside the clip', () => {
  expect(landmarkPath('a.b/c.mp4')).toBe('a.b/c.landmarks.json');
});

describe.skipIf(!ffmpeg)(`writeTalkingFace${ffmpeg ? '' : ' (skipped: no ffmpeg here)'}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'embedded-data-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const read = async (path: string) => {
    const media = await openMedia({});
    const frames: Uint8Array[] = [];
    for await (const frame of media.frames(path)) frames.push(frame.data.slice());
    const samples: number[] = [];
    for await (const piece of media.audio(path)) samples.push(...piece.samples);
    return { frames, samples };
  };

  test('the file has 25 frames and 16000 samples per second, and its landmarks beside it', async () => {
    const path = join(folder, 'a.mp4');
    const points = await writeTalkingFace(path, { seed: 5, personSeed: 2, durationSec: 1, writeLandmarks: true });
    const { frames, samples } = await read(path);
    expect(frames).toHaveLength(25);
    expect(Math.abs(samples.length - 25 * 640)).toBeLessThanOrEqual(1024); // the encoder's last block
    expect(points.frames).toHaveLength(25);
    expect(JSON.parse(await readFile(landmarkPath(path), 'utf8'))).toEqual(points);
    expect((await readdir(folder)).sort()).toEqual(['a.landmarks.json', 'a.mp4']);
  });

  test('audio delayed by 5 frames comes 5 frames later, the frames stay', async () => {
    const wanted = { seed: 8, personSeed: 3, durationSec: 2 };
    await writeTalkingFace(join(folder, 'sync.mp4'), wanted);
    await writeTalkingFace(join(folder, 'late.mp4'), { ...wanted, audioDelayFrames: 5 });
    const sync = await read(join(folder, 'sync.mp4'));
    const late = await read(join(folder, 'late.mp4'));
    sync.frames.forEach((frame, k) => expect(Buffer.compare(frame, late.frames[k])).toBe(0));

    const track = articulation(8, 4);
    const best = (samples: number[]) => {
      const scores = Array.from({ length: 17 }, (_, i) => {
        let [sum, mean] = [0, 0];
        const open = Array.from({ length: 34 }, (_, k) => mouthOpening(track.at(1 + (k + 8.5) / 25)));
        mean = open.reduce((a, b) => a + b) / 34;
        const loud = open.map((_, k) => {
          const part = samples.slice((k + i) * 640, (k + i) * 640 + 640);
          return Math.log(1e-3 + Math.sqrt(part.reduce((a, b) => a + b * b, 0) / 640));
        });
        const level = loud.reduce((a, b) => a + b) / 34;
        const spread = Math.sqrt(loud.reduce((a, b) => a + (b - level) ** 2, 0));
        loud.forEach((value, k) => (sum += (value - level) * (open[k] - mean)));
        return sum / spread;
      });
      return scores.indexOf(Math.max(...scores)) - 8;
    };
    expect(best(sync.samples)).toBe(0);
    expect(best(late.samples)).toBe(5);
  });
});
