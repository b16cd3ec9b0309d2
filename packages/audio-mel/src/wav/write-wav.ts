import type { Waveform } from '@lipsync/contracts';
import { assertWaveform, fail } from '@lipsync/contracts';

/** How samples are stored. */
export type WavFormat = 'pcm8' | 'pcm16' | 'pcm24' | 'pcm32' | 'float32' | 'float64';

const SAMPLE_BYTES: Record<WavFormat, number> = { pcm8: 1, pcm16: 2, pcm24: 3, pcm32: 4, float32: 4, float64: 8 };

/**
 * The bytes of a WAV file.
 *
 * PCM: `round(sample * 2^(bits - 1))`, halves to the even number as NumPy's `rint`, then cut to the range (full scale 1
 * becomes 32767 of 16 bits). What `readWav` made of a PCM file of at most 24 bits is written back byte for byte. Float:
 * as given, also beyond -1..1. Several channels must be of one length.
 *
 * @returns a new array: header of 44 bytes (58 for float, with a fact chunk), then the samples.
 * @throws TypeError for a format of another name, RangeError for samples that are not finite, a sample rate that is not
 *   whole, or more than 4 GB.
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { writeWav } from '@lipsync/audio-mel';
 * await writeFile('talk.wav', writeWav(waveform, { format: 'pcm16' }));
 */
export function writeWav(
  audio: Waveform | { sampleRate: number; channels: readonly Float32Array[] },
  { format = 'pcm16' }: { /** Default `pcm16`. */ format?: WavFormat } = {},
): Uint8Array {
  const where = 'writeWav';
  if (!Object.hasOwn(SAMPLE_BYTES, format)) {
    fail(TypeError, where, 'format', `one of ${Object.keys(SAMPLE_BYTES).join(', ')}`, format);
  }
  const { sampleRate } = audio;
  const channels = 'channels' in audio ? audio.channels : [audio.samples];
  if (!(channels.length > 0 && channels.length <= 0xffff)) {
    fail(RangeError, where, 'channels', '1 to 65535', channels.length);
  }
  for (const samples of channels) assertWaveform(where, { samples, sampleRate });
  const frameCount = channels[0].length;
  if (channels.some((channel) => channel.length !== frameCount)) {
    fail(
      TypeError,
      where,
      'channels',
      'of one length',
      channels.map((channel) => channel.length),
    );
  }
  const sampleBytes = SAMPLE_BYTES[format];
  const frameBytes = sampleBytes * channels.length;
  if (!(Number.isInteger(sampleRate) && sampleRate * frameBytes <= 0xffffffff)) {
    fail(
      RangeError,
      where,
      'sampleRate',
      `a whole number that fits the header with ${frameBytes} bytes per frame`,
      sampleRate,
    );
  }
  if (frameBytes > 0xffff) fail(RangeError, where, 'channels', 'at most 65535 bytes per frame', frameBytes);
  const isFloat = format === 'float32' || format === 'float64';
  const header = isFloat ? 58 : 44;
  const dataBytes = frameCount * frameBytes;
  const total = header + dataBytes + (dataBytes % 2);
  if (total - 8 > 0xffffffff) fail(RangeError, where, 'waveform', 'below 4 GB as a file', `${total} bytes`);

  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  letters(bytes, 0, 'RIFF');
  view.setUint32(4, total - 8, true);
  letters(bytes, 8, 'WAVEfmt ');
  view.setUint32(16, isFloat ? 18 : 16, true);
  view.setUint16(20, isFloat ? 3 : 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, 8 * sampleBytes, true);
  if (isFloat) {
    // Formats other than PCM carry an extension length (0 here) and a fact chunk with the number of frames.
    letters(bytes, 38, 'fact');
    view.setUint32(42, 4, true);
    view.setUint32(46, frameCount, true);
  }
  letters(bytes, header - 8, 'data');
  view.setUint32(header - 4, dataBytes, true);
  channels.forEach((channel, c) => encode(view, header + c * sampleBytes, frameBytes, format, channel));
  return bytes;
}

function encode(view: DataView, first: number, step: number, format: WavFormat, samples: Float32Array): void {
  let at = first;
  for (let n = 0; n < samples.length; n++, at += step) {
    const sample = samples[n];
    if (format === 'float32') view.setFloat32(at, sample, true);
    else if (format === 'float64') view.setFloat64(at, sample, true);
    else if (format === 'pcm8') view.setUint8(at, whole(sample, 0x80) + 0x80);
    else if (format === 'pcm16') view.setInt16(at, whole(sample, 0x8000), true);
    else if (format === 'pcm32') view.setInt32(at, whole(sample, 0x80000000), true);
    else {
      const value = whole(sample, 0x800000);
      view.setUint16(at, value & 0xffff, true);
      view.setInt8(at + 2, value >> 16);
    }
  }
}

/** Rounded, halves to even, and cut to `-scale … scale - 1`. */
function whole(sample: number, scale: number): number {
  const value = sample * scale;
  const down = Math.floor(value);
  const rest = value - down;
  const rounded = rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
  return Math.max(-scale, Math.min(scale - 1, rounded));
}

function letters(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
