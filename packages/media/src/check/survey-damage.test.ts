import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MediaError } from '@lipsync/contracts';
import { beforeAll, describe, expect, test } from 'vitest';
import { ffmpegFault } from '../ffmpeg/ffmpeg-fault';
import { joinWaveform } from '../read/join-waveform';
import { openMedia } from '../read/open-media';
import { ffmpeg, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { normaliseMedia } from '../write/normalise-media';
import { shiftAudio } from '../write/shift-audio';
import { clockJumps } from './clock-jumps';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

test('ffmpegFault says what is no fault of the file', () => {
  const fault = (end: { code?: number; signal?: string; messages?: string }) =>
    ffmpegFault({ messages: '', ...end })?.fault;
  expect(fault({ code: 1, messages: '[h264] Invalid data found' })).toBeUndefined();
  expect(fault({ code: 0 })).toBeUndefined();
  expect(fault({ signal: 'SIGSEGV' })).toBe('decoder');
  expect(fault({ code: 139 })).toBe('decoder');
  expect(fault({ signal: 'SIGTERM' })).toBe('stopped');
  const library = 'ffmpeg: error while loading shared libraries: libx264.so.164: cannot open shared object file';
  expect(ffmpegFault({ code: 127, messages: library })).toEqual({
    fault: 'decoder',
    detail: 'ffmpeg does not start: it misses the library libx264.so.164',
  });
  const codec = 'Decoder (codec vvc) not found for input stream #0:0';
  expect(ffmpegFault({ code: 1, messages: codec })?.detail).toBe('this ffmpeg has no decoder for vvc');
});

describe.skipIf(!ffmpeg)(`damaged files${SKIPPED}`, () => {
  /** Frames that differ, and a beep `at` seconds into each second. */
  const source = (at: number) => [
    ...['-f', 'lavfi', '-t', '2', '-i', 'testsrc=s=128x96:r=25'],
    ...[
      '-f',
      'lavfi',
      '-t',
      '2',
      '-i',
      `aevalsrc=if(between(mod(t\\,1)\\,${at}\\,${at + 0.1})\\,0.5*sin(2*PI*1000*t)\\,0):s=48000`,
    ],
  ];
  /** Frames, and onsets of beeps in seconds, as a reader gives them; how much was concealed. */
  const read = async (name: string, damage?: 'conceal') => {
    const media = await openMedia({ damage, log: () => undefined });
    const both = await media.both(file(name));
    let frames = 0;
    const onsets: number[] = [];
    const { samples } = await joinWaveform(both.audio);
    for await (const _ of both.frames) frames++;
    await both.release();
    for (let n = 0; n < samples.length; n++) {
      if (Math.abs(samples[n]) > 0.2 && (onsets.length === 0 || n / 16000 > onsets.at(-1)! + 0.5))
        onsets.push(n / 16000);
    }
    return { frames, onsets, notes: both.info.notes ?? [], concealed: await media.concealed!(file(name)) };
  };
  const error = (name: string) =>
    read(name).then(
      () => undefined,
      (reason: MediaError) => reason,
    );

  beforeAll(async () => {
    await make(...source(0.5), ...H264_AAC, file('a.ts'));
    await make(...source(0.3), ...H264_AAC, file('b.ts'));
  });

  test.each(['ts', 'vob'])('joined recordings follow each other, each in sync (%s)', async (ending) => {
    if (ending === 'vob') {
      const codecs = ['-c:v', 'mpeg2video', '-q:v', '3', '-c:a', 'mp2', '-f', 'vob'];
      await make('-i', file('a.ts'), ...codecs, file('a.vob'));
      await make('-i', file('b.ts'), ...codecs, file('b.vob'));
    }
    const [a, b] = [readFileSync(file(`a.${ending}`)), readFileSync(file(`b.${ending}`))];
    writeFileSync(file(`joined.${ending}`), Buffer.concat([a, b]));
    expect(await Promise.all(['a', 'joined'].map((name) => clockJumps(file(`${name}.${ending}`))))).toEqual([
      false,
      true,
    ]);
    const first = await read(`a.${ending}`);
    const second = await read(`b.${ending}`);
    expect([first.concealed, first.notes]).toEqual([undefined, []]);
    const { frames, onsets, notes } = await read(`joined.${ending}`);
    expect(frames).toBe(first.frames + second.frames);
    expect(notes).toEqual([expect.stringMatching(/^the clock of the file jumps/)]);
    const expected = [...first.onsets, ...second.onsets.map((sec) => sec + first.frames / 25)];
    expect(onsets).toHaveLength(expected.length);
    for (const [n, sec] of onsets.entries()) expect(Math.abs(sec - expected[n])).toBeLessThan(0.02); // half a frame
    // What writes files takes the first part only, so it refuses them.
    const joined = file(`joined.${ending}`);
    await expect(normaliseMedia(joined, file('x.mp4'))).rejects.toThrow('normaliseMedia: input must be one recording');
    await expect(shiftAudio(joined, file('x.mkv'), { frameCount: 1 })).rejects.toThrow('its clock jumps');
  });

  test('a transport stream that ends in the middle of a frame is read, and says so', async () => {
    const bytes = readFileSync(file('a.ts'));
    writeFileSync(file('stopped.ts'), bytes.subarray(0, bytes.length - 1000));
    const { frames, onsets, concealed } = await read('stopped.ts');
    expect(frames).toBeGreaterThan(44);
    expect(onsets).toEqual([expect.closeTo(0.5, 2), expect.closeTo(1.5, 2)]);
    expect(concealed).toMatchObject({
      note: expect.stringMatching(/^(the file ends in the middle|damaged or missing)/),
    });
    expect(concealed!.seconds).toBeLessThanOrEqual(0.1);
  });

  test('a container that announces its length may lose its last frame, and no more', async () => {
    await make('-i', file('a.ts'), '-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'pcm_s16le', file('a.avi'));
    const bytes = readFileSync(file('a.avi'));
    writeFileSync(file('last.avi'), bytes.subarray(0, bytes.length - 500));
    expect((await read('last.avi')).concealed!.seconds).toBeLessThanOrEqual(0.1);
    writeFileSync(file('short.avi'), bytes.subarray(0, bytes.length * 0.8));
    const refused = await error('short.avi');
    expect([refused?.fault, refused?.detail]).toEqual([
      'damage',
      expect.stringMatching(/^damaged or missing: 1\d frames .* at the end/),
    ]);
    const { frames, concealed } = await read('short.avi', 'conceal');
    expect(frames + concealed!.frames).toBeGreaterThanOrEqual(49);
    expect(frames + concealed!.frames).toBeLessThanOrEqual(53);
    expect(concealed!.seconds).toBeCloseTo(0.4, 0);
  });

  test('a program stream that begins in the middle of an audio frame is read', async () => {
    await make('-i', file('a.ts'), '-c:v', 'mpeg2video', '-q:v', '3', '-c:a', 'ac3', '-f', 'vob', file('whole.vob'));
    const bytes = readFileSync(file('whole.vob'));
    writeFileSync(file('middle.vob'), bytes.subarray(2048 * 6));
    const { frames, onsets, concealed } = await read('middle.vob');
    expect(frames).toBeGreaterThan(20);
    expect(onsets.length).toBeGreaterThan(0);
    if (concealed) expect(concealed.seconds).toBeLessThan(0.1);
  });

  test('damage that other frames refer to is refused, and counted where it is concealed', async () => {
    await make(...source(0.5), ...H264_AAC, '-g', '50', '-movflags', '+faststart', file('bad.mp4'));
    const bytes = readFileSync(file('bad.mp4'));
    for (let at = bytes.length >> 1; at < (bytes.length >> 1) + 600; at++) bytes[at] = (at * 2654435761) & 255;
    writeFileSync(file('bad.mp4'), bytes);
    expect((await error('bad.mp4'))?.fault).toBe('damage');
    const { concealed } = await read('bad.mp4', 'conceal');
    expect(concealed!.frames).toBeGreaterThan(10);
    expect(concealed!.firstSec).toBeGreaterThan(0.3);
    expect(concealed!.note).toMatch(/^damaged or missing: \d+ frames \(\d\.\d\d s\)/);
  });

  test.skipIf(process.platform === 'win32')('a crash of ffmpeg is not the file’s fault', async () => {
    const crashing = file('crashing.sh');
    const onData = 'case "$*" in *version*) ;; *rawvideo*|*16le*|*showinfo*) kill -SEGV $$ ;; esac';
    writeFileSync(crashing, `#!/bin/sh\n${onData}\nexec '${ffmpeg!.path}' "$@"\n`);
    chmodSync(crashing, 0o755);
    const media = await openMedia({ ffmpegPath: crashing });
    const reason = await media.probe(file('a.ts')).catch((caught) => caught);
    expect([reason.fault, reason.detail]).toEqual(['decoder', expect.stringMatching(/^ffmpeg crashed \(SIGSEGV\)/)]);
  });
});
