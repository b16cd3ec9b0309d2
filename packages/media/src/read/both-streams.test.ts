import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { beep, ffmpeg, flash, H264_AAC, make, SKIPPED, temporaryFolder, turn } from '../testing/clips';
import type { BothStreams } from './both-streams';
import { joinWaveform } from './join-waveform';
import type { BothOptions, FfmpegReader } from './open-media';
import { openMedia } from './open-media';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

type Whole = { frames: string[]; audio: Float32Array | string };

/** Everything of both streams, or the error at which one of them ended. */
async function collect(
  video: Pick<BothStreams, 'frames' | 'audio'>,
  order: 'audio first' | 'frames first' | 'together',
): Promise<Whole> {
  const frames: string[] = [];
  let audio: Whole['audio'] = '';
  const readFrames = async () => {
    try {
      for await (const { data, width, height, index, timeSec } of video.frames) {
        frames.push(`${index} ${timeSec} ${width}x${height} ${Buffer.from(data).toString('base64')}`);
      }
    } catch (error) {
      frames.push((error as Error).message);
    }
  };
  const readAudio = async () => {
    audio = await joinWaveform(video.audio).then(
      ({ samples }) => samples,
      (error: Error) => error.message,
    );
  };
  const reads = order === 'audio first' ? [readAudio, readFrames] : [readFrames, readAudio];
  if (order === 'together') await Promise.all(reads.map((read) => read()));
  else for (const read of reads) await read();
  return { frames, audio };
}

describe.skipIf(!ffmpeg)(`both${SKIPPED}`, () => {
  let media: FfmpegReader;
  const separate = (path: string, { keepBytes: _, sampleRate, ...options }: BothOptions = {}) =>
    collect({ frames: media.frames(path, options), audio: media.audio(path, { sampleRate }) }, 'together');

  beforeAll(async () => {
    media = await openMedia({ log: () => undefined });
    const pattern = ['-f', 'lavfi', '-t', '2', '-i', 'testsrc=s=96x64:r=30'];
    await make(...pattern, ...beep(2.5, 1, 44100, 'stereo'), ...H264_AAC, '-movflags', '+faststart', file('plain.mp4'));
    await make(...pattern, ...H264_AAC, file('silent.mp4'));
    await make(...beep(), file('audio.wav'));
    await make(
      '-itsoffset',
      '0.3',
      '-i',
      file('silent.mp4'),
      '-i',
      file('audio.wav'),
      '-c:v',
      'copy',
      '-c:a',
      'aac',
      file('late-frames.mkv'),
    );
    await make(
      '-i',
      file('silent.mp4'),
      '-itsoffset',
      '0.3',
      '-i',
      file('audio.wav'),
      '-c:v',
      'copy',
      '-c:a',
      'aac',
      file('late-audio.mp4'),
    );
    await make(...pattern, ...beep(), ...H264_AAC, file('broadcast.ts'));
    await make(...pattern, ...beep(), ...H264_AAC, file('turned.mp4'));
    turn(file('turned.mp4'), 90);
    await make(...pattern, ...beep(), '-c:v', 'mpeg1video', '-c:a', 'mp2', file('old.mpg'));
    await make(
      '-f',
      'lavfi',
      '-t',
      '0.04',
      '-i',
      'testsrc=s=50x40:r=25',
      ...beep(0.05, 0),
      '-c:v',
      'ffv1',
      '-c:a',
      'flac',
      file('one.mkv'),
    );
  });

  test.each(['plain.mp4', 'late-frames.mkv', 'late-audio.mp4', 'broadcast.ts', 'old.mpg', 'turned.mp4', 'one.mkv'])(
    'of %s, in whatever order it is read, is to the bit what probe, frames and audio give',
    async (name) => {
      const alone = await separate(file(name));
      expect(alone.frames.length).toBeGreaterThan(0);
      expect(alone.audio).toBeInstanceOf(Float32Array);
      const orders =
        name === 'plain.mp4'
          ? (['audio first', 'frames first', 'together'] as const)
          : (['audio first', 'together'] as const);
      for (const order of orders) {
        const fresh = await openMedia({ log: () => undefined });
        const video = await fresh.both(file(name));
        expect(video.info).toEqual(await media.probe(file(name)));
        expect(video.frames.fps).toBe(25);
        expect(await collect(video, order)).toEqual(alone);
        // Known now, so it starts with the right time of the first frame.
        if (order === 'together') expect(await collect(await fresh.both(file(name)), order)).toEqual(alone);
      }
    },
  );

  test('rate, size and sample rate are the ones asked for', async () => {
    const options = { fps: 12, maxSide: 41, sampleRate: 8000 };
    const video = await media.both(file('plain.mp4'), options);
    const whole = await collect(video, 'together');
    expect(whole).toEqual(await separate(file('plain.mp4'), options));
    expect(whole.frames[0]).toContain(' 41x27 ');
  });

  test.each([0, 100_000])('with at most %d bytes queued nothing hangs and nothing is missing', async (keepBytes) => {
    const alone = await separate(file('plain.mp4'));
    for (const order of ['audio first', 'frames first', 'together'] as const) {
      const fresh = await openMedia({ log: () => undefined });
      expect(await collect(await fresh.both(file('plain.mp4'), { keepBytes }), order)).toEqual(alone);
    }
  });

  test.skipIf(process.platform === 'win32')(
    'one run of ffmpeg for a video that starts at 0, two where it does not, one where it is known; one more for several channels',
    async () => {
      const counted = file('counted.sh');
      const runs = () =>
        readFileSync(file('runs.txt'), 'utf8')
          .split('\n')
          .filter((line) => !line.includes('-version')).length - 1;
      writeFileSync(counted, `#!/bin/sh\necho "$*" >> '${file('runs.txt')}'\nexec '${ffmpeg!.path}' "$@"\n`);
      chmodSync(counted, 0o755);
      const reader = await openMedia({ ffmpegPath: counted });
      for (const [name, expected] of [
        ['plain.mp4', 2],
        ['broadcast.ts', 2],
        ['broadcast.ts', 1],
        ['plain.mp4', 1],
      ] as const) {
        writeFileSync(file('runs.txt'), '');
        await collect(await reader.both(file(name)), 'audio first');
        expect(runs()).toBe(expected);
      }
    },
  );

  test('a video without audio, or audio without a video, has the one stream and refuses the other', async () => {
    const silent = await media.both(file('silent.mp4'));
    expect(silent.info.audio).toBeUndefined();
    expect(await collect(silent, 'together')).toEqual(await separate(file('silent.mp4')));
    const heard = await media.both(file('audio.wav'));
    expect(heard.info.video).toBeUndefined();
    expect(await collect(heard, 'together')).toEqual(await separate(file('audio.wav')));
  });

  test('other files and playlists are refused with the reason', async () => {
    writeFileSync(file('text.mp4'), 'this is not a video');
    await expect(media.both(file('text.mp4'))).rejects.toThrow(/both: path must be a video or audio .*text\.mp4 \(/);
    writeFileSync(
      file('list.mp4'),
      `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${file('broadcast.ts')}\n#EXT-X-ENDLIST\n`,
    );
    await expect(media.both(file('list.mp4'))).rejects.toThrow(
      'both: path must be a file that holds its streams itself',
    );
    await expect(media.both(file('missing.mp4'))).rejects.toThrow('ENOENT');
    await expect(media.both(file('plain.mp4'), { fps: 0 })).rejects.toThrow('both: options.fps');
    await expect(media.both(file('plain.mp4'), { sampleRate: 1 })).rejects.toThrow('both: options.sampleRate');
    await expect(media.both(file('plain.mp4'), { keepBytes: -1 })).rejects.toThrow('both: options.keepBytes');
    const small = await openMedia({ maxPixels: 1000 });
    await expect(small.both(file('plain.mp4'))).rejects.toThrow(RangeError);
  });

  test.each(['refuse', 'conceal'] as const)(
    'of a cut and of a damaged video both streams end as alone, damage: %s',
    async (damage) => {
      const bytes = readFileSync(file('plain.mp4'));
      writeFileSync(file('cut.mp4'), bytes.subarray(0, bytes.length * 0.6));
      const noise = Buffer.from(bytes);
      for (let at = bytes.length >> 1; at < (bytes.length >> 1) + 3000; at++) noise[at] = (at * 2654435761) & 255;
      writeFileSync(file('damaged.mp4'), noise);
      for (const name of ['cut.mp4', 'damaged.mp4']) {
        const reader = await openMedia({ damage, log: () => undefined });
        const alone = await collect({ frames: reader.frames(file(name)), audio: reader.audio(file(name)) }, 'together');
        for (const order of name === 'cut.mp4' ? (['audio first', 'together'] as const) : (['together'] as const)) {
          const fresh = await openMedia({ damage, log: () => undefined });
          const whole = await collect(await fresh.both(file(name)), order);
          expect(whole.audio).toEqual(alone.audio);
          // Where a decoder with several threads stops at damage may vary by some frames: the number in the error.
          const steady = ({ frames }: Whole) => frames.map((line) => line.replace(/after \d+ frames.*/, ''));
          if (damage === 'conceal') expect(whole.frames).toEqual(alone.frames);
          else expect(steady(whole).at(-1)).toEqual(steady(alone).at(-1));
        }
      }
    },
  );

  test('a video that changes size half way gives frames of one size', async () => {
    await make(...flash(25, 1), ...beep(1, 0), ...H264_AAC, '-f', 'mpegts', file('first.ts'));
    await make(...flash(25, 1, 0, '128x96'), ...beep(1, 0), ...H264_AAC, '-f', 'mpegts', file('second.ts'));
    writeFileSync(file('sizes.ts'), Buffer.concat([readFileSync(file('first.ts')), readFileSync(file('second.ts'))]));
    const concealing = await openMedia({ damage: 'conceal', log: () => undefined });
    const path = file('sizes.ts');
    const alone = await collect({ frames: concealing.frames(path), audio: concealing.audio(path) }, 'together');
    expect(await collect(await concealing.both(path), 'audio first')).toEqual(alone);
    expect(alone.frames.every((frame) => frame.includes(' 64x48 '))).toBe(true);
  });

  test('leaving the frames early ends the run, and the audio is still complete', async () => {
    await make(
      '-f',
      'lavfi',
      '-t',
      '10',
      '-i',
      'testsrc=s=160x120:r=25',
      ...beep(10),
      ...H264_AAC,
      '-g',
      '250',
      file('long.mp4'),
    );
    const video = await media.both(file('long.mp4'));
    for await (const frame of video.frames) if (frame.index === 3) break;
    const { samples } = await joinWaveform(video.audio);
    expect(samples).toEqual((await joinWaveform(media.audio(file('long.mp4')))).samples);
    const again: number[] = [];
    for await (const frame of video.frames) again.push(frame.index);
    expect(again.length).toBe(250);
  });

  test('leaving the audio early keeps the frames complete, and release in the middle changes no value', async () => {
    const video = await media.both(file('long.mp4'));
    for await (const _piece of video.audio) break;
    const seen: number[] = [];
    for await (const frame of video.frames) {
      seen.push(frame.index);
      if (frame.index === 50) await video.release();
    }
    expect(seen).toEqual(Array.from({ length: 250 }, (_, index) => index));
    await video.release();
  });

  test('memory stays flat where both are read side by side, and bounded where the audio is not read', async () => {
    // Stored as 300 frames of 5 a second, read as 1500 of 230 kB: 346 MB of frames, 1.9 MB of audio.
    await make(
      '-f',
      'lavfi',
      '-t',
      '60',
      '-i',
      'testsrc=s=320x240:r=5',
      '-f',
      'lavfi',
      '-t',
      '60',
      '-i',
      'sine',
      '-c:v',
      'mpeg4',
      '-c:a',
      'pcm_s16le',
      file('minute.mkv'),
    );
    for (const audioIsRead of [true, false]) {
      const video = await media.both(file('minute.mkv'), { keepBytes: 200_000 });
      const audio = video.audio[Symbol.asyncIterator]();
      const peaks = [0, 0];
      let samples = 0;
      for await (const frame of video.frames) {
        if (audioIsRead && frame.index % 25 === 0) samples += (await audio.next()).value?.samples.length ?? 0;
        if (frame.index > 200)
          peaks[frame.index < 850 ? 0 : 1] = Math.max(peaks[frame.index < 850 ? 0 : 1], process.memoryUsage().rss);
      }
      expect((peaks[1] - peaks[0]) / 2 ** 20).toBeLessThan(60); // MB; the second half alone is 150 MB of frames
      if (!audioIsRead) for await (const piece of video.audio) samples += piece.samples.length;
      expect(Math.abs(samples - 960_000)).toBeLessThanOrEqual(audioIsRead ? 16_000 : 200);
      await video.release();
    }
  });
});
