import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { H264_AAC, SKIPPED, beep, ffmpeg, flash, make, onset, temporaryFolder } from '../test/clips';
import { joinWaveform } from './join-waveform';
import { openMedia } from './open-media';
import type { FfmpegReader } from './open-media';
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
