import type { MediaInfo } from '@lipsync/contracts';
import { fail, MediaError } from '@lipsync/contracts';
import { ffmpegFault } from '../ffmpeg/ffmpeg-fault';
import { printFirstAudio, printFirstFrame } from '../ffmpeg/filters';
import type { FindFfmpegOptions } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { inPieces } from '../ffmpeg/in-pieces';
import { isError, messageLines } from '../ffmpeg/message-lines';
import { NATIVE_PCM16 } from '../ffmpeg/pcm16';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { reportsDamage } from '../read/decode-bytes';
import type { InputFile } from '../read/input-file';
import { inputArguments, inputFile } from '../read/input-file';
import { MAX_PIXELS } from '../read/open-media';
import type { ChannelLayout } from './channel-meter';
import { measureChannels, mixFilters } from './channel-mix';
import type { WantedTracks } from './choose-tracks';
import { cutShort } from './cut-short';
import type { StreamMaps } from './probe';
import { addMix, clockOf, describeTracks, FIRST_STREAMS, firstTime, refusedFormat } from './probe';
import type { MediaChange } from './stream-changes';
import { StreamChanges } from './stream-changes';
import { inputDump } from './tracks';

export type CheckMediaOptions = FindFfmpegOptions & {
  /** Which video track is checked, from 0. Default: as `openMedia` chooses. */
  videoTrack?: number;
  /** Which audio track is checked, from 0. Default: as `openMedia` chooses. */
  audioTrack?: number;
  /** Largest frame, width times height. Default 7680 * 4320 (8K). */
  maxPixels?: number;
  /** Largest difference between the starts of frames and audio, and between their ends, in seconds. Default 0.5. */
  maxDifferenceSec?: number;
  /** Longest time for which one frame may stand, in seconds. Default 1. */
  maxGapSec?: number;
};

export type MediaProblem = {
  /**
   * `empty`: no bytes. `not media`: nothing that ffmpeg can read. `names other files`: a playlist or script.
   * `too large`: above `maxPixels`. `no video` and `no audio`: the stream is missing. `cut short`: the file ends before
   * its container says so. `damaged`: the decoder reports damage, or nothing decodes. `gap in the frames`,
   * `starts differ` and `lengths differ`: beyond the options.
   */
  kind:
    | 'empty'
    | 'not media'
    | 'names other files'
    | 'too large'
    | 'no video'
    | 'no audio'
    | 'cut short'
    | 'damaged'
    | 'gap in the frames'
    | 'starts differ'
    | 'lengths differ';
  /** A description, with the values. */
  detail: string;
};

/** The result of `checkMedia`. */
export type MediaCheck = {
  path: string;
  /** Whether there is no problem. */
  ok: boolean;
  problems: MediaProblem[];
  /** What is unusual and no problem, in sentences: several tracks and which of them was checked, changes. */
  notes: string[];
  /** The container's description, where the file could be opened. */
  info?: MediaInfo;
  /** What decodes, seconds on the container's clock. */
  video?: { frameCount: number; startSec: number; endSec: number; largestGapSec: number };
  /**
   * What decodes, at the file's own rate; holes in its timestamps count as samples. `peak` of the mono mix, full scale
   * 1.
   */
  audio?: { samples: number; sampleRate: number; startSec: number; endSec: number; peak: number };
  /**
   * Changes in the middle of a stream, at most 100, in the order of their times in each stream. Readers keep to the
   * size of the first frame and to the time of every frame and sample.
   */
  changes: MediaChange[];
  /** ffmpeg's messages about missing or broken data. */
  damageMessages: number;
};

/** The result of a run over the whole file. */
type Decoded = {
  code?: number;
  /** The description and the messages after it. */
  messages: string;
  lastLine: string;
  damageMessages: number;
  firstDamage?: string;
  frames: { count: number; startSec: number; lastSec: number; largestGapSec: number };
  changes: StreamChanges;
  samples: number;
  peak: number;
};

/**
 * Decodes a whole file in constant memory and reports its content and its problems. A bad file is an answer, not an
 * error. One run of ffmpeg where the file has both streams.
 *
 * `frames`, `audio` and `both` of `openMedia` refuse damaged and cut files by themselves, at the place of the damage;
 * this checks all of a file beforehand.
 *
 * @throws Error where `path` is no plain file that can be read, or there is no ffmpeg; MediaError where ffmpeg crashed;
 * RangeError for an option out of range.
 * @example
 * import { checkMedia } from '@lipsync/media';
 * const { ok, problems, video } = await checkMedia('talk.mp4');
 * if (!ok) console.log(problems.map(({ kind, detail }) => `${kind}: ${detail}`).join('; '), video?.frameCount);
 */
export async function checkMedia(path: string, options: CheckMediaOptions = {}): Promise<MediaCheck> {
  const { maxPixels = MAX_PIXELS, maxDifferenceSec = 0.5, maxGapSec = 1, videoTrack, audioTrack } = options;
  if (!(Number.isInteger(maxPixels) && maxPixels > 0 && maxPixels < 2 ** 31)) {
    fail(RangeError, 'checkMedia', 'options.maxPixels', 'a whole number above 0 and below 2^31', maxPixels);
  }
  if (!(maxDifferenceSec >= 0))
    fail(RangeError, 'checkMedia', 'options.maxDifferenceSec', 'at least 0', maxDifferenceSec);
  if (!(maxGapSec > 0)) fail(RangeError, 'checkMedia', 'options.maxGapSec', 'above 0', maxGapSec);
  const file = await inputFile('checkMedia', path);
  const problems: MediaProblem[] = [];
  const check: MediaCheck = { path, ok: false, problems, notes: [], changes: [], damageMessages: 0 };
  const short = await cutShort(path);
  if (short === 'the file is empty') {
    problems.push({ kind: 'empty', detail: short });
    return check;
  }
  if (short !== undefined) problems.push({ kind: 'cut short', detail: short });
  const ffmpeg = await ffmpegFor(options);
  const source = { ffmpegPath: ffmpeg.path, file, maxPixels, wanted: { videoTrack, audioTrack } };
  let decoded = await decodeAll(source, FIRST_STREAMS);
  const opened = await openable(decoded, check, source);
  if (!opened) return check;
  const { maps, layout } = opened;
  Object.assign(file, await clockOf(file, decoded.messages));
  if (!maps.video) problems.push({ kind: 'no video', detail: 'the file has no frames' });
  if (!maps.audio) problems.push({ kind: 'no audio', detail: 'the file has no audio' });
  const { audio } = check.info!;
  if (audio && maps.audio) {
    const mix = await measureChannels(ffmpeg.path, file, { maxPixels, map: maps.audio, layout });
    if (mix) addMix(check.info!, mix, layout);
  }
  check.notes.push(...(check.info!.notes ?? []));
  const mixing = mixFilters(audio?.mix, layout);
  const jumps = file.startMicroseconds !== undefined;
  if (!maps.video || !maps.audio || check.info!.choices || mixing.length > 0 || jumps)
    decoded = await decodeAll(source, maps, mixing);
  describeStreams(decoded, check);
  check.changes = decoded.changes.changes;
  check.notes.push(...decoded.changes.notes(decoded.frames.startSec || 0));
  check.damageMessages = decoded.damageMessages;
  for (const reason of damageOf(decoded, check)) problems.push({ kind: 'damaged', detail: reason });
  const missing = short === undefined ? missingSeconds(decoded.messages, check) : undefined;
  if (missing) problems.push({ kind: 'cut short', detail: missing });
  problems.push(...timingProblems(check, { maxDifferenceSec, maxGapSec }));
  check.ok = problems.length === 0;
  return check;
}

/** What `checkMedia` checks. */
type CheckSource = { ffmpegPath: string; file: InputFile; maxPixels: number; wanted: WantedTracks };

/** Fills in `check.info` and gives the streams; undefined, with the problem noted, where the file cannot be decoded. */
async function openable(
  { messages, lastLine: last }: Decoded,
  check: MediaCheck,
  source: CheckSource,
): Promise<{ maps: Partial<StreamMaps>; layout: ChannelLayout } | undefined> {
  const format = refusedFormat(messages);
  if (format !== undefined) {
    const detail = `${format} is no format that holds its streams itself`;
    check.problems.push({ kind: 'names other files', detail });
    return undefined;
  }
  const { info, numbers, layout } = await describeTracks(messages, { ...source, where: 'checkMedia' });
  const { video, audio } = info;
  if (!video && !audio) {
    check.problems.push({ kind: 'not media', detail: last });
    return undefined;
  }
  check.info = info;
  const { maxPixels } = source;
  if (video && video.width * video.height > maxPixels) {
    const detail = `${video.width} x ${video.height} pixels, more than ${maxPixels} together`;
    check.problems.push({ kind: 'too large', detail });
    return undefined;
  }
  const maps = { ...(video && { video: `0:${numbers.video}` }), ...(audio && { audio: `0:${numbers.audio}` }) };
  return { maps, layout };
}

/** Fills in `check.video` and `check.audio`, and the starts in `check.info`. */
function describeStreams({ messages, frames, samples, peak }: Decoded, check: MediaCheck): void {
  const { video, audio } = check.info!;
  if (video && frames.count > 0) {
    const { count, startSec, lastSec, largestGapSec } = frames;
    // The last frame stands as long as the others do.
    const endSec = lastSec + (count > 1 ? (lastSec - startSec) / (count - 1) : 1 / video.fps);
    check.video = { frameCount: count, startSec, endSec, largestGapSec };
    video.startSec = startSec;
  }
  if (audio && samples > 0) {
    const { sampleRate } = audio;
    const startSec = firstTime(messages, 'ashowinfo') ?? audio.startSec;
    check.audio = { samples, sampleRate, startSec, endSec: startSec + samples / sampleRate, peak };
    audio.startSec = startSec;
  }
}

function timingProblems(
  { video, audio }: MediaCheck,
  { maxDifferenceSec, maxGapSec }: { maxDifferenceSec: number; maxGapSec: number },
): MediaProblem[] {
  const problems: MediaProblem[] = [];
  if (video && video.largestGapSec > maxGapSec) {
    problems.push({ kind: 'gap in the frames', detail: `one stands for ${video.largestGapSec.toFixed(2)} s` });
  }
  if (!video || !audio) return problems;
  for (const [kind, edge, verb] of [
    ['starts differ', 'startSec', 'begin'],
    ['lengths differ', 'endSec', 'end'],
  ] as const) {
    if (Math.abs(video[edge] - audio[edge]) <= maxDifferenceSec) continue;
    const [frames, samples] = [video[edge].toFixed(2), audio[edge].toFixed(2)];
    problems.push({ kind, detail: `the frames ${verb} at ${frames} s, the audio ${verb}s at ${samples} s` });
  }
  return problems;
}

function damageOf(decoded: Decoded, { info, video, audio }: MediaCheck): string[] {
  const { damageMessages, firstDamage, code, lastLine: last } = decoded;
  const reasons: string[] = [];
  const messages = damageMessages === 1 ? 'message' : 'messages';
  if (damageMessages > 0) reasons.push(`${damageMessages} ${messages} of ffmpeg, the first: ${firstDamage}`);
  if (info!.video && !video) reasons.push('no frame decodes');
  if (info!.audio && !audio) reasons.push('no audio decodes');
  if (reasons.length === 0 && code !== 0) reasons.push(last);
  return reasons;
}

/** Whether less decodes than the container announces, where it announces it for these streams. */
function missingSeconds(messages: string, { info, video, audio }: MediaCheck): string | undefined {
  const announced = info!.durationSec;
  const streams = inputDump(messages).match(/^ {2,4}Stream #0:\d+/gm)?.length ?? 0;
  const others = streams - Number(info!.video !== undefined) - Number(info!.audio !== undefined);
  if (!(announced > 0) || others > 0 || /Estimating duration/.test(messages)) return undefined;
  const starts = [video, audio].flatMap((stream) => (stream ? [stream.startSec] : []));
  const ends = [video, audio].flatMap((stream) => (stream ? [stream.endSec] : []));
  const seconds = ends.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts);
  if (seconds >= announced - Math.max(0.5, 0.02 * announced)) return undefined;
  return `the file announces ${announced.toFixed(2)} s, ${seconds.toFixed(2)} s decode`;
}

/** Decodes everything and counts. The times of frames come as messages of a filter, the audio as samples. */
async function decodeAll(
  { ffmpegPath, file, maxPixels }: CheckSource,
  { video, audio }: Partial<StreamMaps>,
  mixing: readonly string[] = [],
): Promise<Decoded> {
  const args = ['-nostdin', '-nostats', '-v', 'level+info', ...inputArguments(file, maxPixels)];
  // `showinfo` also sums up all it is shown: a few pixels are enough.
  const frames = printFirstFrame('scale=16:16:flags=neighbor,showinfo@every');
  if (video) args.push('-map', video, '-vf', frames, '-f', 'null', '-');
  if (audio) {
    // Holes in the timestamps become silence, so that the number of samples tells the end.
    const whole = 'aresample=async=1:min_comp=0.00001:min_hard_comp=0.04:rematrix_maxval=1';
    const mono = 'aformat=sample_fmts=s16:channel_layouts=mono';
    args.push('-map', audio, '-af', printFirstAudio([...mixing, whole, mono].join(',')), '-f', NATIVE_PCM16, 'pipe:1');
  }
  const found: Decoded = {
    messages: '',
    lastLine: '',
    damageMessages: 0,
    frames: { count: 0, startSec: Number.NaN, lastSec: Number.NaN, largestGapSec: 0 },
    changes: new StreamChanges(),
    samples: 0,
    peak: 0,
  };
  let errors = '';
  const listen = messageLines((line) => {
    if (countFrame(line.text, found)) return;
    found.changes.add(line);
    const text = line.text.replaceAll(file.url, 'the file'); // a line break in the name would make lines of it
    if (isError(line) && errors.length < 16_384) errors += `${text}\n`;
    if (reportsDamage({ ...line, text })) {
      found.damageMessages++;
      found.firstDamage ??= lastLine({ messages: text });
    }
    if (found.messages.length < 262_144) found.messages += `${text}\n`;
  });
  const run = runFfmpeg(ffmpegPath, args, { listen });
  try {
    await countSamples(run.stdout, found);
    const end = await run.ended;
    found.code = end.code;
    const fault = ffmpegFault({ ...end, messages: errors });
    if (fault && (end.signal || end.code! > 126)) {
      throw new MediaError(`checkMedia: ${fault.detail}, got ${file.path}`, fault); // says nothing about the file
    }
    found.lastLine = lastLine({ ...end, messages: errors });
    found.messages = found.messages.replaceAll(file.url, 'the file');
  } finally {
    await run.kill();
  }
  return found;
}

/** Counts a frame where the line is one of `showinfo`; whether it is. */
function countFrame(line: string, { frames, changes }: Decoded): boolean {
  if (!line.startsWith('[showinfo@every @ ')) return false;
  const time = /^[^\]]*\] n: *\d+ +pts: *(-?\d+)/.exec(line);
  if (!time) return true;
  const seconds = Number(time[1]) / 1e6;
  if (frames.count === 0) frames.startSec = seconds;
  else frames.largestGapSec = Math.max(frames.largestGapSec, seconds - frames.lastSec);
  frames.lastSec = seconds;
  frames.count++;
  changes.frameAt(seconds);
  return true;
}

async function countSamples(stdout: AsyncIterable<Uint8Array>, found: Decoded): Promise<void> {
  for await (const bytes of inPieces(stdout, 65_536)) {
    const samples = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
    found.samples += samples.length;
    for (const sample of samples) found.peak = Math.max(found.peak, Math.abs(sample) / 32768);
  }
}
