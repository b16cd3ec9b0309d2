import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkMedia } from '../check/check-media';
import { makeChangingVideo } from '../testing/changing-video';
import { beep, brightness, ffmpeg, flash, H264_AAC, make, onset, SKIPPED, temporaryFolder } from '../testing/clips';
import { encodeVideo } from '../write/encode-video';
import { normaliseMedia } from '../write/normalise-media';
import { shiftAudio } from '../write/shift-audio';
import { joinWaveform } from './join-waveform';
import type { FfmpegReader } from './open-media';
import { openMedia } from './open-media';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const white = (means: number[]) => means.findIndex((mean) => mean > 128);

/** What cannot be decoded by filters that keep a time; the whole table is in `scripts/check-timing.mjs`. */
describe.skipIf(!ffmpeg)(`a video that changes${SKIPPED}`, () => {
  const path = file('changing.mkv');
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia({ log: () => undefined });
    await makeChangingVideo(path);
  });

  test('keeps the time of its frames and the size of the first one', async () => {
    const means: number[] = [];
    for await (const { data, width, height, index } of media.frames(path)) {
      expect([width, height, data.length, index]).toEqual([64, 48, 64 * 48 * 3, means.length]);
      means.push(data.reduce((sum, value) => sum + value, 0) / data.length);
    }
    expect([white(means), means.length]).toEqual([25, 50]);
  });

  test('keeps the time of its audio', async () => {
    const { samples } = await joinWaveform(media.audio(path));
    expect(Math.abs(onset(samples) - 16_000 - 85)).toBeLessThanOrEqual(24); // a filter begins anew: 1 ms
    expect(Math.abs(samples.length - 32_000)).toBeLessThanOrEqual(600); // a block of AC-3
  });

  test('is the same by one run for both, from a frame on, and in regions', async () => {
    const frames: Uint8Array[] = [];
    for await (const { data } of media.frames(path)) frames.push(data);
    const both = await media.both(path);
    expect(await joinWaveform(both.audio)).toEqual(await joinWaveform(media.audio(path)));
    let index = 0;
    for await (const { data } of both.frames) expect(Buffer.compare(data, frames[index++])).toBe(0);
    expect(index).toBe(50);
    for (const first of [3, 19, 20, 21, 40]) {
      index = first;
      for await (const { data, index: number } of media.frames(path, { first })) {
        expect(number).toBe(index);
        expect(Buffer.compare(data, frames[index++])).toBe(0);
      }
      expect(index).toBe(50);
    }
    const means: number[] = [];
    for await (const { data, width } of media.view(path, { region: { left: 8, top: 8, width: 16, height: 12 } })) {
      expect(width).toBe(16);
      means.push(data[0]);
    }
    expect([white(means), means.length]).toEqual([25, 50]);
  });

  test('is reported with the time and the kind of each change', async () => {
    const { ok, changes, notes } = await checkMedia(path);
    expect(ok).toBe(true);
    const times = Object.fromEntries(changes.map(({ stream, timeSec }) => [stream, Math.round(timeSec * 100)]));
    expect([changes.length, times]).toEqual([2, { video: 80, audio: 80 }]);
    expect(notes).toEqual([
      'the frames change after 0.80 s from 64x48 yuv420p to 96x64 yuv420p',
      'the audio changes after 0.80 s from stereo at 48000 Hz to mono at 48000 Hz',
    ]);
  });

  test('is normalised with its times; its audio is not moved or copied with wrong ones', async () => {
    await normaliseMedia(path, file('normal.mp4'));
    const means = await brightness(media, file('normal.mp4'));
    expect([white(means), means.length]).toEqual([25, 50]);
    const { samples } = await joinWaveform(media.audio(file('normal.mp4')));
    expect(Math.abs(onset(samples) - 16_000 - 85)).toBeLessThanOrEqual(32);
    await expect(shiftAudio(path, file('shifted.mkv'), { frameCount: 1 })).rejects.toThrow(
      'a video whose audio keeps its channels and sample rate',
    );
    const writer = encodeVideo(file('copied.mp4'), { width: 16, height: 16, audioFile: path });
    for (let index = 0; index < 50; index++) await writer.write(new Uint8Array(16 * 16 * 3));
    await expect(writer.finish()).rejects.toThrow('options.audioFile must be a file whose audio keeps its channels');
  });
});

describe.skipIf(!ffmpeg)(`a container that does not say when frames are shown${SKIPPED}`, () => {
  test('AVI with reordered frames begins with its first frame and loses none', async () => {
    const path = file('reordered.avi');
    await make(
      ...flash(25),
      ...beep(),
      '-c:v',
      'libx264',
      '-bf',
      '2',
      '-pix_fmt',
      'yuv420p',
      '-c:a',
      'pcm_s16le',
      path,
    );
    const media = await openMedia();
    const both = await media.both(path);
    const means = await brightness(media, path);
    expect([white(means), means.length]).toEqual([25, 50]);
    expect(Math.abs(onset((await joinWaveform(both.audio)).samples) - 16_000)).toBeLessThanOrEqual(3);
    expect(both.info.video!.startSec).toBe(0);
    await both.release();
    await normaliseMedia(path, file('ordered.mp4'));
    expect(white(await brightness(media, file('ordered.mp4')))).toBe(25);
    await expect(shiftAudio(path, file('shifted.mkv'), { frameCount: 1 })).rejects.toThrow(
      'says when frames are shown',
    );
  });

  test.each([0.06, 0.41, 0.48])('a cut by copying after %d s keeps frames and audio together', async (seconds) => {
    const [whole, cut] = [file('whole.mp4'), file(`cut-${seconds}.mp4`)];
    await make(...flash(25, 3, 2), ...beep(3, 2), ...H264_AAC, whole);
    await make('-ss', String(seconds), '-i', whole, '-c', 'copy', cut);
    const media = await openMedia();
    const frame = white(await brightness(media, cut));
    const { samples } = await joinWaveform(media.audio(cut));
    expect(Math.abs(onset(samples) - 640 * frame)).toBeLessThanOrEqual(16); // 1 ms; half a frame is 320
  });
});
