import type { VideoFrame } from '@lipsync/contracts';
import { type DinetGenerator, type DinetReferences, disposeReferences } from '@lipsync/dinet';
import { type CropPlan, type HeadBox, headBox } from '@lipsync/face-crop';
import * as tf from '@tensorflow/tfjs-core';
import { MouthPatch } from './mouth-patch';

export type MouthRendererOptions = {
  /** Borrowed. */
  generator: DinetGenerator;
  /** Side of the mouth box in pixels that the generator was trained with. */
  mouth: number;
  /** See `MouthPatchOptions`. */
  feather?: number;
  /** Where the head crops of the face lie. */
  plan: CropPlan;
  /** Of the video's frames. */
  frameSize: { width: number; height: number };
};

/** A face image in a frame, the audio around it, and where its mouth box lies in the frame. */
type Face = { image: Uint8Array; audio: Float32Array; left: number; top: number };

/** Pixels of face images in the network at once: 16 of 104 x 80. */
const PIXELS_AT_ONCE = 16 * 104 * 80;
/** Bytes of whole frames that wait for the network. */
const BYTES_AT_ONCE = 64 * 2 ** 20;

/** Generates the mouth of one face in frames of a video, a batch of frames at a time. */
export class MouthRenderer {
  /** Frames with a generated mouth so far. */
  generated = 0;
  /** Seconds spent in the network so far. */
  networkSeconds = 0;
  readonly #options: MouthRendererOptions;
  readonly #head: HeadBox;
  readonly #patch: MouthPatch;
  readonly #batch: number;
  readonly #waiting: { frame: VideoFrame; face?: Face }[] = [];
  #references?: DinetReferences;

  constructor(options: MouthRendererOptions) {
    const { mouth, feather, plan, frameSize } = options;
    this.#options = options;
    this.#head = headBox(mouth);
    this.#patch = new MouthPatch({ mouth, side: plan.poses[2], feather });
    const faces = Math.floor(PIXELS_AT_ONCE / (this.#head.width * this.#head.height));
    const frames = Math.floor(BYTES_AT_ONCE / (frameSize.width * frameSize.height * 3));
    this.#batch = Math.max(1, Math.min(16, faces, frames));
  }

  /** @param images RGB face images `[height, width, 3]`, 0..255, as many as the generator takes. */
  async encodeReferences(images: readonly Uint8Array[]): Promise<void> {
    const { height, width } = this.#head;
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
      const length = this.#head.height * this.#head.width * 3;
      faces.forEach(({ frame, face }, i) =>
        this.#patch.paste(frame, images.subarray(i * length, (i + 1) * length), face),
      );
      this.generated += faces.length;
    }
    return batch.map(({ frame }) => frame);
  }

  dispose(): void {
    if (this.#references) disposeReferences(this.#references);
    this.#references = undefined;
  }

  #faceOf(frame: VideoFrame, { index, audio }: { index: number; audio: Float32Array }): Face {
    const { plan } = this.#options;
    const [x, y, side] = plan.poses.subarray(4 * index, 4 * index + 4);
    return { image: plan.cut(frame, index), audio, left: x - side / 2, top: y - side / 2 };
  }

  /** The generator's face images `[faces, height, width, 3]`, 0..1. */
  async #generate(faces: readonly Face[]): Promise<Float32Array> {
    const { generator } = this.#options;
    const { height, width, top, left, mouth } = this.#head;
    const { bins, steps } = generator.config.audio;
    const length = height * width * 3;
    const masked = new Float32Array(faces.length * length);
    const audio = new Float32Array(faces.length * bins * steps);
    faces.forEach((face, i) => {
      const image = masked.subarray(i * length, (i + 1) * length);
      for (let k = 0; k < length; k++) image[k] = face.image[k] / 255;
      for (let row = top; row < top + mouth; row++)
        image.fill(0, (row * width + left) * 3, (row * width + left + mouth) * 3);
      audio.set(face.audio, i * bins * steps);
    });
    const images = tf.tidy(() =>
      generator.generate(
        tf.tensor4d(masked, [faces.length, height, width, 3]),
        this.#references!,
        tf.tensor3d(audio, [faces.length, bins, steps]),
      ),
    );
    try {
      return (await images.data()) as Float32Array;
    } finally {
      images.dispose();
    }
  }
}
