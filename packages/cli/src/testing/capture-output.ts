import { vi } from 'vitest';

/** What a command wrote to its two streams since the last `clear`. */
export type CapturedOutput = { out: string; err: string; clear(): void; restore(): void };

/** Collects standard output and standard error in place of writing them, until `restore`. */
export function captureOutput(): CapturedOutput {
  const captured: CapturedOutput = {
    out: '',
    err: '',
    clear: () => Object.assign(captured, { out: '', err: '' }),
    restore: () => spies.forEach((spy) => spy.mockRestore()),
  };
  const into = (key: 'out' | 'err') => (text: string | Uint8Array) => {
    captured[key] += text;
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(into('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(into('err')),
  ];
  return captured;
}
