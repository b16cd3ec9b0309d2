import { describe, expect, test } from 'vitest';
import fixture from '../../fixtures/wav.json';
import { readWav } from './read-wav';

const file = (name: string) => {
  const found = fixture.cases.find((one) => one.name === name);
  if (!found) throw new Error(`no fixture ${name}`);
  return Uint8Array.from(Buffer.from(found.file, 'base64'));
};

test.each(fixture.cases.map((one) => [one.name, one] as const))('readWav reads %s as SciPy does', (name, expected) => {
  const audio = readWav(file(name));
  expect(audio.sampleRate).toBe(expected.sampleRate);
  expect(audio.channels.map((channel) => [...channel])).toEqual(expected.channels);
  expect(audio.format).toBe(name.includes('float') ? 'float' : 'pcm');
});

test('bitDepth is that of a stored sample', () => {
  const depths = fixture.cases.map((one) => readWav(file(one.name)).bitDepth);
  expect(depths).toEqual([8, 16, 16, 24, 24, 32, 32, 64, 16, 24, 32, 16]);
});

test('a file at an odd offset of a larger buffer is read alike', () => {
  const bytes = file('16 bits stereo');
  const larger = new Uint8Array(bytes.length + 8);
  larger.set(bytes, 3);
  expect(readWav(larger.subarray(3, 3 + bytes.length))).toEqual(readWav(bytes));
});

describe('lengths', () => {
  const stereo = file('16 bits stereo'); // header of 44 bytes, 7 frames of 4
  const change = (riff: number, data: number, bytes = stereo) => {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    view.setUint32(4, riff, true);
    view.setUint32(40, data, true);
    return copy;
  };
  const whole = readWav(stereo).channels;

  test.each([
    ['0xFFFFFFFF in both, as ffmpeg to a pipe', 0xffffffff, 0xffffffff],
    ['0x7FFFF000, as SoX to a pipe', 0x7ffff024, 0x7ffff000],
    ['0 in both, as a recorder that was cut off', 0, 0],
    ['0 with a RIFF length of an empty file', 36, 0],
  ])('%s: the samples go to the end of the file', (_, riff, data) => {
    expect(readWav(change(riff, data)).channels).toEqual(whole);
    const cut = readWav(change(riff, data).subarray(0, 44 + 4 * 5 + 3)).channels;
    expect(cut).toEqual(whole.map((channel) => channel.slice(0, 5)));
  });

  test('a file without samples is empty, not an error, also with a chunk after it', () => {
    expect(readWav(change(36, 0).subarray(0, 44)).channels.map(({ length }) => length)).toEqual([0, 0]);
    const behind = change(36 + 28, 0); // the RIFF length counts what follows: no samples
    behind.set(Buffer.from('LIST\x14\0\0\0', 'latin1'), 44);
    expect(readWav(behind).channels.map(({ length }) => length)).toEqual([0, 0]);
  });

  test('a file shorter than its header says is refused, or read as far as it goes', () => {
    const cut = stereo.subarray(0, 44 + 4 * 3 + 1);
    expect(() => readWav(cut)).toThrow(
      "readWav: bytes must be as long as its data chunk says (72 bytes; { truncated: 'read' }",
    );
    expect(readWav(cut, { truncated: 'read' }).channels).toEqual(whole.map((channel) => channel.slice(0, 3)));
    expect(() => readWav(cut, { truncated: 'ignore' as 'read' })).toThrow(
      'truncated must be "refuse" or "read", got ignore',
    );
  });

  test('a data chunk of a broken frame is refused', () => {
    expect(() => readWav(change(63, 27))).toThrow(
      'data chunk must be a whole number of frames of 4 bytes long, got 27',
    );
  });

  test('RF64 takes its length from the ds64 chunk', () => {
    const ds64 = new Uint8Array(8 + 28);
    ds64.set(Buffer.from('ds64\x1c\0\0\0', 'latin1'));
    new DataView(ds64.buffer).setBigUint64(16, 28n, true);
    const tail = Uint8Array.of(1, 2, 3, 4); // not part of the samples
    const long = Uint8Array.from([
      ...Buffer.from('RF64\xff\xff\xff\xffWAVE', 'latin1'),
      ...ds64,
      ...change(0, 0xffffffff).slice(12),
      ...tail,
    ]);
    expect(readWav(long).channels).toEqual(whole);
  });

  test('a missing padding byte is tolerated', () => {
    const odd = [...Buffer.from('junk\x03\0\0\0abc', 'latin1')];
    const bytes = Uint8Array.from([...stereo.slice(0, 12), ...odd, ...stereo.slice(12)]);
    expect(readWav(bytes).channels).toEqual(whole);
  });

  test('a fmt chunk after the samples is found', () => {
    const bytes = Uint8Array.from([...stereo.slice(0, 12), ...stereo.slice(36), ...stereo.slice(12, 36)]);
    expect(readWav(bytes).channels).toEqual(whole);
  });
});

describe('refusals', () => {
  const bytes = file('16 bits stereo');
  const change = (edit: (view: DataView) => void, from = bytes) => {
    const copy = from.slice();
    edit(new DataView(copy.buffer));
    return () => readWav(copy);
  };

  test.each([
    [
      'an MP3 in a WAV',
      (view: DataView) => view.setUint16(20, 0x55, true),
      'format tag must be 1 (PCM) or 3 (float), got 85 (MP3)',
    ],
    ['A-law', (view: DataView) => view.setUint16(20, 6, true), 'got 6 (A-law)'],
    ['an unknown codec', (view: DataView) => view.setUint16(20, 0x1234, true), 'got 4660'],
    ['no channels', (view: DataView) => view.setUint16(22, 0, true), 'channels must be at least 1, got 0'],
    ['a sample rate of 0', (view: DataView) => view.setUint32(24, 0, true), 'sampleRate must be above 0 Hz, got 0'],
    [
      'frames of 0 bytes',
      (view: DataView) => view.setUint16(32, 0, true),
      'bytes in a frame must be channels (2) times 1, 2, 3, 4 bytes, got 0',
    ],
    ['frames of 5 bytes', (view: DataView) => view.setUint16(32, 5, true), 'bytes in a frame must be'],
    [
      'bits that do not fit',
      (view: DataView) => view.setUint16(34, 24, true),
      'bits in a sample must be those of 2 bytes, got 24',
    ],
    [
      'half floats',
      (view: DataView) => view.setUint16(20, 3, true),
      'bytes in a frame must be channels (2) times 4, 8 bytes, got 4',
    ],
    [
      'a short fmt chunk',
      (view: DataView) => view.setUint32(16, 14, true),
      'fmt chunk must be at least 16 bytes long and inside the file',
    ],
    [
      'an endless fmt chunk',
      (view: DataView) => view.setUint32(16, 0xffffffff, true),
      'fmt chunk must be at least 16 bytes long and inside the file',
    ],
    [
      'extensible without its extension',
      (view: DataView) => view.setUint16(20, 0xfffe, true),
      'at least 40 bytes long to be extensible, got 16',
    ],
    ['no data', (view: DataView) => view.setUint8(36, 0x44), 'a WAV file with a data chunk, got none'],
    ['no format', (view: DataView) => view.setUint8(12, 0x46), 'a WAV file with a fmt chunk before the end, got none'],
    [
      'big-endian RIFX',
      (view: DataView) => view.setUint8(3, 0x58),
      'a WAV file: RIFF, RF64 or BW64 with form type WAVE, got "RIFX" … "WAVE"',
    ],
    ['an AVI', (view: DataView) => view.setUint32(8, 0x20495641, true), 'got "RIFF" … "AVI "'],
  ])('%s', (_, edit, message) => {
    expect(change(edit)).toThrow(message);
  });

  test('a sub-format that is no format tag, bytes that are no file, and what is no Uint8Array', () => {
    const extensible = file('extensible 24 bits');
    expect(change((view) => view.setUint8(59, 0), extensible)).toThrow('of a sub-format that stands for a format tag');
    expect(() => readWav(new Uint8Array(3))).toThrow('form type WAVE, got 3 bytes');
    expect(() => readWav('RIFF' as unknown as Uint8Array)).toThrow('readWav: bytes must be a Uint8Array, got string');
  });

  test('every truncated file gives a result or one of our errors', () => {
    for (const { name } of fixture.cases) {
      const whole = file(name);
      for (let length = 0; length < whole.length; length++) {
        try {
          readWav(whole.subarray(0, length), { truncated: 'read' });
        } catch (error) {
          expect((error as Error).message).toMatch(/^readWav: .* must be .*, got /);
        }
      }
    }
  });
});
