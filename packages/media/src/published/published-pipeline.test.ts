import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CropFile, VideoFrame } from '@lipsync/contracts';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import reference from '../../fixtures/crop-file.json';
import { decodeJpeg } from '../jpeg/decode-jpeg';
import { joinWaveform } from '../read/join-waveform';
import type { FfmpegReader } from '../read/open-media';
import { openMedia } from '../read/open-media';
import { beep, ffmpeg, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const SIZE = 64;
const COUNT = 16;

/** The pictures of reference/media-crop-file.py. */
function picture(t: number): Uint8Array {
  const rgb = new Uint8Array(SIZE * SIZE * 3);
  for (let y = 0, at = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++, at += 3) {
      const inside = Math.abs(x - 20 - t) < 9 && Math.abs(y - 40 + t) < 7;
      const noise = (31 * x * x + 17 * y * y + 13 * x * y + 97 * t * (x + 1)) % 64;
      const slopes = [(3 * x + 5 * t) % 256, ((2 * x + y + 7 * t) % 192) + noise, (4 * y + 255 - 6 * t) % 256];
      rgb.set(inside ? [230, 40, 90] : slopes, at);
    }
  }
  return rgb;
}

/** Means of blocks of 8 x 8 pixels. */
function blocksOf({ data }: VideoFrame): number[] {
  const side = SIZE / 8;
  const sums = new Array<number>(side * side * 3).fill(0);
  for (let i = 0; i < data.length; i++) {
    const pixel = (i - (i % 3)) / 3;
    const row = Math.floor(Math.floor(pixel / SIZE) / 8);
    sums[(row * side + Math.floor((pixel % SIZE) / 8)) * 3 + (i % 3)] += data[i];
  }
  return sums.map((sum) => sum / 64);
}

async function writeCrops(crops: CropFile, count = COUNT) {
  for (let t = 0; t < count; t++) await crops.write(picture(t));
  const { frames, audio } = await crops.finish();
  const seen: VideoFrame[] = [];
  for await (const frame of frames) seen.push(frame);
  return { frames: seen, samples: (await joinWaveform(audio)).samples };
}

describe.skipIf(!ffmpeg)(`publishedPipeline${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    vi.stubEnv('TMPDIR', folder); // where pipelines write: not among those of other processes
    media = await openMedia({ log: () => undefined });
    const pattern = ['-f', 'lavfi', '-t', '2', '-i', 'testsrc2=s=96x64:r=30,noise=alls=30'];
    await make(...pattern, ...beep(2.5, 1, 44100, 'stereo'), ...H264_AAC, file('thirty.mp4'));
  });

  test.each(['avi', 'mp4'] as const)(
    'in %s, frames and audio are those of the published commands',
    async (container) => {
      const out = file(`${container}-files`);
      await mkdir(out);
      const [video, wave] = [join(out, `video.${container}`), join(out, 'audio.wav')];
      await make('-i', file('thirty.mp4'), '-qscale:v', '2', '-async', '1', '-r', '25', video);
      await make('-i', video, '-qscale:v', '2', '-threads', '1', '-f', 'image2', join(out, '%06d.jpg'));
      await make('-i', video, '-ac', '1', '-vn', '-acodec', 'pcm_s16le', '-ar', '16000', wave);
      const pipeline = await media.publishedPipeline!(file('thirty.mp4'), { container });
      const written = readdirSync(out)
        .filter((name) => name.endsWith('.jpg'))
        .sort();
      let count = 0;
      for await (const frame of pipeline.frames) {
        const { data } = decodeJpeg(new Uint8Array(readFileSync(join(out, written[frame.index]))));
        expect(Buffer.from(frame.data).equals(data), `frame ${frame.index}`).toBe(true);
        count++;
      }
      expect(count).toBe(written.length);
      expect(Math.abs(count - 50)).toBeLessThan(3);
      const bytes = readFileSync(wave);
      const data = bytes.subarray(bytes.indexOf('data') + 8);
      const { samples } = await joinWaveform(pipeline.audio);
      expect(samples.length).toBe(data.length / 2);
      expect(samples.every((value, i) => value * 32768 === data.readInt16LE(2 * i))).toBe(true);
      await pipeline.release();
    },
  );

  test.each(['avi', 'mp4'] as const)(
    'crops in %s pass through the encoder of OpenCV’s VideoWriter and JPEG files',
    async (container) => {
      const pipeline = await media.publishedPipeline!(file('thirty.mp4'), { container });
      const { frames, samples } = await writeCrops(pipeline.crops({ size: SIZE, firstFrame: 20 }));
      expect(frames.map(({ index, width, height }) => [index, width, height])).toEqual(
        Array.from({ length: COUNT }, (_, i) => [i, SIZE, SIZE]),
      );
      // Equal (0.01) with ffmpeg 4.1 and 5.1; other versions may decide otherwise here and there. Another bit rate,
      // tolerance, quantiser, order of colours or number of threads is 6.9 to 33 off.
      const off = frames.map((frame, t) =>
        blocksOf(frame).map((mean, i) => Math.abs(mean - reference.blocks[t][i] / 100)),
      );
      expect(Math.max(...off.flat())).toBeLessThan(2);
      // The audio of the frames: to the sample in AVI, through AAC in mp4.
      const all = (await joinWaveform(pipeline.audio)).samples;
      const cut = all.subarray(20 * 640, (20 + COUNT) * 640);
      if (container === 'avi') expect([...samples]).toEqual([...cut]);
      else expect(Math.abs(samples.length - cut.length)).toBeLessThan(2048);
      await pipeline.release();
    },
  );

  test('files of faces at the same time do not mix; an early end and release leave no file behind', async () => {
    const before = pipelines();
    const pipeline = await media.publishedPipeline!(file('thirty.mp4'), { container: 'avi' });
    const [one, two] = [pipeline.crops({ size: SIZE, firstFrame: 0 }), pipeline.crops({ size: SIZE, firstFrame: 5 })];
    const plain = (value: number) => new Uint8Array(SIZE * SIZE * 3).fill(value);
    for (let t = 0; t < 3; t++) {
      await one.write(plain(60));
      await two.write(plain(200));
    }
    for (const [crops, value] of [[one, 60] as const, [two, 200] as const]) {
      let count = 0;
      for await (const { data } of (await crops.finish()).frames) {
        expect(data.every((found) => Math.abs(found - value) < 6)).toBe(true);
        count++;
      }
      expect(count).toBe(3);
    }
    const open = pipeline.crops({ size: SIZE, firstFrame: 0 });
    await open.write(picture(0));
    expect(pipelines().length).toBe(before.length + 1);
    await pipeline.release();
    await pipeline.release();
    expect(pipelines()).toEqual(before);
  });

  test('what cannot be transcoded, and crops of another size, are errors that say why; nothing is left behind', async () => {
    const before = pipelines();
    writeFileSync(file('text.mp4'), 'this is not a video');
    await expect(media.publishedPipeline!(file('text.mp4'), { container: 'avi' })).rejects.toThrow(
      'publishedPipeline: path must be a file that ffmpeg can transcode',
    );
    expect(pipelines()).toEqual(before);
    const pipeline = await media.publishedPipeline!(file('thirty.mp4'), { container: 'avi' });
    expect(() => pipeline.crops({ size: 63, firstFrame: 0 })).toThrow('crops: options.size must be an even number');
    expect(() => pipeline.crops({ size: 64, firstFrame: -1 })).toThrow('crops: options.firstFrame must be a whole');
    const crops = pipeline.crops({ size: 64, firstFrame: 0 });
    await expect(crops.write(new Uint8Array(12))).rejects.toThrow('write: crop must be a Uint8Array of 64 x 64 x 3');
    await expect(crops.finish()).rejects.toThrow('finish: the file must be one with a crop, got none');
    await pipeline.release();
  });
});

const pipelines = () => readdirSync(tmpdir()).filter((name) => name.startsWith('lipsync-pipeline-'));
