import type { FrameSequence, MediaInfo, MediaStreams, VideoFrame, Waveform } from '@lipsync/contracts';
import { mixFilters } from '../check/channel-mix';
import { cutShort } from '../check/cut-short';
import type { Probe } from '../check/probe';
import { FIRST_STREAMS, firstTime } from '../check/probe';
import {
  audioFilter,
  fittedExpressions,
  fittedSize,
  frameFilter,
  printFirstAudio,
  printFirstFrame,
  printFrames,
  printPieces,
} from '../ffmpeg/filters';
import { fromPcm16, NATIVE_PCM16 } from '../ffmpeg/pcm16';
import { lastLine } from '../ffmpeg/run-ffmpeg';
import type { InputFile } from './input-file';
import { inputArguments } from './input-file';
import type { MediaSource } from './media-source';
import type { SharedRun } from './shared-run';
import { startSharedRun } from './shared-run';

/**
 * A video's description, frames and audio out of one run of ffmpeg, as `probe`, `frames` and `audio` give them.
 *
 * The first iteration reads from the shared run, later ones decode again. `release` ends the run and frees its queues;
 * an iteration continues, or begins, in a run of its own.
 */
export type BothStreams = MediaStreams;

export type BothRequest = Pick<MediaSource, 'ffmpegPath' | 'maxPixels' | 'damage' | 'log'> & {
  file: InputFile;
  fps: number;
  maxSide?: number;
  sampleRate: number;
  keepBytes: number;
  /** The probe of the file, where there is one already. */
  known?: Probe;
  /** Called where damage is passed over. */
  onDamage(): void;
  /** Probes the file, from the messages of a run or with a run of its own. */
  describe(messages?: string): Promise<Probe>;
  /** The streams in runs of their own: the same values, and the fallback. */
  separate: { frames(): FrameSequence; audio(): AsyncIterable<Waveform> };
};

/**
 * Opens both streams of a video in one run. Where the video has not been probed, the run assumes that its first
 * frame is at 0 and prints the actual time; where the assumption was wrong, it is restarted with that time.
 *
 * In unusual cases (a missing stream, a change in the middle, damage, full queues) each stream continues in a run of
 * its own from where it stopped; these runs decide what is an error.
 */
export async function openBoth(request: BothRequest): Promise<BothStreams> {
  const { separate } = request;
  let { known } = request;
  let run: SharedRun | undefined;
  if (!known) {
    run = start(request);
    const messages = await run.described;
    const times = messages !== undefined && hasBothTimes(messages);
    if (!times || firstTime(messages, 'showinfo') !== 0) {
      await run.kill();
      run = undefined;
    }
    // Without the times, the messages count only where ffmpeg stopped at once; otherwise it may have stopped at damage.
    known = await request
      .describe(times || messages?.includes('matches no streams') ? messages : undefined)
      .catch(async (error: unknown) => {
        await run?.kill();
        throw error;
      });
    if (!times) return separately(known.info, separate);
    if (run && (known.info.choices || audioMix(known).length > 0 || known.audioZeroMicroseconds !== 0)) {
      await run.kill(); // it may read other tracks, mixes all channels, or has another time
      run = undefined;
    }
  }
  const { info } = known;
  if (!info.video || !info.audio || known.clock.startMicroseconds !== undefined || known.frameTimes) {
    await run?.kill();
    return separately(info, separate);
  }
  run ??= start(request, known);
  return new Both(request, info, fittedSize(info.video, request.maxSide), run);
}

const audioMix = ({ info, layout }: Probe) => mixFilters(info.audio?.mix, layout);

const hasBothTimes = (messages: string) =>
  firstTime(messages, 'showinfo') !== undefined && firstTime(messages, 'ashowinfo') !== undefined;

/** Both streams, each in a run of its own. */
export function separately(info: MediaInfo, { frames, audio }: BothRequest['separate']): BothStreams {
  return { info, frames: frames(), audio: audio(), release: async () => undefined };
}

const UNKNOWN = { zeroMicroseconds: 0, audioZeroMicroseconds: 0, maps: FIRST_STREAMS };

/** Without a time of the first frame it is taken to be 0, and the run prints it. */
function start(request: BothRequest, known?: Probe): SharedRun {
  const { ffmpegPath, file, maxPixels, damage, fps, maxSide, sampleRate, keepBytes } = request;
  // Of a video that starts at 0 the file is opened once. Else twice: the frames' clock is moved at the input, the
  // audio's in its filter.
  const { zeroMicroseconds: zero, audioZeroMicroseconds, maps } = known ?? UNKNOWN;
  const audioInput = zero === 0 ? 0 : 1;
  const args = [
    ...(damage === 'refuse' ? ['-xerror'] : []),
    ...inputArguments(file, maxPixels, { zeroMicroseconds: zero }),
    ...(audioInput === 1 ? inputArguments(file, maxPixels) : []),
    '-map',
    maps.video,
    '-vf',
    printFirstFrame(printFrames(frameFilter(fps, { size: fittedExpressions(maxSide) }))),
    // Each with its size before it: one that differs from the others cannot shift those after it.
    '-f',
    'image2pipe',
    '-c:v',
    'ppm',
    '-pix_fmt',
    'rgb24',
    'pipe:1',
    '-map',
    maps.audio.replace(/^0/, String(audioInput)),
    '-af',
    printFirstAudio(
      printPieces(
        [...(known ? audioMix(known) : []), audioFilter(audioZeroMicroseconds, sampleRate, { layout: 'mono' })].join(
          ',',
        ),
      ),
    ),
    '-f',
    NATIVE_PCM16,
    'pipe:3',
  ];
  return startSharedRun(ffmpegPath, args, keepBytes, known ? undefined : hasBothTimes);
}

class Both implements BothStreams {
  readonly frames: FrameSequence;
  readonly audio: AsyncIterable<Waveform>;
  #framesTaken = false;
  #audioTaken = false;
  #logged = false;

  readonly #request: BothRequest;
  readonly #size: { width: number; height: number };
  readonly #run: SharedRun;

  constructor(
    request: BothRequest,
    readonly info: MediaInfo,
    size: { width: number; height: number },
    run: SharedRun,
  ) {
    this.#request = request;
    this.#size = size;
    this.#run = run;
    const { separate } = request;
    this.frames = {
      fps: request.fps,
      [Symbol.asyncIterator]: () => {
        if (this.#framesTaken) return separate.frames()[Symbol.asyncIterator]();
        this.#framesTaken = true;
        return this.#sharedFrames();
      },
    };
    this.audio = {
      [Symbol.asyncIterator]: () => {
        if (this.#audioTaken) return separate.audio()[Symbol.asyncIterator]();
        this.#audioTaken = true;
        return this.#sharedAudio();
      },
    };
  }

  release(): Promise<void> {
    return this.#run.kill();
  }

  async *#sharedFrames(): AsyncGenerator<VideoFrame> {
    const { fps, separate } = this.#request;
    const { frames, frameLog } = this.#run;
    const { width, height } = this.#size;
    const header = new TextEncoder().encode(`P6\n${width} ${height}\n255\n`);
    let index = 0;
    let complete = false;
    try {
      for (;;) {
        const head = await frames.read(header.length);
        if (head?.length === 0 && index > 0 && (await this.#endedWell())) {
          complete = true;
          return;
        }
        if (!head || head.length < header.length || head.some((byte, at) => byte !== header[at])) break;
        const data = await frames.read(width * height * 3);
        if (!data || data.length < width * height * 3) break;
        await frameLog.covers(index + 1);
        if (index >= frameLog.changedAt) break;
        yield { data, width, height, index, timeSec: index / fps };
        index++;
      }
      frames.lose();
      for await (const frame of separate.frames()) if (frame.index >= index) yield frame;
      complete = true;
    } finally {
      if (!complete) await this.#leaveFrames();
    }
  }

  async *#sharedAudio(): AsyncGenerator<Waveform> {
    const { sampleRate, separate } = this.#request;
    const { audio, audioLog } = this.#run;
    const bytes = sampleRate * 2; // one second a piece
    let pieces = 0;
    try {
      for (;;) {
        const data = await audio.read(bytes);
        const last = data !== undefined && data.length < bytes;
        if (!data || (last && !(await this.#endedWell())) || (data.length === 0 && pieces === 0)) break;
        const end = pieces * sampleRate + (data.length >> 1);
        await audioLog.covers(end, last);
        if (end > (last ? audioLog.changedAt : audioLog.settled)) break;
        const samples = Float32Array.from(new Int16Array(data.buffer, 0, data.length >> 1), fromPcm16);
        if (samples.length > 0) yield { samples, sampleRate };
        if (last) return;
        pieces++;
      }
      let skipped = 0;
      for await (const piece of separate.audio()) if (skipped++ >= pieces) yield piece;
    } finally {
      audio.lose();
    }
  }

  /** Frames that are no longer wanted should not be decoded for the rest of the audio. */
  async #leaveFrames(): Promise<void> {
    if (this.#run.frames.over) this.#run.frames.lose();
    else await this.#run.kill();
  }

  /**
   * Whether the run came to its end and the file is whole; where not, separate runs throw or log what they conceal.
   */
  async #endedWell(): Promise<boolean> {
    const { damage, file, log } = this.#request;
    const end = await this.#run.ended.catch(() => undefined);
    if (end?.code !== 0) return false;
    const short = await cutShort(file.path).catch(() => undefined);
    const broken = short !== undefined || end.reportedDamage;
    if (damage === 'refuse' && broken) return false;
    if (broken) this.#request.onDamage();
    const warning =
      short === undefined ? end.messages.trim() && `ffmpeg says: ${lastLine(end)}` : `cut short: ${short}`;
    if (warning && !this.#logged) log(`both: ${file.path}: ${warning}`);
    this.#logged = true;
    return true;
  }
}
