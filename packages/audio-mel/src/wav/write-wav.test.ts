import { expect, test } from 'vitest';
import fixture from '../../fixtures/wav.json';
import { readWav } from './read-wav';
import type { WavFormat } from './write-wav';
import { writeWav } from './write-wav';

const cases = fixture.cases.map((one) => ({ ...one, bytes: Uint8Array.from(Buffer.from(one.file, 'base64')) }));

test.each([
  ['8 bits mono', 'pcm8'],
  ['16 bits mono', 'pcm16'],
  ['16 bits stereo', 'pcm16'],
  ['24 bits stereo', 'pcm24'],
  ['24 bits mono of odd length', 'pcm24'],
] as [string, WavFormat][])('what readWav made of %s comes back byte for byte', (name, format) => {
  const { bytes } = cases.find((one) => one.name === name) as (typeof cases)[number];
  const written = writeWav(readWav(bytes), { format });
  // From the fmt chunk on; SciPy leaves out the byte that fills up an odd number, and so counts one less before it.
  expect([...written.subarray(12, bytes.length)]).toEqual([...bytes.subarray(12)]);
});

test.each(['float32', 'float64'] as const)('%s keeps every sample, also beyond full scale', (format) => {
  const samples = Float32Array.of(0, -0.1, 1.5, -3e5, 1e-30);
  const audio = readWav(writeWav({ samples, sampleRate: 44100 }, { format }));
  expect(audio).toEqual({ sampleRate: 44100, channels: [samples], bitDepth: Number(format.slice(5)), format: 'float' });
});

test('full scale is clipped to the largest value, and halves round to even', () => {
  const samples = Float32Array.of(1, -1, 2, -2, 0.5 / 32768, 1.5 / 32768, -0.5 / 32768, -1.5 / 32768);
  const bytes = writeWav({ samples, sampleRate: 16000 });
  expect([...new Int16Array(bytes.buffer, 44)]).toEqual([32767, -32768, 32767, -32768, 0, 2, 0, -2]);
  const [wide] = readWav(writeWav({ samples, sampleRate: 16000 }, { format: 'pcm32' })).channels;
  expect([...wide.subarray(0, 4)]).toEqual([1, -1, 1, -1]); // 2^31 - 1 rounds to 1 in float32
});

test('channels are interleaved and an odd number of bytes is padded', () => {
  const channels = [Float32Array.of(0.5), Float32Array.of(-0.5), Float32Array.of(0)];
  const bytes = writeWav({ sampleRate: 8000, channels }, { format: 'pcm8' });
  expect(bytes.length).toBe(48);
  expect([...bytes.subarray(44)]).toEqual([192, 64, 128, 0]);
  expect(readWav(bytes).channels).toEqual(channels);
});

test('writeWav refuses other formats, broken samples, rates and channels', () => {
  const audio = { samples: new Float32Array(1), sampleRate: 16000 };
  expect(() => writeWav(audio, { format: 'mp3' as WavFormat })).toThrow('writeWav: format must be one of pcm8, pcm16');
  expect(() => writeWav({ ...audio, samples: Float32Array.of(Number.NaN) })).toThrow('waveform.samples must be finite');
  expect(() => writeWav({ ...audio, sampleRate: 22050.5 })).toThrow('sampleRate must be a whole number');
  expect(() => writeWav({ sampleRate: 8000, channels: [] })).toThrow('channels must be 1 to 65535, got 0');
  const uneven = { sampleRate: 8000, channels: [new Float32Array(1), new Float32Array(2)] };
  expect(() => writeWav(uneven)).toThrow('channels must be of one length, got [1, 2]');
});
