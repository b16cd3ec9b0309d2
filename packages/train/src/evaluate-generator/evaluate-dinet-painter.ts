import type { Clip, ImageProcessor } from '@lipsync/dataloader';
import type { DinetGenerator, DinetReferences } from '@lipsync/dinet';
import { disposeReferences } from '@lipsync/dinet';
import type { FeaturesAround } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';

/** RGB, 0..255, row by row. */
export type ByteFrame = { data: Uint8Array; height: number; width: number };

/** Paints all frames of a clip, each set of references encoded once. */
export class ClipGenerator {
  constructor(
    readonly generator: DinetGenerator,
    readonly images: ImageProcessor,
    readonly batch: number,
  ) {}

  /** @returns the painted frames, 8 bits, once an audio track. */
  async generate(clip: Clip, sets: readonly number[][], audios: readonly FeaturesAround[]): Promise<Uint8Array[]> {
    const { generator, images } = this;
    const size = { height: images.height, width: images.width };
    const bytes = size.height * size.width * 3;
    const out = audios.map(() => new Uint8Array(sets.length * bytes));
    const bySet = new Map<string, number[]>();
    sets.forEach((set, frame) => bySet.set(set.join(), [...(bySet.get(set.join()) ?? []), frame]));
    const heard = await Promise.all(audios.map((audio) => windowsOf(audio, sets.length)));
    const { bins, steps } = generator.config.audio;
    for (const frames of bySet.values()) {
      const shown = sets[frames[0]].map((frame) => frameOf(clip.frames, frame, size).data);
      const references: DinetReferences = tf.tidy(() =>
        generator.encodeReferences(
          tf.concat(
            shown.map((frame) => facesOf([frame], size)),
            3,
          ),
        ),
      );
      try {
        for (let first = 0; first < frames.length; first += this.batch) {
          const some = frames.slice(first, first + this.batch);
          for (const [k, windows] of heard.entries()) {
            const generated = tf.tidy(() => {
              const faces = facesOf(
                some.map((frame) => frameOf(clip.frames, frame, size).data),
                size,
              );
              const audio = tf.stack(some.map((frame) => tf.tensor2d(windows[frame], [bins, steps]))) as tf.Tensor3D;
              return generator.generate(images.masked(faces), references, audio);
            });
            const data = await bytesOf(generated);
            some.forEach((frame, i) => out[k].set(data.subarray(i * bytes, (i + 1) * bytes), frame * bytes));
          }
        }
      } finally {
        disposeReferences(references);
      }
    }
    return out;
  }
}

async function windowsOf(audio: FeaturesAround, count: number): Promise<Float32Array[]> {
  const windows: Float32Array[] = [];
  for (let frame = 0; frame < count; frame++) windows.push(await audio.window(frame));
  await audio.close();
  return windows;
}

/** `[n, height, width, 3]`, 0..1. */
export function facesOf(
  frames: readonly Uint8Array[],
  { height, width }: { height: number; width: number },
): tf.Tensor4D {
  const values = new Float32Array(frames.length * height * width * 3);
  frames.forEach((frame, i) => {
    for (let k = 0, to = i * frame.length; k < frame.length; k++, to++) values[to] = frame[k] / 255;
  });
  return tf.tensor4d(values, [frames.length, height, width, 3]);
}

/** Frames of 0..1 as 8 bits; disposes them. */
export async function bytesOf(faces: tf.Tensor4D): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await faces.data(), (value) => Math.round(Math.min(1, Math.max(0, value)) * 255));
  } finally {
    faces.dispose();
  }
}

/** A view of one of many frames. */
export function frameOf(
  frames: Uint8Array,
  index: number,
  { height, width }: { height: number; width: number },
): ByteFrame {
  const bytes = height * width * 3;
  return { data: frames.subarray(index * bytes, (index + 1) * bytes), height, width };
}

/** The mouth box of a face image. */
export function mouthOf({ data, width }: ByteFrame, mouth: number): ByteFrame {
  const box = new Uint8Array(mouth * mouth * 3);
  const left = (width - mouth) / 2;
  for (let row = 0; row < mouth; row++) {
    const from = ((row + mouth / 2) * width + left) * 3;
    box.set(data.subarray(from, from + mouth * 3), row * mouth * 3);
  }
  return { data: box, height: mouth, width: mouth };
}
