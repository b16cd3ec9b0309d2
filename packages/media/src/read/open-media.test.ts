import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  beep,
  brightness,
  ffmpeg,
  flash,
  flashFrame,
  H264_AAC,
  make,
  onset,
  SKIPPED,
  temporaryFolder,
  turn,
} from '../testing/clips';
import { joinWaveform } from './join-waveform';
import type { FfmpegReader } from './open-media';
import { openMedia } from './open-media';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

describe.skipIf(!ffmpeg)(`openMedia${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia();
    await make(...flash(25), ...beep(), ...H264_AAC, file('plain.mp4'));
  });

  test('reports which ffmpeg it uses', () => {
    expect(media.ffmpeg.path).toBe(ffmpeg!.path);
  });

  test('frames of a 25 fps video are its frames one for one, RGB, numbered, with their time', async () => {
    const indices: number[] = [];
    const times: number[] = [];
    for await (const frame of media.frames(file('plain.mp4'))) {
      expect(frame.data.length).toBe(64 * 48 * 3);
      expect([frame.width, frame.height]).toEqual([64, 48]);
      indices.push(frame.index);
      times.push(frame.timeSec);
    }
    expect(indices).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(times[25]).toBe(1);
  });

  test.each([
    ['mp4', 25],
    ['mp4', 29.97],
    ['mov', 60],
    ['mkv', 23.976],
  ])('frames from a frame on, in %s of %d frames a second, are those of the whole video', async (ending, fps) => {
    const path = file(`seek-${fps}.${ending}`);
    await make('-f', 'lavfi', '-t', '8', '-i', `testsrc=s=64x48:r=${fps}`, ...beep(8), ...H264_AAC, '-g', '60', path);
    const whole: Uint8Array[] = [];
    for await (const { data } of media.frames(path)) whole.push(data);
    for (const first of [1, 26, 90, 151, whole.length - 1]) {
      let index = first;
      for await (const frame of media.frames(path, { first })) {
        expect(frame.index).toBe(index);
        expect(Buffer.compare(frame.data, whole[index++])).toBe(0);
      }
      expect(index).toBe(whole.length);
    }
    expect(() => media.frames(path, { first: 0.5 })).toThrow(
      'frames: options.first must be a whole number, 0 or more, got 0.5',
    );
  });

  test('colours are in the order red, green, blue', async () => {
    await make(
      '-f',
      'lavfi',
      '-t',
      '0.2',
      '-i',
      'color=c=0xC02040:s=32x32:r=25',
      '-c:v',
      'libx264',
      '-pix_fmt',
      'yuv444p',
      '-qp',
      '0',
      file('red.mp4'),
    );
    for await (const frame of media.frames(file('red.mp4'))) {
      for (const [channel, value] of [0xc0, 0x20, 0x40].entries()) {
        expect(Math.abs(frame.data[channel] - value)).toBeLessThanOrEqual(3);
      }
    }
  });

  test('a sequence starts from the first frame each time', async () => {
    const sequence = media.frames(file('plain.mp4'));
    for (let round = 0; round < 2; round++) {
      for await (const frame of sequence) {
        expect(frame.index).toBe(0);
        break;
      }
    }
  });

  test('audio is mono float at 16 kHz in pieces of a second, the beep where it was', async () => {
    const lengths: number[] = [];
    for await (const piece of media.audio(file('plain.mp4'))) {
      expect(piece.sampleRate).toBe(16000);
      lengths.push(piece.samples.length);
    }
    expect(lengths.slice(0, 2)).toEqual([16000, 16000]);
    const { samples } = await joinWaveform(media.audio(file('plain.mp4')));
    expect(Math.abs(onset(samples) - 16000)).toBeLessThanOrEqual(16); // 1 ms: the first samples of a sine are small
  });

  test.each([
    ['24000/1001', 24],
    ['30000/1001', 30],
    ['30', 30],
    ['50', 50],
    ['12', 12],
  ])('frames of a %s fps video are the nearest in time to k / 25, and as long as the video', async (rate, nominal) => {
    const path = file(`rate-${nominal}-${rate.length}.mp4`);
    await make(...flash(rate), ...H264_AAC, path);
    const means = await brightness(media, path);
    expect(Math.abs(means.length - 50)).toBeLessThanOrEqual(1 + 25 / nominal / 2);
    const first = means.findIndex((mean) => mean > 128);
    // First source frame at or after 1 s; it is shown from half a source frame before it on.
    const [frameCount, seconds = 1] = rate.split('/').map(Number);
    const fps = frameCount / seconds;
    const source = Math.ceil(fps - 1e-9) / fps;
    expect(first).toBe(Math.ceil((source - 0.5 / fps) * 25 - 1e-6));
    // the bound is half a source frame and one of ours; measured 0.04
    expect(Math.abs(first / 25 - source)).toBeLessThanOrEqual(0.5 / fps + 0.04);
  });

  test('frames of 60 fps video are on average neither early nor late', async () => {
    // Brightness counts frames: frame n has level n, without loss.
    const path = file('ramp.mkv');
    const source = 'color=black:s=16x16:r=60,format=gbrp,geq=r=N:g=N:b=N';
    await make('-f', 'lavfi', '-t', '3', '-i', source, '-c:v', 'ffv1', '-pix_fmt', 'bgr0', path);
    const levels = await brightness(media, path);
    expect(levels.length).toBe(75);
    const errors = levels.map((level, k) => level / 60 - k / 25);
    const mean = errors.reduce((sum, value) => sum + value, 0) / errors.length;
    expect(Math.abs(mean)).toBeLessThan(1e-9); // measured 9e-19
    // the bound is half a source frame; measured 0.0067
    expect(Math.max(...errors.map(Math.abs))).toBeLessThanOrEqual(0.5 / 60 + 0.001);
  });

  test('frames of a video of variable rate are the nearest in time, those after a long gap come at most 50 ms early', async () => {
    // Frames at 0, 17, 57, 100, 117 ms and so on until 1 s, then one at 1.5 s and one in 40 ms; brightness counts them.
    const path = file('irregular.mkv');
    const times = Array.from({ length: 2000 }, (_, ms) => ms).filter((ms) =>
      ms <= 1000 ? [0, 17, 57].includes(ms % 100) : ms >= 1500 && ms % 40 === 20,
    );
    const chosen =
      'if(lte(n\\,1000)\\,not(mod(n\\,100))+eq(mod(n\\,100)\\,17)+eq(mod(n\\,100)\\,57)\\,gte(n\\,1500)*eq(mod(n\\,40)\\,20))';
    const source = `color=black:s=16x16:r=1000,select=${chosen},format=gbrp,geq=r=3*N:g=3*N:b=3*N`;
    await make('-f', 'lavfi', '-t', '2', '-i', source, '-vsync', 'vfr', '-c:v', 'ffv1', '-pix_fmt', 'bgr0', path);
    const levels = (await brightness(media, path)).map((level) => level / 3);
    const nearest = (ms: number) =>
      times.findIndex((time, index) => {
        const until =
          index + 1 < times.length ? Math.max((time + times[index + 1]) / 2, times[index + 1] - 50) : Infinity;
        return ms < until;
      });
    expect(levels.slice(0, 48)).toEqual(Array.from({ length: 48 }, (_, k) => nearest(40 * k)));
    expect([levels[36], levels[37]].map((level) => times[level])).toEqual([1000, 1500]); // 1.44 and 1.48 s
  });

  test('a video of variable rate keeps its time', async () => {
    // Every frame of the first second, then one in four: the flash at 2 s is first seen in frame 52.
    const path = file('vfr.mkv');
    const [, , , , , source] = flash(25, 4, 2);
    await make(
      '-f',
      'lavfi',
      '-t',
      '4',
      '-i',
      `${source},select=lt(t\\,1)+not(mod(n\\,4))`,
      ...beep(4, 2),
      '-vsync',
      'vfr',
      ...H264_AAC,
      '-c:a',
      'flac',
      path,
    );
    const means = await brightness(media, path);
    expect(Math.abs(means.findIndex((mean) => mean > 128) - 52)).toBeLessThanOrEqual(2);
    expect(Math.abs(means.length - 100)).toBeLessThanOrEqual(4);
    const { samples } = await joinWaveform(media.audio(path));
    expect(Math.abs(onset(samples) - 32000)).toBeLessThanOrEqual(16);
  });

  test.each([
    ['mkv', 0.3, 0],
    ['mkv', 0, 0.3],
    ['mp4', 0.3, 0],
    ['mp4', 0, 0.033],
    ['ts', 0.2, 0],
    ['ts', 0, 0.2],
    ['webm', 0, 0.3],
  ])(
    'in %s with the audio %d s late and the frame %d s late both count from the first frame',
    async (container, audioLate, frameLate) => {
      const codecs =
        container === 'webm'
          ? ['-c:v', 'libvpx', '-deadline', 'realtime', '-c:a', 'libopus', '-ar', '48000']
          : H264_AAC;
      const path = file(`late-${audioLate}-${frameLate}.${container}`);
      const frames = file(container === 'webm' ? 'silent-vp8.mkv' : 'silent.mkv');
      const audio = codecs.slice(codecs.indexOf('-c:a'));
      if (!existsSync(frames)) await make(...flash(25), ...codecs.slice(0, codecs.indexOf('-c:a')), frames);
      await make(
        '-itsoffset',
        String(frameLate),
        '-i',
        frames,
        '-itsoffset',
        String(audioLate),
        ...beep(),
        '-c:v',
        'copy',
        ...audio,
        path,
      );
      const info = await media.probe(path);
      // measured 0.024: AAC begins 1024 samples, 23 ms, before the first that is heard
      expect(Math.abs(info.video!.startSec - info.audio!.startSec - (frameLate - audioLate))).toBeLessThan(0.025);
      expect(await flashFrame(media, path)).toBe(25);
      const { samples } = await joinWaveform(media.audio(path));
      const expected = 16000 * (1 + audioLate - frameLate);
      // Samples of tolerance: Matroska keeps whole milliseconds; ffmpeg's webm writer puts the frame late by Opus'
      // delay of 6.5 ms.
      expect(Math.abs(onset(samples) - expected)).toBeLessThanOrEqual({ mkv: 40, webm: 130 }[container] ?? 16);
    },
  );

  test('audio that starts late is preceded by silence, not stretched', async () => {
    const path = file('late-0.3-0.mkv');
    const { samples } = await joinWaveform(media.audio(path));
    expect(Math.max(...samples.slice(0, 4000).map(Math.abs))).toBe(0);
  });

  test('a gap in the audio becomes silence', async () => {
    const path = file('hole.mkv');
    await make(...flash(25, 3, 2), ...beep(3, 2), '-af', 'aselect=not(between(t\\,0.5\\,1))', ...H264_AAC, path);
    const { samples } = await joinWaveform(media.audio(path));
    expect(Math.abs(onset(samples) - 32000)).toBeLessThanOrEqual(640); // holes below 40 ms are let be
  });

  test.each([[90], [180], [270]])('a video rotated by %d degrees is decoded upright', async (degrees) => {
    // A white bar on the left of the stored frame; the container asks for a clockwise turn.
    const path = file(`turned-${degrees}.mp4`);
    await make(
      '-f',
      'lavfi',
      '-t',
      '0.4',
      '-i',
      'color=black:s=64x32:r=25,drawbox=x=0:w=16:h=32:c=white:t=fill',
      ...H264_AAC,
      path,
    );
    turn(path, degrees);
    const { video } = await media.probe(path);
    expect(video).toMatchObject({
      rotation: degrees,
      width: degrees === 180 ? 64 : 32,
      height: degrees === 180 ? 32 : 64,
    });
    for await (const { data, width, height } of media.frames(path)) {
      expect([width, height]).toEqual([video!.width, video!.height]);
      const at = (x: number, y: number) => data[(y * width + x) * 3];
      const middle = [width >> 1, height >> 1] as const;
      // Left goes to the top at 90, to the right at 180, to the bottom at 270.
      const bright = { 90: at(middle[0], 2), 180: at(width - 3, middle[1]), 270: at(middle[0], height - 3) }[degrees];
      const dark = { 90: at(middle[0], height - 3), 180: at(2, middle[1]), 270: at(middle[0], 2) }[degrees];
      expect(bright).toBeGreaterThan(200);
      expect(dark).toBeLessThan(50);
    }
  });

  test.each(['mono', 'stereo', '5.1'])('%s audio with the same in every channel keeps its level', async (layout) => {
    const path = file(`level-${layout}.wav`);
    await make(...beep(2, 1, 48000, layout), '-c:a', 'pcm_s16le', path);
    const info = await media.probe(path);
    expect(info.audio!.channels).toBe({ mono: 1, stereo: 2, '5.1': 6 }[layout]);
    const { samples } = await joinWaveform(media.audio(path));
    expect(Math.max(...samples)).toBeGreaterThan(0.49);
    expect(Math.max(...samples)).toBeLessThan(0.52);
    expect(samples.length).toBe(32000);
    expect(Math.abs(onset(samples) - 16000)).toBeLessThanOrEqual(8);
  });

  test('audio shorter than the video ends where it ends', async () => {
    const path = file('short-audio.mp4');
    await make(...flash(25), ...beep(1.5), ...H264_AAC, path);
    const { samples } = await joinWaveform(media.audio(path));
    expect(Math.abs(samples.length - 24000)).toBeLessThanOrEqual(1024);
    expect((await brightness(media, path)).length).toBe(50);
  });

  test('a video without audio has frames and refuses audio', async () => {
    const path = file('silent.mp4');
    await make(...flash(25), ...H264_AAC, path);
    expect((await media.probe(path)).audio).toBeUndefined();
    expect((await brightness(media, path)).length).toBe(50);
    await expect(joinWaveform(media.audio(path))).rejects.toThrow('audio: path must be a file with audio');
  });

  test('audio with a cover image is audio only', async () => {
    const path = file('cover.mp3');
    const wav = file('level-mono.wav');
    await make('-f', 'lavfi', '-i', 'color=red:s=32x32', '-frames:v', '1', file('cover.png'));
    await make(
      '-i',
      wav,
      '-i',
      file('cover.png'),
      '-map',
      '0:a',
      '-map',
      '1:v',
      '-c:v',
      'copy',
      '-disposition:v:0',
      'attached_pic',
      '-id3v2_version',
      '3',
      path,
    );
    expect((await media.probe(path)).video).toBeUndefined();
    await expect(brightness(media, path)).rejects.toThrow('frames: path must be a file with frames');
    expect(Math.abs(onset((await joinWaveform(media.audio(path))).samples) - 16000)).toBeLessThanOrEqual(40);
  });

  test.each([
    ['yuv420p', 0],
    ['yuv422p', 0],
    ['yuv444p', 0],
    ['yuv420p10le', 8],
  ])(
    'a region of %s is to the bit what the whole frames show there, %i pixels from its edges on',
    async (format, edge) => {
      const name = `region-${format}.mp4`;
      const source = ['-f', 'lavfi', '-t', '0.2', '-i', 'testsrc2=s=130x98:r=25'];
      await make(...source, '-c:v', 'libx264', '-pix_fmt', format, '-qp', '4', file(name));
      for (const region of [
        { left: 34, top: 18, width: 50, height: 42 },
        { left: 0, top: 0, width: 130, height: 98 },
        { left: 66, top: 30, width: 64, height: 68 },
      ]) {
        const whole = media.frames(file(name))[Symbol.asyncIterator]();
        let count = 0;
        for await (const { data, width, height, index } of media.view(file(name), { region })) {
          const { value } = await whole.next();
          expect([width, height, index]).toEqual([region.width, region.height, value.index]);
          let differing = 0;
          for (let row = 0; row < height; row++) {
            if (row < edge || row >= height - edge) continue;
            const from = ((region.top + row) * 130 + region.left + edge) * 3;
            const length = (width - 2 * edge) * 3;
            const ours = (row * width + edge) * 3;
            if (Buffer.compare(data.subarray(ours, ours + length), value.data.subarray(from, from + length)) !== 0)
              differing++;
          }
          expect(differing).toBe(0);
          count++;
        }
        expect(count).toBe(5);
      }
      const beyond = media.view(file(name), { region: { left: 100, top: 0, width: 32, height: 10 } });
      await expect(beyond[Symbol.asyncIterator]().next()).rejects.toThrow(
        'options.region must be whole pixels within the frame of 130 x 98, got 32 x 10 at 100, 0',
      );
    },
  );

  test('a view of smaller frames has the size of maxSide and nearly the same values', async () => {
    const sharp = media.frames(file('plain.mp4'), { maxSide: 32 })[Symbol.asyncIterator]();
    for await (const frame of media.view(file('plain.mp4'), { maxSide: 32 })) {
      expect([frame.width, frame.height]).toEqual([32, 24]);
      const { value } = await sharp.next();
      const mean = (data: Uint8Array) => data.reduce((sum, byte) => sum + byte, 0) / data.length;
      expect(Math.abs(mean(frame.data) - mean(value.data))).toBeLessThan(2);
    }
    expect(() => media.view('x', { maxSide: 0.5 })).toThrow('options.maxSide');
  });

  test('maxSide scales down and keeps the aspect, and never up', async () => {
    for await (const frame of media.frames(file('plain.mp4'), { maxSide: 32 })) {
      expect([frame.width, frame.height]).toEqual([32, 24]);
    }
    for await (const frame of media.frames(file('plain.mp4'), { maxSide: 1000 })) {
      expect([frame.width, frame.height]).toEqual([64, 48]);
      break;
    }
  });

  test('a frame larger than maxPixels is refused with its size', async () => {
    const small = await openMedia({ maxPixels: 1000 });
    await expect(small.probe(file('plain.mp4'))).rejects.toThrow(/at most 1000 pixels a frame .*64 x 48/);
    await expect(brightness(small, file('plain.mp4'))).rejects.toThrow(RangeError);
    await expect(openMedia({ maxPixels: 0 })).rejects.toThrow('options.maxPixels');
  });

  test('a video that changes size half way gives frames of one size', async () => {
    await make(...flash(25, 1), ...H264_AAC, '-f', 'mpegts', file('first.ts'));
    await make(...flash(25, 1, 0, '128x96'), ...H264_AAC, '-f', 'mpegts', file('second.ts'));
    writeFileSync(file('both.ts'), Buffer.concat([readFileSync(file('first.ts')), readFileSync(file('second.ts'))]));
    const concealing = await openMedia({ damage: 'conceal', log: () => undefined });
    let frameCount = 0;
    for await (const frame of concealing.frames(file('both.ts'))) {
      expect([frame.width, frame.height]).toEqual([64, 48]);
      frameCount++;
    }
    expect(frameCount).toBeGreaterThanOrEqual(25);
  });

  test('a cut video throws after its last whole frame, with the reason; conceal decodes what there is and logs it', async () => {
    const path = file('cut.mp4');
    await make(...flash(25, 4), ...beep(4), ...H264_AAC, '-movflags', '+faststart', path);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length * 0.6));
    await expect(brightness(media, path)).rejects.toThrow(
      /frames: path must be a file that decodes to its end.*cut\.mp4: after \d+ frames: /,
    );
    await expect(joinWaveform(media.audio(path))).rejects.toThrow(/audio: path must be a file that decodes to its end/);
    const said: string[] = [];
    const concealing = await openMedia({ damage: 'conceal', log: (line) => said.push(line) });
    const means = await brightness(concealing, path);
    expect(means.length).toBeGreaterThanOrEqual(25);
    expect(means.length).toBeLessThan(100);
    expect(said.join()).toContain('cut.mp4: cut short: the box mdat');
  });

  test('a damaged video throws', async () => {
    const path = file('damaged.mp4');
    await make(
      '-f',
      'lavfi',
      '-t',
      '4',
      '-i',
      'testsrc=s=96x64:r=25',
      ...beep(4),
      ...H264_AAC,
      '-movflags',
      '+faststart',
      path,
    );
    const bytes = readFileSync(path);
    for (let at = bytes.length >> 1; at < (bytes.length >> 1) + 3000; at++) bytes[at] = (at * 2654435761) & 255;
    writeFileSync(path, bytes);
    await expect(brightness(media, path)).rejects.toThrow('decodes to its end');
  });

  test('other files are refused with name and reason', async () => {
    writeFileSync(file('text.mp4'), 'this is not a video');
    await expect(media.probe(file('text.mp4'))).rejects.toThrow(/probe: path must be a video or audio .*text\.mp4 \(/);
    await expect(media.probe(file('missing.mp4'))).rejects.toThrow(/missing\.mp4 \(ENOENT\)/);
    await expect(brightness(media, folder)).rejects.toThrow('a plain file');
    await expect(media.probe('')).rejects.toThrow(TypeError);
    expect(() => media.frames('x', { fps: 0 })).toThrow('options.fps');
    expect(() => media.frames('x', { maxSide: 0.5 })).toThrow('options.maxSide');
    expect(() => media.audio('x', { sampleRate: 1 })).toThrow('options.sampleRate');
  });

  test('probe runs again when the file changes', async () => {
    const path = file('changing.mp4');
    await make(...flash(25, 1), ...H264_AAC, path);
    expect((await media.probe(path)).video).toMatchObject({ width: 64 });
    await make(...flash(25, 1.5, 1, '96x48'), ...H264_AAC, path);
    expect((await media.probe(path)).video).toMatchObject({ width: 96 });
  });
});
