import type { Clip, ImageProcessor } from '@lipsync/dataloader';
import { disposeReferences } from '@lipsync/dinet';
import type { DinetGenerator, DinetReferences } from '@lipsync/dinet';
import * as tf from '@tensorflow/tfjs-core';
import type { SoundAround } from '@lipsync/sync-windows';

/** RGB, 0..255, row by row. */
export type BytePicture = { data: Uint8Array; height: number; width: number };

/** Paints all pictures of a clip, each set of references encoded once. */
export class ClipPainter {
  constructor(
    readonly generator: DinetGenerator,
    readonly images: ImageProcessor,
    readonly batch: number,
  ) {}

  /** @returns the painted pictures, 8 bits, once a sound. */
  async paint(clip: Clip, sets: readonly number[][], sounds: readonly SoundAround[]): Promise<Uint8Array[]> {
    const { generator, images } = this;
    const size = { height: images.height, width: images.width };
    const bytes = size.height * size.width * 3;
    const out = sounds.map(() => new Uint8Array(sets.length * bytes));
    const bySet = new Map<string, number[]>();
    sets.forEach((set, picture) => bySet.set(set.join(), [...(bySet.get(set.join()) ?? []), picture]));
    const heard = await Promise.all(sounds.map((sound) => windowsOf(sound, sets.length)));
    const { bins, steps } = generator.config.audio;
    for (const pictures of bySet.values()) {
      const shown = sets[pictures[0]].map((frame) => pictureOf(clip.frames, frame, size).data);
      const references: DinetReferences = tf.tidy(() => generator.encodeReferences(tf.concat(shown.map((picture) => facesOf([picture], size)), 3)));
      try {
        for (let first = 0; first < pictures.length; first += this.batch) {
          const some = pictures.slice(first, first + this.batch);
          for (const [k, windows] of heard.entries()) {
            const painted = tf.tidy(() => {
              const faces = facesOf(some.map((frame) => pictureOf(clip.frames, frame, size).data), size);
              const audio = tf.stack(some.map((frame) => tf.tensor2d(windows[frame], [bins, steps]))) as tf.Tensor3D;
              return generator.paint(images.masked(faces), references, audio);
            });
            const data = await bytesOf(painted);
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

async function windowsOf(sound: SoundAround, count: number): Promise<Float32Array[]> {
  const windows: Float32Array[] = [];
  for (let picture = 0; picture < count; picture++) windows.push(await sound.window(picture));
  await sound.close();
  return windows;
}

/** `[n, height, width, 3]`, 0..1. */
export function facesOf(pictures: readonly Uint8Array[], { height, width }: { height: number; width: number }): tf.Tensor4D {
  const values = new Float32Array(pictures.length * height * width * 3);
  pictures.forEach((picture, i) => {
    for (let k = 0, to = i * picture.length; k < picture.length; k++, to++) values[to] = picture[k] / 255;
  });
  return tf.tensor4d(values, [pictures.length, height, width, 3]);
}

/** Pictures of 0..1 as 8 bits; disposes them. */
export async function bytesOf(faces: tf.Tensor4D): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await faces.data(), (value) => Math.round(Math.min(1, Math.max(0, value)) * 255));
  } finally {
    faces.dispose();
  }
}

/** A view of one of many pictures. */
export function pictureOf(frames: Uint8Array, index: number, { height, width }: { height: number; width: number }): BytePicture {
  const bytes = height * width * 3;
  return { data: frames.subarray(index * bytes, (index + 1) * bytes), height, width };
}

/** The mouth box of a face image. */
export function mouthOf({ data, width }: BytePicture, mouth: number): BytePicture {
  const box = new Uint8Array(mouth * mouth * 3);
  const left = (width - mouth) / 2;
  for (let row = 0; row < mouth; row++) {
    const from = ((row + mouth / 2) * width + left) * 3;
    box.set(data.subarray(from, from + mouth * 3), row * mouth * 3);
  }
  return { data: box, height: mouth, width: mouth };
}
