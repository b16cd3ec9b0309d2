import type { NamedArray } from '@lipsync/checkpoints';
import { encodeSafetensors } from '@lipsync/checkpoints';
import { AUDIO_FEATURES, fail } from '@lipsync/contracts';
import * as v from 'valibot';
import { sortedKeys } from './canonical-json';
import { checkJson } from './check-json';
import type { Clip, ClipInfo } from './clip';
import { EARLIER_CLIP_KIND, upgradeFacts, upgradeTensorNames } from './earlier-spelling';
import { CHUNK_FRAMES, decodeChunk, encodeFrames } from './frame-coding';
import { clipFactsSchema } from './store-records';

const KIND = 'lipsync-clip-3';
const LARGEST_HEADER = 1 << 20; // ours take about 1500 bytes
const READ_WHOLE = 1 << 20; // files up to this size are read at once

/** A clip whose frames are decoded on request. */
export type OpenClip = Omit<Clip, 'frames'> & {
  /** Bytes that it holds in memory. */
  readonly bytes: number;
  /** Number of chunks, of `CHUNK_FRAMES` frames each but for the last. */
  readonly chunks: number;
  /** Decodes one chunk: `[frames of it, height, width, 3]`. */
  chunk(index: number): Promise<Uint8Array>;
};

/**
 * The bytes of a clip's file: safetensors with frames (`encodeFrames`), the ends of their chunks, features, logits,
 * audio, landmarks, poses, face embedding. The same clip gives the same bytes wherever zlib is the same.
 */
export async function encodeClip(clip: Clip): Promise<Uint8Array> {
  const { frames, features, logits, audio, landmarks, poses, faceEmbedding, id, ...facts } = clip;
  const { data, ends } = await encodeFrames(frames, clip);
  const tensors = new Map<string, NamedArray>([
    ['audio', { dtype: 'int16', shape: [audio.length], data: audio }],
    ['chunk_ends', { dtype: 'int32', shape: [ends.length], data: ends }],
    ['features', { dtype: 'float32', shape: [features.steps, features.bins], data: features.data }],
    ['frames', { dtype: 'uint8', shape: [data.length], data }],
    ['landmarks', { dtype: 'float32', shape: [clip.frameCount, 68, 2], data: landmarks }],
    ['poses', { dtype: 'float32', shape: [clip.frameCount, 4], data: poses }],
  ]);
  if (logits) tensors.set('logits', { dtype: 'float32', shape: [logits.steps, logits.bins], data: logits.data });
  if (faceEmbedding)
    tensors.set('face_embedding', { dtype: 'float32', shape: [faceEmbedding.length], data: faceEmbedding });
  return encodeSafetensors(tensors, {
    kind: KIND,
    id,
    facts: JSON.stringify(sortedKeys({ ...facts, score: Math.fround(clip.score) })),
  });
}

/** Opens a clip's file: small files are read at once, of large ones the frames are left on disk. */
export async function openClipFile(path: string, id: string): Promise<OpenClip> {
  const { open } = await import('node:fs/promises');
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= READ_WHOLE) {
      const whole = new Uint8Array(size);
      await readFully(file, whole, 0, id);
      return openClipBytes(whole, id);
    }
    const { header, dataStart } = await readHeader(file, size, id);
    const { begin, end } = placeOf(header, 'frames', id);
    // All but the frames, which are the largest by far: what stands before and after them.
    const rest = new Uint8Array(size - (end - begin));
    await readFully(file, rest.subarray(0, dataStart + begin), 0, id);
    await readFully(file, rest.subarray(dataStart + begin), dataStart + end, id);
    const packed = async (from: number, to: number) => {
      const again = await open(path, 'r');
      try {
        const piece = new Uint8Array(to - from);
        await readFully(again, piece, dataStart + begin + from, id);
        return piece;
      } finally {
        await again.close();
      }
    };
    return openParts({ header, bytes: rest, dataStart, id, packed, absent: { begin, end } });
  } finally {
    await file.close();
  }
}

/** Opens a clip from its file's bytes; its frames may share memory with them. */
export function openClipBytes(bytes: Uint8Array, id: string): OpenClip {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, id);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.length - 8 - length, id);
  const at = 8 + length + placeOf(header, 'frames', id).begin;
  const packed = async (from: number, to: number) => bytes.subarray(at + from, at + to);
  return openParts({ header, bytes, dataStart: 8 + length, id, packed });
}

/** Reads no more of a clip's file than its header, and checks the file's length against it. */
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

/** Whether a clip's file is of the present format. */
export async function isPresentClipFile(path: string, id: string): Promise<boolean> {
  const { open } = await import('node:fs/promises');
  const file = await open(path, 'r');
  try {
    const { header } = await readHeader(file, (await file.stat()).size, id);
    return header.metadata.kind === KIND;
  } finally {
    await file.close();
  }
}

type Reader = {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
};
type Place = { dtype: string; shape: number[]; data_offsets: [number, number] };
type Header = { tensors: Record<string, Place>; metadata: { kind: string; id: string; facts: string } };

const size = v.pipe(v.number(), v.integer(), v.minValue(0));
const tensorsSchema: v.GenericSchema<unknown, Record<string, Place>> = v.record(
  v.string(),
  v.object({ dtype: v.string(), shape: v.array(size), data_offsets: v.tuple([size, size]) }),
);
const headerSchema = v.looseObject({ __metadata__: v.optional(v.unknown()) });
const metadataSchema = v.object({ kind: v.string(), id: v.string(), facts: v.string() });

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
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(text));
  } catch {
    fail(TypeError, 'readClip', id, 'a clip file', 'a header that is not JSON');
  }
  const where = 'readClip';
  const { __metadata__, ...places } = checkJson(headerSchema, header, { where, name: `${id}: ` });
  const metadata = checkJson(metadataSchema, __metadata__ ?? {}, { where, name: `${id}: metadata.` });
  const tensors = checkJson(tensorsSchema, places, { where, name: `${id}: ` });
  const end = Math.max(0, ...Object.values(tensors).map((tensor) => tensor.data_offsets[1]));
  if (end !== dataBytes) fail(RangeError, 'readClip', id, `${end} bytes of data long`, dataBytes);
  return metadata.kind === EARLIER_CLIP_KIND
    ? { tensors: upgradeTensorNames(tensors), metadata }
    : { tensors, metadata };
}

function placeOf({ tensors }: Header, name: string, id: string): { begin: number; end: number } {
  const [begin, end] = tensors[name]?.data_offsets ?? [];
  if (begin === undefined || end < begin) fail(TypeError, 'readClip', `${id}: ${name}`, 'in the file', 'nothing');
  return { begin, end };
}

type Parts = {
  header: Header;
  bytes: Uint8Array;
  dataStart: number;
  id: string;
  /** Compressed bytes of the frames. */
  packed: (from: number, to: number) => Promise<Uint8Array>;
  /** The part of the data that is not in `bytes`. */
  absent?: { begin: number; end: number };
};

function openParts({ header, bytes, dataStart, id, packed, absent }: Parts): OpenClip {
  const { featureSteps, logitSteps, ...info } = infoOf(header, id);
  const view = <A>(
    name: string,
    Kind: { new (buffer: ArrayBufferLike, offset: number, length: number): A; BYTES_PER_ELEMENT: number },
  ): A => {
    const { begin, end } = placeOf(header, name, id);
    const from = dataStart + begin - (absent && begin >= absent.end ? absent.end - absent.begin : 0);
    // Arrays need an address that is a multiple of their element's size.
    const part = bytes.slice(from, from + end - begin);
    return new Kind(part.buffer, part.byteOffset, part.byteLength / Kind.BYTES_PER_ELEMENT);
  };
  const binsOf = (name: string) => header.tensors[name].shape[1];
  const ends = view('chunk_ends', Int32Array);
  const chunks = Math.ceil(info.frameCount / CHUNK_FRAMES);
  const frames = placeOf(header, 'frames', id);
  const rising = ends.every((end, i) => end > (ends[i - 1] ?? 0));
  if (ends.length !== chunks || ends[chunks - 1] !== frames.end - frames.begin || !rising)
    fail(TypeError, 'readClip', `${id}: chunk_ends`, `${chunks} rising ends of chunks`, [...ends]);
  return {
    ...info,
    features: { data: view('features', Float32Array), steps: featureSteps, bins: binsOf('features') },
    ...(logitSteps === undefined
      ? {}
      : { logits: { data: view('logits', Float32Array), steps: logitSteps, bins: binsOf('logits') } }),
    audio: view('audio', Int16Array),
    landmarks: view('landmarks', Float32Array),
    poses: view('poses', Float32Array),
    ...(header.tensors.face_embedding ? { faceEmbedding: view('face_embedding', Float32Array) } : {}),
    bytes: bytes.length,
    chunks,
    async chunk(index) {
      const count = Math.min(CHUNK_FRAMES, info.frameCount - index * CHUNK_FRAMES);
      return decodeChunk(await packed(index === 0 ? 0 : ends[index - 1], ends[index]), count, info);
    },
  };
}

const SHAPES = { chunk_ends: [0], frames: [0], landmarks: [0, 68, 2], features: [0, 0], poses: [0, 4], audio: [0] }; // 0: any

function infoOf({ tensors, metadata }: Header, id: string): ClipInfo {
  const { kind } = metadata;
  if (kind !== KIND && kind !== EARLIER_CLIP_KIND)
    fail(TypeError, 'readClip', id, `a file of kind ${KIND} or ${EARLIER_CLIP_KIND}`, kind);
  if (metadata.id !== id) fail(TypeError, 'readClip', id, 'in the file of its own name', `the clip ${metadata.id}`);
  for (const [name, wanted] of Object.entries(SHAPES)) {
    const shape = tensors[name]?.shape;
    if (!(shape?.length === wanted.length && wanted.every((side, axis) => side === 0 || side === shape[axis]))) {
      fail(TypeError, 'readClip', `${id}: ${name}`, `of shape [${wanted.join(', ')}] (0: any)`, shape ?? 'nothing');
    }
  }
  let found: unknown;
  try {
    found = JSON.parse(metadata.facts);
  } catch {
    fail(TypeError, 'readClip', `${id}: facts`, 'JSON', metadata.facts);
  }
  const facts = checkJson(clipFactsSchema, kind === EARLIER_CLIP_KIND ? upgradeFacts(found) : found, {
    where: 'readClip',
    name: `${id}: facts.`,
  });
  const { frameCount, height, width } = facts;
  if (tensors.landmarks.shape[0] !== frameCount || tensors.poses.shape[0] !== frameCount) {
    const got = `${frameCount} frames of ${height} x ${width}`;
    fail(TypeError, 'readClip', id, 'frames with as many landmarks and poses', got);
  }
  const { logits } = tensors; // absent where the store was made without
  const { bins } = AUDIO_FEATURES.ASR_LOGITS;
  if (logits && !(logits.shape.length === 2 && logits.shape[1] === bins))
    fail(TypeError, 'readClip', `${id}: logits`, `of shape [steps, ${bins}]`, logits.shape);
  return { id, ...facts, featureSteps: tensors.features.shape[0], ...(logits ? { logitSteps: logits.shape[0] } : {}) };
}
