import { describe, expect, test } from 'vitest';
import { pickle } from '../testing/hostile-files';
import { type PickleBuilder, PickleCutOff, type PickleGlobal, readPickle } from './pickle';

/** Notes what a pickle asks for. */
const builder: PickleBuilder = {
  find: (global) => global,
  construct: (callable, args) => ({ call: (callable as PickleGlobal).path, args }),
  build: (object, state) => Object.assign(object as object, { state }),
  persistent: (id) => ({ outside: id }),
};
const read = (...parts: (string | number)[]) => readPickle(pickle(...parts), 0, builder, 'f').value;
const bytesOf = (...bytes: number[]) => readPickle(Uint8Array.from(bytes), 0, builder, 'f').value;

describe('readPickle', () => {
  // python3 -c "import pickle; print(pickle.dumps(VALUE, PROTOCOL))"
  test.each<[string, string, unknown]>([
    ['protocol 0', '(lp0\nI1\naL2L\naF0.5\naVgr\u00f6\u00dfer\np1\naI01\naNa.', [1, 2, 0.5, 'größer', true, null]],
    [
      'protocol 2',
      '\x80\x02]q\x00(K\x01M,\x01J\xff\xff\xff\xff\x8a\x05\x00\x00\x00\x00\x01G?\xe0\x00\x00\x00\x00\x00\x00\x88\x89Ne.',
      [1, 300, -1, 2 ** 32, 0.5, true, false, null],
    ],
    [
      'protocol 4',
      '\x80\x04\x95\x16\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94C\x02\x01\x02u.',
      new Map<string, unknown>([
        ['a', 1],
        ['b', Uint8Array.of(1, 2)],
      ]),
    ],
  ])('reads numbers, strings, lists and dicts of %s', (_, letters, value) => {
    const bytes = letters.startsWith('\x80')
      ? Uint8Array.from(letters, (letter) => letter.charCodeAt(0))
      : new TextEncoder().encode(letters);
    expect(readPickle(bytes, 0, builder, 'f')).toEqual({ value, end: bytes.length });
  });

  test('reads tuples, and returns a shared value as one object', () => {
    expect(read('K', 1, 'K', 2, 0x86, '.')).toEqual([1, 2]);
    const [a, b] = read(']', 0x94, 'h', 0, 0x86, '.') as unknown[];
    expect(a).toBe(b);
  });

  test('reads integers of any sign up to 256 bytes, exactly', () => {
    expect(bytesOf(0x8a, 2, 0, 0x80, 0x2e)).toBe(-32768);
    expect(bytesOf(0x8a, 0, 0x2e)).toBe(0);
    expect(bytesOf(0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2e)).toBe(2n ** 64n);
    expect(bytesOf(0x8a, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x2e)).toBe(-1);
    expect(() => bytesOf(0x8b, 1, 1, 0, 0, 0x2e)).toThrow('integers of at most 256 bytes, got 257');
    expect(() => read('I12x\n.')).toThrow('an integer, got 12x');
  });

  test('passes names to the builder and never looks them up in JavaScript', () => {
    expect(read('cos\nsystem\n', 'K', 1, 0x85, 'R', '.')).toEqual({ call: 'os.system', args: [1] });
    expect(read('cconstructor\n__proto__\n)', 0x81, 'K', 5, 'b', '.')).toEqual({
      call: 'constructor.__proto__',
      args: [],
      state: 5,
    });
    expect(read('X', '\x01\0\0\0', 'k', 'Q', '.')).toEqual({ outside: 'k' });
    const dict = read('(', 'X', '\x09\0\0\0', '__proto__', 'K', 1, 'd', '.') as Map<string, number>;
    expect(dict.get('__proto__')).toBe(1);
    expect(({} as { 1?: number })[1]).toBeUndefined();
  });

  test.each<[string, (string | number)[], string]>([
    ['an unknown opcode', [0xff, '.'], 'of opcodes that rebuild plain data, got opcode 0xff'],
    ['protocol 6', [0x80, 6, '.'], 'of protocol 0 to 5, got 6'],
    ['a value missing', ['.'], 'with a value on the stack, got none'],
    ['a mark for a value', ['(', '.'], 'with a value on the stack, got none'],
    ['a mark missing', ['t', '.'], 'with a mark on the stack'],
    ['a dict for a list', ['}', 'K', 1, 'a', '.'], 'with a list on the stack, got object'],
    ['a list for a dict', [']', 'K', 1, 'K', 2, 's', '.'], 'with a dict on the stack, got object'],
    ['a key without a value', ['}(', 'K', 1, 'u', '.'], 'with a value for every key, got 1 items'],
    ['a memo index that was never stored', ['h', 7, '.'], 'of memo indices that were stored, got 7'],
    ['arguments that are no tuple', ['cos\nsystem\n', 'N', 'R', '.'], 'with a tuple of arguments'],
    ['a name that is no string', ['K', 1, 'K', 2, 0x93, '.'], 'with two strings that name a global'],
  ])('refuses %s, saying where', (_, parts, message) => {
    expect(() => read(...parts)).toThrow(message);
    expect(() => read(...parts)).toThrow(/^f: pickle at byte \d+ must be /);
  });

  test('throws PickleCutOff wherever the bytes are cut', () => {
    const whole = pickle(0x80, 2, '}(', 'X', '\x01\0\0\0', 'a', 'J', '\x01\0\0\0', 'u', 'cos\nsystem\n', '0.');
    expect(readPickle(whole, 0, builder).value).toEqual(new Map([['a', 1]]));
    for (let length = 0; length < whole.length; length++) {
      expect(() => readPickle(whole.subarray(0, length), 0, builder), `${length}`).toThrow(PickleCutOff);
    }
  });

  test('refuses values of more than 64 MiB before they are allocated', () => {
    const fill = (count: number, letters: string) => new TextEncoder().encode(letters.repeat(count));
    expect(() => readPickle(fill(500_000, '}'), 0, builder)).toThrow('of values that take at most 67108864 bytes');
    const encoded: PickleBuilder = { ...builder, construct: () => new Uint8Array(2 ** 20) };
    expect(() => readPickle(fill(200, 'cos\nsystem\n)R'), 0, encoded)).toThrow('of values that take at most');
    const copies: PickleBuilder = {
      ...builder,
      construct: () => new Map(Array.from({ length: 100_000 }, (_, i) => [i, i])),
    };
    expect(() => readPickle(fill(200, 'cos\nsystem\n)R'), 0, copies)).toThrow('of values that take at most');
  });
});
