import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeJpeg } from '../jpeg/decode-jpeg';
import { joinWaveform } from '../read/join-waveform';
import type { FfmpegReader } from '../read/open-media';
import { openMedia } from '../read/open-media';
import { beep, ffmpeg, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

describe.skipIf(!ffmpeg)(`published${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia({ log: () => undefined });
    const pattern = ['-f', 'lavfi', '-t', '2', '-i', 'testsrc2=s=96x64:r=30,noise=alls=30'];
    await make(...pattern, ...beep(2.5, 1, 44100, 'stereo'), ...H264_AAC, file('thirty.mp4'));
    const [variable, late] = [
      ['-vf', "select='not(eq(mod(n,7),3))'", '-vsync', 'vfr'],
      ['-c:v', 'mpeg4', '-c:a', 'pcm_s16le'],
    ];
    await make(...pattern, ...beep(2.5, 1, 48000, 'stereo'), ...variable, ...late, file('variable.mkv'));
    await make('-itsoffset', '0.3', ...pattern, ...beep(2.5, 1, 22050, 'mono'), ...late, file('late.mkv'));
  });

  test.each(['thirty.mp4', 'variable.mkv', 'late.mkv'])(
    'of %s, the frames are the JPEG files and the samples the WAV file of the published commands',
    async (name) => {
      const out = file(`${name}-files`);
      await mkdir(out);
      await make('-i', file(name), '-threads', '1', '-f', 'image2', join(out, '%06d.jpg'));
      const wave = ['-async', '1', '-ac', '1', '-vn', '-acodec', 'pcm_s16le', '-ar', '16000', join(out, 'audio.wav')];
      await make('-i', file(name), ...wave);
      const { frames, audio } = media.published!(file(name));
      const written = readdirSync(out).filter((entry) => entry.endsWith('.jpg'));
      expect(written.length).toBeGreaterThan(45);
      let count = 0;
      for await (const frame of frames) {
        const { data } = decodeJpeg(new Uint8Array(readFileSync(join(out, written.sort()[frame.index]))));
        expect(Buffer.from(frame.data).equals(data), `frame ${frame.index}`).toBe(true);
        expect(frame.timeSec).toBe(frame.index / 25);
        count++;
      }
      expect(count).toBe(written.length);
      const { samples } = await joinWaveform(audio);
      const bytes = readFileSync(join(out, 'audio.wav'));
      const data = bytes.subarray(bytes.indexOf('data') + 8);
      expect(samples.length).toBe(data.length / 2);
      expect(samples.every((value, i) => value * 32768 === data.readInt16LE(2 * i))).toBe(true);
    },
  );

  test('a file without the stream, and one that is none, are errors with ffmpeg’s reason', async () => {
    await make('-i', file('thirty.mp4'), '-an', '-c', 'copy', file('silent.mp4'));
    await expect(joinWaveform(media.published!(file('silent.mp4')).audio)).rejects.toThrow(
      'published: path must be a file with at least one sample of audio',
    );
    writeFileSync(file('text.mp4'), 'this is not a video');
    const [frames] = [media.published!(file('text.mp4')).frames[Symbol.asyncIterator]()];
    await expect(frames.next()).rejects.toThrow('published: path must be a file with at least one frame');
  });
});
