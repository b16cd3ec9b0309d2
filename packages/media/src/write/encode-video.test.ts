import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { joinWaveform } from '../read/join-waveform';
import type { FfmpegReader } from '../read/open-media';
import { openMedia } from '../read/open-media';
import { ffmpeg, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { encodeVideo } from './encode-video';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const SIDE = 32;
const BYTES = SIDE * SIDE * 3;

/** Noise with a gentle slope to the high end, from a fixed seed: its position shows to the sample. */
function noise(length: number): Float32Array {
  const samples = new Float32Array(length);
  let state = 12345;
  let last = 0;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    last = 0.8 * last + 0.2 * (state / 2 ** 31);
    samples[index] = last;
  }
  return samples;
}

/** The delay, in samples, at which `b` resembles `a` most, and how much (1: the same). */
function bestDelay(a: Float32Array, b: Float32Array, reach: number): { delay: number; correlation: number } {
  let best = { delay: 0, correlation: -1 };
  for (let delay = -reach; delay <= reach; delay++) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let index = reach; index < Math.min(a.length, b.length) - reach; index++) {
      ab += a[index] * b[index + delay];
      aa += a[index] ** 2;
      bb += b[index + delay] ** 2;
    }
    const correlation = ab / Math.sqrt(aa * bb || 1);
    if (correlation > best.correlation) best = { delay, correlation };
  }
  return best;
}

describe.skipIf(!ffmpeg)(`encodeVideo${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia();
  });

  test.each([
    ['mp4', 50, 16000],
    ['mp4', 31, 44100],
    ['mkv', 50, 48000],
  ])('in %s %d frames come back one for one, with audio of %d Hz where it was', async (ending, count, rate) => {
    const path = file(`round-${count}-${rate}.${ending}`);
    const samples = noise(Math.round((count / 25) * rate));
    const writer = encodeVideo(path, { width: SIDE, height: SIDE, audio: { samples, sampleRate: rate } });
    const frame = new Uint8Array(BYTES); // one buffer for all: write borrows it only until it resolves
    for (let index = 0; index < count; index++) await writer.write(frame.fill(index * 4));
    await writer.finish();
    const levels: number[] = [];
    for await (const { data } of media.frames(path)) levels.push(data.reduce((sum, value) => sum + value, 0) / BYTES);
    expect(levels.length).toBe(count);
    levels.forEach((level, index) => expect(Math.abs(level - index * 4)).toBeLessThan(3));
    const audio = await joinWaveform(media.audio(path, { sampleRate: rate }));
    const { delay, correlation } = bestDelay(samples.subarray(0, 20_000), audio.samples, 200);
    expect(Math.abs(delay)).toBeLessThanOrEqual(1);
    expect(correlation).toBeGreaterThan(0.9);
    // The last AAC frame may come back whole: at most 1023 samples of tail.
    expect(audio.samples.length - samples.length).toBeLessThan(1024 + rate / 1000);
    expect(audio.samples.length - samples.length).toBeGreaterThanOrEqual(-1);
  });

  test('the audio of a file is encoded at its rate with its channels, whole or up to audioSec', async () => {
    const audio = file('stereo.wav');
    await make('-f', 'lavfi', '-t', '1.5', '-i', 'aevalsrc=0.4*sin(880*t)|0.2*sin(3000*t):s=44100', audio);
    for (const audioSec of [undefined, 0.75]) {
      const path = file(`with-audio-${audioSec}.mp4`);
      const writer = encodeVideo(path, { width: SIDE, height: SIDE, audioFile: audio, audioSec });
      for (let index = 0; index < 25; index++) await writer.write(new Uint8Array(BYTES).fill(index * 4));
      await writer.finish();
      expect(await media.probe(path)).toMatchObject({
        audio: { codec: 'aac', sampleRate: 44100, channels: 2 },
        video: { width: SIDE },
      });
      const [heard, given] = [await joinWaveform(media.audio(path)), await joinWaveform(media.audio(audio))];
      expect(Math.abs(heard.samples.length - 16000 * (audioSec ?? 1.5))).toBeLessThan(400);
      const { delay, correlation } = bestDelay(given.samples.subarray(0, 10_000), heard.samples, 20);
      expect(Math.abs(delay)).toBeLessThanOrEqual(1);
      expect(correlation).toBeGreaterThan(0.99);
    }
  });

  test('an audio file without audio, or together with samples, is refused', async () => {
    await make('-f', 'lavfi', '-t', '1', '-i', 'color=red:s=32x32:r=25', file('silent.mp4'));
    const writer = encodeVideo(file('none.mp4'), { width: SIDE, height: SIDE, audioFile: file('silent.mp4') });
    await expect(writer.write(new Uint8Array(BYTES))).rejects.toThrow('options.audioFile must be a file with audio');
    const audio = { samples: noise(800), sampleRate: 16000 };
    expect(() => encodeVideo(file('x.mp4'), { width: SIDE, height: SIDE, audioFile: 'a.wav', audio })).toThrow(
      'one of audio and audioFile, got both',
    );
    expect(() => encodeVideo(file('x.mp4'), { width: SIDE, height: SIDE, audioFile: 'a.wav', audioSec: 0 })).toThrow(
      'options.audioSec',
    );
    expect(readdirSync(folder).filter((name) => name.startsWith('none') || name.endsWith('.partial'))).toEqual([]);
  });

  test('frames are released once they are written', async () => {
    const side = 512;
    const writer = encodeVideo(file('large.mp4'), { width: side, height: side, preset: 'ultrafast' });
    const held = () => process.memoryUsage().arrayBuffers;
    const write = async (count: number) => {
      for (let index = 0; index < count; index++) {
        await writer.write(new Uint8Array(side * side * 3).fill(index));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await write(60);
    const before = held();
    await write(240);
    await writer.finish();
    // Of 180 MiB; what is left waits for the collector.
    expect(held() - before).toBeLessThan(100 * 2 ** 20);
  });

  test('the same frames and audio give the same bytes', async () => {
    const bytes: Buffer[] = [];
    for (const name of ['same-1.mp4', 'same-2.mp4']) {
      const writer = encodeVideo(file(name), {
        width: SIDE,
        height: SIDE,
        audio: { samples: noise(8000), sampleRate: 16000 },
      });
      for (let index = 0; index < 10; index++) await writer.write(new Uint8Array(BYTES).fill(index * 20));
      await writer.finish();
      bytes.push(readFileSync(file(name)));
    }
    expect(bytes[0].equals(bytes[1])).toBe(true);
  });

  test('colours are reproduced within 4 levels', async () => {
    const writer = encodeVideo(file('colour.mp4'), { width: SIDE, height: SIDE, crf: 4 });
    const frame = new Uint8Array(BYTES);
    for (let at = 0; at < BYTES; at += 3) frame.set([200, 60, 30], at);
    for (let index = 0; index < 5; index++) await writer.write(frame);
    await writer.finish();
    for await (const { data } of media.frames(file('colour.mp4'))) {
      [200, 60, 30].forEach((value, channel) => expect(Math.abs(data[300 + channel] - value)).toBeLessThanOrEqual(4));
    }
  });

  test('no file has the final name before finish, and no other file remains after it', async () => {
    const { TMPDIR } = process.env;
    const temporary = file('temporary');
    mkdirSync(temporary);
    process.env.TMPDIR = temporary;
    onTestFinished(() => {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    });
    const writer = encodeVideo(file('later.mp4'), {
      width: SIDE,
      height: SIDE,
      audio: { samples: noise(1600), sampleRate: 16000 },
    });
    await writer.write(new Uint8Array(BYTES));
    expect(readdirSync(folder)).not.toContain('later.mp4');
    if (process.platform !== 'win32') expect(readdirSync(temporary).length).toBe(1); // the audio
    await writer.finish();
    expect(readdirSync(folder).filter((name) => name.includes('later'))).toEqual(['later.mp4']);
    expect(readdirSync(temporary)).toEqual([]);
    await expect(writer.write(new Uint8Array(BYTES))).rejects.toThrow('write: the file must be open');
    await writer.abort(); // after finish: nothing to do
    expect(readdirSync(folder)).toContain('later.mp4');
  });

  test('abort leaves no file and keeps an existing one', async () => {
    writeFileSync(file('kept.mp4'), 'old');
    const writer = encodeVideo(file('kept.mp4'), {
      width: SIDE,
      height: SIDE,
      audio: { samples: noise(1600), sampleRate: 16000 },
    });
    await writer.write(new Uint8Array(BYTES));
    await writer.abort();
    await writer.abort();
    expect(readdirSync(folder).filter((name) => name.includes('kept'))).toEqual(['kept.mp4']);
    expect(readFileSync(file('kept.mp4'), 'utf8')).toBe('old');
    await expect(writer.finish()).rejects.toThrow('finish: the file must be open');
  });

  test.skipIf(process.platform === 'win32')(
    "a full disk is an error with ffmpeg's reason and leaves no file",
    async () => {
      // A limit on the size of files stands for the disk.
      const limited = file('limited-ffmpeg');
      writeFileSync(limited, `#!/bin/sh\ncase "$*" in *rawvideo*) ulimit -f 16;; esac\nexec "${ffmpeg!.path}" "$@"\n`);
      chmodSync(limited, 0o755);
      const writer = encodeVideo(file('full.mp4'), { width: 256, height: 256, crf: 0, ffmpegPath: limited });
      const frame = new Uint8Array(256 * 256 * 3);
      const writing = (async () => {
        for (let index = 0; index < 200; index++) {
          for (let at = 0; at < frame.length; at++) frame[at] = (at * 2654435761 * (index + 1)) >>> 13;
          await writer.write(frame);
        }
        await writer.finish();
      })();
      await expect(writing).rejects.toThrow(
        /encodeVideo: ffmpeg must write .*full\.mp4 to its end, got after \d+ frames: /,
      );
      expect(readdirSync(folder).filter((name) => name.includes('full'))).toEqual([]);
      await expect(writer.finish()).rejects.toThrow('aborted');
    },
  );

  test("invalid arguments are refused by name's name", async () => {
    const options = { width: SIDE, height: SIDE };
    expect(() => encodeVideo(file('a.mp4'), { width: 33, height: 32 })).toThrow('options.width must be an even number');
    expect(() => encodeVideo(file('a.mp4'), { ...options, fps: 0 })).toThrow('options.fps');
    expect(() => encodeVideo(file('a.gif'), options)).toThrow('path must end in .mp4');
    expect(() =>
      encodeVideo(file('a.mp4'), { ...options, audio: { samples: [] as never, sampleRate: 16000 } }),
    ).toThrow('waveform.samples');
    const writer = encodeVideo(file('none.mp4'), options);
    await expect(writer.write(new Uint8Array(5))).rejects.toThrow('frame must be a Uint8Array of 32 x 32 x 3 bytes');
    await expect(writer.finish()).rejects.toThrow('at least one frame');
    await expect(encodeVideo(join(folder, 'no', 'a.mp4'), options).write(new Uint8Array(BYTES))).rejects.toThrow(
      'a folder that exists',
    );
    await expect(encodeVideo(file('b.mp4'), { ...options, crf: 99 }).write(new Uint8Array(BYTES))).rejects.toThrow(
      'options.crf',
    );
    await expect(
      encodeVideo(file('b.mp4'), { ...options, ffmpegPath: '/no/ffmpeg' }).write(new Uint8Array(BYTES)),
    ).rejects.toThrow('options.ffmpegPath');
    expect(readdirSync(folder).filter((name) => /none|b\.mp4/.test(name))).toEqual([]);
  });
});
