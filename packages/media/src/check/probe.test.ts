import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inputFile } from '../read/input-file';
import { MAX_PIXELS } from '../read/open-media';
import { beep, ffmpeg, flash, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { parseFfmpegDump, probeFile } from './probe';

const DEBIAN_5_1 = `Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/videos/a b.mp4':
  Metadata:
    title           : Stream #0:0: Video: none, 9x9
                    : second line
  Duration: 00:01:06.13, start: 0.000000, bitrate: 864 kb/s
  Stream #0:0[0x1](und): Video: h264 (Constrained Baseline) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 700x500 [SAR 1:1 DAR 7:5], 628 kb/s, 22.13 fps, 30 tbr, 15360 tbn (default)
    Metadata:
      handler_name    : VideoHandler
      rotate          : 90
    Side data:
      displaymatrix: rotation of -90.00 degrees
  Stream #0:1[0x2](eng): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, 5.1(side), fltp, 231 kb/s (default)
At least one output file must be specified
`;

const STATIC_4_1 = `Input #0, matroska,webm, from 'file:/videos/b.mkv':
  Duration: N/A, start: -0.007000, bitrate: N/A
    Stream #0:0: Audio: mp2, 44100 Hz, stereo, s16p, 224 kb/s
    Stream #0:1(eng): Video: vp8, yuv420p, 360x288, SAR 1:1 DAR 5:4, 23.98 fps, 23.98 tbr, 1k tbn, 1k tbc (default)
    Stream #0:2: Audio: aac, 16000 Hz, mono, fltp
Stream mapping:
  Stream #0:1 -> #0:0 (vp8 (native) -> wrapped_avframe (native))
Output #0, null, to 'pipe:':
    Stream #0:0: Video: wrapped_avframe, yuv420p, 1x1, 200 kb/s, 30 fps
`;

describe('parseFfmpegDump', () => {
  test('reads what ffmpeg 5.1 prints: upright size, average rate, clockwise rotation, 5.1 audio', () => {
    expect(parseFfmpegDump('a', DEBIAN_5_1)).toEqual({
      path: 'a',
      durationSec: 66.13,
      video: { codec: 'h264', width: 500, height: 700, fps: 22.13, rotation: 90, startSec: 0 },
      audio: { codec: 'aac', sampleRate: 48000, channels: 6, startSec: 0 },
    });
  });

  test('reads what ffmpeg 4.1 prints, of the input only, the first stream of each kind', () => {
    expect(parseFfmpegDump('b', STATIC_4_1)).toEqual({
      path: 'b',
      durationSec: Number.NaN,
      video: { codec: 'vp8', width: 360, height: 288, fps: 23.98, rotation: 0, startSec: -0.007 },
      audio: { codec: 'mp2', sampleRate: 44100, channels: 2, startSec: -0.007 },
    });
  });

  test('ignores cover images and clock rates, and takes the given stream', () => {
    const line = (rest: string) =>
      `Input #0, x, from 'y':\n  Duration: 00:00:01.00, start: 0.5, bitrate: 1\n  Stream #0:0: ${rest}\n`;
    expect(
      parseFfmpegDump('c', line('Video: png, rgb24(pc), 32x32, 90k tbr, 90k tbn (attached pic)')).video,
    ).toBeUndefined();
    expect(parseFfmpegDump('c', line('Video: h264, yuv420p, 32x16, 90k tbr, 90k tbn')).video).toMatchObject({
      fps: 25,
      width: 32,
    });
    expect(parseFfmpegDump('c', line('Video: h264, yuv420p, 32x16, 1k fps, 90k tbn')).video).toMatchObject({
      fps: 1000,
    });
    expect(parseFfmpegDump('c', line('Video: h264, yuv420p, 32x16, 25 fps'), { video: -1 }).video).toBeUndefined();
    expect(parseFfmpegDump('c', line('Audio: pcm_s16le, 8000 Hz, 7 channels, s16')).audio).toMatchObject({
      channels: 7,
      sampleRate: 8000,
    });
    expect(parseFfmpegDump('c', 'nothing')).toEqual({ path: 'c', durationSec: Number.NaN });
  });
});

const LIMITS = { where: 'test', maxPixels: MAX_PIXELS };

describe.skipIf(!ffmpeg)(`probeFile${SKIPPED}`, () => {
  const folder = temporaryFolder();

  test('finds the time of the first frame, and the length of a file that does not store it', async () => {
    await make(...flash(25), ...beep(), ...H264_AAC, '-f', 'h264', '-an', join(folder, 'raw.h264'));
    const raw = await probeFile(ffmpeg!.path, await inputFile('test', join(folder, 'raw.h264')), LIMITS);
    expect(Math.abs(raw.info.durationSec - 2)).toBeLessThan(0.2);
    await make(...flash(25), ...beep(), ...H264_AAC, join(folder, 'broadcast.ts'));
    const ts = await probeFile(ffmpeg!.path, await inputFile('test', join(folder, 'broadcast.ts')), LIMITS);
    expect(ts.zeroMicroseconds).toBe(Math.round(ts.info.video!.startSec * 1e6));
    expect(ts.info.video!.startSec).toBeGreaterThan(1); // ffmpeg's transport streams start at 1.4 s and more
    expect(Math.abs(ts.info.durationSec - 2)).toBeLessThan(0.1);
  });
});
