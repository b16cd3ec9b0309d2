import {
  type ByteInput,
  decodeSafetensors,
  encodeSafetensors,
  type NamedArray,
  openByteSource,
} from '@lipsync/checkpoints';
import { fail, type Waveform } from '@lipsync/contracts';
import { FACE_POINTS } from '../edge-map/face-lines';
import type { PortraitTrack } from './portrait-track';

/** A recording of the person: the face in 3D and the audio that belongs to it. */
export type PortraitClip = {
  track: PortraitTrack;
  /** Frames a second of the track. */
  fps: number;
  /** Of the whole video: frame `t` of the video stands at `t / fps` seconds. */
  audio: Waveform;
};

const FORMAT = 'lipsync portrait 1';

/**
 * A recording as a safetensors file: `faces`, `poses`, `mean`, `samples`, and in its metadata the rest.
 *
 * @returns bytes, the same for the same recording.
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { type PortraitClip, savePortraitClip } from '@lipsync/portraits';
 * declare const clip: PortraitClip;
 * await writeFile('talk.safetensors', savePortraitClip(clip));
 */
export function savePortraitClip({ track, fps, audio }: PortraitClip): Uint8Array {
  const { frameCount, faces, poses, mean, firstFrame, camera, error } = track;
  const array = (data: Float32Array, ...shape: number[]): NamedArray => ({ dtype: 'float32', shape, data });
  const facts = { fps, firstFrame, camera, error, sampleRate: audio.sampleRate };
  return encodeSafetensors(
    new Map([
      ['faces', array(faces, frameCount, FACE_POINTS, 3)],
      ['poses', array(poses, frameCount, 6)],
      ['mean', array(mean, FACE_POINTS, 3)],
      ['samples', array(audio.samples, audio.samples.length)],
    ]),
    { format: FORMAT, facts: JSON.stringify(facts) },
  );
}

/**
 * Reads a file of `savePortraitClip`.
 *
 * @param source path, URL, Blob or bytes.
 * @throws Error for what is no safetensors file; TypeError for one of another kind, or with arrays of other shapes.
 * @example
 * import { loadPortraitClip } from '@lipsync/portraits';
 * const { track, audio } = await loadPortraitClip('talk.safetensors');
 */
export async function loadPortraitClip(source: ByteInput): Promise<PortraitClip> {
  const where = 'loadPortraitClip';
  const bytes = await openByteSource(source);
  try {
    const { tensors, metadata } = decodeSafetensors(await bytes.read(0, bytes.size));
    if (metadata.format !== FORMAT) fail(TypeError, where, 'source', `a file with format "${FORMAT}"`, metadata.format);
    const facts = factsOf(where, metadata.facts);
    const read = (name: string, ...shape: (number | undefined)[]) => {
      const array = tensors.get(name);
      const good =
        array?.shape.length === shape.length && shape.every((side, i) => side === undefined || side === array.shape[i]);
      if (array?.dtype !== 'float32' || !good)
        fail(
          TypeError,
          where,
          name,
          `float32 [${shape.map((side) => side ?? 'any').join(', ')}]`,
          array ? `${array.dtype} [${array.shape}]` : 'none',
        );
      return array.data.slice();
    };
    const poses = read('poses', undefined, 6);
    const frameCount = poses.length / 6;
    const { fps, firstFrame, camera, error, sampleRate } = facts;
    const mean = read('mean', FACE_POINTS, 3);
    const faces = read('faces', frameCount, FACE_POINTS, 3);
    const audio = { samples: read('samples', undefined), sampleRate };
    return { track: { firstFrame, frameCount, faces, poses, mean, camera, error }, fps, audio };
  } finally {
    await bytes.close();
  }
}

type Facts = Pick<PortraitTrack, 'firstFrame' | 'camera' | 'error'> & { fps: number; sampleRate: number };

function factsOf(where: string, text: string | undefined): Facts {
  let facts: Facts | null = null;
  try {
    facts = JSON.parse(text ?? '') as Facts | null;
  } catch {
    // refused below
  }
  const { camera, error } = facts ?? {};
  const numbers = [
    facts?.fps,
    facts?.firstFrame,
    facts?.sampleRate,
    camera?.focal,
    camera?.x,
    camera?.y,
    error?.generic,
    error?.person,
  ];
  if (!facts || !numbers.every((value) => typeof value === 'number' && Number.isFinite(value)))
    fail(TypeError, where, 'metadata.facts', 'frame rates, camera and errors', text);
  return facts;
}
