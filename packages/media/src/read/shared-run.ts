import { isError, messageLines } from '../ffmpeg/message-lines';
import { PipeQueue } from '../ffmpeg/pipe-queue';
import type { FfmpegEnd } from '../ffmpeg/run-ffmpeg';
import { runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { reportsDamage } from './decode-bytes';
import { OutputLog } from './output-log';

/** Bytes of frames that are read ahead while no read waits. */
const AHEAD = 2 ** 20;

/** Characters of messages that are kept: the description of a file with many streams and much metadata. */
const KEPT_CHARACTERS = 262_144;

/** One ffmpeg that writes frames to `pipe:1` and audio to `pipe:3`. */
export type SharedRun = {
  readonly frames: PipeQueue;
  readonly audio: PipeQueue;
  /** What the filters print of what goes into `frames` and `audio`. */
  readonly frameLog: OutputLog;
  readonly audioLog: OutputLog;
  /**
   * ffmpeg's messages, without levels, up to the time when `complete` held of them or the run ended; undefined where it
   * was killed before, or `complete` was not given.
   */
  readonly described: Promise<string | undefined>;
  /**
   * How it ended, with the messages of errors only, and whether it reported damage, if only as a warning; rejects where
   * it could not be started.
   */
  readonly ended: Promise<FfmpegEnd & { reportedDamage: boolean }>;
  /** Loses both queues and waits until the child is gone. */
  kill(): Promise<void>;
};

/**
 * Starts a run whose two outputs may be read in any order, at any speed, or not at all, without deadlock.
 *
 * ffmpeg writes both outputs in step and blocks where a pipe is full, so that reading one of them requires that the
 * other is read, too. While no read waits, up to `keepBytes` of audio and a megabyte of frames are queued, and then
 * ffmpeg blocks. While a read waits for audio (or for the description), up to `keepBytes` of frames are queued; beyond
 * that the run is given up. While a read waits for frames, up to `keepBytes` of audio are queued; beyond that the audio
 * alone is given up, as it costs little to decode again. So every read returns the bytes, the end of the stream, or
 * `undefined` for a lost queue.
 */
export function startSharedRun(
  ffmpegPath: string,
  args: readonly string[],
  keepBytes: number,
  complete?: (messages: string) => boolean,
): SharedRun {
  let messages = '';
  let errors = '';
  let reportedDamage = false;
  let isDescribed = complete === undefined;
  let describe: (messages: string | undefined) => void = () => undefined;
  const described = new Promise<string | undefined>((resolve) => {
    describe = (text) => {
      isDescribed = true;
      resolve(text);
    };
  });
  const frameLog = new OutputLog('frames');
  const audioLog = new OutputLog('audio');
  const listen = messageLines((line) => {
    frameLog.add(line);
    audioLog.add(line);
    reportedDamage ||= reportsDamage(line);
    if (isError(line) && errors.length < KEPT_CHARACTERS) errors += `${line.text}\n`;
    if (isDescribed || messages.length > KEPT_CHARACTERS) return;
    messages += `${line.text}\n`;
    if (!line.text.includes('showinfo') || !complete!(messages)) return;
    describe(messages);
    settle();
  });

  const run = runFfmpeg(ffmpegPath, ['-nostdin', '-nostats', '-v', 'level+info', ...args], { third: true, listen });
  const frames = new PipeQueue(run.stdout, settle);
  const audio = new PipeQueue(run.third!, settle);

  function settle(): void {
    const frameIsAwaited = !isDescribed || frames.wanted;
    const audioIsAwaited = !isDescribed || audio.wanted;
    if (audioIsAwaited && frames.bytes >= keepBytes) void kill();
    if (frameIsAwaited && audio.bytes >= keepBytes && !audio.wanted) audio.lose();
    frames.flow(frames.lost || frames.wanted || audioIsAwaited || frames.bytes < AHEAD);
    audio.flow(audio.lost || audio.wanted || frameIsAwaited || audio.bytes < keepBytes);
  }

  function kill(): Promise<void> {
    describe(undefined);
    frames.lose();
    audio.lose();
    return run.kill();
  }

  const ended = run.ended.then((end) => ({ ...end, messages: errors, reportedDamage }));
  const over = () => {
    describe(messages);
    frames.finish();
    audio.finish();
  };
  ended.then(over, over);
  settle();
  return { frames, audio, frameLog, audioLog, described, ended, kill };
}
