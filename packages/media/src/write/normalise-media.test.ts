import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { joinWaveform } from '../read/join-waveform';
import type { FfmpegReader } from '../read/open-media';
import { openMedia } from '../read/open-media';
import { beep, brightness, ffmpeg, flash, H264_AAC, make, onset, SKIPPED, temporaryFolder } from '../testing/clips';
import { normaliseMedia } from './normalise-media';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

describe.skipIf(!ffmpeg)(`normaliseMedia${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia();
  });

  test.each(['mp4', 'mkv'])(
    'the %s file holds the frames and audio that the reader decodes from the original, at the same times',
    async (ending) => {
      const input = file('thirty.mp4');
      const output = file(`clip.${ending}`);
      const frames = file('silent.mp4');
      await make(...flash(30, 2, 1, '66x50'), ...H264_AAC, frames);
      await make(
        '-itsoffset',
        '0.1',
        '-i',
        frames,
        ...beep(2, 1, 48000, 'stereo'),
        '-c:v',
        'copy',
        '-c:a',
        'aac',
        input,
      );
      await normaliseMedia(input, output);
      const info = await media.probe(output);
      expect(info.video).toMatchObject({ codec: 'h264', width: 66, height: 50, fps: 25, rotation: 0 });
      expect(info.video!.startSec).toBe(0);
      expect(info.audio).toMatchObject({ sampleRate: 16000, channels: 1, startSec: 0 });
      const [before, after] = [await brightness(media, input), await brightness(media, output)];
      expect(after.length).toBe(before.length);
      expect(after.findIndex((mean) => mean > 128)).toBe(before.findIndex((mean) => mean > 128));
      const audio = await joinWaveform(media.audio(output));
      expect(
        Math.abs(onset(audio.samples) - onset((await joinWaveform(media.audio(input))).samples)),
      ).toBeLessThanOrEqual(8);
    },
  );

  test('odd sides lose their last row or column, and maxSide scales', async () => {
    await make(...flash(25, 0.4, 1, '65x49'), '-c:v', 'ffv1', file('odd.mkv'));
    await normaliseMedia(file('odd.mkv'), file('odd.mp4'));
    expect((await media.probe(file('odd.mp4'))).video).toMatchObject({ width: 64, height: 48 });
    await normaliseMedia(file('odd.mkv'), file('small.mp4'), { maxSide: 32, fps: 10 });
    expect((await media.probe(file('small.mp4'))).video).toMatchObject({ width: 32, height: 24, fps: 10 });
    expect((await media.probe(file('small.mp4'))).audio).toBeUndefined();
  });

  test('an input that fails leaves no output', async () => {
    await make(...beep(1), file('audio.wav'));
    await expect(normaliseMedia(file('audio.wav'), file('out.mp4'))).rejects.toThrow(
      'input must be a file with frames',
    );
    await expect(normaliseMedia(file('none.mp4'), file('out.mp4'))).rejects.toThrow('ENOENT');
    await expect(normaliseMedia(file('odd.mkv'), file('out.mp4'), { sampleRate: 1 })).rejects.toThrow(
      'options.sampleRate',
    );
    await expect(normaliseMedia(file('odd.mkv'), file('out.avi'))).rejects.toThrow('path must end in');
    expect(readdirSync(folder).filter((name) => name.includes('out.'))).toEqual([]);
    expect(statSync(file('odd.mp4')).size).toBeGreaterThan(0);
  });
});
