import { LENGTHS, mutate } from './mutate.mjs';

/** Bytes of an opcode's argument; negative: the length stands in so many bytes before it; 'line': up to the end of the line. */
const ARGUMENTS = {
  128: 1,
  149: 8,
  74: 4,
  75: 1,
  77: 2,
  71: 8,
  104: 1,
  106: 4,
  113: 1,
  114: 4,
  138: -1,
  139: -4,
  84: -4,
  85: -1,
  88: -4,
  140: -1,
  141: -8,
  66: -4,
  67: -1,
  142: -8,
  73: 'line',
  76: 'line',
  70: 'line',
  83: 'line',
  86: 'line',
  103: 'line',
  112: 'line',
  80: 'line',
  99: 'two lines',
};
const STOP = 0x2e;
const letters = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
/** What may stand anywhere in a pickle. */
const SPARE = [
  ...'N)]}(0.tlduearRbsQ2\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94'.split(''),
  'K\xff',
  'J\xff\xff\xff\xff',
  'J\xff\xff\xff\x7f',
  '\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f',
  '\x8a\x00',
  'G\x7f\xf8\0\0\0\0\0\0',
  'h\0',
  'h\x01',
  'h\x05',
  'q\0',
  'X\0\0\0\0',
  'X\x01\0\0\0a',
  'U\x011',
  'C\x02ab',
  'cos\nsystem\n',
  'ctorch\nFloatStorage\n',
  'ctorch\nLongStorage\n',
  'ctorch.storage\nUntypedStorage\n',
  'ctorch\nSize\n',
  'ccollections\nOrderedDict\n',
  'ctorch._utils\n_rebuild_tensor_v2\n',
  'ctorch._utils\n_rebuild_tensor_v3\n',
  'ctorch._utils\n_rebuild_parameter\n',
  'ctorch._tensor\n_rebuild_from_type_v2\n',
  'cnumpy.core.multiarray\nscalar\n',
  'cnumpy\ndtype\n',
  'c_codecs\nencode\n',
  'c__torch__\nNet\n',
  'ctorch\nfloat64\n',
].map(letters);

/** The opcodes of the pickles in front of a file, each with its argument; what follows them; undefined where it is none. */
function opcodesOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const opcodes = [];
  let at = 0;
  let end = 0;
  while (at < bytes.length) {
    const from = at;
    const argument = ARGUMENTS[bytes[at++]] ?? 0;
    if (argument === 'line' || argument === 'two lines') {
      for (let lines = argument === 'line' ? 1 : 2; lines > 0; lines--)
        at = bytes.indexOf(0x0a, at) + 1 || bytes.length + 1;
    } else if (argument >= 0) at += argument;
    else {
      if (at - argument > bytes.length) break;
      const length =
        argument === -1 ? bytes[at] : argument === -4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
      at += -argument + length;
    }
    if (at > bytes.length) break;
    opcodes.push(bytes.subarray(from, at));
    if (bytes[from] === STOP) {
      end = opcodes.length;
      if (at >= bytes.length || bytes[at] !== 0x80) break;
    }
  }
  const kept = opcodes.slice(0, end);
  return { opcodes: kept, rest: bytes.subarray(kept.reduce((sum, { length }) => sum + length, 0)) };
}

/** One to five changes of the opcodes of the pickles in front of a file. */
export function mutatePickles(seed, next) {
  const { opcodes, rest } = opcodesOf(seed);
  if (opcodes.length === 0) return mutate(seed, [seed], next);
  for (let times = 1 + next(5); times > 0; times--) {
    const at = next(opcodes.length);
    const kind = next(8);
    if (kind === 0) opcodes.splice(at, 1 + next(3));
    else if (kind === 1) opcodes.splice(at, 0, SPARE[next(SPARE.length)]);
    else if (kind === 2) opcodes[at] = SPARE[next(SPARE.length)];
    else if (kind === 3) opcodes.splice(at, 0, ...opcodes.slice(at, at + 1 + next(12)));
    else if (kind === 4) {
      const other = next(opcodes.length);
      [opcodes[at], opcodes[other]] = [opcodes[other], opcodes[at]];
    } else if (kind === 5) {
      const from = next(opcodes.length);
      opcodes.splice(at, 0, ...opcodes.slice(from, from + next(20)));
    } else if (opcodes[at].length > 1) {
      const changed = opcodes[at].slice();
      const place = 1 + next(changed.length - 1);
      if (kind === 6 || place + 4 > changed.length) changed[place] = next(256);
      else new DataView(changed.buffer).setUint32(place, Number(LENGTHS[next(LENGTHS.length)] & 0xffffffffn), true);
      opcodes[at] = changed;
    }
    if (opcodes.length === 0) break;
  }
  return new Uint8Array(Buffer.concat([...opcodes, rest]));
}
