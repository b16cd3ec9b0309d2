import type { NamedArray } from '@lipsync/checkpoints';
import { encodeSafetensors } from '@lipsync/checkpoints';
import { AUDIO_FEATURES, fail } from '@lipsync/contracts';
import type { Clip, ClipInfo } from './clip';
import { CHUNK_FRAMES, decodeChunk, encodeFrames } from './frame-coding';

const KIND = 'lipsync-clip-2';
const LARGEST_HEADER = 1 << 20; // ours take about 1500 bytes
const READ_WHOLE = 1 << 20; // files up to this size are read at once

/** A clip of which the frames are decoded as they are asked for. */
export type OpenClip = Omit<Clip, 'frames'> & {
  /** Bytes that it holds in memory. */
  readonly bytes: number;
  /** Number of chunks, of `CHUNK_PICTURES` frames each but for the last. */
  readonly chunks: number;
  /** Decodes one chunk. */
  chunk(index: number): Promise<Uint8Array>;
};

/**
 * The bytes of a clip's file: safetensors with frames (`encodePictures`), where their chunks end, mel, logits, audio, landmarks, poses, identity. The
 * same clip gives the same bytes wherever zlib is the same.
 */
export async function encodeClip(clip: Clip): Promise<Uint8Array> {
  const { frames, features, logits, audio, landmarks, poses, identity, id, ...facts } = clip;
  const { data, ends } = await encodeFrames(frames, clip);
  const tensors = new Map<string, NamedArray>([
    ['chunk_ends', { dtype: 'int32', shape: [ends.length], data: ends }],
    ['frames', { dtype: 'uint8', shape: [data.length], data }],
    ['landmarks', { dtype: 'float32', shape: [clip.count, 68, 2], data: landmarks }],
    ['mel', { dtype: 'float32', shape: [features.steps, features.bins], data: features.data }],
    ['poses', { dtype: 'float32', shape: [clip.count, 4], data: poses }],
    ['sound', { dtype: 'int16', shape: [audio.length], data: audio }],
  ]);
  if (logits) tensors.set('logits', { dtype: 'float32', shape: [logits.steps, logits.bins], data: logits.data });
  if (identity) tensors.set('identity', { dtype: 'float32', shape: [identity.length], data: identity });
  return encodeSafetensors(tensors, {
    kind: KIND,
    id,
    facts: JSON.stringify(sortedKeys({ ...facts, score: Math.fround(clip.score) })),
  });
}

/** A whole clip from its file's bytes; its arrays may share memory with them. */
export async function decodeClip(bytes: Uint8Array, id: string): Promise<Clip> {
  const clip = openBytes(bytes, id);
  const { chunks, chunk, bytes: _, ...rest } = clip;
  const pieces = await Promise.all(Array.from({ length: chunks }, (_none, index) => chunk(index)));
  const frames = new Uint8Array(clip.count * clip.height * clip.width * 3);
  let at = 0;
  for (const piece of pieces) {
    frames.set(piece, at);
    at += piece.length;
  }
  return { ...rest, frames };
}

/** Opens a clip's file: small ones are read at once, of large ones the frames stay where they are. */
export async function openClipFile(path: string, id: string): Promise<OpenClip> {
  const { open } = await import('node:fs/promises');
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= READ_WHOLE) {
      const whole = new Uint8Array(size);
      await readFully(file, whole, 0, id);
      return openBytes(whole, id);
    }
    const { header, dataStart } = await readHeader(file, size, id);
    const { begin, end } = placeOf(header, 'frames', id);
    // All but the frames, which are the largest by far: what stands before and after them.
    const rest = new Uint8Array(size - (end - begin));
    await readFully(file, rest.subarray(0, dataStart + begin), 0, id);
    await readFully(file, rest.subarray(dataStart + begin), dataStart + end, id);
    return openParts(header, rest, dataStart, id, { begin, end }, async (from, to) => {
      const again = await open(path, 'r');
      try {
        const packed = new Uint8Array(to - from);
        await readFully(again, packed, dataStart + begin + from, id);
        return packed;
      } finally {
        await again.close();
      }
    });
  } finally {
    await file.close();
  }
}

/** Reads no more of a clip's file than its header, and checks that the file is as long as the header says. */
export async function readClipInfo(path: string, id: string): Promise<ClipInfo> {
  const { open } = await import('node:fs/promises');
  const file = await open(path, 'r');
  try {
    const { header } = await readHeader(file, (await file.stat()).size, id);
    return infoOf(header, id);
  } finally {
    await file.close();
  }
}

type Reader = {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
};
type Place = { dtype: string; shape: number[]; data_offsets: [number, number] };
type Header = { tensors: Record<string, Place>; metadata: Record<string, string> };

async function readFully(file: Reader, into: Uint8Array, position: number, id: string): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0)
      fail(RangeError, 'readClip', id, 'a whole clip file', `one that ends ${into.length - done} bytes early`);
    done += bytesRead;
  }
}

async function readHeader(file: Reader, fileBytes: number, id: string): Promise<{ header: Header; dataStart: number }> {
  const first = new Uint8Array(Math.min(fileBytes, 4096)); // one read for the header as we write it
  await readFully(file, first, 0, id);
  const length = headerLength(first, fileBytes, id);
  const bytes = new Uint8Array(length);
  if (8 + length <= first.length) bytes.set(first.subarray(8, 8 + length));
  else await readFully(file, bytes, 8, id);
  return { header: parseHeader(bytes, fileBytes - 8 - length, id), dataStart: 8 + length };
}

function headerLength(first: Uint8Array, fileBytes: number, id: string): number {
  const length =
    first.length < 8 ? Number.NaN : Number(new DataView(first.buffer, first.byteOffset).getBigUint64(0, true));
  if (!(length > 0 && length <= LARGEST_HEADER && 8 + length <= fileBytes)) {
    fail(RangeError, 'readClip', id, 'a whole clip file', `a header of ${length} bytes in a file of ${fileBytes}`);
  }
  return length;
}

function parseHeader(text: Uint8Array, dataBytes: number, id: string): Header {
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder().decode(text)) as Record<string, unknown>;
  } catch {
    fail(TypeError, 'readClip', id, 'a clip file', 'a header that is not JSON');
  }
  const { __metadata__, ...tensors } = header as { __metadata__?: Record<string, string> } & Record<string, Place>;
  const end = Math.max(0, ...Object.values(tensors).map((tensor) => tensor?.data_offsets?.[1] ?? 0));
  if (end !== dataBytes) fail(RangeError, 'readClip', id, `${end} bytes of data long`, dataBytes);
  return { tensors: tensors as Record<string, Place>, metadata: __metadata__ ?? {} };
}

function placeOf({ tensors }: Header, name: string, id: string): { begin: number; end: number } {
  const [begin, end] = tensors[name]?.data_offsets ?? [];
  if (!(Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && end >= begin)) {
    fail(TypeError, 'readClip', `${id}: ${name}`, 'in the file', 'nothing');
  }
  return { begin, end };
}

function openBytes(bytes: Uint8Array, id: string): OpenClip {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, id);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.length - 8 - length, id);
  const frames = placeOf(header, 'frames', id);
  const at = 8 + length + frames.begin;
  return openParts(header, bytes, 8 + length, id, undefined, async (from, to) => bytes.subarray(at + from, at + to));
}

/** @param left what of the data is not in `bytes`. */
function openParts(
  header: Header,
  bytes: Uint8Array,
  dataStart: number,
  id: string,
  left: { begin: number; end: number } | undefined,
  packed: (from: number, to: number) => Promise<Uint8Array>,
): OpenClip {
  const { featureSteps, logitSteps, ...info } = infoOf(header, id);
  const view = <A>(
    name: string,
    Kind: { new (buffer: ArrayBufferLike, offset: number, length: number): A; BYTES_PER_ELEMENT: number },
  ): A => {
    const { begin, end } = placeOf(header, name, id);
    const from = dataStart + begin - (left && begin >= left.end ? left.end - left.begin : 0);
    // Arrays need an address that is a multiple of their element's size.
    const part = bytes.slice(from, from + end - begin);
    return new Kind(part.buffer, part.byteOffset, part.byteLength / Kind.BYTES_PER_ELEMENT);
  };
  const ends = view('chunk_ends', Int32Array);
  const chunks = Math.ceil(info.count / CHUNK_FRAMES);
  const frames = placeOf(header, 'frames', id);
  if (
    ends.length !== chunks ||
    ends[chunks - 1] !== frames.end - frames.begin ||
    ends.some((end, i) => end <= (ends[i - 1] ?? 0))
  ) {
    fail(TypeError, 'readClip', `${id}: chunk_ends`, `${chunks} rising ends of chunks`, [...ends]);
  }
  return {
    ...info,
    features: { data: view('mel', Float32Array), steps: featureSteps, bins: header.tensors.mel.shape[1] },
    ...(logitSteps === undefined
      ? {}
      : { logits: { data: view('logits', Float32Array), steps: logitSteps, bins: header.tensors.logits.shape[1] } }),
    audio: view('sound', Int16Array),
    landmarks: view('landmarks', Float32Array),
    poses: view('poses', Float32Array),
    ...(header.tensors.identity ? { identity: view('identity', Float32Array) } : {}),
    bytes: bytes.length,
    chunks,
    async chunk(index) {
      const count = Math.min(CHUNK_FRAMES, info.count - index * CHUNK_FRAMES);
      return decodeChunk(await packed(index === 0 ? 0 : ends[index - 1], ends[index]), count, info);
    },
  };
}

const SHAPES = { chunk_ends: [0], frames: [0], landmarks: [0, 68, 2], features: [0, 0], poses: [0, 4], audio: [0] }; // 0: any

function infoOf({ tensors, metadata }: Header, id: string): ClipInfo {
  if (metadata.kind !== KIND) fail(TypeError, 'readClip', id, `a file of kind ${KIND}`, metadata.kind);
  if (metadata.id !== id) fail(TypeError, 'readClip', id, 'in the file of its own name', `the clip ${metadata.id}`);
  for (const [name, wanted] of Object.entries(SHAPES)) {
    const shape = tensors[name]?.shape;
    if (!(shape?.length === wanted.length && wanted.every((side, axis) => side === 0 || side === shape[axis]))) {
      fail(TypeError, 'readClip', `${id}: ${name}`, `of shape [${wanted.join(', ')}] (0: any)`, shape ?? 'nothing');
    }
  }
  const facts = JSON.parse(metadata.facts) as Omit<ClipInfo, 'id' | 'featureSteps'>;
  const { count, height, width } = facts;
  const whole = [count, height, width].every((value) => Number.isInteger(value) && value > 0);
  if (!whole || tensors.landmarks.shape[0] !== count || tensors.poses.shape[0] !== count) {
    fail(
      TypeError,
      'readClip',
      id,
      'frames with as many landmarks and poses',
      `${count} frames of ${height} x ${width}`,
    );
  }
  const { logits } = tensors; // absent where the store was made without
  const { bins } = AUDIO_FEATURES.ASR_LOGITS;
  if (logits && !(logits.shape?.length === 2 && logits.shape[1] === bins))
    fail(TypeError, 'readClip', `${id}: logits`, `of shape [steps, ${bins}]`, logits.shape);
  return { id, ...facts, featureSteps: tensors.mel.shape[0], ...(logits ? { logitSteps: logits.shape[0] } : {}) };
}

/** The same keys in the same order, whoever wrote them. */
function sortedKeys<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => [key, sortedKeys(entry as unknown)]),
  ) as T;
}
