import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { beep, ffmpeg, flash, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';
import type { CheckMediaOptions } from './check-media';
import { checkMedia } from './check-media';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

describe.skipIf(!ffmpeg)(`checkMedia${SKIPPED}`, () => {
  /** The check in short: its kinds of problems. */
  const kinds = async (name: string, options?: CheckMediaOptions) =>
    (await checkMedia(file(name), options)).problems.map(({ kind }) => kind);

  beforeAll(async () => {
    const pattern = ['-f', 'lavfi', '-t', '2', '-i', 'testsrc=s=96x64:r=25'];
    await make(...pattern, ...beep(2, 1, 44100, 'stereo'), ...H264_AAC, '-movflags', '+faststart', file('whole.mp4'));
    await make(...pattern, ...beep(2, 1), ...H264_AAC, '-c:a', 'flac', file('whole.mkv'));
  });

  test('a whole video has no problem; frames, samples, times and the peak are counted', async () => {
    const { ok, problems, info, video, audio, damageMessages } = await checkMedia(file('whole.mp4'));
    expect({ ok, problems, damageMessages }).toEqual({ ok: true, problems: [], damageMessages: 0 });
    expect(info).toMatchObject({
      video: { width: 96, height: 64, fps: 25 },
      audio: { channels: 2, sampleRate: 44100 },
    });
    expect(video).toEqual({ frameCount: 50, startSec: 0, endSec: 2, largestGapSec: expect.closeTo(0.04, 6) });
    expect(audio).toMatchObject({ sampleRate: 44100, startSec: 0 });
    expect(Math.abs(audio!.samples - 88200)).toBeLessThanOrEqual(1024);
    // measured 0.0011: what AAC at 44.1 kHz does to a sine, which other versions of its encoder may do otherwise
    expect(audio!.peak).toBeCloseTo(0.5, 1);
  });

  test.each(['whole.mp4', 'whole.mkv'])(
    '%s, cut at ten places, is cut short at each, with what decodes before',
    async (name) => {
      const bytes = readFileSync(file(name));
      const counts: number[] = [];
      for (let tenth = 0; tenth < 10; tenth++) {
        writeFileSync(file(`cut-${name}`), bytes.subarray(0, Math.round((bytes.length * (tenth + 0.5)) / 10)));
        const check = await checkMedia(file(`cut-${name}`));
        expect(check.ok).toBe(false);
        expect(check.problems[0]).toMatchObject({
          kind: 'cut short',
          detail: expect.stringMatching(/needs \d+ bytes, the file has \d+/),
        });
        counts.push(check.video?.frameCount ?? 0);
      }
      expect(counts[9]).toBeGreaterThan(40);
      expect(counts[5]).toBeLessThan(40);
      expect([...counts].sort((a, b) => a - b)).toEqual(counts);
    },
  );

  test('an empty file, text and a playlist are distinguished', async () => {
    writeFileSync(file('empty.mp4'), '');
    writeFileSync(file('text.mp4'), 'this is not a video');
    writeFileSync(file('list.mp4'), 'ffconcat version 1.0\nfile whole.mp4\n');
    expect(await kinds('empty.mp4')).toEqual(['empty']);
    expect(await kinds('text.mp4')).toEqual(['not media']);
    expect((await checkMedia(file('list.mp4'))).problems).toEqual([
      { kind: 'names other files', detail: 'concat is no format that holds its streams itself' },
    ]);
  });

  test('damage in the middle is counted and decoding continues to the end', async () => {
    const bytes = readFileSync(file('whole.mp4'));
    for (let at = bytes.length >> 1; at < (bytes.length >> 1) + 1500; at++) bytes[at] = (at * 2654435761) & 255;
    writeFileSync(file('damaged.mp4'), bytes);
    const { problems, video, damageMessages } = await checkMedia(file('damaged.mp4'));
    expect(problems[0]).toMatchObject({
      kind: 'damaged',
      detail: expect.stringMatching(/^\d+ messages? of ffmpeg, the first: /),
    });
    expect(damageMessages).toBeGreaterThan(0);
    expect(video!.endSec).toBeGreaterThan(1.9);
  });

  test('missing streams, different lengths and starts, and gaps are named', async () => {
    await make('-i', file('whole.mp4'), '-an', '-c', 'copy', file('silent.mp4'));
    await make('-i', file('whole.mp4'), '-vn', '-c', 'copy', file('heard.m4a'));
    await make(
      '-i',
      file('whole.mp4'),
      ...beep(1),
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-c:v',
      'copy',
      '-c:a',
      'aac',
      file('shorter.mp4'),
    );
    await make(
      '-i',
      file('whole.mkv'),
      '-itsoffset',
      '1',
      '-i',
      file('whole.mkv'),
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-c',
      'copy',
      file('later.mkv'),
    );
    await make(
      ...flash(25, 3),
      ...beep(3),
      '-vf',
      'select=not(between(t\\,0.5\\,2))',
      '-vsync',
      'vfr',
      ...H264_AAC,
      '-c:a',
      'flac',
      file('gap.mkv'),
    );
    expect(await kinds('silent.mp4')).toEqual(['no audio']);
    expect((await checkMedia(file('silent.mp4'))).video!.frameCount).toBe(50);
    expect(await kinds('heard.m4a')).toEqual(['no video']);
    expect((await checkMedia(file('shorter.mp4'))).problems).toEqual([
      {
        kind: 'lengths differ',
        detail: expect.stringMatching(/^the frames end at 2\.00 s, the audio ends at 1\.0\d s$/),
      },
    ]);
    expect(await kinds('shorter.mp4', { maxDifferenceSec: 1.5 })).toEqual([]);
    expect(await kinds('later.mkv')).toEqual(['starts differ', 'lengths differ']);
    expect(await kinds('gap.mkv')).toEqual(['gap in the frames']);
    expect(await kinds('gap.mkv', { maxGapSec: 2 })).toEqual([]);
  });

  test('a file that announces more than decodes is cut short, though its bytes are all there', async () => {
    const bytes = readFileSync(file('whole.mkv'));
    const duration = bytes.indexOf(Buffer.from('448988', 'hex')) + 3; // a float of 8 bytes, milliseconds
    bytes.writeDoubleBE(3 * bytes.readDoubleBE(duration), duration);
    writeFileSync(file('announces.mkv'), bytes);
    expect((await checkMedia(file('announces.mkv'))).problems).toEqual([
      { kind: 'cut short', detail: expect.stringMatching(/^the file announces 6\.\d+ s, 2\.0\d s decode$/) },
    ]);
  });

  test('a file whose second half is zeros is damaged', async () => {
    const bytes = readFileSync(file('whole.mp4'));
    const mdat = bytes.lastIndexOf('mdat') + 4;
    writeFileSync(
      file('hollow.mp4'),
      Buffer.concat([
        bytes.subarray(0, mdat + ((bytes.length - mdat) >> 1)),
        Buffer.alloc((bytes.length - mdat + 1) >> 1),
      ]),
    );
    expect(await kinds('hollow.mp4')).toContain('damaged');
  });

  test('a frame too large is refused with its size', async () => {
    expect((await checkMedia(file('whole.mp4'), { maxPixels: 1000 })).problems).toEqual([
      { kind: 'too large', detail: '96 x 64 pixels, more than 1000 together' },
    ]);
  });

  test('what is no plain file, and options that make no sense, are errors', async () => {
    await expect(checkMedia(file('missing.mp4'))).rejects.toThrow('checkMedia: path must be a file that can be read');
    await expect(checkMedia(folder)).rejects.toThrow('a plain file');
    await expect(checkMedia(file('whole.mp4'), { maxPixels: 0 })).rejects.toThrow('options.maxPixels');
    await expect(checkMedia(file('whole.mp4'), { maxGapSec: 0 })).rejects.toThrow('options.maxGapSec');
    await expect(checkMedia(file('whole.mp4'), { maxDifferenceSec: -1 })).rejects.toThrow('options.maxDifferenceSec');
  });

  test('memory stays flat over four minutes', async () => {
    await make(
      '-f',
      'lavfi',
      '-t',
      '240',
      '-i',
      'color=s=64x48:r=25',
      '-f',
      'lavfi',
      '-t',
      '240',
      '-i',
      'anullsrc=r=16000',
      '-c:v',
      'mpeg4',
      '-c:a',
      'pcm_s16le',
      file('long.mkv'),
    );
    await checkMedia(file('whole.mp4'));
    const before = process.memoryUsage().rss;
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
    const { ok, video, audio } = await checkMedia(file('long.mkv'));
    clearInterval(watch);
    expect([ok, video!.frameCount, audio!.samples]).toEqual([true, 6000, 3_840_000]);
    expect((peak - before) / 2 ** 20).toBeLessThan(40); // MB; frames as RGB would be 55, the messages alone are 2
  });
});
