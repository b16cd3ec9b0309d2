import { expect, test } from 'vitest';
import { showProgress } from './show-progress';

function captured(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return { stream: { isTTY, write } as Parameters<typeof showProgress>[2], text: () => written.join('') };
}

test('showProgress writes the first and the last line to a file', () => {
  const { stream, text } = captured(false);
  const progress = showProgress('draw', 3, stream);
  progress.update(1, 'a');
  progress.update(2, 'b');
  progress.log('note');
  progress.update(3, 'c');
  progress.stop();
  expect(text()).toBe('draw 1/3 a\nnote\ndraw 3/3 c\n');
});

test('showProgress shows where a loop ended early', () => {
  const { stream, text } = captured(false);
  const progress = showProgress('draw', 3, stream);
  progress.update(1);
  progress.update(2);
  progress.stop();
  progress.stop();
  expect(text()).toBe('draw 1/3\ndraw 2/3\n');
});

test('showProgress rewrites its line on a terminal', () => {
  const { stream, text } = captured(true);
  const progress = showProgress('draw', 1, stream);
  progress.update(1);
  progress.log('note');
  progress.stop();
  expect(text()).toBe('\r\u001b[Kdraw 1/1\r\u001b[Knote\n\r\u001b[Kdraw 1/1\n');
});
