import { fail, type ImageBox } from '@lipsync/contracts';

export type FacePatchOptions = {
  /** Height and width of the generated face images. */
  image: { height: number; width: number };
  /** The part of them that is laid over the frame, pixels, not always whole ones. */
  part: ImageBox;
  /** Height and width of that part in the video's frames, whole pixels. */
  size: { height: number; width: number };
  /** Width of the soft edge inside the part, as a share of its shorter side. Default 1/16. */
  feather?: number;
};

/**
 * Lays generated faces over frames of a video.
 *
 * The part of the generated face image is resized to its size in the frame by a Catmull-Rom kernel with half-pixel
 * centres, which is widened where the part shrinks; at the part's edges the kernel reads the pixels of the face image
 * beyond it. The result is blended over the frame with a weight that rises smoothly from 0 at the part's edge to 1 a
 * `feather` of the shorter side inside. Pixels outside stay as they are. DINet's code pastes all rows above the mouth
 * box's lower edge, Wav2Lip's the whole face image, both with hard edges.
 *
 * @throws RangeError for options outside of their ranges.
 * @example
 * const [image, part] = [{ height: 104, width: 80 }, { top: 32, left: 8, height: 64, width: 64 }];
 * new FacePatch({ image, part, size: { height: 180, width: 180 } }).paste(frame, face, { left: 200, top: 310 });
 */
export class FacePatch {
  readonly #size: { height: number; width: number };
  readonly #width: number;
  readonly #height: number;
  readonly #rows: Taps[];
  readonly #columns: Taps[];
  readonly #down: Float32Array;
  readonly #across: Float32Array;
  readonly #line: Float32Array;

  constructor({ image, part, size, feather = 1 / 16 }: FacePatchOptions) {
    const where = 'FacePatch';
    for (const side of [size.height, size.width])
      if (!(Number.isInteger(side) && side > 0))
        fail(RangeError, where, 'options.size', 'whole numbers of pixels above 0', size);
    if (!(part.height > 0 && part.width > 0)) fail(RangeError, where, 'options.part', 'above 0 on both sides', part);
    if (!(feather >= 0 && feather <= 0.5)) fail(RangeError, where, 'options.feather', 'from 0 to 0.5', feather);
    [this.#size, this.#height, this.#width] = [size, image.height, image.width];
    this.#rows = taps(part.top, part.height, size.height, image.height);
    this.#columns = taps(part.left, part.width, size.width, image.width);
    const edge = feather * Math.min(size.height, size.width);
    const weights = (side: number) =>
      Float32Array.from({ length: side }, (_, i) => {
        const inside = Math.min(i + 0.5, side - i - 0.5);
        const t = edge > 0 ? Math.min(1, inside / edge) : 1;
        return t * t * (3 - 2 * t);
      });
    this.#down = weights(size.height);
    this.#across = weights(size.width);
    this.#line = new Float32Array(image.height * size.width * 3);
  }

  /**
   * @param frame RGB, 0..255; changed in place. Parts outside of it are left out.
   * @param face the generated face image `[height, width, 3]`, RGB, 0..1.
   * @param at the part's upper left corner in the frame, whole pixels.
   */
  paste(frame: VideoImage, face: Float32Array, { left, top }: { left: number; top: number }): void {
    const where = 'FacePatch.paste';
    const [width, height] = [this.#width, this.#height];
    if (face.length !== height * width * 3)
      fail(TypeError, where, 'face', `${height} x ${width} x 3 values`, face.length);
    if (!(Number.isInteger(left) && Number.isInteger(top)))
      fail(RangeError, where, 'left and top', 'whole pixels', [left, top]);
    this.#resizeRows(face);
    this.#blend(frame, left, top);
  }

  /** Resizes each row of the face image that the part needs. */
  #resizeRows(generated: Float32Array): void {
    const [width, side, line] = [this.#width, this.#size.width, this.#line];
    const last = this.#rows[this.#rows.length - 1];
    for (let row = this.#rows[0].first; row < last.first + last.weights.length; row++) {
      for (let j = 0; j < side; j++) {
        const { first, weights } = this.#columns[j];
        let [red, green, blue] = [0, 0, 0];
        for (let k = 0, at = (row * width + first) * 3; k < weights.length; k++, at += 3) {
          red += weights[k] * generated[at];
          green += weights[k] * generated[at + 1];
          blue += weights[k] * generated[at + 2];
        }
        line.set([red, green, blue], (row * side + j) * 3);
      }
    }
  }

  /** Resizes the columns and blends the result over the frame. */
  #blend(frame: VideoImage, left: number, top: number): void {
    const [{ height, width: side }, line] = [this.#size, this.#line];
    const { data } = frame;
    for (let i = Math.max(0, -top); i < Math.min(height, frame.height - top); i++) {
      const { first, weights } = this.#rows[i];
      for (let j = Math.max(0, -left); j < Math.min(side, frame.width - left); j++) {
        const weight = this.#down[i] * this.#across[j];
        const out = ((top + i) * frame.width + left + j) * 3;
        for (let colour = 0; colour < 3; colour++) {
          let value = 0;
          for (let k = 0; k < weights.length; k++) value += weights[k] * line[((first + k) * side + j) * 3 + colour];
          const bounded = value < 0 ? 0 : value > 1 ? 255 : 255 * value;
          data[out + colour] = Math.round(data[out + colour] * (1 - weight) + bounded * weight);
        }
      }
    }
  }
}

/** An image that is changed in place: RGB, 0..255, row-major. */
type VideoImage = { data: Uint8Array; width: number; height: number };

/** The input pixels of one output pixel: neighbours in a row, and their weights. */
type Taps = { first: number; weights: Float32Array };

function taps(start: number, length: number, side: number, limit: number): Taps[] {
  const scale = length / side;
  const wide = Math.max(1, scale); // a kernel as wide as what it shrinks
  return Array.from({ length: side }, (_, i) => {
    const centre = start + (i + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - 2 * wide));
    const last = Math.min(limit - 1, Math.floor(centre + 2 * wide));
    const weights = Float32Array.from({ length: last - first + 1 }, (_, k) => catmullRom((first + k - centre) / wide));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function catmullRom(distance: number): number {
  const x = Math.abs(distance);
  if (x >= 2) return 0;
  return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2;
}
