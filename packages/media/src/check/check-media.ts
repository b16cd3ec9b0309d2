import type { MediaInfo } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import { tellingFirstAudio } from '../ffmpeg/filters';
import type { FindFfmpegOptions } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { isError, messageLines } from '../ffmpeg/message-lines';
import { NATIVE_PCM16 } from '../ffmpeg/pcm16';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { saysDamage } from '../read/decode-bytes';
import type { InputFile } from '../read/input-file';
import { inputArguments, inputFile } from '../read/input-file';
import { MAX_PIXELS } from '../read/open-media';
import { cutShort } from './cut-short';
import { chosenVideo, firstTime, parseFfmpegDump, refusedFormat, refusedSize } from './probe';

export type CheckMediaOptions = FindFfmpegOptions & {
  /** Largest frame, width times height. Default 7680 * 4320 (8K). */
  maxPixels?: number;
  /** By how many seconds the frames and the audio may begin, and may end, apart. Default 0.5. */
  maxDifferenceSec?: number;
  /** Seconds that one frame may stand. Default 1. */
  maxGapSec?: number;
};

export type MediaProblem = {
  /**
   * `empty`: no bytes; `not media`: nothing ffmpeg can read; `names other files`: a playlist or script; `too large`: above
   * `maxPixels`; `no frame` and `no audio`: the stream lacks; `cut short`: it ends before its container says so;
   * `damaged`: the decoder said so, or gave nothing; `gap in the frames`, `starts differ` and `lengths differ`: beyond the
   * options.
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
  /** In words, with the numbers. */
  detail: string;
};

export type MediaCheck = {
  path: string;
  /** Whether there is no problem. */
  ok: boolean;
  problems: MediaProblem[];
  /** What the file says of itself, where it could be opened. */
  info?: MediaInfo;
  /** What decoded, seconds on the container's clock. */
  frames?: { count: number; startSec: number; endSec: number; largestGapSec: number };
  /** What decoded, in the file's own rate; holes in its timestamps count as samples. `peak` of the mono mix, full scale 1. */
  audio?: { samples: number; sampleRate: number; startSec: number; endSec: number; peak: number };
  /** Lines in which ffmpeg spoke of missing or broken data. */
  damageMessages: number;
};

/** What a run over the whole file found. */
type Decoded = {
  code?: number;
  /** The description and what came with it. */
  messages: string;
  lastLine: string;
  damageMessages: number;
  firstDamage?: string;
  frames: { count: number; startSec: number; lastSec: number; largestGapSec: number };
  samples: number;
  peak: number;
};

/**
 * Decodes a file from its first frame and audio to its last and says what is there and what is wrong with it, in constant
 * memory. A file that is bad in any way is an answer, not an error. One run of ffmpeg where both streams are there.
 *
 * `frames`, `audio` and `both` refuse what is damaged or cut by themselves, at the place where it is; this is for those who
 * want to know before, and all of it.
 *
 * @throws Error where `path` is no plain file that can be read, or there is no ffmpeg.
 * @example
 * const { ok, problems, frames } = await checkMedia('talk.mp4');
 * if (!ok) console.log(problems.map(({ kind, detail }) => `${kind}: ${detail}`).join('; '), frames?.count);
 */
export async function checkMedia(path: string, options: CheckMediaOptions = {}): Promise<MediaCheck> {
  const { maxPixels = MAX_PIXELS, maxDifferenceSec = 0.5, maxGapSec = 1 } = options;
  if (!(Number.isInteger(maxPixels) && maxPixels > 0 && maxPixels < 2 ** 31)) {
    fail(RangeError, 'checkMedia', 'options.maxPixels', 'a whole number above 0 and below 2^31', maxPixels);
  }
  if (!(maxDifferenceSec >= 0))
    fail(RangeError, 'checkMedia', 'options.maxDifferenceSec', 'at least 0', maxDifferenceSec);
  if (!(maxGapSec > 0)) fail(RangeError, 'checkMedia', 'options.maxGapSec', 'above 0', maxGapSec);
  const file = await inputFile('checkMedia', path);
  const problems: MediaProblem[] = [];
  const check: MediaCheck = { path, ok: false, problems, damageMessages: 0 };
  const problem = (kind: MediaProblem['kind'], detail: string) => problems.push({ kind, detail });

  const short = await cutShort(path);
  if (short === 'the file is empty') {
    problem('empty', short);
    return check;
  }
  if (short !== undefined) problem('cut short', short);
  const ffmpeg = await ffmpegFor(options);
  let decoded = await decodeAll(ffmpeg.path, file, maxPixels, { video: true, audio: true });
  const info = parseFfmpegDump(path, decoded.messages, chosenVideo(decoded.messages));
  const format = refusedFormat(decoded.messages);
  if (format !== undefined || (!info.video && !info.audio)) {
    if (format === undefined) problem('not media', decoded.lastLine);
    else problem('names other files', `${format} is no format that holds its streams itself`);
    return check;
  }
  check.info = info;
  const { video, audio } = info;
  if (video) Object.assign(video, refusedSize(decoded.messages));
  if (video && video.width * video.height > maxPixels) {
    problem('too large', `${video.width} x ${video.height} pixels, more than ${maxPixels} together`);
    return check;
  }
  if (!video) problem('no video', 'the file has no frames');
  if (!audio) problem('no audio', 'the file has no audio');
  const streams = { video: video !== undefined, audio: audio !== undefined };
  if (!video || !audio) decoded = await decodeAll(ffmpeg.path, file, maxPixels, streams);

  const { frames, samples, peak } = decoded;
  if (video && frames.count > 0) {
    const { count, startSec, lastSec, largestGapSec } = frames;
    // The last frame stands as long as the others do.
    const endSec = lastSec + (count > 1 ? (lastSec - startSec) / (count - 1) : 1 / video.fps);
    check.frames = { count, startSec, endSec, largestGapSec };
    video.startSec = startSec;
  }
  if (audio && samples > 0) {
    const startSec = firstTime(decoded.messages, 'ashowinfo') ?? audio.startSec;
    check.audio = {
      samples,
      sampleRate: audio.sampleRate,
      startSec,
      endSec: startSec + samples / audio.sampleRate,
      peak,
    };
    audio.startSec = startSec;
  }
  check.damageMessages = decoded.damageMessages;
  for (const reason of damageOf(decoded, check)) problem('damaged', reason);
  if (short === undefined) {
    const missing = missingSeconds(decoded.messages, check);
    if (missing) problem('cut short', missing);
  }
  if (check.frames && check.frames.largestGapSec > maxGapSec) {
    problem('gap in the frames', `one stands for ${check.frames.largestGapSec.toFixed(2)} s`);
  }
  if (check.frames && check.audio) {
    for (const [kind, edge] of [
      ['starts differ', 'startSec'],
      ['lengths differ', 'endSec'],
    ] as const) {
      const [frame, sound] = [check.frames[edge], check.audio[edge]];
      if (Math.abs(frame - sound) <= maxDifferenceSec) continue;
      const verb = edge === 'startSec' ? 'begin' : 'end';
      problem(kind, `the frames ${verb} at ${frame.toFixed(2)} s, the audio ${verb}s at ${sound.toFixed(2)} s`);
    }
  }
  check.ok = problems.length === 0;
  return check;
}

function damageOf(decoded: Decoded, { info, frames, audio }: MediaCheck): string[] {
  const { damageMessages, firstDamage, code, lastLine: last } = decoded;
  const reasons: string[] = [];
  const messages = damageMessages === 1 ? 'message' : 'messages';
  if (damageMessages > 0) reasons.push(`${damageMessages} ${messages} of ffmpeg, the first: ${firstDamage}`);
  if (info!.video && !frames) reasons.push('no frame decodes');
  if (info!.audio && !audio) reasons.push('no audio decodes');
  if (reasons.length === 0 && code !== 0) reasons.push(last);
  return reasons;
}

/** Whether less decodes than the container announces, where it announces it for these streams. */
function missingSeconds(messages: string, { info, frames, audio }: MediaCheck): string | undefined {
  const announced = info!.durationSec;
  const dump = messages.slice(messages.search(/^Input #0,/m)).split(/^(?:Stream mapping:|Output #0)/m)[0];
  const streams = dump.match(/^ {2,4}Stream #0:\d+/gm)?.length ?? 0;
  const others = streams - Number(info!.video !== undefined) - Number(info!.audio !== undefined);
  if (!(announced > 0) || others > 0 || /Estimating duration/.test(messages)) return undefined;
  const starts = [frames, audio].flatMap((stream) => (stream ? [stream.startSec] : []));
  const ends = [frames, audio].flatMap((stream) => (stream ? [stream.endSec] : []));
  const seconds = ends.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts);
  if (seconds >= announced - Math.max(0.5, 0.02 * announced)) return undefined;
  return `the file announces ${announced.toFixed(2)} s, ${seconds.toFixed(2)} s decode`;
}

/** Decodes everything and counts. The times of frames come as messages of a filter, the audio as samples. */
async function decodeAll(
  ffmpegPath: string,
  file: InputFile,
  maxPixels: number,
  want: { video: boolean; audio: boolean },
): Promise<Decoded> {
  const args = ['-nostdin', '-nostats', '-v', 'level+info', ...inputArguments(file, maxPixels)];
  // `showinfo` also sums up all it is shown: a few pixels are enough.
  if (want.video)
    args.push('-map', '0:V:0', '-vf', 'settb=AVTB,scale=16:16:flags=neighbor,showinfo', '-f', 'null', '-');
  if (want.audio) {
    // Holes in the timestamps become silence, so that the number of samples tells the end.
    const whole = 'aresample=async=1:min_comp=0.00001:min_hard_comp=0.04:rematrix_maxval=1';
    const mono = 'aformat=sample_fmts=s16:channel_layouts=mono';
    args.push('-map', '0:a:0', '-af', tellingFirstAudio(`${whole},${mono}`), '-f', NATIVE_PCM16, 'pipe:1');
  }
  const found: Decoded = {
    messages: '',
    lastLine: '',
    damageMessages: 0,
    frames: { count: 0, startSec: Number.NaN, lastSec: Number.NaN, largestGapSec: 0 },
    samples: 0,
    peak: 0,
  };
  const { frames } = found;
  let errors = '';
  const listen = messageLines((line) => {
    const time = /^\[Parsed_showinfo_\d+ @ [^\]]*\] n: *\d+ +pts: *(-?\d+)/.exec(line.text);
    if (time) {
      const seconds = Number(time[1]) / 1e6;
      if (frames.count === 0) frames.startSec = seconds;
      else frames.largestGapSec = Math.max(frames.largestGapSec, seconds - frames.lastSec);
      frames.lastSec = seconds;
      frames.count++;
      return;
    }
    if (/^\[Parsed_showinfo_\d+ @ /.test(line.text)) return;
    const text = line.text.replaceAll(file.url, 'the file'); // a line break in the name would make lines of it
    if (isError(line) && errors.length < 16_384) errors += `${text}\n`;
    if (line.level !== 'info' && saysDamage({ messages: text })) {
      found.damageMessages++;
      found.firstDamage ??= lastLine({ messages: text });
    }
    if (found.messages.length < 262_144) found.messages += `${text}\n`;
  });
  const run = runFfmpeg(ffmpegPath, args, { listen });
  try {
    let odd: number | undefined;
    for await (const chunk of run.stdout as AsyncIterable<Buffer>) {
      const bytes = odd === undefined ? chunk : Buffer.concat([Buffer.from([odd]), chunk]);
      odd = bytes.length % 2 === 1 ? bytes[bytes.length - 1] : undefined;
      const samples = new Int16Array(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - (bytes.length % 2)),
      );
      found.samples += samples.length;
      for (const sample of samples) found.peak = Math.max(found.peak, Math.abs(sample) / 32768);
    }
    const end = await run.ended;
    found.code = end.code;
    found.lastLine = lastLine({ ...end, messages: errors });
    found.messages = found.messages.replaceAll(file.url, 'the file');
  } finally {
    await run.kill();
  }
  return found;
}
