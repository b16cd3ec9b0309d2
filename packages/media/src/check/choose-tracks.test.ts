import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MediaError } from '@lipsync/contracts';
import { beforeAll, describe, expect, test } from 'vitest';
import { joinWaveform } from '../read/join-waveform';
import type { FfmpegReader, OpenMediaOptions } from '../read/open-media';
import { openMedia } from '../read/open-media';
import { beep, ffmpeg, flash, flashFrame, H264_AAC, make, onset, SKIPPED, temporaryFolder } from '../testing/clips';
import { checkMedia } from './check-media';
import { streamLines } from './tracks';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

test('streamLines reads marks, languages, titles and programs, and counts each kind for itself', () => {
  const dump = `Input #0, mpegts, from 'x':
  Duration: 00:00:02.02, start: 1.456778, bitrate: 244 kb/s
  Program 1 
    Metadata:
      service_name    : Service01
  Stream #0:1[0x101](eng): Audio: aac (LC) ([15][0][0][0] / 0x000F), 44100 Hz, mono, fltp, 71 kb/s (comment)
    Metadata:
      title           : What (default) means
  Stream #0:0[0x100]: Video: h264 (High), yuv420p(progressive), 96x64 [SAR 1:1 DAR 3:2], 25 fps, 25 tbr, 90k tbn
  Program 2 
  Stream #0:3[0x104]: Subtitle: dvb_subtitle (dvbsub)
  Stream #0:2[0x102](und): Audio: none, 48000 Hz, 5.1(side), fltp (default) (dub)
At least one output file must be specified
`;
  const [video, first, second] = streamLines(dump);
  expect(video).toMatchObject({ kind: 'video', number: 0, track: 0, codec: 'h264', marks: [], programs: [1] });
  expect(first).toMatchObject({
    number: 1,
    track: 0,
    language: 'eng',
    title: 'What (default) means',
    marks: ['comment'],
  });
  expect(second).toMatchObject({ number: 2, track: 1, codec: 'none', marks: ['default', 'dub'], programs: [2] });
  expect(second.language).toBeUndefined();
});

describe.skipIf(!ffmpeg)(`the tracks that are read${SKIPPED}`, () => {
  let media: FfmpegReader;
  /** Copies the streams named by `maps` of the inputs: the flash and the beep at 1 s; at 0.4 s; silence; a still picture. */
  const mux = (name: string, maps: string[], ...args: string[]) =>
    make(
      ...['early.mkv', 'late.mkv', 'silence.mka', 'still.mkv'].flatMap((input) => ['-i', file(input)]),
      ...maps.flatMap((map) => ['-map', map]),
      ...['-c', 'copy', ...args, file(name)],
    );
  /** Time of the flash and of the beep as they are read, in frames of 25 per second. */
  const read = async (name: string, options: OpenMediaOptions = {}) => {
    const reader = Object.keys(options).length === 0 ? media : await openMedia({ ...options, log: () => undefined });
    const { samples } = await joinWaveform(reader.audio(file(name)));
    return [await flashFrame(reader, file(name)), Math.round((onset(samples) / 16000) * 25)];
  };
  const choices = async (name: string) =>
    (await media.probe(file(name))).choices?.map(({ kind, track, reason }) => [kind, track, reason]);

  beforeAll(async () => {
    media = await openMedia({ log: () => undefined });
    await make(...flash(25, 2, 0.4), ...beep(2, 0.4), ...H264_AAC, '-bf', '0', file('early.mkv'));
    await make(...flash(25), ...beep(), ...H264_AAC, '-bf', '0', file('late.mkv'));
    await make('-f', 'lavfi', '-t', '2', '-i', 'anullsrc=r=44100:cl=stereo', '-c:a', 'aac', file('silence.mka'));
    const still = ['-f', 'lavfi', '-t', '0.04', '-i', 'testsrc=s=64x48:r=25', '-frames:v', '1'];
    await make(...still, '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', file('still.mkv'));
  });

  test('one track of each kind is no choice', async () => {
    const info = await media.probe(file('late.mkv'));
    expect([info.choices, info.notes]).toEqual([undefined, undefined]);
    expect((await checkMedia(file('late.mkv'))).notes).toEqual([]);
  });

  test.each(['mkv', 'mp4', 'mov'])('the audio that is marked as default is read (%s)', async (ending) => {
    const name = `second-default.${ending}`;
    await mux(name, ['1:v', '0:a', '1:a'], '-disposition:a:0', '0', '-disposition:a:1', 'default');
    expect(await choices(name)).toEqual([['audio', 1, 'it is marked as default']]);
    expect(await read(name)).toEqual([25, 25]);
    expect(await read(name, { audioTrack: 0 })).toEqual([25, 10]);
    const { notes, ok, info } = await checkMedia(file(name));
    expect(notes).toEqual([
      expect.stringMatching(/^2 audio tracks \(0: aac, mono(, eng)?; 1: aac, mono(, eng)?, default\): track 1 is read/),
    ]);
    expect([ok, info!.notes]).toEqual([true, notes]);
  });

  test('both reads the same tracks', async () => {
    const both = await media.both(file('second-default.mkv'));
    try {
      expect(both.info.notes).toHaveLength(1);
      const { samples } = await joinWaveform(both.audio);
      expect(Math.round((onset(samples) / 16000) * 25)).toBe(25);
    } finally {
      await both.release();
    }
  });

  test('a silent first track is passed over, also where it is the default; where all are silent it is read', async () => {
    await mux('silent.mkv', ['1:v', '2:a', '1:a'], '-disposition:a:0', 'default', '-disposition:a:1', '0');
    expect(await choices('silent.mkv')).toEqual([['audio', 1, 'track 0: silent']]);
    expect(await read('silent.mkv')).toEqual([25, 25]);
    await mux('all-silent.mkv', ['1:v', '2:a', '2:a']);
    expect(await choices('all-silent.mkv')).toEqual([['audio', 0, 'none of them can be used']]);
  });

  test('a still picture is passed over, also where it is the default', async () => {
    await mux('still-first.mkv', ['3:v', '1:v', '1:a'], '-disposition:v:0', 'default', '-disposition:v:1', '0');
    expect(await choices('still-first.mkv')).toEqual([['video', 1, 'track 0: still picture']]);
    expect(await read('still-first.mkv')).toEqual([25, 25]);
    expect((await checkMedia(file('still-first.mkv'))).video!.frameCount).toBe(50);
    const info = await (await openMedia({ videoTrack: 0 })).probe(file('still-first.mkv'));
    expect(info.video!.codec).toBe('mjpeg');
    // A picture that is repeated is still one.
    const png = ['-f', 'lavfi', '-t', '2', '-i', 'testsrc=s=64x48:r=1,trim=end_frame=1,loop=loop=-1:size=1,fps=25'];
    const encoded = ['-map', '0', '-map', '1', '-c:v', 'libx264', '-c:a', 'copy', '-t', '2'];
    await make(...png, '-i', file('late.mkv'), ...encoded, file('loop.mkv'));
    const loop = ['-i', file('loop.mkv'), '-c', 'copy', '-disposition:v:0', 'default', '-disposition:v:1', '0'];
    await make(...loop, '-map', '0', file('loop-first.mkv'));
    expect(await choices('loop-first.mkv')).toEqual([['video', 1, 'track 0: still picture']]);
  });

  test('commentary and descriptions come last', async () => {
    for (const mark of ['comment', 'visual_impaired', 'comment+default']) {
      await mux('beside.mkv', ['1:v', '0:a', '1:a'], '-disposition:a:0', mark, '-disposition:a:1', '0');
      const { stdout, stderr } = await promisify(execFile)(ffmpeg!.path, ['-i', file('beside.mkv')]).catch(
        (error) => error,
      );
      if (!/\((comment|visual impaired)\)/.test(stdout + stderr)) continue; // ffmpeg 4.1 does not read these marks
      expect(await choices('beside.mkv')).toEqual([['audio', 1, 'the others are marked as commentary or description']]);
    }
    await mux('only-comment.mkv', ['1:v', '1:a', '2:a'], '-disposition:a:0', 'comment', '-disposition:a:1', '0');
    expect((await read('only-comment.mkv'))[1]).toBe(25); // the other one is silent
  });

  test('a track of an unknown codec, and one without samples, are passed over', async () => {
    await mux('two.mkv', ['1:v', '0:a', '1:a']);
    const bytes = readFileSync(file('two.mkv'));
    bytes.write('A_QQQ', bytes.indexOf('A_AAC'), 'latin1');
    writeFileSync(file('unknown.mkv'), bytes);
    expect(await choices('unknown.mkv')).toEqual([['audio', 1, 'track 0: nothing decodes']]);
    expect(await read('unknown.mkv')).toEqual([25, 25]);
    expect((await checkMedia(file('unknown.mkv'))).problems).toEqual([]);
    await make('-i', file('late.mkv'), '-c', 'copy', file('late.mp4'));
    await make(
      ...['-i', file('late.mp4'), '-t', '0.001', '-i', file('late.mp4'), '-map', '0:v', '-map', '1:a', '-map', '0:a'],
      ...['-c', 'copy', file('zero.mp4')],
    );
    expect(await choices('zero.mp4')).toEqual([
      ['audio', 1, expect.stringMatching(/^track 0: (silent|nothing decodes)$/)],
    ]);
    expect(await read('zero.mp4')).toEqual([25, 25]);
  });

  test('in a transport stream the audio of the same program is read', async () => {
    const programs = ['-program', 'st=0:st=1', '-program', 'st=2:st=3'];
    const still = ['-map', '0:a', '-map', '0:v', '-map', '1:v', '-map', '1:a'];
    await make('-i', file('early.mkv'), '-i', file('late.mkv'), ...still, '-c', 'copy', ...programs, file('two.ts'));
    expect(await read('two.ts')).toEqual([10, 10]);
    expect((await read('two.ts', { videoTrack: 1 }))[0]).toBe(25);
    expect(await read('two.ts', { videoTrack: 1 })).toEqual([25, 25]);
  });

  test('subtitles are no track, and a track that is missing is an error that lists what there is', async () => {
    writeFileSync(file('lines.srt'), '1\n00:00:00,000 --> 00:00:01,000\nhello\n');
    const inputs = ['-i', file('lines.srt'), '-i', file('late.mkv')];
    await make(...inputs, '-map', '0', '-map', '1', '-c', 'copy', file('subtitled.mkv'));
    expect(await read('subtitled.mkv', { audioTrack: 0, videoTrack: 0 })).toEqual([25, 25]);
    const reader = await openMedia({ audioTrack: 2 });
    const error = await reader.probe(file('second-default.mkv')).catch((reason) => reason);
    expect(error).toBeInstanceOf(MediaError);
    expect(error.message).toMatch(
      /^probe: options\.audioTrack must be one of .*mkv \(0: aac, mono; 1: aac, mono, default\), got 2$/,
    );
    expect([error.fault, error.detail]).toEqual([
      'track',
      expect.stringMatching(/^there is no audio track 2; the file has 0: aac/),
    ]);
    await expect(reader.both(file('late.mkv'))).rejects.toThrow('got 2');
    await expect(checkMedia(file('late.mkv'), { videoTrack: 1 })).rejects.toThrow('options.videoTrack');
    await expect(openMedia({ audioTrack: -1 })).rejects.toThrow('options.audioTrack must be a whole number, 0 or more');
  });
});
