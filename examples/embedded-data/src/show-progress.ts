/** Progress of a long loop on standard error. */
export type ShownProgress = {
  /** Shows how many of `total` are done, and a note beside it. */
  update(done: number, note?: string): void;
  /** Prints a line that stays. */
  log(line: string): void;
  /** Ends the line. */
  stop(): void;
};

/**
 * Shows the progress of a loop: one line that is rewritten on a terminal; elsewhere a line every ten seconds, and the last one.
 *
 * @param stream where it is shown. Default standard error.
 * @example
 * const progress = showProgress('draw', 42);
 * for (let done = 1; done <= 42; done++) progress.update(done);
 * progress.stop();
 */
export function showProgress(
  label: string,
  total: number,
  stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stderr,
): ShownProgress {
  const everyMs = stream.isTTY ? 100 : 10_000;
  let shownAt = Number.NEGATIVE_INFINITY;
  let [line, shown] = ['', ''];
  const show = () => {
    if (line === shown) return;
    stream.write(stream.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
    [shown, shownAt] = [line, performance.now()];
  };
  return {
    update(done, note = '') {
      line = `${label} ${done}/${total} ${note}`.trimEnd();
      if (done >= total || performance.now() - shownAt >= everyMs) show();
    },
    log(text) {
      stream.write(stream.isTTY ? `\r\u001b[K${text}\n` : `${text}\n`);
      if (stream.isTTY) shown = '';
    },
    stop() {
      show();
      if (stream.isTTY) stream.write('\n');
    },
  };
}
