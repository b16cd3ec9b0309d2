import type { MediaFault } from '@lipsync/contracts';
import type { FfmpegEnd } from './run-ffmpeg';

/** Signals of whoever ends a program, not of a program that fails. */
const FROM_OUTSIDE = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGXCPU'];

/**
 * Whether a run failed by no fault of its input: ffmpeg crashed, was ended from outside, could not load a library, or
 * lacks a decoder. Undefined where it did not.
 */
export function ffmpegFault(end: FfmpegEnd): { fault: MediaFault; detail: string } | undefined {
  const { signal, code, messages } = end;
  if (signal && FROM_OUTSIDE.includes(signal)) {
    return { fault: 'stopped', detail: `ffmpeg was ended from outside (killed by ${signal})` };
  }
  // A shell that started ffmpeg reports its signal as a status above 128.
  const crashed = signal ?? (code !== undefined && code > 128 && code < 160 ? `status ${code}` : undefined);
  if (crashed)
    return { fault: 'decoder', detail: `ffmpeg crashed (${crashed}): a fault of this ffmpeg, not of the file` };
  const library = /error while loading shared libraries: ([^\s:]+)|Library not loaded: (\S+)/.exec(messages);
  if (library) {
    return { fault: 'decoder', detail: `ffmpeg does not start: it misses the library ${library[1] ?? library[2]}` };
  }
  const codec = /Decoder \(codec (\w+)\) not found|Unknown decoder '(\w+)'/.exec(messages);
  if (codec) {
    const name = codec[1] ?? codec[2];
    return {
      fault: 'decoder',
      detail: `this ffmpeg has no decoder for ${name === 'none' ? 'an unknown codec' : name}`,
    };
  }
  if (/Cannot allocate memory|Out of memory/.test(messages)) {
    return { fault: 'decoder', detail: 'ffmpeg ran out of memory' };
  }
  return undefined;
}
