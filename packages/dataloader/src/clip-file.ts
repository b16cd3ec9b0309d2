import { fail } from '@lipsync/contracts';
import { decodeSafetensors, encodeSafetensors } from '@lipsync/nn';
import type { NamedArray } from '@lipsync/nn';
import type { Clip, ClipInfo } from './clip';

const KIND = 'lipsync-clip-1';
const LARGEST_HEADER = 1 << 20; // ours take about 600 bytes

/** The bytes of a clip's file: safetensors with frames, mel, landmarks, poses; the same clip always gives the same bytes. */
export function encodeClip(clip: Clip): Uint8Array {
  const { count, size, mel } = clip;
  const tensors = new Map<string, NamedArray>([
    ['frames', { dtype: 'uint8', shape: [count, size, size, 3], data: clip.frames }],
    ['landmarks', { dtype: 'float32', shape: [count, 68, 2], data: clip.landmarks }],
    ['mel', { dtype: 'float32', shape: [mel.steps, mel.bins], data: mel.data }],
    ['poses', { dtype: 'float32', shape: [count, 4], data: clip.poses }],
  ]);
  return encodeSafetensors(tensors, {
    kind: KIND,
    id: clip.id,
    firstFrame: String(clip.firstFrame),
    score: String(Math.fround(clip.score)),
    interpolated: String(clip.interpolated),
    ...(clip.sourceSha256 === undefined ? {} : { sourceSha256: clip.sourceSha256 }),
  });
}

/** A clip from its file's bytes; its arrays may share memory with them. */
export function decodeClip(bytes: Uint8Array, id: string): Clip {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const shapes: Record<string, { dtype: string; shape: number[] }> = {};
  for (const [name, { dtype, shape }] of tensors) shapes[name] = { dtype, shape };
  const { melSteps, ...info } = clipInfo(shapes, metadata, id);
  const data = <A>(name: string) => tensors.get(name)!.data as A;
  return {
    ...info,
    frames: data<Uint8Array>('frames'),
    mel: { data: data<Float32Array>('mel'), steps: melSteps, bins: shapes.mel.shape[1] },
    landmarks: data<Float32Array>('landmarks'),
    poses: data<Float32Array>('poses'),
  };
}

/** Reads no more of a clip's file than its header, and checks that the file is as long as the header says. */
export async function readClipInfo(path: string, id: string): Promise<ClipInfo> {
  const { open } = await import('node:fs/promises');
  const file = await open(path, 'r');
  try {
    const { size: fileBytes } = await file.stat();
    const first = new Uint8Array(Math.min(fileBytes, 4096)); // one read for the header as we write it
    await file.read(first, 0, first.length, 0);
    const length = fileBytes < 8 ? Number.NaN : Number(new DataView(first.buffer).getBigUint64(0, true));
    if (!(length > 0 && length <= LARGEST_HEADER && 8 + length <= fileBytes)) {
      fail(RangeError, 'readClipInfo', id, 'a whole clip file', `a header of ${length} bytes in a file of ${fileBytes}`);
    }
    const bytes = new Uint8Array(length);
    if (8 + length <= first.length) bytes.set(first.subarray(8, 8 + length));
    else await file.read(bytes, 0, length, 8);
    return parseHeader(new TextDecoder().decode(bytes), fileBytes - 8 - length, id);
  } finally {
    await file.close();
  }
}

function parseHeader(text: string, dataBytes: number, id: string): ClipInfo {
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(text) as Record<string, unknown>;
  } catch {
    fail(TypeError, 'readClipInfo', id, 'a clip file', 'a header that is not JSON');
  }
  const { __metadata__, ...tensors } = header as { __metadata__?: Record<string, string> } & Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const end = Math.max(0, ...Object.values(tensors).map((tensor) => tensor?.data_offsets?.[1] ?? 0));
  if (end !== dataBytes) fail(RangeError, 'readClipInfo', id, `${end} bytes of data long`, dataBytes);
  return clipInfo(tensors, __metadata__ ?? {}, id);
}

const SHAPES = { frames: [0, 0, 0, 3], landmarks: [0, 68, 2], mel: [0, 0], poses: [0, 4] }; // 0: any

function clipInfo(
  tensors: Record<string, { dtype: string; shape: number[] }>,
  metadata: Record<string, string>,
  id: string,
): ClipInfo {
  if (metadata.kind !== KIND) fail(TypeError, 'readClip', id, `a file of kind ${KIND}`, metadata.kind);
  if (metadata.id !== id) fail(TypeError, 'readClip', id, 'in the file of its own name', `the clip ${metadata.id}`);
  for (const [name, wanted] of Object.entries(SHAPES)) {
    const shape = tensors[name]?.shape;
    if (!(shape?.length === wanted.length && wanted.every((side, axis) => side === 0 || side === shape[axis]))) {
      fail(TypeError, 'readClip', `${id}: ${name}`, `of shape [${wanted.join(', ')}] (0: any)`, shape ?? 'nothing');
    }
  }
  const [count, size, width] = tensors.frames.shape;
  if (width !== size || tensors.landmarks.shape[0] !== count || tensors.poses.shape[0] !== count) {
    fail(TypeError, 'readClip', id, 'square pictures with as many landmarks and poses', `[${tensors.frames.shape.join(', ')}]`);
  }
  const { sourceSha256 } = metadata;
  return {
    id,
    count,
    size,
    melSteps: tensors.mel.shape[0],
    firstFrame: Number(metadata.firstFrame),
    score: Number(metadata.score),
    interpolated: Number(metadata.interpolated),
    ...(sourceSha256 === undefined ? {} : { sourceSha256 }),
  };
}
