import { MediaError, type MediaFault } from '@lipsync/contracts';

/** Why a video gives no windows. */
export type VideoProblem =
  | 'broken'
  | 'no such track'
  | 'decoder failed'
  | 'no video'
  | 'no audio'
  | 'silent'
  | 'no face'
  | 'too short'
  | 'audio too short'
  | 'crop impossible'
  | 'bad landmarks'
  | 'bad features';

/** A video that cannot be used, and why. */
export class UnusableVideo extends Error {
  readonly reason: VideoProblem;
  /** Details of the reason; without paths of the machine. */
  readonly detail: string;

  constructor(reason: VideoProblem, detail: string, options?: ErrorOptions) {
    super(`${reason}: ${detail}`, options);
    this.name = 'UnusableVideo';
    this.reason = reason;
    this.detail = detail;
  }
}

/** Texts of a decoder that was stopped from outside: not the file's fault. */
const STOPPED = /killed by SIG(?:KILL|TERM|INT|HUP|QUIT|XCPU)|received signal/;

/** The reason for a reader's error by what is to blame; damage and what is no video are both `broken`. */
const REASONS: Partial<Record<MediaFault, VideoProblem>> = { track: 'no such track', decoder: 'decoder failed' };

/**
 * Turns a reader's error into `broken`, or the reason that its `fault` gives, with addresses and the folder removed
 * from its text, so that it is the same on every machine. Errors of the system (no memory, no process) and of a decoder
 * that was stopped from outside stay as they are.
 */
export function readerError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof UnusableVideo) return error;
  if (typeof (error as NodeJS.ErrnoException).code === 'string' || STOPPED.test(error.message)) return error;
  const fault = error instanceof MediaError ? error.fault : 'file';
  if (fault === 'stopped') return error;
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  const detail = (error instanceof MediaError ? error.detail : error.message)
    .replaceAll(path, name)
    .replace(/ @ (?:0x)?[0-9a-f]{6,}/g, '')
    .slice(0, 500);
  return new UnusableVideo(REASONS[fault] ?? 'broken', detail, { cause: error });
}

/** The same items; what the source throws goes through `readerError`. Ending the iteration ends the source. */
export async function* readable<A>(items: AsyncIterable<A>, path: string): AsyncGenerator<A> {
  const source = items[Symbol.asyncIterator]();
  let open = true;
  try {
    for (;;) {
      let next: IteratorResult<A>;
      try {
        next = await source.next();
      } catch (error) {
        open = false;
        throw readerError(error, path);
      }
      if (next.done) {
        open = false;
        return;
      }
      yield next.value;
    }
  } finally {
    if (open) await source.return?.();
  }
}
