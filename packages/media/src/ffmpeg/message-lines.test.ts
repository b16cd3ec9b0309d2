import { expect, test } from 'vitest';
import type { MessageLine } from './message-lines';
import { isError, messageLines } from './message-lines';

test('lines lose their level, for any pieces; a line without a level has that of the line before', () => {
  const lines: MessageLine[] = [];
  const listen = messageLines((line) => lines.push(line));
  for (const piece of [
    '[info] Input #0, mov\n[h264 @ 0x5',
    '5d0] [err',
    'or] broken [info] part\nmore\n[warning] [x] y\nunfinished',
  ])
    listen(piece);
  expect(lines).toEqual([
    { level: 'info', text: 'Input #0, mov' },
    { level: 'error', text: '[h264 @ 0x55d0] broken [info] part' },
    { level: 'error', text: 'more' },
    { level: 'warning', text: '[x] y' },
  ]);
  expect(lines.map(isError)).toEqual([false, true, true, false]);
});

test('indents stay: the description of a file depends on them', () => {
  const lines: string[] = [];
  messageLines(({ text }) => lines.push(text))('[info]   Duration: 00:00:01.24, start: 0.000000\n');
  expect(lines).toEqual(['  Duration: 00:00:01.24, start: 0.000000']);
});
