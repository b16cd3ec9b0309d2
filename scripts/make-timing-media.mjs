/**
 * Makes videos that change in the middle: size, aspect, pixel format, colour range, frame rate, profile, rotation,
 * channels, sample rate; and some whose containers do not say when a frame is shown, or not simply. Each frame carries
 * its number as bars, the audio a tone burst every quarter of a second: the time of every event can be read back from
 * what a decoder gives.
 *
 * Everything is drawn by ffmpeg, half a second for each on one core.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFfmpeg } from '../packages/media/dist/index.js';

/** Bars across a frame: white, the bits of the number from the lowest on, black. */
export const BITS = 10;
const BARS = BITS + 2;

/** Burst i begins at `BURST_FIRST + i * BURST_EVERY` seconds; twelve tones, so that delays of seconds are seen. */
const BURST_FIRST = 0.11;
const BURST_EVERY = 0.25;
export const BURST_SEC = 0.06;
export const burstHz = (index) => 500 + 250 * (index % 12);

const CHANNELS = { mono: 1, stereo: 2, 5.1: 6 };
const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-g', '25', '-x264-params', 'repeat-headers=1'];
const PLAIN = { fps: 25, size: '192x96', pixels: 'yuv420p', layout: 'mono', rate: 48000 };

/** Pieces of these lengths; the i-th one with the i-th of `changes`, by turns. */
const pieces = (lengths, ...changes) =>
  lengths.map((seconds, index) => ({ ...PLAIN, seconds, ...changes[index % changes.length] }));

const MIDDLE = [2.4, 2.4];
const START = [0.16, 4.8];
const TWICE = [1.6, 1.6, 1.6];
const OFTEN = Array(12).fill(0.4);
const [WIDE, SMALL, TALL] = [{ size: '192x96' }, { size: '128x64' }, { size: '96x192', turned: true }];

/** Every made video: what changes, in which container, out of which pieces. */
const CASES = [
  ...[
    ['start', START],
    ['twice', TWICE],
    ['often', OFTEN],
  ].map(([when, lengths]) => ({ what: `size, ${when}`, ending: 'mp4', video: pieces(lengths, WIDE, SMALL) })),
  ...['mkv', 'ts', 'flv', 'avi'].map((ending) => ({
    what: 'size, twice',
    ending,
    video: pieces(TWICE, WIDE, SMALL),
  })),
  { what: 'size, raw H.264 joined and muxed', ending: 'mp4', raw: true, video: pieces([1, 1, 1, 1, 1], WIDE, SMALL) },
  { what: 'size, with B-frames', ending: 'ts', bFrames: 2, video: pieces(TWICE, WIDE, SMALL) },
  { what: 'three sizes of VP8', ending: 'webm', codec: 'vp8', video: pieces(TWICE, WIDE, SMALL, { size: '256x128' }) },
  { what: 'size of MPEG-2', ending: 'mpg', codec: 'mpeg2', video: pieces(TWICE, WIDE, SMALL) },
  { what: 'size of MPEG-2', ending: 'ts', codec: 'mpeg2', video: pieces(TWICE, WIDE, SMALL) },
  { what: 'turned on its side', ending: 'mp4', video: pieces(TWICE, WIDE, TALL) },
  { what: 'pixel format 4:2:0 to 4:4:4', ending: 'mp4', video: pieces(TWICE, {}, { pixels: 'yuv444p' }) },
  { what: 'pixel format 8 to 10 bits', ending: 'mkv', video: pieces(MIDDLE, {}, { pixels: 'yuv420p10le' }) },
  { what: 'colour range', ending: 'mp4', video: pieces(TWICE, {}, { pixels: 'yuvj420p' }) },
  { what: 'sample aspect', ending: 'mp4', video: pieces(TWICE, {}, { aspect: '4/3' }) },
  { what: 'rotation by the stream', ending: 'mp4', video: pieces(TWICE, {}, { rotate: 90 }) },
  { what: 'rotation by the stream', ending: 'ts', video: pieces(START, {}, { rotate: 180 }) },
  { what: 'profile and B-frames', ending: 'mp4', video: pieces(TWICE, { profile: 'baseline' }, { bFrames: 2 }) },
  { what: 'rate 25 to 50', ending: 'mp4', video: pieces(TWICE, {}, { fps: 50 }) },
  { what: 'rate 25 to 10 to 30', ending: 'mkv', video: pieces(TWICE, {}, { fps: 10 }, { fps: 30 }) },
  { what: 'rate and size', ending: 'mp4', video: pieces(TWICE, WIDE, { ...SMALL, fps: 50 }) },
  { what: 'rate and size', ending: 'mkv', video: pieces(OFTEN, WIDE, { ...SMALL, fps: 30 }) },
  ...['mp4', 'ts'].map((ending) => ({
    what: 'AC-3 stereo to mono',
    ending,
    codecA: 'ac3',
    audio: pieces(MIDDLE, { layout: 'stereo' }, {}),
  })),
  { what: 'AC-3 stereo to mono, start', ending: 'ts', codecA: 'ac3', audio: pieces(START, { layout: 'stereo' }, {}) },
  { what: 'AC-3 mono to 5.1, twice', ending: 'mkv', codecA: 'ac3', audio: pieces(TWICE, {}, { layout: '5.1' }) },
  { what: 'AC-3 often', ending: 'mkv', codecA: 'ac3', audio: pieces(Array(15).fill(0.32), {}, { layout: '5.1' }) },
  {
    what: 'AAC stereo to 5.1',
    ending: 'ts',
    codecA: 'aac',
    audio: pieces(TWICE, { layout: 'stereo' }, { layout: '5.1' }),
  },
  { what: 'AAC 48 to 44.1 kHz', ending: 'ts', splice: true, codecA: 'aac', audio: pieces(TWICE, {}, { rate: 44100 }) },
  {
    what: 'AAC 48 to 24 kHz, stereo to mono',
    ending: 'ts',
    splice: true,
    codecA: 'aac',
    audio: pieces(MIDDLE, { layout: 'stereo' }, { rate: 24000 }),
  },
  { what: 'MP2 mono to stereo', ending: 'mpg', codecA: 'mp2', audio: pieces(TWICE, {}, { layout: 'stereo' }) },
  { what: 'MP2 48 to 32 kHz', ending: 'ts', splice: true, codecA: 'mp2', audio: pieces(TWICE, {}, { rate: 32000 }) },
  { what: 'MP3 44.1 to 48 kHz', ending: 'mkv', codecA: 'mp3', audio: pieces(MIDDLE, { rate: 44100 }, {}) },
  {
    what: 'size, rate, layout and sample rate at once',
    ending: 'ts',
    splice: true,
    codecA: 'aac',
    video: pieces(TWICE, WIDE, { ...SMALL, fps: 50 }),
    audio: pieces(TWICE, { layout: 'stereo' }, { rate: 44100 }),
  },
  {
    what: 'size and layout at other times',
    ending: 'mkv',
    codecA: 'ac3',
    video: pieces(TWICE, WIDE, SMALL),
    audio: pieces(MIDDLE, { layout: 'stereo' }, {}),
  },
  { what: 'B-frames', ending: 'avi', bFrames: 2, video: pieces([4.8]) },
  { what: 'three B-frames', ending: 'avi', bFrames: 3, video: pieces([4.8]) },
  { what: 'B-frames of MPEG-4', ending: 'avi', codec: 'mpeg4', bFrames: 2, video: pieces([4.8]) },
  {
    what: 'B-frames in fragments without an edit list',
    ending: 'mp4',
    bFrames: 2,
    fragments: true,
    video: pieces([4.8]),
  },
  { what: 'edit that begins in a frame', ending: 'mp4', edit: 0.5, video: pieces([4.8]) },
  { what: 'edit that begins in a frame, B-frames', ending: 'mov', edit: 0.99, bFrames: 2, video: pieces([4.8]) },
];

/** The videos that `makeTimingVideo` makes: `file` is its name. */
export const timingVideos = CASES.map((made) => ({
  ...made,
  file: `${made.what.replaceAll(/[^a-z0-9.]+/gi, '-')}.${made.ending}`,
}));

/**
 * What `makeTimingVideo` needs: a folder for parts, which nobody else uses at the same time.
 *
 * @param {string} parts is made; remove it at the end.
 * @param {string | undefined} ffmpegPath default: the one that the package finds.
 */
export async function timingMaker(parts, ffmpegPath) {
  const ffmpeg = ffmpegPath ?? (await findFfmpeg({ log: () => {} })).path;
  await mkdir(parts, { recursive: true });
  const run = (...args) => promisify(execFile)(ffmpeg, ['-nostdin', '-v', 'error', '-y', ...args]);
  return { parts, run, made: new Map() };
}

/**
 * Makes one of `timingVideos` in a folder.
 *
 * @returns {Promise<{ frameTimes: number[], bursts: number[], changes: string[] }>} the time of each numbered frame and
 * of each burst, seconds from the first frame, NaN for one that does not count; and the streams whose change is seen.
 */
export async function makeTimingVideo(context, folder, made) {
  const path = join(folder, made.file);
  const { ending, codec = 'h264', codecA = AUDIO_CODEC[ending] ?? 'aac', edit = 0 } = made;
  const audio = (made.audio ?? pieces([sum(made.video)])).map((piece) => ({ ...piece, ...wholeBlocks(piece, codecA) }));
  // A spliced video changes everything at the same times.
  const video = made.splice
    ? audio.map(({ seconds }, index) => ({ ...PLAIN, ...made.video?.[index], seconds }))
    : (made.video ?? pieces([sum(audio)]));
  const frames = await framePieces(context, video, { ...made, codec });
  const audioFiles = await audioPieces(context, audio, { codec: codecA, joined: audio.length > 1 });
  if (made.splice) await splice(context, path, frames.files, audioFiles);
  else {
    const input = made.raw
      ? await joinedRaw(context, frames.files, video[0].fps)
      : await concatenated(context, 'frames', frames.files);
    const audioInput =
      audioFiles.length === 1 ? ['-i', audioFiles[0].file] : await concatenated(context, 'audio', audioFiles);
    const end = made.fragments ? ['-movflags', 'frag_keyframe+empty_moov'] : [];
    await context.run(...input, ...audioInput, '-map', '0:v', '-map', '1:a', '-c', 'copy', ...end, `file:${path}`);
    if (edit > 0) await beginLater(path, edit / video[0].fps);
  }
  // The first frame is cut: times count from the second.
  const zero = edit > 0 ? frames.times[1] : 0;
  const frameTimes = frames.times.map((time) => (time < zero ? Number.NaN : time - zero));
  const changes = [
    ...(differ(video, ['size', 'fps', 'rotate']) || video.at(-1).pixels !== video[0].pixels ? ['video'] : []),
    ...(differ(audio, ['layout', 'rate']) ? ['audio'] : []),
  ];
  return { frameTimes, bursts: bursts(audio).map((time) => time - zero), changes };
}

/** Whether pieces differ in one of these. */
const differ = (list, names) => names.some((name) => list.some((piece) => piece[name] !== list[0][name]));

const sum = (list) => list.reduce((total, { seconds }) => total + seconds, 0);

/** Lets the edits of both tracks begin later, as a cut by copying does. */
async function beginLater(path, seconds) {
  const bytes = await readFile(path);
  for (let track = bytes.indexOf('trak'); track > 0; track = bytes.indexOf('trak', track + 4)) {
    const edit = bytes.indexOf('elst', track) + 16;
    const clock = bytes.readUInt32BE(bytes.indexOf('mdhd', track) + 16);
    bytes.writeInt32BE(bytes.readInt32BE(edit) + Math.round(seconds * clock), edit);
  }
  await writeFile(path, bytes);
}

/** Times of the bursts that lie within one piece. */
function bursts(list) {
  const ends = list.map((_, index) => sum(list.slice(0, index + 1)));
  const times = [];
  for (let time = BURST_FIRST; time + BURST_SEC < ends.at(-1); time += BURST_EVERY) {
    const isCut = ends.some((end) => time - 0.03 < end && end < time + BURST_SEC + 0.03);
    times.push(isCut ? Number.NaN : time);
  }
  return times;
}

/** Pieces of video, each a file of its own, and the time of each frame; NaN where ffmpeg's decoder gives none. */
async function framePieces({ parts, run, made }, list, { codec, bFrames = 0, raw = false }) {
  const ending = raw ? 'h264' : { h264: 'ts', mpeg2: 'ts', vp8: 'webm', mpeg4: 'mkv' }[codec];
  const [times, files] = [[], []];
  let start = 0;
  for (const piece of list) {
    const { seconds, fps, size, pixels, turned, aspect, rotate, profile } = piece;
    const count = Math.round(seconds * fps);
    const key = [codec, bFrames, raw, times.length, JSON.stringify(piece)].join(' ');
    let file = made.get(key);
    if (!file) {
      file = join(parts, `frames-${made.size}.${ending}`);
      const bar = `floor(${turned ? 'Y*12/H' : 'X*12/W'})`;
      const bit = `mod(floor((N+${times.length})/pow(2\\,${bar}-1))\\,2)`;
      const level = `if(eq(${bar}\\,0)\\,235\\,if(eq(${bar}\\,${BARS - 1})\\,16\\,16+219*${bit}))`;
      const filters = [
        `geq=lum=${level}:cb=128:cr=128`,
        `scale=out_range=${pixels === 'yuvj420p' ? 'full' : 'limited'},format=${pixels},setsar=${aspect ?? 1}`,
      ];
      const b = piece.bFrames ?? bFrames;
      const encoder = {
        h264: [...H264, '-bf', `${b}`, ...(profile ? ['-profile:v', profile] : [])],
        mpeg2: ['-c:v', 'mpeg2video', '-q:v', '2', '-g', '12'],
        mpeg4: ['-c:v', 'mpeg4', '-q:v', '2', '-bf', `${b}`],
        vp8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-b:v', '2M'],
      }[codec];
      const turn = rotate ? ['-bsf:v', `h264_metadata=display_orientation=insert:rotate=${rotate}`] : [];
      const source = `color=black:s=${size}:r=${fps},format=yuv444p,${filters.join(',')}`;
      await run('-f', 'lavfi', '-i', source, '-frames:v', `${count}`, ...encoder, ...turn, file);
      made.set(key, file);
    }
    files.push({ file, seconds });
    for (let index = 0; index < count; index++) times.push(start + index / fps);
    start += seconds;
    // The decoder of MPEG-2 holds one frame and loses it where the size changes.
    if (codec === 'mpeg2' && files.length < list.length) times[times.length - 1] = Number.NaN;
  }
  return { files, times };
}

/**
 * Pieces of audio, each a file of its own. What is joined does not say how much an encoder puts before what it is
 * given: its bursts come that much earlier.
 */
async function audioPieces({ parts, run, made }, list, { codec, joined }) {
  const ending = { pcm: 'wav', aac: joined ? 'aac' : 'm4a', opus: 'mkv', ac3: 'ac3', mp2: 'mp2', mp3: 'mp3' }[codec];
  const encoder = { pcm: 'pcm_s16le', aac: 'aac', opus: 'libopus', ac3: 'ac3', mp2: 'mp2', mp3: 'libmp3lame' }[codec];
  const files = [];
  let start = 0;
  for (const { seconds, layout, rate, blocks } of list) {
    const key = [codec, joined, start, seconds, layout, rate].join(' ');
    let file = made.get(key);
    if (!file) {
      file = join(parts, `audio-${made.size}.${ending}`);
      const late = joined ? BLOCK[codec].delay / rate : 0;
      const clock = `(t+${start + late - BURST_FIRST})`;
      const phase = `mod(${clock}+${BURST_EVERY}\\,${BURST_EVERY})`;
      const tone = `sin(2*PI*(500+250*mod(floor(${clock}/${BURST_EVERY})\\,12))*${phase})`;
      const one = `if(gte(${clock}\\,0)*lt(${phase}\\,${BURST_SEC})\\,0.5*${tone}\\,0)`;
      const source = `aevalsrc=${Array(CHANNELS[layout]).fill(one).join('|')}:s=${rate}:c=${layout}:d=${seconds}`;
      const bits = codec === 'pcm' ? [] : ['-b:a', layout === '5.1' ? '384k' : '128k'];
      const whole = joined ? ['-frames:a', `${blocks}`] : [];
      await run('-f', 'lavfi', '-i', source, '-c:a', encoder, ...bits, ...whole, file);
      made.set(key, file);
    }
    files.push({ file, seconds });
    start += seconds;
  }
  return files;
}

/** Samples of each codec's blocks and of what its encoder puts before the first one. */
const BLOCK = {
  aac: { length: 1024, delay: 1024 },
  ac3: { length: 1536, delay: 256 },
  mp2: { length: 1152, delay: 481 },
  mp3: { length: 1152, delay: 1105 },
};
const AUDIO_CODEC = { webm: 'opus', mpg: 'mp2', avi: 'pcm' };

/** A piece's length in whole blocks, so that the next one follows it. */
function wholeBlocks({ seconds, rate }, codec) {
  if (!BLOCK[codec]) return {};
  const blocks = Math.floor((seconds * rate) / BLOCK[codec].length + 1e-6);
  return { blocks, seconds: (blocks * BLOCK[codec].length) / rate };
}

async function concatenated({ parts }, name, files) {
  const list = join(parts, `${name}.txt`);
  const lines = files.map(({ file, seconds }) => `file '${file}'\nduration ${seconds}`);
  await writeFile(list, `ffconcat version 1.0\n${lines.join('\n')}\n`);
  return ['-f', 'concat', '-safe', '0', '-i', list];
}

async function joinedRaw({ parts }, files, fps) {
  const joined = join(parts, 'joined.h264');
  await writeFile(joined, Buffer.concat(await Promise.all(files.map(({ file }) => readFile(file)))));
  return ['-f', 'h264', '-r', `${fps}`, '-i', joined];
}

/** Transport streams one after the other, as a broadcaster splices them: one clock, packets counted through. */
async function splice({ parts, run }, path, frames, audio) {
  const streams = [];
  let start = 0;
  for (const [index, { file, seconds }] of frames.entries()) {
    const part = join(parts, 'spliced.ts');
    const offset = ['-muxdelay', '0', '-muxpreload', '0', '-output_ts_offset', `${start + 1}`];
    await run('-i', file, '-i', audio[index].file, '-map', '0:v', '-map', '1:a', '-c', 'copy', ...offset, part);
    streams.push(await readFile(part));
    start += seconds;
  }
  const bytes = Buffer.concat(streams);
  const counters = new Map();
  for (let at = 0; at < bytes.length; at += 188) {
    const pid = bytes.readUInt16BE(at + 1) & 0x1fff;
    const hasPayload = (bytes[at + 3] & 0x10) !== 0;
    const last = counters.get(pid) ?? 15;
    const counter = hasPayload ? (last + 1) % 16 : last;
    bytes[at + 3] = (bytes[at + 3] & 0xf0) | counter;
    counters.set(pid, counter);
  }
  await writeFile(path, bytes);
}
