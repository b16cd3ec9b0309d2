import type { EventEmitter } from 'node:events';

/**
 * Ends the program without a word where the reader of its output went away, as `head` does after its lines. Other
 * errors of the stream are thrown.
 *
 * @param exit ends the program.
 */
export function endWithReader(output: EventEmitter, exit: () => void): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    exit();
  });
}
