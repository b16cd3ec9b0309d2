import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createProgress, formatSeconds } from './progress';

function captured(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 }) as unknown as NodeJS.WriteStream;
  return { stream, text: () => String((stream as unknown as PassThrough).read() ?? '') };
}

test('createProgress writes plain lines where the stream is no terminal, and always the last one', () => {
  const { stream, text } = captured(false);
  const progress = createProgress({ label: 'train', total: 3, stream, lineEveryMs: 60_000 });
  progress.update(1, 'loss 0.7');
  progress.update(2, 'loss 0.6');
  progress.update(3, 'loss 0.5');
  progress.update(3, 'loss 0.5');
  progress.stop();
  expect(text()).toBe('train 1/3 loss 0.7\ntrain 3/3 loss 0.5\n');
});

test('createProgress draws a bar on a terminal', () => {
  const { stream, text } = captured(true);
  const progress = createProgress({ label: 'train', total: 2, stream });
  progress.update(2, 'loss 0.5');
  progress.stop();
  expect(text()).toMatch(/train .*2\/2 loss 0\.5 ETA/);
});

test.each([
  [59.6, '1 min 0 s'],
  [75, '1 min 15 s'],
  [3, '3 s'],
  [3720, '1 h 2 min'],
])('formatSeconds writes %d as %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
