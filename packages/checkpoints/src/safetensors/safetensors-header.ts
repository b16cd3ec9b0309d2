import { fail } from '@lipsync/contracts';
import { ARRAYS, type ArrayDtype, sizeOf } from '../arrays/named-array';

/** The format's element types in its sorting order, smallest first; 8-bit floats are not read. */
export const SAFETENSORS_DTYPES: Readonly<Record<string, ArrayDtype>> = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  I16: 'int16',
  U16: 'uint16',
  F16: 'float16',
  BF16: 'bfloat16',
  I32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  F64: 'float64',
  I64: 'int64',
  U64: 'uint64',
};

/** Our limit, as is the number of names. The format allows 100 MB, which would take several times as much memory. */
export const MAX_HEADER_BYTES = 16 * 2 ** 20;
export const METADATA_KEY = '__metadata__';
export const MOST_NAMES = 100_000;
const MOST_AXES = 32;

/** One tensor of a header; `begin` and `end` count from the header's end. */
export type SafetensorsInfo = { name: string; dtype: ArrayDtype; shape: number[]; begin: number; end: number };

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * Length of the header of a safetensors file.
 *
 * @param first the file's first 8 bytes, or more.
 */
export function safetensorsHeaderLength(where: string, first: Uint8Array, fileBytes: number): number {
  if (first.length < 8) fail(Error, where, 'bytes', 'a safetensors file of at least 8 bytes', first.length);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    fail(Error, where, 'bytes: header length', `at most ${MAX_HEADER_BYTES}`, `${length}`);
  if (8 + Number(length) > fileBytes)
    fail(Error, where, 'bytes: header length', `within the file (${fileBytes} bytes)`, Number(length));
  return Number(length);
}

/**
 * Reads and checks the header of a safetensors file: metadata, and the place of each tensor in the `dataBytes` after
 * the header.
 *
 * A scanner reads it in place of `JSON.parse`: it refuses invalid input where that begins, so that a hostile header
 * cannot fill the memory, and it finds repeated names.
 */
export function readSafetensorsHeader(
  where: string,
  header: Uint8Array,
  dataBytes: number,
): { infos: SafetensorsInfo[]; metadata: Record<string, string> } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    return fail(Error, where, 'bytes', 'a safetensors file with a JSON header', 'one that is no UTF-8');
  }
  if (text[0] !== '{') fail(Error, where, 'bytes', 'a safetensors file whose header starts with {', text.slice(0, 20));
  const scan = scanner(where, text);
  const infos: SafetensorsInfo[] = [];
  const metadata = new Map<string, string>();
  const names = new Set<string>();
  scan.object((name) => {
    if (names.size >= MOST_NAMES)
      fail(RangeError, where, 'bytes: names in the header', `at most ${MOST_NAMES}`, 'more');
    if (names.has(name)) fail(RangeError, where, 'bytes: names in the header', 'unique', name);
    names.add(name);
    if (name === METADATA_KEY) scan.texts(metadata);
    else infos.push(readInfo(where, name, scan));
  });
  scan.end();

  infos.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of infos) {
    if (begin !== expected)
      fail(Error, where, `bytes: tensor ${shorten(name)}`, `at ${expected}, after the previous tensor`, begin);
    expected = end;
  }
  const start = 8 + header.length;
  if (expected !== dataBytes)
    fail(Error, where, 'bytes', `${start + expected} bytes long, as its header states`, start + dataBytes);
  return { infos, metadata: Object.fromEntries(metadata) };
}

function readInfo(where: string, name: string, scan: Scanner): SafetensorsInfo {
  const bad = (rule: string, got: unknown) => fail(Error, where, `bytes: tensor ${shorten(name)}`, rule, got);
  if (!scan.at('{')) return bad('described by an object', scan.glimpse());
  const found: { dtype?: unknown; shape?: unknown; data_offsets?: unknown } = {};
  scan.object((key) => {
    if (Object.hasOwn(found, key)) fail(RangeError, where, 'bytes: names in the header', 'unique', key);
    if (key === 'dtype') found.dtype = scan.at('"') ? scan.text() : scan.glimpse(true);
    else if (key === 'shape' || key === 'data_offsets') found[key] = scan.at('[') ? scan.numbers() : scan.glimpse(true);
    else bad('described by dtype, shape and data_offsets', key);
  });
  const { dtype, shape, data_offsets: offsets } = found;
  if (typeof dtype !== 'string' || !Object.hasOwn(SAFETENSORS_DTYPES, dtype))
    return bad(`of a dtype of ${Object.keys(SAFETENSORS_DTYPES).join(', ')}`, dtype);
  if (!Array.isArray(shape) || !shape.every(isCount)) return bad('given a shape of whole numbers', shape);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    return bad('given two data_offsets', offsets);
  const [begin, end] = offsets as [number, number];
  const size = sizeOf(shape) * ARRAYS[SAFETENSORS_DTYPES[dtype]].BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(size)) return bad('of a size that a number can hold', shape);
  if (end - begin !== size) return bad(`${size} bytes long for ${dtype} [${shape.join(', ')}]`, `${end - begin}`);
  return { name, dtype: SAFETENSORS_DTYPES[dtype], shape, begin, end };
}

const shorten = (name: string) => (name.length > 80 ? `${name.slice(0, 80)}…` : name);

type Scanner = ReturnType<typeof scanner>;

/** Reads the JSON that a header may consist of. */
function scanner(where: string, json: string) {
  let at = 0;
  const bad = (rule: string): never => {
    const got = at < json.length ? `"${json.slice(at, at + 20)}" at character ${at}` : 'its end';
    return fail(Error, where, 'bytes', `a safetensors file with a JSON header: ${rule}`, got);
  };
  const skip = () => {
    while (at < json.length && ' \n\r\t'.includes(json[at])) at++;
  };
  const sees = (letter: string): boolean => {
    skip();
    return json[at] === letter;
  };
  const takes = (letter: string): boolean => {
    if (!sees(letter)) return false;
    at++;
    return true;
  };
  const expects = (letter: string) => {
    if (!takes(letter)) bad(letter);
  };
  const text = (): string => {
    if (!sees('"')) bad('a string');
    let end = at;
    for (let escaped = true; escaped; ) {
      end = json.indexOf('"', end + 1);
      if (end < 0) bad('a string that ends');
      let slashes = 0;
      while (json[end - 1 - slashes] === '\\') slashes++;
      escaped = slashes % 2 === 1;
    }
    const token = json.slice(at, end + 1);
    try {
      const value = JSON.parse(token) as string;
      at = end + 1;
      return value;
    } catch {
      return bad('a string');
    }
  };
  const items = (close: string, item: () => void) => {
    at++;
    if (takes(close)) return;
    do item();
    while (takes(','));
    expects(close);
  };
  return {
    at: sees,
    text,
    /** The text at the current place, for an error; with `pass` the scanner moves past it, as past a simple value. */
    glimpse(pass = false): string {
      skip();
      const seen = /^[^,}\]]*/.exec(json.slice(at, at + 40))?.[0] ?? '';
      if (pass) at += seen.length;
      return seen;
    },
    /** An object; `value` reads each of its values. */
    object(value: (key: string) => void) {
      if (!sees('{')) bad('{');
      items('}', () => {
        const key = text();
        expects(':');
        value(key);
      });
    },
    /** An object of strings. */
    texts(into: Map<string, string>) {
      const wrong = () => fail(Error, where, 'bytes: __metadata__', 'strings by name', this.glimpse());
      if (!sees('{')) wrong();
      this.object((key) => {
        if (into.size >= MOST_NAMES)
          fail(RangeError, where, 'bytes: __metadata__', `at most ${MOST_NAMES} strings`, 'more');
        if (into.has(key)) fail(RangeError, where, 'bytes: names in the header', 'unique', key);
        if (!sees('"')) wrong();
        into.set(key, text());
      });
    },
    /** A list of numbers. */
    numbers(): number[] {
      const found: number[] = [];
      items(']', () => {
        skip();
        const digits = /^-?\d[\d.eE+-]*/.exec(json.slice(at, at + 30))?.[0];
        if (digits === undefined || found.length >= MOST_AXES) return bad(`a list of at most ${MOST_AXES} numbers`);
        at += digits.length;
        found.push(Number(digits));
      });
      return found;
    },
    end() {
      skip();
      if (at < json.length) bad('nothing after it');
    },
  };
}
