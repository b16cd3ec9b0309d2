import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { H264_AAC, SKIPPED, beep, ffmpeg, flash, make, onset, temporaryFolder } from '../testing/clips';
import { joinWaveform } from '../read/join-waveform';
import { openMedia } from '../read/open-media';
import type { FfmpegReader } from '../read/open-media';
import { shiftSound } from './shift-sound';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

describe.skipIf(!ffmpeg)(`shiftSound${SKIPPED}`, () => {
  let media: FfmpegReader;
  const pictures = async (path: string) => {
    const hash = createHash('sha256');
    for await (const frame of media.frames(path)) hash.update(frame.data);
    return hash.digest('hex');
  };
  const sound = async (path: string) => (await joinWaveform(media.audio(path))).samples;

  beforeAll(async () => {
    media = await openMedia();
    await make(...flash(25), ...beep(2, 1, 44100, 'stereo'), ...H264_AAC, file('plain.mp4'));
    await make(...flash(25), ...H264_AAC, file('pictures.mp4'));
    await make('-itsoffset', '0.3', '-i', file('pictures.mp4'), ...beep(2, 1), '-c:v', 'copy', '-c:a', 'aac', file('late.mp4'));
    await make('-i', file('plain.mp4'), '-ar', '16000', '-c:v', 'copy', '-c:a', 'aac', file('slow.mp4'));
    await make('-i', file('plain.mp4'), '-c', 'copy', file('broadcast.ts'));
  });

  test.each([
    ['plain.mp4', 'mp4', 4], ['plain.mp4', 'mkv', -4], ['late.mp4', 'mp4', 4], ['late.mp4', 'mp4', -8],
  ])('the sound of %s, written to %s, moves by %d pictures; the pictures stay to the bit', async (name, ending, frames) => {
    const output = file(`shifted${frames}-${name}.${ending}`);
    await shiftSound(file(name), output, { frames });
    const [before, after] = [await sound(file(name)), await sound(output)];
    expect(onset(after) - onset(before) - frames * 640).toBeGreaterThanOrEqual(-2);
    expect(onset(after) - onset(before) - frames * 640).toBeLessThanOrEqual(2);
    expect(Math.abs(after.length - before.length)).toBeLessThanOrEqual(1024);
    expect(await pictures(output)).toBe(await pictures(file(name)));
    expect((await media.probe(output)).audio).toMatchObject({ channels: name === 'plain.mp4' ? 2 : 1, sampleRate: 44100 });
  });

  /** Milliseconds from the first white picture to the beep, on the file's own clock, with its edit lists or without. */
  function lag(path: string, editLists: 'honoured' | 'ignored'): number {
    const input = ['-nostdin', '-nostats', '-copyts', ...(editLists === 'ignored' ? ['-ignore_editlist', '1'] : []), '-i', path];
    const run = (...args: string[]) => spawnSync(ffmpeg!.path, [...input, ...args], { maxBuffer: 1e8 });
    const pictures = run('-map', '0:v', '-vf', 'settb=AVTB,showinfo', '-f', 'null', '-').stderr.toString();
    const white = [...pictures.matchAll(/ pts: *(-?\d+) .* mean:\[(\d+)/g)].find(([, , mean]) => Number(mean) > 128)!;
    const sounds = run('-map', '0:a', '-af', 'asettb=AVTB,ashowinfo', '-ac', '1', '-f', 's16le', '-');
    const [, firstTime, rate] = / n: *0 pts:(-?\d+) .* rate:(\d+)/.exec(sounds.stderr.toString())!;
    const samples = Float32Array.from(new Int16Array(Uint8Array.from(sounds.stdout).buffer), (value) => value / 32768);
    return Number(firstTime) / 1000 + (1000 * onset(samples)) / Number(rate) - Number(white[1]) / 1000;
  }

  test.each([
    ['plain.mp4', 4], ['late.mp4', 0], ['slow.mp4', -2], ['broadcast.ts', 5],
  ])('the sound of %s, moved by %d pictures, is there for readers of mp4 with and without edit lists', async (name, frames) => {
    const output = file(`readers${frames}-${name}.mp4`);
    await shiftSound(file(name), output, { frames });
    const expected = 40 * frames + lag(file(name), 'honoured');
    expect(Math.abs(lag(output, 'honoured') - expected)).toBeLessThan(0.5);
    expect(Math.abs(lag(output, 'ignored') - expected)).toBeLessThan(0.5);
  });

  test('the test of readers bites: a file moved by its container alone is off for those that ignore edit lists', async () => {
    await make('-i', file('plain.mp4'), '-itsoffset', '0.16', '-i', file('plain.mp4'), '-map', '0:v', '-map', '1:a', '-c', 'copy', file('trick.mp4'));
    expect(Math.abs(lag(file('trick.mp4'), 'honoured') - 160)).toBeLessThan(2);
    expect(Math.abs(lag(file('trick.mp4'), 'ignored') - 160)).toBeGreaterThan(100);
  });

  test('a sound of a few samples is moved, too', async () => {
    await make(...flash(25, 0.04, 0), ...beep(0.03, 0, 16000), ...H264_AAC, file('one.mp4'));
    await shiftSound(file('one.mp4'), file('one-shifted.mp4'), { seconds: 0.01 });
    expect((await sound(file('one-shifted.mp4'))).length).toBeGreaterThan(0);
  });

  test('what becomes free is silence', async () => {
    await shiftSound(file('plain.mp4'), file('seconds.mkv'), { seconds: 0.5 });
    const after = await sound(file('seconds.mkv'));
    expect(Math.max(...after.subarray(0, 8000).map(Math.abs))).toBe(0);
    expect(Math.abs(onset(after) - 24000)).toBeLessThanOrEqual(16);
  });

  test('it refuses two shifts, none, and films without sound', async () => {
    await expect(shiftSound(file('plain.mp4'), file('x.mp4'), {})).rejects.toThrow('one of frames and seconds');
    await expect(shiftSound(file('plain.mp4'), file('x.mp4'), { frames: 1, seconds: 1 })).rejects.toThrow(TypeError);
    await expect(shiftSound(file('plain.mp4'), file('x.mp4'), { frames: Number.NaN })).rejects.toThrow(RangeError);
    await expect(shiftSound(file('pictures.mp4'), file('x.mp4'), { frames: 1 })).rejects.toThrow('no sound stream');
  });
});
