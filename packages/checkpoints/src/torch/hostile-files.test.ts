import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../checkpoint/open-checkpoint';
import { decodeNpy } from '../npy/npy';
import { join, pickle, tensorPickle, torchZip, zipOf } from '../testing/hostile-files';
import { crc32 } from '../zip/crc32';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/torch/${name}`, import.meta.url)));
const text = (value: string) => new TextEncoder().encode(value);

/** Opens a file and reads all of it. */
async function readAll(bytes: Uint8Array): Promise<number> {
  const file = await openCheckpoint(bytes);
  for (const name of file.tensors.keys()) await file.read(name);
  return file.tensors.size;
}

describe('hostile files', () => {
  test.each([
    ['os.system', 'cos\nsystem\n(X\x05\0\0\0touchtR.'],
    ['posix.system', 'cposix\nsystem\n(X\x05\0\0\0touchtR.'],
    ['builtins.eval', 'cbuiltins\neval\n(X\x03\0\0\x001+1tR.'],
    ['subprocess.Popen', '(X\x02\0\0\0lscsubprocess\nPopen\n0.'],
    ['torch.nn.modules.conv.Conv2d', 'ctorch.nn.modules.conv\nConv2d\n)\x81}b.'],
    ['__builtin__.getattr', 'c__builtin__\ngetattr\n.'],
    ['torch.load', 'ctorch\nload\n.'],
  ])('a pickle that asks for %s is refused by that name, and nothing runs', async (name, code) => {
    const bytes = Uint8Array.from(code, (letter) => letter.charCodeAt(0));
    await expect(readAll(torchZip(bytes))).rejects.toThrow(`asks for ${name}, which is not run`);
  });

  test('a name built on the stack is refused like any other', async () => {
    const code = pickle(0x80, 4, 0x8c, 2, 'os', 0x8c, 6, 'system', 0x93, 0x8c, 2, 'ls', 0x85, 'R', '.');
    await expect(readAll(torchZip(code))).rejects.toThrow('asks for os.system');
  });

  test('opcodes for extensions and instances are refused', async () => {
    await expect(readAll(torchZip(pickle(0x82, 1, '.')))).rejects.toThrow(
      'must be of opcodes that rebuild plain data, got opcode 0x82',
    );
    await expect(readAll(torchZip(pickle('(ios\nsystem\n.')))).rejects.toThrow('got opcode 0x69');
  });

  test('a list that contains itself is refused, a list referenced many times is read', async () => {
    await expect(readAll(torchZip(pickle(']', 'q', 0, 'h', 0, 'a', '.')))).rejects.toThrow('a cycle');
    expect(await readAll(torchZip(pickle(']', 'q', 0, 'K', 1, 'a', '0', ']', '(', 'h', 0, 'h', 0, 'e', '.')))).toBe(0);
  });

  test('a tree with shared branches is refused before it fills the memory', async () => {
    // Each level holds the one below ten times: 10^30 leaves in 300 bytes.
    const levels: (string | number)[] = [']', 'q', 0];
    for (let level = 1; level <= 30; level++)
      levels.push(']', '(', ...Array.from({ length: 10 }, () => ['h', level - 1]).flat(), 'e', 'q', level);
    await expect(readAll(torchZip(pickle(...levels, '.')))).rejects.toThrow(
      /of at most 4 million values|of paths of at most 1024 characters/,
    );
  });

  test('views that exceed their storage, or expand it too far, are refused', async () => {
    const storage: [string, Uint8Array][] = [['0', new Uint8Array(16)]];
    expect(await readAll(torchZip(tensorPickle('0', 4, 0, [2, 2], [2, 1]), storage))).toBe(1);
    await expect(readAll(torchZip(tensorPickle('0', 4, 1, [2, 2], [2, 1]), storage))).rejects.toThrow(
      'within its storage of 4 elements',
    );
    await expect(
      readAll(torchZip(tensorPickle('0', 4, 0, [255, 255, 255, 255], [0, 0, 0, 0]), storage)),
    ).rejects.toThrow('of at most 1048576 elements, with 4 in its storage');
    await expect(readAll(torchZip(tensorPickle('0', 200, 0, [200], [1]), storage))).rejects.toThrow(
      'at least 800 bytes long, got 16',
    );
    await expect(readAll(torchZip(tensorPickle('1', 4, 0, [4], [1]), storage))).rejects.toThrow(
      'none with the name archive/data/1',
    );
  });

  test('archives whose entries overlap, repeat, lie outside or are encrypted are refused', async () => {
    const files: [string, Uint8Array][] = [
      ['archive/data.pkl', pickle('N.')],
      ['archive/data/0', new Uint8Array(64)],
      ['archive/data/1', new Uint8Array(64)],
    ];
    expect(await readAll(zipOf(files))).toBe(0);
    await expect(readAll(zipOf(files, { offset: (i) => (i === 2 ? 60 : [0, 48][i]) }))).rejects.toThrow(
      'one after the other',
    );
    await expect(readAll(zipOf([files[0], files[0]]))).rejects.toThrow('unique names');
    await expect(readAll(zipOf(files, { size: 0x7fffffff }))).rejects.toThrow(
      'must be a zip archive whose entries lie inside it',
    );
    await expect(readAll(zipOf(files, { method: 8 }))).rejects.toThrow(
      'archive/data.pkl must be stored, not compressed, as torch writes it, got deflated',
    );
    await expect(readAll(zipOf(files, { method: 12 }))).rejects.toThrow(
      'stored, not compressed, as torch writes it, got unknown',
    );
    await expect(readAll(zipOf(files, { flags: 1 }))).rejects.toThrow('without encryption');
    await expect(readAll(zipOf(files, { crc: 0x12345678 }))).rejects.toThrow(
      'archive/data.pkl must be intact: of checksum 12345678',
    );
    await expect(readAll(zipOf(files, { localName: 'archive/data.pkx' }))).rejects.toThrow(
      'named so in its local header, too, got archive/data.pkx',
    );
    await expect(readAll(zipOf(files, { count: 60000 }))).rejects.toThrow('zip directory of 60000 entries');
    await expect(readAll(zipOf([]))).rejects.toThrow('openCheckpoint');
  });

  test.each(['../../etc/passwd', '/etc/passwd', 'archive\\..\\data', 'C:data', 'archive/\0', 'a/../../b', ''])(
    'an archive with the name %j is refused',
    async (name) => {
      await expect(
        readAll(
          zipOf([
            ['archive/data.pkl', pickle('N.')],
            [name, new Uint8Array(1)],
          ]),
        ),
      ).rejects.toThrow('a zip archive of names without ".."');
    },
  );

  test('a compressed archive unpacks to the size in its directory, at most 16 times its packed size', async () => {
    const npy = fixture('c-order.npy');
    const packed = deflateRawSync(npy);
    const deflated = (unpacked: number, bytes = packed, crc = crc32(npy)) =>
      zipOf([['a.npy', bytes]], { method: 8, unpacked, crc });
    expect(await readAll(deflated(npy.length))).toBe(1);
    await expect(readAll(deflated(npy.length, packed, 1))).rejects.toThrow(
      /readZipEntry: bytes: a.npy must be deflated bytes with the checksum/,
    );
    await expect(readAll(deflated(npy.length, packed.subarray(0, packed.length - 3)))).rejects.toThrow(
      /readZipEntry: bytes: a.npy/,
    );
    await expect(readAll(deflated(npy.length - 8))).rejects.toThrow('216 bytes long unpacked, got more');
    const bomb = deflateRawSync(join([npy.subarray(0, 128), new Uint8Array(300 * 2 ** 20)]), { level: 1 });
    await expect(readAll(deflated(128 + 300 * 2 ** 20, bomb))).rejects.toThrow(
      /of at most 67108864 bytes unpacked, with \d+ in the archive, got 314572928/,
    );
    await expect(readAll(deflated(npy.length, bomb))).rejects.toThrow('readZipEntry: bytes: a.npy');
  });

  test('many views of the same storage are refused before any is read', async () => {
    const expanded = tensorPickle('0', 1, 0, [255, 255, 16], [0, 0, 0]).subarray(0, -1);
    const many = pickle(']', '(', ...Array.from({ length: 200 }, () => [...expanded]).flat(), 'e', '.');
    await expect(readAll(torchZip(many, [['0', new Uint8Array(4)]]))).rejects.toThrow(
      'a file whose tensors take at most',
    );
  });

  test('a safetensors header of 2^63 bytes, and one longer than the file, are refused before memory is allocated', async () => {
    const head = (length: bigint) => {
      const bytes = new Uint8Array(32).fill(0x7b);
      new DataView(bytes.buffer).setBigUint64(0, length, true);
      return bytes;
    };
    await expect(openCheckpoint(head(2n ** 63n))).rejects.toThrow(
      'header length must be at most 16777216, got 9223372036854775808',
    );
    await expect(openCheckpoint(head(9_999_999n))).rejects.toThrow('within the file (32 bytes)');
  });

  test('npy headers with absurd sizes, with objects or cut off are refused', () => {
    const npy = (header: string, length = header.length) =>
      join([
        Uint8Array.of(0x93),
        text('NUMPY'),
        Uint8Array.of(1, 0, length & 255, length >> 8),
        text(header),
        new Uint8Array(8),
      ]);
    const header = (descr: string, shape: string) =>
      `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;
    expect(decodeNpy(npy(header('<f4', '(2,)')))).toMatchObject({ shape: [2] });
    expect(() => decodeNpy(npy(header('<f4', '(99999999999, 99999999999)')))).toThrow(
      'of a size that a number can hold',
    );
    expect(() => decodeNpy(npy(header('<f4', '(3,)')))).toThrow('12 for float32 [3], got 8');
    expect(() => decodeNpy(npy(header('|O', '(1,)')))).toThrow('got |O');
    expect(() => decodeNpy(npy(header('<f4', '(2,)'), 60000))).toThrow('with a header of at most 65536 bytes in it');
    expect(() => decodeNpy(npy('[]'))).toThrow('descr, fortran_order and shape');
  });

  test.each(['nested.zip.pth', 'nested.legacy.pth', 'views.zip.pth', 'scripted.pt', 'c-order.npy', 'arrays.npz'])(
    '%s cut off anywhere is refused, never read as if it were whole',
    async (name) => {
      const bytes = fixture(name);
      const step = Math.max(1, Math.floor(bytes.length / 97));
      for (let length = 0; length < bytes.length; length += step) {
        await expect(readAll(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(
          /^(openCheckpoint|readZipDirectory|readZipEntry|ByteSource\.read): /,
        );
      }
    },
  );
});

const built = existsSync(new URL('../../dist/index.js', import.meta.url));
test.skipIf(!built)(
  `files made to fill the memory take less than 200 MB${built ? '' : ' (skipped: the package is not built)'}`,
  () => {
    const folder = mkdtempSync(`${tmpdir()}/lipsync-hostile-`);
    const fill = (bytes: Uint8Array, length = 23 * 2 ** 20) => new Uint8Array(Buffer.alloc(length, bytes));
    const name = (i: number) => [0x58, 6, 0, 0, 0, ...text(String(100_000 + i))];
    const pairs = Array.from({ length: 50_000 }, (_, i) => [0x4a, i & 255, i >> 8, 0, 0, 0x4e, 0x86]).flat();
    const copies = join([
      pickle(']('),
      Uint8Array.from(pairs),
      pickle('eq', 1, 'ccollections\nOrderedDict\nq', 2),
      fill(pickle('h', 2, 'h', 1, 0x85, 'R'), 6000),
    ]);
    const calls = Array.from({ length: 199_000 }, (_, i) => [...name(i), 0x68, 1, 0x68, 2, 0x52]).flat();
    const start = pickle(
      'ctorch._utils\n_rebuild_tensor_v2\nq',
      1,
      '((',
      'X',
      7,
      0,
      0,
      0,
      'storagectorch\nFloatStorage\n',
      'X',
      1,
      0,
      0,
      0,
      '0NK',
      1,
      'tQK',
      0,
      '))tq',
      2,
      '00}(',
    );
    const tensors = join([start, Uint8Array.from(calls), pickle('u.')]);
    const info = { dtype: 'U8', shape: [0], data_offsets: [0, 0] };
    const header = text(
      JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`tensor${i}`, info]))),
    );
    const zeros = new Uint8Array(60 * 2 ** 20);
    const npy = join([fixture('c-order.npy').subarray(0, 128), zeros]);
    npy.set(text(`{'descr': '|u1', 'fortran_order': False, 'shape': (${zeros.length},), }`.padEnd(117)), 10);
    const files: Record<string, Uint8Array> = {
      lists: torchZip(fill(pickle(']'))),
      dicts: torchZip(fill(pickle('}'))),
      memories: torchZip(fill(pickle('N', 0x94))),
      names: torchZip(fill(pickle('ctorch\nSize\n'))),
      copies: torchZip(copies),
      tensors: torchZip(tensors, [['0', new Uint8Array(4)]]),
      entries: zipOf([
        ['data.pkl', pickle('N.')],
        ...Array.from({ length: 60_000 }, (_, i): [string, Uint8Array] => [
          `${i}${'x'.repeat(220)}`,
          new Uint8Array(0),
        ]),
      ]),
      header: join([new Uint8Array(BigUint64Array.of(BigInt(header.length)).buffer), header]),
      zeros: zipOf([['a.npy', deflateRawSync(npy)]], { method: 8, unpacked: npy.length, crc: crc32(npy) }),
    };
    const read = { tensors: 199_000, entries: 0, header: 100_000, zeros: 1 } as Record<string, number>;
    for (const [file, bytes] of Object.entries(files)) writeFileSync(`${folder}/${file}`, bytes);
    const program = `
    import { readFileSync } from 'node:fs';
    // What the system counts for the process begins with the memory of the one that started it; /proc's number does
    // not.
    const mostUsed = () => {
      try {
        return 1024 * Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      } catch {
        return 1024 * process.resourceUsage().maxRSS;
      }
    };
    const { openCheckpoint } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)});
    let message = 'none';
    const idle = process.memoryUsage().rss;
    try {
      const file = await openCheckpoint(process.argv[1]);
      for (const name of [...file.tensors.keys()].slice(0, 100)) await file.read(name);
      message = 'read ' + file.tensors.size;
    } catch (error) {
      message = error.message;
    }
    console.log(JSON.stringify({ growth: mostUsed() - idle, message }));`;
    try {
      for (const file of Object.keys(files)) {
        // As much garbage as Node 20 lets lie before it is collected: Node 24 lets more, 253 MB of it for `names`.
        const words = ['--max-semi-space-size=16', '--input-type=module', '-e', program, `${folder}/${file}`];
        const out = execFileSync(process.execPath, words, { encoding: 'utf8' });
        const { growth, message } = JSON.parse(out) as { growth: number; message: string };
        expect(message, file).toMatch(
          file in read
            ? `read ${read[file]}`
            : /openCheckpoint: .* must be of (values that take|at most 1000000 values)/,
        );
        expect(growth / 2 ** 20, file).toBeLessThan(200); // measured: at most 160
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
