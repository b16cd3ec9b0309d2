/** A generator of whole numbers below a bound (xorshift), the same for the same seed. */
export function random(seed) {
  let state = Math.imul(seed ^ (seed >>> 15), 2654435761) >>> 0 || 1;
  const next = (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  for (let i = 0; i < 8; i++) next(2); // seeds in a row begin alike
  return next;
}

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];
export const LENGTHS = [
  0n,
  1n,
  0xffn,
  0xffffn,
  0x7fffffffn,
  0xffffffffn,
  0x1fffffffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
];

/** `bytes` with the part from `from` to `to` replaced. */
function splice(bytes, from, to, piece) {
  const result = new Uint8Array(bytes.length - (to - from) + piece.length);
  result.set(bytes.subarray(0, from));
  result.set(piece, from);
  result.set(bytes.subarray(to), from + piece.length);
  return result;
}

/** One to six blind changes; pieces come from `others`. */
export function mutate(seed, others, next) {
  let bytes = seed.slice();
  for (let times = 1 + next(6); times > 0 && bytes.length > 0; times--) {
    const at = next(bytes.length);
    const view = new DataView(bytes.buffer);
    const kind = next(8);
    if (kind === 0) bytes[at] ^= 1 << next(8);
    else if (kind === 1) bytes[at] = EXTREMES[next(EXTREMES.length)];
    else if (kind === 2) bytes[at] = next(256);
    else if (kind === 3 && at + 8 <= bytes.length) {
      const value = LENGTHS[next(LENGTHS.length)];
      const width = next(3);
      if (width === 0) view.setBigUint64(at, value, true);
      else if (width === 1) view.setUint32(at, Number(value & 0xffffffffn), true);
      else view.setUint16(at, Number(value & 0xffffn), true);
    } else if (kind === 4)
      bytes = next(4)
        ? splice(bytes, at, Math.min(bytes.length, at + 1 + next(32)), new Uint8Array(0))
        : bytes.slice(0, at);
    else if (kind === 5) {
      const other = others[next(others.length)];
      const from = next(other.length || 1);
      bytes = splice(bytes, at, at, other.subarray(from, from + next(64)));
    } else if (kind === 6 && at + 4 <= bytes.length)
      view.setUint32(at, view.getUint32(at, true) + next(9) - 4, true); // a length a little off
    else if (bytes[at] >= 0x30 && bytes[at] <= 0x39) bytes[at] = 0x30 + next(10);
  }
  return bytes;
}

const WORDS = [
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  ',',
  ':',
  '"',
  "'",
  '\\',
  '""',
  '[]',
  '{}',
  '[[',
  '0',
  '-1',
  '1e400',
  '1.5',
  '9007199254740993',
  '99999999999999999999',
  'null',
  'True',
  'NaN',
  '"shape"',
  '"dtype"',
  '"data_offsets"',
  '"__metadata__"',
  '"F64"',
  '"BOOL"',
  '"\\u0000"',
  '"__proto__"',
  "'descr'",
  "'<f8'",
  "'|O'",
  "'>f4'",
  '(,)',
  '(1',
  'L',
  ' ',
  '\n',
  '\u00e9',
  '\0',
];

/** One to four changes of words, numbers and signs of a text; `behind` stays as it is. */
export function mutateText(seed, next, behind = new Uint8Array(0)) {
  let text = Buffer.from(seed).toString('latin1');
  for (let times = 1 + next(4); times > 0; times--) {
    const tokens = [...text.matchAll(/\d+|[A-Za-z_]+|"[^"]*"|'[^']*'|[^\s]/g)];
    if (tokens.length === 0) break;
    const { index, 0: token } = tokens[next(tokens.length)];
    const word = WORDS[next(WORDS.length)];
    const other = tokens[next(tokens.length)];
    const kind = next(5);
    if (kind === 0) text = text.slice(0, index) + word + text.slice(index + token.length);
    else if (kind === 1) text = text.slice(0, index) + word + text.slice(index);
    else if (kind === 2) text = text.slice(0, index) + text.slice(index + token.length);
    else if (kind === 3) text = text.slice(0, index) + other[0] + text.slice(index + token.length);
    else {
      const end = Math.max(index, other.index);
      text = text.slice(0, end) + text.slice(Math.min(index, other.index), end) + text.slice(end); // a piece twice
    }
  }
  return new Uint8Array(Buffer.concat([Buffer.from(text, 'latin1'), behind]));
}
