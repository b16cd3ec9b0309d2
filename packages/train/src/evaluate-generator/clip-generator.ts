import type { EncodedReferences, FaceGenerator } from '@lipsync/contracts/tensors';
import type { Clip, ImageProcessor } from '@lipsync/dataloader';
import { headBox } from '@lipsync/face-crop';
import type { FeaturesAround } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';

/** RGB, 0..255, row by row. */
export type ByteFrame = { data: Uint8Array; height: number; width: number };

/** Generates all frames of a clip; each set of references is encoded once. */
export class ClipGenerator {
  readonly generator: FaceGenerator;
  readonly #images: ImageProcessor;
  readonly #batch: number;

  /** @param batch frames in the generator at a time. */
  constructor(generator: FaceGenerator, images: ImageProcessor, batch: number) {
    this.generator = generator;
    this.#images = images;
    this.#batch = batch;
  }

  /**
   * @param sets indices of the references of each frame.
   * @returns the generated frames once for each audio, RGB `[frames, height, width, 3]`, 0..255.
   */
  async generate(
    clip: Pick<Clip, 'frames'>,
    sets: readonly number[][],
    audios: readonly FeaturesAround[],
  ): Promise<Uint8Array[]> {
    const size = { height: this.#images.height, width: this.#images.width };
    const bytes = size.height * size.width * 3;
    const out = audios.map(() => new Uint8Array(sets.length * bytes));
    const bySet = new Map<string, number[]>();
    sets.forEach((set, frame) => bySet.set(set.join(), [...(bySet.get(set.join()) ?? []), frame]));
    const windows = await Promise.all(audios.map((audio) => windowsOf(audio, sets.length)));
    for (const frames of bySet.values()) {
      const shown = sets[frames[0]].map((frame) => frameOf(clip.frames, frame, size).data);
      const references = this.#encode(shown, size);
      try {
        for (let first = 0; first < frames.length; first += this.#batch) {
          const some = frames.slice(first, first + this.#batch);
          const faces = some.map((frame) => frameOf(clip.frames, frame, size).data);
          for (const [k, audio] of windows.entries()) {
            const data = await this.#frames(faces, references, { size, audio: some.map((frame) => audio[frame]) });
            some.forEach((frame, i) => out[k].set(data.subarray(i * bytes, (i + 1) * bytes), frame * bytes));
          }
        }
      } finally {
        tf.dispose(Object.values(references));
      }
    }
    return out;
  }

  #encode(shown: Uint8Array[], size: { height: number; width: number }): EncodedReferences {
    return tf.tidy(() =>
      this.generator.encodeReferences(
        tf.concat(
          shown.map((frame) => facesOf([frame], size)),
          3,
        ),
      ),
    );
  }

  #frames(
    faces: Uint8Array[],
    references: EncodedReferences,
    { size, audio }: { size: { height: number; width: number }; audio: Float32Array[] },
  ): Promise<Uint8Array> {
    const { bins, steps } = this.generator.recipe.audio;
    return bytesOf(
      tf.tidy(() => {
        const windows = tf.stack(audio.map((window) => tf.tensor2d(window, [bins, steps]))) as tf.Tensor3D;
        return this.generator.generate(this.#images.masked(facesOf(faces, size)), references, windows);
      }),
    );
  }
}

async function windowsOf(audio: FeaturesAround, count: number): Promise<Float32Array[]> {
  const windows: Float32Array[] = [];
  for (let frame = 0; frame < count; frame++) windows.push(await audio.window(frame));
  await audio.close();
  return windows;
}

/** Face images as a float32 tensor `[n, height, width, 3]`, 0..1; the caller disposes it. */
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

/** A tensor of frames in 0..1 as 8 bits; disposes the tensor. */
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
  const { top, left } = headBox(mouth);
  for (let row = 0; row < mouth; row++) {
    const from = ((row + top) * width + left) * 3;
    box.set(data.subarray(from, from + mouth * 3), row * mouth * 3);
  }
  return { data: box, height: mouth, width: mouth };
}
