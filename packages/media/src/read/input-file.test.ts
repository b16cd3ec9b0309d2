import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { beep, ffmpeg, flash, flashFrame, H264_AAC, make, SKIPPED, temporaryFolder } from '../testing/clips';
import { encodeVideo } from '../write/encode-video';
import { inputArguments, inputFile } from './input-file';
import { joinWaveform } from './join-waveform';
import type { FfmpegReader } from './open-media';
import { openMedia } from './open-media';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

test('inputFile refuses folders, devices and invalid names', async () => {
  await expect(inputFile('here', folder)).rejects.toThrow('here: path must be a plain file');
  await expect(inputFile('here', 'no/such')).rejects.toThrow('(ENOENT)');
  await expect(inputFile('here', 'a\0b')).rejects.toThrow(TypeError);
  if (process.platform !== 'win32')
    await expect(inputFile('here', '/dev/zero')).rejects.toThrow('a folder, pipe or device');
});

test('inputArguments name the file by a file: URL, which cannot be an option', async () => {
  writeFileSync(file('-i.mp4'), '');
  const args = inputArguments(await inputFile('here', file('-i.mp4')), 1000);
  expect(args.slice(-2)).toEqual(['-i', `file:${file('-i.mp4')}`]);
  expect(args[args.indexOf('-protocol_whitelist') + 1]).toBe('file');
});

describe.skipIf(!ffmpeg)(`a reader reads the named file only${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia();
    await make(...flash(25), ...beep(), ...H264_AAC, file('secret.mp4'));
    await make('-i', file('secret.mp4'), '-c', 'copy', file('secret.ts'));
  });

  const playlists: [string, (name: string) => string][] = [
    ['hls.mp4', (name) => `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${name}\n#EXT-X-ENDLIST\n`],
    ['hls.m3u8', (name) => `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:${name}\n#EXT-X-ENDLIST\n`],
    ['concat.mp4', () => 'ffconcat version 1.0\nfile secret.ts\n'],
    ['concat.txt', () => 'ffconcat version 1.0\nfile secret.ts\n'],
    [
      'sdp.mp4',
      () =>
        'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n',
    ],
    [
      'dash.mp4',
      () =>
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000"><BaseURL>secret.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>\n',
    ],
  ];
  test.each(playlists)('%s, which names another file or address, is refused', async (name, content) => {
    writeFileSync(file(name), content(file('secret.ts')));
    await expect(media.probe(file(name))).rejects.toThrow(
      /probe: path must be a (file that holds its streams itself|video or audio)/,
    );
  });

  test('frames and audio refuse a playlist as probe does', async () => {
    await expect(flashFrame(media, file('concat.mp4'))).rejects.toThrow('frames: path must be');
    await expect(joinWaveform(media.audio(file('concat.mp4')))).rejects.toThrow('audio: path must be');
  });

  test('the test detects that ffmpeg would follow the playlist without our arguments', async () => {
    await expect(
      make('-protocol_whitelist', 'file', '-i', `file:${file('concat.mp4')}`, '-frames:v', '1', '-f', 'null', '-'),
    ).resolves.toBeUndefined();
  });

  test('an mp4 whose data reference names another file is decoded from its own data', async () => {
    // The data reference "url " loses flag 1, "in this file".
    const bytes = readFileSync(file('secret.mp4'));
    for (let at = bytes.indexOf('url '); at >= 0; at = bytes.indexOf('url ', at + 1)) bytes.writeUInt32BE(0, at + 4);
    writeFileSync(file('reference.mp4'), bytes);
    // ffmpeg ignores outside references: enable_drefs is off where nobody asks for it.
    expect(await flashFrame(media, file('reference.mp4'))).toBe(25);
  });

  test('a playlist with a URL makes no request', async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests++;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.ts`;
    try {
      const lists: [string, string][] = [
        ['address.mp4', `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${address}\n#EXT-X-ENDLIST\n`],
        ['address.m3u8', `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${address}\n#EXT-X-ENDLIST\n`],
        ['address-concat.mp4', `ffconcat version 1.0\nfile ${address}\n`],
        [
          'address.sdp',
          `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:${address}\nm=video 5004 RTP/AVP 96\n`,
        ],
        ['address.asx', `<asx version="3.0"><entry><ref href="${address}"/></entry></asx>`],
        ['address.ram', `${address}\n`],
      ];
      for (const [name, content] of lists) {
        writeFileSync(file(name), content);
        for (const open of [media.probe, media.both])
          await expect(open(file(name))).rejects.toThrow(/path must be a (file that holds|video or audio)/);
      }
      expect(requests).toBe(0);
      // The test bites: ffmpeg by itself follows the list.
      await expect(
        make('-protocol_whitelist', 'file,http,tcp', '-i', file('address.m3u8'), '-f', 'null', '-'),
      ).rejects.toThrow();
      expect(requests).toBeGreaterThan(0);
    } finally {
      server.close();
    }
  });

  test('a name with a frame pattern is the one file of that name, not a series', async () => {
    await make('-f', 'lavfi', '-i', 'color=white:s=16x16', '-frames:v', '1', file('series-1.png'));
    copyFileSync(file('series-1.png'), file('series-%d.png'));
    await expect(media.probe(file('series-%d.png'))).rejects.toThrow(
      'path must be a file that holds its streams itself',
    );
    await expect(media.probe(file('series-1.png'))).rejects.toThrow(
      'path must be a file that holds its streams itself',
    );
  });

  test.each([
    'two words.mp4',
    ' blank first.mp4',
    'it\'s "quoted".mp4',
    'line\nbreak.mp4',
    '-version',
    '-i.mp4',
    '--.mp4',
    'é ü 唇同期 👄.mp4',
    'e\u0301.mp4',
    'frame%03d.mp4',
    '100%.mp4',
    'http:x.mp4',
    'file:x.mp4',
    'pipe:0',
    'concat:secret.ts|secret.ts',
    'C:\\x.mp4',
    '[0:v],null;.mp4',
    '*.mp4',
    '{a,b}.mp4',
    '$(x) `y` &z.mp4',
    '# no ending',
    '~',
    `line\n  Duration: 00:00:09.00, start: 5.000000, bitrate: 1\n  Stream #0:0: Video: h264, rgb24, 9x9.mp4`,
  ])('a video by the name of %j opens as any other', async (name) => {
    if (process.platform === 'win32' && /[:|"%$`*?<>\n\\]/.test(name)) return;
    mkdirSync(file('names'), { recursive: true });
    const path = join(folder, 'names', name);
    copyFileSync(file('secret.mp4'), path);
    const video = await media.both(path);
    expect(video.info).toMatchObject({
      path,
      video: { width: 64, height: 48, startSec: 0 },
      audio: { sampleRate: 44100 },
    });
    expect(Math.abs(video.info.durationSec - 2)).toBeLessThan(0.1);
    expect((await joinWaveform(video.audio)).samples.length).toBeGreaterThan(31_000);
    let frameCount = 0;
    for await (const _frame of video.frames) frameCount++;
    expect(frameCount).toBe(50);
    // Nor does the working folder, or a name without a folder, make an option of it.
    expect(inputArguments(await inputFile('here', relative('.', path)), 1).at(-1)).toBe(`file:${path}`);
  });

  test('a video is written under any such name, also one as long as names can be', async () => {
    for (const name of ['-y.mp4', 'a b\n"c".mp4', 'out%d.mkv', 'http:x.mp4', `${'é'.repeat(125)}.mp4`]) {
      if (process.platform === 'win32' && /[:"%\n]/.test(name)) continue;
      const writer = encodeVideo(join(folder, 'names', name), { width: 16, height: 16, log: () => undefined });
      await writer.write(new Uint8Array(16 * 16 * 3));
      await writer.finish();
      expect(existsSync(join(folder, 'names', name))).toBe(true);
    }
  });
});
