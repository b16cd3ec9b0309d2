import { describe, expect, test } from 'vitest';
import fixture from '../../fixtures/jpeg.json';
import { decodeJpeg } from './decode-jpeg';
import { splitJpegs } from './split-jpegs';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const files = fixture.cases.map(({ jpeg }) => bytes(jpeg));

describe('decodeJpeg', () => {
  test.each(fixture.cases)('gives OpenCV’s pixels to the bit: $layout, $width x $height $options', (entry) => {
    const { data, width, height } = decodeJpeg(bytes(entry.jpeg));
    expect([width, height]).toEqual([entry.width, entry.height]);
    expect(Buffer.from(data).equals(bytes(entry.rgb))).toBe(true);
  });

  test('refuses other bytes, other kinds of JPEG and data that end too early', () => {
    const [file] = files;
    expect(() => decodeJpeg(new Uint8Array(10))).toThrow('decodeJpeg: bytes must be a baseline JPEG of 8 bits');
    expect(() => decodeJpeg(file.slice(0, 40))).toThrow('got no scan');
    expect(() => decodeJpeg(file.slice(0, file.length - 200))).toThrow('end too early');
    const progressive = file.slice();
    const at = progressive.findIndex((byte, i) => byte === 0xff && progressive[i + 1] === 0xc0);
    progressive[at + 1] = 0xc2;
    expect(() => decodeJpeg(progressive)).toThrow('got coding c2');
  });

  test('never hangs or reads beyond its bytes on damaged files', () => {
    const [file] = files;
    for (let at = 0; at < file.length; at += 3) {
      const damaged = file.slice();
      damaged[at] ^= 0x55;
      try {
        const { data, width, height } = decodeJpeg(damaged);
        expect(data).toHaveLength(width * height * 3);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
  });
});

describe('splitJpegs', () => {
  async function* inPieces(whole: Uint8Array, length: number) {
    for (let at = 0; at < whole.length; at += length) yield whole.subarray(at, at + length);
  }

  test.each([1, 2, 7, 1000, 1e6])('finds every file of a stream that comes in pieces of %d bytes', async (length) => {
    const found: Uint8Array[] = [];
    for await (const file of splitJpegs(inPieces(Buffer.concat(files), length))) found.push(file);
    expect(found).toEqual(files);
  });

  test('a stream that ends within a file is an error', async () => {
    const read = async () => {
      for await (const _ of splitJpegs(inPieces(Buffer.concat(files).subarray(0, -5), 100)));
    };
    await expect(read()).rejects.toThrow('splitJpegs: stream must end with a whole file');
  });
});
