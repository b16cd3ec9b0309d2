import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { endWithReader } from './broken-pipe';

test('endWithReader ends the program on a broken pipe only', () => {
  const [output, exit] = [new EventEmitter(), vi.fn()];
  endWithReader(output, exit);
  output.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  expect(exit).toHaveBeenCalledOnce();
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  expect(() => output.emit('error', full)).toThrow('no space');
});

const program = fileURLToPath(new URL('../../dist/lipsync.js', import.meta.url));
const built = existsSync(program);
test.skipIf(!built)(`a reader that goes away leaves no stack trace${built ? '' : ' (skipped: not built)'}`, () => {
  // The reader is gone before the first line is written.
  const words = `(sleep 2; "${process.execPath}" "${program}" --help; echo "status $?" >&2) | true`;
  const { stderr } = spawnSync('sh', ['-c', words], { encoding: 'utf8' });
  expect(stderr).toBe('status 0\n');
});
