const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Until it is called off, Ctrl-C and SIGTERM end the process with status 130 and 143, so that what listens to `exit`
 * removes its temporary files.
 *
 * @param before what is done first, such as a last line.
 * @returns calls it off.
 */
export function endOnSignal(before: () => void): () => void {
  const onSignal = (signal: keyof typeof STATUS) => {
    before();
    process.exit(STATUS[signal]);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  };
}
