import { formatSeconds } from './progress';

/** Steps from which the time of the others is foretold; the very first waits for kernels and threads. */
const MEASURED_STEPS = 3;
/** Shorter runs need no word. */
const LONG_SEC = 60;

/**
 * Says once, a few steps into a long run, how long the rest takes.
 *
 * @param now milliseconds; for tests.
 * @returns to be called after each step with its number.
 */
export function announceTime(
  total: number,
  log: (line: string) => void,
  now: () => number = Date.now,
): (step: number) => void {
  let first: { step: number; at: number } | undefined;
  let said = false;
  return (step) => {
    first ??= { step, at: now() };
    if (said || step - first.step < MEASURED_STEPS) return;
    said = true;
    const perStep = (now() - first.at) / (step - first.step) / 1000;
    const left = perStep * (total - step);
    if (left < LONG_SEC) return;
    const speed = perStep >= 0.1 ? `${perStep.toFixed(1)} s a step` : `${(1 / perStep).toFixed(0)} steps a second`;
    log(
      `about ${formatSeconds(left)} for the steps to ${total} (${speed}); stop at any moment, the same command resumes; --steps makes it shorter`,
    );
  };
}
