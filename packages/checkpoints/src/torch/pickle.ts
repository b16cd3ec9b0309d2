import { fail } from '@lipsync/contracts';

/** A class or function that a pickle names. It is never looked up or called. */
export class PickleGlobal {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/** The content of a pickle. Dicts are Maps, tuples and lists are arrays; objects are the results of `construct`. */
export type PickleValue = unknown;

/** Builds values from the names in a pickle: the only code that its content can reach. */
export type PickleBuilder = {
  /** The value of a class or function; throws for names that are not supported. */
  find(global: PickleGlobal): PickleValue;
  /** `callable(*args)`. */
  construct(callable: PickleValue, args: PickleValue[]): PickleValue;
  /** `object.__setstate__(state)`. */
  build(object: PickleValue, state: PickleValue): void;
  /** A value stored outside the pickle. */
  persistent(id: PickleValue): PickleValue;
};

/** The bytes end before the pickle does. */
export class PickleCutOff extends Error {}

const MOST_BYTES = 64 * 2 ** 20; // estimated memory of the values; a checkpoint of 10,000 tensors needs 9 MB
const COST = { item: 8, memory: 32, array: 48, dict: 250, text: 40 };
const DEEPEST_STACK = 1_000_000;
const LONGEST_INTEGER = 256; // bytes
const MARK = Symbol('mark');
const DECODERS = { 'utf-8': new TextDecoder(), latin1: new TextDecoder('latin1') };

/**
 * Reads one pickle (protocols 0 to 5) without executing code: it builds lists, dicts, numbers and strings, and passes
 * every name to `builder`.
 *
 * @returns the value, and the index of the next byte.
 * @throws Error with the place and the opcode for anything that is not supported or takes too much memory; PickleCutOff
 *   where the bytes end too early.
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  builder: PickleBuilder,
  where = 'readPickle',
): { value: PickleValue; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = start;
  let spent = 0;
  const bad = (rule: string, got: unknown): never => fail(Error, where, `pickle at byte ${at}`, rule, got);
  const take = (length: number): number => {
    if (at + length > bytes.length)
      fail(
        PickleCutOff,
        where,
        `pickle at byte ${at}`,
        `at least ${length} bytes longer`,
        `${bytes.length - at} bytes`,
      );
    at += length;
    return at - length;
  };
  const u8 = () => bytes[take(1)];
  const u16 = () => view.getUint16(take(2), true);
  const u32 = () => view.getUint32(take(4), true);
  const u64 = () => {
    const length = view.getBigUint64(take(8), true);
    return length <= 2n ** 32n ? Number(length) : bad('of lengths below 2^32', length);
  };
  const text = (length: number, encoding: keyof typeof DECODERS = 'utf-8') => {
    const from = take(length);
    return DECODERS[encoding].decode(bytes.subarray(from, at));
  };
  const line = () => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) fail(PickleCutOff, where, `pickle at byte ${at}`, 'a line', 'one without an end');
    const result = text(end - at);
    at++;
    return result;
  };
  const spend = (bytes: number) => {
    spent += bytes;
    if (spent > MOST_BYTES) bad(`of values that take at most ${MOST_BYTES} bytes`, 'more');
  };
  const keep = (value: unknown) => {
    if (stack.length >= DEEPEST_STACK) bad(`of at most ${DEEPEST_STACK} values at once`, 'more');
    stack.push(value);
  };
  const push = (value: unknown) => {
    if (Array.isArray(value)) spend(COST.array + COST.item * value.length);
    else if (value instanceof Map) spend(COST.dict + COST.memory * value.size);
    else if (typeof value === 'string') spend(COST.text + value.length);
    else if (value instanceof Uint8Array)
      spend(COST.array + (value.buffer === bytes.buffer ? 0 : value.length)); // views take no memory
    else if (typeof value === 'object' && value !== null) spend(COST.array);
    keep(value);
  };
  const peek = (): unknown => {
    if (stack.length === 0 || stack[stack.length - 1] === MARK) bad('with a value on the stack', 'none');
    return stack[stack.length - 1];
  };
  const pop = (): unknown => {
    peek();
    return stack.pop();
  };
  const top = <A>(is: (value: unknown) => value is A, what: string): A => {
    const value = stack[stack.length - 1];
    return is(value) ? value : bad(`with ${what} on the stack`, value === undefined ? 'nothing' : typeof value);
  };
  const marked = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) bad('with a mark on the stack', 'none');
    const items = stack.splice(mark);
    items.shift();
    return items;
  };
  const isList = (value: unknown): value is unknown[] => Array.isArray(value);
  const isDict = (value: unknown): value is Map<unknown, unknown> => value instanceof Map;
  const setItems = (dict: Map<unknown, unknown>, items: unknown[]) => {
    if (items.length % 2 !== 0) bad('with a value for every key', `${items.length} items`);
    spend(COST.memory * items.length);
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  };
  const integer = (length: number): number | bigint => {
    if (length > LONGEST_INTEGER) bad(`of integers of at most ${LONGEST_INTEGER} bytes`, length);
    if (length === 0) return 0;
    const from = take(length);
    let digits = '';
    for (let i = length - 1; i >= 0; i--) digits += bytes[from + i].toString(16).padStart(2, '0');
    return safe(BigInt.asIntN(8 * length, BigInt(`0x${digits}`)));
  };
  const decimal = (digits: string): number | bigint => {
    if (!/^-?\d+$/.test(digits) || digits.length > LONGEST_INTEGER) bad('an integer', digits.slice(0, 40));
    return safe(BigInt(digits));
  };
  const recall = (index: number) => {
    if (!memo.has(index)) bad('of memo indices that were stored', index);
    keep(memo.get(index));
  };
  const remember = (index: number) => {
    spend(COST.memory);
    memo.set(index, peek());
  };
  const args = (value: unknown): unknown[] => (isList(value) ? value : bad('with a tuple of arguments', typeof value));

  const step: Record<number, () => void> = {
    128: () => {
      const protocol = u8();
      if (protocol > 5) bad('of protocol 0 to 5', protocol);
    },
    149: () => void u64(), // a frame: its length is only a hint
    40: () => push(MARK),
    48: () => void pop(),
    49: () => void marked(),
    50: () => keep(peek()),
    // numbers
    78: () => push(null),
    136: () => push(true),
    137: () => push(false),
    73: () => {
      const digits = line();
      push(digits === '01' ? true : digits === '00' ? false : decimal(digits));
    },
    74: () => push(view.getInt32(take(4), true)),
    75: () => push(u8()),
    77: () => push(u16()),
    76: () => push(decimal(line().replace(/L$/, ''))),
    138: () => push(integer(u8())),
    139: () => push(integer(u32())),
    70: () => push(Number(line())),
    71: () => push(view.getFloat64(take(8), false)),
    // strings and bytes
    83: () => push(line().replace(/^(['"])(.*)\1$/, '$2')),
    84: () => push(text(u32(), 'latin1')),
    85: () => push(text(u8(), 'latin1')),
    86: () => push(line()),
    88: () => push(text(u32())),
    140: () => push(text(u8())),
    141: () => push(text(u64())),
    66: () => push(slice(u32())),
    67: () => push(slice(u8())),
    142: () => push(slice(u64())),
    // containers
    93: () => push([]),
    108: () => push(marked()),
    97: () => {
      const item = pop();
      spend(COST.item);
      top(isList, 'a list').push(item);
    },
    101: () => {
      const items = marked();
      const list = top(isList, 'a list');
      spend(COST.item * items.length);
      for (const item of items) list.push(item);
    },
    41: () => push([]),
    133: () => push([pop()]),
    134: () => push(take2()),
    135: () => {
      const last = pop();
      push([...take2(), last]);
    },
    116: () => push(marked()),
    125: () => push(new Map()),
    100: () => {
      const dict = new Map();
      setItems(dict, marked());
      push(dict);
    },
    115: () => {
      const value = pop();
      const key = pop();
      setItems(top(isDict, 'a dict'), [key, value]);
    },
    117: () => {
      const items = marked();
      setItems(top(isDict, 'a dict'), items);
    },
    143: () => push([]), // sets are read as lists
    144: () => step[0x65](),
    145: () => push(marked()),
    // memo
    103: () => recall(Number(line())),
    104: () => recall(u8()),
    106: () => recall(u32()),
    112: () => remember(Number(line())),
    113: () => remember(u8()),
    114: () => remember(u32()),
    148: () => remember(memo.size),
    // names and objects built from them
    99: () => {
      const module = line();
      push(builder.find(new PickleGlobal(module, line())));
    },
    147: () => {
      const [module, name] = take2();
      if (typeof module !== 'string' || typeof name !== 'string')
        bad('with two strings that name a global', typeof module);
      push(builder.find(new PickleGlobal(module as string, name as string)));
    },
    82: () => {
      const given = args(pop());
      push(builder.construct(pop(), given));
    },
    129: () => {
      const given = args(pop());
      push(builder.construct(pop(), given));
    },
    98: () => {
      const state = pop();
      builder.build(peek(), state);
    },
    80: () => push(builder.persistent(line())),
    81: () => push(builder.persistent(pop())),
  };
  function take2(): [unknown, unknown] {
    const last = pop();
    return [pop(), last];
  }
  function slice(length: number): Uint8Array {
    const from = take(length);
    return bytes.subarray(from, at);
  }

  for (;;) {
    const opcode = u8();
    if (opcode === 0x2e) return { value: pop(), end: at };
    const run = step[opcode];
    if (run === undefined) {
      at--;
      bad('of opcodes that rebuild plain data', `opcode 0x${opcode.toString(16).padStart(2, '0')}`);
    }
    run();
  }
}

const safe = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
