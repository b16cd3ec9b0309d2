import { fail } from '@lipsync/contracts';

/** The content of a WAV file. */
export type WavAudio = {
  /** Samples per second. */
  sampleRate: number;
  /** One array per channel, all of one length; integers scaled to -1..1, floats as stored. */
  channels: Float32Array[];
  /** Bits of one stored sample: 8, 16, 24 or 32 whole, 32 or 64 float. */
  bitDepth: number;
  format: 'pcm' | 'float';
};

export type ReadWavOptions = {
  /**
   * How a file is treated that ends before the length in its header. `refuse`: an error with both lengths. `read`:
   * reads the complete frames. Default `refuse`.
   */
  truncated?: 'refuse' | 'read';
};

type Format = { tag: number; channels: number; sampleRate: number; frameBytes: number; bits: number };

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const OTHER_CODECS: Record<number, string> = {
  2: 'Microsoft ADPCM',
  6: 'A-law',
  7: 'mu-law',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  80: 'MPEG',
  85: 'MP3',
  255: 'AAC',
};
/** Bytes 2..16 of the sub-format of an extensible header; the first two are the format tag. */
const SUB_FORMAT_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/**
 * Writers to pipes cannot fill in lengths afterwards; a length of at least this means "until the end" (SoX writes this
 * value).
 */
const STREAM_LENGTH = 0x7ffff000;

/**
 * Reads a WAV file: PCM of 8, 16, 24 or 32 bits, float of 32 or 64 bits, plain or WAVE_FORMAT_EXTENSIBLE, any number of
 * channels; RIFF, RF64 and BW64. Other chunks are skipped, also those of odd length with or without their
 * padding byte.
 *
 * Whole numbers are divided by 2^(bits - 1), those of 8 bits after taking 128 away, as torchaudio, librosa and
 * libsndfile do: bit for bit SciPy's values so divided. A length of 0xFFFFFFFF, of 0x7FFFF000 or more, or of 0
 * in front of data that the header does not count, is what writers to pipes leave: the data then extend to the end of
 * the file, and an incomplete last frame is dropped.
 *
 * @returns float32 samples, one array per channel; the caller's.
 * @throws TypeError for what is not such a file; RangeError for a header that contradicts itself or (by default) the
 * file.
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { readWav } from '@lipsync/audio-mel';
 * const { sampleRate, channels } = readWav(await readFile('talk.wav'));
 */
export function readWav(bytes: Uint8Array, { truncated = 'refuse' }: ReadWavOptions = {}): WavAudio {
  const where = 'readWav';
  if (!(bytes instanceof Uint8Array)) fail(TypeError, where, 'bytes', 'a Uint8Array', typeof bytes);
  if (truncated !== 'refuse' && truncated !== 'read') {
    fail(TypeError, where, 'truncated', '"refuse" or "read"', truncated);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { format, data } = findChunks(where, view);
  const { sampleRate, frameBytes, bits } = format;
  if (data.bytes > view.byteLength - data.offset && truncated === 'refuse') {
    const needed = data.offset + data.bytes;
    const rule = `as long as its data chunk says (${needed} bytes; { truncated: 'read' } reads what is there)`;
    fail(RangeError, where, 'bytes', rule, view.byteLength);
  }
  const there = Math.min(data.bytes, view.byteLength - data.offset);
  if (data.counted && data.bytes % frameBytes !== 0) {
    fail(RangeError, where, 'data chunk', `a whole number of frames of ${frameBytes} bytes long`, data.bytes);
  }
  const frameCount = Math.floor(there / frameBytes);
  const sampleBytes = frameBytes / format.channels;
  const channels = Array.from({ length: format.channels }, (_, channel) => {
    return decode(view, data.offset + channel * sampleBytes, frameCount, frameBytes, format.tag, sampleBytes);
  });
  return { sampleRate, channels, bitDepth: bits, format: format.tag === FLOAT ? 'float' : 'pcm' };
}

/** The format, and where the samples are; `counted` says that their length stood in the header. */
function findChunks(
  where: string,
  view: DataView,
): { format: Format; data: { offset: number; bytes: number; counted: boolean } } {
  const kind = view.byteLength >= 12 ? fourLetters(view, 0) : '';
  const known = kind === 'RIFF' || kind === 'RF64' || kind === 'BW64';
  if (!known || fourLetters(view, 8) !== 'WAVE') {
    const got = view.byteLength < 12 ? `${view.byteLength} bytes` : `"${kind}" … "${fourLetters(view, 8)}"`;
    fail(TypeError, where, 'bytes', 'a WAV file: RIFF, RF64 or BW64 with form type WAVE', got);
  }
  const riffEnd = 8 + view.getUint32(4, true);
  let format: Format | undefined;
  let data: { offset: number; bytes: number; counted: boolean } | undefined;
  let longDataBytes: number | undefined;
  for (let at = 12; at + 8 <= view.byteLength && !(format && data); ) {
    const id = fourLetters(view, at);
    const bytes = view.getUint32(at + 4, true);
    const offset = at + 8;
    const left = view.byteLength - offset;
    if (id === 'data') {
      if (data) fail(RangeError, where, 'bytes', 'a WAV file with one data chunk before its fmt chunk', 'two');
      data = dataChunk(offset, bytes, left, riffEnd, longDataBytes);
      if (!data.counted) break;
    }
    if (id === 'fmt ') format ??= readFormat(where, view, offset, bytes);
    if (id === 'ds64' && kind !== 'RIFF' && bytes >= 24 && left >= 24) {
      longDataBytes = Number(view.getBigUint64(offset + 8, true));
    }
    at = offset + (id === 'data' && data ? data.bytes : bytes);
    // Chunks begin at even places, but some writers forget the byte between.
    if (at % 2 !== 0 && !(at + 8 <= view.byteLength && ['fmt ', 'data'].includes(fourLetters(view, at)))) at++;
  }
  if (!format) fail(TypeError, where, 'bytes', 'a WAV file with a fmt chunk before the end', 'none');
  if (!data) fail(TypeError, where, 'bytes', 'a WAV file with a data chunk', 'none');
  return { format, data };
}

function dataChunk(offset: number, bytes: number, left: number, riffEnd: number, longBytes: number | undefined) {
  if (bytes === 0xffffffff && longBytes !== undefined) return { offset, bytes: longBytes, counted: true };
  const piped = bytes >= STREAM_LENGTH && bytes > left;
  // An empty chunk is taken at its word only if the RIFF length, too, says what follows it.
  const unfilled = bytes === 0 && left > 0 && (riffEnd <= offset || riffEnd - 8 >= STREAM_LENGTH);
  return piped || unfilled ? { offset, bytes: left, counted: false } : { offset, bytes, counted: true };
}

function readFormat(where: string, view: DataView, offset: number, bytes: number): Format {
  if (bytes < 16 || offset + bytes > view.byteLength) {
    const rule = 'at least 16 bytes long and inside the file';
    fail(RangeError, where, 'fmt chunk', rule, `${bytes} bytes at ${offset} of ${view.byteLength}`);
  }
  let tag = view.getUint16(offset, true);
  const channels = view.getUint16(offset + 2, true);
  const sampleRate = view.getUint32(offset + 4, true);
  const frameBytes = view.getUint16(offset + 12, true);
  const bits = view.getUint16(offset + 14, true);
  if (tag === EXTENSIBLE) {
    if (bytes < 40) fail(RangeError, where, 'fmt chunk', 'at least 40 bytes long to be extensible', bytes);
    if (SUB_FORMAT_TAIL.some((byte, i) => view.getUint8(offset + 26 + i) !== byte)) {
      fail(TypeError, where, 'fmt chunk', 'of a sub-format that stands for a format tag', 'another GUID');
    }
    tag = view.getUint16(offset + 24, true);
  }
  if (tag !== PCM && tag !== FLOAT) {
    const name = OTHER_CODECS[tag] ? ` (${OTHER_CODECS[tag]})` : '';
    fail(TypeError, where, 'format tag', '1 (PCM) or 3 (float)', `${tag}${name}`);
  }
  if (channels === 0) fail(RangeError, where, 'channels', 'at least 1', channels);
  if (sampleRate === 0) fail(RangeError, where, 'sampleRate', 'above 0 Hz', sampleRate);
  // Samples of 12 or 20 bits stand at the top of 2 or 3 bytes, so the bytes decide.
  const sampleBytes = frameBytes / channels;
  const widths = tag === PCM ? [1, 2, 3, 4] : [4, 8];
  if (!widths.includes(sampleBytes)) {
    const rule = `channels (${channels}) times ${widths.join(', ')} bytes`;
    fail(RangeError, where, 'bytes in a frame', rule, `${frameBytes}`);
  }
  const fits = tag === PCM ? Math.ceil(bits / 8) === sampleBytes : bits === 8 * sampleBytes;
  if (!fits) fail(RangeError, where, 'bits in a sample', `those of ${sampleBytes} bytes`, bits);
  return { tag, channels, sampleRate, frameBytes, bits: 8 * sampleBytes };
}

function decode(
  view: DataView,
  first: number,
  frameCount: number,
  frameBytes: number,
  tag: number,
  sampleBytes: number,
): Float32Array {
  const out = new Float32Array(frameCount);
  let at = first;
  if (tag === FLOAT && sampleBytes === 4) {
    for (let i = 0; i < frameCount; i++, at += frameBytes) out[i] = view.getFloat32(at, true);
  } else if (tag === FLOAT) {
    for (let i = 0; i < frameCount; i++, at += frameBytes) out[i] = view.getFloat64(at, true);
  } else if (sampleBytes === 1) {
    for (let i = 0; i < frameCount; i++, at += frameBytes) out[i] = (view.getUint8(at) - 128) / 0x80;
  } else if (sampleBytes === 2) {
    for (let i = 0; i < frameCount; i++, at += frameBytes) out[i] = view.getInt16(at, true) / 0x8000;
  } else if (sampleBytes === 3) {
    for (let i = 0; i < frameCount; i++, at += frameBytes) {
      out[i] = (view.getUint16(at, true) + view.getInt8(at + 2) * 0x10000) / 0x800000;
    }
  } else {
    for (let i = 0; i < frameCount; i++, at += frameBytes) out[i] = view.getInt32(at, true) / 0x80000000;
  }
  return out;
}

function fourLetters(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}
