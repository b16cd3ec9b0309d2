/**
 * Makes one file for each thing that can be wrong, or only unusual, with a video, and `files.json`: what each is, and what
 * `lipsync prepare` should make of it.
 *
 *     node scripts/make-faulty-media.mjs OUTDIR [--long-sec 180]
 *
 * All from drawn talking faces: nothing is downloaded. Takes half a minute on two cores, most of it for the long video
 * (`--long-sec 0` leaves it out).
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { writeTalkingFace } from '../examples/embedded-data/dist/index.js';
import { findFfmpeg } from '../packages/media/dist/index.js';

const FPS = 25;
const SECONDS = 2;
const FRAMES = SECONDS * FPS;
const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-pix_fmt', 'yuv420p', '-bf', '2'];

/** What prepare should do: keep clips with this many frames together, or drop the file for one of these reasons. */
const kept = (frames = [FRAMES, FRAMES], clips = 1) => ({ outcome: 'kept', clips, frames });
/** Kept, and said of it what this pattern says. */
const noted = (note, frames = [FRAMES, FRAMES]) => ({ ...kept(frames), note });
const dropped = (...reasons) => ({ outcome: 'dropped', reasons });

/**
 * @param {string} folder is made where it is not there; files of the same names are replaced.
 * @param {{ longSec?: number, log?: (line: string) => void }} options
 * @returns {Promise<{ file: string, what: string, expect: object }[]>} what `files.json` holds.
 */
export async function makeFaultyMedia(folder, { longSec = 180, log = () => {} } = {}) {
  const { path: ffmpeg } = await findFfmpeg({ log });
  const parts = join(folder, '.parts');
  await mkdir(parts, { recursive: true });
  const at = (name) => join(folder, name);
  const part = (name) => join(parts, name);
  const list = [];
  const add = (file, what, expect) => {
    list.push({ file, what, expect });
    log(`${file}: ${what}`);
  };
  const run = (...args) => promisify(execFile)(ffmpeg, ['-nostdin', '-v', 'error', '-y', ...args]);
  const video = async (file, what, expect, ...args) => {
    await run(...args, `file:${at(file)}`);
    add(file, what, expect);
  };
  const text = async (file, what, expect, content) => {
    await writeFile(at(file), content);
    add(file, what, expect);
  };

  const talk = part('talk.mp4');
  await writeTalkingFace(part('drawn.mp4'), { seed: 11, personSeed: 1, durationSec: SECONDS });
  await writeTalkingFace(part('other.mp4'), { seed: 12, personSeed: 2, durationSec: SECONDS });
  await writeTalkingFace(part('four.mp4'), { seed: 13, personSeed: 3, durationSec: 2 * SECONDS });
  await run('-i', part('drawn.mp4'), '-c', 'copy', '-movflags', '+faststart', talk);
  const whole = await readFile(talk);
  await text('plain.mp4', 'a talking face, nothing wrong', kept(), whole);

  // Integrity.
  for (let tenth = 0; tenth < 10; tenth++) {
    const length = Math.round((whole.length * (tenth + 0.5)) / 10);
    const what = `cut after ${length} of ${whole.length} bytes, index first`;
    await text(`cut-at-${tenth * 10 + 5}-percent.mp4`, what, dropped('broken'), whole.subarray(0, length));
  }
  const drawn = await readFile(part('drawn.mp4'));
  const firstHalf = drawn.subarray(0, drawn.length >> 1);
  await text('cut-index-last.mp4', 'cut in the middle, the index was at the end', dropped('broken'), firstHalf);
  for (const ending of ['mkv', 'ts', 'avi']) {
    const codecs = ending === 'avi' ? ['-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'pcm_s16le'] : ['-c', 'copy'];
    await run('-i', talk, ...codecs, part(`talk.${ending}`));
    const bytes = await readFile(part(`talk.${ending}`));
    // A transport stream announces no length: it ends where its recording was stopped.
    const expected = ending === 'ts' ? noted('ends in the middle|damaged or missing', [20, 36]) : dropped('broken');
    await text(`cut.${ending}`, 'cut at 60 percent', expected, bytes.subarray(0, Math.round(bytes.length * 0.6) | 1));
    const what = 'cut in the last frame';
    const most = bytes.subarray(0, bytes.length - { mkv: 60, ts: 500, avi: 500 }[ending]);
    await text(
      `cut-last-frame.${ending}`,
      what,
      noted('ends in the middle|damaged or missing', [46, FRAMES + 1]),
      most,
    );
  }
  const noisy = Buffer.from(whole);
  for (let index = 0; index < 4000; index++) noisy[(noisy.length >> 1) + index] = (index * 2654435761) >>> 24;
  await text('damaged.mp4', '4000 bytes in the middle are noise', dropped('broken'), noisy);
  await text('empty.mp4', 'no bytes', dropped('broken'), '');
  await text('text.mp4', 'text', dropped('broken'), 'this is no video\n');

  const broadcast = await readFile(part('talk.ts'));
  const twice = Buffer.concat([broadcast, broadcast]);
  await text(
    'joined.ts',
    'two recordings joined',
    noted('the clock of the file jumps', [2 * FRAMES, 2 * FRAMES + 4]),
    twice,
  );
  await run('-i', talk, '-c:v', 'mpeg2video', '-q:v', '3', '-c:a', 'ac3', '-f', 'vob', part('talk.vob'));
  const packs = (await readFile(part('talk.vob'))).subarray(2048 * 10);
  await text('mid-frame.vob', 'begins in the middle of an audio frame', kept([20, FRAMES]), packs);

  // Lists that name other files or addresses: nothing but the named file may be read.
  const hls = (target) => `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${target}\n#EXT-X-ENDLIST\n`;
  await text(
    'playlist-of-a-file.mp4',
    'an HLS playlist that names another video',
    dropped('broken'),
    hls('audio-late.ts'),
  );
  const address = hls('http://127.0.0.1:9/x.ts');
  await text('playlist-of-an-address.mp4', 'an HLS playlist that names an address', dropped('broken'), address);
  const concat = 'ffconcat version 1.0\nfile audio-late.ts\n';
  await text('concat.mp4', 'an ffconcat list of another video', dropped('broken'), concat);
  const sdp = [
    ...['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=x', 'c=IN IP4 127.0.0.1', 't=0 0'],
    ...['m=video 5004 RTP/AVP 96', 'a=rtpmap:96 H264/90000', ''],
  ].join('\n');
  await text('session.mp4', 'an SDP that names an address', dropped('broken'), sdp);
  const mpd = [
    '<?xml version="1.0"?>',
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"',
    '  profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4">',
    '  <Representation id="1" bandwidth="1000"><BaseURL>plain.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
  ].join('\n');
  await text('dash.mp4', 'a DASH manifest that names another video', dropped('broken'), mpd);

  // Streams.
  await video('no-audio.mp4', 'no audio stream', dropped('no audio'), '-i', talk, '-an', '-c', 'copy');
  await video('no-frames.mp4', 'no frame stream', dropped('no video'), '-i', talk, '-vn', '-c', 'copy');
  const silence = ['-f', 'lavfi', '-t', `${SECONDS}`, '-i', 'anullsrc=r=16000:cl=mono'];
  const otherAudio = ['-map', '0:v', '-map', '1:a', '-c:v', 'copy'];
  await video('silent.mp4', 'silence', dropped('silent'), '-i', talk, ...silence, ...otherAudio, '-c:a', 'aac');
  await makeTracks({ run, video, text, part, talk, silence });
  const encoded = [...H264, '-c:a', 'copy'];
  const shown = (source) => [
    '-f',
    'lavfi',
    '-t',
    `${SECONDS}`,
    '-i',
    source,
    '-i',
    talk,
    '-map',
    '0:v',
    '-map',
    '1:a',
    ...encoded,
  ];
  await video('black.mp4', 'black frames', dropped('no face'), ...shown('color=black:s=256x256:r=25'));
  await video('no-face.mp4', 'a test pattern', dropped('no face'), ...shown('testsrc=s=256x256:r=25'));
  await run('-i', talk, '-vn', '-t', '0.5', '-c:a', 'aac', part('half-a-second.m4a'));
  const early = ['-i', talk, '-i', part('half-a-second.m4a'), ...otherAudio, '-c:a', 'copy'];
  await video('audio-ends-early.mp4', 'the audio ends after 0.5 of 2 s', dropped('audio too short'), ...early);
  const first = (frames) => ['-i', talk, '-map', '0', '-vf', `trim=end_frame=${frames}`, ...encoded];
  await video('frames-end-early.mp4', 'the frames end after 1 of 2 s', kept([25, 25]), ...first(25));
  await video('one-frame.mp4', 'one frame and 2 s of audio', dropped('too short', 'no face'), ...first(1));

  // Faces.
  const pair = ['-i', talk, '-i', part('other.mp4'), '-filter_complex', '[0:v][1:v]hstack', '-map', '0:a', ...encoded];
  await video('two-faces.mp4', 'two faces side by side', kept([2 * FRAMES, 2 * FRAMES], 2), ...pair);
  // The frame slides out of the frame between 2 and 2.4 s.
  const slide = 'pad=512:256:0:0:gray,crop=256:256:x=max(0\\,min(256\\,(t-2)*640)):y=0';
  const leaving = ['-i', part('four.mp4'), '-vf', slide, ...encoded];
  await video('face-leaves.mp4', 'the face leaves the frame after 2 of 4 s', kept([48, 70]), ...leaving);

  // Time.
  const nearlyAll = kept([FRAMES - 1, FRAMES + 1]);
  const rates = { 23.976: '24000/1001', 24: '24', 29.97: '30000/1001', 30: '30', 50: '50', 60: '60' };
  for (const [name, rate] of Object.entries(rates)) {
    await video(`fps-${name}.mp4`, `${rate} frames a second`, nearlyAll, '-i', talk, '-vf', `fps=${rate}`, ...encoded);
  }
  const uneven = 'fps=60,select=not(mod(n\\,3))+eq(mod(n\\,7)\\,1)+gt(random(1)\\,0.6)';
  for (const ending of ['mp4', 'mkv']) {
    const args = ['-i', talk, '-vf', uneven, '-vsync', 'vfr', ...encoded];
    // ffmpeg 4.1 notes too short a length in mp4.
    await video(`variable-rate.${ending}`, 'frames at uneven times', kept([FRAMES - 2, FRAMES + 1]), ...args);
  }
  for (const ending of ['mp4', 'mkv', 'ts']) {
    const late = ['-itsoffset', '0.3', '-i', talk];
    const copied = [...otherAudio, '-c:a', 'copy'];
    await video(
      `audio-late.${ending}`,
      'the audio begins 0.3 s after the frames',
      kept(),
      '-i',
      talk,
      ...late,
      ...copied,
    );
    const what = 'the frames begin 0.3 s after the audio';
    await video(`frames-late.${ending}`, what, kept([43, FRAMES]), ...late, '-i', talk, ...copied);
  }
  if (longSec > 0) {
    await writeTalkingFace(at('long.mp4'), { seed: 14, personSeed: 4, durationSec: longSec, size: 128 });
    const frames = Math.round(longSec * FPS);
    // Segments of ten seconds; a rest below three joins the one before.
    const clips = Math.max(1, Math.floor(longSec / 10) + (longSec % 10 >= 3 ? 1 : 0));
    add('long.mp4', `${longSec} s`, kept([frames - FPS, frames], clips));
  }

  // Frames.
  for (const degrees of [90, 180, 270]) {
    // Stored turned the other way, so that it stands upright once the container's turn is done.
    const turned = { 90: 'transpose=2', 180: 'hflip,vflip', 270: 'transpose=1' }[degrees];
    const file = `turned-${degrees}.mp4`;
    await run('-i', talk, '-vf', turned, ...H264, '-c:a', 'copy', at(file));
    await writeTurn(at(file), degrees);
    add(file, `stored turned, with a turn by ${degrees} degrees in the container`, kept());
  }
  const odd = ['-vf', 'scale=255:253', '-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'copy'];
  await video('odd-sides.mp4', '255 x 253 pixels', kept(), '-i', talk, ...odd);
  const lossless = ['-vf', 'scale=255:253,format=bgr0', '-c:v', 'ffv1', '-c:a', 'copy'];
  await video('odd-sides.mkv', '255 x 253 pixels, lossless', kept(), '-i', talk, ...lossless);
  const mpeg1 = ['-c:v', 'mpeg1video', '-q:v', '2', '-c:a', 'mp2', '-ar', '44100'];
  await video('old.mpg', 'MPEG-1 with MP2', kept(), '-i', talk, ...mpeg1);

  // Audio.
  const aac = ['-c:v', 'copy', '-c:a', 'aac'];
  for (const rate of [8000, 22050, 44100, 48000, 96000]) {
    await video(`audio-${rate}-hz.mp4`, `audio of ${rate} Hz`, kept(), '-i', talk, ...aac, '-ar', `${rate}`);
  }
  for (const [name, channels] of [
    ['stereo', 2],
    ['5.1', 6],
  ]) {
    await video(`audio-${name}.mp4`, `${name} audio`, kept(), '-i', talk, ...aac, '-ar', '48000', '-ac', `${channels}`);
  }
  const mono = 'aformat=channel_layouts=mono,aresample=48000';
  for (const [name, what, layout, note] of [
    ['out-of-phase', 'stereo out of phase', 'stereo|FL=c0|FR=-1*c0', 'out of phase'],
    ['out-of-phase-5.1', '5.1 whose fronts are out of phase', '5.1|FL=c0|FR=-1*c0|BL=0.05*c0', 'out of phase'],
    ['partly-out-of-phase', 'stereo, the right one the quieter negative', 'stereo|FL=c0|FR=-0.7*c0', 'out of phase'],
    ['right-only', 'stereo with the voice in the right channel', 'stereo|FR=c0', 'only the right channel has sound'],
  ]) {
    const pan = ['-af', `${mono},pan=${layout}`];
    await video(`audio-${name}.mp4`, what, noted(note), '-i', talk, ...aac, ...pan);
  }
  const centre = ['-af', 'aresample=48000,pan=5.1|FC=c0'];
  await video('audio-centre-only.mp4', '5.1 audio with the voice in the centre', kept(), '-i', talk, ...aac, ...centre);

  // Names.
  const names = [
    ...['two words.mp4', ' blank first.mp4', "it's quoted.mp4", '-dash.mp4', '--double-dash.mp4', 'ünï 唇同期 👄.mp4'],
    ...['e\u0301.mp4', 'percent-%d.mp4', '100%.mp4', '#hash.mp4', 'comma,semi;[0:v].mp4', `${'long-'.repeat(40)}.mp4`],
    // What Windows allows in no name.
    ...(process.platform === 'win32'
      ? []
      : ['double "quoted".mp4', 'line\nbreak.mp4', 'colon:name.mp4', 'question?.mp4']),
    ...(process.platform === 'win32' ? [] : ['back\\slash.mp4', 'c:drive.mp4', 'star*.mp4']),
  ];
  for (const name of names) await text(name, 'a plain video of an unusual name', kept(), whole);

  await rm(parts, { recursive: true });
  list.sort((a, b) => (a.file < b.file ? -1 : 1));
  await writeFile(at('files.json'), `${JSON.stringify(list, undefined, 2)}\n`);
  return list;
}

/** Files with several tracks of a kind, the first of which is not the right one. */
async function makeTracks({ run, video, text, part, talk, silence }) {
  const tone = ['-f', 'lavfi', '-t', `${SECONDS}`, '-i', 'sine=frequency=440:sample_rate=16000'];
  const copy = ['-c:v', 'copy', '-c:a', 'aac'];
  const beside = (other) => ['-i', talk, ...other, '-map', '0:v', '-map', '1:a', '-map', '0:a', ...copy];
  const two = beside(tone);
  const marked = (first, second) => ['-disposition:a:0', first, '-disposition:a:1', second];
  for (const ending of ['mkv', 'mp4']) {
    const what = 'the second audio is the default';
    await video(`tracks-default.${ending}`, what, noted('track 1 is read'), ...two, ...marked('0', 'default'));
  }
  await video('tracks-comment.mkv', 'a commentary first', noted('2 audio tracks'), ...two, ...marked('comment', '0'));
  const silentFirst = 'a silent default audio first';
  const passedOver = noted('track 1 is read, because track 0: silent');
  await video('tracks-silent.mp4', silentFirst, passedOver, ...beside(silence), ...marked('default', '0'));
  const png = ['-f', 'lavfi', '-i', 'testsrc=s=256x256:r=1', '-frames:v', '1'];
  await run(...png, '-c:v', 'png', part('still.mkv'));
  const still = ['-i', part('still.mkv'), '-i', talk, '-map', '0:v', '-map', '1', '-c', 'copy'];
  still.push('-disposition:v:0', 'default', '-disposition:v:1', '0');
  await video('tracks-still.mkv', 'a still picture as first video', noted('track 0: still picture'), ...still);
  await run(...two, ...marked('default', '0'), part('two.mkv'));
  const bytes = await readFile(part('two.mkv'));
  bytes.write('A_QQQ', bytes.indexOf('A_AAC'), 'latin1');
  await text('tracks-unknown.mkv', 'a first audio of an unknown codec', noted('track 0: nothing decodes'), bytes);
  await writeFile(part('lines.srt'), '1\n00:00:00,000 --> 00:00:01,000\nhello\n');
  const lines = ['-i', part('lines.srt'), '-i', talk, '-map', '0', '-map', '1', '-c', 'copy'];
  await video('tracks-subtitles.mkv', 'subtitles first', kept(), ...lines);
  const programs = ['-i', talk, ...tone, '-map', '1:a', '-map', '0:v', '-map', '0:a', ...copy];
  programs.push('-program', 'st=0', '-program', 'st=1:st=2');
  await video('tracks-programs.ts', 'the audio of another program first', noted('track 1 is read'), ...programs);
}

/**
 * Writes a clockwise turn into the track header, as phones do: ffmpeg's own option for it changed its name with the
 * version.
 */
async function writeTurn(path, degrees) {
  const bytes = await readFile(path);
  const matrix = bytes.indexOf('tkhd') + 4 + 40; // version 0: 40 bytes before the matrix
  const [cos, sin] = { 90: [0, 1], 180: [-1, 0], 270: [0, -1] }[degrees];
  [cos, sin, -sin, cos].forEach((value, index) => bytes.writeInt32BE(value * 65536, matrix + [0, 4, 12, 16][index]));
  await writeFile(path, bytes);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const options = { 'long-sec': { type: 'string', default: '180' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const longSec = Number(values['long-sec']);
  if (positionals.length !== 1 || !(longSec >= 0)) {
    console.error(`usage: node scripts/${basename(fileURLToPath(import.meta.url))} OUTDIR [--long-sec 180]`);
    process.exitCode = 2;
  } else {
    const folder = resolve(process.env.INIT_CWD ?? '.', positionals[0]);
    const list = await makeFaultyMedia(folder, { longSec, log: (line) => console.log(line) });
    console.log(`${list.length} files in ${positionals[0]}`);
  }
}
