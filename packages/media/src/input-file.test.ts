import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { H264_AAC, SKIPPED, beep, ffmpeg, flash, flashFrame, make, temporaryFolder } from '../test/clips';
import { inputArguments, inputFile } from './input-file';
import { joinWaveform } from './join-waveform';
import { openMedia } from './open-media';
import type { FfmpegReader } from './open-media';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

test('inputFile refuses folders, devices and names that are none', async () => {
  await expect(inputFile('here', folder)).rejects.toThrow('here: path must be a plain file');
  await expect(inputFile('here', 'no/such')).rejects.toThrow('(ENOENT)');
  await expect(inputFile('here', 'a\0b')).rejects.toThrow(TypeError);
  if (process.platform !== 'win32') await expect(inputFile('here', '/dev/zero')).rejects.toThrow('a folder, pipe or device');
});

test('inputArguments name the file by a file: address that is no option', async () => {
  writeFileSync(file('-i.mp4'), '');
  const args = inputArguments(await inputFile('here', file('-i.mp4')), 1000);
  expect(args.slice(-2)).toEqual(['-i', `file:${file('-i.mp4')}`]);
  expect(args[args.indexOf('-protocol_whitelist') + 1]).toBe('file');
});

describe.skipIf(!ffmpeg)(`a reader reads the named file only${SKIPPED}`, () => {
  let media: FfmpegReader;
  beforeAll(async () => {
    media = await openMedia();
    await make(...flash(25), ...beep(), ...H264_AAC, file('secret.ts'));
    await make('-i', file('secret.ts'), '-c', 'copy', file('secret.mp4'));
  });

  const playlists: [string, (name: string) => string][] = [
    ['hls.mp4', (name) => `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${name}\n#EXT-X-ENDLIST\n`],
    ['hls.m3u8', (name) => `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:${name}\n#EXT-X-ENDLIST\n`],
    ['concat.mp4', () => 'ffconcat version 1.0\nfile secret.ts\n'],
    ['concat.txt', () => 'ffconcat version 1.0\nfile secret.ts\n'],
    ['sdp.mp4', () => 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n'],
    ['dash.mp4', () => '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000"><BaseURL>secret.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>\n'],
  ];
  test.each(playlists)('%s, which names another file or address, is refused', async (name, content) => {
    writeFileSync(file(name), content(file('secret.ts')));
    await expect(media.probe(file(name))).rejects.toThrow(/probe: path must be a (file that holds its streams itself|film or sound)/);
  });

  test('frames and audio refuse a playlist as probe does', async () => {
    await expect(flashFrame(media, file('concat.mp4'))).rejects.toThrow('frames: path must be');
    await expect(joinWaveform(media.audio(file('concat.mp4')))).rejects.toThrow('audio: path must be');
  });

  test('the same playlist without our arguments would have been followed: the test bites', async () => {
    await expect(make('-protocol_whitelist', 'file', '-i', `file:${file('concat.mp4')}`, '-frames:v', '1', '-f', 'null', '-')).resolves.toBeUndefined();
  });

  test('an mp4 whose data reference says that its samples are elsewhere gives what is in itself', async () => {
    // The data reference "url " loses flag 1, "in this file".
    const bytes = readFileSync(file('secret.mp4'));
    for (let at = bytes.indexOf('url '); at >= 0; at = bytes.indexOf('url ', at + 1)) bytes.writeUInt32BE(0, at + 4);
    writeFileSync(file('reference.mp4'), bytes);
    // ffmpeg ignores outside references: enable_drefs is off where nobody asks for it.
    expect(await flashFrame(media, file('reference.mp4'))).toBe(25);
  });

  test.each([
    '-version', 'concat:secret.ts|secret.ts', 'http:x.mp4', 'frame%03d.mp4', 'é "a\' b;$(x) `y`.mp4',
  ])('a film by the name of %s opens as any other', async (name) => {
    if (process.platform === 'win32' && /[:|"%$`]/.test(name)) return;
    mkdirSync(file('names'), { recursive: true });
    copyFileSync(file('secret.mp4'), join(folder, 'names', name));
    expect((await media.probe(join(folder, 'names', name))).video).toMatchObject({ width: 64 });
  });
});
