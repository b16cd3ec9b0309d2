import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { joinWaveform } from '../read/join-waveform';
import { openMedia } from '../read/open-media';
import { beep, ffmpeg, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { normaliseMedia } from '../write/normalise-media';
import { cutShort } from './cut-short';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const of = (name: string, bytes: Uint8Array | string) => {
  writeFileSync(file(name), bytes);
  return cutShort(file(name));
};

test('an empty file is said to be empty, text is no video that could be cut', async () => {
  expect(await of('empty.mp4', '')).toBe('the file is empty');
  expect(await of('text.mp4', 'this is not a video')).toBeUndefined();
  await expect(cutShort(file('missing'))).rejects.toThrow('ENOENT');
});

test('lengths that stand for "unknown" and what stands behind the video are no cut', async () => {
  const box = (type: string, length: number, body: number) => {
    const bytes = Buffer.alloc(8 + body);
    bytes.writeUInt32BE(length, 0);
    bytes.write(type, 4, 'latin1');
    return bytes;
  };
  expect(await of('to-the-end.mp4', Buffer.concat([box('ftyp', 16, 8), box('mdat', 0, 100)]))).toBeUndefined();
  expect(
    await of('behind.mp4', Buffer.concat([box('ftyp', 16, 8), box('mdat', 108, 100), Buffer.from('a tail of text')])),
  ).toBeUndefined();
  expect(await of('box.mp4', Buffer.concat([box('ftyp', 16, 8), box('mdat', 109, 100)]))).toBe(
    'the box mdat needs 125 bytes, the file has 124',
  );
  const large = Buffer.concat([box('ftyp', 16, 8), box('mdat', 1, 108)]);
  large.writeBigUInt64BE(5_000_000_000n, 24);
  expect(await of('large.mp4', large)).toBe('the box mdat needs 5000000016 bytes, the file has 132');
  const live = Buffer.from('1a45dfa380185380670fffffffffffffff', 'hex');
  live.set([0x01], 9);
  expect(await of('live.mkv', Buffer.concat([live, Buffer.alloc(50)]))).toBeUndefined();
  expect(
    await of('live.wav', Buffer.concat([Buffer.from('52494646ffffffff57415645', 'hex'), Buffer.alloc(50)])),
  ).toBeUndefined();
});

describe.skipIf(!ffmpeg)(`cutShort of videos${SKIPPED}`, () => {
  const formats: [string, string[]][] = [
    ['whole.mp4', H264_AAC],
    ['index-first.mp4', [...H264_AAC, '-movflags', '+faststart']],
    ['fragments.mp4', [...H264_AAC, '-movflags', 'frag_keyframe+empty_moov']],
    ['whole.mov', H264_AAC],
    ['whole.mkv', H264_AAC],
    ['whole.flv', [...H264_AAC, '-ar', '44100']],
    ['whole.ts', H264_AAC],
    ['whole.mpg', ['-c:v', 'mpeg1video', '-c:a', 'mp2']],
    ['whole.vob', ['-c:v', 'mpeg2video', '-c:a', 'mp2']],
    ['whole.avi', ['-c:v', 'mpeg4', '-c:a', 'mp3']],
    ['whole.ogg', ['-vn', '-c:a', 'libvorbis']],
    ['whole.wav', ['-vn', '-c:a', 'pcm_s16le']],
    ['whole.aiff', ['-vn', '-c:a', 'pcm_s16be']],
  ];

  test.each(formats)('%s is whole; at ten places it is seen to be cut, or cannot be opened', async (name, codecs) => {
    const media = await openMedia({ log: () => undefined });
    await make('-f', 'lavfi', '-t', '2', '-i', 'testsrc=s=64x48:r=25', ...beep(), ...codecs, file(name));
    expect(await cutShort(file(name))).toBeUndefined();
    const bytes = readFileSync(file(name));
    for (let tenth = 0; tenth < 10; tenth++) {
      const path = file(`cut-${tenth}-${name}`);
      // An odd length: where a transport stream ends with a packet, which are of 188 bytes, nothing tells that it was
      // longer.
      writeFileSync(path, bytes.subarray(0, Math.round((bytes.length * (tenth + 0.5)) / 10) | 1));
      // What headers cannot tell (fragments, packets that end where the file does), decoding does.
      if ((await cutShort(path)) === undefined) {
        const decode = async () => {
          for await (const _piece of media.audio(path));
          for await (const _frame of media.frames(path));
        };
        await expect(decode(), `${tenth}`).rejects.toThrow(/path must be/);
      }
    }
  });

  test.each(['whole.mkv', 'whole.avi', 'index-first.mp4'])(
    'the readers and normaliseMedia refuse a cut %s; conceal takes what there is and says so',
    async (name) => {
      const path = file(`cut-6-${name}`);
      const media = await openMedia();
      await expect(joinWaveform(media.audio(path))).rejects.toThrow(
        /audio: path must be a file that decodes to its end .* after \d+ seconds? of audio: cut short: .* needs \d+ bytes, the file has \d+$/,
      );
      await expect(
        (async () => {
          for await (const _ of media.frames(path));
        })(),
      ).rejects.toThrow('cut short');
      const video = await media.both(path);
      await expect(joinWaveform(video.audio)).rejects.toThrow('cut short');
      await expect(
        (async () => {
          for await (const _ of video.frames);
        })(),
      ).rejects.toThrow('cut short');
      await video.release();
      await expect(normaliseMedia(path, file('x.mp4'))).rejects.toThrow(/input must be a whole file .* cut short/);
      const said: string[] = [];
      const concealing = await openMedia({ damage: 'conceal', log: (line) => said.push(line) });
      expect((await joinWaveform(concealing.audio(path))).samples.length).toBeGreaterThan(8000);
      expect(said.join()).toContain('cut short');
    },
  );
});
