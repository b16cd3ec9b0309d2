import cliProgress from 'cli-progress';

/** Progress of long work: a bar on a terminal, a line now and then in a log file. */
export type Progress = {
  /** Units done so far, and a note beside the bar. */
  update(done: number, facts?: string): void;
  /** A line above the bar. */
  log(line: string): void;
  /** A line of the result: to standard output, with the bar out of its way. */
  print(line: string): void;
  stop(): void;
};

export type ProgressOptions = {
  /** Name of the work. */
  label: string;
  /** Number of units. */
  total: number;
  /** Where it is drawn. Default `process.stderr`, so that `--json` on standard output stays clean. */
  stream?: NodeJS.WriteStream;
  /** Least time between two lines where the stream is no terminal, ms. Default 10000. */
  lineEveryMs?: number;
};

/**
 * A progress bar with time left, drawn on a terminal; plain lines elsewhere.
 *
 * @example
 * const progress = createProgress({ label: 'train', total: 1000 });
 * progress.update(10, 'loss 0.71');
 * progress.stop();
 */
export function createProgress(options: ProgressOptions): Progress {
  const { label, total, stream = process.stderr, lineEveryMs = 10_000 } = options;
  return stream.isTTY ? drawnBar(label, total, stream) : plainLines(label, total, stream, lineEveryMs);
}

function drawnBar(label: string, total: number, stream: NodeJS.WriteStream): Progress {
  const format = `${label} {bar} {value}/{total} {facts} ETA {eta_formatted}`;
  const bar = new cliProgress.SingleBar(
    { format, stream, hideCursor: true, barsize: 24, etaBuffer: 50 },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0, { facts: '' });
  return {
    update: (done, facts = '') => bar.update(done, { facts }),
    // Clear the bar's line; the bar draws itself again below.
    log: (line) => void stream.write(`\r\u001b[K${line}\n`),
    print: (line) => {
      stream.write('\r\u001b[K');
      process.stdout.write(`${line}\n`);
    },
    stop: () => bar.stop(),
  };
}

function plainLines(label: string, total: number, stream: NodeJS.WritableStream, lineEveryMs: number): Progress {
  const started = Date.now();
  let last = started - lineEveryMs;
  let first: number | undefined;
  let ended = false; // the end is shown once, however often it is reported
  return {
    update(done, facts = '') {
      const now = Date.now();
      first ??= done; // a resumed run starts in the middle
      if (done >= total ? ended : now - last < lineEveryMs) return;
      ended = done >= total;
      last = now;
      const rate = (done - first) / Math.max(1, now - started);
      const left = rate > 0 && done < total ? `, ${formatSeconds((total - done) / rate / 1000)} left` : '';
      stream.write(`${label} ${done}/${total} ${facts}${left}\n`);
    },
    log: (line) => void stream.write(`${line}\n`),
    print: (line) => void process.stdout.write(`${line}\n`),
    stop: () => {},
  };
}

/** `75` seconds as `1 min 15 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
