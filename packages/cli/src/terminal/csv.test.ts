import { expect, test } from 'vitest';
import { csv } from './csv';

test('csv quotes what needs it, leaves what is missing empty and ends every line', () => {
  expect(
    csv([
      ['a', 'b'],
      ['x,"y"', undefined],
      [1.5, 'two\nlines'],
    ]),
  ).toBe('a,b\r\n"x,""y""",\r\n1.5,"two\nlines"\r\n');
});
