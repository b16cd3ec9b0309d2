import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { beep, ffmpeg, flash, H264_AAC, make, onset, SKIPPED, temporaryFolder } from '../testing/clips';
import type { FfmpegReader } from './open-media';
import { openMedia } from './open-media';

/** A flash and a beep at known times must come out at that frame and that sample, whatever the file is like. */
const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

/** A 1 kHz sine is louder than half of its amplitude at its second sample of 16 kHz. */
const RISE = 2;
const VIDEO = H264_AAC.slice(0, H264_AAC.indexOf('-c:a'));

describe.skipIf(!ffmpeg)(`a flash and a beep${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia({ log: () => undefined });
    await make(...flash(25), ...VIDEO, file('silent.mp4'));
    await make(...beep(), '-c:a', 'pcm_s16le', file('audio.wav'));
  });

  async function measure(path: string) {
    const video = await media.both(path);
    const means: number[] = [];
    let size = '';
    for await (const { data, width, height } of video.frames) {
      means.push(data.reduce((sum, value) => sum + value, 0) / data.length);
      size = `${width}x${height}`;
    }
    const pieces: number[] = [];
    for await (const { samples } of video.audio) pieces.push(...samples);
    const samples = Float32Array.from(pieces);
    return {
      frame: means.findIndex((mean) => mean > 128),
      frameCount: means.length,
      sample: onset(samples) - RISE,
      samples: samples.length,
      size,
      info: video.info,
    };
  }

  test.each([8000, 16000, 22050, 44100, 48000, 96000])(
    'of %d Hz audio, lossless and AAC, are at frame 25 and at sample 16000',
    async (rate) => {
      for (const [name, codecs] of [
        [`pcm-${rate}.mkv`, [...VIDEO, '-c:a', 'pcm_s16le']],
        [`aac-${rate}.mp4`, H264_AAC],
      ] as const) {
        await make(...flash(25), ...beep(2, 1, rate), ...codecs, file(name));
        const { frame, frameCount, sample, samples, info } = await measure(file(name));
        expect([frame, frameCount]).toEqual([25, 50]);
        expect(Math.abs(sample - 16000)).toBeLessThanOrEqual(1);
        expect(info.audio!.sampleRate).toBe(rate);
        // AAC goes on to the end of its last frame of 1024 samples.
        expect(samples - 32000).toBeGreaterThanOrEqual(0);
        expect(samples - 32000).toBeLessThanOrEqual(name.startsWith('pcm') ? 0 : Math.ceil((1024 * 16000) / rate));
      }
    },
  );

  test.each(['mono', 'stereo', '5.1'])('of %s audio are at frame 25 and at sample 16000', async (layout) => {
    await make(...flash(25), ...beep(2, 1, 48000, layout), ...H264_AAC, file(`${layout}.mp4`));
    const { frame, sample } = await measure(file(`${layout}.mp4`));
    expect(frame).toBe(25);
    expect(Math.abs(sample - 16000)).toBeLessThanOrEqual(1);
  });

  test.each([
    ['quicktime.mov', [...VIDEO, '-c:a', 'pcm_s16le'], 1],
    ['old.avi', ['-c:v', 'mpeg4', '-c:a', 'pcm_s16le'], 1],
    ['program.mpg', ['-c:v', 'mpeg1video', '-c:a', 'mp2'], 2], // starts at 0.54 s
    ['broadcast.ts', H264_AAC, 2], // starts at 1.48 s
    ['flash.flv', H264_AAC, 8], // its clock has whole milliseconds
    ['mp3.mp4', [...VIDEO, '-c:a', 'mp3'], 1],
    ['vorbis.webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-c:a', 'libvorbis'], 1],
    ['fragments.mp4', [...H264_AAC, '-movflags', 'frag_keyframe+delay_moov'], 1], // its audio begins before 0
  ] as const)('in %s are at frame 25 and at sample 16000', async (name, codecs, tolerance) => {
    await make(...flash(25), ...beep(), ...codecs, file(name));
    const { frame, frameCount, sample } = await measure(file(name));
    expect([frame, frameCount]).toEqual([25, 50]);
    expect(Math.abs(sample - 16000)).toBeLessThanOrEqual(tolerance);
  });

  test.each(['24000/1001', '30000/1001', '60', '60000/1001'])(
    'of a video of %s frames a second do not drift in a minute',
    async (rate) => {
      const path = file(`minute-${rate.replace('/', '-')}.mkv`);
      await make(...flash(rate, 60.5, 60, '16x16'), ...beep(60.5, 60, 16000), ...VIDEO, '-c:a', 'flac', path);
      const { frame, frameCount, sample } = await measure(path);
      const [numerator, denominator = '1'] = rate.split('/');
      const fps = Number(numerator) / Number(denominator);
      // The first source frame at or after 60 s is shown from half a source frame before its time on.
      const source = Math.ceil(60 * fps - 1e-9) / fps;
      expect(frame).toBe(Math.ceil((source - 0.5 / fps) * 25 - 1e-6));
      expect(Math.abs(sample - 960_000)).toBeLessThanOrEqual(1);
      expect(Math.abs(frameCount - 60.5 * 25)).toBeLessThanOrEqual(2);
    },
  );

  test.each(['65x49', '17x33'])('of frames of %s, odd on both sides, keep their time and size', async (size) => {
    const scale = ['-vf', `scale=${size.replace('x', ':')}`]; // the source itself has even sides only
    for (const [name, codec] of [
      [`odd-${size}.mkv`, ['-c:v', 'ffv1', '-pix_fmt', 'bgr0']],
      [`odd-${size}.mp4`, ['-c:v', 'mpeg4']],
    ] as const) {
      await make(
        ...flash(25),
        ...beep(),
        ...scale,
        ...codec,
        '-c:a',
        name.endsWith('mkv') ? 'flac' : 'aac',
        file(name),
      );
      const { frame, frameCount, sample, size: seen } = await measure(file(name));
      expect([frame, frameCount, seen]).toEqual([25, 50, size]);
      expect(Math.abs(sample - 16000)).toBeLessThanOrEqual(1);
    }
  });

  // Seconds by which each stream is late in the file; samples of tolerance: mp4's edit lists and Matroska have whole
  // milliseconds.
  test.each(
    ['mp4', 'mkv', 'ts', 'flv'].flatMap((container) =>
      [
        [0.3, 0],
        [0, 0.3],
        [0.5, 2],
      ].map(([frame, audio]) => [container, frame, audio] as const),
    ),
  )(
    'in %s, frames %d s late and audio %d s late, count from the first frame',
    async (container, frameLate, audioLate) => {
      const path = file(`late-${frameLate}-${audioLate}.${container}`);
      const audio = ['-c:a', container === 'mkv' ? 'flac' : 'aac'];
      await make(
        '-itsoffset',
        String(frameLate),
        '-i',
        file('silent.mp4'),
        '-itsoffset',
        String(audioLate),
        '-i',
        file('audio.wav'),
        '-c:v',
        'copy',
        ...audio,
        path,
      );
      const { frame, frameCount, sample } = await measure(path);
      expect([frame, frameCount]).toEqual([25, 50]);
      expect(Math.abs(sample - 16000 * (1 + audioLate - frameLate))).toBeLessThanOrEqual(16);
    },
  );

  test('of a video whose audio was cut inside by an edit list are where that puts them', async () => {
    await make(...beep(), '-c:a', 'aac', file('audio.m4a'));
    await make(
      '-ss',
      '0.5',
      '-i',
      file('audio.m4a'),
      '-i',
      file('silent.mp4'),
      '-map',
      '1:v',
      '-map',
      '0:a',
      '-c',
      'copy',
      file('edited.mp4'),
    );
    const { frame, sample } = await measure(file('edited.mp4'));
    expect(frame).toBe(25);
    expect(Math.abs(sample - 8000)).toBeLessThanOrEqual(1);
  });

  test('of a video cut by copying keep together: each is read from the key frame or the edit on', async () => {
    await make(...flash(25, 4, 3), ...beep(4, 3), ...H264_AAC, file('long.mp4'));
    for (const container of ['mp4', 'mkv', 'ts']) {
      await make('-ss', '1.12', '-i', file('long.mp4'), '-c', 'copy', file(`copied.${container}`));
      const { frame, sample } = await measure(file(`copied.${container}`));
      expect(frame).toBeGreaterThan(45);
      expect(Math.abs(sample - 640 * frame)).toBeLessThanOrEqual(16);
    }
  });

  test('audio longer than the video continues, shorter audio ends', async () => {
    await make(...flash(25, 1.2, 1), ...beep(3, 1), ...VIDEO, '-c:a', 'pcm_s16le', file('longer.mkv'));
    expect(await measure(file('longer.mkv'))).toMatchObject({
      frame: 25,
      frameCount: 30,
      sample: 16000,
      samples: 48000,
    });
    await make(...flash(25, 3, 1), ...beep(1.2, 1), ...VIDEO, '-c:a', 'pcm_s16le', file('shorter.mkv'));
    expect(await measure(file('shorter.mkv'))).toMatchObject({
      frame: 25,
      frameCount: 75,
      sample: 16000,
      samples: 19200,
    });
  });

  test('a video of one frame is one frame', async () => {
    await make(...flash(25, 0.04, 0), ...beep(1, 0.5), ...H264_AAC, file('one.mp4'));
    const { frame, frameCount, sample } = await measure(file('one.mp4'));
    expect([frame, frameCount]).toEqual([0, 1]);
    expect(Math.abs(sample - 8000)).toBeLessThanOrEqual(1);
    await make(...flash(25, 0.04, 0), ...beep(0.04, 0), ...VIDEO, '-c:a', 'pcm_s16le', file('one.mkv'));
    expect(await measure(file('one.mkv'))).toMatchObject({ frame: 0, frameCount: 1, sample: 0, samples: 640 });
  });
});
