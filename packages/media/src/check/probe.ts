import type { MediaInfo } from '@lipsync/contracts';
import type { FfmpegEnd } from '../ffmpeg/run-ffmpeg';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import type { InputFile } from '../read/input-file';
import { inputArguments } from '../read/input-file';

/** `MediaInfo`, and the time that readers count from. */
export type Probe = {
  info: MediaInfo;
  /** Time of the first decoded frame, microseconds of the container's clock; without frames, of the first audio. */
  zeroMicroseconds: number;
};

/**
 * Parses what `ffmpeg -i` prints about a file, so that no ffprobe is needed. Tested with ffmpeg 4.1 and 5.1, which
 * differ in indent and stream ids only. Takes the first video stream that is not marked as a cover image, or the one
 * with the number `videoStream`; none where that is -1.
 *
 * @returns the file's streams; `startSec` is the container's start, `durationSec` NaN where the container does not say.
 */
export function parseFfmpegDump(path: string, text: string, videoStream?: number): MediaInfo {
  // Only the input's part: with outputs named, ffmpeg describes those in the same words further down.
  const start = text.search(/^Input #0,/m);
  const dump = start < 0 ? '' : text.slice(start).split(/^(?:Stream mapping:|Output #0)/m)[0];
  const head = /^ {2}Duration: (?:N\/A|(\d+):(\d\d):(\d\d(?:\.\d+)?))(?:, start: (-?[\d.]+))?/m.exec(dump);
  const durationSec = head?.[1] ? Number(head[1]) * 3600 + Number(head[2]) * 60 + Number(head[3]) : Number.NaN;
  const startSec = Number(head?.[4] ?? 0);
  const info: MediaInfo = { path, durationSec };

  // A stream's line, and its indented metadata and side data until the next stream.
  for (const part of dump.split(/^ {2,4}(?=Stream #0:\d+)/m).slice(1)) {
    const line = part.split('\n', 1)[0];
    const stream = /^Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?: (Video|Audio): (\w+)(.*)$/.exec(line.trim());
    if (!stream) continue;
    const [, number, kind, codec, rest] = stream;
    const chosen = videoStream === undefined ? !rest.includes('(attached pic)') : Number(number) === videoStream;
    if (kind === 'Video' && !info.video && chosen) {
      const size = /, (\d+)x(\d+)(?=[ ,[]|$)/.exec(rest);
      const rotation = rotationOf(part);
      const [width, height] = size ? [Number(size[1]), Number(size[2])] : [0, 0];
      const turned = rotation % 180 !== 0;
      info.video = {
        codec,
        width: turned ? height : width,
        height: turned ? width : height,
        fps: rateOf(rest),
        rotation,
        startSec,
      };
    } else if (kind === 'Audio' && !info.audio) {
      const sampleRate = Number(/, (\d+) Hz/.exec(rest)?.[1] ?? 0);
      info.audio = { codec, sampleRate, channels: channelsOf(rest), startSec };
    }
  }
  return info;
}

/**
 * Frames per second: the average where ffmpeg knows it, else its guess from the clock; 25 where that guess is a clock
 * rate (90k tbr).
 */
function rateOf(line: string): number {
  for (const unit of ['fps', 'tbr']) {
    const match = new RegExp(`, ([\\d.]+)(k?) ${unit}\\b`).exec(line);
    const rate = match ? Number(match[1]) * (match[2] ? 1000 : 1) : 0;
    if (rate > 0 && rate <= 1000) return rate;
  }
  return 25;
}

/** Clockwise quarter turns: ffmpeg's "rotation of -90.00 degrees" counts the other way. */
function rotationOf(part: string): number {
  const matrix = /displaymatrix: rotation of (-?[\d.]+|nan) degrees/.exec(part);
  const degrees = matrix ? -Number(matrix[1]) : 0;
  if (!Number.isFinite(degrees)) return 0;
  return (((Math.round(degrees / 90) * 90) % 360) + 360) % 360;
}

function channelsOf(line: string): number {
  const layout = / Hz, (?:(\d+) channels|(\d)\.(\d)|(mono)|(stereo|downmix)|(quad)|(hexagonal)|(octagonal))/.exec(line);
  if (!layout) return 1;
  if (layout[1]) return Number(layout[1]);
  if (layout[2]) return Number(layout[2]) + Number(layout[3]);
  return layout[4] ? 1 : layout[5] ? 2 : layout[6] ? 4 : layout[7] ? 6 : 8;
}

export type ProbeOptions = {
  /** Names the caller's function in errors. */
  where: string;
  maxPixels: number;
  /**
   * Messages of a run over both streams with `showinfo` and `ashowinfo` at their first frame and audio. Default: of a
   * new run.
   */
  messages?: string;
};

/**
 * Describes `file` and finds, by decoding one frame and one piece of audio, when each stream really starts.
 *
 */
export async function probeFile(
  ffmpegPath: string,
  file: InputFile,
  { where, maxPixels, messages: given }: ProbeOptions,
): Promise<Probe> {
  // A video with audio is done in one run; where a stream lacks, ffmpeg describes the file and stops.
  const end: FfmpegEnd =
    given === undefined
      ? await decodeFirst(ffmpegPath, file, { maxPixels, video: true, audio: true })
      : { messages: given };
  end.messages = end.messages.replaceAll(file.url, 'the file'); // a line break in the name would make lines of it
  const kind = refusedFormat(end.messages);
  if (kind !== undefined) {
    const rule = 'a file that holds its streams itself (mp4, mkv, webm, avi, wav …)';
    throw new Error(`${where}: path must be ${rule}, got ${file.path} (${kind})`);
  }
  const info = parseFfmpegDump(file.path, end.messages, chosenVideo(end.messages));
  const { video, audio } = info;
  if (!video && !audio) {
    throw new Error(
      `${where}: path must be a video or audio that ffmpeg can read, got ${file.path} (${lastLine(end)})`,
    );
  }
  if (video) Object.assign(video, refusedSize(end.messages));
  if (video && video.width * video.height > maxPixels) {
    const rule = `a video of at most ${maxPixels} pixels a frame (option maxPixels)`;
    throw new RangeError(`${where}: path must be ${rule}, got ${file.path} (${video.width} x ${video.height})`);
  }
  let { messages } = end;
  if (!video || !audio) {
    ({ messages } = await decodeFirst(ffmpegPath, file, { maxPixels, video: !!video, audio: !!audio }));
  }
  const startSec = (video ?? audio)!.startSec;
  if (video) video.startSec = firstTime(messages, 'showinfo') ?? startSec;
  if (audio) audio.startSec = firstTime(messages, 'ashowinfo') ?? startSec;
  if (!Number.isFinite(info.durationSec)) {
    info.durationSec = Math.max(0, (await playedUntil(ffmpegPath, file, { maxPixels, ...info })) - startSec);
  }
  return { info, zeroMicroseconds: Math.round((video ?? audio)!.startSec * 1e6) };
}

/** The kind of file that ffmpeg did not open because of `inputArguments`. */
export function refusedFormat(messages: string): string | undefined {
  if (!/Format not on whitelist/.test(messages)) return undefined;
  return /\[([\w,]+) @ [^\]]*\] Format not on whitelist/.exec(messages)?.[1] ?? 'another format';
}

/** The size at which a decoder stopped because of `maxPixels`. */
export function refusedSize(messages: string): { width: number; height: number } | undefined {
  const size = /Picture size (\d+)x(\d+) exceeds specified max pixel count/.exec(messages);
  return size ? { width: Number(size[1]), height: Number(size[2]) } : undefined;
}

/**
 * The number of the stream that `-map 0:V:0` as the first output took, -1 where there is none, undefined where ffmpeg
 * did not come to it. ffmpeg 4.1 does not print which stream is a cover image, but does not map it either.
 */
export function chosenVideo(messages: string): number | undefined {
  if (/Stream map '0:V:0' matches no streams/.test(messages)) return -1;
  const mapped = /^ *Stream #0:(\d+) -> #0:0 /m.exec(messages)?.[1];
  return mapped === undefined ? undefined : Number(mapped);
}

/**
 * Decodes the first frame and the first piece of audio and lets filters print their times on the container's clock:
 * edit lists, encoder delay and dropped leading frames are behind us there.
 */
function decodeFirst(
  ffmpegPath: string,
  file: InputFile,
  { maxPixels, video, audio }: { maxPixels: number; video: boolean; audio: boolean },
): Promise<FfmpegEnd> {
  const args = ['-nostdin', '-nostats', ...inputArguments(file, maxPixels)];
  if (video) args.push('-map', '0:V:0', '-vf', 'settb=AVTB,showinfo', '-frames:v', '1', '-f', 'null', '-');
  if (audio) args.push('-map', '0:a:0', '-af', 'asettb=AVTB,ashowinfo', '-frames:a', '1', '-f', 'null', '-');
  const run = runFfmpeg(ffmpegPath, args);
  run.stdout.resume();
  return run.ended;
}

/** Seconds on the container's clock of the first line that the filter printed. */
export function firstTime(messages: string, filter: 'showinfo' | 'ashowinfo'): number | undefined {
  const match = new RegExp(`Parsed_${filter}_\\d+ @[^\\]]*\\] n: *0 pts: *(-?\\d+)`).exec(messages);
  return match ? Number(match[1]) / 1e6 : undefined;
}

/** Last time of a file whose container does not say its length, on its clock, by decoding it once. */
async function playedUntil(
  ffmpegPath: string,
  file: InputFile,
  { maxPixels, video, audio }: { maxPixels: number } & Pick<MediaInfo, 'video' | 'audio'>,
): Promise<number> {
  const maps = [...(video ? ['-map', '0:V:0'] : []), ...(audio ? ['-map', '0:a:0'] : [])];
  const run = runFfmpeg(ffmpegPath, ['-nostdin', ...inputArguments(file, maxPixels), ...maps, '-f', 'null', '-']);
  run.stdout.resume();
  const { messages } = await run.ended;
  const times = [...messages.matchAll(/time=(\d+):(\d\d):(\d\d(?:\.\d+)?)/g)];
  const last = times.at(-1);
  return last ? Number(last[1]) * 3600 + Number(last[2]) * 60 + Number(last[3]) : 0;
}
