import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { joinWaveform } from '../read/join-waveform';
import type { FfmpegReader } from '../read/open-media';
import { openMedia } from '../read/open-media';
import { beep, ffmpeg, flash, H264_AAC, make, onset, SKIPPED, temporaryFolder } from '../testing/clips';
import { shiftAudio } from './shift-audio';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

describe.skipIf(!ffmpeg)(`shiftAudio${SKIPPED}`, () => {
  let media: FfmpegReader;
  const frames = async (path: string) => {
    const hash = createHash('sha256');
    for await (const frame of media.frames(path)) hash.update(frame.data);
    return hash.digest('hex');
  };
  const audio = async (path: string) => (await joinWaveform(media.audio(path))).samples;

  beforeAll(async () => {
    media = await openMedia();
    await make(...flash(25), ...beep(2, 1, 44100, 'stereo'), ...H264_AAC, file('plain.mp4'));
    await make(...flash(25), ...H264_AAC, file('silent.mp4'));
    await make(
      '-itsoffset',
      '0.3',
      '-i',
      file('silent.mp4'),
      ...beep(2, 1),
      '-c:v',
      'copy',
      '-c:a',
      'aac',
      file('late.mp4'),
    );
    await make('-i', file('plain.mp4'), '-ar', '16000', '-c:v', 'copy', '-c:a', 'aac', file('slow.mp4'));
    await make('-i', file('plain.mp4'), '-c', 'copy', file('broadcast.ts'));
  });

  test.each([
    ['plain.mp4', 'mp4', 4],
    ['plain.mp4', 'mkv', -4],
    ['late.mp4', 'mp4', 4],
    ['late.mp4', 'mp4', -8],
  ])(
    'the audio of %s, written to %s, moves by %d frames; the frames stay the same bit for bit',
    async (name, ending, frameCount) => {
      const output = file(`shifted${frameCount}-${name}.${ending}`);
      await shiftAudio(file(name), output, { frameCount });
      const [before, after] = [await audio(file(name)), await audio(output)];
      expect(onset(after) - onset(before) - frameCount * 640).toBeGreaterThanOrEqual(-2);
      expect(onset(after) - onset(before) - frameCount * 640).toBeLessThanOrEqual(2);
      expect(Math.abs(after.length - before.length)).toBeLessThanOrEqual(1024);
      expect(await frames(output)).toBe(await frames(file(name)));
      expect((await media.probe(output)).audio).toMatchObject({
        channels: name === 'plain.mp4' ? 2 : 1,
        sampleRate: 44100,
      });
    },
  );

  /** Milliseconds from the first white frame to the beep, on the file's own clock, with its edit lists or without. */
  function lag(path: string, editLists: 'honoured' | 'ignored'): number {
    const input = [
      '-nostdin',
      '-nostats',
      '-copyts',
      ...(editLists === 'ignored' ? ['-ignore_editlist', '1'] : []),
      '-i',
      path,
    ];
    const run = (...args: string[]) => spawnSync(ffmpeg!.path, [...input, ...args], { maxBuffer: 1e8 });
    const frames = run('-map', '0:v', '-vf', 'settb=AVTB,showinfo', '-f', 'null', '-').stderr.toString();
    const white = [...frames.matchAll(/ pts: *(-?\d+) .* mean:\[(\d+)/g)].find(([, , mean]) => Number(mean) > 128)!;
    const audios = run('-map', '0:a', '-af', 'asettb=AVTB,ashowinfo', '-ac', '1', '-f', 's16le', '-');
    const [, firstTime, rate] = / n: *0 pts:(-?\d+) .* rate:(\d+)/.exec(audios.stderr.toString())!;
    const samples = Float32Array.from(new Int16Array(Uint8Array.from(audios.stdout).buffer), (value) => value / 32768);
    return Number(firstTime) / 1000 + (1000 * onset(samples)) / Number(rate) - Number(white[1]) / 1000;
  }

  test.each([
    ['plain.mp4', 4],
    ['late.mp4', 0],
    ['slow.mp4', -2],
    ['broadcast.ts', 5],
  ])(
    'the audio of %s, moved by %d frames, is there for readers of mp4 with and without edit lists',
    async (name, frameCount) => {
      const output = file(`readers${frameCount}-${name}.mp4`);
      await shiftAudio(file(name), output, { frameCount });
      const expected = 40 * frameCount + lag(file(name), 'honoured');
      expect(Math.abs(lag(output, 'honoured') - expected)).toBeLessThan(0.5);
      expect(Math.abs(lag(output, 'ignored') - expected)).toBeLessThan(0.5);
    },
  );

  test('the test detects a file whose container alone is shifted, which readers without edit lists play unshifted', async () => {
    await make(
      '-i',
      file('plain.mp4'),
      '-itsoffset',
      '0.16',
      '-i',
      file('plain.mp4'),
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-c',
      'copy',
      file('trick.mp4'),
    );
    expect(Math.abs(lag(file('trick.mp4'), 'honoured') - 160)).toBeLessThan(2);
    expect(Math.abs(lag(file('trick.mp4'), 'ignored') - 160)).toBeGreaterThan(100);
  });

  test('audio of a few samples is moved, too', async () => {
    await make(...flash(25, 0.04, 0), ...beep(0.03, 0, 16000), ...H264_AAC, file('one.mp4'));
    await shiftAudio(file('one.mp4'), file('one-shifted.mp4'), { seconds: 0.01 });
    expect((await audio(file('one-shifted.mp4'))).length).toBeGreaterThan(0);
  });

  test('the gap is filled with silence', async () => {
    await shiftAudio(file('plain.mp4'), file('seconds.mkv'), { seconds: 0.5 });
    const after = await audio(file('seconds.mkv'));
    expect(Math.max(...after.subarray(0, 8000).map(Math.abs))).toBe(0);
    expect(Math.abs(onset(after) - 24000)).toBeLessThanOrEqual(16);
  });

  test('refuses two shifts, none, and videos without audio', async () => {
    await expect(shiftAudio(file('plain.mp4'), file('x.mp4'), {})).rejects.toThrow('one of frameCount and seconds');
    await expect(shiftAudio(file('plain.mp4'), file('x.mp4'), { frameCount: 1, seconds: 1 })).rejects.toThrow(
      TypeError,
    );
    await expect(shiftAudio(file('plain.mp4'), file('x.mp4'), { frameCount: Number.NaN })).rejects.toThrow(RangeError);
    await expect(shiftAudio(file('silent.mp4'), file('x.mp4'), { frameCount: 1 })).rejects.toThrow('no audio stream');
  });
});
