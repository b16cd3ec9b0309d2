import type { MediaInfo } from '@lipsync/contracts';
import { runFfmpeg } from '../ffmpeg/run-ffmpeg';
import type { InputFile } from '../read/input-file';
import { inputArguments } from '../read/input-file';
import { firstFrameDelay } from './edit-list';
import { inputStartSec } from './tracks';

/** What a container says of the times of frames where ffmpeg says something else. */
export type StoredTimes = {
  /** By how many microseconds the first frame is later than ffmpeg says. */
  frameDelay: number;
  /** The time of each frame in the order in which they are shown, microseconds from the first. */
  frameTimes?: Float64Array;
};

/**
 * Finds the times of frames that ffmpeg moves. In AVI, which stores no times but an order, a decoder that reorders
 * frames gives each one the time of a later packet: here the first packet's time belongs to the first frame that is
 * shown, and so on. In mp4 and mov, an edit that begins in the middle of a frame drops that frame and lets the next one
 * begin too early.
 *
 * @param options.messages what ffmpeg said of the file. @param options.firstSec when it gave the first frame.
 */
export async function storedTimes(
  ffmpegPath: string,
  file: InputFile,
  { info, messages, stream, maxPixels }: { info: MediaInfo; messages: string; stream: number; maxPixels: number },
): Promise<StoredTimes> {
  const format = /^Input #0, ([\w,]+), from/m.exec(messages)?.[1].split(',') ?? [];
  if (!info.video) return { frameDelay: 0 };
  if (format.includes('mov')) return { frameDelay: await firstFrameDelay(file.path, stream).catch(() => 0) };
  const startSec = inputStartSec(messages) ?? 0;
  if (!format.includes('avi') || info.video.startSec <= startSec) return { frameDelay: 0 };
  const times = await packetTimes(ffmpegPath, inputArguments(file, maxPixels), stream);
  const [first] = times;
  if (first === undefined || first >= info.video.startSec * 1e6) return { frameDelay: 0 };
  return { frameDelay: first - info.video.startSec * 1e6, frameTimes: times.map((time) => time - first) };
}

/** The time of each packet, microseconds. */
async function packetTimes(ffmpegPath: string, input: string[], stream: number): Promise<Float64Array> {
  const output = ['-map', `0:${stream}`, '-c', 'copy', '-f', 'framecrc', 'pipe:1'];
  const run = runFfmpeg(ffmpegPath, ['-nostdin', '-v', 'error', ...input, ...output]);
  const times: number[] = [];
  let unit = 0;
  let rest = '';
  try {
    for await (const chunk of run.stdout.setEncoding('latin1') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const clock = /^#tb 0: (\d+)\/(\d+)/.exec(line);
        if (clock) unit = (1e6 * Number(clock[1])) / Number(clock[2]);
        const packet = /^0, *(-?\d+),/.exec(line);
        if (packet) times.push(Number(packet[1]) * unit);
      }
    }
  } finally {
    await run.kill();
  }
  return Float64Array.from(times);
}
