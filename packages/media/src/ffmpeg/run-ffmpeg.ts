import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** What is kept of ffmpeg's messages: enough for a reason, bounded for a video with a million bad packets. */
const KEPT_CHARACTERS = 16_384;

/** How a run ended. */
export type FfmpegEnd = {
  /** Exit status; undefined where a signal ended it. */
  code?: number;
  signal?: string;
  /** The beginning and the end of what it wrote to stderr. */
  messages: string;
};

export type RunOptions = {
  /** Default `ignore`. */
  stdin?: 'pipe' | 'ignore';
  /** Whether `pipe:3` is an output beside stdout. Default false. */
  third?: boolean;
  /** Receives stderr, in pieces that end anywhere. */
  listen?: (text: string) => void;
};

export type FfmpegRun = {
  stdin: Writable;
  stdout: Readable;
  /** `pipe:3`, where it was asked for. */
  third?: Readable;
  /** Resolves when the child is gone and its pipes are closed; rejects only where it could not be started. */
  ended: Promise<FfmpegEnd>;
  /** Kills the child if it still runs and waits until it is gone. */
  kill(): Promise<void>;
};

/** Starts ffmpeg with arguments as an array, never through a shell. Nothing is read from the terminal. */
export function runFfmpeg(ffmpegPath: string, args: readonly string[], options: RunOptions = {}): FfmpegRun {
  const { stdin = 'ignore', third = false, listen } = options;
  // FFREPORT would make ffmpeg write a log file into the working folder.
  const { FFREPORT: _report, ...environment } = process.env;
  const child = spawn(ffmpegPath, ['-hide_banner', ...args], {
    stdio: third ? [stdin, 'pipe', 'pipe', 'pipe'] : [stdin, 'pipe', 'pipe'],
    env: { ...environment, AV_LOG_FORCE_NOCOLOR: '1' },
    windowsHide: true,
  });
  let head = '';
  let tail = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    listen?.(text);
    if (head.length < KEPT_CHARACTERS) head += text;
    else tail = (tail + text).slice(-KEPT_CHARACTERS);
  });
  // A child that dies leaves EPIPE behind; the reason is in its end, not here.
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<FfmpegEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code: code ?? undefined, signal: signal ?? undefined, messages: head + tail });
    });
  });
  ended.catch(() => undefined); // whoever awaits it still sees the rejection
  return {
    stdin: child.stdin as Writable,
    stdout: child.stdout!,
    ...(third && { third: child.stdio[3] as Readable }),
    ended,
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      child.stdout!.destroy();
      (child.stdio[3] as Readable | undefined)?.destroy();
      await ended.catch(() => undefined);
    },
  };
}

/** The last line of ffmpeg's messages that says something, without the address of the part that says it. */
export function lastLine(end: FfmpegEnd): string {
  const lines = end.messages
    .split(/[\r\n]+/)
    .map((line) => line.replace(/ @ 0x[0-9a-f]+\]/, ']').trim())
    .filter((line) => line !== '' && !/^Last message repeated|^Conversion failed|^frame=|^size=|^video:/.test(line));
  const line = lines.at(-1) ?? 'no message';
  if (end.signal) return `killed by ${end.signal}; ${line}`;
  return line;
}
