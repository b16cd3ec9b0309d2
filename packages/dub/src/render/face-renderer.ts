import { type FrameRegion, fail, hiddenBox, type ImageBox, type StoredCrop, type VideoFrame } from '@lipsync/contracts';
import type { EncodedReferences, FaceGenerator } from '@lipsync/contracts/tensors';
import type { CropPlan } from '@lipsync/face-crop';
import * as tf from '@tensorflow/tfjs-core';
import { FacePatch } from './face-patch';
import { matchColours } from './match-colours';

export type FaceRendererOptions = {
  /** Borrowed. */
  generator: FaceGenerator;
  /** The face images that the generator takes. */
  crop: StoredCrop;
  /** See `FacePatchOptions`. */
  feather?: number;
  /** Whether generated faces get the colours of the frame around the hidden part. */
  colours: 'matched' | 'as generated';
  /** Where the face images lie. */
  plan: CropPlan;
  /** Of the video's frames. */
  frameSize: { width: number; height: number };
};

/** A face image in a frame, the audio around it, and where it lies in the frame. */
type Face = { image: Uint8Array; audio: Float32Array; region: FrameRegion };

/** Pixels of face images in the network at once: 16 of 104 x 80. */
const PIXELS_AT_ONCE = 16 * 104 * 80;
/** Bytes of whole frames that wait for the network. */
const BYTES_AT_ONCE = 64 * 2 ** 20;

/** Generates one face in frames of a video, a batch of frames at a time. */
export class FaceRenderer {
  /** Frames with a generated mouth so far. */
  generated = 0;
  /** Seconds spent in the network so far. */
  networkSeconds = 0;
  readonly #options: FaceRendererOptions;
  readonly #hidden: ImageBox;
  /** The part that is laid over the frame. */
  readonly #part: ImageBox;
  readonly #batch: number;
  readonly #waiting: { frame: VideoFrame; face?: Face }[] = [];
  #references?: EncodedReferences;
  #patch?: { key: string; patch: FacePatch };

  constructor(options: FaceRendererOptions) {
    const { generator, plan, crop, frameSize } = options;
    this.#options = options;
    const { height, width } = plan;
    const { hidden, laid } = generator.recipe;
    this.#hidden = hiddenBox(hidden, { height, width, crop });
    this.#part = laid === 'face image' ? { top: 0, left: 0, height, width } : this.#hidden;
    const faces = Math.floor(PIXELS_AT_ONCE / (width * height));
    const frames = Math.floor(BYTES_AT_ONCE / (frameSize.width * frameSize.height * 3));
    this.#batch = Math.max(1, Math.min(16, faces, frames));
  }

  /**
   * Sets the references of all frames. Without any, each frame is its own reference.
   *
   * @param images RGB face images `[height, width, 3]`, 0..255, as many as the generator takes.
   */
  async encodeReferences(images: readonly Uint8Array[]): Promise<void> {
    const { height, width } = this.#options.plan;
    const values = new Float32Array(height * width * images.length * 3);
    images.forEach((image, slot) => {
      for (let p = 0; p < height * width; p++) {
        for (let colour = 0; colour < 3; colour++)
          values[(p * images.length + slot) * 3 + colour] = image[3 * p + colour] / 255;
      }
    });
    const references = tf.tensor4d(values, [1, height, width, images.length * 3]);
    try {
      this.#references = this.#options.generator.encodeReferences(references);
    } finally {
      references.dispose();
    }
  }

  /**
   * Adds a frame to the batch. Its data is written to by `render`.
   *
   * @param face its index in the track and the features around it `[bins, steps]`; undefined where the frame does not
   *   show the face.
   */
  add(frame: VideoFrame, face?: { index: number; audio: Float32Array }): void {
    this.#waiting.push({ frame, ...(face ? { face: this.#faceOf(frame, face) } : {}) });
  }

  /** Whether the batch is full: `render` it before the next frame. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#batch;
  }

  /** Generates the mouths of the batch and returns its frames, in order; empty where none were added. */
  async render(): Promise<VideoFrame[]> {
    const batch = this.#waiting.splice(0);
    const faces = batch.flatMap(({ frame, face }) => (face ? [{ frame, face }] : []));
    if (faces.length > 0) {
      const started = performance.now();
      const images = await this.#generate(faces.map(({ face }) => face));
      this.networkSeconds += (performance.now() - started) / 1000;
      const length = images.length / faces.length;
      faces.forEach(({ frame, face }, i) => this.#lay(frame, face, images.subarray(i * length, (i + 1) * length)));
      this.generated += faces.length;
    }
    return batch.map(({ frame }) => frame);
  }

  dispose(): void {
    if (this.#references) tf.dispose(Object.values(this.#references));
    this.#references = undefined;
  }

  #faceOf(frame: VideoFrame, { index, audio }: { index: number; audio: Float32Array }): Face {
    const { plan, crop } = this.#options;
    if (!plan.region)
      return fail(TypeError, 'dubVideo', 'generator', 'one of face images that are not turned', crop.kind);
    return { image: plan.cut(frame, index), audio, region: plan.region(index) };
  }

  /** Lays one generated face image over its frame. */
  #lay(frame: VideoFrame, { image, region }: Face, generated: Float32Array): void {
    const { plan, feather, colours } = this.#options;
    const shape = { height: plan.height, width: plan.width };
    if (colours === 'matched') matchColours(generated, image, { ...shape, hidden: this.#hidden });
    const part = this.#part;
    const rows = wholePixels(region.top, region.height / shape.height, part.top, part.height);
    const columns = wholePixels(region.left, region.width / shape.width, part.left, part.width);
    const size = { height: rows.length, width: columns.length };
    const key = [size.height, size.width, rows.from, rows.span, columns.from, columns.span].join();
    if (this.#patch?.key !== key) {
      const seen = { top: rows.from, height: rows.span, left: columns.from, width: columns.span };
      this.#patch = { key, patch: new FacePatch({ image: shape, part: seen, size, feather }) };
    }
    this.#patch.patch.paste(frame, generated, { left: columns.first, top: rows.first });
  }

  /** The generator's face images `[faces, height, width, 3]`, 0..1. */
  async #generate(faces: readonly Face[]): Promise<Float32Array> {
    const { generator, plan } = this.#options;
    const { bins, steps } = generator.recipe.audio;
    const shape: [number, number, number, number] = [faces.length, plan.height, plan.width, 3];
    const length = plan.height * plan.width * 3;
    const seen = new Float32Array(faces.length * length);
    const audio = new Float32Array(faces.length * bins * steps);
    faces.forEach((face, i) => {
      for (let k = 0; k < length; k++) seen[i * length + k] = face.image[k] / 255;
      audio.set(face.audio, i * bins * steps);
    });
    const masked = seen.slice();
    const { top, left, height, width } = this.#hidden;
    for (let i = 0; i < faces.length; i++)
      for (let row = top; row < top + height; row++)
        masked.fill(0, i * length + (row * plan.width + left) * 3, i * length + (row * plan.width + left + width) * 3);
    const images = tf.tidy(() => {
      const references = this.#references ?? generator.encodeReferences(tf.tensor4d(seen, shape));
      return generator.generate(
        tf.tensor4d(masked, shape),
        references,
        tf.tensor3d(audio, [faces.length, bins, steps]),
      );
    });
    try {
      return (await images.data()) as Float32Array;
    } finally {
      images.dispose();
    }
  }
}

/**
 * The whole pixels of a frame that a stretch of a face image covers, and the stretch that they show.
 *
 * @param start of the face image in the frame. @param scale pixels of the frame a pixel of the face image.
 */
function wholePixels(start: number, scale: number, from: number, length: number) {
  const first = Math.round(start + from * scale);
  const end = Math.max(first + 1, Math.round(start + (from + length) * scale));
  return { first, length: end - first, from: (first - start) / scale, span: (end - first) / scale };
}
