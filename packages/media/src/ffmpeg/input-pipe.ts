import type { FfmpegRun } from './run-ffmpeg';

/** Writes to ffmpeg's standard input, one piece after the other. */
export class InputPipe {
  readonly #started: Promise<FfmpegRun>;
  #ended?: Error;
  #answer?: (error: Error | null | undefined) => void;

  constructor(started: Promise<FfmpegRun>) {
    this.#started = started;
    // One listener for all pieces: one each would hold every piece until the end.
    started
      .then((run) => run.ended)
      .catch(() => undefined) // whoever writes or waits for the end reports it
      .then(() => {
        this.#ended = new Error('ended');
        this.#answer?.(this.#ended);
      });
  }

  /**
   * Waits until the piece is taken; it is borrowed until then.
   *
   * @returns an error where ffmpeg has ended: why, its end says.
   */
  async write(bytes: Uint8Array): Promise<Error | undefined> {
    const { stdin } = await this.#started;
    const error = await new Promise<Error | null | undefined>((resolve) => {
      // A dead child never calls back on some platforms: its end answers as well.
      this.#answer = resolve;
      if (this.#ended) resolve(this.#ended);
      else stdin.write(bytes, resolve);
    });
    this.#answer = undefined;
    return error ?? undefined;
  }
}
